//! What is said to the session, as the client's messages.
use super::quirks::Words;
use super::{Asked, GeminiLive, setup};
use crate::wire::step::{Busy, Leaving, Step};
use consort_core::{Media, Pcm, SessionInput, SessionUpdate, ToolResult};
use serde_json::{Value, json};
use std::time::Duration;

impl GeminiLive {
    pub(super) fn say(&mut self, input: SessionInput, step: &mut Step) {
        match input {
            SessionInput::Audio(pcm) => self.sound(&pcm, step),
            SessionInput::Text { text } => self.ask(Asked::Words(text), step),
            SessionInput::Image { media } | SessionInput::Video { media } => show(&media, step),
            SessionInput::ToolResult { result } => self.result(&result, step),
            SessionInput::Commit => self.commit(step),
            // The vendor hears a cut by itself; what it still says of this answer is of an older epoch.
            SessionInput::Interrupt { item, .. } => {
                self.epoch += 1;
                let other =
                    self.answer.as_mut().filter(|answer| item.is_some_and(|item| item != answer.item));
                if let Some(answer) = other {
                    // The user cut an older one: this one is still wanted.
                    answer.epoch = self.epoch;
                }
            }
            SessionInput::Update { update } => self.update(update),
        }
    }

    fn sound(&mut self, pcm: &Pcm, step: &mut Step) {
        let pieces = match self.out.write_all(pcm) {
            Ok(pieces) => pieces,
            Err(error) => return step.fail(error),
        };
        if self.marks && !std::mem::replace(&mut self.is_active, true) {
            step.send(realtime("activityStart", json!({})));
        }
        pieces.into_iter().for_each(|(data, length)| self.append(data, length, step));
    }

    fn append(&mut self, data: String, length: Duration, step: &mut Step) {
        if !length.is_zero() {
            self.is_pending = true;
            let mime = format!("audio/pcm;rate={}", self.out.format().shape.rate());
            step.send(realtime("audio", json!({"mimeType": mime, "data": data})));
        }
    }

    fn commit(&mut self, step: &mut Step) {
        if !self.is_pending {
            return;
        }
        let (rest, length) = self.out.end(Duration::ZERO);
        self.append(rest, length, step);
        self.is_pending = false;
        if std::mem::take(&mut self.is_active) {
            step.send(realtime("activityEnd", json!({})));
        } else {
            step.send(realtime("audioStreamEnd", json!(true)));
        }
    }

    /// A result of a call that was cancelled, or is of a session that was lost, is not wanted.
    fn result(&mut self, result: &ToolResult, step: &mut Step) {
        let Some(at) = self.calls.iter().position(|call| call.id == result.call_id) else {
            let what = format!("the result of `{}` came too late and is left out", result.name);
            return step.warn("dropped", what);
        };
        let call = self.calls.remove(at);
        let lost = result.content.iter().filter(|part| part.as_text().is_none()).count();
        if lost > 0 {
            let what = format!("{lost} parts of what `{}` gave are no text and are left out", call.name);
            step.warn("dropped", what);
        }
        let mut response = json!({"name": call.name, "response": setup::response(result)});
        if !call.minted {
            response["id"] = call.id.into();
        }
        let message = json!({"toolResponse": {"functionResponses": [response]}});
        self.ask(Asked::Result { message, kept: call.kept }, step);
    }

    fn ask(&mut self, asked: Asked, step: &mut Step) {
        self.send(&asked, step);
        self.asked.push(asked);
    }

    /// Says what waits for an answer: now, or once more.
    pub(super) fn send(&self, asked: &Asked, step: &mut Step) {
        match asked {
            Asked::Result { message, .. } => step.send(message.clone()),
            Asked::Words(text) if self.quirks.words == Words::Content => {
                let turn = json!({"role": "user", "parts": [{"text": text}]});
                step.send(json!({"clientContent": {"turns": [turn], "turnComplete": true}}));
            }
            // Where the user says when they speak, what is outside of that is of no turn.
            Asked::Words(text) if self.marks && !self.is_active => {
                step.send(realtime("activityStart", json!({})));
                step.send(realtime("text", json!(text)));
                step.send(realtime("activityEnd", json!({})));
            }
            Asked::Words(text) => step.send(realtime("text", json!(text))),
        }
    }

    /// Nothing can change while a connection lasts: another takes over as soon as nothing holds this one. So what comes while the
    /// user speaks is for the turn behind theirs.
    fn update(&mut self, update: SessionUpdate) {
        let before = self.config.clone();
        self.config.update(update);
        if self.config != before {
            let reason = "the session's settings change".into();
            let left = self.leaving.take().and_then(|leaving| leaving.left);
            self.leaving = Some(Leaving { reason, wanted: true, left, busy: Busy::No });
        }
    }
}

fn show(media: &Media, step: &mut Step) {
    match media.base64().filter(|_| media.family() == "image") {
        Some(data) => step.send(realtime("video", json!({"mimeType": media.mime, "data": data}))),
        None => step.warn("dropped", "only a picture whose bytes are here can be shown; it is left out"),
    }
}

fn realtime(kind: &str, value: Value) -> Value {
    json!({"realtimeInput": {kind: value}})
}
