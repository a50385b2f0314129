//! Servers behind an address.
use crate::support::{Place, words};
use consort_core::{Context, ErrorKind, State};
use consort_testkit::{FakeServer, Reply};
use serde_json::json;

fn answer(id: u64, result: &serde_json::Value) -> Reply {
    Reply::json(&json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

/// What a server says until its tools are listed.
fn beginning() -> Vec<Reply> {
    let info = json!({"name": "far", "version": "3"});
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info});
    let list = json!({"tools": [{"name": "echo", "inputSchema": {}}]});
    vec![answer(0, &hello), Reply::new(202, "text/plain", ""), answer(1, &list)]
}

async fn far(replies: Vec<Reply>) -> (FakeServer, Place) {
    let server = FakeServer::start(replies).await.unwrap();
    let headers = "headers = { Authorization = 'Bearer ${secret:far}', X-Team = 'blue' }";
    let place = Place::new(&format!("[mcp.far]\nurl = '{}/mcp'\n{headers}\n", server.url()));
    place.key("far", "sk-far-away");
    (server, place)
}

#[tokio::test]
async fn calls_go_over_http() {
    let mut replies = beginning();
    replies.push(answer(2, &json!({"content": [{"type": "text", "text": "as json"}]})));
    let event =
        json!({"jsonrpc": "2.0", "id": 3, "result": {"content": [{"type": "text", "text": "as events"}]}});
    replies.push(Reply::new(200, "text/event-stream", format!("data: {event}\n\n")));
    let (server, place) = far(replies).await;
    let (servers, tools) = place.tools().await;
    assert_eq!(tools.names(), ["far__echo"]);
    assert_eq!(tools.0[0].spec().parameters, json!({"type": "object"}), "vendors want it said");
    for expected in ["as json", "as events"] {
        let output = tools.0[0].call(json!({}), Context::default()).await.unwrap();
        assert_eq!(words(&output), expected);
    }
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.header("authorization") == Some("Bearer sk-far-away")));
    assert!(asked.iter().all(|asked| asked.header("x-team") == Some("blue")));
    assert_eq!(servers.check("far").await.unwrap().server, "far 3");
    assert_eq!(servers.rows()[0].state, State::Ready);
    assert_eq!(servers.rows()[0].reached, "http://127.0.0.1");
}

#[tokio::test]
async fn a_server_that_wants_a_key_says_where_to_set_it() {
    let challenged: &[(&str, &str)] = &[("WWW-Authenticate", "Bearer realm=\"x\"")];
    for (status, headers, kind) in [
        (401, challenged, ErrorKind::Auth),
        (401, &[][..], ErrorKind::Auth),
        (403, &[][..], ErrorKind::Permission),
    ] {
        let (_server, place) = far(vec![Reply::error(status, headers, "who are you, sk-far-away?")]).await;
        let (tools, problems) = place.open().tools(&[]).await;
        assert!(tools.is_empty());
        assert!(problems[0].message.contains(&format!("(HTTP {status})")), "{problems:?}");
        assert!(problems[0].help.as_ref().unwrap().contains("headers = { Authorization"), "{problems:?}");
        let error = place.open().check("far").await.unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (kind, Some(status)));
    }
}

#[tokio::test]
async fn what_else_a_server_may_answer() {
    let large = Reply::open("application/json").repeat("x".repeat(1 << 20), 18);
    for (reply, told) in [
        (Reply::error(500, &[], "oops"), "the server answered HTTP 500"),
        (Reply::error(404, &[], "no"), "the server answered HTTP 404"),
        (Reply::error(307, &[("Location", "http://127.0.0.1:1/")], ""), "the server answered HTTP 307"),
        (Reply::new(200, "text/html", "<p>hello</p>"), "does not speak streamable HTTP"),
        (
            Reply::json(
                "{\"jsonrpc\": \"2.0\", \"id\": 0, \"error\": {\"code\": -1, \"message\": \"no sk-far-away\"}}",
            ),
            "refused to begin: no ***",
        ),
        (Reply::json("garbage"), "not the protocol's"),
        (large, "larger than 16 MiB"),
    ] {
        let (_server, place) = far(vec![reply]).await;
        let (_, problems) = place.open().tools(&[]).await;
        assert!(problems[0].message.contains(told), "{told}: {problems:?}");
        assert!(!problems[0].message.contains("sk-far"), "{problems:?}");
    }
    let place = Place::new(
        "[mcp.a]\nurl = 'http://127.0.0.1:1/'\n[mcp.b]\nurl = 'nonsense'\n[mcp.c]\nurl = 'file:///etc/passwd'\n",
    );
    let (_, problems) = place.open().tools(&[]).await;
    assert!(problems[0].message.contains("could not be reached"), "{problems:?}");
    assert!(problems[1].message.contains("is no address"), "{problems:?}");
    assert!(problems[2].message.contains("not with http: or https:"), "{problems:?}");
}

#[tokio::test]
async fn endless_events_are_read_slowly_and_the_deadline_counts() {
    let mut replies = beginning();
    let note = "data: {\"jsonrpc\": \"2.0\", \"method\": \"notifications/tools/list_changed\"}\n\n";
    replies.push(Reply::open("text/event-stream").repeat(note.repeat(1000), 1000));
    let (_server, place) = far(replies).await;
    let (_servers, tools) = place.tools().await;
    let context = crate::support::within(std::time::Duration::from_millis(600));
    let error = tools.0[0].call(json!({}), context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
