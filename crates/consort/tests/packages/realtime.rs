//! The vendors' own libraries, unmodified from PyPI, hold live sessions with the models of `consort serve`.
use crate::home::Home;
use crate::speech::speech;
use crate::support::Place;
use consort_realtime::audio::{Encoding, Shape, Sound};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;

/// The demo speaks slowly, so that one can speak into its answer. Chat models talk in tones.
const SETTINGS: &str =
    "[models.\"demo/live\".options]\ndelay_ms = 60\n[voice]\nears = \"test\"\nvoice = \"test\"\n";
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

/// Two vendors of live models: both are another server of ours, each in its own format.
const FAR: [(&str, &str); 2] = [
    (
        "far",
        "wire = \"openai-chat\"\nlive_wire = \"openai\"\nbase_url = \"http://ADDRESS/v1\"\nkey_env = [\"FAR_KEY\"]\n\
         models = [{ name = \"demo/live\", kind = \"realtime\" }]\n",
    ),
    (
        "away",
        "wire = \"gemini\"\nlive_wire = \"gemini\"\nbase_url = \"http://ADDRESS/v1beta\"\nbase_path = \"v1beta\"\n\
         key_env = [\"FAR_KEY\"]\nauth = { header = \"x-goog-api-key\" }\n\
         models = [{ name = \"demo/live\", kind = \"realtime\" }]\n",
    ),
];

/// A server that ends with its test.
struct Served {
    child: Child,
    address: String,
    token: String,
}

impl Served {
    fn start(place: &Place, key: &str) -> Self {
        place.file("home/consort.toml", SETTINGS);
        place.file("home/data/plugins/repeat_live.py", REPEAT);
        // Behind a name the server asks for its token.
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--host", "live.example", "--no-log"];
        let mut command = place.command(&arguments);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("FAR_KEY", key);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Consort is at http://").unwrap_or_else(|| panic!("{line}"));
        let (address, token) = address.split_once("/?token=").unwrap();
        Self { child, address: address.to_owned(), token: token.to_owned() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a client's script: with the server's address, its token, somebody's voice in a file, and models that are the demo's,
/// here and behind another server.
fn hold(script: &str) {
    let python = python();
    let (place, elsewhere) = (Place::new(), Place::new());
    let far = Served::start(&elsewhere, "");
    for (id, file) in FAR {
        place.file(&format!("home/providers/{id}.toml"), file.replace("ADDRESS", &far.address));
    }
    let served = Served::start(&place, &far.token);
    let voice = speech(1_500, 0.5).converted(Shape::MONO_24K).unwrap().to_bytes(Encoding::S16);
    let (voice, script) = (place.file("voice.pcm", voice), place.file("client.py", script));
    let spelled = Sound::spelled("hello there", Shape::MONO_24K).to_bytes(Encoding::S16);
    let mut command = Command::new(python);
    command.env("SPELLED", place.file("spelled.pcm", spelled));
    command.arg(script).args([&served.address, &served.token]).arg(voice);
    let output = command.args(["demo/live", "far/demo/live", "away/demo/live"]).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("all held\n"), "{said}\n{wrong}");
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
