//! What vendors and networks do wrong, over a real socket: the kind, the exit code, what to do, in time, and
//! never the key.
use super::support::{Place, Run, Vendor};
use consort_testkit::Reply;
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime};

const KEY: &str = "sk-5ecret-0123456789";
const SSE: &str = "text/event-stream";
const HEL: &str =
    "data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";

/// A vendor that answers with this, asked once as a person and once as a program.
struct Fault {
    person: Run,
    program: Run,
    object: Value,
}

fn fault(reply: &Reply, extra: &[&str]) -> Fault {
    let vendor = Vendor::new([reply.clone()]);
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        format!(
            "wire = 'openai-chat'\nbase_url = '{}/v1'\nkey_env = ['ACME_KEY']\ntimers = {{ first_event = 1.0, idle = 1.0 }}\n",
            vendor.url()
        ),
    );
    let ask = |more: &[&str]| {
        let args: Vec<&str> =
            ["-m", "acme/large", "hello"].iter().chain(more).chain(extra).copied().collect();
        let started = Instant::now();
        let run = place.run_with(&[("ACME_KEY", KEY), ("CONSORT_LOG", "trace")], &args);
        assert!(started.elapsed() < Duration::from_secs(8), "{run}");
        assert!(!format!("{run}").contains("5ecret"), "{run}");
        run
    };
    let (person, program) = (ask(&[]), ask(&["--json"]));
    assert_eq!(person.code, program.code);
    let object = program.json();
    assert_eq!(object["error"]["provider"], "acme", "{object:#}");
    Fault { person, program, object }
}

/// The kind and the exit code; a line of help is always there.
#[track_caller]
fn check(reply: Reply, kind: &str, code: i32, help: &str) -> Fault {
    check_with(reply, &[], kind, code, help)
}

#[track_caller]
fn check_with(reply: Reply, extra: &[&str], kind: &str, code: i32, help: &str) -> Fault {
    let fault = fault(&reply, extra);
    let error = &fault.object["error"];
    assert_eq!((error["code"].as_str(), fault.program.code), (Some(kind), code), "{}", fault.person);
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.contains(help) && !hint.is_empty(), "{}", fault.person);
    assert!(
        fault.person.stderr.contains("error: acme: ") && fault.person.stderr.contains("\n  help: "),
        "{}",
        fault.person
    );
    fault
}

fn status(status: u16, body: &str) -> Reply {
    Reply::error(status, &[("x-request-id", "r-7")], body)
}

#[test]
fn statuses() {
    let refused = format!(
        "{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\",\"code\":\"invalid_api_key\"}}}}"
    );
    let fault = check(status(401, &refused), "auth", 3, "consort keys set acme");
    assert_eq!(fault.object["error"]["request_id"], "r-7");
    assert_eq!(fault.object["error"]["status"], 401);
    check(status(403, "{}"), "permission", 3, "");
    check(
        status(404, r#"{"error":{"message":"The model `large` does not exist"}}"#),
        "model_not_found",
        4,
        "consort models",
    );
    check(status(413, "too large"), "context_length", 5, "shorten");
    check(status(400, r#"{"error":{"message":"no such field"}}"#), "invalid_request", 5, "");
    check(status(500, ""), "server", 5, "try again");
    check(status(503, "<html><body>down</body></html>"), "overloaded", 5, "try again");
    check(
        status(529, r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        "overloaded",
        5,
        "try again",
    );
    let moved = Reply::with_headers(307, &[("location", "https://elsewhere.example/?key=5ecret")], "");
    check(moved, "invalid_request", 5, "base URL");
}

#[test]
fn how_long_to_wait() {
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(20));
    for (header, value, wanted) in
        [("retry-after-ms", "1500", 1.5), ("retry-after", "7", 7.0), ("retry-after", soon.as_str(), 20.0)]
    {
        let reply = Reply::error(429, &[(header, value)], r#"{"error":{"message":"slow down"}}"#);
        let fault = check(reply, "rate_limit", 6, "try again in ");
        let got = fault.object["error"]["retry_after_s"].as_f64().unwrap();
        // A date is told in whole seconds, and time passes on the way.
        assert!(got <= wanted && got > wanted - 10.0, "{header}: {value} gave {got}");
        assert!(header == "retry-after" || (got - wanted).abs() < 1e-9);
    }
    let none = check(status(429, "{}"), "rate_limit", 6, "try again");
    assert_eq!(none.object["error"]["retry_after_s"], Value::Null);
}

#[test]
fn a_cut_before_the_first_event() {
    for reply in
        [Reply::open(SSE).reset(), Reply::open(SSE).end(), Reply::open(SSE).piece("data: {\"id").reset()]
    {
        let fault = check(reply, "network", 7, "try again");
        assert_eq!(fault.object["text"], "");
    }
}

#[test]
fn a_cut_after_the_first_event_keeps_what_came() {
    for reply in [Reply::open(SSE).piece(HEL).reset(), Reply::open(SSE).piece(HEL).end()] {
        let fault = check(reply, "interrupted", 5, "incomplete");
        assert_eq!(fault.object["text"], "Hel");
        assert_eq!(fault.object["finish"], Value::Null);
        assert_eq!(fault.person.stdout, "Hel");
    }
}

#[test]
fn an_error_inside_a_good_stream() {
    let event = "data: {\"error\":{\"message\":\"upstream fell over\",\"code\":502}}\n\n";
    let fault = check(Reply::open(SSE).piece(HEL).piece(event).end(), "server", 5, "try again");
    assert_eq!(fault.object["text"], "Hel");
    assert!(fault.person.stderr.contains("upstream fell over"));
}

#[test]
fn garbage() {
    let page = "<!doctype html><html><body>Welcome to the hotel</body></html>";
    for reply in [
        Reply::new(200, "application/json", "\u{1}\u{2} this is not json"),
        Reply::new(200, "text/html", page),
        Reply::new(200, SSE, page),
        Reply::new(200, SSE, b"\x80\x81\xff\xfe garbage \0\0\n\nmore\n\n"),
        Reply::new(200, SSE, "data: {\"choices\": oops}\n\n"),
        Reply::new(200, "application/json", "{\"what\": \"is this\"}"),
    ] {
        let fault = check(reply.clone(), "protocol", 5, "base URL");
        assert_eq!(fault.object["text"], "");
        check_with(reply, &["--no-stream"], "protocol", 5, "base URL");
    }
}

#[test]
fn an_answer_of_another_kind_is_no_empty_answer() {
    for wire in ["openai-chat", "openai-responses", "anthropic", "gemini", "bedrock", "ollama", "cohere"] {
        for body in ["{}", "{\"what\": \"is this\"}", "[]", "null", "7"] {
            let vendor = Vendor::new([Reply::json(body)]);
            let place = Place::new();
            let file = format!("wire = '{wire}'\nbase_url = '{}'\nauth = 'none'\n", vendor.url());
            place.file("home/providers/acme.toml", file);
            for extra in [&[][..], &["--no-stream"]] {
                let args: Vec<&str> =
                    ["-m", "acme/large", "--json", "hello"].iter().chain(extra).copied().collect();
                let run = place.run(&args);
                let code = run.json()["error"]["code"].clone();
                assert!(
                    code == "protocol" || code == "interrupted" || code == "network",
                    "{wire} {body}: {run}"
                );
                assert_ne!(run.code, 0);
            }
        }
    }
}

#[test]
fn a_line_of_50_megabytes() {
    let megabyte = "x".repeat(1024 * 1024);
    let reply = Reply::open(SSE).piece(HEL).piece("data: \"").repeat(&megabyte, 50).piece("\"\n\n").end();
    let fault = check(reply, "protocol", 5, "");
    assert_eq!(fault.object["text"], "Hel");
}

#[test]
fn a_server_that_never_answers() {
    let fault = check(Reply::silence(), "timeout", 7, "timers.first_event");
    assert_eq!(fault.object["error"]["phase"], "first_event");
    let fault = check(Reply::open(SSE).hang(), "timeout", 7, "timers.first_event");
    assert_eq!(fault.object["error"]["phase"], "first_event");
    let fault = check(Reply::open(SSE).piece(HEL).hang(), "timeout", 7, "timers.idle");
    assert_eq!(fault.object["error"]["phase"], "idle");
    assert_eq!(fault.object["text"], "Hel");
}

#[test]
fn the_limit_of_the_caller() {
    // Signs of life without an end: only the deadline ends it.
    let reply = Reply::open(SSE).piece(HEL).repeat(": alive\n\n", 400).slowly(Duration::from_millis(300));
    let fault = check_with(reply.hang(), &["--timeout", "1"], "timeout", 7, "--timeout");
    assert_eq!(fault.object["text"], "Hel");
}

#[test]
fn nobody_is_there() {
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        "wire = 'openai-chat'\nbase_url = 'http://127.0.0.1:9/v1'\nauth = 'none'\n",
    );
    let run = place.run(&["--json", "-m", "acme/large", "hello"]);
    assert_eq!((run.code, run.json()["error"]["code"].as_str()), (7, Some("network")), "{run}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_closes_the_connection() {
    use std::io::Read;
    let vendor = Vendor::new([Reply::open(SSE).piece(HEL).hang()]);
    let place = Place::new();
    let url = format!("{}/v1", vendor.url());
    let mut child = place
        .command(&["-m", "openai/gpt-4o", "hello"])
        .envs([("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", KEY)])
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"Hel");
    assert_eq!(vendor.server.closed_by_client(), 0);
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "(stopped: the answer is not whole)\n");
    let started = Instant::now();
    while vendor.server.closed_by_client() == 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "the connection stayed open");
        std::thread::sleep(Duration::from_millis(10));
    }
}
