//! The examples and the pages are tests: each wrapper does what it says, in Rust and as settings.
use crate::support::*;
use consort_core::{Error, ErrorKind, Model};
use consort_routes::{Ledger, MemoryLedger, Registry, Route, RouteProvider};
use consort_settings::{Env, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[path = "../../../../examples/routes/fallback.rs"]
mod fallback;
#[path = "../../../../examples/routes/rate_limit.rs"]
mod rate_limit;
#[path = "../../../../examples/routes/retry.rs"]
mod retry;
#[path = "../../../../examples/routes/stacked.rs"]
mod stacked;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Settings over models that are found by their id.
fn load(text: &str, models: &[Arc<Scripted>]) -> RouteProvider {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("consort.toml");
    std::fs::write(&file, text).unwrap();
    let (settings, problems) = Settings::load_from(&file, None, &Env::default());
    assert!(problems.is_empty(), "{problems:?}");
    let resolve = |name: &str| {
        let provider = name.split('/').next().unwrap();
        let known = models.iter().find(|model| model.card().provider == provider);
        Ok(known.cloned().unwrap_or_else(|| Scripted::new(provider, [answers(provider)])) as Arc<dyn Model>)
    };
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let loaded = RouteProvider::load(&settings.routes, &resolve, &Registry::default(), &ledger);
    for row in loaded.rows() {
        assert!(row.problems.is_empty(), "{:?}", row.problems);
    }
    loaded
}

/// The example in Rust and the one of this name in the settings, over the same models.
fn both(name: &str, models: &[Arc<Scripted>], in_rust: Route) -> [Route; 2] {
    let text = std::fs::read_to_string(root().join("examples/routes/consort.toml")).unwrap();
    let loaded = load(&text, models);
    [in_rust, loaded.row(name).unwrap().route.clone().unwrap()]
}

fn busy() -> Script {
    fails(Error::new(ErrorKind::Overloaded, "busy").status(529))
}

#[tokio::test(start_paused = true)]
async fn rate_limiting() {
    let base = Scripted::new("openai", [answers("openai")]);
    for route in both("rate-limited", std::slice::from_ref(&base), rate_limit::rate_limited(base.clone())) {
        let begun = clock_now();
        futures_util::future::join_all((0..5).map(|_| ask(&route))).await;
        // Three at once, then one every two seconds.
        let took = clock_now() - begun;
        assert!(took >= Duration::from_secs(4) && took < ms(4100), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retrying() {
    for at in 0..2 {
        let base = Scripted::new("openai", [busy(), busy(), answers("openai")]);
        let route = &both("retrying", std::slice::from_ref(&base), retry::retrying(base.clone()))[at];
        assert_eq!((ask(route).await.text().as_str(), base.calls()), ("openai says so", 3));
        let base = Scripted::new("openai", [fails(Error::new(ErrorKind::Auth, "no such key"))]);
        let route = &both("retrying", std::slice::from_ref(&base), retry::retrying(base.clone()))[at];
        assert_eq!((ask(route).await.outcome(), base.calls()), ("auth", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn falling_back() {
    for at in 0..2 {
        let cut = vec![now(started("openai")), now(part()), now(text("steady "))];
        for (first, expected) in [(busy(), ("ok", "anthropic says so")), (cut, ("interrupted", "steady "))] {
            let models = [
                Scripted::new("openai", [first]),
                Scripted::new("anthropic", [answers("anthropic")]),
                Scripted::new("ollama", [answers("ollama")]),
            ];
            let all = models.clone().map(|model| model as Arc<dyn Model>);
            let route = &both("first-that-answers", &models, fallback::first_that_answers(all))[at];
            let seen = ask(route).await;
            assert_eq!((seen.outcome(), seen.text().as_str()), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_three() {
    for at in 0..2 {
        let primary = Scripted::new("openai", [busy(), answers("openai")]);
        let backup = Scripted::new("anthropic", [answers("anthropic")]);
        let models = [primary.clone(), backup.clone()];
        let route = &both("stacked", &models, stacked::stacked(primary.clone(), backup.clone()))[at];
        assert_eq!((ask(route).await.text().as_str(), primary.calls()), ("openai says so", 2));
        // The try that was refused gave its place back: the limit has two left; after that the other answers at once.
        let texts = [ask(route).await.text(), ask(route).await.text(), ask(route).await.text()];
        assert_eq!(texts, ["openai says so", "openai says so", "anthropic says so"]);
    }
}

#[test]
fn every_table_on_the_pages_is_understood() {
    let page = std::fs::read_to_string(root().join("docs/guides/routes.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        load(block, &[]);
    }
}

#[test]
fn the_reference_names_every_field() {
    let page = std::fs::read_to_string(root().join("docs/reference/routes.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("consort.toml");
    let text = "[routes.a]\nx = 1\ntargets = [{ model = 'm', x = 1 }]\nlimit = { x = 1 }\nbudgets = [{ hard = 1, x = 1 }]\n";
    std::fs::write(&file, text).unwrap();
    let (settings, _) = Settings::load_from(&file, None, &Env::default());
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let none = |_: &str| Err(Error::new(ErrorKind::ModelNotFound, "none"));
    let loaded = RouteProvider::load(&settings.routes, &none, &Registry::default(), &ledger);
    let problems = &loaded.rows()[0].problems;
    assert_eq!(problems.len(), 4, "{problems:?}");
    for help in problems.iter().filter_map(|problem| problem.help.as_deref()) {
        for field in help.trim_start_matches("the fields are ").split(", ") {
            assert!(page.contains(&format!("`{field}`")), "the reference lacks `{field}`");
        }
    }
}
