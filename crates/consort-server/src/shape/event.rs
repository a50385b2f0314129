//! ENVELOPE: what happens in a run, for the page. Each of the run's numbers is one message, so that gaps are seen.
use super::millis;
use super::turn::{attempt, turn};
use consort_core::{Event, ToolCall};
use consort_engine::{Envelope, What};
use consort_store::Store;
use serde_json::{Value, json};

pub(crate) async fn event(store: &dyn Store, envelope: &Envelope) -> Value {
    let event = match &envelope.what {
        What::TurnStarted { .. } => json!({"type": "turn_started", "turn": turn_of(store, envelope).await}),
        What::TurnEnded { .. } => json!({"type": "turn_ended", "turn": turn_of(store, envelope).await}),
        other => plain(other),
    };
    json!({
        "type": "event", "run": envelope.run, "sequence_number": envelope.sequence_number,
        "conversation": envelope.conversation, "turn": envelope.turn, "at": millis(envelope.at), "event": event,
    })
}

/// The turn as it is kept; where the disk refused it, only what is sure.
pub(crate) async fn turn_of(store: &dyn Store, envelope: &Envelope) -> Value {
    if let Some(id) = envelope.turn
        && let Ok(Some(kept)) = store.turn(id).await
    {
        let mut value = turn(&kept);
        // How it ended is sure, also where the disk refused to keep that.
        if let What::TurnEnded { status, error } = &envelope.what {
            value["status"] = json!(status);
            if error.is_some() {
                value["error"] = json!(error);
            }
        }
        return value;
    }
    let (role, status) = match &envelope.what {
        What::TurnStarted { role, .. } => (json!(role), json!("running")),
        What::TurnEnded { status, .. } => (Value::Null, json!(status)),
        _ => (Value::Null, Value::Null),
    };
    let parent = match &envelope.what {
        What::TurnStarted { parent, .. } => *parent,
        _ => None,
    };
    json!({
        "id": envelope.turn, "conversation": envelope.conversation, "parent": parent, "role": role, "status": status,
        "run": envelope.run, "parts": [], "created": millis(envelope.at), "model": &*envelope.model,
    })
}

fn plain(what: &What) -> Value {
    match what {
        What::Chunk { event } | What::Event { event } => match event {
            Event::Attempt(done) => json!({"type": "attempt", "attempt": attempt(done)}),
            event => json!(event),
        },
        What::RunStarted => json!({"type": "run_started"}),
        What::Completed { .. } => json!({"type": "completed"}),
        What::ApprovalWanted { call } => json!({"type": "tool_waiting", "call": call_of(call)}),
        What::ApprovalGiven { call_id, decision, reason } => {
            json!({"type": "tool_decided", "call_id": call_id, "decision": decision, "reason": reason})
        }
        What::ToolStarted { call } => json!({"type": "tool_started", "call_id": call.id}),
        What::ToolEnded { result, took_ms } => {
            json!({"type": "tool_finished", "call_id": result.call_id, "ms": took_ms, "is_error": result.is_error})
        }
        What::ContextTrimmed { report } => json!({
            "type": "context_trimmed", "from": report.begins, "left_out": report.left_out,
            "dropped_turns": report.dropped_turns, "cleared": report.cleared, "summary": report.summary,
        }),
        What::Notice { warning } => {
            json!({"type": "warning", "code": warning.code, "message": warning.message})
        }
        What::RunEnded { status, error } => json!({"type": "run_ended", "status": status, "error": error}),
        // Those two are made with their turns.
        What::TurnStarted { .. } | What::TurnEnded { .. } => Value::Null,
    }
}

/// CALL: a tool call that waits, with the text of its arguments as it came.
pub(crate) fn call_of(call: &ToolCall) -> Value {
    json!({"call_id": call.id, "name": call.name, "arguments": call.arguments.json_text()})
}
