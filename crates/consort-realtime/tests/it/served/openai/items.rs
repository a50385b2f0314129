//! What a client puts into the conversation itself.
use super::*;
use consort_core::{Message, SessionInput};

#[test]
fn nonsense_is_answered_and_survived() {
    let mut wire = served();
    assert_eq!(refused(&wire.message(b"{", Duration::ZERO))["code"], "invalid_json");
    for (message, param) in [
        (json!([]), "type"),
        (json!({"type": "nonsense", "event_id": "n"}), "type"),
        (json!({"type": "response.create", "extra": 1}), "extra"),
        (json!({"type": "conversation.item.delete", "item_id": "nobody"}), "item_id"),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": "https://elsewhere.example/a.png"}]}}),
            "item.content[0].image_url",
        ),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
            {"type": "input_audio", "audio": "AAA="}, {"type": "input_audio", "audio": "AAAA"}]}}),
            "item.content[1].audio",
        ),
        (json!({"type": "output_audio_buffer.clear"}), "type"),
        (
            json!({"type": "conversation.item.create", "previous_item_id": "nobody", "item": {"type": "message",
                "role": "user", "content": []}}),
            "previous_item_id",
        ),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "a", "transcript": "b"}]}}),
            "item.content[0].transcript",
        ),
    ] {
        let error = refused(&say(&mut wire, &message, 0));
        assert_eq!(error["param"], param, "{message}: {error}");
    }
}

#[test]
fn what_was_said_before_is_what_the_session_begins_with() {
    let mut wire = served();
    let said = |role: &str, kind: &str, text: &str| {
        json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}})
    };
    say(&mut wire, &said("user", "input_text", "I am Alice."), 0);
    say(&mut wire, &said("assistant", "output_text", "Hello Alice."), 0);
    say(&mut wire, &user("Who am I?"), 0);
    let root = json!({"type": "conversation.item.create", "previous_item_id": "root",
        "item": {"id": "first", "type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}});
    assert_eq!(sent(&say(&mut wire, &root, 0))[0]["previous_item_id"], Value::Null);
    let asked = say(&mut wire, &respond(), 0);
    let past = asked.open.unwrap().messages;
    assert_eq!(
        past.iter().map(Message::text).collect::<Vec<_>>(),
        ["Be brief.", "I am Alice.", "Hello Alice."]
    );
    assert_eq!(asked.inputs, [SessionInput::text("Who am I?")]);
    // What is taken away is taken from the model too, by another session.
    tell(&mut wire, [done(FinishReason::Stop)]);
    say(&mut wire, &json!({"type": "conversation.item.delete", "item_id": "first"}), 0);
    let again = say(&mut wire, &respond(), 0).open.unwrap();
    assert_eq!(again.messages[0].text(), "I am Alice.");
}

/// As libraries write what nobody set.
#[test]
fn pieces_of_which_much_is_null_say_the_rest() {
    let nothing = json!({"text": null, "audio": null, "transcript": null, "image_url": null, "detail": null});
    let piece = |kind: &str, key: &str, value: Value| {
        let mut piece = nothing.clone();
        (piece["type"], piece[key]) = (kind.into(), value);
        piece
    };
    let item = |role: &str, piece: Value| {
        json!({"type": "conversation.item.create", "previous_item_id": null, "item": {"id": null, "object": null,
            "status": null, "type": "message", "role": role, "content": [piece]}})
    };
    let mut wire = served();
    for (role, piece) in [
        ("user", piece("input_text", "text", "Hello".into())),
        ("assistant", piece("output_text", "text", "Hi".into())),
        // Nobody knows what was said.
        ("assistant", piece("output_audio", "transcript", Value::Null)),
        ("user", piece("input_text", "text", "Who?".into())),
    ] {
        assert_eq!(types(&say(&mut wire, &item(role, piece), 0))[0], "conversation.item.added", "{role}");
    }
    let asked = say(&mut wire, &respond(), 0);
    let past = asked.open.unwrap().messages;
    assert_eq!(past.iter().map(Message::text).collect::<Vec<_>>(), ["Hello", "Hi"]);
    assert_eq!(asked.inputs, [SessionInput::text("Who?")]);
    tell(&mut wire, [done(FinishReason::Stop)]);
    say(&mut wire, &user("And?"), 0);
    assert!(say(&mut wire, &respond(), 0).open.is_none(), "the session goes on");
}
