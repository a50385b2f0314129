//! Servers on this machine: when they are looked for, what they are shown, and what of theirs is believed.
use super::support::{LOOKED, NOBODY_HOME, Place, Run, Vendor};
use consort_testkit::Reply;
use serde_json::json;
use std::fmt::Write;
use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

const LIST: &str = r#"{"data":[{"id":"tiny-llama"},{"id":"tiny-embed"}]}"#;
const HI: &str =
    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;

/// A server of this name on this machine that gives these replies.
fn server(place: &Place, id: &str, more: &str, replies: impl IntoIterator<Item = Reply>) -> Vendor {
    let vendor = Vendor::new(replies);
    let text = format!(
        "wire = 'openai-chat'\nembed_wire = 'openai'\nbase_url = 'http://127.0.0.1:1/v1'\n\
         local = {{ ports = [1, {}] }}\n{more}\n",
        vendor.server.port()
    );
    place.file(&format!("home/providers/{id}.toml"), text);
    vendor
}

/// One that lists its models and answers "Hi".
fn shed(place: &Place) -> Vendor {
    server(place, "shed", "auth = 'none'", [Reply::json(LIST), Reply::json(HI)])
}

/// A vendor that is set up and answers at once, with a whole body.
fn prompt_vendor(place: &Place) -> Vendor {
    let vendor = Vendor::new([Reply::json(HI)]);
    place.file(
        "home/providers/acme.toml",
        format!("wire = 'openai-chat'\nauth = 'none'\nbase_url = '{}'\n", vendor.url()),
    );
    vendor
}

fn ask_acme(place: &Place, env: &[(&str, &str)]) -> Run {
    let run = place.run_with(env, &["-q", "--no-stream", "-m", "acme/brain", "hello"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "Hi"), "{run}");
    run
}

/// The ids that a listing without any look knows.
fn known(place: &Place) -> Vec<String> {
    let list = place.run(&["models", "--json", "-q", "tiny"]).json();
    list.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

/// As if nobody had looked for long.
fn is_due(place: &Place) {
    fs::remove_file(place.path(LOOKED)).unwrap();
}

#[test]
fn no_test_knocks_at_what_runs_on_this_machine() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../providers");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("\nlocal = ") {
            let named = |(variable, _): &(&str, &str)| text.contains(&format!("\"{variable}\""));
            assert!(NOBODY_HOME.iter().any(named), "{}: its variable is not in NOBODY_HOME", path.display());
        }
    }
    let run = Place::new().run(&["-m", "ollama/any", "hello"]);
    assert!(run.stderr.contains("127.0.0.1:1:"), "{run}");
}

#[test]
fn a_model_of_a_local_server_is_found_by_its_name_alone() {
    let place = Place::new();
    let _server = shed(&place);
    let answer = place.run(&["-q", "--no-stream", "-m", "tiny-llama", "hello"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "Hi"), "{answer}");
}

#[test]
fn every_command_finds_it() {
    let vectors = r#"{"data":[{"index":0,"embedding":[0.5,0.25]}]}"#;
    let place = Place::new();
    let _server = server(&place, "shed", "auth = 'none'", [Reply::json(LIST), Reply::json(vectors)]);
    let run = place.run(&["embed", "-m", "tiny-embed", "hello"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "[0.5,0.25]\n"), "{run}");

    let place = Place::new();
    let _server = shed(&place);
    let run = place.run(&["models", "options", "tiny-llama"]);
    assert!(run.code == 0 && run.stdout.contains("temperature"), "{run}");

    let place = Place::new();
    let _server = shed(&place);
    let run = place.run(&["models", "default", "tiny-llama"]);
    assert!(run.code == 0 && run.stderr.contains("shed/tiny-llama"), "{run}");
}

#[test]
fn a_kept_name_means_the_one_server_that_may_run() {
    let place = Place::new();
    let _server = shed(&place);
    place.run(&["models", "--live"]);
    // A vendor without a key has it too.
    place.file(
        "home/providers/acme.toml",
        "wire = 'openai-chat'\nbase_url = 'http://127.0.0.1:2'\nmodels = [{ name = 'tiny-llama' }]\n",
    );
    let answer = place.run(&["-q", "--no-stream", "-m", "tiny-llama", "hello"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "Hi"), "{answer}");
}

#[test]
fn they_are_looked_for_while_an_answer_comes() {
    let place = Place::new();
    is_due(&place);
    let server = shed(&place);
    assert!(known(&place).is_empty(), "a listing does not look");
    assert_eq!(server.server.connections(), 0);
    let answer = place.run(&["-q", "-m", "demo/slow", "tell me a story"]);
    assert_eq!(answer.code, 0, "{answer}");
    assert_eq!(known(&place), ["shed/tiny-llama", "shed/tiny-embed"]);
    let asked = server.server.connections();
    place.run(&["-q", "-m", "demo/slow", "tell me a story"]);
    assert_eq!(server.server.connections(), asked, "not again so soon");
}

#[test]
fn a_list_that_comes_a_moment_after_the_answer_is_kept() {
    let place = Place::new();
    is_due(&place);
    let late = Reply::open("application/json").wait(Duration::from_millis(100)).piece(LIST).end();
    let _server = server(&place, "shed", "auth = 'none'", [late]);
    let _vendor = prompt_vendor(&place);
    ask_acme(&place, &[]);
    assert_eq!(known(&place), ["shed/tiny-llama", "shed/tiny-embed"]);
}

#[test]
fn nobody_waits_for_a_server_that_says_nothing() {
    let place = Place::new();
    is_due(&place);
    let server = server(&place, "shed", "auth = 'none'", [Reply::silence()]);
    let _vendor = prompt_vendor(&place);
    let begun = Instant::now();
    ask_acme(&place, &[]);
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert!(place.path(LOOKED).exists(), "it is noted when the look begins");
    let knocked = server.server.connections();
    ask_acme(&place, &[]);
    assert_eq!(server.server.connections(), knocked, "so nobody looks again soon");
}

#[test]
fn a_note_from_the_future_counts_for_nothing() {
    let place = Place::new();
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    File::options().write(true).open(place.path(LOOKED)).unwrap().set_modified(tomorrow).unwrap();
    let _server = shed(&place);
    let _vendor = prompt_vendor(&place);
    ask_acme(&place, &[]);
    assert_eq!(known(&place).len(), 2);
}

/// A provider that shows a key in every way there is, and whose command leaves a trace when it runs.
fn talkative(place: &Place) -> String {
    let trace = place.path("the-command-ran");
    format!(
        "key_env = ['SHED_KEY']\nkey_command = ['touch', '{}']\nkey_optional = true\n\
         headers = {{ x-team = '${{SHED_KEY}}' }}\nquery = {{ token = '${{SHED_KEY}}' }}",
        trace.display()
    )
}

#[test]
fn a_look_shows_no_key_runs_no_command_and_asks_no_proxy() {
    let place = Place::new();
    is_due(&place);
    let shed = server(&place, "shed", &talkative(&place), [Reply::json(LIST)]);
    let barn = server(&place, "barn", &talkative(&place).replace("SHED_KEY", "NO_KEY"), [Reply::json(LIST)]);
    let file = place.path("home/providers/barn.toml");
    let with_password = fs::read_to_string(&file).unwrap().replace("http://", "http://me:5ecret@");
    fs::write(&file, with_password).unwrap();
    let _vendor = prompt_vendor(&place);
    let proxy = Vendor::new([Reply::json(HI)]);
    let env =
        [("SHED_KEY", "sk-5ecret"), ("NO_KEY", ""), ("HTTP_PROXY", &proxy.url()), ("PATH", "/usr/bin:/bin")];
    ask_acme(&place, &env);
    // A name that nobody knows makes it look too.
    assert_eq!(place.run_with(&env, &["-m", "no-such-model", "hello"]).code, 4);
    assert_eq!(known(&place).len(), 4);
    for server in [&shed, &barn] {
        let asked = server.server.asked();
        assert_eq!(asked.len(), 2);
        for asked in asked {
            assert_eq!(asked.path, "/v1/models");
            assert!(!format!("{asked:?}").contains("5ecret"), "{asked:?}");
            assert!(["authorization", "x-team"].iter().all(|name| asked.header(name).is_none()), "{asked:?}");
        }
    }
    assert!(!place.path("the-command-ran").exists());
    let through: Vec<String> = proxy.server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(through.len(), 1, "the question alone: {through:?}");
    // Who asks for the lists has them asked with the keys, as any call.
    place.run_with(&[("SHED_KEY", "sk-5ecret")], &["models", "--live"]);
    assert_eq!(shed.server.asked().last().unwrap().header("authorization"), Some("Bearer sk-5ecret"));
}

#[test]
fn a_look_asks_no_other_machine() {
    let place = Place::new();
    is_due(&place);
    let _vendor = prompt_vendor(&place);
    let proxy = Vendor::new([Reply::json(HI)]);
    place.file(
        "home/providers/rig.toml",
        "wire = 'openai-chat'\nauth = 'none'\nbase_url = 'http://rig.test:7/v1'\nlocal = { ports = [7] }\n",
    );
    let url = proxy.url();
    let env = [("HTTP_PROXY", url.as_str())];
    ask_acme(&place, &env);
    assert_eq!(place.run_with(&env, &["-m", "no-such-model", "hello"]).code, 4);
    let through: Vec<String> = proxy.server.asked().into_iter().map(|asked| asked.path).collect();
    assert!(through.iter().all(|path| !path.contains("rig.test")), "{through:?}");
}

#[test]
fn a_mistyped_name_is_told_soon() {
    let place = Place::new();
    let server = server(&place, "shed", "auth = 'none'", [Reply::silence()]);
    let begun = Instant::now();
    let run = place.run(&["-m", "no-such-model", "hello"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert!(server.server.connections() > 0);
}

#[test]
fn the_look_is_a_part_of_the_time_that_was_given() {
    let place = Place::new();
    let _slow = server(&place, "barn", "auth = 'none'", [Reply::silence()]);
    let _server = server(&place, "shed", "auth = 'none'", [Reply::json(LIST), Reply::silence()]);
    let run = place.run(&["--timeout", "1", "-m", "tiny-llama", "hello"]);
    assert!(run.code == 7 && run.stderr.contains("took longer than its limit of 0."), "{run}");
}

#[test]
fn a_name_that_several_have_makes_nobody_look() {
    let place = Place::new();
    let server = shed(&place);
    for id in ["acme", "apex"] {
        let text = "wire = 'openai-chat'\nauth = 'none'\nbase_url = 'http://127.0.0.1:2'\nmodels = [{ name = 'brain' }]\n";
        place.file(&format!("home/providers/{id}.toml"), text);
    }
    let run = place.run(&["-m", "brain", "hello"]);
    assert!(run.code == 4 && run.stderr.contains("acme/brain` or `apex/brain"), "{run}");
    assert_eq!(server.server.connections(), 0);
}

#[test]
fn a_server_cannot_write_to_the_terminal_by_the_names_of_its_models() {
    let place = Place::new();
    let evil =
        ["tiny-\u{1b}]0;pwned\u{7}", "tiny-\nline", "tiny-\u{9b}2J", "tiny-\u{202e}gpj", &"tiny-".repeat(99)];
    let mut list = vec![json!({"id": "tiny-good"}), json!({"id": "tiny-titled", "name": "\u{1b}[31mred"})];
    list.extend(evil.map(|name| json!({ "id": name })));
    let body = json!({ "data": list }).to_string();
    let _server = server(&place, "shed", "auth = 'none'", [Reply::json(&body)]);
    let run = place.run(&["models", "--color", "always", "--live", "-q", "tiny"]);
    let mut lines = String::new();
    for line in run.stdout.lines().skip(1) {
        writeln!(lines, "{}", line.trim_end()).unwrap();
    }
    assert_eq!(lines, "  shed/tiny-good    unchecked\n  shed/tiny-titled  unchecked\n", "{run}");
    let titles = place.run(&["models", "--json", "-q", "tiny"]).json();
    assert!(titles.as_array().unwrap().iter().all(|model| model["title"].is_null()), "{titles}");
}

#[test]
fn a_plugin_that_nobody_looked_at_is_no_local_server() {
    let place = Place::new();
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin")];
    place.run_with(&env, &["plugins", "new", "drop-in", "mystery"]);
    let doctor = place.run_with(&env, &["doctor"]);
    let local = doctor.stdout.split("On this machine, if they run").nth(1).unwrap().lines().nth(1).unwrap();
    assert!(local.contains("ollama") && !local.contains("mystery"), "{doctor}");
    assert!(doctor.stdout.contains("Not looked at yet\n  mystery"), "{doctor}");
}

#[test]
fn a_prompt_is_not_sent_twice_through_a_proxy() {
    let place = Place::new();
    let server = shed(&place);
    let proxy = Vendor::new([]);
    let run = place.run_with(&[("HTTP_PROXY", &proxy.url())], &["-m", "shed/tiny-llama", "hello"]);
    assert_eq!(run.code, 7, "{run}");
    assert_eq!((proxy.server.connections(), server.server.connections()), (1, 0));
}
