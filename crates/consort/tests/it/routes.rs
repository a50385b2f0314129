//! Routes through the program: asked like models, told where they fell back, listed where they are broken.
use crate::support::{Place, Vendor};
use consort_testkit::Reply;
use serde_json::Value;

const ROUTES: &str = r#"
[routes.fast]
targets = ["acme/one", "demo/text"]
retries = 0

[routes.broken]
targets = ["demo",
  "nobody/has-it"]
"#;

fn acme(url: &str) -> String {
    format!(
        "[providers.acme]\nname = \"Acme\"\nwire = \"openai-chat\"\nbase_url = \"{url}\"\nauth = \"none\"\n"
    )
}

/// A place where the first target is busy.
fn place() -> (Place, Vendor) {
    let body = r#"{"error":{"message":"slow down","type":"rate_limit"}}"#;
    let vendor = Vendor::new((0..8).map(|_| Reply::error(429, &[], body)));
    let place = Place::new();
    place.file("home/consort.toml", format!("{ROUTES}\n{}", acme(&vendor.url())));
    (place, vendor)
}

#[test]
fn a_fallback_answers_and_is_told() {
    let (place, _vendor) = place();
    let run = place.run(&["-m", "route/fast", "hello"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("hello"), "{}", run.stdout);
    assert!(run.stderr.contains("answered by demo/text (acme/one: rate limit"), "{}", run.stderr);
    let run = place.run(&["-q", "-m", "fast", "hello"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "a bare name does, and --quiet is quiet");
}

#[test]
fn programs_get_every_attempt() {
    let (place, _vendor) = place();
    let run = place.run(&["--json", "-m", "route/fast", "hello"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let attempts = answer["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{answer}");
    assert_eq!(attempts[0]["target"], "acme/one");
    assert_eq!(attempts[0]["error"]["code"], "rate_limit");
    assert_eq!(attempts[0]["cost"].as_f64(), Some(0.0));
    assert_eq!(attempts[1]["target"], "demo/text");
    assert_eq!(answer["cost"].as_f64(), Some(0.0), "{answer}");
}

#[test]
fn routes_are_listed_and_broken_ones_say_where() {
    let (place, _vendor) = place();
    let run = place.run(&["routes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("route/fast") && run.stdout.contains("ready"), "{}", run.stdout);
    let broken = "[PLACE]/home/consort.toml:8: no model is named `nobody/has-it`";
    assert!(run.stdout.contains(broken), "{}", run.stdout);
    let run = place.run(&["routes", "show", "fast"]);
    assert!(run.stdout.contains("acme/one") && run.stdout.contains("retries"), "{}", run.stdout);
    let run = place.run(&["models", "-q", "route/"]);
    assert!(run.stdout.contains("route/fast") && !run.stdout.contains("route/broken"), "{}", run.stdout);
    let run = place.run(&["-m", "route/broken", "hello"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stderr.contains("the route `broken` is broken") && run.stderr.contains(":8:"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_budget_holds_over_processes() {
    let answer = r#"{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"paid"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":20}}"#;
    let vendor = Vendor::new([Reply::json(answer), Reply::json(answer)]);
    let place = Place::new();
    place.file(
        "home/consort.toml",
        format!(
            "{}models = [{{ name = \"one\", price = {{ input = 10, output = 50 }} }}]\n\
             [routes.thrifty]\ntargets = [\"acme/one\"]\n\
             budgets = [{{ per = \"all\", period = \"month\", hard = 0.001 }}]\n\
             [routes.model]\ntargets = [\"acme/one\"]\n\
             budgets = [{{ per = \"model\", period = \"day\", hard = 0.001 }}]\n\
             [routes.key]\ntargets = [\"acme/one\"]\n\
             budgets = [{{ per = \"key\", period = \"day\", hard = 0.001 }}]\n",
            acme(&vendor.url())
        ),
    );
    let ask =
        |route: &str, more: &[&str]| place.run(&[&["--no-stream", "-m", route], more, &["hello"]].concat());
    let run = ask("route/thrifty", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "paid"), "{run}");
    for route in ["route/thrifty", "route/model", "route/key"] {
        let run = ask(route, &[]);
        assert!(run.code != 0 && run.stderr.contains("is spent ($0.011)"), "{route}: {run}");
    }
    // What keeps nothing spends nothing more either.
    let run = ask("route/thrifty", &["--no-log"]);
    assert!(run.code != 0 && run.stderr.contains("is spent ($0.011)"), "{run}");
    assert_eq!(vendor.server.asked().len(), 1);
    // And needs no database.
    place.file("home/data/conversations.db", "this is no database at all");
    let run = ask("route/thrifty", &["--no-log"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "paid"), "{run}");
}
