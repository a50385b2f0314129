//! Every error: its exit code, and the line that says what to do.
use super::support::{Place, run};
use insta::assert_snapshot;

#[test]
fn each_kind_has_its_exit_code() {
    let codes = [
        ("setup", 3),
        ("auth", 3),
        ("permission", 3),
        ("quota", 6),
        ("rate_limit", 6),
        ("overloaded", 5),
        ("server", 5),
        ("timeout", 7),
        ("network", 7),
        ("context_length", 5),
        ("content_filter", 8),
        ("invalid_request", 5),
        ("unsupported", 2),
        ("model_not_found", 4),
        ("protocol", 5),
        ("cancelled", 130),
        ("interrupted", 5),
        ("plugin_crash", 5),
        ("plugin_bug", 5),
    ];
    let place = Place::new();
    for (kind, code) in codes {
        let run = place.run(&["-m", "demo", "--json", "-o", "fail", kind, "hi"]);
        assert_eq!((run.code, run.json()["error"]["code"].as_str()), (code, Some(kind)), "{run}");
    }
}

#[test]
fn an_error_says_what_to_do() {
    assert_snapshot!(run(&["-m", "demo", "-o", "fail", "rate_limit", "-o", "retry_after", "12", "hi"]), @r#"
    exit 6
    --- stderr
    error: demo: failed with `rate_limit`, because it was asked to (option `fail`)
      help: ask without the option `fail`
    "#);
    assert_snapshot!(run(&["-m", "demo", "-o", "say", "one two three", "-o", "cut", "true", "hi"]), @r#"
    exit 5
    one <no newline>
    --- stderr
    error: demo: the stream was cut, because it was asked to be (option `cut`)
    "#);
}

#[test]
fn an_unknown_model() {
    assert_snapshot!(run(&["-m", "dmo", "hi"]), @r#"
    exit 4
    --- stderr
    error: no model is named `dmo`
      tip: did you mean `demo`?
      help: `consort models` lists the models
    "#);
    assert_snapshot!(run(&["-m", "demo/tink", "hi"]), @r#"
    exit 4
    --- stderr
    error: no model is named `demo/tink`
      tip: did you mean `demo/think`?
      help: `consort models` lists the models
    "#);
    assert_snapshot!(run(&["-m", "quite-another", "hi"]), @r#"
    exit 4
    --- stderr
    error: no model is named `quite-another`
      help: `consort models` lists the models
    "#);
}

#[test]
fn a_wrong_option() {
    assert_snapshot!(run(&["-m", "demo", "-o", "delay", "1", "hi"]), @r#"
    exit 2
    --- stderr
    error: demo has no option `delay`
      tip: did you mean `delay_ms`?
      help: it has say, words, think, delay_ms, slow_first_ms, finish, fail, fail_after, retry_after, cut, max_tokens, stop, reasoning_effort, temperature
    "#);
    assert_snapshot!(run(&["-m", "demo", "-o", "delay_ms", "fast", "hi"]), @r#"
    exit 2
    --- stderr
    error: the option `delay_ms` cannot be `fast`
      help: it takes integer 0..3600000
    "#);
    assert_snapshot!(run(&["-m", "demo", "-o", "finish", "never", "hi"]), @r#"
    exit 2
    --- stderr
    error: the option `finish` cannot be `never`
      help: it takes stop, length, content_filter, refusal, pause, other
    "#);
    let place = Place::new();
    place.file("home/consort.toml", "[models.demo.options]\nsaay = 'x'\n");
    let run = place.run(&["-m", "demo", "hi"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("it is set in your consort.toml"), "{run}");
}

#[test]
fn an_empty_prompt() {
    assert_snapshot!(run(&[]), @r#"
    exit 2
    --- stderr
    error: there is nothing to ask: the prompt is empty
      help: consort "why is the sky blue"
      help: or pipe text in: git diff | consort "write a commit message"
    "#);
    assert_snapshot!(run(&["  "]), @r#"
    exit 2
    --- stderr
    error: there is nothing to ask: the prompt is empty
      help: consort "why is the sky blue"
      help: or pipe text in: git diff | consort "write a commit message"
    "#);
    assert_eq!(Place::new().pipe("\n \n", &[]).code, 2);
}

#[test]
fn binary_on_stdin() {
    let place = Place::new();
    assert_snapshot!(place.pipe(b"\x89PNG\r\n\x1a\n", &["-m", "demo", "what is this"]), @r#"
    exit 2
    --- stderr
    error: what is piped in is not text
      help: attach it instead: consort -a - "what is this"
      help: if its type is not found: consort --attachment-type - MIME "what is this"
    "#);
    assert_eq!(place.pipe(b"text\0text", &["-m", "demo", "what is this"]).code, 2);
}

#[test]
fn a_key_that_is_missing() {
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        "wire = 'openai-chat'\nbase_url = 'http://127.0.0.1:9/v1'\nkey_env = ['ACME_KEY']\n",
    );
    let run = place.run(&["-m", "acme/large", "hi"]);
    assert_snapshot!(run, @r#"
    exit 3
    --- stderr
    error: acme: there is no key for acme
      help: store one with `consort keys set acme`, or set ACME_KEY
    "#);
    let shown = place
        .run_with(&[("ACME_KEY", "sk-very-secret"), ("CONSORT_LOG", "trace")], &["-m", "acme/large", "hi"]);
    assert_eq!(shown.code, 7, "{shown}");
    assert!(!format!("{shown}").contains("sk-very-secret"), "{shown}");
}

#[test]
fn clap_speaks_the_same_way() {
    assert_snapshot!(run(&["--jsn", "hi"]), @r#"
    exit 2
    --- stderr
    error: unexpected argument '--jsn' found

      tip: a similar argument exists: '--json'

    Usage: consort --json [PROMPT]...

    For more information, try '--help'.
    "#);
    assert_eq!(run(&["--json", "--jsonl", "hi"]).code, 2);
    let told = run(&["--json", "--colour", "never", "hi"]);
    assert_eq!((told.code, told.json()["error"]["code"].as_str()), (2, Some("invalid_request")), "{told}");
    assert_eq!(run(&["-o", "name"]).code, 2);
}

#[test]
fn a_log_level_that_is_none_is_told() {
    let run = Place::new().run_with(&[("CONSORT_LOG", "loud")], &["-m", "demo", "-o", "say", "ok", "hi"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "ok"), "{run}");
    assert!(run.stderr.contains("warning: CONSORT_LOG=`loud` is no level"), "{run}");
}

#[test]
fn an_option_of_every_command_is_told_where_it_goes() {
    for (args, option, command) in [
        (&["plugins", "--plugins", "folder", "check", "x"][..], "--plugins", "check"),
        (&["models", "--color", "never", "default"], "--color", "default"),
    ] {
        let run = run(args);
        let words = format!("  tip: `{option}` goes behind `{command}`\n");
        assert!(run.code == 2 && run.stderr.ends_with(&words), "{run}");
    }
}
