//! `consort plugins`: list, why, log, check, reload, path, uninstall, and names that nobody has.
use super::{Plugged, drop_in};
use insta::assert_snapshot;

fn some() -> Option<Plugged> {
    let place = Plugged::with_python()?;
    for name in ["parrot.py", "needs_key.py", "my new plugin.py", "wrong_types.py"] {
        place.sample(name);
    }
    Some(place)
}

#[test]
fn an_empty_folder_says_how_to_begin() {
    assert_snapshot!(Plugged::new().run(&["plugins"]), @r#"
    --- stderr
    no plugins yet: put a file into the folder that `consort plugins path` prints,
    install a package (`consort plugins install llm-echo`), or start one
    (`consort plugins new drop-in my_model`)
    "#);
    assert_snapshot!(Plugged::new().run(&["plugins", "--json"]), @"[]");
}

#[test]
fn rows_before_and_after_they_ran() {
    let Some(place) = some() else { return };
    assert_snapshot!(place.run(&["plugins"]), @r#"
      PLUGIN         STATE      MODELS  WHAT IS WRONG
      my new plugin  unchecked
      needs_key      unchecked
      parrot         unchecked
      wrong_types    unchecked
    --- stderr

    consort plugins why NAME says what to do; consort plugins check NAME tests one
    "#);
    let reloaded = place.run(&["plugins", "reload"]);
    assert_eq!(reloaded.code, 0);
    assert!(reloaded.stderr.contains("ok: parrot is ready\n"), "{reloaded}");
    assert!(reloaded.stderr.contains("needs_key: needs setup: NEEDS_KEY_API_KEY is not set\n"), "{reloaded}");
    let rows = place.run(&["plugins", "list"]);
    let lines: Vec<String> =
        rows.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines[1].starts_with("my new plugin broken my new plugin.py:6: SyntaxError"), "{rows}");
    assert_eq!(
        lines[2..],
        ["needs_key needs setup NEEDS_KEY_API_KEY is not set", "parrot ready 1", "wrong_types ready 1"]
    );
}

#[test]
fn rows_for_programs() {
    let Some(place) = some() else { return };
    place.run(&["plugins", "reload", "parrot"]);
    place.run(&["plugins", "check", "needs_key"]);
    let rows = place.run(&["plugins", "list", "--json"]).json();
    assert_snapshot!(format!("{:#}", rows[1]).replace(&place.root().display().to_string(), "[PLACE]/"), @r#"
    {
      "id": "needs_key",
      "state": "needs setup",
      "reason": "NEEDS_KEY_API_KEY is not set",
      "help": "export NEEDS_KEY_API_KEY=..., then: consort plugins grant needs_key NEEDS_KEY_API_KEY",
      "at": "needs_key.py:11",
      "file": "[PLACE]/home/data/plugins/needs_key.py",
      "dialect": "drop_in",
      "models": []
    }
    "#);
    assert_eq!((rows[2]["state"].as_str(), rows[2]["models"][0].as_str()), (Some("ready"), Some("parrot")));
}

#[test]
fn names_and_files_that_are_not_there() {
    let place = Plugged::new();
    place.plugin("parrot.py", "x");
    assert_snapshot!(place.run(&["plugins", "check", "parrot.py"]), @r#"
    exit 2
    --- stderr
    error: no plugin is named `parrot.py`
      tip: did you mean `parrot`?
      help: `consort plugins` lists them
    "#);
    assert_snapshot!(place.run(&["plugins", "check", "./none.py"]), @r#"
    exit 2
    --- stderr
    error: there is no file `./none.py`
      help: a plugin in the plugins folder is named alone: `consort plugins` lists them
    "#);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("loop.py", place.place.path("loop.py")).unwrap();
        let run = place.run(&["plugins", "check", "loop.py"]);
        assert!(run.code == 2 && run.stderr.contains("is a link that leads nowhere"), "{run}");
    }
}

#[test]
fn why_one_is_so() {
    let Some(place) = some() else { return };
    assert_snapshot!(place.run(&["plugins", "why", "needs_key"]), @r#"
    needs_key
      state  unchecked
      file   [PLACE]/home/data/plugins/needs_key.py
      kind   drop_in
      reads  NEEDS_KEY_API_KEY
    --- stderr
    nobody ran it yet: its first use does, or consort plugins check
    "#);
    place.run(&["plugins", "reload"]);
    assert_snapshot!(place.run(&["plugins", "why", "needs_key"]), @r#"
    needs_key
      state   needs setup: NEEDS_KEY_API_KEY is not set
      file    [PLACE]/home/data/plugins/needs_key.py
      kind    drop_in
      folder  [PLACE]/home/data/plugin-state/work/needs_key
      at      needs_key.py:11
      reads   NEEDS_KEY_API_KEY
    --- stderr
      help: export NEEDS_KEY_API_KEY=..., then: consort plugins grant needs_key NEEDS_KEY_API_KEY
    "#);
    let broken = place.run(&["plugins", "why", "my new plugin"]);
    assert!(broken.stdout.contains("broken: my new plugin.py:6: SyntaxError"), "{broken}");
    assert!(broken.stderr.contains("mend my new plugin.py:6"), "a broken one says what to do: {broken}");
}

#[test]
fn checks_and_their_exit_codes() {
    let Some(place) = some() else { return };
    let good = place.run(&["plugins", "check", "parrot", "--prompt", "one two"]);
    assert_eq!(good.code, 0, "{good}");
    for word in [
        "parrot (drop_in)",
        "ok: it starts",
        "ok: it answers a ping",
        "ok: it lists 1 model(s): parrot",
        "one two\"",
        "ok: parrot counts",
    ] {
        assert!(good.stdout.contains(word), "{word}: {good}");
    }
    let wrong = place.run(&["plugins", "check", "wrong_types"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stdout.contains("error: wrong_types.py:6: "), "the line of the empty body: {wrong}");
    let setup = place.run(&["plugins", "check", "needs_key"]);
    assert_eq!(setup.code, 1);
    assert!(setup.stdout.contains("error: needs_key.py:11: NEEDS_KEY_API_KEY is not set\n"), "{setup}");
    assert!(setup.stdout.contains("  help: export NEEDS_KEY_API_KEY"), "{setup}");
    let broken = place.run(&["plugins", "check", "my new plugin", "--json"]);
    assert_eq!(broken.code, 1);
    assert_eq!(
        (broken.json()[0]["level"].as_str(), broken.json()[0]["at"].as_str()),
        (Some("error"), Some("my new plugin.py:6"))
    );
}

#[test]
fn one_that_does_not_start_is_checked_as_far_as_its_text_tells() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin(
        "two.py",
        "import os\nfrom llm_utils import LLMClient\n\n\nclass Two(LLMClient):\n    def __init__(self):\n        self.key = os.environ['TWO_KEY']\n\n    def generate_response(self, system, user_message):\n        print(user_message)\n",
    );
    assert_snapshot!(place.run(&["plugins", "check", "two"]), @r#"
    exit 1
    two (drop_in)
    error: two.py:7: TWO_KEY is not set
      help: export TWO_KEY=..., then: consort plugins grant two TWO_KEY
    error: two.py:9: generate_response never returns anything
    warning: two.py:5: Two has no count_tokens
      help: tokens are estimated without it
    warning: two.py:9: generate_response takes 2 of 4 arguments
      help: it is called with (system, user_message, max_tokens, temperature), by position
    "#);
    assert_eq!(place.state("two"), "needs setup", "what it finds in itself is no state");
}

#[test]
fn a_file_anywhere_can_be_checked() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("draft/mine.py", drop_in("return 'a draft'"));
    let run = place.run(&["plugins", "check", "draft/mine.py"]);
    assert!(run.code == 0 && run.stdout.contains("mine answers \"a draft\""), "{run}");
    assert_snapshot!(place.run(&["plugins", "check", "draft/other.py"]), @r#"
    exit 2
    --- stderr
    error: there is no file `draft/other.py`
      help: a plugin in the plugins folder is named alone: `consort plugins` lists them
    "#);
    place.place.file("draft/notes.md", "# nothing");
    assert_snapshot!(place.run(&["plugins", "check", "draft/notes.md"]), @r#"
    exit 2
    --- stderr
    error: `draft/notes.md` is no plugin
      help: a plugin is a Python file, a script with a `/// llm-plugin` block, or a program
    "#);
}

#[test]
fn names_that_nobody_has() {
    let Some(place) = some() else { return };
    assert_snapshot!(place.run(&["plugins", "why", "parot"]), @r#"
    exit 2
    --- stderr
    error: no plugin is named `parot`
      tip: did you mean `parrot`?
      help: `consort plugins` lists them
    "#);
    for command in ["why", "log", "check", "reload", "uninstall", "install-deps", "debug", "run"] {
        let run = place.run(&["plugins", command, "parot"]);
        assert_eq!(run.code, 2, "{command}: {run}");
        assert!(run.stderr.contains("did you mean `parrot`?"), "{command}: {run}");
    }
    for command in ["grant", "revoke"] {
        assert_eq!(place.run(&["plugins", command, "parot", "KEY"]).code, 2);
    }
}

#[test]
fn what_cannot_be_done_with_a_file() {
    let Some(place) = some() else { return };
    assert_snapshot!(place.run(&["plugins", "uninstall", "parrot"]), @r#"
    exit 2
    --- stderr
    error: parrot is a file, not a package
      help: remove the file to remove the plugin: [PLACE]/home/data/plugins/parrot.py
    "#);
    assert!(place.place.path("home/data/plugins/parrot.py").exists());
    assert_snapshot!(place.run(&["plugins", "run", "parrot", "x"]), @r#"
    exit 2
    --- stderr
    error: parrot: only plugins of the `llm` ecosystem have commands
      help: consort plugins install NAME installs one
    "#);
    assert_snapshot!(place.run(&["plugins", "install-deps", "parrot"]), @r#"
    exit 2
    --- stderr
    error: parrot names no packages
      help: name them: consort plugins install-deps parrot PACKAGE...
      help: or in its file, as PEP 723 says: # /// script
    "#);
    assert_snapshot!(place.run(&["plugins", "path"]), @"[PLACE]/home/data/plugins");
}

#[test]
fn a_log_of_one_that_said_nothing() {
    let Some(place) = some() else { return };
    place.ask("parrot", "x");
    assert_snapshot!(place.run(&["plugins", "log", "parrot"]), @r#"
    --- stderr
    parrot said nothing when it ran last
    "#);
}

#[test]
fn one_is_run_in_the_foreground() {
    let Some(place) = some() else { return };
    let run = place.run(&["plugins", "debug", "parrot", "hey there"]);
    assert!(run.code == 0 && run.stdout.contains("hey there"), "{run}");
    place.sample("flaky.py");
    let run = place.run(&["plugins", "debug", "flaky"]);
    assert!(
        run.code != 0 && run.stdout.contains("(Pdb)") && run.stderr.contains("flaky.py\", line 7"),
        "{run}"
    );
}
