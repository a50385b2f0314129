//! What is kept of questions and answers, and how it goes on.
use super::support::{Place, Vendor};
use consort_testkit::Reply;
use serde_json::Value;

const DATABASE: &str = "home/data/conversations.db";

fn say<'a>(words: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [&["-m", "demo", "-o", "say", words, "-o", "delay_ms", "0"], rest].concat()
}

fn logs(place: &Place, rest: &[&str]) -> Vec<Value> {
    let run = place.run(&[&["logs", "--json"], rest].concat());
    assert_eq!(run.code, 0, "{run}");
    run.json().as_array().unwrap().clone()
}

#[test]
fn a_question_and_its_answer_are_kept() {
    let place = Place::new();
    let asked = place.run(&say("Rayleigh.", &["--json", "-s", "Be short.", "why is\nthe sky blue"])).json();
    assert_eq!(asked["text"], "Rayleigh.");
    assert_eq!(asked["attempts"][0]["target"], "demo");
    assert_eq!(asked["attempts"][0]["cost"], 0.0);
    let all = logs(&place, &[]);
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!(one["conversation"], asked["conversation"]);
    assert_eq!((&one["prompt"], &one["response"]), (&"why is\nthe sky blue".into(), &"Rayleigh.".into()));
    assert_eq!(
        (&one["model"], &one["status"], &one["cost"]),
        (&"demo".into(), &"complete".into(), &0.0.into())
    );
    assert_eq!((&one["system"], &one["options"]["say"]), (&"Be short.".into(), &"Rayleigh.".into()));
    let list = place.run(&["logs"]);
    assert!(list.stdout.contains("> why is the sky blue") && list.stdout.contains("Rayleigh."), "{list}");
    let found = place.run(&["logs", "-q", "rayl"]);
    assert!(found.stdout.contains("Rayleigh."), "{found}");
    assert_eq!(place.run(&["logs", "-q", "nothing like it"]).stdout, "");
}

#[test]
fn a_conversation_goes_on_with_its_model_and_instructions() {
    let place = Place::new();
    let first =
        place.run(&["--json", "-m", "demo/think", "-o", "delay_ms", "0", "-s", "In French.", "one"]).json();
    place.run(&say("x", &["another conversation"]));
    let id = first["conversation"].as_str().unwrap();
    let next = place.run(&["--json", "--cid", &id[..18], "two"]).json();
    assert_eq!((&next["model"], &next["conversation"]), (&"demo/think".into(), &first["conversation"]));
    assert!(next["text"].as_str().unwrap().contains("My instructions are: \"In French.\""), "{next}");
    let newest = place.run(&["--json", "-c", "-m", "demo/text", "three"]).json();
    assert_eq!((&newest["conversation"], &newest["model"]), (&first["conversation"], &"demo/text".into()));
    let shown = place.run(&["logs", "show", id]);
    let (one, two, three) = (shown.stdout.find("one"), shown.stdout.find("two"), shown.stdout.find("three"));
    assert!(one.is_some() && one < two && two < three, "{shown}");
    assert_eq!(logs(&place, &["-c", id]).len(), 3);
    assert_eq!(logs(&place, &["--model", "demo/text"]).len(), 1);
}

#[test]
fn what_went_before_is_sent() {
    let answer = r#"{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Four."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let vendor = Vendor::new([Reply::json(answer), Reply::json(answer)]);
    let place = Place::new();
    let url = vendor.url();
    let env = [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", "sk-x")];
    place.run_with(&env, &["-m", "openai/gpt-4o", "--no-stream", "2+2"]);
    let run = place.run_with(&env, &["-c", "--no-stream", "and doubled?"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "Four."), "{run}");
    let body: Value = serde_json::from_str(&vendor.server.asked()[1].text()).unwrap();
    let said: Vec<&str> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect();
    assert_eq!(said, ["2+2", "Four.", "and doubled?"]);
}

#[test]
fn nothing_is_kept_that_should_not_be() {
    let place = Place::new();
    let run = place.run(&say("x", &["-n", "--json", "hi"])).json();
    assert_eq!(run["conversation"], Value::Null);
    assert!(!place.path(DATABASE).exists());
    place.file("home/consort.toml", "log = false\n");
    place.run(&say("x", &["hi"]));
    assert!(!place.path(DATABASE).exists());
    // A conversation that is there goes on, and stays as it is.
    place.file("home/consort.toml", "");
    place.run(&say("kept", &["first"]));
    let run = place.run(&["-c", "-n", "-o", "say", "unkept", "second"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "unkept"), "{run}");
    assert_eq!(logs(&place, &[]).len(), 1);
}

#[test]
fn conversations_that_are_not_there_are_told() {
    let place = Place::new();
    let run = place.run(&["-m", "demo", "-c", "hi"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("there is no conversation yet"), "{run}");
    let run = place.run(&["-m", "demo", "--cid", "0123", "hi"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("there is no conversation `0123`"), "{run}");
    assert!(!place.path(DATABASE).exists());
    assert_eq!(place.run(&["logs"]).code, 0);
}

#[test]
fn a_database_that_cannot_be_used_costs_no_answer() {
    for (bytes, what) in [
        (&b"this is a text, not a database"[..], "is no database of Consort"),
        (&[7; 9000], "is no database"),
    ] {
        let place = Place::new();
        place.file(DATABASE, bytes);
        let run = place.run(&say("All the same.", &["hi"]));
        assert_eq!((run.code, run.stdout.as_str()), (0, "All the same."), "{run}");
        assert!(
            run.stderr.contains("warning: this conversation is not kept") && run.stderr.contains(what),
            "{run}"
        );
        assert_eq!(std::fs::read(place.path(DATABASE)).unwrap(), bytes);
        let run = place.run(&["-c", "hi"]);
        assert_eq!(run.code, 3, "{run}");
        let run = place.run(&["logs"]);
        assert_eq!(run.code, 3, "{run}");
        assert!(place.run(&["doctor"]).stdout.contains("cannot be used"), "doctor tells it");
    }
}

#[test]
fn a_place_that_cannot_be_written_costs_no_answer() {
    let place = Place::new();
    // Also root cannot make a folder where a file stands.
    std::fs::remove_dir_all(place.path("home/data")).unwrap();
    place.file("home/data", "a file");
    let run = place.run(&say("All the same.", &["--json", "hi"]));
    assert_eq!(run.code, 0, "{run}");
    let object = run.json();
    assert_eq!((&object["text"], &object["conversation"]), (&"All the same.".into(), &Value::Null));
    assert_eq!(object["warnings"][0]["code"], "not_kept");
}

#[cfg(unix)]
#[test]
fn a_stopped_answer_is_kept_as_far_as_it_came() {
    use std::io::Read;
    for signal in ["-INT", "-KILL"] {
        let place = Place::new();
        let long = ["-m", "demo", "-o", "words", "2000", "-o", "delay_ms", "20", "a long story"];
        let mut child = place.command(&long).spawn().unwrap();
        let mut first = [0; 24];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        // What was shown is kept after 100 ms.
        std::thread::sleep(std::time::Duration::from_millis(250));
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        let all = logs(&place, &[]);
        assert_eq!((all.len(), &all[0]["prompt"]), (1, &"a long story".into()), "{signal}");
        let kept = all[0]["response"].as_str().unwrap();
        assert!(kept.as_bytes().starts_with(&first), "{signal}: {kept}");
        let next = place.run(&["-c", "-o", "say", "Gladly.", "go on"]);
        assert_eq!((next.code, next.stdout.as_str()), (0, "Gladly."), "{signal}: {next}");
        assert_eq!(logs(&place, &[])[1]["status"], "interrupted", "{signal}");
    }
}

#[test]
fn two_programs_write_one_conversation() {
    let place = Place::new();
    let first = place.run(&say("zero", &["--json", "begin"])).json();
    let id = first["conversation"].as_str().unwrap();
    let children: Vec<_> = (0..6)
        .map(|number| {
            place.command(&["--cid", id, "-o", "say", "x", &format!("number {number}")]).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
    let all = logs(&place, &["-n", "0", "-c", id]);
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|one| one["status"] == "complete"), "{all:?}");
}

#[test]
fn exports_hold_everything_and_run_nothing() {
    let place = Place::new();
    let asked = place
        .run(&say("<script>alert(1)</script> **bold** \x1b[31m", &["--json", "show <b>HTML</b>"]))
        .json();
    let id = asked["conversation"].as_str().unwrap();
    let markdown = place.run(&["logs", "export", id]);
    assert!(markdown.stdout.contains("## You") && markdown.stdout.contains("## demo"), "{markdown}");
    let page = place.run(&["logs", "export", id, "--html"]).stdout;
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    let whole: Value = serde_json::from_str(&place.run(&["logs", "export", id, "--json"]).stdout).unwrap();
    assert_eq!(whole["turns"].as_array().unwrap().len(), 2);
    assert_eq!(whole["turns"][1]["answer"]["model"], "demo");
}

#[test]
fn titles_cannot_take_a_terminal_over() {
    let place = Place::new();
    place.run(&say("x", &["\x1b]0;owned\x07 a title"]));
    let list = place.run(&["logs", "--color", "always"]);
    assert!(!list.stdout.contains("\x1b]0"), "{list:?}", list = list.stdout);
    let costs = place.run(&["cost", "--by", "conversation"]);
    assert!(costs.stdout.contains("a title") && !costs.stdout.contains('\x1b'), "{costs}");
}

#[test]
fn deleting_is_for_good_and_asked_for() {
    let place = Place::new();
    let asked = place.run(&say("secret", &["--json", "hi"])).json();
    let id = asked["conversation"].as_str().unwrap();
    let run = place.run(&["logs", "delete", id]);
    assert_eq!(run.code, 2, "{run}");
    let run = place.run(&["logs", "delete", id, "--yes"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(logs(&place, &[]).len(), 0);
    // What it cost stays.
    assert_eq!(place.run(&["cost", "--json"]).json()["total"]["answers"], 1);
}

#[test]
fn what_is_unknown_is_not_free() {
    let answer = r#"{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":20}}"#;
    let vendor = Vendor::new([Reply::json(answer)]);
    let place = Place::new();
    place.file(
        "home/providers/lab.toml",
        format!(
            "name = \"Lab\"\nwire = \"openai-chat\"\nbase_url = \"{}\"\nkey_optional = true\n",
            vendor.url()
        ),
    );
    place.run(&["-m", "lab/newest", "--no-stream", "hi"]);
    place.run(&say("x", &["hi"]));
    let costs = place.run(&["cost", "--by", "model"]);
    assert!(costs.stdout.contains("lab/newest") && costs.stdout.contains("1 of unknown price"), "{costs}");
    assert!(costs.stdout.contains("$0 and 1 of unknown price"), "{costs}");
    let json = place.run(&["cost", "--json", "--since", "1d"]).json();
    assert_eq!((&json["total"]["answers"], &json["total"]["unknown_price"]), (&2.into(), &1.into()));
    assert_eq!(place.run(&["cost", "--since", "soon"]).code, 2);
}
