//! Folders of real files, good and bad, and what is said of them.
use consort_plugins::found::{Cache, Dialect, Folder, Found, Kind, Origin, Scan, scan};
use consort_plugins::{Learnt, Outcome};
use std::path::{Path, PathBuf};

const DROP_IN: &str = "from llm_utils import LLMClient\n\n\nclass A(LLMClient):\n    pass\n";
const BLOCK: &str = "# /// llm-plugin\n# protocol = 1\n# ///\n";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[cfg(unix)]
    fn program(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write(name, bytes);
        self.mode(name, 0o755);
    }

    #[cfg(unix)]
    fn mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn folder(&self, name: &str) -> Folder {
        Folder { path: self.path(name), origin: Origin::Data, trusted: true }
    }

    fn scan(&self) -> Scan {
        scan(&[self.folder("")], "salt")
    }

    fn row(&self, id: &str) -> Found {
        let rows: Vec<Found> = self.scan().found.into_iter().filter(|found| found.id == id).collect();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }

    /// Every row in one line: the id, its kind, and what is wrong.
    fn rows(&self) -> Vec<String> {
        self.scan().found.iter().map(|found| self.told(found)).collect()
    }

    fn told(&self, found: &Found) -> String {
        let kind = match &found.kind {
            Kind::Process { run } => format!("run {}", run.join(" ")),
            Kind::Python { dialect } => dialect.word().to_owned(),
            Kind::Package { name } => format!("package {name}"),
            Kind::Unknown => "unknown".to_owned(),
        };
        let problem = found.problem.as_ref().map(|problem| {
            assert!(problem.help.is_some(), "{problem}");
            format!(" ! {problem}")
        });
        let text = format!("{}: {kind}{}", found.id, problem.unwrap_or_default());
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

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
            ("later.py", "from bruno_core.interfaces import LLMInterface\n"),
            ("_helper.py", "x = 1\n"),
            ("__init__.py", ""),
            ("llm_utils.py", "class LLMClient: pass\n"),
        ],
        &[
            "UPPER: drop_in",
            "a b: drop_in",
            "echo: llm",
            "größe: drop_in",
            "later: bruno ! later.py: the bruno dialect is not supported yet",
            "speaks: run python3 speaks.py",
            "told: llm",
        ],
    );
}

#[test]
fn python_files_that_are_none() {
    let place = Place::with(&[
        ("empty.py", ""),
        ("half.py", "import llm\n"),
        ("two.py", "# /// llm-plugin\n# protocol = 1\n# dialect = 'llm'\n# ///\n"),
        ("open.py", "# /// llm-plugin\n# protocol = 1\n"),
        ("typo.py", "# /// llm-plugin\n# protcol = 1\n# ///\n"),
        ("script.py", &format!("# /// script\n# dependencies = 7\n# ///\n{DROP_IN}")),
    ]);
    place.write("bytes.py", b"x = 1\ny = '\xff'\n");
    place.write("zero.py", b"x\0y");
    assert_eq!(
        place.rows(),
        [
            "bytes: unknown ! bytes.py:2: it is not UTF-8",
            "empty: unknown ! empty.py: it defines no model",
            "half: unknown ! half.py: it defines no model: it imports `llm` and has no `@llm.hookimpl`",
            "open: unknown ! open.py:1: the `/// llm-plugin` block has no end",
            "script: drop_in ! script.py:2: `dependencies` must be a list of texts",
            "two: run python3 two.py ! two.py: the manifest says both a `dialect` and how to run it as a program",
            "typo: unknown ! typo.py:2: `protcol` is no field of a plugin's manifest",
            "zero: unknown ! zero.py: it is no Python file: it holds a zero byte",
        ]
    );
    let problem = place.row("typo").problem.unwrap();
    assert_eq!(problem.help.as_deref(), Some("did you mean `protocol`?"));
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
    ]);
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
            "own: run luajit -O own.lua",
            "run me: run run me.sh",
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
            ("data/x.py", DROP_IN),
            ("x.py/y.py", DROP_IN),
            ("__pycache__/x.pyc", ""),
            (".git/plugin.toml", "run = ['x']\n"),
        ],
        &[
            "empty: unknown ! empty/plugin.toml: it says neither what to `run` nor which `package` it stands for",
            "whole.v2: run node whole.v2/main.js",
            "x: unknown ! x.py: it is a folder, where a file is expected",
        ],
    );
}

#[test]
fn two_files_with_one_stem() {
    let place = Place::with(&[
        ("one/acme.js", "// /// llm-plugin\n// ///\n"),
        ("one/acme.py", DROP_IN),
        ("two/acme.py", DROP_IN),
        ("two/only.py", DROP_IN),
        ("one/only.py/x", ""),
        ("one/broken.py", ""),
        ("two/broken.py", DROP_IN),
    ]);
    let mut two = place.folder("two");
    (two.origin, two.trusted) = (Origin::Project, false);
    let found = scan(&[place.folder("one"), two, place.folder("none")], "").found;
    let told: Vec<String> =
        found.iter().map(|found| format!("{} {}", place.told(found), found.untrusted)).collect();
    assert_eq!(
        told,
        [
            "acme: drop_in false",
            "acme: run node one/acme.js ! one/acme.js: `acme` is already the name of one/acme.py false",
            "acme: drop_in ! two/acme.py: `acme` is already the name of one/acme.py true",
            // What nobody can run keeps no place from others.
            "broken: drop_in true",
            "broken: unknown ! one/broken.py: it defines no model false",
            "only: drop_in true",
            "only: unknown ! one/only.py: it is a folder, where a file is expected false",
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_and_things_that_must_not_be_opened() {
    use std::os::unix::fs::symlink;
    let place = Place::with(&[("real/acme.py", DROP_IN)]);
    symlink("real/acme.py", place.path("link.py")).unwrap();
    symlink("loop.py", place.path("loop.py")).unwrap();
    symlink("nowhere", place.path("dangling.js")).unwrap();
    symlink("nowhere", place.path("dangling.md")).unwrap();
    symlink("/dev/zero", place.path("endless.py")).unwrap();
    symlink("/dev/zero", place.path("endless.toml")).unwrap();
    symlink(".", place.path("around")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    for name in ["pipe.py", "pipe2", "table.toml"] {
        // Opening a pipe that nobody writes to would wait for ever.
        let made = std::process::Command::new("mkfifo").arg(place.path(name)).status().unwrap();
        assert!(made.success());
    }
    assert_eq!(
        place.rows(),
        [
            "dangling: unknown ! dangling.js: it is a link to nothing",
            "endless: unknown ! endless.py: it is a device, and was not opened",
            "link: drop_in",
            "loop: unknown ! loop.py: it is a link that leads to itself",
            "pipe: unknown ! pipe.py: it is a pipe, and was not opened",
            "pipe2: unknown ! pipe2: it is a pipe, and was not opened",
            "socket: unknown ! socket: it is a socket, and was not opened",
            "table: unknown ! table.toml: it is a pipe, where a file is expected",
        ]
    );
}

#[cfg(unix)]
#[test]
fn names_that_cannot_be_said() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::with(&[("a\\b.py", DROP_IN), ("c\u{1b}[31m.py", DROP_IN), (" d.py", DROP_IN)]);
    std::fs::write(place.0.path().join(std::ffi::OsStr::from_bytes(b"e\xff.py")), DROP_IN).unwrap();
    let problems: Vec<String> =
        place.scan().found.iter().map(|found| found.problem.clone().unwrap().message).collect();
    assert_eq!(
        problems,
        [
            "its name begins or ends with a blank",
            "its name holds a slash, which stands between a plugin and its model",
            "its name holds a control character",
            "its name is not Unicode",
        ]
    );
    assert!(place.scan().found.iter().all(|found| !found.id.contains('\u{1b}')));
}

#[test]
fn a_huge_file_is_not_read() {
    let place = Place::new();
    let file = std::fs::File::create(place.path("huge.py")).unwrap();
    file.set_len(100 * 1024 * 1024).unwrap();
    let started = std::time::Instant::now();
    assert_eq!(place.rows(), ["huge: unknown ! huge.py: it has 100 MiB; a Python plugin may have 2 MiB"]);
    assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
    // A large script is a plugin all the same: bundlers make such files.
    let script = format!("// /// llm-plugin\n// ///\n{}", "x();\n".repeat(600_000));
    place.write("bundle.js", script);
    assert_eq!(place.row("bundle").problem, None);
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read() {
    let place = Place::with(&[("secret.py", DROP_IN), ("closed/acme.py", DROP_IN), ("closed.txt", "")]);
    place.program("tool", "\u{7f}ELF");
    place.mode("tool", 0o111);
    place.mode("secret.py", 0);
    place.mode("closed", 0);
    let everything_opens = std::fs::read(place.path("secret.py")).is_ok();
    let rows = place.rows();
    let problems = scan(&[place.folder("closed"), place.folder("closed.txt")], "").problems;
    place.mode("closed", 0o755);
    assert!(rows.iter().any(|row| row == "tool: run tool"), "{rows:?}");
    assert!(problems.iter().any(|problem| problem.to_string().ends_with("closed.txt: this is no folder")));
    // Whoever runs this as root may read everything.
    if !everything_opens {
        assert!(rows[0].starts_with("secret: unknown ! secret.py: it cannot be read: "), "{rows:?}");
        assert!(problems[0].message.starts_with("the folder cannot be read"), "{problems:?}");
    }
}

#[test]
fn a_folder_with_too_much_in_it() {
    let place = Place::new();
    for number in 0..4200 {
        place.write(&format!("{number}.txt"), "");
    }
    assert_eq!(place.scan().problems.len(), 1);
    assert_eq!(scan(&[place.folder("missing")], ""), Scan::default());
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
