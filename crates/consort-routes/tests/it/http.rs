//! The fault matrix over HTTP: each row of the table of failures that a server can bring about, in a single body, in a
//! stream before its first content and after it, with one, two and three hosted targets. Real sockets, real time.
use crate::support::{Seen, ask_with, ms};
use consort_core::{Context, Error, ErrorKind, Money, Request, Unasked};
use consort_providers::{Catalogue, KeyChain, TokioClock};
use consort_routes::{Breaker, Retry, Route, Target};
use consort_settings::{Env, Folders, KeyStore, Settings};
use consort_testkit::{FakeServer, Reply};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

const SSE: &str = "text/event-stream";
const NAMES: [&str; 3] = ["first", "second", "third"];

/// What the first server does, each time it is asked.
#[derive(Clone)]
enum Fault {
    /// An error page: a status, headers, and a body.
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Nobody listens.
    Refused,
    /// The connection ends in the middle.
    Cut,
    /// A success with nothing in it.
    Empty,
    /// Not what the wire says.
    Garbage,
}

/// One row: a failure and what must follow from it.
struct Row {
    name: &'static str,
    fault: Fault,
    kind: ErrorKind,
    /// The kind of the same failure after content, where it can be told there.
    after: Option<ErrorKind>,
    /// How often the target is asked when it is alone, and when others are there.
    alone: usize,
    before_others: usize,
    /// Whether another may answer instead.
    falls: bool,
    /// Whether the user is warned when another answers instead.
    warned: bool,
    /// Whether a try is certain to cost nothing.
    free: bool,
    /// What the server asked for before a further try.
    wait: Option<Duration>,
    /// Whether a second request at once passes the target over, where that does not depend on the moment.
    rests: Option<bool>,
}

fn rows() -> Vec<Row> {
    use ErrorKind as Kind;
    let passing = |name, kind, status, body| Row {
        name,
        fault: Fault::Status(status, &[], body),
        kind,
        after: Some(kind),
        alone: 3,
        before_others: 3,
        falls: true,
        warned: false,
        free: true,
        wait: None,
        rests: Some(false),
    };
    let lasting = |name, kind, status, body| Row {
        alone: 1,
        before_others: 1,
        warned: true,
        rests: Some(true),
        ..passing(name, kind, status, body)
    };
    let final_one = |name, kind, status, body| Row {
        falls: false,
        warned: false,
        rests: None,
        ..lasting(name, kind, status, body)
    };
    let limited = |name, headers, wait: u64| Row {
        fault: Fault::Status(
            429,
            headers,
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
        ),
        before_others: 1,
        wait: Some(ms(wait)),
        rests: None,
        ..passing(name, Kind::RateLimit, 429, "")
    };
    let unsure = |row: Row| Row { free: false, ..row };
    let not_after = |row: Row| Row { after: None, ..row };
    vec![
        lasting("auth", Kind::Auth, 401, r#"{"error":{"message":"no","code":"invalid_api_key"}}"#),
        lasting(
            "permission",
            Kind::Permission,
            403,
            r#"{"error":{"message":"no","type":"permission_error"}}"#,
        ),
        lasting("quota", Kind::Quota, 429, r#"{"error":{"message":"no","code":"insufficient_quota"}}"#),
        not_after(lasting("quota by status", Kind::Quota, 402, "{}")),
        lasting("model", Kind::ModelNotFound, 404, r#"{"error":{"message":"no","code":"model_not_found"}}"#),
        limited("retry-after-ms", &[("retry-after-ms", "60")], 60),
        limited("x-ms-retry-after-ms", &[("x-ms-retry-after-ms", "60")], 60),
        limited("retry-after in seconds", &[("retry-after", "0.06")], 60),
        limited(
            "retry-after as a date",
            &[("retry-after", "Sat, 21 Nov 2026 10:00:01 GMT"), ("date", "Sat, 21 Nov 2026 10:00:00 GMT")],
            1000,
        ),
        limited(
            "a limit's reset",
            &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "60ms")],
            60,
        ),
        Row { rests: Some(true), wait: None, ..limited("no wait named", &[], 0) },
        Row { alone: 1, rests: Some(true), ..limited("too long a wait", &[("retry-after", "60")], 60_000) },
        passing(
            "overloaded",
            Kind::Overloaded,
            529,
            r#"{"error":{"message":"no","type":"overloaded_error"}}"#,
        ),
        passing("server", Kind::Server, 500, r#"{"error":{"message":"scripted"}}"#),
        not_after(passing("bad gateway", Kind::Server, 502, "<html>Bad Gateway</html>")),
        final_one(
            "bad request",
            Kind::InvalidRequest,
            400,
            r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
        ),
        final_one(
            "context length",
            Kind::ContextLength,
            400,
            r#"{"error":{"message":"no","code":"context_length_exceeded"}}"#,
        ),
        unsure(final_one(
            "content filter",
            Kind::ContentFilter,
            400,
            r#"{"error":{"message":"no","code":"content_filter"}}"#,
        )),
        unsure(not_after(Row { fault: Fault::Refused, ..passing("refused", Kind::Network, 0, "") })),
        unsure(Row {
            fault: Fault::Cut,
            after: Some(Kind::Interrupted),
            ..passing("cut", Kind::Network, 0, "")
        }),
        unsure(Row {
            fault: Fault::Empty,
            alone: 1,
            before_others: 1,
            after: None,
            ..passing("empty", Kind::Protocol, 0, "")
        }),
        unsure(Row {
            fault: Fault::Garbage,
            alone: 1,
            before_others: 1,
            ..passing("garbage", Kind::Protocol, 0, "")
        }),
    ]
}

/// Where in an answer the failure comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    SingleBody,
    BeforeContent,
    AfterContent,
}

fn chunk(text: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

const END: &str = "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{},\
    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

fn body(text: &str) -> String {
    format!(
        "{{\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":5}}}}"
    )
}

fn good(name: &str, place: Place) -> Reply {
    let says = format!("{name} says so");
    match place {
        Place::SingleBody => Reply::json(&body(&says)),
        _ => Reply::open(SSE).piece(chunk(&says)).piece(END).end(),
    }
}

fn bad(fault: &Fault, place: Place) -> Reply {
    let open = match place {
        Place::SingleBody => Reply::open("application/json"),
        Place::BeforeContent => Reply::open(SSE),
        Place::AfterContent => Reply::open(SSE).piece(chunk("half ")),
    };
    match (fault, place) {
        (Fault::Status(_, _, body), Place::AfterContent) => open.piece(format!("data: {body}\n\n")).end(),
        (Fault::Status(status, headers, body), _) => Reply::error(*status, headers, body),
        (Fault::Cut, Place::SingleBody) => open.piece("{\"id\":").reset(),
        (Fault::Cut, _) => open.reset(),
        (Fault::Empty, Place::SingleBody) => Reply::json(&body("")),
        (Fault::Empty, _) => open.piece(END).end(),
        (Fault::Garbage, Place::SingleBody) => Reply::json("\u{1} this is not json"),
        (Fault::Garbage, _) => open.piece("data: {\"choices\": oops}\n\n").end(),
        (Fault::Refused, _) => Reply::silence(),
    }
}

/// One cell: a server for each target, and the route over them.
struct Cell {
    row: Arc<Row>,
    place: Place,
    targets: usize,
    servers: Vec<FakeServer>,
    /// Of its providers.
    prefix: String,
}

impl Cell {
    async fn new(row: &Arc<Row>, place: Place, targets: usize, number: usize) -> Self {
        let mut servers = vec![FakeServer::start([bad(&row.fault, place)]).await.unwrap()];
        for name in NAMES.iter().take(targets).skip(1) {
            servers.push(FakeServer::start([good(name, place)]).await.unwrap());
        }
        Self { row: row.clone(), place, targets, servers, prefix: format!("c{number}") }
    }

    /// The files of its providers.
    fn write(&self, folders: &Folders) {
        for (name, server) in NAMES.iter().zip(&self.servers) {
            let url = if *name == "first" && matches!(self.row.fault, Fault::Refused) {
                // Nobody may listen there without the rights of an administrator.
                "http://127.0.0.1:1".to_owned()
            } else {
                server.url()
            };
            let text = format!(
                "name = \"{name}\"\nwire = \"openai-chat\"\nbase_url = \"{url}/v1\"\nkey_env = [\"TEST_KEY\"]\n\
                 [[models]]\nname = \"m\"\nprice = {{ input = 1.0, output = 2.0 }}\n"
            );
            std::fs::write(folders.config.join(format!("providers/{}-{name}.toml", self.prefix)), text)
                .unwrap();
        }
    }

    fn route(&self, catalogue: &Catalogue) -> Route {
        let target = |name: &&str| {
            let id = format!("{}-{name}", self.prefix);
            let provider = catalogue.providers.iter().find(|provider| provider.card().id == id).unwrap();
            Target::new(provider.model("m").unwrap())
        };
        let quick = Retry { base: ms(10), cap: ms(20), patience: Duration::from_secs(2), most: 2 };
        Route::of(NAMES.iter().take(self.targets).map(target)).retry(quick).breaker(Breaker::default())
    }

    fn asked(&self) -> Vec<usize> {
        self.servers.iter().map(|server| server.asked().len()).collect()
    }

    async fn check(self, catalogue: Arc<Catalogue>, context: Context) {
        let what = format!("{} / {:?} / {} targets", self.row.name, self.place, self.targets);
        let route = self.route(&catalogue);
        let mut request = Request::ask("Who?");
        request.stream = self.place != Place::SingleBody;
        let seen = ask_with(&route, request.clone(), context.clone()).await;
        if self.place == Place::AfterContent {
            return self.check_after(&seen, &what);
        }
        let row = &self.row;
        let falls = row.falls && self.targets > 1;
        let tries = if falls { row.before_others } else { row.alone };
        let heard = if matches!(row.fault, Fault::Refused) { 0 } else { tries };
        let mut asked = vec![heard];
        asked.extend((1..self.targets).map(|other| usize::from(falls && other == 1)));
        assert_eq!(self.asked(), asked, "{what}: who was asked: {seen:?}");
        self.check_got(&seen, falls, &what);
        self.check_recorded(&seen, falls, tries, &what);
        if falls && let Some(rests) = row.rests {
            let again = ask_with(&route, request, context).await;
            assert_eq!(again.text(), "second says so", "{what}");
            let passed_over = again.attempts()[0].unasked == Some(Unasked::Resting);
            assert_eq!(passed_over, rests, "{what}: rests");
            assert_eq!(!again.warnings().is_empty(), row.warned, "{what}: a dead key is never silent");
        }
    }

    /// What the user got.
    fn check_got(&self, seen: &Seen, falls: bool, what: &str) {
        if falls {
            assert_eq!((seen.outcome(), seen.text().as_str()), ("ok", "second says so"), "{what}");
            assert_eq!(!seen.warnings().is_empty(), self.row.warned, "{what}: {:?}", seen.warnings());
            return;
        }
        assert_eq!((seen.outcome(), seen.text().as_str()), (self.row.kind.as_str(), ""), "{what}");
        let error = seen.error.as_ref().unwrap();
        if let Fault::Status(status, ..) = self.row.fault {
            assert_eq!(error.http_status(), Some(status), "{what}");
        }
        assert_eq!(error.retry_after(), self.row.wait, "{what}");
    }

    /// What was recorded.
    fn check_recorded(&self, seen: &Seen, falls: bool, tries: usize, what: &str) {
        let attempts = seen.attempts();
        assert_eq!(attempts.len(), tries + usize::from(falls), "{what}");
        for (at, attempt) in attempts.iter().take(tries).enumerate() {
            assert_eq!(attempt.target, format!("{}-first/m", self.prefix), "{what}");
            assert_eq!(attempt.error.as_ref().map(Error::kind), Some(self.row.kind), "{what}");
            assert_eq!(attempt.first, None, "{what}");
            if self.row.free {
                assert_eq!(attempt.cost, Some(Money(0)), "{what}");
            } else {
                assert_ne!(attempt.cost, Some(Money(0)), "{what}: it may be billed");
            }
            let least = self.row.wait.filter(|_| at > 0).unwrap_or_default();
            assert!(attempt.waited >= least, "{what}: waited {:?}", attempt.waited);
        }
        if falls {
            let last = attempts.last().unwrap();
            assert_eq!(last.target, format!("{}-second/m", self.prefix), "{what}");
            assert_eq!((&last.error, last.cost), (&None, Some(Money::from_micros(20))), "{what}");
        }
    }

    fn check_after(&self, seen: &Seen, what: &str) {
        let outcome = self.row.after.map_or("ok", ErrorKind::as_str);
        assert_eq!((seen.outcome(), seen.text().as_str()), (outcome, "half "), "{what}: {seen:?}");
        let mut asked = vec![0; self.targets];
        asked[0] = 1;
        assert_eq!(
            self.asked(),
            asked,
            "{what}: nothing is retried after content, nor is anybody else asked"
        );
        let attempts = seen.attempts();
        assert_eq!(attempts.len(), 1, "{what}");
        assert_eq!(attempts[0].error.as_ref().map(Error::kind), self.row.after, "{what}");
        assert!(attempts[0].first.is_some(), "{what}");
        let billed = matches!(self.row.fault, Fault::Empty).then_some(Money::from_micros(20));
        assert_eq!(attempts[0].cost, billed, "{what}");
    }
}

#[tokio::test]
async fn every_failure_of_a_server_at_every_place_with_one_two_and_three_targets() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders { config: folder.path().to_owned(), data: folder.path().join("data") };
    std::fs::create_dir_all(folders.config.join("providers")).unwrap();
    let mut cells = Vec::new();
    for row in rows().into_iter().map(Arc::new) {
        for place in [Place::SingleBody, Place::BeforeContent, Place::AfterContent] {
            // A status cannot be told in the middle of an answer; an answer that ended well after content can.
            let told = row.after.is_some() || matches!(row.fault, Fault::Empty);
            if place == Place::AfterContent && !told {
                continue;
            }
            for targets in 1..=3 {
                cells.push(Cell::new(&row, place, targets, cells.len()).await);
            }
        }
    }
    cells.iter().for_each(|cell| cell.write(&folders));
    let env = Env::of([("TEST_KEY", "sk-test")]);
    let catalogue = Arc::new(Catalogue::load(&folders, &env, &Settings::default()));
    assert_eq!(catalogue.problems.first(), None);
    let keys = Arc::new(KeyChain::new(None, KeyStore::new(folders.keys_file()), env));
    let context = Context::new(Arc::new(TokioClock), keys);
    let count = cells.len();
    let checks = cells.into_iter().map(|cell| tokio::spawn(cell.check(catalogue.clone(), context.clone())));
    let failed = join_all(checks).await.iter().filter(|cell| cell.is_err()).count();
    assert_eq!(failed, 0, "of {count} cells");
    // Twenty-two rows at three places with one to three targets; three of them cannot come after content.
    assert_eq!(count, 22 * 9 - 3 * 3);
}
