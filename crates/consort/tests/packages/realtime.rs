//! The vendors' own libraries, unmodified from PyPI, hold live sessions with the models of `consort serve`.
use crate::home::Home;
use crate::speech::speech;
use crate::support::Place;
use consort_realtime::audio::{Encoding, Shape};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;

/// The demo speaks slowly, so that one can speak into its answer.
const SETTINGS: &str = "[models.\"demo/live\".options]\ndelay_ms = 60\n";
const REPEAT: &str = include_str!("../../../../examples/vision_agents/repeat_live.py");

static INSTALLING: Mutex<()> = Mutex::new(());

/// A Python that has both libraries, installed once.
fn python() -> PathBuf {
    let _installing = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let venv = Home::root().join("live-clients");
    let python = venv.join("bin/python");
    if !venv.join("installed").exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).status().unwrap();
        assert!(made.success());
        let packages = ["openai[realtime]", "google-genai", "websockets"];
        let installed =
            Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages).status().unwrap();
        assert!(installed.success());
        std::fs::write(venv.join("installed"), "").unwrap();
    }
    python
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a client's script against the server: with the server's address, its token, and somebody's voice in a file.
fn hold(script: &str) {
    let python = python();
    let place = Place::new();
    place.file("home/consort.toml", SETTINGS);
    place.file("home/data/plugins/repeat_live.py", REPEAT);
    let voice = speech(1_500, 0.5).converted(Shape::MONO_24K).unwrap().to_bytes(Encoding::S16);
    let voice = place.file("voice.pcm", voice);
    let script = place.file("client.py", script);
    // Behind a name the server asks for its token.
    let mut command =
        place.command(&["serve", "--listen", "127.0.0.1:0", "--host", "live.example", "--no-log"]);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let mut served = Served(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Consort is at http://").unwrap_or_else(|| panic!("{line}"));
    let (address, token) = address.split_once("/?token=").unwrap();
    let output = Command::new(python).arg(script).args([address, token]).arg(voice).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(said.ends_with("all held\n"), "{said}\n{wrong}");
}

#[test]
#[ignore = "installs packages"]
fn realtime_sessions_of_the_official_openai_library() {
    hold(include_str!("realtime_openai.py"));
}

#[test]
#[ignore = "installs packages"]
fn realtime_sessions_of_the_official_google_library() {
    hold(include_str!("realtime_google.py"));
}
