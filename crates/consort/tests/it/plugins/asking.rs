//! Asking plugins: what comes out, what goes in, and what is refused before anything is started.
use super::{Plugged, drop_in};
use crate::support::steady;
use insta::assert_snapshot;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";

fn parrot() -> Option<Plugged> {
    let place = Plugged::with_python()?;
    place.sample("parrot.py");
    Some(place)
}

#[test]
fn one_object_and_events() {
    let Some(place) = parrot() else { return };
    let object = steady(place.run(&["--json", "-m", "parrot", "hi"]).json());
    assert_snapshot!(format!("{object:#}"), @r#"
    {
      "text": "**parrot** (t=0.7, sys=0): hi",
      "model": "parrot",
      "provider": "parrot",
      "resolved_model": null,
      "usage": {
        "input": 1,
        "output": 4,
        "cached_in_input": false,
        "reasoning_in_output": false,
        "source": "estimated"
      },
      "cost": null,
      "finish": "stop",
      "tool_calls": [],
      "vendor_finish": "stop",
      "ms": "[TIMES]"
    }
    "#);
    let told = place.run(&["-u", "-m", "parrot", "hi"]).stderr;
    assert!(told.starts_with("parrot - about 1 in - about 4 out - price unknown - "), "{told}");
    assert_snapshot!(place.run(&["--jsonl", "-m", "parrot", "hi"]), @r#"
    {"type":"started"}
    {"type":"part_start","part":0,"choice":0,"kind":{"type":"text"}}
    {"type":"part_delta","part":0,"delta":{"text":"**parrot** (t=0.7, sys=0): hi"}}
    {"type":"part_end","part":0}
    {"type":"usage","input":1,"output":4,"cached":null,"cache_write":null,"reasoning":null,"total":null,"cached_in_input":false,"reasoning_in_output":false,"source":"estimated"}
    {"type":"finished","reason":"stop","vendor_reason":"stop"}
    "#);
    let failed = place.run(&["--json", "-m", "parrott", "hi"]);
    assert_eq!((failed.code, failed.json()["error"]["code"].as_str()), (4, Some("model_not_found")));
    assert!(failed.stderr.contains("did you mean `parrot`?"), "{failed}");
}

#[test]
fn options_are_checked_and_passed() {
    let Some(place) = parrot() else { return };
    assert_snapshot!(place.run(&["-m", "parrot", "-o", "max_tokens", "2", "-o", "temperature", "0.1", "one two three"]), @"**parrot** (t=0.1, sys=0): one two");
    assert_snapshot!(place.run(&["-m", "parrot", "-o", "temperature", "9", "x"]), @r#"
    exit 2
    --- stderr
    error: the option `temperature` cannot be `9`
      help: it takes number 0..2
    "#);
    assert_snapshot!(place.run(&["-m", "parrot", "-o", "tempreature", "1", "x"]), @r#"
    exit 2
    --- stderr
    error: parrot has no option `tempreature`
      tip: did you mean `temperature`?
      help: it has max_tokens, temperature
    "#);
    assert_snapshot!(place.run(&["models", "options", "parrot"]), @r#"
    max_tokens   integer from 1
    temperature  number 0..2
    "#);
}

#[test]
fn the_options_of_one_that_never_ran_are_asked_for() {
    let Some(place) = parrot() else { return };
    let options = place.run(&["models", "options", "parrot", "--json"]);
    assert_eq!(options.json()["properties"]["max_tokens"]["default"], 4096, "{options}");
}

#[test]
fn what_it_cannot_read_is_refused() {
    let Some(place) = parrot() else { return };
    place.place.file("cat.png", PNG);
    let run = place.run(&["-m", "parrot", "-a", "cat.png", "what is this"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.starts_with("error: parrot cannot read images (image/png)\n  help: models that can: "),
        "{run}"
    );
    place.place.file("notes.txt", "the notes");
    let run = place.run(&["-m", "parrot", "-a", "notes.txt", "sum up"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "**parrot** (t=0.7, sys=0): notes.txt: the notes sum up"),
        "{run}"
    );
}

#[test]
fn the_prompt_may_come_from_stdin() {
    let Some(place) = parrot() else { return };
    assert_eq!(
        place.pipe("piped words\n", &["-m", "parrot"]).stdout,
        "**parrot** (t=0.7, sys=0): piped words"
    );
    let both = place.pipe("a diff", &["-m", "parrot", "-s", "be brief", "review"]);
    assert_eq!(both.stdout, "**parrot** (t=0.7, sys=8): review a diff");
}

#[test]
fn it_can_be_the_default() {
    let Some(place) = parrot() else { return };
    assert_eq!(place.run(&["models", "default", "parrot"]).code, 0);
    assert_eq!(place.run(&["hello"]).stdout, "**parrot** (t=0.7, sys=0): hello");
    assert_eq!(place.run_with(&[("CONSORT_MODEL", "demo")], &["-o", "say", "x", "hello"]).stdout, "x");
    place
        .place
        .file("home/consort.toml", "[aliases]\nbird = 'parrot'\n[models.parrot.options]\nmax_tokens = 1\n");
    assert_eq!(place.run(&["-m", "bird", "one two"]).stdout, "**parrot** (t=0.7, sys=0): one");
}

#[test]
fn an_answer_streams_and_is_kept_when_it_is_cut() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("cut.py", drop_in("yield 'one '\nyield 'two'\nraise RuntimeError('cut')"));
    let run = place.run(&["-u", "-m", "cut", "x"]);
    assert_eq!((run.code, run.stdout.as_str()), (5, "one two"));
    assert!(run.stderr.contains("error: cut: RuntimeError: cut at cut.py:8"), "{run}");
    let whole = place.run(&["--json", "-m", "cut", "x"]).json();
    assert_eq!(
        (whole["text"].as_str(), whole["error"]["code"].as_str()),
        (Some("one two"), Some("plugin_bug"))
    );
    assert_eq!(place.run(&["--no-stream", "-m", "cut", "x"]).code, 5);
}

#[test]
fn an_async_one_and_one_with_options_of_its_own() {
    let Some(place) = Plugged::with_python() else { return };
    let text = "import asyncio\nfrom llm_utils import LLMClient\n\n\nclass A(LLMClient):\n    async def generate_response(self, s, u, m, t, *, pause=0.01, loud=False):\n        for word in ['one', 'two']:\n            yield word.upper() if loud else word\n            await asyncio.sleep(pause)\n";
    place.plugin("waiter.py", text);
    assert_eq!(place.ask("waiter", "x").stdout, "onetwo");
    assert_eq!(place.run(&["-m", "waiter", "-o", "loud", "on", "-o", "pause", "0", "x"]).stdout, "ONETWO");
}

#[cfg(unix)]
mod protocol {
    use super::super::{Plugged, SHELL};
    use insta::assert_snapshot;

    #[test]
    fn a_script_and_a_program_without_an_ending() {
        let place = Plugged::new();
        place.plugin("shell.sh", SHELL);
        place.program("prog", SHELL);
        place.program("my prog", SHELL);
        for model in ["shell", "prog", "my prog", "prog/shell"] {
            let run = place.run(&["-u", "-m", model, "x"]);
            assert_eq!((run.code, run.stdout.as_str()), (0, "from a shell"), "{run}");
            assert!(run.stderr.contains("2 in - 3 out"), "{run}");
        }
        assert_eq!(place.run(&["--json", "-m", "prog", "x"]).json()["usage"]["output"], 3);
        let check = place.run(&["plugins", "check", "prog"]);
        assert!(check.code == 0 && check.stdout.contains("prog answers again behind a `cancel`"), "{check}");
    }

    #[test]
    fn one_that_says_nothing_sensible() {
        let place = Plugged::new();
        place.program("liar", "#!/bin/sh\necho hello\necho world >&2\nexit 3\n");
        assert_snapshot!(place.ask("liar", "x"), @r#"
        exit 5
        --- stderr
        error: liar: the plugin is broken: the plugin exited with code 3; its last words: world
          help: its log: consort plugins log liar
        "#);
        let log = place.run(&["plugins", "log", "liar"]);
        assert!(log.stdout.contains("hello") && log.stdout.contains("world"), "{log}");
        let check = place.run(&["plugins", "check", "liar"]);
        assert_eq!(check.code, 1, "{check}");
    }
}
