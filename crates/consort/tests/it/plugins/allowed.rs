//! What plugins are allowed: variables and keys that they were granted, folders that are trusted.
use super::{Plugged, drop_in};
use insta::assert_snapshot;

const KEY: (&str, &str) = ("NEEDS_KEY_API_KEY", "sk-secret-1");

#[test]
fn a_variable_is_granted_in_one_step() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("needs_key.py");
    // That the variable is set is not enough.
    assert_snapshot!(place.run_with(&[KEY], &["-m", "needs_key", "x"]), @r#"
    exit 3
    --- stderr
    error: needs_key: the plugin needs setup: NEEDS_KEY_API_KEY is not set
      help: consort plugins grant needs_key NEEDS_KEY_API_KEY
    "#);
    assert_snapshot!(place.run_with(&[KEY], &["plugins", "grant", "needs_key", KEY.0]), @r#"
    --- stderr
    ok: needs_key gets NEEDS_KEY_API_KEY
    "#);
    assert_snapshot!(place.run_with(&[KEY], &["-m", "needs_key", "x"]), @"unlocked by 11 characters");
    let why = place.run_with(&[KEY], &["plugins", "why", "needs_key"]);
    assert!(why.stdout.contains("granted  NEEDS_KEY_API_KEY"), "{why}");
    assert_snapshot!(place.run_with(&[KEY], &["plugins", "revoke", "needs_key", KEY.0]), @r#"
    --- stderr
    ok: needs_key no longer gets NEEDS_KEY_API_KEY
    "#);
    assert_eq!(place.run_with(&[KEY], &["-m", "needs_key", "x"]).code, 3);
}

#[test]
fn a_granted_value_is_in_no_log_and_no_error() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("needs_key.py");
    place.plugin(
        "teller.py",
        drop_in("import os\nraise ValueError('it is ' + os.environ['NEEDS_KEY_API_KEY'])"),
    );
    place.run(&["plugins", "grant", "needs_key", KEY.0]);
    place.run(&["plugins", "grant", "teller", KEY.0]);
    place.run_with(&[KEY], &["-m", "needs_key", "x"]);
    assert_snapshot!(place.run(&["plugins", "log", "needs_key"]), @"the key is ***");
    let told = place.run_with(&[KEY], &["-m", "teller", "x"]);
    assert!(told.code == 5 && told.stderr.contains("ValueError: it is ***"), "{told}");
    let log = place.run(&["plugins", "log", "teller"]);
    assert!(log.stdout.contains("ValueError: it is ***") && !log.stdout.contains(KEY.1), "{log}");
}

#[test]
fn a_stored_key_of_the_variables_name_does_too() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("needs_key.py");
    assert_snapshot!(place.run(&["plugins", "grant", "needs_key", KEY.0]), @r#"
    --- stderr
    ok: needs_key gets NEEDS_KEY_API_KEY
    warning: `NEEDS_KEY_API_KEY` is not set yet: export it, or consort keys set NEEDS_KEY_API_KEY
    "#);
    assert_snapshot!(place.ask("needs_key", "x"), @r#"
    exit 3
    --- stderr
    error: needs_key: the plugin needs setup: NEEDS_KEY_API_KEY is not set
      help: export NEEDS_KEY_API_KEY=..., or: consort keys set NEEDS_KEY_API_KEY
    "#);
    let stored = place.pipe(KEY.1, &["keys", "set", KEY.0]);
    assert!(stored.code == 0 && !stored.stderr.contains("warning"), "a plugin uses it: {stored}");
    assert_eq!(place.ask("needs_key", "x").stdout, "unlocked by 11 characters");
    assert_eq!(place.run(&["plugins", "log", "needs_key"]).stdout, "the key is ***\n");
}

#[test]
fn a_stored_key_comes_as_the_variable_that_is_named_after_it() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("needs_key.py");
    place.pipe(KEY.1, &["keys", "set", "needs_key"]);
    // It says that the key is there, and what to do.
    let run = place.ask("needs_key", "x");
    assert!(run.stderr.contains("help: consort plugins grant needs_key NEEDS_KEY_API_KEY\n"), "{run}");
    for granted in ["needs_key", "NEEDS_KEY_API_KEY"] {
        let grant = place.run(&["plugins", "grant", "needs_key", granted]);
        assert!(!grant.stderr.contains("warning"), "{grant}");
        assert_eq!(place.ask("needs_key", "x").stdout, "unlocked by 11 characters", "{granted}");
        place.run(&["plugins", "revoke", "needs_key", granted]);
        assert_eq!(place.ask("needs_key", "x").code, 3);
    }
    // What is another's is not given with it.
    place.run(&["plugins", "grant", "needs_key", "other"]);
    assert_eq!(place.ask("needs_key", "x").code, 3);
    let home = place.run(&["plugins", "grant", "needs_key", "HOME"]);
    assert!(home.code == 2 && home.stderr.contains("plugin-state/work/needs_key"), "{home}");
}

#[test]
fn a_key_of_the_manifest_comes_as_its_variable() {
    let Some(place) = Plugged::with_python() else { return };
    let block = "# /// llm-plugin\n# env = { ACME_KEY = \"acme\" }\n# ///\n";
    place.plugin(
        "acme.py",
        format!("{block}{}", drop_in("import os\nreturn 'with ' + str(len(os.environ.get('ACME_KEY', '')))")),
    );
    place.pipe("sk-acme-1", &["keys", "set", "acme"]);
    assert_eq!(place.ask("acme", "x").stdout, "with 0");
    place.run(&["plugins", "grant", "acme", "acme"]);
    assert_eq!(place.ask("acme", "x").stdout, "with 9");
}

#[test]
fn a_refused_key_is_named() {
    let Some(place) = Plugged::with_python() else { return };
    let block = "# /// llm-plugin\n# env = { ACME_KEY = \"acme\" }\n# ///\n";
    let body = "error = Exception('401 Client Error')\nerror.status_code = 401\nraise error";
    place.plugin("acme.py", format!("{block}{}", drop_in(body)));
    place.pipe("sk-acme-1", &["keys", "set", "acme"]);
    place.run(&["plugins", "grant", "acme", "acme"]);
    let run = place.ask("acme", "x");
    assert!(run.stderr.starts_with("error: acme: the key `acme` was refused: "), "{run}");
    assert!(
        run.stderr.contains("401 Client Error") && run.stderr.contains("help: consort keys set acme\n"),
        "{run}"
    );
}

#[test]
fn what_was_never_granted_is_not_taken_away() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("parrot.py");
    assert_snapshot!(place.run(&["plugins", "revoke", "parrot", "NOTHING"]), @r#"
    --- stderr
    parrot did not get NOTHING
    "#);
    assert_snapshot!(place.run(&["plugins", "grant", "parrot", ""]), @r#"
    exit 2
    --- stderr
    error: this cannot be the name of a key
      help: `consort keys list` shows the names of the keys
    "#);
    assert_eq!(place.run(&["plugins", "grant", "parrot"]).code, 2);
}

#[test]
fn a_projects_folder_is_seen_and_not_run_before_it_is_trusted() {
    let Some(place) = Plugged::with_python() else { return };
    let mark = place.place.path("it-ran");
    let text = format!("open({:?}, 'w').close()\n{}", mark.display().to_string(), drop_in("return 'local'"));
    place.place.file("llm_plugins/local.py", text);
    assert_snapshot!(place.run(&["plugins"]), @r#"
      PLUGIN  STATE        MODELS  WHAT IS WRONG
      local   needs setup          your trust: it comes with this folder
    --- stderr

    consort plugins why NAME says what to do; consort plugins check NAME tests one
    "#);
    assert_snapshot!(place.ask("local", "x"), @r#"
    exit 3
    --- stderr
    error: local: the plugin needs setup: your trust: it comes with this folder
      help: consort plugins trust [PLACE]/llm_plugins
    "#);
    for args in [
        &["plugins", "check", "local"][..],
        &["plugins", "reload"],
        &["models", "--live"],
        &["plugins", "debug", "local"],
        &["-m", "local/any", "x"],
        &["-m", "nobody", "x"],
    ] {
        place.run(args);
    }
    assert!(!mark.exists(), "it ran");
    assert_snapshot!(place.run(&["plugins", "trust", "llm_plugins"]), @r#"
    --- stderr
    ok: the plugins in [PLACE]/llm_plugins may run
    "#);
    assert_eq!(place.state("local"), "unchecked");
    assert_eq!(place.ask("local", "x").stdout, "local");
    assert!(mark.exists());
    std::fs::remove_file(&mark).unwrap();
    assert_snapshot!(place.run(&["plugins", "untrust", "llm_plugins"]), @r#"
    --- stderr
    ok: the plugins in [PLACE]/llm_plugins may no longer run
    "#);
    assert_eq!(place.state("local"), "needs setup");
    for args in [
        &["-m", "local", "x"][..],
        &["-m", "local/local", "x"],
        &["plugins", "check", "local"],
        &["plugins", "debug", "local"],
    ] {
        assert_ne!(place.run(args).code, 0, "{args:?}");
    }
    assert!(!mark.exists(), "it ran although it is no longer trusted");
}

#[test]
fn whoever_names_a_folder_trusts_it() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("llm_plugins/local.py", drop_in("return 'local'"));
    assert_eq!(place.run(&["--plugins", "llm_plugins", "-m", "local", "x"]).stdout, "local");
    assert_eq!(place.run_with(&[("CONSORT_PLUGINS", "llm_plugins")], &["-m", "local", "x"]).stdout, "local");
    assert_eq!(place.ask("local", "x").code, 3);
    assert_snapshot!(place.run(&["plugins", "trust", "nowhere"]), @r#"
    exit 2
    --- stderr
    error: `nowhere` cannot be opened: there is no such folder
      help: name the folder that the plugins are in
    "#);
}
