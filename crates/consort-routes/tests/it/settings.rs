//! Routes from settings: what is understood, what is broken and where, and what a reload keeps.
use crate::support::*;
use consort_core::{Error, ErrorKind, Model, Provider};
use consort_routes::{Ledger, MemoryLedger, Registry, RouteProvider};
use consort_settings::{Env, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Some models and a place for settings.
struct Place {
    folder: tempfile::TempDir,
    models: BTreeMap<String, Arc<Scripted>>,
    registry: Registry,
    ledger: Arc<dyn Ledger>,
}

impl Place {
    fn new(models: impl IntoIterator<Item = Arc<Scripted>>) -> Self {
        let models = models.into_iter().map(|model| (model.card().id.clone(), model)).collect();
        let folder = tempfile::tempdir().unwrap();
        Self { folder, models, registry: Registry::default(), ledger: Arc::new(MemoryLedger::default()) }
    }

    fn load_both(&self, user: &str, project: &str) -> (RouteProvider, Vec<String>) {
        let path = |name| self.folder.path().join(name);
        std::fs::write(path("consort.toml"), user).unwrap();
        std::fs::write(path("project.toml"), project).unwrap();
        let (settings, problems) =
            Settings::load_from(&path("consort.toml"), Some(&path("project.toml")), &Env::default());
        let resolve = |name: &str| match self.models.get(name) {
            Some(model) => Ok(model.clone() as Arc<dyn Model>),
            None => Err(Error::new(ErrorKind::ModelNotFound, format!("no model is named `{name}`"))),
        };
        let provider = RouteProvider::load(&settings.routes, &resolve, &self.registry, &self.ledger);
        let prefix = format!("{}/", self.folder.path().display());
        let broken = provider.rows().iter().flat_map(|row| &row.problems);
        let all = problems.iter().chain(broken).map(|problem| problem.to_string().replace(&prefix, ""));
        let all = all.collect();
        (provider, all)
    }

    fn load(&self, user: &str) -> (RouteProvider, Vec<String>) {
        self.load_both(user, "")
    }
}

fn three() -> Place {
    Place::new(["a", "b", "c"].map(|name| Scripted::new(name, [answers(name)])))
}

async fn answer(provider: &RouteProvider, name: &str) -> Seen {
    let route = provider.row(name).unwrap().route.clone().unwrap();
    ask(&route).await
}

#[tokio::test(start_paused = true)]
async fn everything_can_be_set() {
    let place = three();
    let (provider, problems) = place.load(
        r#"
        [routes.fast]
        targets = ["a/m", { model = "b/m", weight = 3, self_retrying = true }]
        too_long = ["c/m"]
        filtered = ["c/m"]
        order = "weighted"
        timeout = 90
        first_event = 10.5
        idle = 5
        retries = 3
        breaker = false
        limit = { parallel = 8 }
        limits.a = { requests_per_minute = 60, burst = 3, wait = 10 }
        limits."a/m" = { tokens_per_minute = 100_000 }
        cache = "cold"
        cache_seconds = 60
        hedge = 2.5
        budgets = [{ per = "key", period = "day", soft = 1.5, hard = 2 }]

        [routes.over]
        targets = ["route/fast", "c/m"]
        "#,
    );
    assert!(problems.is_empty(), "{problems:?}");
    let names: Vec<String> =
        provider.models().await.unwrap().iter().map(|model| model.card().id.clone()).collect();
    assert_eq!(names, ["route/fast", "route/over"]);
    let spec = provider.row("fast").unwrap().spec.as_ref().unwrap();
    assert_eq!(spec.timeouts.first_event, Some(Duration::from_millis(10_500)));
    assert_eq!(spec.retry.as_ref().unwrap().most, 3);
    assert_eq!(spec.budgets[0].hard, Some(consort_core::Money::from_dollars(2.0)));
    let limits: Vec<&str> = provider.row("fast").unwrap().route.as_ref().unwrap().targets()[0]
        .limits()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(limits, ["a", "a/m"]);
    assert_eq!(answer(&provider, "over").await.outcome(), "ok");
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_a_row_with_its_line_and_the_rest_works() {
    let place = three();
    let (provider, problems) = place.load(
        r#"
[routes.good]
targets = ["a/m"]
[routes.missing]
targets = ["a/m",
  "nobody/has-it"]
[routes.one]
targets = ["route/two"]
[routes.two]
targets = ["route/one"]
[routes.negative]
targets = ["a/m"]
limits.a = { requests_per_minute = -5 }
[routes.unknown]
targets = ["a/m"]
retrys = 3
[routes.empty]
targets = []
[routes.types]
targets = "a/m"
timeout = -1
order = "random"
budgets = [{ per = "day" }]
[routes."bad name"]
targets = ["a/m"]
[routes.self]
targets = ["route/self"]
[routes.leans]
targets = ["route/empty"]
"#,
    );
    let mut problems = problems;
    problems.sort_by_key(|problem| problem.split(':').nth(1).and_then(|line| line.parse::<usize>().ok()));
    assert_eq!(
        problems,
        [
            "consort.toml:6: no model is named `nobody/has-it`",
            "consort.toml:8: the route `two` is broken itself",
            "consort.toml:10: the routes go in a circle: one, two, one",
            "consort.toml:13: `requests_per_minute` must be a whole number from 1 to 1000000",
            "consort.toml:16: `retrys` is not a field here",
            "consort.toml:17: the route has no targets",
            "consort.toml:20: `targets` must be a list",
            "consort.toml:21: `timeout` must be a number of seconds, more than 0 and at most a day",
            "consort.toml:22: `order` must be `listed` or `weighted` or `latency`",
            "consort.toml:23: `per` must be `all` or `key` or `model`",
            "consort.toml:23: a budget must have `soft` or `hard`, in dollars",
            "consort.toml:24: the name of a route is made of letters, digits and `-`, `_`, `.`, `+`",
            "consort.toml:27: the routes go in a circle: self, self",
            "consort.toml:29: the route `empty` is broken itself",
        ]
    );
    assert_eq!(provider.models().await.unwrap().len(), 1);
    assert_eq!(answer(&provider, "good").await.outcome(), "ok");
    assert!(provider.model("missing").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_cloned_repository_names_models_and_nothing_more() {
    let place = three();
    let (provider, problems) = place.load_both(
        "[routes.mine]\ntargets = ['a/m']\n",
        "[routes.mine]\ntargets = ['b/m']\n[routes.theirs]\ntargets = ['b/m']\nretries = 1\n\
         [routes.greedy]\ntargets = ['b/m']\nhedge = true\n",
    );
    assert_eq!(
        problems,
        [
            "project.toml:1: the route `mine` is in your own settings, which count",
            "project.toml:8: a project's file may not set `hedge`: routes may name models here",
        ]
    );
    assert_eq!(answer(&provider, "mine").await.text(), "a says so");
    assert_eq!(answer(&provider, "theirs").await.text(), "b says so");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_is_remembered_and_asks_dead_keys_again() {
    let busy = Error::new(ErrorKind::RateLimit, "later").retry_in(Some(Duration::from_secs(100)));
    let refused = Error::new(ErrorKind::Auth, "no such key");
    let place = Place::new([
        Scripted::new("a", [fails(busy)]),
        Scripted::new("b", [fails(refused)]),
        Scripted::new("c", [answers("c")]),
    ]);
    let text = "[routes.fast]\ntargets = ['a/m', 'b/m', 'c/m']\nretries = 0\n\
                [routes.limited]\ntargets = ['c/m']\nlimits.c = { requests_per_minute = 1 }\n";
    let (before, _) = place.load(text);
    assert_eq!(answer(&before, "limited").await.outcome(), "ok");
    assert_eq!(answer(&before, "fast").await.text(), "c says so");
    let calls = || ["a/m", "b/m"].map(|id| place.models[id].calls());
    assert_eq!(calls(), [1, 1]);
    let (after, _) = place.load(&format!("{text}idle = 30\n"));
    assert_eq!(answer(&after, "fast").await.text(), "c says so");
    assert_eq!(calls(), [1, 2], "the one rests on, the other's key may be another now");
    // The limit goes on where it stood.
    assert_eq!(answer(&after, "limited").await.outcome(), "rate_limit");
    let standing = place.registry.standing("a/m", clock_now()).unwrap();
    assert!(standing.resting.is_some_and(|(left, _)| left <= Duration::from_secs(100)));
    // An answer of the old one ends on the old one.
    drop(after);
    assert!(before.row("fast").unwrap().route.is_some());
}

#[tokio::test(start_paused = true)]
async fn spending_in_a_route_of_routes_counts_once() {
    let place = three();
    let (provider, problems) = place.load(
        "[routes.inner]\ntargets = ['a/m']\n\
         [routes.outer]\ntargets = ['route/inner']\nbudgets = [{ soft = 0.00005, hard = 1 }]\n",
    );
    assert!(problems.is_empty(), "{problems:?}");
    let seen = answer(&provider, "outer").await;
    let targets: Vec<&str> = seen.attempts().iter().map(|attempt| attempt.target.as_str()).collect();
    assert_eq!(targets, ["a/m"], "each try is told once, by whom it was made");
    let spent = place.ledger.spent(consort_routes::Spender::All, consort_routes::Period::Month).await;
    assert_eq!(spent.unwrap(), consort_core::Money::from_micros(20));
}

#[tokio::test(start_paused = true)]
async fn limits_and_sums_that_would_do_nothing_are_told() {
    let (_, problems) = three().load(
        "[routes.x]\ntargets = ['a/m']\nlimits.aa = {requests_per_minute = 3}\n\
         [routes.y]\ntargets = ['a/m']\nlimit = {burst = 5}\n\
         [routes.z]\ntargets = ['a/m']\nbudgets = [{per = 'all', soft = 5, hard = 1}]\n",
    );
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("`limits.aa` limits nothing")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains(":6: `burst` says how many")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("it would never warn")), "{problems:?}");
}
