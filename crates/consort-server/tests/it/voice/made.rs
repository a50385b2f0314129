//! What becomes of a conversation that was made for a talk.
use super::*;

/// Whether a conversation is still there, once it is not or some time has passed.
async fn stays(site: &Site, id: &str) -> bool {
    for _ in 0..50 {
        let listed = site.get("/api/conversations").await;
        if listed["rows"].as_array().unwrap().iter().all(|row| row["id"] != id) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

#[tokio::test]
async fn what_was_made_for_a_talk_goes_where_nothing_is_said() {
    let site = Site::new().await;
    for (made, says, there) in
        [(true, false, false), (true, true, true), (false, false, true), (false, true, true)]
    {
        let id = site.conversation().await;
        let mut open = with(&id);
        open["made"] = made.into();
        let mut voice = Voice::open(&site, open).await;
        voice.until(|message| message["type"] == "opened").await;
        if says {
            voice.send(json!({"type": "say", "text": "one"})).await;
            voice.event("turn_done").await;
        }
        voice.send(json!({"type": "close"})).await;
        assert_eq!(stays(&site, &id).await, there, "made {made}, says {says}");
    }
}

#[tokio::test]
async fn what_was_made_for_a_talk_stays_while_somebody_talks_there() {
    let site = Site::new().await;
    let id = site.conversation().await;
    let mut open = named(&id, "a");
    open["made"] = true.into();
    let mut voice = Voice::open(&site, open.clone()).await;
    voice.until(|message| message["type"] == "opened").await;
    // In another rate it is another session, and the one before ends.
    open["input_rate"] = 48_000.into();
    let mut other = Voice::open(&site, open).await;
    other.until(|message| message["type"] == "opened").await;
    assert!(stays(&site, &id).await);
    other.send(json!({"type": "close"})).await;
    assert!(!stays(&site, &id).await);
}

#[tokio::test]
async fn what_was_made_for_a_talk_goes_with_a_tab_that_leaves_while_it_opens() {
    let site = Site::new().await;
    for (made, there) in [(true, false), (false, true)] {
        let id = site.conversation().await;
        let mut open = with(&id);
        (open["model"], open["made"]) = ("late/demo/live".into(), made.into());
        let voice = Voice::open(&site, open).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(voice);
        assert_eq!(stays(&site, &id).await, there, "made {made}");
    }
}
