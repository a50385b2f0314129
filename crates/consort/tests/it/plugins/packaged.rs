//! `consort plugins install` of packages that need no network: what their builds may do, and which are refused.
use super::{Plugged, drop_in};
use std::time::Duration;

/// A build backend that makes a wheel of one module, does what `more` says, and needs no package.
fn project(place: &Plugged, name: &str, entry_points: &str, more: &str) {
    let build = format!(
        "import os, subprocess, zipfile\n\n\ndef build_wheel(folder, config_settings=None, metadata_directory=None):\n{more}\n    \
         name = '{name}-1.0-py3-none-any.whl'\n    info = '{name}-1.0.dist-info/'\n    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:\n        \
         wheel.writestr('{name}.py', 'x = 1\\n')\n        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')\n        \
         wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n        \
         wheel.writestr(info + 'entry_points.txt', {entry_points:?})\n        wheel.writestr(info + 'RECORD', '')\n    return name\n"
    );
    place.place.file(&format!("draft/{name}/backend.py"), build);
    let table = format!(
        "[project]\nname = '{name}'\nversion = '1.0'\n[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    );
    place.place.file(&format!("draft/{name}/pyproject.toml"), table);
}

/// Whether some process has this in its command line.
#[cfg(target_os = "linux")]
fn is_running(word: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let mut lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.any(|line| line.trim() == word)
}

#[cfg(target_os = "linux")]
#[test]
fn a_build_gets_no_secrets_and_leaves_nothing_behind() {
    let Some(place) = Plugged::with_python() else { return };
    let noted = place.place.path("noted");
    let more = format!(
        "    apart = dict.fromkeys(('stdin', 'stdout', 'stderr'), subprocess.DEVNULL)\n    \
         with open({:?}, 'w') as noted:\n        noted.write(repr(dict(os.environ)))\n    \
         subprocess.Popen(['sleep', '4321.75'], **apart)\n    subprocess.call('setsid sleep 4321.75 &', shell=True, **apart)",
        noted.display().to_string()
    );
    project(&place, "evil", "[llm]\nevil = evil\n", &more);
    let env = [("ANTHROPIC_API_KEY", "sk-secret"), ("SSH_AUTH_SOCK", "/run/agent"), ("PIP_NO_INDEX", "1")];
    let begun = std::time::Instant::now();
    let run = place.run_with(&env, &["plugins", "install", "./draft/evil"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(begun.elapsed() < Duration::from_mins(5), "it waited for what the build left");
    let noted = std::fs::read_to_string(noted).unwrap();
    assert!(noted.contains("PIP_NO_INDEX"), "{noted}");
    assert!(!noted.contains("sk-secret") && !noted.contains("SSH_AUTH_SOCK"), "{noted}");
    assert!(!is_running("sleep 4321.75"));
}

#[test]
fn a_package_without_a_plugin_is_refused_and_taken_away() {
    let Some(place) = Plugged::with_python() else { return };
    project(&place, "plain", "[console_scripts]\nplain = plain:x\n", "    pass");
    let run = place.run(&["plugins", "install", "./draft/plain"]);
    assert!(run.code == 2 && run.stderr.contains("the package `plain` is no plugin"), "{run}");
    assert!(!place.place.path("home/data/plugins/plain.toml").exists());
    assert!(!place.place.path("home/data/plugin-state/venvs/plain").exists());
}

#[cfg(unix)]
#[test]
fn an_environment_that_was_left_half_made_is_made_anew() {
    let Some(place) = Plugged::with_python() else { return };
    project(&place, "part", "", "    pass");
    place.plugin("ml.py", drop_in("import part\nreturn f'part {part.x}'"));
    // What a `kill -9` in the middle of making it leaves: an interpreter and no pip.
    let half = place.place.path("home/data/plugin-state/venvs/ml");
    std::fs::create_dir_all(half.join("bin")).unwrap();
    std::os::unix::fs::symlink(place.python.unwrap(), half.join("bin/python")).unwrap();
    std::fs::write(half.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    let run = place.run(&["plugins", "install-deps", "ml", "./draft/part"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(place.ask("ml", "x").stdout, "part 1");
}

/// Whoever forgets the `./` gets no stranger's package.
#[test]
fn a_folder_is_not_taken_for_a_package() {
    let place = Plugged::new();
    place.place.file("faulty/some.py", drop_in("return 'x'"));
    let run = place.run(&["plugins", "install", "faulty"]);
    assert!(run.code == 2 && run.stderr.contains("`faulty` is a folder here"), "{run}");
    assert!(run.stderr.contains("consort plugins install ./faulty"), "{run}");
}
