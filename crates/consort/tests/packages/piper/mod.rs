//! Piper from PyPI, as it is, speaks for a chat model. Its voice is made here and says each phoneme as a tone.
use crate::home::Home;
use crate::support::Place;
use std::process::Command;

#[test]
#[ignore = "installs packages"]
fn piper_speaks_for_a_chat_model() {
    let venv = Home::root().join("piper");
    let bin = venv.join("bin");
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    if !venv.join("installed").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        let packages = ["-m", "pip", "install", "--quiet", "piper-tts", "onnx"];
        run(Command::new(bin.join("python")).args(packages));
        std::fs::write(venv.join("installed"), "").unwrap();
    }
    let place = Place::new();
    let voice = place.path("tone.onnx");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/piper/tone_voice.py");
    run(Command::new(bin.join("python")).arg(script).arg(&voice));
    let settings = format!("[voice]\nears = \"test\"\nvoice = \"piper/{}\"\n", voice.display());
    place.file("home/consort.toml", settings);
    let path = std::env::join_paths([bin, "/usr/bin".into(), "/bin".into()]).unwrap();
    let args = ["talk", "demo", "--text", "good day", "--wav-out", "out.wav", "--fast", "-q"];
    let run = place.run_with(&[("PATH", path.to_str().unwrap())], &args);
    assert!(run.code == 0 && run.stdout.contains("You said: \"good day\""), "{run}");
    let (rate, heard) = read(&std::fs::read(place.path("out.wav")).unwrap());
    // It says the whole of its answer, and in its own pitch: a voice that was taken for one of another rate would not.
    let seconds = heard.len() as f64 / f64::from(rate);
    assert!(seconds > 5.0, "{seconds} s");
    let middle = &heard[heard.len() / 4..][..rate as usize / 100];
    let share = pitch_share(middle, rate, 440.0);
    assert!(share > 0.8, "{share} of it has 440 Hz");
}

/// How much of the power of this sound is at a pitch, of 1.
fn pitch_share(sound: &[i16], rate: u32, pitch: f64) -> f64 {
    let step = 2.0 * std::f64::consts::PI * pitch / f64::from(rate);
    let (mut sine, mut cosine, mut all) = (0.0, 0.0, 0.0);
    for (n, sample) in sound.iter().map(|sample| f64::from(*sample)).enumerate() {
        sine += sample * (step * n as f64).sin();
        cosine += sample * (step * n as f64).cos();
        all += sample * sample;
    }
    2.0 * (sine * sine + cosine * cosine) / (all.max(1.0) * sound.len() as f64)
}

/// The rate and samples of a WAV file that the program wrote.
fn read(file: &[u8]) -> (u32, Vec<i16>) {
    let pcm = consort_realtime::audio::Sound::from_wav(file).unwrap().to_pcm();
    (pcm.rate, pcm.samples)
}
