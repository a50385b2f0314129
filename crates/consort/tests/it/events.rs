//! Who is told what happens: listeners of the same user, and webhooks.
use super::support::{Place, Vendor};
use consort_testkit::Reply;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

const ASK: [&str; 7] = ["-m", "demo", "-o", "delay_ms", "0", "-o", "say"];

#[cfg(unix)]
#[test]
fn a_listener_hears_other_programs() {
    let place = Place::new();
    let mut listener = place.command(&["events", "--jsonl"]).spawn().unwrap();
    wait_for_socket(&place);
    let asked = place.run(&[&ASK[..], &["Hello there.", "--json", "hi"]].concat()).json();
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let mut heard: Vec<Value> = Vec::new();
    while heard.last().is_none_or(|last| last["kind"] != "run_ended") {
        heard.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    let numbers: Vec<u64> = heard.iter().map(|one| one["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "nothing is missed");
    assert!(heard.iter().all(|one| one["conversation"] == asked["conversation"] && one["model"] == "demo"));
    let text: String = heard.iter().filter_map(|one| one["delta"].as_str()).collect();
    assert_eq!(text, "Hello there.");
    assert!(heard.iter().any(|one| one["kind"] == "completed" && one["text"] == "Hello there."));
    std::process::Command::new("kill").args(["-INT", &listener.id().to_string()]).status().unwrap();
    assert_eq!(listener.wait().unwrap().code(), Some(0));
    assert_eq!(sockets(&place), 0, "it leaves nothing behind");
}

#[cfg(unix)]
#[test]
fn one_that_does_not_listen_delays_nothing() {
    let place = Place::new();
    let mut listener = place.command(&["events", "--jsonl"]).spawn().unwrap();
    wait_for_socket(&place);
    let signal = |name: &str| {
        std::process::Command::new("kill").args([name, &listener.id().to_string()]).status().unwrap()
    };
    signal("-STOP");
    let begun = std::time::Instant::now();
    let run = place.run(&["-m", "demo", "-o", "delay_ms", "0", "-o", "words", "8000", "--no-stream", "hi"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    signal("-KILL");
    listener.wait().unwrap();
    // Nobody is behind its socket any more: the next program that looks takes it away.
    assert_eq!(sockets(&place), 1);
    assert_eq!(place.run(&[&ASK[..], &["x", "hi"]].concat()).stderr, "");
    assert_eq!(sockets(&place), 0);
}

#[cfg(unix)]
fn sockets(place: &Place) -> usize {
    std::fs::read_dir(place.path("home/data/events")).map_or(0, Iterator::count)
}

#[cfg(unix)]
fn wait_for_socket(place: &Place) {
    for _ in 0..200 {
        if sockets(place) > 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody listens");
}

#[test]
fn webhooks_are_told_signed_and_again() {
    let vendor = Vendor::new([Reply::error(503, &[], "later"), Reply::json("{}"), Reply::json("{}")]);
    let place = Place::new();
    let hook = format!("[[webhooks]]\nurl = \"{}/hook\"\nsecret = \"s3cret\"\n", vendor.url());
    place.file("home/consort.toml", &hook);
    let run = place.run(&[&ASK[..], &["Told.", "hi"]].concat());
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "Told.", ""), "{run}");
    let asked = vendor.server.asked();
    assert!(asked.len() >= 2, "{}", asked.len());
    let events: Vec<Value> = serde_json::from_str(&asked[1].text()).unwrap();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["kind"].as_str()).collect();
    assert!(kinds.contains(&"run_started") && !kinds.contains(&"chunk"), "{kinds:?}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s3cret");
    let signed = ring::hmac::sign(&key, asked[1].text().as_bytes());
    let hex = signed.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(asked[1].header("x-consort-signature"), Some(format!("sha256={hex}").as_str()));
}

#[test]
fn a_webhook_that_is_gone_is_told_and_costs_no_answer() {
    let place = Place::new();
    place.file(
        "home/consort.toml",
        "[[webhooks]]\nurl = \"http://127.0.0.1:1/secret-path\"\nevents = [\"run_ended\"]\n",
    );
    let mut child =
        place.command(&[&ASK[..], &["Answered.", "hi"]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 9];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    let answered = std::time::Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(answered.elapsed() > Duration::from_secs(1), "it is tried again after the answer was shown");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr, "warning: not all was told: the webhook cannot be reached\n");
}

#[test]
fn a_projects_webhooks_are_not_told() {
    let vendor = Vendor::new([]);
    let place = Place::new();
    place.file("consort.toml", format!("[[webhooks]]\nurl = \"{}\"\n", vendor.url()));
    let run = place.run(&[&ASK[..], &["x", "hi"]].concat());
    assert!(run.stderr.contains("may not name webhooks"), "{run}");
    assert!(vendor.server.asked().is_empty());
}
