//! Files beside a plugin, names that are no text, and counts of a plugin's own, as the command line meets them.
use super::{Plugged, drop_in};

const MAIN: &str = "from llm_utils import LLMClient\nfrom _helper import word\n\n\nclass Client(LLMClient):\n    \
                    def generate_response(self, system, user_message, max_tokens, temperature):\n        return word\n";

#[test]
fn an_error_in_a_helper_is_told_with_its_own_line() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("main1.py", MAIN);
    for (broken, at) in [("x = 1\n\nword = 1 2\n", "_helper.py:3"), ("word = 1 / 0\n", "_helper.py:1")] {
        place.plugin("_helper.py", broken);
        let run = place.ask("main1", "x");
        assert!(run.code != 0 && run.stderr.contains(at) && !run.stderr.contains("main1.py:2"), "{run}");
        assert!(place.row("main1")["reason"].as_str().unwrap().contains(at));
    }
}

#[test]
fn a_helper_that_changed_is_another_version() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("main1.py", MAIN);
    for word in ["one", "two"] {
        place.plugin("_helper.py", format!("word = {word:?}\n"));
        assert_eq!(place.state("main1"), "unchecked", "before {word}");
        assert_eq!(place.ask("main1", "x").stdout, word);
        assert_eq!(place.state("main1"), "ready");
    }
}

/// A client may derive from one in a helper, as it may in the original application.
#[test]
fn a_client_by_way_of_a_helper_answers() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("_base.py", "from llm_utils import LLMClient\n\n\nclass Common(LLMClient):\n    pass\n");
    let client = MAIN.replace("from _helper import word", "from _base import Common");
    let client =
        client.replace("Client(LLMClient)", "Client(Common)").replace("return word", "return 'by way'");
    place.plugin("derived.py", client.replace("from llm_utils import LLMClient\n", ""));
    assert_eq!(place.ask("derived", "x").stdout, "by way");
    assert_eq!(place.run(&["plugins", "check", "derived"]).code, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_listed() {
    use std::os::unix::ffi::OsStrExt;
    let place = Plugged::new();
    place.plugin("good.py", drop_in("return 'x'"));
    let folder = place.place.path("home/data/plugins");
    std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"bad\xff\xfename.py")), drop_in("return 'x'"))
        .unwrap();
    let rows = place.run(&["plugins", "--json"]);
    assert_eq!(rows.code, 0, "{rows}");
    assert_eq!(rows.json().as_array().unwrap().len(), 2, "{rows}");
    assert_eq!(place.run(&["plugins"]).code, 0);
}

/// By the plugin's own count all of it fits, by the usual guess it would not.
#[test]
fn a_plugins_own_count_decides_what_fits() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("home/consort.toml", "[context]\nwindow = 1000\n");
    place.plugin("counts.py", drop_in("return 'x'").replace("return len(text.split())", "return 3"));
    let words = "word ".repeat(400);
    for turn in 0..5 {
        let more: &[&str] = if turn == 0 { &[] } else { &["-c"] };
        let run = place.run(&[more, &["-m", "counts", &words]].concat());
        assert_eq!(run.code, 0, "{run}");
        assert!(!run.stderr.contains("fits"), "turn {turn}: {run}");
    }
}

#[test]
fn a_key_that_a_file_names_is_known() {
    let Some(place) = Plugged::with_python() else { return };
    let head = "# /// llm-plugin\n# env = { ACME_API_KEY = \"acme\" }\n# ///\nimport os\n";
    let body = drop_in("return self.key").replace(
        "    def generate",
        "    def __init__(self):\n        self.key = os.environ['ACME_API_KEY']\n        self.url = os.environ.get('ACME_URL', 'x')\n\n    def generate",
    );
    place.plugin("acme.py", format!("{head}{body}"));
    let run = place.ask("acme", "x");
    assert!(run.stderr.contains("consort keys set acme, then: consort plugins grant acme acme"), "{run}");
    let run = place.pipe("sk-acme-1", &["keys", "set", "acme"]);
    assert!(run.code == 0 && !run.stderr.contains("warning"), "{run}");
    // What it does not see is told where somebody looks.
    let why = place.run_with(&[("ACME_URL", "http://127.0.0.1:1")], &["plugins", "why", "acme"]);
    assert!(why.stdout.contains("it reads ACME_URL, which is set here and was not granted"), "{why}");
}

#[cfg(unix)]
#[test]
fn a_script_whose_interpreter_is_not_there_names_it() {
    let place = Plugged::new();
    place.program("odd", "#!/nonexistent/interp\n# /// llm-plugin\n# protocol = 1\n# ///\n");
    let run = place.ask("odd", "x");
    assert!(run.stderr.contains("`/nonexistent/interp`, which the first line of"), "{run}");
}

#[test]
fn a_new_plugin_takes_no_providers_name() {
    let place = Plugged::new();
    for name in ["demo", "openai"] {
        let run = place.run(&["plugins", "new", "drop-in", name]);
        assert!(run.code == 2 && run.stderr.contains("already the name of a provider"), "{run}");
    }
}
