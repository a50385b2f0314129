//! Live models of hosted APIs through the program: the way to them, what is missing, and sessions recorded and played.
use super::support::{Place, Vendor, run};
use consort_testkit::{Act, Reply};
use insta::assert_snapshot;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const KEY: &str = "sk-live-5ecret-of-the-user";

/// A session that answers one question.
fn answering() -> Reply {
    let says = [
        r#"{"type":"response.created","response":{"id":"r"}}"#,
        r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAAAAAAA"}"#,
        r#"{"type":"response.output_audio_transcript.delta","response_id":"r","item_id":"i","delta":"It is noon."}"#,
        r#"{"type":"response.output_audio_transcript.done","response_id":"r","item_id":"i","transcript":"It is noon."}"#,
        r#"{"type":"response.done","response":{"id":"r","status":"completed"}}"#,
    ];
    let opening = [
        Act::Hear("session.update"),
        Act::Say(r#"{"type":"session.updated","session":{"model":"gpt-realtime"}}"#.into()),
        Act::Hear("response.create"),
    ];
    Reply::socket(opening.into_iter().chain(says.map(|text| Act::Say(text.into()))))
}

/// What it shows.
const HEARD: &str = "user: What time is it?\nassistant: It is noon.";
const TALK: [&str; 6] = ["talk", "openai/gpt-realtime", "--fast", "--quiet", "--text", "What time is it?"];

#[test]
fn without_a_key_it_says_where_to_put_one() {
    assert_snapshot!(run(&TALK), @r"
    exit 3
    --- stderr
    error: openai: there is no key for OpenAI
      help: store one with `consort keys set openai`, or set OPENAI_API_KEY
      help: keys are made at https://platform.openai.com/api-keys
    ");
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn it_goes_through_the_proxy_and_trusts_what_is_trusted() {
    let proxy = super::support::Proxy::new([answering()]);
    let mut env = proxy.env().to_vec();
    env.extend([("OPENAI_API_KEY", KEY), ("CONSORT_LOG", "trace")]);
    let run = Place::new().run_with(&env, &TALK);
    assert_eq!((run.code, run.stdout.trim_end()), (0, HEARD), "{run}");
    assert!(!run.to_string().contains("5ecret"), "{run}");
    let asked = &proxy.server.asked()[0];
    assert_eq!(
        (asked.host.as_str(), asked.path.as_str()),
        ("api.openai.com:443", "/v1/realtime?model=gpt-realtime")
    );
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    // Whom nobody trusts is told nothing.
    let env = [proxy.env()[0], ("OPENAI_API_KEY", KEY)];
    let run = Place::new().run_with(&env, &TALK);
    assert!(run.code == 7 && run.stderr.contains("the certificate is not trusted"), "{run}");
}

#[test]
fn live_models_are_listed_beside_the_others() {
    let asked = run(&["-m", "openai/gpt-realtime", "hi"]);
    assert!(
        asked.code == 2 && asked.stderr.contains("talk with it: consort talk openai/gpt-realtime"),
        "{asked}"
    );
    let run =
        Place::new().run_with(&[("OPENAI_API_KEY", KEY)], &["models", "--can", "live", "-q", "openai/"]);
    assert!(run.code == 0 && run.stdout.contains("openai/gpt-realtime"), "{run}");
}

#[test]
fn a_refused_key_and_a_missing_model_are_told_as_for_any_call() {
    let check = |status: u16, code: i32, said: &str| {
        let body = format!("{{\"error\":{{\"message\":\"no: {KEY}\"}}}}");
        let vendor = Vendor::new([Reply::error(status, &[], &body)]);
        let url = vendor.url();
        let run = Place::new().run_with(&[("OPENAI_BASE_URL", &url), ("OPENAI_API_KEY", KEY)], &TALK);
        assert!(run.code == code && run.stderr.contains(said) && run.stderr.contains("help:"), "{run}");
        assert!(!run.to_string().contains("5ecret"), "{run}");
    };
    check(401, 3, "no: ***");
    check(404, 4, "no: ***");
    check(429, 6, "no: ***");
}

/// `consort realtime replay`, as long as it is held.
struct Replay(Child, String);

impl Replay {
    fn of(place: &Place, args: &[&str]) -> Self {
        let mut command = place.command(&[&["realtime", "replay"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self(child, url.trim().to_owned())
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_session_that_was_recorded_is_played_again_without_a_key() {
    let vendor = Vendor::new([answering()]);
    let url = vendor.url();
    let place = Place::new();
    let env = [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", KEY)];
    let first = place.run_with(&env, &[&TALK[..], &["--record", "session.jsonl"]].concat());
    assert_eq!((first.code, first.stdout.trim_end()), (0, HEARD), "{first}");
    let kept = std::fs::read_to_string(place.path("session.jsonl")).unwrap();
    assert!(kept.contains("What time is it?") && !kept.contains("5ecret"), "{kept}");
    let mut loud = TALK.to_vec();
    loud.remove(3);
    for fault in [
        &[][..],
        &["--fault", "garbage"],
        &["--fault", "stall:1"],
        &["--fault", "delay:20", "--fault", "reorder"],
    ] {
        let replay = Replay::of(&place, &[&["session.jsonl"], fault].concat());
        let env = [("OPENAI_BASE_URL", replay.1.as_str()), ("OPENAI_API_KEY", "any")];
        let again = place.run_with(&env, &TALK);
        assert_eq!(again.stdout.trim_end(), HEARD, "{fault:?} {again}");
    }
    let replay = Replay::of(&place, &["session.jsonl", "--fault", "garbage"]);
    let env = [("OPENAI_BASE_URL", replay.1.as_str()), ("OPENAI_API_KEY", "any")];
    let garbled = place.run_with(&env, &loud);
    let warning = "warning: the server sent what is not JSON, which is left out";
    assert!(garbled.code == 0 && garbled.stderr.contains(warning), "{garbled}");
    assert!(!garbled.stderr.contains("help:"), "{garbled}");
    let replay = Replay::of(&place, &["session.jsonl", "--fault", "cut"]);
    let env = [("OPENAI_BASE_URL", replay.1.as_str()), ("OPENAI_API_KEY", "any")];
    let again = place.run_with(&env, &loud);
    assert!(again.stderr.contains("connecting again"), "{again}");
}

#[test]
fn what_cannot_be_recorded_or_played_is_told() {
    let place = Place::new();
    let run = place.run(&["talk", "demo/live", "--fast", "--quiet", "--text", "hi", "--record", "x.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("no session of `demo/live` can be recorded"), "{run}");
    let run = place.run(&["realtime", "replay", "missing.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("cannot be read"), "{run}");
    place.file("empty.jsonl", "");
    let run = place.run(&["realtime", "replay", "empty.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("it holds no frame of a server"), "{run}");
    let run = place.run(&["realtime", "replay", "empty.jsonl", "--fault", "fire"]);
    assert!(run.code == 2 && run.stderr.contains("is no fault"), "{run}");
}
