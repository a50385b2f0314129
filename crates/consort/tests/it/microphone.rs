//! `consort talk` by microphone and speaker, on a sound server of its own that has no card.
use super::support::Place;
use super::talk::read;
use super::talk::wav;
use consort_realtime::audio::{Shape, Sound, SpellingReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// ALSA's default device is this server's: it hears what is played into `mic`, and plays into `out`.
const ASOUND: &str = "
pcm.server { type pulse; server SOCKET; device out }
pcm.hears { type pulse; server SOCKET; device mic.monitor }
pcm.default { type asym; playback.pcm server; capture.pcm hears }
";

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The demo repeats what is said in words the test voice spells: spoken into the microphone, heard on the speaker.
#[test]
#[ignore = "needs pulseaudio and ALSA's plugin for it"]
fn a_talk_by_microphone_and_speaker() {
    let place = Place::new();
    let socket = place.path("socket");
    let native = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
    let sinks = ["mic", "out"].map(|name| format!("module-null-sink sink_name={name} rate=48000 channels=2"));
    let mut pulse = Command::new("pulseaudio");
    pulse.args([
        "--daemonize=no",
        "--exit-idle-time=-1",
        "-n",
        "-L",
        &native,
        "-L",
        &sinks[0],
        "-L",
        &sinks[1],
    ]);
    pulse.env("HOME", place.path("pulse")).env("XDG_RUNTIME_DIR", place.path("pulse"));
    std::fs::create_dir_all(place.path("pulse")).unwrap();
    let _server = Server(pulse.stderr(Stdio::null()).spawn().unwrap());
    wait_for("pulseaudio is there", || socket.exists());
    let at = format!("unix:{}", socket.display());
    let asound = ASOUND.replace("SOCKET", &format!("\"{at}\""));
    let asound = place.file("asound.conf", asound);
    place.file("home/consort.toml", "[voice]\nears = \"test\"\nvoice = \"test\"\n");
    let spelled = Sound::spelled("good morning", Shape::MONO_24K).to_pcm();
    let said = place.file("said.wav", wav(&spelled.samples, 24_000));

    let heard = place.path("heard.raw");
    let recorder = Command::new("parec")
        .args([
            "--server",
            &at,
            "-d",
            "out.monitor",
            "--rate=24000",
            "--channels=1",
            "--format=s16le",
            "--raw",
        ])
        .arg("--latency-msec=20")
        .stdout(std::fs::File::create(&heard).unwrap())
        .spawn();
    let _recorder = Server(recorder.unwrap());
    let mut talk = place.command(&[
        "talk",
        "demo",
        "-o",
        "say",
        "And to you",
        "-o",
        "delay_ms",
        "0",
        "--mic",
        "--wav-out",
        "out.wav",
    ]);
    talk.env("ALSA_CONFIG_PATH", &asound).stdout(Stdio::piped()).stderr(Stdio::piped());
    let talk = talk.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let played = Command::new("paplay").args(["--server", &at, "-d", "mic"]).arg(&said).status().unwrap();
    assert!(played.success());
    std::thread::sleep(Duration::from_secs(6));
    let id = talk.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let done = talk.wait_with_output().unwrap();
    let (out, told) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{out}\n{told}");
    assert_eq!(out.trim(), "user: good morning\nassistant: And to you", "{told}");

    let words = |samples: Vec<i16>, rate| {
        let mut reader = SpellingReader::new();
        let mut words = reader.push(&consort::Pcm::mono(samples, rate)).unwrap();
        words.extend(reader.finish());
        words.join(" ")
    };
    let bytes = std::fs::read(&heard).unwrap();
    let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    assert_eq!(words(samples, 24_000), "And to you", "what the speaker played");
    let (rate, samples) = read(&std::fs::read(place.path("out.wav")).unwrap());
    assert_eq!(words(samples, rate), "And to you", "what the file has");
}

#[test]
#[ignore = "needs ALSA's configuration"]
fn a_device_that_is_not_there_is_told_with_those_that_are() {
    let place = Place::new();
    let asound = place.file(
        "asound.conf",
        "pcm.headset { type null; hint { show on; description \"A headset\" } }\npcm.default { type null }\n",
    );
    let env = [("ALSA_CONFIG_PATH", asound.to_str().unwrap())];
    let run = place.run_with(&env, &["talk", "demo/live", "--mic=list"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("no microphone is named `list`"), "{run}");
    assert!(run.stderr.contains("headset"), "{run}");
}
