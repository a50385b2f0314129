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
    assert_eq!(said[..3], ["hello", "You said: hello", "what time is it"]);
    assert!(said[3].starts_with("You said: what time is it time said: 20"), "{said:?}");
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
    // What is free is known to be, also where nobody counted.
    assert!(all.as_array().unwrap().iter().all(|log| log["cost"].as_f64() == Some(0.0)), "{all}");
    let ids: std::collections::BTreeSet<String> =
        all.as_array().unwrap().iter().map(|log| log["conversation"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{all}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is() {
    #[cfg(not(feature = "microphone"))]
    assert_snapshot!(run(&["talk", "demo/live"]), @r"
    exit 2
    --- stderr
    error: there is nothing to say
      help: --wav-in FILE plays a file to it, --text TEXT says words, and a pipe its lines
      help: the web chat has a microphone: `consort serve --open`
    ");
    assert_snapshot!(run(&["talk", "demo", "--text", "x"]), @r"
    exit 3
    --- stderr
    error: `demo` answers in writing; to talk with it, it needs ears and a voice
      help: set `ears` below [voice] in consort.toml, for instance to `groq/whisper-large-v3-turbo`, `openai/gpt-4o-transcribe`, `whisper-server/whisper`, or `test`, which hears its own tones only
      help: set `voice` below [voice] in consort.toml, for instance to `groq/canopylabs/orpheus-v1-english`, `openai/gpt-4o-mini-tts`, `espeak-ng`, `piper/FILE.onnx`, or `test`, which speaks in tones
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
    assert_snapshot!(run(&["talk", "demo/embed", "--text", "x"]), @r"
    exit 2
    --- stderr
    error: `demo/embed` makes vectors of texts, and nothing else
      help: make some: consort embed -m demo/embed
    ");
    assert_snapshot!(run(&["embed", "-m", "demo", "x"]), @r"
    exit 2
    --- stderr
    error: `demo` answers questions and makes no vectors
      help: `consort models --can embed` lists those that do
    ");
    assert_snapshot!(run(&["talk", "demo/live", "--text", "x", "-o", "loud", "true"]), @r"
    exit 2
    --- stderr
    error: demo/live has no option `loud`
      help: it has delay_ms
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

#[test]
fn a_pipe_is_said_line_by_line_or_as_sound() {
    let place = Place::new();
    let talk = |stdin: &[u8], args: &[&str]| {
        place.pipe(stdin, &[&["talk", "demo/live", "--fast", "-q"], args].concat())
    };
    assert_snapshot!(talk(b"hello\n\ngood bye\n", &[]), @r"
    user: hello
    assistant: You said: hello
    user: good bye
    assistant: You said: good bye
    ");
    assert_snapshot!(talk(&voice(), &["--wav-in", "-"]), @r"
    user: (0.5 s of sound)
    assistant: I heard 0.5 s of sound.
    ");
    assert_eq!(talk(b"", &["--text", " "]).code, 2);
}

#[test]
fn a_file_that_was_cut_off_is_played_and_said_to_be() {
    let place = Place::new();
    let whole = voice();
    place.file("cut.wav", &whole[..whole.len() / 2]);
    let run = place.run(&["talk", "demo/live", "--fast", "--wav-in", "cut.wav"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning: cut.wav was cut off: 0.3 s of the sound"), "{run}");
}

#[test]
fn files_that_cannot_be_written_stop_a_talk_before_it_begins() {
    let place = Place::new();
    assert_snapshot!(place.run(&["talk", "demo/live", "--text", "hi", "--wav-out", "none/x.wav"]), @r"
    exit 2
    --- stderr
    error: none/x.wav cannot be written: No such file or directory (os error 2)
    ");
    let args = ["talk", "demo/live", "--text", "hi", "--wav-out", "x.wav", "--record", "x.jsonl"];
    assert_snapshot!(place.run(&args), @r"
    exit 2
    --- stderr
    error: x.jsonl would stay empty: no session of `demo/live` can be recorded
      help: only live models of hosted APIs have a session that goes over the network
    ");
    assert!(!place.path("x.wav").exists() && !place.path("x.jsonl").exists());
    assert!(place.run(&["logs", "--json"]).stdout.trim() == "[]");
    place.file("in.wav", voice());
    assert_snapshot!(place.run(&["talk", "demo/live", "--wav-in", "in.wav", "--wav-out", "./in.wav"]), @r"
    exit 2
    --- stderr
    error: --wav-in and --wav-out are the same file, ./in.wav
      help: give --wav-out another name
    ");
    assert_eq!(std::fs::read(place.path("in.wav")).unwrap(), voice());
    // What is there is kept where a talk does not begin.
    place.file("old.wav", voice());
    place.run(&["talk", "nobody", "--text", "hi", "--wav-out", "old.wav"]);
    assert_eq!(std::fs::read(place.path("old.wav")).unwrap(), voice());
    // Nor where nobody is there to talk with.
    place.file("old.jsonl", "a recording");
    let env = [("OPENAI_API_KEY", "any"), ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")];
    for (file, left) in [("old.jsonl", Some("a recording")), ("new.jsonl", None)] {
        let run = place.run_with(&env, &["talk", "openai/gpt-realtime", "--text", "hi", "--record", file]);
        assert_ne!(run.code, 0, "{run}");
        assert_eq!(std::fs::read_to_string(place.path(file)).ok().as_deref(), left, "{run}");
    }
}

#[test]
fn one_that_is_not_waited_for_any_longer_is_said_to_be() {
    let place = Place::new();
    let args = ["talk", "demo/live", "-o", "delay_ms", "3000", "--text", "a b c", "--wait", "1", "-q"];
    let run = place.run(&args);
    let told = "the answer is not whole (nothing more came for 1 s; `--wait SECONDS` waits longer)";
    assert!(run.code == 5 && run.stderr.contains(told), "{run}");
}

#[test]
fn silence_is_told() {
    let place = Place::new();
    place.file("silent.wav", wav(&vec![0; 16_000], 16_000));
    let run = place.run(&["talk", "demo/live", "--fast", "--wait", "1", "--wav-in", "silent.wav"]);
    assert_snapshot!(run, @r"
    exit 5
    --- stderr
    warning: nothing was heard but silence
    error: no answer came
    ");
    // Nothing was said: no conversation is left.
    let run = place.run(&["talk", "demo/live", "-c", "--text", "hello"]);
    assert!(run.code == 2 && run.stderr.contains("there is no conversation yet"), "{run}");
    place.file("song.wav", [b"ID3\x03\0\0\0".as_slice(), &[0; 64]].concat());
    let run = place.run(&["talk", "demo/live", "--wav-in", "song.wav"]);
    assert!(run.code == 2 && run.stderr.contains("it is audio/mpeg; ffmpeg makes"), "{run}");
}

/// A vendor that ends in the middle of an answer, and plays a session in which nobody goes on.
#[test]
fn an_answer_that_was_cut_is_no_success() {
    let place = Place::new();
    let server = |args: &[&str]| {
        // The address stands on either stream.
        let (from, to) = std::io::pipe().unwrap();
        let mut command = place.command(args);
        let child = command.stdout(to.try_clone().unwrap()).stderr(to).spawn().unwrap();
        drop(command);
        let mut out = std::io::BufReader::new(from);
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0);
        }
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        (child, url.trim_end_matches('/').to_owned(), out)
    };
    let talk = |url: &str, args: &[&str]| {
        let env = [("OPENAI_API_KEY", "any"), ("OPENAI_BASE_URL", url)];
        let words = ["talk", "openai/demo/live", "-q", "--fast", "--text", "one two three four five six"];
        place.run_with(&env, &[&words, args].concat())
    };
    let (mut serve, url, _out) = server(&["serve", "--listen", "127.0.0.1:0"]);
    let whole = talk(&format!("{url}/v1"), &["--record", "rec.jsonl"]);
    let _ = serve.kill();
    assert_eq!(whole.code, 0, "{whole}");
    let (mut replay, url, _out) = server(&["realtime", "replay", "rec.jsonl", "--fault", "cut"]);
    let cut = talk(&format!("{url}/v1"), &["--wav-out", "cut.wav", "--wait", "2"]);
    let _ = replay.kill();
    let told = "the answer is not whole (the connection was lost in the middle of it)";
    assert!(cut.code == 5 && cut.stderr.contains(told), "{cut}");
    assert!(cut.stdout.contains("assistant: You said: one"), "{cut}");
    assert!(!read(&std::fs::read(place.path("cut.wav")).unwrap()).1.is_empty());
}

/// Without the feature: what to do instead.
#[cfg(not(feature = "microphone"))]
#[test]
fn a_microphone_is_built_in_or_missed_with_advice() {
    assert_snapshot!(run(&["talk", "demo/live", "--mic"]), @r"
    exit 2
    --- stderr
    error: this program was built without a microphone
      help: build it with one: `cargo build --release --package consort --features microphone`
      help: the web chat has a microphone: `consort serve --open`
    ");
}

#[cfg(unix)]
#[test]
fn where_both_streams_are_one_pipe_everything_is_read_once() {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    let (mut read, write) = std::io::pipe().unwrap();
    let other: OwnedFd = write.try_clone().unwrap().into();
    let place = Place::new();
    let mut command = place.command(&["talk", "demo/live", "--fast", "--text", "hello"]);
    let mut child = command.stdout(OwnedFd::from(write)).stderr(other).spawn().unwrap();
    drop(command);
    let mut all = String::new();
    read.read_to_string(&mut all).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(all, "user: hello\nassistant: You said: hello\n");
}

#[test]
fn sound_goes_to_stdout_and_words_then_to_stderr() {
    let place = Place::new();
    for quiet in [false, true] {
        let mut args = vec!["talk", "demo/live", "--fast", "--text", "hello", "--wav-out", "-"];
        args.extend(quiet.then_some("-q"));
        let done = place.command(&args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let (rate, heard) = read(&done.stdout);
        assert!(rate == 24_000 && heard.iter().any(|sample| sample.unsigned_abs() > 8000));
        assert_eq!(String::from_utf8_lossy(&done.stderr), "user: hello\nassistant: You said: hello\n");
    }
    assert_snapshot!(place.run(&["talk", "demo/live", "--text", "hi", "--json", "--wav-out", "-"]), @r"
    exit 2
    --- stderr
    error: --json and --wav-out - both want stdout
      help: give --wav-out the name of a file
    ");
    assert!(!place.path("-").exists());
}

#[test]
fn a_voice_or_an_option_that_a_model_has_not_is_told() {
    assert_snapshot!(run(&["talk", "demo/live", "--fast", "-q", "--text", "hi", "--voice", "alloy"]), @r"
    user: hi
    assistant: You said: hi
    ");
    let run = run(&["talk", "demo/live", "--fast", "--text", "hi", "--voice", "alloy"]);
    let none = "warning: demo/live has no voice `alloy` and speaks as it always does: it has one only, without a name";
    assert!(run.code == 0 && run.stderr.contains(none), "{run}");
}
