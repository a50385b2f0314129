//! Plugins among the models: beside demo, with their states, and listed without a process being started.
use super::{Plugged, drop_in};
use insta::assert_snapshot;

fn of<'a>(models: &'a serde_json::Value, id: &str) -> &'a serde_json::Value {
    let found = models.as_array().unwrap().iter().find(|model| model["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not listed"))
}

#[test]
fn beside_demo_with_their_states() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("parrot.py");
    place.sample("two_clients.py");
    place.sample("needs_key.py");
    place.sample("my new plugin.py");
    place.plugin("untried.py", drop_in("return 'x'"));
    for id in ["parrot", "two_clients", "needs_key", "my new plugin"] {
        place.ask(id, "x");
    }
    let models = place.run(&["models", "--json"]).json();
    let state = |id: &str| of(&models, id)["state"].as_str().unwrap().to_owned();
    assert_eq!(
        ["demo", "parrot", "two_clients", "two_clients/Zed", "needs_key", "my new plugin", "untried"]
            .map(state),
        ["ready", "ready", "ready", "ready", "needs setup", "broken", "unchecked"]
    );
    assert_eq!(of(&models, "needs_key")["missing"], "NEEDS_KEY_API_KEY is not set");
    assert!(of(&models, "my new plugin")["reason"].as_str().unwrap().starts_with("my new plugin.py:6"));
    assert_eq!(of(&models, "parrot")["capabilities"]["tools"], "no");
    assert_eq!(of(&models, "two_clients/Zed")["provider"], "two_clients");
    // Those that can be used come first.
    let order: Vec<&str> =
        models.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    let place_of = |id: &str| order.iter().position(|other| *other == id).unwrap();
    assert!(place_of("parrot") < place_of("untried") && place_of("untried") < place_of("needs_key"));
    assert_snapshot!(place.run(&["models", "-q", "parrot"]), @r#"
      MODEL   STATE  CAN  CONTEXT  $ IN/OUT PER M
      parrot  ready
    --- stderr

    default: demo (`consort models default ID` changes it)
    "#);
    let rows = place.run(&["models"]).stdout;
    let row = |id: &str| rows.lines().find(|row| row.trim_start().starts_with(id)).unwrap().to_owned();
    assert!(
        row("demo ").contains("ready")
            && row("untried").contains("unchecked")
            && row("my new plugin").contains("broken")
    );
    // What nobody knows by now may be what is looked for.
    let live = place.run(&["models", "--can", "live"]);
    assert!(live.stdout.contains("\n  untried") && !live.stdout.contains("\n  parrot"), "{live}");
    assert!(live.stderr.contains("what an unchecked plugin can is known once it ran"), "{live}");
    assert!(!place.run(&["models", "--can", "live", "-q", "demo"]).stderr.contains("unchecked"));
    let providers = place.run(&["providers", "--json"]).json();
    assert_eq!(of(&providers, "parrot")["state"], "ready");
}

#[cfg(unix)]
#[test]
fn a_listing_starts_no_process() {
    use super::SHELL;
    let Some(place) = Plugged::with_python() else { return };
    let ran = place.place.path("ran");
    // Whatever could be started says that it was: an interpreter, a program, a script's own interpreter.
    let python = place.place.file(
        "python",
        format!("#!/bin/sh\necho python >> '{}'\nexec '{}' \"$@\"\n", ran.display(), place.python.unwrap()),
    );
    super::executable(&python);
    let mark =
        format!("#!/bin/sh\n# /// llm-plugin\n# protocol = 1\n# ///\necho program >> '{}'\n", ran.display());
    place.program(
        "program",
        &SHELL.replacen("#!/bin/sh\n", &mark, 1).replacen(
            "# /// llm-plugin\n# protocol = 1\n# ///\n# Answers",
            "# Answers",
            1,
        ),
    );
    place.plugin(
        "py.py",
        format!("open({:?}, 'a').write('plugin\\n')\n{}", ran.display().to_string(), drop_in("return 'x'")),
    );
    for number in 0..50 {
        place.plugin(&format!("more{number}.py"), drop_in("return 'x'"));
    }
    let env = [("CONSORT_PYTHON", python.to_str().unwrap())];
    let listings: [&[&str]; 10] = [
        &["plugins"],
        &["plugins", "--json"],
        &["plugins", "why", "py"],
        &["plugins", "log", "py"],
        &["models"],
        &["models", "--json"],
        &["models", "search", "py"],
        &["providers"],
        &["keys", "list"],
        &["doctor"],
    ];
    for args in listings {
        let run = place.run_with(&env, args);
        assert!(run.code == 0, "{args:?}: {run}");
        assert!(!ran.exists(), "{args:?} started {}", std::fs::read_to_string(&ran).unwrap());
    }
    assert_eq!(place.run_with(&env, &["-m", "demo", "-o", "say", "x", "x"]).stdout, "x");
    assert!(!ran.exists(), "asking another model started something");
    // Asking does start them, so the marks are worth something.
    assert_eq!(place.run_with(&env, &["-m", "program", "x"]).stdout, "from a shell");
    assert_eq!(place.run_with(&env, &["-m", "py", "x"]).stdout, "x");
    let said = std::fs::read_to_string(&ran).unwrap();
    assert!(
        ["python", "program", "plugin"].iter().all(|word| said.lines().any(|line| line == *word)),
        "{said}"
    );
    // And a listing of what is known starts nothing either.
    std::fs::remove_file(&ran).unwrap();
    for args in listings {
        place.run_with(&env, args);
        assert!(!ran.exists(), "{args:?}");
    }
}

#[test]
fn an_alias_or_a_bare_name_finds_them() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("two_clients.py");
    // Of one that never ran, the names of its models are not known: it is started to see.
    assert_eq!(place.ask("Zed", "x").stdout, "this is zed");
    assert_eq!(place.ask("two_clients/two_clients", "x").stdout, "this is alpha");
    assert_snapshot!(place.ask("two_clients/Nobody", "x"), @r#"
    exit 4
    --- stderr
    error: no model is named `two_clients/Nobody`
      tip: did you mean `two_clients`?
      help: `consort models` lists the models
    "#);
}
