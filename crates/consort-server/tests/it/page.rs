//! The page's files, and the end of the server.
use crate::support::{Site, say};
use bytes::Bytes;
use consort_server::{Asset, Assets, Guard, NoAssets};
use consort_store::MemoryStore;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Files;

impl Assets for Files {
    fn get(&self, path: &str, accepted: &str) -> Option<Asset> {
        let (bytes, mime) = match path {
            "index.html" => ("<!doctype html>", "text/html; charset=utf-8"),
            "assets/app-1.js" => ("let a", "text/javascript"),
            _ => return None,
        };
        let encoding = accepted.contains("br").then_some("br");
        Some(Asset { bytes: Bytes::from(bytes), mime, encoding, etag: format!("W/\"{path}\"") })
    }
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let site = Site::with(Guard::default(), Arc::new(Files)).await;
    for path in ["/", "/c/0192", "/keys"] {
        let answer = site.client.get(site.url(path)).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("script-src 'self' 'unsafe"),
            "{policy}"
        );
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        assert_eq!(answer.text().await.unwrap(), "<!doctype html>");
    }
    let asset = site
        .client
        .get(site.url("/assets/app-1.js"))
        .header("accept-encoding", "gzip, br")
        .send()
        .await
        .unwrap();
    assert_eq!(asset.headers()["content-encoding"], "br");
    assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
    let tag = asset.headers()["etag"].to_str().unwrap().to_owned();
    let again =
        site.client.get(site.url("/assets/app-1.js")).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
    for path in ["/assets/gone.js", "/favicon.ico", "/assets/../index.html.map"] {
        assert_eq!(site.client.get(site.url(path)).send().await.unwrap().status().as_u16(), 404, "{path}");
    }
    assert_eq!(site.client.post(site.url("/")).send().await.unwrap().status().as_u16(), 405);
}

#[tokio::test]
async fn a_server_that_ends_keeps_what_was_said() {
    let store = Arc::new(MemoryStore::default());
    let folder = Arc::new(tempfile::TempDir::new().unwrap());
    let mut site = Site::on(store.clone(), folder.clone(), Guard::default(), Arc::new(NoAssets)).await;
    let id = site.conversation().await;
    let mut tab = site.tab().await;
    tab.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    let mut start = say(&id, "k", None, "Tell me a lot");
    start["settings"] = json!({"options": {"words": 5000, "delay_ms": 20}});
    tab.ask(start).await;
    tab.until(|message| message["event"]["delta"]["text"].is_string()).await;
    site.stop();
    let served = tokio::time::timeout(Duration::from_secs(15), site.served.take().unwrap()).await;
    served.expect("it ends").unwrap().unwrap();
    let site = Site::on(store, folder, Guard::default(), Arc::new(NoAssets)).await;
    let whole = site.get(&format!("/api/conversations/{id}")).await;
    assert_eq!(whole["turns"][1]["status"], "interrupted");
    assert!(!whole["turns"][1]["parts"][0]["text"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_ends_begins_nothing_and_finishes_what_runs() {
    let mut site = Site::new().await;
    let (id, other) = (site.conversation().await, site.conversation().await);
    let mut tab = site.tab().await;
    tab.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    let mut start = say(&id, "k", None, "Tell me");
    start["settings"] = json!({"options": {"words": 100, "delay_ms": 20}});
    tab.ask(start).await;
    tab.until(|message| message["event"]["delta"]["text"].is_string()).await;
    site.stop();
    // Whoever asks is told, until the answer is whole.
    let refused = loop {
        let reply = tab.ask(say(&other, "k2", None, "And you?")).await;
        if reply["error"].is_object() {
            break reply["error"].clone();
        }
        tab.ask(json!({"type": "stop", "run": reply["ok"]["runs"][0]["run"]})).await;
    };
    assert_eq!(
        (&refused["kind"], &refused["retry_after"]["secs"]),
        (&json!("overloaded"), &json!(10)),
        "{refused}"
    );
    let new = site.client.post(site.url("/api/conversations")).header("content-type", "application/json");
    let answer = new.body("{}").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"10".parse().unwrap()));
    assert_eq!(site.call("GET", "/api/health", None).await.0, 503);
    let mut all = tab
        .until(|message| {
            message["type"] == "event"
                && message["conversation"] == id.as_str()
                && message["event"]["type"] == "run_ended"
        })
        .await;
    assert_eq!(all.pop().unwrap()["event"]["status"], "complete");
    let served = tokio::time::timeout(Duration::from_secs(10), site.served.take().unwrap()).await;
    served.expect("it ends").unwrap().unwrap();
}
