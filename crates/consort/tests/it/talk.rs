//! `consort talk`: a live session with the demo, sound from and to files.
use super::support::{Place, Run, run};
use insta::assert_snapshot;
use std::time::{Duration, Instant};

/// A WAV file of 16-bit samples.
pub(crate) fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let mut file = Vec::new();
    for (word, number) in [("RIFF", 36 + size), ("WAVEfmt ", 16)] {
        file.extend(word.as_bytes());
        file.extend(number.to_le_bytes());
    }
    for number in [1u16, 1] {
        file.extend(number.to_le_bytes());
    }
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
    file
}

/// The rate and the samples of a file that the program wrote.
pub(crate) fn read(file: &[u8]) -> (u32, Vec<i16>) {
    assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    let rate = u32::from_le_bytes(file[24..28].try_into().unwrap());
    let data = file.windows(4).position(|four| four == b"data").unwrap() + 8;
    (rate, file[data..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

/// Half a second of a voice, in 16 kHz.
pub(crate) fn voice() -> Vec<u8> {
    let sample = |n: u32| ((f64::from(n) * 0.1).sin() * 9000.0) as i16;
    wav(&(0..8000).map(sample).collect::<Vec<_>>(), 16_000)
}

fn spoken(args: &[&str]) -> (Place, Run) {
    let place = Place::new();
    place.file("in.wav", voice());
    let run =
        place.run(&[&["talk", "demo/live", "--wav-in", "in.wav", "--wav-out", "out.wav"], args].concat());
    (place, run)
}

#[test]
fn a_file_is_heard_and_the_answer_is_written() {
    let (place, run) = spoken(&["--fast", "--quiet"]);
    assert_snapshot!(run, @r"
    user: (0.5 s of sound)
    assistant: I heard 0.5 s of sound.
    ");
    let (rate, heard) = read(&std::fs::read(place.path("out.wav")).unwrap());
    // Six words, each a tone of 120 ms and a pause, in frames of 20 ms.
    assert_eq!((rate, heard.len()), (24_000, 24_000 * 96 / 100));
    assert!(heard.iter().any(|sample| sample.unsigned_abs() > 8000));
}

#[test]
fn the_transcript_is_shown_as_it_grows() {
    let (_, run) = spoken(&["--fast"]);
    assert_snapshot!(run, @r"
    user: (0.5 s of sound)
    assistant: I heard 0.5 s of sound.
    --- stderr
    user: (0.5 s of sound)
    assistant: I heard 0.5 s of sound.
    ");
}

#[test]
fn it_takes_the_time_that_sound_takes() {
    let begun = Instant::now();
    let (place, run) = spoken(&["--quiet", "--rate", "16000"]);
    assert_eq!(run.code, 0, "{run}");
    // What is said takes half a second, and what is heard nearly one.
    assert!(begun.elapsed() > Duration::from_millis(1400), "{:?}", begun.elapsed());
    let (rate, heard) = read(&std::fs::read(place.path("out.wav")).unwrap());
    assert_eq!((rate, heard.len()), (16_000, 16_000 * 96 / 100));
}

#[test]
fn words_are_turns_and_programs_get_an_object() {
    let args = [
        "talk",
        "demo/live",
        "--text",
        "hello",
        "--text",
        "what time is it",
        "-T",
        "time",
        "--fast",
        "--json",
    ];
    let told = run(&args).json();
    assert_eq!(told["model"], "demo/live");
    assert_eq!((&told["turns"], &told["error"]), (&2.into(), &serde_json::Value::Null));
    assert_eq!(told["tools"], serde_json::json!(["time"]));
    let said: Vec<&str> =
        told["transcript"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(said[0], "You said: hello");
    assert!(said[1].starts_with("You said: what time is it time said: 20"), "{said:?}");
    assert!(told["heard_s"].as_f64().unwrap() > 1.0, "{told}");
    assert!(told["usage"]["output"].as_u64().unwrap() > 5, "{told}");
}

#[test]
fn a_talk_is_kept_and_goes_on_in_writing_and_back() {
    let place = Place::new();
    place.file("in.wav", voice());
    let talk = |rest: &[&str]| {
        let run = place.run(&[&["talk", "demo/live", "--fast", "-q"], rest].concat());
        assert_eq!(run.code, 0, "{run}");
    };
    talk(&["--wav-in", "in.wav", "--text", "hello", "-s", "Be kind."]);
    let written =
        place.run(&["-c", "-m", "demo", "-o", "say", "Written.", "-o", "delay_ms", "0", "now in writing"]);
    assert_eq!(written.stdout, "Written.", "{written}");
    talk(&["-c", "--text", "and aloud"]);
    talk(&["-n", "-c", "--text", "in secret"]);
    talk(&["-n", "--text", "in secret"]);
    let all = place.run(&["logs", "-n", "0", "--json"]).json();
    let one = |log: &serde_json::Value| {
        let text = |name: &str| log[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {}", text("model"), text("status"), text("prompt"), text("response"))
    };
    let mut said: Vec<String> = all.as_array().unwrap().iter().map(one).collect();
    said.sort();
    assert_eq!(
        said,
        [
            "demo complete now in writing Written.",
            "demo/live complete (0.5 s of sound) I heard 0.5 s of sound. My instructions: Be kind.",
            "demo/live complete and aloud You said: and aloud My instructions: Be kind.",
            "demo/live complete hello You said: hello My instructions: Be kind.",
        ]
    );
    let ids: std::collections::BTreeSet<String> =
        all.as_array().unwrap().iter().map(|log| log["conversation"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{all}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is() {
    assert_snapshot!(run(&["talk", "demo/live"]), @r"
    exit 2
    --- stderr
    error: there is nothing to say
      help: --wav-in FILE plays a file to it, --text TEXT says words
    ");
    assert_snapshot!(run(&["talk", "demo", "--text", "x"]), @r"
    exit 3
    --- stderr
    error: `demo` answers questions; to talk with it, it needs ears
      help: set `ears` below [voice] in consort.toml, for instance to one of `groq/whisper-large-v3-turbo`, `groq/whisper-large-v3`, `openai/gpt-4o-transcribe`, `test`
    ");
    assert_snapshot!(run(&["-m", "demo/live", "x"]), @r"
    exit 2
    --- stderr
    error: `demo/live` holds live sessions and answers no questions
      help: talk with it: consort talk demo/live
    ");
    assert_snapshot!(run(&["talk", "demo/life", "--text", "x"]), @r"
    exit 4
    --- stderr
    error: no model is named `demo/life`
      tip: did you mean `demo/live`?
      help: `consort models --can live` lists them
    ");
    assert_snapshot!(run(&["talk", "demo/live", "--text", "x", "-o", "loud", "true"]), @r"
    exit 2
    --- stderr
    error: demo: the option `loud` is none of the demo, or has a value that does not fit
      help: it has delay_ms, from 0 to 60000
    ");
    let place = Place::new();
    place.file("noise.wav", "no sound at all");
    place.file("empty.wav", wav(&[], 16_000));
    for (file, said) in
        [("no.wav", "cannot be read"), ("noise.wav", "cannot be played"), ("empty.wav", "holds no sound")]
    {
        let run = place.run(&["talk", "demo/live", "--wav-in", file]);
        assert!(run.code == 2 && run.stderr.contains(&format!("{file} {said}")), "{run}");
    }
}

#[test]
fn live_models_are_listed_with_their_word() {
    assert_snapshot!(run(&["models", "-q", "demo", "--can", "live"]), @r"
      MODEL      STATE  CAN                           CONTEXT  $ IN/OUT PER M
      demo/live  ready  live image audio video tools           0/0
    --- stderr

    default: demo (`consort models default ID` changes it)
    ");
    let options = run(&["models", "options", "demo/live"]);
    assert!(options.code == 0 && options.stdout.contains("delay_ms"), "{options}");
}
