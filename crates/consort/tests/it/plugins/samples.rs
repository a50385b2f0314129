//! Drop-in files of every kind that users have, good and bad, all in one folder: each does what it should, and hurts no
//! other.
use super::Plugged;
use insta::assert_snapshot;

const ALL: [&str; 13] = [
    "base_first.py",
    "flaky.py",
    "good name with spaces.py",
    "missing_dep.py",
    "missing_method.py",
    "my new plugin.py",
    "needs_key.py",
    "parrot.py",
    "positional.py",
    "slow_noisy.py",
    "stateful.py",
    "two_clients.py",
    "wrong_types.py",
];

fn all() -> Option<Plugged> {
    let place = Plugged::with_python()?;
    ALL.iter().for_each(|name| drop(place.sample(name)));
    Some(place)
}

#[test]
fn each_answers_as_its_author_meant() {
    let Some(place) = all() else { return };
    for (model, answer) in [
        ("parrot", "**parrot** (t=0.7, sys=3): say it back"),
        ("good name with spaces", "blanks are no problem"),
        ("positional", "4096/0.7/ back"),
        ("base_first", "concrete at last"),
        ("two_clients", "this is alpha"),
        ("two_clients/Zed", "this is zed"),
        ("two_clients:Zed", "this is zed"),
        ("stateful", "call 1"),
        ("slow_noisy", "slow but done"),
        ("missing_method", "half a plugin answers"),
    ] {
        let run = place.run(&["-m", model, "-s", "sys", "say it back"]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, answer, ""), "{model}");
    }
}

#[test]
fn each_fault_is_told() {
    let Some(place) = all() else { return };
    assert_snapshot!(place.ask("flaky", "x"), @r#"
    exit 7
    --- stderr
    error: flaky: upstream 503: try again later (flaky.py:7)
      help: its log: consort plugins log flaky
    "#);
    assert_snapshot!(place.ask("wrong_types", "x"), @r#"
    exit 5
    --- stderr
    error: wrong_types: returned None, expected str (wrong_types.py:6)
      help: what else is wrong with it: consort plugins check wrong_types
    "#);
    assert_snapshot!(place.ask("needs_key", "x"), @r#"
    exit 3
    --- stderr
    error: needs_key: the plugin needs setup: NEEDS_KEY_API_KEY is not set
      help: export NEEDS_KEY_API_KEY=..., then: consort plugins grant needs_key NEEDS_KEY_API_KEY
    "#);
    let broken = place.ask("my new plugin", "x");
    assert_eq!(broken.code, 5);
    assert!(broken.stderr.contains("broken: my new plugin.py:6: SyntaxError"), "{broken}");
    let lacks = place.ask("missing_dep", "x");
    if lacks.code != 0 {
        // Some machine may have it.
        assert!(lacks.stderr.contains("needs setup: the package `speech_recognition`"), "{lacks}");
        assert!(lacks.stderr.contains("is in the package `SpeechRecognition`"), "{lacks}");
    }
}

#[test]
fn programs_see_the_fault_as_an_event() {
    let Some(place) = all() else { return };
    let run = place.run(&["--jsonl", "-m", "flaky", "hi"]);
    let event: serde_json::Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((event["type"].as_str(), event["error"]["provider"].as_str()), (Some("error"), Some("flaky")));
    assert!(
        event["error"]["message"].as_str().unwrap().starts_with("upstream 503: try again later"),
        "{run}"
    );
}

#[test]
fn all_have_their_rows() {
    let Some(place) = all() else { return };
    place.run(&["plugins", "reload"]);
    let rows = place.run(&["plugins", "--json"]).json();
    let rows: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["state"] == "ready")
        .map(|row| row["id"].as_str().unwrap())
        .filter(|id| *id != "missing_dep")
        .collect();
    let good = [
        "base_first",
        "flaky",
        "good name with spaces",
        "missing_method",
        "parrot",
        "positional",
        "slow_noisy",
        "stateful",
        "two_clients",
        "wrong_types",
    ];
    assert_eq!(rows, good);
    assert_eq!(
        (place.state("my new plugin"), place.state("needs_key")),
        ("broken".into(), "needs setup".into())
    );
    let models = place.run(&["models", "-q", "two_clients", "--json"]).json();
    assert_eq!(
        (models[0]["id"].as_str(), models[1]["id"].as_str()),
        (Some("two_clients"), Some("two_clients/Zed"))
    );
}

#[test]
fn what_is_printed_is_kept_and_harms_nothing() {
    let Some(place) = all() else { return };
    assert_eq!(place.ask("slow_noisy", "x").stdout, "slow but done");
    assert_snapshot!(place.run(&["plugins", "log", "slow_noisy"]), @r#"
    noise at import
    {"jsonrpc": "2.0", "id": 1, "result": {}}
    noise past Python
    noise of a child
    noise without an endnoise while counting
    noise while counting
    "#);
    place.ask("flaky", "x");
    let log = place.run(&["plugins", "log", "flaky"]);
    assert!(log.stdout.starts_with("Traceback"), "{log}");
    assert!(log.stdout.contains("flaky.py\", line 7, in generate_response"), "{log}");
    assert!(!log.stdout.contains("consort_worker"), "{log}");
}

#[test]
fn one_that_is_mended_answers_at_once() {
    let Some(place) = all() else { return };
    assert_eq!(place.ask("my new plugin", "x").code, 5);
    let text = std::fs::read_to_string(super::samples().join("my new plugin.py")).unwrap();
    place.plugin("my new plugin.py", text.replace("4096 temp", "4096, temp"));
    assert_eq!(place.ask("my new plugin", "x").stdout, "never");
}
