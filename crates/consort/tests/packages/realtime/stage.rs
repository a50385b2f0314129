//! What the libraries meet: `consort serve` with live models of each kind, and the servers behind them.
use crate::home::Home;
use crate::speech::speech;
use crate::support::Place;
use consort_realtime::audio::{Encoding, Shape, Sound};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// The demo speaks slowly, so that one can speak into its answer. Chat models talk in tones.
const SETTINGS: &str =
    "[models.\"demo/live\".options]\ndelay_ms = 60\n[voice]\nears = \"test\"\nvoice = \"test\"\n";
const REPEAT: &str = include_str!("../../../../../examples/vision_agents/repeat_live.py");
/// A plugin is one file.
const MINDED: &str =
    concat!(include_str!("py/tones.py"), include_str!("py/mind.py"), include_str!("py/minded_live.py"));
/// The key of all vendors here.
const KEY: &str = "far-key";

static INSTALLING: Mutex<()> = Mutex::new(());

/// A Python that has both libraries, installed once.
pub(super) fn python() -> PathBuf {
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

/// A script beside this file, which leaves nothing there.
pub(super) fn script(name: &str) -> Command {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/realtime/py"));
    let mut command = Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(folder.join(name));
    command
}

/// A process that ends with its test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    /// By the name `localhost`, with a certificate that is valid in the server's home.
    Tls,
}

/// `consort serve`.
pub(super) struct Served {
    _child: Ending,
    pub(super) address: String,
    pub(super) token: String,
}

impl Served {
    /// In this home, with the key of the vendors.
    pub(super) fn start(place: &Place, key: &str, way: Way) -> Self {
        place.file("home/consort.toml", SETTINGS);
        place.file("home/data/plugins/repeat_live.py", REPEAT);
        place.file("home/data/plugins/minded_live.py", MINDED);
        // Behind a name the server asks for its token.
        let mut command =
            place.command(&["serve", "--listen", "127.0.0.1:0", "--host", "live.example", "--no-log"]);
        if way == Way::Tls {
            consort_testkit::certificate(&place.path(""), "localhost").unwrap();
            command.arg("--tls-cert").arg(place.path("cert.pem")).arg("--tls-key").arg(place.path("key.pem"));
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("FAR_KEY", key);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let child = Ending(child);
        let (_, address) = line.split_once("://").unwrap_or_else(|| panic!("{line}"));
        let (address, token) = address.trim().split_once("/?token=").unwrap();
        let address = match way {
            Way::Plain => address.to_owned(),
            Way::Tls => address.replace("127.0.0.1", "localhost"),
        };
        Self { _child: child, address, token: token.to_owned() }
    }

    /// A client's script, with what it needs to speak.
    pub(super) fn client(&self, place: &Place, name: &str) -> Command {
        let voice = speech(1_500, 0.5).converted(Shape::MONO_24K).unwrap().to_bytes(Encoding::S16);
        let mut command = script(name);
        if place.path("ca.pem").exists() {
            command.env("SSL_CERT_FILE", place.path("ca.pem"));
        }
        command.args([&self.address, &self.token]).arg(place.file("voice.pcm", voice));
        let spelled = Sound::spelled("hello there", Shape::MONO_24K).to_bytes(Encoding::S16);
        command.env("SPELLED", place.file("spelled.pcm", spelled));
        command
    }
}

/// A vendor of live models at this address, in a format of theirs.
pub(super) fn vendor(place: &Place, id: &str, format: &str, address: &str, model: &str) {
    let (path, auth) = match format {
        "gemini" => ("v1beta", "base_path = \"v1beta\"\nauth = { header = \"x-goog-api-key\" }\n"),
        _ => ("v1", ""),
    };
    let wire = if format == "gemini" { "gemini" } else { "openai-chat" };
    let file = format!(
        "wire = \"{wire}\"\nlive_wire = \"{format}\"\nbase_url = \"http://{address}/{path}\"\nkey_env = [\"FAR_KEY\"]\n\
         {auth}models = [{{ name = \"{model}\", kind = \"realtime\" }}]\n"
    );
    place.file(&format!("home/providers/{id}.toml"), file);
}

/// The scripted vendors, and `consort serve` before them.
pub(super) struct Stage {
    pub(super) place: Place,
    _vendors: Ending,
    notes: PathBuf,
    pub(super) served: Served,
}

impl Stage {
    pub(super) fn build(way: Way) -> Self {
        let place = Place::new();
        let notes = place.file("notes.txt", "");
        let mut command = script("vendors.py");
        let mut vendors = command.arg(&notes).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ports = String::new();
        BufReader::new(vendors.stdout.as_mut().unwrap()).read_line(&mut ports).unwrap();
        let vendors = Ending(vendors);
        let ports: Vec<String> = ports.split_whitespace().map(|port| format!("127.0.0.1:{port}")).collect();
        let [openai, gemini, chat] = ports.try_into().unwrap();
        vendor(&place, "far", "openai", &openai, "gpt-realtime");
        vendor(&place, "away", "gemini", &gemini, "gemini-live");
        let talker = format!(
            "wire = \"openai-chat\"\nbase_url = \"http://{chat}/v1\"\nkey_env = [\"FAR_KEY\"]\nmodels = [{{ name = \"chat\" }}]\n"
        );
        place.file("home/providers/talker.toml", talker);
        let served = Served::start(&place, KEY, way);
        Self { place, _vendors: vendors, notes, served }
    }

    /// What the vendors wrote down: what happened, and each rule of theirs that was broken.
    pub(super) fn notes(&self) -> String {
        std::fs::read_to_string(&self.notes).unwrap()
    }
}
