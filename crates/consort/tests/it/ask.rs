//! Asking, and what goes where.
use super::support::{Place, run};
use insta::assert_snapshot;

const SAY: [&str; 3] = ["-o", "say", "Four."];

fn say<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["-m", "demo"];
    args.extend(SAY);
    args.extend(rest);
    args
}

#[test]
fn the_answer_alone_is_on_stdout() {
    assert_snapshot!(run(&["-m", "demo", "2+2"]), @r#"
    You said: "2+2"

    I am the demo model of Consort: a fixed rule, not a language model, so repeating is all I can do. For a real answer, give Consort a key (`consort providers` says which and where to get one, `consort keys set NAME` stores it) and ask one of `consort models` with `-m`.
    "#);
    assert_snapshot!(run(&say(&["2+2"])), @"Four.");
}

#[test]
fn without_any_key_the_demo_says_so() {
    assert_snapshot!(run(&["-o", "say", "Four.", "2+2"]), @r#"
    Four.<no newline>
    --- stderr
    note: no key is set up, so the demo model answers; `consort doctor` says what to do
    "#);
    assert_snapshot!(run(&["-q", "-o", "say", "Four.", "2+2"]), @"Four.");
}

#[test]
fn piped_text_follows_the_prompt() {
    let place = Place::new();
    let text = |stdin: &str, args: &[&str]| {
        let run = place.pipe(stdin, args);
        run.stdout.split("\n\nI am").next().unwrap().to_owned()
    };
    assert_snapshot!(text("a diff\n", &["-m", "demo", "review", "this"]), @r#"
    You said: "review this

    a diff"
    "#);
    assert_snapshot!(text("only piped\n", &["-m", "demo"]), @r#"You said: "only piped""#);
    assert_snapshot!(text("", &["-m", "demo", "only said"]), @r#"You said: "only said""#);
}

#[test]
fn instructions_are_carried() {
    let run = run(&["-m", "demo", "-s", "Answer in French.", "hi"]);
    assert!(run.stdout.contains("My instructions are: \"Answer in French.\""), "{run}");
}

#[test]
fn reasoning_goes_to_stderr() {
    assert_snapshot!(run(&say(&["-o", "think", "true", "hi"])), @r#"
    Four.<no newline>
    --- stderr
    The question has 1 word. My rule says: repeat it, and say what I am.
    "#);
    assert_snapshot!(run(&say(&["-o", "think", "true", "-q", "hi"])), @"Four.");
}

#[test]
fn usage_is_told_when_asked() {
    let run = run(&say(&["-u", "--no-stream", "hi"]));
    let line = run.stderr.rsplit_once(" - ").unwrap().0;
    assert_snapshot!(line, @"demo - 4 in - 2 out - $0");
}

#[test]
fn how_an_answer_ended_is_not_silent() {
    assert_snapshot!(run(&say(&["-o", "finish", "length", "hi"])), @r#"
    Four.<no newline>
    --- stderr
    note: the answer was cut at the limit of tokens
    "#);
    assert_snapshot!(run(&say(&["-o", "finish", "length", "--strict", "hi"])), @r#"
    exit 8
    Four.<no newline>
    --- stderr
    note: the answer was cut at the limit of tokens
    "#);
    assert_snapshot!(run(&say(&["-o", "finish", "refusal", "--strict", "hi"])), @r#"
    exit 8
    I decline to answer, because I was asked to.<no newline>
    --- stderr
    note: the model declined to answer
    "#);
    assert_eq!(run(&say(&["-o", "finish", "content_filter", "--strict", "hi"])).code, 8);
    assert_eq!(run(&say(&["--strict", "hi"])).code, 0);
}

#[test]
fn colours_only_where_asked_for() {
    let place = Place::new();
    let thinking = ["-m", "demo", "-o", "say", "x", "-o", "think", "on", "hi"];
    let plain = place.run(&thinking);
    assert!(!plain.stderr.contains('\x1b'), "{plain}");
    let always: Vec<&str> = thinking.iter().copied().chain(["--color", "always"]).collect();
    assert!(place.run(&always).stderr.contains("\x1b[2m"));
    assert_eq!(place.run(&always).stdout, "x");
}

#[test]
fn the_answer_is_not_touched_in_a_pipe() {
    let text = "\x1b[31mred\x1b[0m \r\n\ttab";
    let run = run(&["-m", "demo", "-o", "say", text, "hi"]);
    assert_eq!(run.stdout, text);
}

#[test]
fn options_of_the_settings_are_the_start() {
    let place = Place::new();
    place.file("home/consort.toml", "default_model = 'demo'\n[models.demo.options]\nsay = 'from the file'\n");
    assert_eq!(place.run(&["hi"]).stdout, "from the file");
    assert_eq!(place.run(&["-o", "say", "from the flag", "hi"]).stdout, "from the flag");
    place.file("home/consort.toml", "[aliases]\nquick = 'demo/think'\n");
    assert_eq!(place.run(&["--json", "-m", "quick", "-o", "say", "x", "hi"]).json()["model"], "demo/think");
    assert_eq!(
        place.run_with(&[("CONSORT_MODEL", "demo/text")], &["--json", "hi"]).json()["model"],
        "demo/text"
    );
}

#[test]
fn a_word_that_is_nearly_a_command_is_asked_about() {
    assert_snapshot!(run(&["modles"]), @r#"
    exit 2
    --- stderr
    error: `modles` is nearly a command
      tip: did you mean `consort models`?
      help: to send it as a prompt: consort -- modles
    "#);
    assert_snapshot!(run(&["-m", "demo", "models"]), @r#"
    exit 2
    --- stderr
    error: `models` is a command, and commands come first
      help: run it: consort models ...
      help: to send it as a prompt: consort -- models
    "#);
    assert_snapshot!(run(&["-m", "demo", "plugins", "why", "parrot"]), @r#"
    exit 2
    --- stderr
    error: `plugins why` is a command, and commands come first
      help: its options come after it: consort plugins why ...
      help: to send it as a prompt: consort -- plugins why ...
    "#);
    assert_eq!(run(&["-m", "demo", "-o", "say", "x", "plugins", "are", "what?"]).stdout, "x");
    assert_eq!(run(&["-m", "demo", "-o", "say", "x", "--", "models"]).stdout, "x");
    assert_eq!(run(&["-m", "demo", "-o", "say", "x", "hello"]).code, 0);
}
