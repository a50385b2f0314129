//! Reads a plugin's session events into the contract's.
use super::event::{FAILED, LiveEvent};
use super::sound::{sound, unbase64};
use consort_core::{
    CloseReason, Error, ErrorKind, Finish, FinishReason, SessionEvent, Speaker, TranscriptMode, Warning,
};
use std::borrow::Cow;

/// Reads a plugin's session events into the contract's. Sound by path is no part of it: a file takes its time, and
/// [`LiveEvent::sound_file`] tells whoever reads events that there is one.
#[derive(Debug, Default)]
pub struct LiveEventReader {
    /// The newest error: it may be why the session ends.
    failed: Option<Error>,
}

impl LiveEventReader {
    /// The contract's event; nothing for one of a later version. An error says what is wrong with it.
    pub fn read(&mut self, event: LiveEvent<'_>) -> Result<Option<SessionEvent>, String> {
        let item = || event.item.as_deref().unwrap_or_default().to_owned();
        let text = || event.text.as_deref().unwrap_or_default().to_owned();
        let by = event.role.unwrap_or(Speaker::Assistant);
        let read = match event.kind.as_ref() {
            "connected" => SessionEvent::Connected { model: event.model, session: None },
            "audio" => SessionEvent::audio(item(), sound_of(&event)?),
            "audio_done" => SessionEvent::AudioDone { item: item(), interrupted: event.interrupted },
            "transcript" => {
                let mode = event.mode.unwrap_or(TranscriptMode::Final);
                SessionEvent::Transcript { item: item(), by, mode, text: text() }
            }
            "speech_started" => SessionEvent::SpeechStarted { by },
            "speech_stopped" => SessionEvent::SpeechStopped { by },
            "text" => SessionEvent::Text { item: item(), text: text() },
            "interrupted" => SessionEvent::Interrupted { item: event.item.map(Cow::into_owned) },
            "turn_done" => SessionEvent::TurnDone {
                finish: finish_of(event.finish_reason.as_deref().unwrap_or("stop")),
                usage: event.usage.map(Into::into),
            },
            "reconnecting" => SessionEvent::Reconnecting { reason: event.reason.unwrap_or_default() },
            "warning" => {
                SessionEvent::Warning { warning: Warning::new("vendor", event.message.unwrap_or_default()) }
            }
            "raw" => SessionEvent::Native { value: event.value.unwrap_or_default() },
            "error" => {
                let error = event.error.unwrap_or_default().to_error();
                self.failed = Some(error.clone());
                SessionEvent::Error { error }
            }
            "closed" => SessionEvent::Closed { reason: self.reason_of(event) },
            _ => return Ok(None),
        };
        Ok(Some(read))
    }

    fn reason_of(&mut self, event: LiveEvent<'_>) -> CloseReason {
        let message = event.reason.unwrap_or_default();
        let failed = event.error.map(|failure| failure.to_error());
        match failed.or_else(|| self.failed.take().filter(|_| message == FAILED)) {
            Some(error) => error.into(),
            None if message == FAILED => {
                Error::new(ErrorKind::Interrupted, "the session ended by an error that was not said").into()
            }
            None => CloseReason::Ended { message },
        }
    }
}

fn sound_of(event: &LiveEvent<'_>) -> Result<consort_core::Pcm, String> {
    let bytes = match (&event.data, &event.path) {
        (Some(data), _) => unbase64(data).map_err(|error| format!("sound was left out: {error}"))?,
        (None, Some(path)) => return Err(format!("sound was left out: it came by a path, `{path}`")),
        (None, None) => return Err("sound was left out: it has no data and no path".into()),
    };
    sound(&bytes, event.rate, event.channels).map_err(|error| format!("it was left out: {error}"))
}

fn finish_of(word: &str) -> Finish {
    const ALL: [FinishReason; 6] = [
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
        FinishReason::Refusal,
        FinishReason::Pause,
    ];
    match ALL.into_iter().find(|reason| reason.as_str() == word) {
        Some(reason) => reason.into(),
        None => Finish::new(FinishReason::Other, word),
    }
}
