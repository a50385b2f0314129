//! `consort plugins install FILE`: a copy where plugins are, and what is refused. Packages have tests of their own.
use super::{Plugged, drop_in};
use insta::assert_snapshot;

#[test]
fn a_file_is_copied_and_told_of() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("draft/mine.py", drop_in("return 'first'"));
    assert_snapshot!(place.run(&["plugins", "install", "draft/mine.py"]), @r#"
    --- stderr
    mine: copied to ~/home/data/plugins
    ok: mine is ready: mine
    "#);
    assert_eq!(place.ask("mine", "x").stdout, "first");
    place.place.file("draft/mine.py", drop_in("return 'second'"));
    assert_snapshot!(place.run(&["plugins", "install", "draft/mine.py"]), @r#"
    exit 2
    --- stderr
    error: ~/home/data/plugins/mine.py is there already; nothing was copied
      help: --force replaces it
    "#);
    assert_eq!(place.ask("mine", "x").stdout, "first");
    assert_eq!(place.run(&["plugins", "install", "--force", "draft/mine.py"]).code, 0);
    assert_eq!(place.ask("mine", "x").stdout, "second");
    assert_snapshot!(place.run(&["plugins", "install", "--force", "home/data/plugins/mine.py"]), @r#"
    exit 2
    --- stderr
    error: ~/home/data/plugins/mine.py is there already
      help: look at it again: consort plugins reload mine
    "#);
    assert_eq!(place.ask("mine", "x").stdout, "second");
}

#[test]
fn what_it_needs_is_said() {
    let Some(place) = Plugged::with_python() else { return };
    let text = format!("# /// script\n# dependencies = ['acme-client']\n# ///\n{}", drop_in("return 'x'"));
    place.place.file("draft/needy.py", text);
    assert_snapshot!(place.run(&["plugins", "install", "draft/needy.py"]), @r#"
    --- stderr
    needy: copied to ~/home/data/plugins
    ok: needy is installed
    warning: it needs setup: its packages are not installed: acme-client
      help: consort plugins install-deps needy
    "#);
}

#[cfg(unix)]
#[test]
fn a_file_comes_with_what_stands_beside_it_and_a_folder_whole() {
    let place = Plugged::new();
    let file = place.place.file("draft/tool.sh", super::SHELL);
    place.place.file("draft/tool.toml", "protocol = 1\nname = 'Beside'\n");
    super::executable(&file);
    let run = place.run(&["plugins", "install", "draft/tool.sh"]);
    assert!(run.code == 0 && run.stderr.contains("tool is ready"), "{run}");
    assert!(place.place.path("home/data/plugins/tool.toml").exists());
    place.place.file("draft/box/plugin.toml", "protocol = 1\nrun = ['sh', 'inner/run.sh']\n");
    place.place.file("draft/box/inner/run.sh", super::SHELL);
    place.place.file("draft/box/.git/config", "x");
    let run = place.run(&["plugins", "install", "draft/box/"]);
    assert!(run.code == 0 && run.stderr.contains("box is ready"), "{run}");
    assert!(!place.place.path("home/data/plugins/box/.git").exists());
    std::os::unix::fs::symlink("/etc", place.place.path("draft/box/link")).unwrap();
    let run = place.run(&["plugins", "install", "--force", "draft/box/"]);
    assert!(run.code != 0 && run.stderr.contains("box/link is neither a file nor a folder"), "{run}");
    assert!(place.place.path("home/data/plugins/box/plugin.toml").exists(), "the old one stays");
    let left = std::fs::read_dir(place.place.path("home/data/plugins")).unwrap().count();
    assert_eq!(left, 3, "no draft is left");
}

/// Its list of models depends on a key of its own.
#[cfg(unix)]
#[test]
fn a_key_that_the_list_needs_is_its_own() {
    let place = Plugged::new();
    let text = super::SHELL
        .replace("protocol = 1", "protocol = 1\n# env = { ACME_LIST_KEY = \"acme-list\" }")
        .replace(
            "while read",
            "few='\"models\":[],\"needs\":{\"secrets\":[\"acme-list\"]},\"notes\":[\"few\"]'\nwhile read",
        )
        .replace(
            "*) continue ;;\n  esac",
            "*) continue ;;\n  esac\n  case $line$ACME_LIST_KEY in *'models/list'*'}') result=$few ;; esac",
        );
    super::executable(&place.place.file("draft/keyed.sh", text));
    assert_snapshot!(place.run(&["plugins", "install", "draft/keyed.sh"]), @r#"
    --- stderr
    keyed: copied to ~/home/data/plugins
    keyed: it gets the key `acme-list`
    ok: keyed is installed
    warning: it needs the key `acme-list`
      help: consort keys set acme-list
    "#);
    // What was learnt with the grant is what the row shows.
    assert_snapshot!(place.run(&["plugins", "why", "keyed"]), @r#"
    keyed
      state    needs the key `acme-list`
      file     [PLACE]/home/data/plugins/keyed.sh
      kind     protocol
      folder   [PLACE]/home/data/plugin-state/work/keyed
      note     few
      granted  acme-list
    --- stderr
      help: consort keys set acme-list
    "#);
    assert_eq!(place.pipe("sk-acme-1", &["keys", "set", "acme-list"]).code, 0);
    assert_eq!(place.ask("keyed", "x").stdout, "from a shell");
    assert_eq!(place.state("keyed"), "ready");
    place.run(&["plugins", "revoke", "keyed", "acme-list"]);
    let run = place.ask("keyed", "x");
    assert!(run.code != 0 && run.stderr.contains("consort plugins grant keyed acme-list"), "{run}");
}

/// A hosted vendor's key is not given away, however its name is spelled.
#[cfg(unix)]
#[test]
fn a_key_of_a_hosted_vendor_is_not_given_with_it() {
    for name in ["Anthropic", "anthropic_api", "ANTHROPIC_API_KEY"] {
        let place = Plugged::new();
        let needs =
            format!("\"needs\":{{\"secrets\":[\"{name}\"],\"env\":[\"ANTHROPIC_API_KEY\"]}},\"models\":[");
        let text = super::SHELL.replace("\"models\":[", &needs);
        super::executable(&place.place.file("draft/thief.sh", text));
        let run = place.run(&["plugins", "install", "draft/thief.sh"]);
        assert!(run.code == 0 && !run.stderr.contains("it gets the key"), "{run}");
        let why = place.run(&["plugins", "why", "thief"]).stdout;
        assert!(!why.contains("granted"), "{why}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_plugin_without_models_brings() {
    let place = Plugged::new();
    let can =
        "\"tools\":true,\"templates\":[\"house\"],\"fragments\":[\"up\",\"down\"],\"commands\":[\"go\"]";
    let none = super::SHELL.replace("\"generate\":true", can);
    let (before, rest) = none.split_once("\"models\":[").unwrap();
    let none = format!("{before}\"models\":[]' ;;{}", rest.split_once("' ;;").unwrap().1);
    super::executable(&place.place.file("draft/my kit.sh", none));
    assert_snapshot!(place.run(&["plugins", "install", "draft/my kit.sh"]), @r#"
    --- stderr
    my kit: copied to ~/home/data/plugins
    ok: my kit is installed; it brings tools (consort plugins tools 'my kit'), templates (-t house:NAME), fragments (-f up:WHAT, -f down:WHAT), commands (consort plugins run 'my kit' go)
    "#);
    let check = place.run(&["plugins", "check", "my kit"]);
    assert!(
        check.code == 0 && check.stdout.contains("it brings fragments: -f up:WHAT, -f down:WHAT"),
        "{check}"
    );
    let why = place.run(&["plugins", "why", "my kit"]).stdout;
    for line in ["tools      consort plugins tools 'my kit'", "templates  -t house:NAME"] {
        assert!(why.contains(line), "{why}");
    }
}

/// What a list is asked from may be out of reach for a while.
#[cfg(unix)]
#[test]
fn a_list_that_cannot_be_had_now_is_no_fault_of_the_plugin() {
    let place = Plugged::new();
    let refused =
        r#"{"code":-32000,"message":"Connection refused","data":{"kind":"network","at":"away.py:3"}}"#;
    let refused = format!("echo '{{\"jsonrpc\":\"2.0\",\"id\":'\"$id\"',\"error\":{refused}}}'");
    let list = "*'\"method\":\"models/list\"'*) ";
    let away = super::SHELL.replace(list, &format!("{list}[ -e there ] || {{ {refused}; continue; }}; "));
    place.program("away.sh", &away);
    assert_snapshot!(place.ask("away", "x"), @r"
    exit 5
    --- stderr
    error: away: its models cannot be listed now, at away.py:3: Connection refused
      help: what it asks does not answer: it is asked again when the plugin is used, or mend away.py:3
    ");
    let why = place.run(&["plugins", "why", "away"]);
    assert!(
        why.stdout.contains("its models cannot be listed now, at away.py:3: Connection refused"),
        "{why}"
    );
    let check = place.run(&["plugins", "check", "away"]);
    assert!(check.stdout.contains("away.py:3") && check.stdout.contains("cannot be listed now"), "{check}");
    place.place.file("home/data/plugin-state/work/away/there", "");
    assert_eq!(place.ask("away", "x").stdout, "from a shell");
}

#[test]
fn what_is_refused() {
    let place = Plugged::new();
    place.plugin("mine.sh", "#!/bin/sh\n# /// llm-plugin\n# protocol = 1\n# ///\n");
    place.place.file("draft/mine.py", drop_in("return 'x'"));
    place.place.file("draft/openai.py", drop_in("return 'x'"));
    place.place.file("draft/notes.md", "# nothing");
    place.place.file("draft/box/readme", "nothing");
    let refused = |name: &str| {
        let run = place.run(&["plugins", "install", name]);
        assert_eq!(run.code, 2, "{run}");
        run
    };
    assert_snapshot!(refused("https://example.com/acme.py"), @r#"
    exit 2
    --- stderr
    error: `https://example.com/acme.py` is an address: nothing is run here that you did not see
      help: download it and read it, then: consort plugins install FILE
      help: a package of an address is named first: 'llm-acme @ git+https://...'
    "#);
    assert_snapshot!(refused("draft/none.py"), @r#"
    exit 2
    --- stderr
    error: there is no file `draft/none.py`
      help: a package is named alone, for instance: consort plugins install llm-echo
    "#);
    assert_snapshot!(refused("draft/mine.py"), @r#"
    exit 2
    --- stderr
    error: `mine` is already the name of ~/home/data/plugins/mine.sh
      help: give one of the two another name; nothing was copied
    "#);
    assert_snapshot!(refused("draft/openai.py"), @r#"
    exit 2
    --- stderr
    error: draft/openai.py was not copied: `openai` is already the name of a provider
      help: give the file another name
    "#);
    for name in ["draft/notes.md", "draft/box/"] {
        assert!(refused(name).stderr.contains("is no plugin"), "{name}");
    }
    assert!(!place.place.path("home/data/plugins/notes.md").exists());
}

#[test]
fn a_plugin_that_is_named_like_a_vendors_model_says_so() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("gpt-4o.py", drop_in("return 'mine'"));
    let key = [("OPENAI_API_KEY", "sk-none")];
    let note = "`gpt-4o` means the plugin of that name, and not `openai/gpt-4o`";
    let run = place.run_with(&key, &["-m", "gpt-4o", "x"]);
    assert_eq!((run.stdout.as_str(), run.stderr.trim()), ("mine", format!("note: {note}").as_str()));
    let why = place.run_with(&key, &["plugins", "why", "gpt-4o"]);
    assert!(why.stdout.contains(note), "{why}");
    // Whose whole name is said, or whose namesake nobody can ask, needs no note.
    assert_eq!(place.run_with(&key, &["-m", "gpt-4o/gpt-4o", "x"]).stderr, "");
    assert_eq!(place.ask("gpt-4o", "x").stderr, "");
    assert_eq!(place.run_with(&key, &["-q", "-m", "gpt-4o", "x"]).stderr, "");
}

#[test]
fn an_alias_that_is_a_vendors_model_says_so() {
    let Some(place) = Plugged::with_python() else { return };
    assert_eq!(place.run(&["plugins", "new", "python", "other"]).code, 0);
    let file = place.place.path("home/data/plugins/other.py");
    let text = std::fs::read_to_string(&file).unwrap();
    let (from, to) = ("{\"id\": \"other\",", "{\"id\": \"other\", \"aliases\": [\"gpt-4o\"],");
    assert!(text.contains(from), "{text}");
    std::fs::write(&file, text.replace(from, to)).unwrap();
    assert_eq!(place.run(&["plugins", "check", "other"]).code, 0);
    assert_eq!(place.run(&["-m", "gpt-4o", "x"]).stdout, "heard: x ", "the other is not set up");
    let key = [("OPENAI_API_KEY", "sk-none")];
    let why = place.run_with(&key, &["plugins", "why", "other"]);
    assert!(
        why.stdout.contains("`gpt-4o` means `openai/gpt-4o`, and not `other`, of which it is an alias"),
        "{why}"
    );
    let meant = place.run_with(&key, &["models", "options", "gpt-4o"]);
    assert!(meant.code == 0 && !meant.stderr.contains("several"), "{meant}");
}
