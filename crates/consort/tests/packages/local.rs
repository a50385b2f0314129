//! Packages that need no network: llm-echo and llm-markov.
use crate::home::Home;
use serde_json::Value;

fn said(run: &crate::support::Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"))
}

#[test]
#[ignore = "installs a package"]
fn echo() {
    let Some(home) = Home::with("llm-echo") else { return };
    let row = home.row("llm-echo");
    assert_eq!((row["state"].as_str(), row["dialect"].as_str()), (Some("ready"), Some("package")));
    assert!(row["models"].as_array().unwrap().contains(&"llm-echo/echo".into()), "{row}");
    let run = home.run(&["-m", "llm-echo/echo", "-s", "be brief", "-a", &Home::picture(), "hello"]);
    let seen = said(&run);
    assert_eq!((&seen["prompt"], &seen["system"]), (&"hello".into(), &"be brief".into()), "{run}");
    assert_eq!(seen["attachments"][0]["type"], "image/png", "{run}");
    // By its bare name too, whole and streamed, with usage.
    assert_eq!(said(&home.run(&["-m", "echo", "--no-stream", "x"]))["prompt"], "x");
    let object = home.run(&["--json", "-m", "echo", "x"]).json();
    assert!(object["usage"]["input"].as_u64() > Some(0), "{object:#}");
    let options = home.run(&["models", "options", "echo", "--json"]).json();
    let option = options["properties"].as_object().unwrap().keys().next().unwrap().clone();
    let run = home.run(&["-m", "echo", "-o", &option, "true", "x"]);
    assert_eq!(run.code, 0, "{run}");
    let check = home.run(&["plugins", "check", "llm-echo"]);
    assert!(check.stdout.contains("llm-echo/echo answers"), "{check}");
}

#[test]
#[ignore = "installs a package"]
fn echo_with_a_key_of_its_own() {
    let Some(home) = Home::with("llm-echo") else { return };
    home.run(&["keys", "remove", "echo-needs-key"]);
    home.run(&["plugins", "revoke", "llm-echo", "echo-needs-key"]);
    let run = home.run(&["-m", "echo-needs-key", "x"]);
    assert!(run.code == 3 && run.stderr.contains("consort keys set echo-needs-key"), "{run}");
    // That it is there is not enough: the package could name any key.
    assert_eq!(home.run(&["plugins", "grant", "llm-echo", "echo-needs-key"]).code, 0);
    home.key("echo-needs-key", "sk-echo-test");
    home.run(&["plugins", "revoke", "llm-echo", "echo-needs-key"]);
    assert_eq!(home.run(&["-m", "echo-needs-key", "x"]).code, 3);
    assert_eq!(home.run(&["plugins", "grant", "llm-echo", "echo-needs-key"]).code, 0);
    let run = home.run(&["-m", "echo-needs-key", "x"]);
    assert_eq!(said(&run)["key"], "sk-echo-test", "{run}");
    // The other model of the same package does not get it.
    assert!(!home.run(&["-m", "echo", "x"]).stdout.contains("sk-echo-test"));
}

#[test]
#[ignore = "installs a package"]
fn markov() {
    let Some(home) = Home::with("llm-markov") else { return };
    let run =
        home.run(&["-m", "llm-markov", "-o", "length", "12", "-o", "delay", "0", "the cat sat on the mat"]);
    assert_eq!((run.code, run.stdout.split_whitespace().count()), (0, 12), "{run}");
    let run = home.run(&["-m", "markov", "-o", "length", "1", "x"]);
    assert!(run.code == 2 && run.stderr.contains("length"), "{run}");
    assert_eq!(home.row("llm-markov")["models"], serde_json::json!(["llm-markov"]));
}

/// As many packages do: without the key there is no list of models.
#[test]
#[ignore = "installs a package"]
fn models_that_are_listed_by_key() {
    let text = "import llm\n\nclass Own(llm.KeyModel):\n    model_id, needs_key = 'by-key', 'by-key'\n\
                \x20   def execute(self, prompt, stream, response, conversation, key=None):\n        yield 'with ' + key\n\n\
                @llm.hookimpl\ndef register_models(register):\n    if llm.get_key('', 'by-key', 'BY_KEY_KEY'):\n\
                \x20       register(Own())\n";
    let Some(home) = Home::with_file("bykey", text) else { return };
    home.run(&["keys", "remove", "by-key"]);
    home.run(&["plugins", "revoke", "bykey", "by-key"]);
    let run = home.run(&["-m", "bykey", "x"]);
    assert!(run.code == 3 && run.stderr.contains("consort plugins grant bykey by-key"), "{run}");
    let row = home.row("bykey");
    assert_eq!((&row["state"], &row["reason"]), (&"needs setup".into(), &"the key `by-key`".into()), "{row}");
    home.run(&["plugins", "grant", "bykey", "by-key"]);
    let run = home.run(&["-m", "bykey", "x"]);
    assert!(run.code == 3 && run.stderr.contains("consort keys set by-key"), "{run}");
    // In a variable alone, which only the plugin knows: each time anew.
    for _ in 0..3 {
        let run = home.run_with(&[("BY_KEY_KEY", "sk-exported")], &["-m", "bykey", "x"]);
        assert_eq!(run.stdout, "with sk-exported", "{run}");
    }
    let run = home.run(&["-m", "bykey", "x"]);
    assert!(run.code == 3 && run.stderr.contains("consort keys set by-key"), "{run}");
    home.key("by-key", "sk-by-key");
    assert_eq!(home.run(&["-m", "bykey", "x"]).stdout, "with sk-by-key");
    assert_eq!(home.row("bykey")["state"], "ready");
}

/// A package that somebody writes: a folder with a pyproject.toml, installed again after each change.
#[test]
#[ignore = "installs a package"]
fn a_package_in_a_folder() {
    let Some(home) = Home::for_installing("llm-own-words") else { return };
    let folder = Home::root().join("work/my package");
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    };
    let project = "[project]\nname = 'LLM_own_words'\nversion = '0.1'\ndependencies = ['llm']\n\
                   [project.entry-points.llm]\nown = 'own_words'\n\
                   [tool.setuptools]\npy-modules = ['own_words']\n";
    let module = "import llm\n\nclass Own(llm.Model):\n    model_id = 'own'\n    def execute(self, *a, **k):\n        yield 'WORD'\n\n\
                  @llm.hookimpl\ndef register_models(register):\n    register(Own())\n";
    write("pyproject.toml", project);
    for word in ["first", "second"] {
        write("own_words.py", &module.replace("WORD", word));
        let run = home.install(&["plugins", "install", "./my package"]);
        assert!(run.code == 0 && run.stderr.contains("llm-own-words is ready: llm-own-words"), "{run}");
        assert_eq!(home.run(&["-m", "own", "x"]).stdout, word);
    }
    assert_eq!(home.row("llm-own-words")["state"], "ready");
    write("pyproject.toml", "[project]\nversion = '0.1'\n");
    let run = home.run(&["plugins", "install", "./my package"]);
    assert!(run.code == 2 && run.stderr.contains("it names no package: [project] name"), "{run}");
    assert_eq!(home.run(&["plugins", "uninstall", "llm-own-words"]).code, 0);
    assert!(!Home::path("data/plugin-state/venvs/llm-own-words").exists());
}

#[test]
#[ignore = "installs a package"]
fn a_package_that_is_none_and_one_that_is_removed() {
    let Some(home) = Home::with("llm-echo") else { return };
    let run = home.run(&["plugins", "install", "llm-no-such-package-anywhere"]);
    assert!(run.code != 0 && run.stderr.contains("help: "), "{run}");
    assert!(!Home::path("data/plugins/llm-no-such-package-anywhere.toml").exists());
    assert!(!Home::path("data/plugin-state/venvs/llm-no-such-package-anywhere").exists());
    // What llm-echo makes is taken by another name, so that the environment of the others stays.
    let manifest = Home::path("data/plugins/spare.toml");
    std::fs::write(&manifest, "package = \"llm-echo\"\n").unwrap();
    let lacks = home.run(&["-m", "spare", "x"]);
    assert!(lacks.code == 3 && lacks.stderr.contains("is not installed"), "{lacks}");
    assert_eq!(home.run(&["plugins", "uninstall", "spare"]).code, 0);
    assert!(!manifest.exists());
    assert_eq!(home.row("llm-echo")["state"], "ready");
}
