//! Live models over a connection: faults of each vendor's server, schedules of all kinds, and hosted models by their files.
mod aloud;
mod away;
mod faults;
mod heard;
mod hosted;
mod refusals;
mod rules;
mod schedules;
mod soon;
mod vendor;

use consort_core::{RealtimeSession, SessionEvent};

/// All events up to the first of this kind, which is the last one.
async fn until(session: &mut RealtimeSession, kind: &str) -> Vec<SessionEvent> {
    let mut all = Vec::new();
    while let Some(event) = session.events.next().await {
        let is_it = event.kind() == kind;
        all.push(event);
        if is_it {
            return all;
        }
    }
    panic!("no {kind}: {all:?}");
}

fn kinds(events: &[SessionEvent]) -> Vec<&str> {
    events.iter().map(SessionEvent::kind).collect()
}
