//! The live socket: runs, tabs that come and go, tools that ask.
use crate::support::{Site, Tab, say, words};
use consort_server::{Guard, NoAssets};
use consort_store::MemoryStore;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn watching(site: &Site, id: &str) -> Tab {
    let mut tab = site.tab().await;
    let reply = tab.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    assert!(reply["ok"].is_object(), "{reply}");
    tab
}

fn numbers(messages: &[Value]) -> Vec<u64> {
    let events = messages.iter().filter(|message| message["type"] == "event");
    events.filter_map(|message| message["sequence_number"].as_u64()).collect()
}

#[tokio::test]
async fn ten_tabs_see_the_same_answer_without_a_gap() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tabs = Vec::new();
    for _ in 0..10 {
        tabs.push(watching(&site, &id).await);
    }
    let reply = tabs[0].ask(say(&id, "k", None, "Hello there")).await;
    assert_eq!(reply["ok"]["runs"][0]["turn"]["status"], "running", "{reply}");
    let mut texts = Vec::new();
    for tab in &mut tabs {
        let all = tab.until_run_ends().await;
        let seen = numbers(&all);
        assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
        texts.push(words(&all));
    }
    assert!(texts[0].contains("Hello there"), "{}", texts[0]);
    assert!(texts.iter().all(|text| *text == texts[0]));
}

#[tokio::test]
async fn events_that_come_quickly_share_messages_and_keep_their_order() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "Tell me");
    start["settings"] = json!({"options": {"words": 400, "delay_ms": 2}});
    tab.ask(start).await;
    let all = tab.until_run_ends().await;
    let seen = numbers(&all);
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(
        seen.len() > 100 && tab.frames * 3 < seen.len(),
        "{} events in {} messages",
        seen.len(),
        tab.frames
    );
}

#[tokio::test]
async fn a_tab_that_comes_back_goes_on_where_it_was() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "Tell me");
    start["settings"] = json!({"options": {"words": 60, "delay_ms": 10}});
    let run = tab.ask(start).await["ok"]["runs"][0]["run"].as_str().unwrap().to_owned();
    let before = tab.until(|message| message["sequence_number"] == 12).await;
    drop(tab);
    let mut again = site.tab().await;
    let mut runs = serde_json::Map::new();
    runs.insert(run.clone(), 12.into());
    let reply = again.ask(json!({"type": "watch", "conversation": id, "runs": runs})).await;
    assert_eq!(reply["ok"]["runs"][0]["id"], run.as_str(), "{reply}");
    let after = again.until_run_ends().await;
    assert_eq!(numbers(&after)[0], 13);
    let turn = site.get(&format!("/api/conversations/{id}")).await["turns"][1].clone();
    assert_eq!(words(&before) + &words(&after), turn["parts"][0]["text"].as_str().unwrap());
    // A run that is over is told as gone.
    let reply = again.ask(json!({"type": "watch", "conversation": id, "runs": {run.as_str(): 3}})).await;
    assert_eq!(reply["ok"]["gone"], json!([run]));
}

#[tokio::test]
async fn stopping_keeps_the_text_and_a_branch_leaves_it() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "Tell me");
    start["settings"] = json!({"options": {"words": 5000, "delay_ms": 5}});
    let reply = tab.ask(start).await;
    tab.until(|message| message["event"]["delta"]["text"].is_string()).await;
    tab.ask(json!({"type": "stop", "run": reply["ok"]["runs"][0]["run"]})).await;
    let ended = tab.until_run_ends().await;
    assert_eq!(ended.last().unwrap()["event"]["status"], "interrupted");
    // The question again, as another branch; two models side by side.
    let question = reply["ok"]["user"]["id"].clone();
    let again = json!({"type": "start", "conversation": id, "key": "k2", "parent": question, "user": null,
        "models": ["demo", "demo/think"]});
    let reply = tab.ask(again).await;
    let group = reply["ok"]["runs"][0]["turn"]["group"].clone();
    assert!(group.is_string());
    assert_eq!(reply["ok"]["runs"][1]["turn"]["group"], group);
    tab.until_run_ends().await;
    tab.until_run_ends().await;
    let turns = site.get(&format!("/api/conversations/{id}")).await["turns"].clone();
    let answers = turns.as_array().unwrap().iter().filter(|turn| turn["parent"] == question);
    assert_eq!(answers.count(), 3);
}

#[tokio::test]
async fn the_same_start_again_starts_nothing() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let first = tab.ask(say(&id, "same", None, "Once")).await;
    tab.until_run_ends().await;
    let second = tab.ask(say(&id, "same", None, "Once")).await;
    assert_eq!(first["ok"], second["ok"]);
    assert_eq!(site.get(&format!("/api/conversations/{id}")).await["turns"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_is_known_in_its_own_conversation_only() {
    let site = Site::new().await;
    let (id, other) = (site.conversation().await, site.conversation().await);
    let mut tab = watching(&site, &id).await;
    tab.ask(say(&id, "same", None, "Here")).await;
    let error = tab.ask(say(&other, "same", None, "There")).await["error"].clone();
    assert_eq!(error["kind"], "invalid_request", "{error}");
    assert_eq!(site.get(&format!("/api/conversations/{other}")).await["turns"], json!([]));
}

#[tokio::test]
async fn what_another_model_was_set_to_is_not_sent_to_this_one() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    // As it stands after a switch: `thinking_budget` was another model's word.
    let options = json!({"settings": {"options": {"say": "as set", "thinking_budget": 3}}});
    site.call("PATCH", &format!("/api/conversations/{id}"), Some(options.clone())).await;
    tab.ask(say(&id, "a", None, "Hi")).await;
    let all = tab.until_run_ends().await;
    assert_eq!(all.last().unwrap()["event"]["status"], "complete", "{all:?}");
    assert_eq!(words(&all), "as set");
    // Who asks for it now means it, and is told.
    let mut meant = say(&id, "b", None, "Hi");
    meant["settings"] = options["settings"].clone();
    tab.ask(meant).await;
    let all = tab.until_run_ends().await;
    assert_eq!(all.last().unwrap()["event"]["status"], "failed", "{all:?}");
    // What was set is kept for the model that knows it.
    let one = site.get(&format!("/api/conversations/{id}")).await["conversation"].clone();
    assert_eq!(one["settings"]["options"]["thinking_budget"], 3);
}

#[tokio::test]
async fn a_model_that_is_long_in_coming_holds_nothing_else_up() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "Hi");
    start["models"] = json!(["late/demo"]);
    start["id"] = json!(100);
    tab.send(&start.to_string()).await;
    assert!(tab.ask(json!({"type": "ping"})).await["ok"].is_object());
    assert!(tab.heard.iter().all(|message| message["type"] != "reply"), "{:?}", tab.heard);
    // The tab goes, and what it started comes.
    let mut other = watching(&site, &id).await;
    drop(tab);
    site.house.late.notify_one();
    let all = other.until_run_ends().await;
    assert_eq!(all.last().unwrap()["event"]["status"], "complete");
}

#[tokio::test]
async fn a_start_that_is_refused_keeps_nothing() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut unknown = say(&id, "a", None, "Hi");
    unknown["models"] = json!(["nobody"]);
    assert_eq!(tab.ask(unknown).await["error"]["kind"], "model_not_found");
    let mut many = say(&id, "b", None, "Hi");
    many["models"] = json!(["demo", "demo", "demo", "demo", "demo"]);
    assert_eq!(tab.ask(many).await["error"]["kind"], "invalid_request");
    let mut tools = say(&id, "c", None, "Hi");
    tools["models"] = json!(["demo/text"]);
    tools["settings"] = json!({"tools": ["add"]});
    assert_eq!(tab.ask(tools).await["error"]["kind"], "unsupported");
    assert_eq!(tab.ask(say(&id, "d", None, "")).await["error"]["kind"], "invalid_request");
    let nowhere = "01890000-0000-7000-8000-000000000000";
    let error = tab.ask(say(&id, "e", Some(nowhere), "Hi")).await["error"].clone();
    assert!(error.is_object(), "{error}");
    let whole = site.get(&format!("/api/conversations/{id}")).await;
    assert_eq!((&whole["turns"], &whole["conversation"]["title"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn a_tool_waits_for_a_yes() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "please call add");
    start["settings"] = json!({"tools": ["add"]});
    let reply = tab.ask(start).await;
    let asked = tab.until(|message| message["event"]["type"] == "tool_waiting").await;
    let call = asked.last().unwrap()["event"]["call"].clone();
    assert_eq!(call["name"], "add", "{call}");
    // Another tab sees that it waits.
    let late = site.tab().await.ask(json!({"type": "watch", "conversation": id, "runs": {}})).await;
    assert_eq!(late["ok"]["runs"][0]["waiting"][0]["call_id"], call["call_id"], "{late}");
    let run = reply["ok"]["runs"][0]["run"].clone();
    let said = json!({"type": "decide", "run": run, "call_id": call["call_id"], "decision": "once"});
    assert_eq!(tab.ask(said.clone()).await["ok"]["counted"], true);
    assert_eq!(tab.ask(said).await["ok"]["counted"], false);
    tab.until_run_ends().await;
    let turns = site.get(&format!("/api/conversations/{id}")).await["turns"].clone();
    let roles: Vec<&str> =
        turns.as_array().unwrap().iter().map(|turn| turn["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    assert!(
        turns[2]["parts"][0]["content"][0]["text"].as_str().unwrap().starts_with("got {"),
        "{}",
        turns[2]
    );
}

/// Starts an answer that calls the tool, and waits until it asks: the run, and the call.
async fn asking(tab: &mut Tab, id: &str, key: &str) -> (Value, Value) {
    let mut start = say(id, key, None, "please call add");
    start["settings"] = json!({"tools": ["add"]});
    let reply = tab.ask(start).await;
    let asked = tab.until(|message| message["event"]["type"] == "tool_waiting").await;
    (reply["ok"]["runs"][0]["run"].clone(), asked.last().unwrap()["event"]["call"]["call_id"].clone())
}

#[tokio::test]
async fn why_a_tool_may_not_run_reaches_the_model() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let (run, call) = asking(&mut tab, &id, "k").await;
    let said =
        json!({"type": "decide", "run": run, "call_id": call, "decision": "deny", "reason": "not that sum"});
    assert_eq!(tab.ask(said).await["ok"]["counted"], true);
    let all = tab.until_run_ends().await;
    let decided = all.iter().find(|message| message["event"]["type"] == "tool_decided").unwrap();
    assert_eq!(decided["event"]["reason"], "not that sum");
    let turns = site.get(&format!("/api/conversations/{id}")).await["turns"].clone();
    assert_eq!(turns[2]["parts"][0]["content"][0]["text"], "not run: the user said no: not that sum");
    assert!(turns[3]["parts"][0]["text"].as_str().unwrap().contains("not that sum"), "{}", turns[3]);
}

#[tokio::test]
async fn what_may_always_run_does_so_in_this_conversation_also_after_a_restart() {
    let (store, folder) = (Arc::new(MemoryStore::default()), Arc::new(tempfile::TempDir::new().unwrap()));
    let new = || Site::on(store.clone(), folder.clone(), Guard::default(), Arc::new(NoAssets));
    let site = new().await;
    let (id, other) = (site.conversation().await, site.conversation().await);
    let mut tab = watching(&site, &id).await;
    let (run, call) = asking(&mut tab, &id, "k").await;
    tab.ask(json!({"type": "decide", "run": run, "call_id": call, "decision": "always"})).await;
    tab.until_run_ends().await;
    let path = format!("/api/conversations/{id}");
    assert_eq!(site.get(&path).await["conversation"]["settings"]["allowed"], json!(["add"]));
    drop((tab, site));
    let site = new().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k2", None, "please call add");
    start["settings"] = json!({"tools": ["add"]});
    tab.ask(start).await;
    let all = tab.until_run_ends().await;
    assert!(all.iter().all(|message| message["event"]["type"] != "tool_waiting"));
    assert!(all.iter().any(|message| message["event"]["type"] == "tool_finished"));
    // In another conversation it asks, and here too once that is taken back.
    let mut beside = watching(&site, &other).await;
    asking(&mut beside, &other, "k3").await;
    site.call("PATCH", &path, Some(json!({"settings": {"allowed": []}}))).await;
    asking(&mut tab, &id, "k4").await;
}

#[tokio::test]
async fn of_several_answers_the_first_is_shown_and_each_turn_names_its_run() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let mut start = say(&id, "k", None, "Both of you");
    start["models"] = json!(["demo/think", "demo"]);
    let runs = tab.ask(start).await["ok"]["runs"].clone();
    tab.until_run_ends().await;
    tab.until_run_ends().await;
    let whole = site.get(&format!("/api/conversations/{id}")).await;
    assert_eq!(whole["conversation"]["head"], runs[0]["turn"]["id"]);
    for run in runs.as_array().unwrap() {
        let turns = whole["turns"].as_array().unwrap();
        let turn = turns.iter().find(|turn| turn["id"] == run["turn"]["id"]).unwrap();
        assert_eq!(turn["run"], run["run"]);
        assert!(turn["attempts"][0]["started"].as_u64().unwrap() > 1_700_000_000_000, "{turn}");
        assert_eq!(turn["timings"]["thought_ms"].is_u64(), turn["model"] == "demo/think", "{turn}");
    }
}

#[tokio::test]
async fn the_list_of_models_is_made_once_for_all_tabs() {
    let site = Site::new().await;
    let mut tabs = Vec::new();
    for _ in 0..10 {
        tabs.push(site.tab().await);
    }
    let before = site.house.listed.load(Ordering::SeqCst);
    site.call("PUT", "/api/keys/acme", Some(json!({"value": "sk"}))).await;
    for tab in &mut tabs {
        let heard = tab.until(|message| message["type"] == "models").await;
        assert_eq!(heard.last().unwrap()["rows"].as_array().unwrap().len(), 4);
    }
    assert_eq!(site.get("/api/models").await["revision"], 2);
    assert_eq!(site.house.listed.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_and_one_of_a_million_letters_is_not() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    let error = tab.ask(say(&id, "k", None, &"é".repeat(2_000_001))).await["error"].clone();
    assert_eq!(error["message"], "the message is 2000001 letters long, and 2000000 are the most");
    assert_eq!(error["hints"][0], "attach the text as a file instead");
    let reply = tab.ask(say(&id, "k", None, &"é".repeat(1_000_000))).await;
    assert_eq!(reply["ok"]["runs"][0]["turn"]["status"], "running", "{}", reply["error"]);
    let all = tab.until_run_ends().await;
    assert_eq!(all.last().unwrap()["event"]["status"], "complete");
}

#[tokio::test]
async fn a_failure_is_told_with_what_to_do() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut tab = watching(&site, &id).await;
    tab.ask(say(&id, "k", None, "[demo fail=rate_limit fail_after=2] go")).await;
    let all = tab.until_run_ends().await;
    assert_eq!(all.last().unwrap()["event"]["error"]["kind"], "rate_limit");
    let turn = site.get(&format!("/api/conversations/{id}")).await["turns"][1].clone();
    assert_eq!((&turn["status"], &turn["error"]["kind"]), (&json!("interrupted"), &json!("rate_limit")));
}

#[tokio::test]
async fn other_tabs_hear_of_changes() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut other = site.tab().await;
    site.call("PATCH", &format!("/api/conversations/{id}"), Some(json!({"title": "New"}))).await;
    let heard = other.until(|message| message["type"] == "conversation").await;
    assert_eq!(heard.last().unwrap()["conversation"]["title"], "New");
    site.call("PUT", "/api/keys/acme", Some(json!({"value": "sk"}))).await;
    let heard = other.until(|message| message["type"] == "models").await;
    assert_eq!(heard.last().unwrap()["revision"], 2);
    site.call("DELETE", &format!("/api/conversations/{id}"), None).await;
    other.until(|message| message["type"] == "conversation_removed").await;
}

#[tokio::test]
async fn garbage_is_answered() {
    let site = Site::new().await;
    let mut tab = site.tab().await;
    for text in ["no json", "{}", r#"{"id": 7, "type": "dance"}"#, r#"{"id": 8, "type": "stop", "run": "x"}"#]
    {
        tab.send(text).await;
        let reply = tab.next().await;
        assert_eq!(
            (&reply["type"], &reply["error"]["kind"]),
            (&json!("reply"), &json!("invalid_request")),
            "{text}"
        );
    }
    assert!(tab.ask(json!({"type": "ping"})).await["ok"].is_object());
}
