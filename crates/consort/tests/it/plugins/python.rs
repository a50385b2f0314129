//! Machines without Python, and with one that is too old: everything else works, and rows say what to install.
use super::Plugged;
use insta::assert_snapshot;

#[cfg(unix)]
#[test]
fn without_python_everything_else_works() {
    use crate::support::Vendor;
    use consort_testkit::Reply;
    let place = Plugged::new();
    place.sample("parrot.py");
    place.program("prog", super::SHELL);
    // What the shell plugin runs, and no Python.
    for tool in ["sh", "sed"] {
        let found = ["/bin", "/usr/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::fs::create_dir_all(place.place.path("bin")).unwrap();
        std::os::unix::fs::symlink(found, place.place.path("bin").join(tool)).unwrap();
    }
    let path = place.place.path("bin").display().to_string();
    let env = [("PATH", path.as_str())];
    assert_snapshot!(place.run_with(&env, &["-m", "parrot", "x"]), @r#"
    exit 3
    --- stderr
    error: parrot: the plugin needs setup: Python is not on this machine
      help: install Python 3.10 or newer, or name one: CONSORT_PYTHON=/path/to/python3
    "#);
    assert_snapshot!(place.run_with(&env, &["plugins", "why", "parrot"]), @r#"
    parrot
      state  needs setup: Python is not on this machine
      file   [PLACE]/home/data/plugins/parrot.py
      kind   drop_in
    --- stderr
      help: install Python 3.10 or newer, or name one: CONSORT_PYTHON=/path/to/python3
    "#);
    assert_snapshot!(place.run_with(&env, &["plugins", "install", "llm-echo"]), @r#"
    exit 3
    --- stderr
    error: Python is not on this machine
      help: install Python 3.10 or newer, or name one: CONSORT_PYTHON=/path/to/python3
      help: plugins in other languages and hosted models work without it
    "#);
    assert_eq!(place.run_with(&env, &["-m", "demo", "-o", "say", "well", "x"]).stdout, "well");
    assert_eq!(place.run_with(&env, &["-m", "prog", "x"]).stdout, "from a shell");
    let answer = "{\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hosted\"},\"finish_reason\":\"stop\"}]}";
    let vendor = Vendor::new([Reply::json(answer)]);
    let url = vendor.url();
    let env = [("PATH", path.as_str()), ("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", "sk-x")];
    assert_eq!(place.run_with(&env, &["-m", "openai/gpt-4o", "--no-stream", "x"]).stdout, "hosted");
}

#[cfg(unix)]
#[test]
fn a_python_that_is_too_old_and_then_a_new_one() {
    let Some(place) = Plugged::with_python() else { return };
    place.sample("parrot.py");
    let python = place.place.file("bin/python3", "#!/bin/sh\necho \"$0\"\necho 3 8\n");
    super::executable(&python);
    let path = format!("{}:/bin:/usr/bin", place.place.path("bin").display());
    let clean = |args: &[&str]| {
        let output = place.command(args).env_remove("CONSORT_PYTHON").env("PATH", &path).output().unwrap();
        crate::support::Run::of(output, &place.root())
    };
    let run = clean(&["-m", "parrot", "x"]);
    if run.code == 0 {
        // Another `python` of this machine is new enough, and serves.
        return;
    }
    assert_snapshot!(run, @r#"
    exit 3
    --- stderr
    error: parrot: the plugin needs setup: Python 3.8 is too old for plugins
      help: install Python 3.10 or newer, or name one: CONSORT_PYTHON=/path/to/python3
    "#);
    assert_eq!(clean(&["plugins", "--json"]).json()[0]["reason"], "Python 3.8 is too old for plugins");
    assert_eq!(clean(&["-m", "demo", "-o", "say", "well", "x"]).stdout, "well");
    // A newer one is installed in its place: the old row does not stay.
    std::fs::write(&python, format!("#!/bin/sh\nexec '{}' \"$@\"\n", place.python.unwrap())).unwrap();
    assert_eq!(clean(&["plugins", "--json"]).json()[0]["state"], "unchecked");
    assert_eq!(clean(&["-m", "parrot", "x"]).stdout, "**parrot** (t=0.7, sys=0): x");
}

#[test]
fn a_variable_that_names_no_python() {
    let place = Plugged::new();
    place.sample("parrot.py");
    let run = place.run_with(&[("CONSORT_PYTHON", "/nowhere/python3")], &["-m", "parrot", "x"]);
    assert_snapshot!(run, @r#"
    exit 3
    --- stderr
    error: parrot: the plugin needs setup: CONSORT_PYTHON names `/nowhere/python3`, which is no Python
      help: name an interpreter, or unset the variable
    "#);
}
