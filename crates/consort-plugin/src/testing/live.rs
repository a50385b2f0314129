//! What a live model must hold to: directly, and from the other end of a pipe.
use super::check::{LIMIT, STOPPED};
use super::run::within;
use super::sane::sane;
use super::{Check, Driver, Report};
use crate::protocol;
use consort_core::{
    CloseReason, ModelKind, RealtimeModel, RealtimeSession, SessionConfig, SessionEvent, SessionInput,
};
use serde_json::json;
use std::sync::Arc;

/// Opens a session, says the prompt, and closes it; and drops another half way.
pub(super) fn check(check: &Check, model: &Arc<dyn RealtimeModel>, report: &mut Report) {
    let card = model.card();
    let name = &card.name;
    let kind =
        if card.kind == ModelKind::Realtime { Ok(()) } else { Err("its kind is not `realtime`".into()) };
    report.add(format!("`{name}` has a sane card"), sane(card, &check.provider).and(kind));
    let session = match open(check, model) {
        Ok(session) => session,
        Err(wrong) => return report.add(format!("`{name}` opens a session"), Err(wrong)),
    };
    report.add(format!("`{name}` answers in a session, and closes it"), answered(check, session));
    let dropped = open(check, model).and_then(|session| within(STOPPED, async move { drop(session) }));
    report.add(format!("`{name}` bears a session that is dropped"), dropped);
}

fn open(check: &Check, model: &Arc<dyn RealtimeModel>) -> Result<RealtimeSession, String> {
    let (model, context) = (model.clone(), check.context());
    let opened = within(LIMIT, async move { model.connect(SessionConfig::default(), context).await })?;
    opened.map_err(|error| check.clean(&error).err().unwrap_or_else(|| format!("{error:?}")))
}

/// The first event says that it is connected, the last why it is over, and the end comes soon once it is asked for.
fn answered(check: &Check, mut session: RealtimeSession) -> Result<(), String> {
    let prompt = check.prompt.clone();
    let sink = session.sink.clone();
    within(LIMIT, async move {
        sink.send(SessionInput::text(prompt)).await.map_err(|error| format!("{error:?}"))?;
        match session.events.next().await {
            Some(SessionEvent::Connected { .. }) => {}
            other => return Err(format!("the first event is {other:?}, not `Connected`")),
        }
        while let Some(event) = session.events.next().await {
            match event {
                SessionEvent::TurnDone { .. } => return Ok(session),
                SessionEvent::Closed { reason } => {
                    return Err(format!("it ended before its answer did: {reason:?}"));
                }
                _ => {}
            }
        }
        Err("its events ended without `Closed`".into())
    })?
    .and_then(|mut session| {
        session.sink.close();
        within(STOPPED, async move {
            while let Some(event) = session.events.next().await {
                if let SessionEvent::Closed { reason } = event {
                    return match reason {
                        CloseReason::Failed { error } => Err(format!("it was closed, and failed: {error:?}")),
                        _ => Ok(()),
                    };
                }
            }
            Err("its events ended without `Closed`".into())
        })?
    })
}

/// The same, as a host does it.
pub(super) fn through(check: &Check, driver: &mut Driver, name: &str, report: &mut Report) {
    let what = format!("`{name}` holds a session as a plugin");
    let opened = driver.call("realtime/open", json!({"model": name})).map_err(|failure| failure.message);
    let session = match opened.map(|opened| opened["session"].as_str().map(str::to_owned)) {
        Ok(Some(session)) => session,
        Ok(None) => return report.add(what, Err("`realtime/open` gave no session".into())),
        Err(message) => return report.add(what, Err(message)),
    };
    let inputs = json!([{"type": "text", "text": check.prompt}]);
    driver.send(&protocol::notification("realtime/input", json!({"session": session, "inputs": inputs})));
    let answered = driver.heard(&session, "turn_done").pop();
    let closed =
        driver.call("realtime/close", json!({"session": session})).map_err(|failure| failure.message);
    let last = driver.heard(&session, "closed").pop();
    report.add(
        what,
        match (answered, closed, last) {
            (None, ..) => Err("it said nothing".into()),
            (Some(event), ..) if event["type"] != "turn_done" => {
                Err(format!("its answer has no end: {event}"))
            }
            (_, Err(message), _) => Err(message),
            (.., Some(event)) if event["type"] == "closed" => Ok(()),
            (.., last) => Err(format!("its last event is {last:?}, not `closed`")),
        },
    );
}
