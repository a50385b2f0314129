//! Folders of files that are broken, dangerous or in each other's way: each is a row that says so.
use crate::place::{DROP_IN, Place};
use consort_plugins::found::{Origin, Scan, scan};

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
    place.write("noending", DROP_IN);
    place.write("paper", "a text about LLMClient");
    place.write("plain.py", "class A:\n    def generate_response(self):\n        pass\n");
    place.write("bytes.py", b"x = 1\ny = '\xff'\n");
    place.write("zero.py", b"x\0y");
    assert_eq!(
        place.rows(),
        [
            "bytes: unknown ! bytes.py:2: it is not UTF-8",
            "empty: unknown ! empty.py: it defines no model",
            "half: unknown ! half.py: it defines no model: it imports `llm` and has no `@llm.hookimpl`",
            "noending: unknown ! noending: it is written in Python, and its name does not say so",
            "open: unknown ! open.py:1: the `/// llm-plugin` block has no end",
            "plain: unknown ! plain.py:2: its generate_response is in no class that derives from LLMClient",
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
    let place = Place::with(&[("secret.py", DROP_IN), ("closed/acme.py", DROP_IN), ("plain", "")]);
    place.program("tool", "\u{7f}ELF");
    place.mode("tool", 0o111);
    place.mode("secret.py", 0);
    place.mode("closed", 0);
    let everything_opens = std::fs::read(place.path("secret.py")).is_ok();
    let rows = place.rows();
    let problems = scan(&[place.folder("closed"), place.folder("plain")], "").problems;
    place.mode("closed", 0o755);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[1], "tool: run tool");
    assert!(problems.iter().any(|problem| problem.to_string().ends_with("plain: this is no folder")));
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
