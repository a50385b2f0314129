//! Attachments: kept by hash, judged before they come, whole or not at all.
use crate::support::{Site, say};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Of `cat`.
const HASH: &str = "77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e";

#[tokio::test]
async fn a_file_goes_into_the_conversation_and_comes_out_again() {
    let site = Site::new().await;
    let upload =
        site.client.post(site.url("/api/attachments?name=cat.png")).header("content-type", "image/png");
    let answer = upload.body("cat").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let about: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(about, json!({"id": HASH, "mime": "image/png", "name": "cat.png", "bytes": 3}));
    let id = site.conversation().await;
    let mut tab = site.tab().await;
    let mut start = say(&id, "k", None, "what is this?");
    start["user"]["parts"].as_array_mut().unwrap().push(json!({"type": "media", "source": {"file": {"wire": "consort", "id": HASH}}, "mime": "image/png", "name": "cat.png"}));
    let reply = tab.ask(start).await;
    assert_eq!(
        reply["ok"]["user"]["parts"][1]["source"],
        json!({"file": {"wire": "consort", "id": HASH}}),
        "{reply}"
    );
    // It is the conversation's own now.
    std::fs::remove_dir_all(site.folder.path().join("uploads")).unwrap();
    let answer = site.client.get(site.url(&format!("/api/attachments/{HASH}"))).send().await.unwrap();
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "image/png");
    assert_eq!(headers["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(answer.text().await.unwrap(), "cat");
}

#[tokio::test]
async fn what_a_browser_would_run_is_a_download() {
    let site = Site::new().await;
    let upload =
        site.client.post(site.url("/api/attachments?name=x.svg")).header("content-type", "image/svg+xml");
    let answer = upload.body("<svg onload=alert(1)>").send().await.unwrap();
    let about: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let path = format!("/api/attachments/{}", about["id"].as_str().unwrap());
    let answer = site.client.get(site.url(&path)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["content-disposition"], "attachment");
}

async fn raw(site: &Site, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.base.trim_start_matches("http://")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_large_file_is_refused_before_it_comes() {
    let site = Site::new().await;
    let head = "POST /api/attachments HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 200000000\r\n\r\n";
    let answer = raw(&site, head, b"").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("the file is 191 MB, and 32 MB are the most"), "{answer}");
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing() {
    let site = Site::new().await;
    let head = "POST /api/attachments HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\n";
    raw(&site, head, b"half of it").await;
    let kept = std::fs::read_dir(site.folder.path().join("uploads")).map_or(0, Iterator::count);
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_page_cannot_make_the_server_read_files() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = site.tab().await;
    for source in [
        json!({"path": "/etc/passwd"}),
        json!({"url": "http://127.0.0.1:1/"}),
        json!({"file": {"wire": "consort", "id": "../../chat"}}),
    ] {
        let mut start = say(&id, "k", None, "read it");
        start["user"]["parts"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "media", "source": source, "mime": "text/plain"}));
        let reply = tab.ask(start).await;
        assert_eq!(reply["error"]["kind"], "invalid_request", "{reply}");
    }
    assert_eq!(site.get(&format!("/api/conversations/{id}")).await["turns"], json!([]));
}
