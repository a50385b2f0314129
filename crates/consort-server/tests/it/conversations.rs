//! Conversations over REST: lists, changes, search, export, deletion that can be taken back.
use crate::support::{Site, say};
use consort_server::{Guard, NoAssets};
use consort_store::{MemoryStore, NewConversation, SqliteStore, Store};
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;

/// A conversation with one question and its answer, and the ids of both turns.
async fn talk(site: &Site, text: &str) -> (String, String, String) {
    let id = site.conversation().await;
    let mut tab = site.tab().await;
    tab.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    let reply = tab.ask(say(&id, text, None, text)).await;
    tab.until_run_ends().await;
    let question = reply["ok"]["user"]["id"].as_str().unwrap().to_owned();
    (id, question, reply["ok"]["runs"][0]["turn"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_conversation_gets_a_title_and_is_found_by_its_words() {
    let site = Site::new().await;
    let (id, _, answer) = talk(&site, "Where do pelicans sleep?").await;
    talk(&site, "Something else").await;
    let list = site.get("/api/conversations").await;
    assert_eq!(list["rows"].as_array().unwrap().len(), 2);
    assert_eq!(list["rows"][1]["title"], "Where do pelicans sleep?");
    assert_eq!(list["rows"][1]["titled"], "auto");
    let found = site.get("/api/conversations?query=pelicans").await;
    assert_eq!(found["rows"].as_array().unwrap().len(), 1);
    assert_eq!(found["rows"][0]["id"], id.as_str());
    let hit = &found["rows"][0]["match"];
    assert!(hit["text"].as_str().unwrap().contains("pelicans"), "{hit}");
    assert!(!hit["marks"].as_array().unwrap().is_empty());
    let whole = site.get(&format!("/api/conversations/{id}")).await;
    assert_eq!(whole["conversation"]["head"], answer.as_str());
    assert_eq!(whole["turns"][1]["status"], "complete");
    assert_eq!(whole["turns"][1]["attempts"][0]["model"], "demo");
    assert_eq!(whole["conversation"]["cost"], 0);
}

#[tokio::test]
async fn a_talk_of_the_command_line_goes_on_with_who_was_talked_with() {
    let (store, folder) = (Arc::new(MemoryStore::default()), Arc::new(TempDir::new().unwrap()));
    let settings = json!({"live": "demo/live"}).as_object().unwrap().clone();
    let kept = store.create(NewConversation { settings, ..NewConversation::default() }).await.unwrap();
    let site = Site::on(store, folder, Guard::default(), Arc::new(NoAssets)).await;
    let path = format!("/api/conversations/{}", kept.id);
    assert_eq!(site.get(&path).await["conversation"]["model"], "demo/live");
    // Until somebody chooses another.
    let (_, now) = site.call("PATCH", &path, Some(json!({"model": "demo"}))).await;
    assert_eq!(now["model"], "demo");
}

#[tokio::test]
async fn changes_that_come_too_late_are_told() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let path = format!("/api/conversations/{id}");
    let (_, now) = site.call("PATCH", &path, Some(json!({"title": "Mine", "pinned": true}))).await;
    assert_eq!(
        (&now["title"], &now["pinned"], &now["titled"]),
        (&json!("Mine"), &json!(true), &json!("user"))
    );
    let settings =
        json!({"settings": {"system": "Be brief", "options": {"words": 3}}, "revision": now["revision"]});
    let (status, newer) = site.call("PATCH", &path, Some(settings.clone())).await;
    assert_eq!((status, &newer["settings"]["system"]), (200, &json!("Be brief")), "{newer}");
    let (status, late) = site.call("PATCH", &path, Some(settings)).await;
    assert_eq!((status, &late["current"]["revision"]), (409, &newer["revision"]), "{late}");
    let (status, _) =
        site.call("PATCH", &path, Some(json!({"head": "0192e0c0-0000-7000-8000-000000000000"}))).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_made_one_after_the_other() {
    let folder = Arc::new(tempfile::TempDir::new().unwrap());
    let store = Arc::new(SqliteStore::open(folder.path().join("consort.db")).unwrap());
    let site = Site::on(store, folder, Guard::default(), Arc::new(NoAssets)).await;
    let id = site.conversation().await;
    let path = format!("/api/conversations/{id}");
    for round in 0..10 {
        let changes = [
            json!({"settings": {"system": format!("{round}")}}),
            json!({"settings": {"options": {"words": round}}}),
            json!({"settings": {"sampling": {"seed": round}}}),
            json!({"settings": {"tools": [format!("{round}")]}}),
            json!({"title": format!("{round}")}),
            json!({"model": format!("{round}")}),
        ];
        let made = changes.map(|change| site.call("PATCH", &path, Some(change)));
        assert!(futures_util::future::join_all(made).await.iter().all(|(status, _)| *status == 200));
        let now = site.get(&path).await["conversation"].clone();
        let text = round.to_string();
        let settings = &now["settings"];
        assert_eq!(
            (&now["title"], &now["model"], &settings["system"], &settings["tools"][0]),
            (&json!(text), &json!(text), &json!(text), &json!(text))
        );
        assert_eq!(
            (&settings["options"]["words"], &settings["sampling"]["seed"]),
            (&json!(round), &json!(round))
        );
    }
}

#[tokio::test]
async fn the_revision_goes_up_with_each_change_and_the_order_with_what_is_said() {
    let site = Site::new().await;
    let (id, question, _) = talk(&site, "Hello").await;
    let path = format!("/api/conversations/{id}");
    let now = async || site.get(&path).await["conversation"].clone();
    let first = now().await;
    assert!(first["revision"].as_u64().unwrap() < 100, "{first}");
    site.call("PATCH", &path, Some(json!({"pinned": true}))).await;
    let second = now().await;
    assert!(second["revision"].as_u64() > first["revision"].as_u64());
    assert_eq!(second["order"], first["order"]);
    site.call("PATCH", &format!("/api/turns/{question}"), Some(json!({"pinned": true}))).await;
    let third = now().await;
    assert!(third["revision"].as_u64() > second["revision"].as_u64());
    let (other, ..) = talk(&site, "Something else").await;
    let other = site.get(&format!("/api/conversations/{other}")).await["conversation"].clone();
    assert!(other["order"].as_u64() > third["order"].as_u64());
}

#[tokio::test]
async fn what_was_deleted_comes_back() {
    let site = Site::new().await;
    let (id, ..) = talk(&site, "Keep me").await;
    let path = format!("/api/conversations/{id}");
    let (status, deleted) = site.call("DELETE", &path, None).await;
    assert_eq!(status, 200);
    assert!(deleted["restore_until"].as_u64().is_some());
    assert_eq!(site.call("GET", &path, None).await.0, 404);
    assert_eq!(site.get("/api/conversations").await["rows"], json!([]));
    let (status, back) = site.call("POST", &format!("{path}/restore"), Some(json!({}))).await;
    assert_eq!((status, &back["title"]), (200, &json!("Keep me")));
    assert_eq!(site.get("/api/conversations").await["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn exports_hold_the_words_and_no_script() {
    let site = Site::new().await;
    let (id, ..) = talk(&site, "<script>alert(1)</script> & *stars*").await;
    let export = async |format: &str| {
        site.call("GET", &format!("/api/conversations/{id}/export?format={format}"), None).await.1
    };
    let markdown = export("md").await;
    assert!(
        markdown.as_str().unwrap().contains("## You\n\n<script>alert(1)</script> & *stars*"),
        "{markdown}"
    );
    let html = export("html").await;
    let html = html.as_str().unwrap();
    assert!(
        html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; *stars*") && !html.contains("<script"),
        "{html}"
    );
    assert_eq!(export("json").await["turns"].as_array().unwrap().len(), 2);
    assert_eq!(site.call("GET", &format!("/api/conversations/{id}/export?format=exe"), None).await.0, 400);
}

#[tokio::test]
async fn what_would_be_sent_is_known_before() {
    let site = Site::new().await;
    let (id, ..) = talk(&site, "How long is this?").await;
    let seen = site.get(&format!("/api/conversations/{id}/context?model=demo")).await;
    assert_eq!((&seen["limit"], &seen["from"], &seen["cost"]), (&json!(128_000), &json!(null), &json!(0)));
    assert!(seen["tokens"].as_u64().unwrap() > 10, "{seen}");
}

#[tokio::test]
async fn prompts_settings_keys_and_tools() {
    let site = Site::new().await;
    let (status, made) =
        site.call("POST", "/api/prompts", Some(json!({"name": "Brief", "text": "Be brief"}))).await;
    assert_eq!(status, 201);
    let path = format!("/api/prompts/{}", made["id"].as_str().unwrap());
    site.call("PUT", &path, Some(json!({"name": "Brief", "text": "Be very brief"}))).await;
    assert_eq!(site.get("/api/prompts").await["rows"][0]["text"], "Be very brief");
    assert_eq!(site.call("DELETE", &path, None).await.0, 204);
    assert_eq!(site.call("DELETE", &path, None).await.0, 404);
    let (_, settings) = site
        .call(
            "PATCH",
            "/api/settings",
            Some(json!({"pins": ["demo"], "default_model": "demo/think", "system": "Hi"})),
        )
        .await;
    assert_eq!((&settings["pins"], &settings["default_model"]), (&json!(["demo"]), &json!("demo/think")));
    assert_eq!(site.call("PATCH", "/api/settings", Some(json!({"default_model": "nobody"}))).await.0, 404);
    let (_, made) = site.call("POST", "/api/conversations", Some(json!({}))).await;
    assert_eq!(made["settings"]["system"], "Hi");
    assert_eq!(site.call("PUT", "/api/keys/acme", Some(json!({"value": " sk-1 "}))).await.0, 204);
    let keys = site.get("/api/keys").await;
    assert_eq!(keys["rows"][0]["name"], "acme");
    assert!(!keys.to_string().contains("sk-1"));
    assert_eq!(site.call("PUT", "/api/keys/acme", Some(json!({"value": "  "}))).await.0, 400);
    assert_eq!(site.get("/api/tools").await["rows"][0]["name"], "add");
    assert_eq!(site.get("/api/models").await["rows"].as_array().unwrap().len(), 4);
    assert_eq!(site.get("/api/usage?by=model").await["total"]["replies"], 0);
    assert_eq!(site.call("POST", "/api/plugins/none/reload", Some(json!({}))).await.0, 401);
}
