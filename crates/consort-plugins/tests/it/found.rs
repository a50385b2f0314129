//! Folders of real files: what is a plugin, and of what kind.
use crate::place::{DROP_IN, Place};
use consort_plugins::found::{Cache, Dialect, Kind, scan};
use consort_plugins::{Learnt, Outcome};
use std::path::Path;

const BLOCK: &str = "# /// llm-plugin\n# protocol = 1\n# ///\n";

#[track_caller]
fn check(files: &[(&str, &str)], rows: &[&str]) {
    assert_eq!(Place::with(files).rows(), rows);
}

#[test]
fn python_files() {
    check(
        &[
            ("a b.py", DROP_IN),
            ("größe.py", DROP_IN),
            ("UPPER.PY", DROP_IN),
            ("echo.py", "import llm\n@llm.hookimpl\ndef register_models(register): pass\n"),
            ("speaks.py", BLOCK),
            (
                "told.py",
                "# /// llm-plugin\n# dialect = \"llm\"\n# class = \"X\"\n# ///\nfrom _base import Base\n",
            ),
            ("brave.py", "from bruno_core.interfaces import LLMInterface\nclass A(LLMInterface): pass\n"),
            ("seeing.py", "from vision_agents.core.llm.llm import LLM\nclass A(LLM): pass\n"),
            ("_helper.py", "x = 1\n"),
            ("__init__.py", ""),
            ("llm_utils.py", "class LLMClient: pass\n"),
        ],
        &[
            "UPPER: drop_in",
            "a b: drop_in",
            "brave: bruno",
            "echo: llm",
            "größe: drop_in",
            "seeing: vision",
            "speaks: run python3 speaks.py",
            "told: llm",
        ],
    );
}

#[test]
fn a_model_by_way_of_a_file_beside_it() {
    let base = "from llm_utils import LLMClient\nclass Base(LLMClient):\n    def generate_response(self, a, b, c, d): return 'x'\n";
    let place = Place::with(&[
        ("_base.py", base),
        ("clients/base.py", base),
        ("mine.py", "from _base import Base\nclass Mine(Base):\n    def ask(self, q): return q\n"),
        ("folder.py", "from clients.base import Base\nclass Mine(Base):\n    prefix = 'folder:'\n"),
        ("none.py", "from _base import Nothing\nclass Mine(Nothing): pass\n"),
    ]);
    let rows = ["folder: drop_in", "mine: drop_in", "none: unknown ! none.py: it defines no model"];
    assert_eq!(place.rows(), rows);
    let print = || place.row("folder").fingerprint;
    let first = print();
    assert_eq!(print(), first);
    place.write("clients/base.py", "from llm_utils import LLMClient\nclass Base(LLMClient): pass\n");
    assert_ne!(print(), first, "it changes with the folder that it imports from");
}

#[test]
fn a_package_with_a_model_in_it() {
    let class = "from llm_utils import LLMClient\nclass Bot(LLMClient): pass\n";
    let place = Place::with(&[
        ("pkgbot/__init__.py", ""),
        ("pkgbot/client.py", class),
        ("helping/__init__.py", class),
        ("uses.py", "from helping import Bot\nclass Mine(Bot): pass\n"),
        ("also/__init__.py", class),
        ("inside.py", &format!("{class}def f():\n    from .also import Bot\n")),
        ("_hidden/__init__.py", class),
        ("paper/__init__.py", "x = 1\n"),
        ("clone/plugin.py", class),
    ]);
    assert_eq!(
        place.rows(),
        [
            "inside: drop_in",
            "pkgbot: unknown ! pkgbot: it is a folder with the model Bot in it, and has no `plugin.toml`",
            "uses: drop_in",
        ]
    );
    let help = place.row("pkgbot").problem.unwrap().help.unwrap();
    assert!(
        help.contains("pkgbot_model.py: `from pkgbot.client import Bot` and `class Model(Bot): pass`"),
        "{help}"
    );
    // What the help says makes it a model, and the folder no longer a row.
    place.write("pkgbot_model.py", "from pkgbot.client import Bot\nclass Model(Bot): pass\n");
    assert_eq!(place.rows(), ["inside: drop_in", "pkgbot_model: drop_in", "uses: drop_in"]);
}

#[test]
fn keys_that_a_constructor_asks_for() {
    let class = "class A(LLMInterface):\n    def __init__(self, api_key, openai_api_key): pass\n";
    let place = Place::with(&[
        ("acme.py", class),
        ("house.py", &format!("# /// llm-plugin\n# secrets = [\"one\"]\n# ///\n{class}")),
        ("drop.py", "class A(LLMClient):\n    def __init__(self, api_key): pass\n"),
    ]);
    let secrets = |id| place.row(id).secrets;
    assert_eq!(
        (secrets("acme"), secrets("house")),
        (vec!["acme".to_owned(), "openai".into()], vec!["one".into(), "openai".into()])
    );
    assert!(secrets("drop").is_empty());
}

#[test]
fn what_a_python_file_needs() {
    let place = Place::with(&[(
        "acme.py",
        "# /// script\n# dependencies = [\"httpx\", \"acme>=2\"]\n# requires-python = \">=3.11\"\n# ///\n\
         import os, acme\nimport llm\nKEY = os.environ.get(\"ACME_URL\")\n\nclass M(llm.KeyModel):\n    needs_key = \"acme\"\n    \
         key_env_var = \"ACME_KEY\"\n\n@llm.hookimpl\ndef register_models(register): pass\n",
    )]);
    let found = place.row("acme");
    assert_eq!(found.kind, Kind::Python { dialect: Dialect::Llm });
    assert_eq!(found.dependencies, ["httpx", "acme>=2"]);
    assert_eq!(found.requires_python.as_deref(), Some(">=3.11"));
    assert_eq!(found.imports, ["os", "acme", "llm"]);
    assert_eq!((found.env, found.secrets), (vec!["ACME_URL".to_owned()], vec!["acme".to_owned()]));
    assert_eq!(found.key_env, ["ACME_KEY"]);
}

#[cfg(unix)]
#[test]
fn scripts_and_programs() {
    let place = Place::with(&[
        ("block.js", "// /// llm-plugin\n// protocol = 1\n// ///\n"),
        ("own.lua", "-- /// llm-plugin\n-- run = [\"luajit\", \"-O\", \"{file}\"]\n-- ///\n"),
        ("beside.rb", ""),
        ("beside.toml", "protocol = 1\nname = 'Beside'\nsecrets = ['acme']\nenv = { OTHER_KEY = 'other' }\n"),
        ("plain.js", "console.log(1)\n"),
        ("strange.xyz", ""),
        ("strange.toml", "run = ['xyz', '{file}']\n"),
        ("unsaid.xyz", ""),
        ("unsaid.toml", "protocol = 1\n"),
        ("library.so", ""),
        ("shbot.sh", "#!/bin/bash\n# /// llm-plugin\n# protocol = 1\n# ///\n"),
    ]);
    place.program("noending", DROP_IN);
    place.program("acme", "\u{7f}ELF\0");
    place.program("acme-2.bin", "\u{7f}ELF\0");
    place.program("run me.sh", "#!/bin/sh\n");
    place.program("marked.js", "#!/usr/bin/env deno\n");
    place.program("README.md", "");
    place.program("Makefile", "");
    place.mode("library.so", 0o755);
    assert_eq!(
        place.rows(),
        [
            "acme: run acme",
            "acme-2: run acme-2.bin",
            "beside: run ruby beside.rb",
            "block: run node block.js",
            "marked: run marked.js",
            "noending: unknown ! noending: it is written in Python, and its name does not say so",
            "own: run luajit -O own.lua",
            "run me: run run me.sh",
            "shbot: run /bin/bash shbot.sh",
            "strange: run xyz strange.xyz",
            "unsaid: unknown ! unsaid.xyz: nothing says what runs it",
        ]
    );
    let found = place.row("beside");
    assert_eq!((found.name.as_str(), found.secrets), ("Beside", vec!["acme".to_owned(), "other".to_owned()]));
    let Kind::Process { run } = place.row("acme").kind else { panic!() };
    assert!(Path::new(&run[0]).is_absolute());
}

#[test]
fn tables_alone() {
    check(
        &[
            ("pack.toml", "package = 'llm-echo'\n"),
            ("server.toml", "run = ['acme-server', '--lines']\n"),
            ("pyproject.toml", "[project]\nname = 'x'\n"),
            ("both.toml", "run = ['x']\npackage = 'llm-x'\n"),
            ("spoiled.toml", "run = [\n"),
            ("lonely.toml", "protocol = 1\n"),
            ("typo.toml", "\npackge = 'llm-echo'\n"),
            ("kinds.toml", "run = 'node x.js'\n"),
        ],
        &[
            "both: unknown ! both.toml: it says both `run` and `package`",
            "kinds: unknown ! kinds.toml:1: `run` must be a list: the program, and each argument",
            "lonely: unknown ! lonely.toml: it says neither what to `run` nor which `package` it stands for",
            "pack: package llm-echo",
            "server: run acme-server --lines",
            "spoiled: unknown ! spoiled.toml:1: unclosed array, expected `]`",
            "typo: unknown ! typo.toml:2: `packge` is no field of a plugin's manifest",
        ],
    );
}

#[test]
fn the_file_beside_wins_field_by_field() {
    let place = Place::with(&[
        ("acme.js", "// /// llm-plugin\n// protocol = 1\n// name = 'Block'\n// models = ['a']\n// ///\n"),
        ("acme.toml", "name = 'Beside'\n"),
        ("other.py", DROP_IN),
        ("other.toml", "package = 'llm-echo'\n"),
        ("wrong.py", DROP_IN),
        ("wrong.toml", "init = 7\n"),
    ]);
    let found = place.row("acme");
    assert_eq!((found.name.as_str(), found.manifest.protocol), ("Beside", Some(1)));
    assert_eq!(found.manifest.models.unwrap(), ["a"]);
    assert_eq!(
        place.rows()[1..],
        [
            "other: unknown ! other.py: `package` is for a TOML file alone",
            "wrong: drop_in ! wrong.toml:1: `init` must be a table of texts, numbers, lists and tables",
        ]
    );
}

#[test]
fn folders_in_a_folder() {
    check(
        &[
            ("whole.v2/plugin.toml", "run = ['node', 'main.js']\n"),
            ("whole.v2/main.js", ""),
            ("empty/plugin.toml", "name = 'x'\n"),
            ("whole.toml", "package = 'llm-whole'\n"),
            ("whole.xyz", ""),
            ("data/x.py", DROP_IN),
            ("x.py/y.py", DROP_IN),
            ("__pycache__/x.pyc", ""),
            (".git/plugin.toml", "run = ['x']\n"),
        ],
        &[
            "empty: unknown ! empty/plugin.toml: it says neither what to `run` nor which `package` it stands for",
            "whole: package llm-whole",
            "whole.v2: run node whole.v2/main.js",
            "x: unknown ! x.py: it is a folder, where a file is expected",
        ],
    );
}

#[test]
fn fingerprints_change_with_the_plugin() {
    let place =
        Place::with(&[("acme.py", DROP_IN), ("whole/plugin.toml", "run = ['x']\n"), ("whole/a.js", "")]);
    let print = |id: &str| place.row(id).fingerprint;
    let (first, whole) = (print("acme"), print("whole"));
    assert_eq!(print("acme"), first);
    assert_ne!(scan(&[place.folder("")], "other").found[0].fingerprint, first);
    place.write("acme.toml", "name = 'x'\n");
    let second = print("acme");
    assert_ne!(second, first);
    place.write("acme.py", format!("{DROP_IN}\n"));
    assert_ne!(print("acme"), second);
    place.write("whole/a.js", "changed");
    assert_ne!(print("whole"), whole);
}

#[test]
fn what_was_learnt_counts_until_the_plugin_changes() {
    let place = Place::with(&[("acme.py", DROP_IN)]);
    let cache = Cache::new(place.path("state"));
    cache.write(&place.row("acme"), &Learnt::of(Outcome::Ready)).unwrap();
    assert!(cache.read(&place.row("acme")).is_some());
    place.write("acme.py", format!("{DROP_IN}# changed\n"));
    assert!(cache.read(&place.row("acme")).is_none());
}
