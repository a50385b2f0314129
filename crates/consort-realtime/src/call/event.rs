//! What happens in a call, and when what is played counts as heard.
use crate::audio::Frame;
use consort_core::{SessionEvent, Speaker, ToolCall, ToolResult, TranscriptMode};
use consort_store::TurnId;

/// When sound is handed out, and when it counts as heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each frame at its time, and heard then.
    Time,
    /// The same, and heard when [`Call::played`](super::Call::played) says so: whoever plays is elsewhere.
    Reported,
    /// As fast as it comes: into a file.
    AtOnce,
}

/// What happens in a call.
#[derive(Debug)]
pub enum CallEvent {
    /// What the session tells, but for sound. `Closed` comes last, when all is played and kept.
    Session(SessionEvent),
    /// Sound, to be played now.
    Frame(Frame),
    /// Sound that was handed out and is not played yet is not wanted any more.
    Cut,
    /// This call runs when [`Call::decide`](super::Call::decide) says so.
    ToolWaits(ToolCall),
    /// A tool is done; the model is told.
    ToolEnded(ToolResult),
    /// A turn of the log began or ended.
    Kept(TurnId),
}

/// Whether an answer is on its way behind this, where it says anything of that.
pub(super) fn answers(event: &SessionEvent) -> Option<bool> {
    match event {
        SessionEvent::TurnDone { .. } => Some(false),
        SessionEvent::SpeechStarted { .. }
        | SessionEvent::SpeechStopped { by: Speaker::User }
        | SessionEvent::Text { .. }
        | SessionEvent::Audio { .. }
        | SessionEvent::Transcript { by: Speaker::Assistant, mode: TranscriptMode::Delta, .. }
        | SessionEvent::ToolCall { .. } => Some(true),
        _ => None,
    }
}
