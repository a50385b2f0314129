//! Files that nobody expected in a plugin folder, and folders that are not there.
use super::{Plugged, drop_in};
use insta::assert_snapshot;

#[test]
fn names_with_blanks_and_letters_of_all_kinds() {
    let Some(place) = Plugged::with_python() else { return };
    for id in ["größer als 2 🦜", "日本語", "it's \"quoted\" $HOME", "a:b", "two  blanks"] {
        place.plugin(&format!("{id}.py"), drop_in("return 'fine'"));
        assert_eq!(place.ask(id, "x").stdout, "fine", "{id}");
        assert_eq!(place.state(id), "ready");
        assert_eq!(place.run(&["plugins", "why", id]).code, 0);
        assert_eq!(place.run(&["plugins", "check", id]).code, 0);
        place.plugin(&format!("{id}.py"), drop_in("raise ValueError('x')"));
        assert_eq!(place.ask(id, "x").code, 5);
        let log = place.run(&["plugins", "log", id]);
        assert!(log.stdout.contains("ValueError"), "{log}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_plugin_is_a_row_or_nothing() {
    use std::os::unix::fs::symlink;
    let place = Plugged::new();
    let folder = place.plugin("helper.txt", "not a plugin").parent().unwrap().to_owned();
    place.plugin("noending", "no program");
    std::fs::create_dir(folder.join("folder.py")).unwrap();
    std::fs::create_dir(folder.join("plain")).unwrap();
    symlink("loop.py", folder.join("loop.py")).unwrap();
    symlink("/nowhere/at/all", folder.join("dangling.py")).unwrap();
    for name in ["big.py", "bigprog"] {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        file.set_len(100 << 20).unwrap();
    }
    place.plugin("empty.py", "");
    place.plugin("bytes.py", b"x = '\xff\xfe'\n");
    let begun = std::time::Instant::now();
    assert_snapshot!(place.run(&["plugins"]), @r#"
      PLUGIN    STATE   MODELS  WHAT IS WRONG
      big       broken          big.py: it has 100 MiB; a Python plugin may have 2 MiB
      bytes     broken          bytes.py:1: it is not UTF-8
      dangling  broken          dangling.py: it is a link to nothing
      empty     broken          empty.py: it defines no model
      folder    broken          folder.py: it is a folder, where a file is expected
      loop      broken          loop.py: it is a link that leads to itself
    --- stderr

    consort plugins why NAME says what to do; consort plugins check NAME tests one
    "#);
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    for id in ["big", "bytes", "dangling", "empty", "folder", "loop"] {
        let run = place.ask(id, "x");
        assert!(run.code == 5 && run.stderr.contains("help: "), "{run}");
        assert_eq!(place.run(&["plugins", "check", id]).code, 1, "{id}");
    }
    assert_eq!(place.ask("noending", "x").code, 4);
    assert_eq!(place.run(&["-m", "demo", "-o", "say", "well", "x"]).stdout, "well");
}

#[test]
fn a_file_that_wants_another_python_says_so() {
    let Some(place) = Plugged::with_python() else { return };
    let head = |wanted: &str| format!("# /// script\n# requires-python = \"{wanted}\"\n# ///\n");
    place.plugin("newer.py", head(">=3.99") + &drop_in("return 'x'"));
    place.plugin("fine.py", head(">=3.10") + &drop_in("return 'fine'"));
    let run = place.ask("newer", "x");
    assert!(run.code != 0 && run.stderr.contains("it wants Python >=3.99: 3."), "{run}");
    assert_eq!(place.state("newer"), "needs setup");
    // Nothing is installed for one that could not run.
    let head = "# /// script\n# requires-python = \">=3.99\"\n# dependencies = [\"acme\"]\n# ///\n";
    place.plugin("packed.py", head.to_owned() + &drop_in("return 'x'"));
    let run = place.run(&["plugins", "install-deps", "packed"]);
    assert!(
        run.code != 0
            && run.stderr.contains("CONSORT_PYTHON=/path/to/python3 consort plugins install-deps packed"),
        "{run}"
    );
    assert_eq!(place.ask("fine", "x").stdout, "fine");
}

/// The Python of an environment wins, and files of `llm` have one without naming packages.
#[cfg(unix)]
#[test]
fn a_file_of_llm_that_wants_another_python_is_installed_anew() {
    let Some(place) = Plugged::with_python() else { return };
    let head = "# /// script\n# requires-python = \">=3.99\"\n# ///\nimport llm\n";
    place.plugin("ver.py", head.to_owned() + "@llm.hookimpl\ndef register_models(register): pass\n");
    let venv = place.place.path("home/data/plugin-state/venvs/ver");
    std::fs::create_dir_all(venv.join("bin")).unwrap();
    std::os::unix::fs::symlink(place.python.unwrap(), venv.join("bin/python")).unwrap();
    std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.11.7\n").unwrap();
    std::fs::write(venv.join("made.txt"), "").unwrap();
    assert_snapshot!(place.ask("ver", "x"), @r"
    exit 3
    --- stderr
    error: ver: the plugin needs setup: it wants Python >=3.99: 3.11 is here
      help: name one that it runs on: CONSORT_PYTHON=/path/to/python3 consort plugins install-deps ver
    ");
}

#[cfg(unix)]
#[test]
fn a_large_program_that_is_none() {
    let place = Plugged::new();
    let path = place.program("bigprog", "");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(100 << 20).unwrap();
    let run = place.ask("bigprog", "x");
    assert!(run.code != 0 && run.stderr.contains("bigprog: the plugin"), "{run}");
    assert!(run.stderr.contains("help: "), "{run}");
}

#[cfg(unix)]
#[test]
fn two_files_with_one_stem() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("twin.py", drop_in("return 'the first'"));
    place.program("twin.sh", super::SHELL);
    assert_snapshot!(place.run(&["plugins"]), @r#"
      PLUGIN  STATE      MODELS  WHAT IS WRONG
      twin    unchecked
      twin    broken             twin.sh: `twin` is already the name of [PLACE]/home/data/plugins/twin.py
    --- stderr

    consort plugins why NAME says what to do; consort plugins check NAME tests one
    "#);
    assert_eq!(place.ask("twin", "x").stdout, "the first");
    // Of two folders, the one that was named wins.
    place.place.file("named/twin.py", drop_in("return 'the named'"));
    assert_eq!(place.run(&["--plugins", "named", "-m", "twin", "x"]).stdout, "the named");
    assert_eq!(place.ask("twin", "x").stdout, "the first");
}

#[test]
fn a_plugin_beside_a_provider_of_the_same_name() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("demo.py", drop_in("return 'not the demo'"));
    place.plugin("openai.py", drop_in("return 'not a vendor'"));
    for (id, other) in [("demo", "the demo model"), ("openai", "the provider")] {
        let row = place.row(id);
        assert_eq!(row["state"], "broken", "{other}: {row:#}");
        assert!(
            row["reason"].as_str().unwrap().contains(&format!("`{id}` is already the name of a provider")),
            "{row:#}"
        );
        assert!(row["help"].as_str().unwrap().contains("another name"), "{row:#}");
    }
    assert_eq!(place.run(&["-m", "demo", "-o", "say", "well", "x"]).stdout, "well");
}

#[test]
fn folders_that_are_named() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("mine/one.py", drop_in("return 'one'"));
    place.place.file("more/two.py", drop_in("return 'two'"));
    assert_snapshot!(place.run(&["--plugins", "nowhere", "-m", "demo", "-o", "say", "well", "x"]), @r#"
    well<no newline>
    --- stderr
    warning: [PLACE]/nowhere: there is no such folder
      help: `--plugins` takes a folder that holds plugin files
    "#);
    assert_eq!(place.run(&["--plugins", "mine", "--plugins", "more", "-m", "two", "x"]).stdout, "two");
    let list = format!("mine:{}", place.place.path("more").display());
    let env = [("CONSORT_PLUGINS", list.as_str())];
    assert_eq!(place.run_with(&env, &["-m", "one", "x"]).stdout, "one");
    assert_eq!(place.run_with(&env, &["-m", "two", "x"]).stdout, "two");
    let missing = [("CONSORT_PLUGINS", "/nowhere")];
    assert_snapshot!(place.run_with(&missing, &["-m", "demo", "-o", "say", "well", "x"]), @r"
    well<no newline>
    --- stderr
    warning: /nowhere: there is no such folder
      help: CONSORT_PLUGINS lists folders that hold plugin files
    ");
    place
        .place
        .file("home/consort.toml", format!("plugin_dirs = ['{}']\n", place.place.path("mine").display()));
    assert_eq!(place.ask("one", "x").stdout, "one");
    assert_eq!(place.ask("two", "x").code, 4);
    place.place.file("notes", "a file");
    let run = place.run(&["--plugins", "notes", "-m", "demo", "-o", "say", "well", "x"]);
    assert!(run.stdout == "well" && run.stderr.contains("this is no folder"), "{run}");
}

#[test]
fn a_plugin_says_nothing_to_the_terminal() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin(
        "loud.py",
        "import sys\nfrom llm_utils import LLMClient\n\n\nclass Loud(LLMClient):\n    def generate_response(self, system, user_message, max_tokens, temperature):\n        sys.stderr.write('log \\x1b]0;title\\x07\\n')\n        raise ValueError('bad \\x1b]52;c;eA==\\x07')\n",
    );
    for args in [&["-m", "loud", "x"][..], &["plugins", "check", "loud"], &["plugins", "log", "loud"]] {
        // As on a terminal: colours pass, and so would everything else.
        let run = place.run(&[args, &["--color", "always"]].concat());
        let said = run.stdout.clone() + &run.stderr;
        assert!(said.contains("bad ") || said.contains("log "), "{said:?}");
        assert!(!said.contains("\x1b]") && !said.contains('\x07'), "{said:?}");
    }
}
