//! What the model's session tells, as the server's messages.
use super::super::past::Entry;
use super::super::words::Words;
use super::super::{Close, Reply, said};
use super::{CUT, GeminiServed, QUIET};
use crate::audio::{Encoding, Format, Shape};
use crate::heard::heard_of;
use crate::wire::sound::Outgoing;
use consort_core::{
    CloseReason, Error, Finish, FinishReason, Message, Part, Pcm, Role, SessionEvent, Speaker, ToolCall,
    TranscriptMode, Usage,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A piece of sound in one message.
const PIECE: Duration = Duration::from_millis(400);

impl GeminiServed {
    pub(super) fn told(&mut self, event: SessionEvent, at: Duration, reply: &mut Reply) {
        if let SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
        | SessionEvent::Audio { item, .. } = &event
            && self.answer.as_ref().is_some_and(|answer| answer.cut && !answer.has(item))
        {
            // What is new behind a cut is of the next answer.
            self.finish_early(reply);
        }
        match event {
            SessionEvent::SpeechStarted { by: Speaker::User }
            | SessionEvent::SpeechStopped { by: Speaker::User } => {
                let began = event.kind() == "speech_started";
                if let Some(turn) = self.ears.as_mut().and_then(|ears| ears.told(began)) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                self.user_words(&item, mode, &text, reply);
            }
            SessionEvent::Transcript { item, .. }
            | SessionEvent::Audio { item, .. }
            | SessionEvent::AudioDone { item, .. }
                if self.owed > 0 && self.gone.contains(&item) => {}
            SessionEvent::Transcript { item, mode, text, .. } => self.answer_words(&item, mode, &text, reply),
            SessionEvent::Text { text, .. } => {
                self.begin();
                content(reply, json!({"modelTurn": {"role": "model", "parts": [{"text": text}]}}));
            }
            SessionEvent::SpeechStarted { by: Speaker::Assistant } => {
                self.begin();
            }
            SessionEvent::Audio { item, pcm, .. } => {
                if let Err(error) = self.sound(item, &pcm, at, reply) {
                    failed(&error, reply);
                }
            }
            SessionEvent::AudioDone { interrupted, .. } => self.sound_done(interrupted, at, reply),
            SessionEvent::ToolCall { call } => self.call(call, reply),
            SessionEvent::ToolCancelled { id } => {
                self.calls.retain(|(call, _)| *call != id);
                reply.send(json!({"toolCallCancellation": {"ids": [id]}}));
            }
            SessionEvent::Interrupted { .. } => {
                // Also where all of an answer was made: what is left of it is not to be played.
                let was_told = self.answer.as_mut().is_some_and(|answer| {
                    answer.due.get_or_insert(at + CUT);
                    std::mem::replace(&mut answer.cut, true)
                });
                if !was_told {
                    content(reply, json!({"interrupted": true}));
                }
            }
            SessionEvent::TurnDone { finish, usage } => self.done(&finish, usage, reply),
            SessionEvent::Error { error } => failed(&error, reply),
            SessionEvent::Closed { reason } => {
                if let CloseReason::Failed { error } = &reason
                    && self.is_open
                {
                    failed(error, reply);
                }
                reply.close = Some(Close::of(&reason));
            }
            SessionEvent::SpeechStopped { .. }
            | SessionEvent::Connected { .. }
            | SessionEvent::Reconnecting { .. }
            | SessionEvent::Warning { .. }
            | SessionEvent::Native { .. } => {}
        }
    }

    fn begin(&mut self) -> &mut super::Answer {
        if let Some(ears) = &mut self.ears {
            ears.answers(true);
        }
        self.answer.get_or_insert_default()
    }

    fn user_words(&mut self, item: &str, mode: TranscriptMode, text: &str, reply: &mut Reply) {
        let words = self.user.entry(item.to_owned()).or_default();
        let more = words.add(mode, text);
        let is_final = mode == TranscriptMode::Final;
        if self.setup.as_ref().is_some_and(|setup| setup.user_words) {
            let mut told = json!({});
            if let Some(more) = more {
                told["text"] = more.into();
            }
            if is_final {
                told["finished"] = true.into();
            }
            if told != json!({}) {
                content(reply, json!({"inputTranscription": told}));
            }
        }
        if is_final {
            let whole = self.user.remove(item).unwrap_or_default().whole().to_owned();
            self.remember(Message::user(whole));
        }
    }

    fn answer_words(&mut self, item: &str, mode: TranscriptMode, text: &str, reply: &mut Reply) {
        let (speaks, wanted) = self.setup.as_ref().map_or((true, false), |s| (s.speaks, s.answer_words));
        let more = self.begin().words.entry(item.to_owned()).or_default().add(mode, text);
        let Some(more) = more else { return };
        if !speaks {
            content(reply, json!({"modelTurn": {"role": "model", "parts": [{"text": more}]}}));
        } else if wanted {
            content(reply, json!({"outputTranscription": {"text": more}}));
        }
    }

    fn sound(&mut self, item: String, pcm: &Pcm, at: Duration, reply: &mut Reply) -> Result<(), Error> {
        if self.setup.as_ref().is_some_and(|setup| !setup.speaks) {
            return Ok(());
        }
        let answer = self.begin();
        if answer.cut {
            return Ok(());
        }
        answer.due = None;
        let out = match &mut answer.sound {
            Some((of, out)) if *of == item => out,
            other => {
                let format = Format::new(Encoding::S16, Shape::MONO_24K);
                (answer.sent, answer.began) = (Duration::ZERO, Some(at));
                &mut other.insert((item, Outgoing::new(format))).1
            }
        };
        for piece in pcm.pieces(PIECE) {
            let (data, length) = out.write(&piece)?;
            answer.sent += length;
            speak(&data, length, reply);
        }
        Ok(())
    }

    fn sound_done(&mut self, interrupted: bool, at: Duration, reply: &mut Reply) {
        let Some(answer) = &mut self.answer else { return };
        if answer.cut || interrupted {
            return;
        }
        if let Some((_, out)) = &mut answer.sound {
            let (data, length) = out.end(Duration::ZERO);
            speak(&data, length, reply);
        }
        answer.complete = true;
        answer.due = Some(at + QUIET);
        content(reply, json!({"generationComplete": true}));
    }

    fn call(&mut self, call: ToolCall, reply: &mut Reply) {
        let answer = self.begin();
        // What comes behind it may take as long as the client takes.
        answer.due = answer.due.filter(|_| answer.cut);
        let arguments = call.arguments.value();
        let args = match arguments {
            Ok(args @ Value::Object(_)) => args,
            // The format has room for objects only.
            Ok(other) => json!({"value": other}),
            Err(_) => json!({"value": call.arguments.raw()}),
        };
        reply
            .send(json!({"toolCall": {"functionCalls": [{"id": call.id, "name": call.name, "args": args}]}}));
        self.calls.push((call.id.clone(), call.name.clone()));
        self.remember(Message::new(
            Role::Assistant,
            vec![Part::tool_call(call.id, call.name, call.arguments)],
        ));
    }

    /// A turn is over when nothing more comes of it: behind calls it goes on with their results.
    fn done(&mut self, finish: &Finish, usage: Option<Usage>, reply: &mut Reply) {
        let is_empty =
            self.answer.as_ref().is_none_or(|answer| answer.words.is_empty() && answer.sound.is_none());
        if self.owed > 0 && is_empty {
            // Its end was told before it came.
            self.owed -= 1;
            return;
        }
        self.owed = 0;
        self.finish(finish, usage, reply);
    }

    /// The answer is over for the client, whatever the model will still say of it.
    pub(super) fn finish_early(&mut self, reply: &mut Reply) {
        let Some(answer) = &self.answer else { return };
        let items = answer.words.keys().chain(answer.sound.iter().map(|(item, _)| item));
        self.gone = items.cloned().collect();
        self.owed += 1;
        self.finish(&FinishReason::Other.into(), None, reply);
    }

    fn finish(&mut self, finish: &Finish, usage: Option<Usage>, reply: &mut Reply) {
        if let Some(usage) = usage {
            match &mut self.usage {
                Some(sum) => add(sum, &usage),
                none => *none = Some(usage),
            }
        }
        let is_cut = self.answer.as_ref().is_some_and(|answer| answer.cut);
        if finish.reason == FinishReason::ToolCalls && !is_cut {
            return;
        }
        if let Some(ears) = &mut self.ears {
            ears.answers(false);
        }
        let answer = self.answer.take().unwrap_or_default();
        let said: Vec<&str> =
            answer.words.values().map(Words::whole).filter(|words| !words.is_empty()).collect();
        let said = said.join("\n");
        let heard = answer.heard.map_or(said.as_str(), |heard| heard_of(&said, heard, answer.sent));
        if !heard.is_empty() {
            self.remember(Message::assistant(heard));
        }
        if !answer.complete && !answer.cut {
            content(reply, json!({"generationComplete": true}));
        }
        let mut over = json!({"serverContent": {"turnComplete": true}});
        if finish.reason == FinishReason::ContentFilter {
            over["serverContent"]["turnCompleteReason"] = "RESPONSE_REJECTED".into();
        }
        if let Some(usage) = self.usage.take() {
            over["usageMetadata"] = counts(&usage);
        }
        reply.send(over);
    }

    /// The model knows it: it is for another session, if there is one.
    fn remember(&mut self, message: Message) {
        let entry = Entry::new("", Value::Null, Some(message), true);
        if self.past.has_room(&entry) {
            self.past.push(entry);
        }
    }
}

fn content(reply: &mut Reply, content: Value) {
    reply.send(json!({"serverContent": content}));
}

fn speak(data: &str, length: Duration, reply: &mut Reply) {
    if !length.is_zero() {
        let blob = json!({"mimeType": "audio/pcm;rate=24000", "data": data});
        content(reply, json!({"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}));
    }
}

/// The vendor's libraries raise it where it comes alone.
fn failed(error: &Error, reply: &mut Reply) {
    let kind = error.kind();
    reply.send(json!({"error": {
        "code": kind.http_status(), "message": said(error), "status": kind.as_str().to_ascii_uppercase(),
    }}));
}

fn add(sum: &mut Usage, more: &Usage) {
    let plus = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    sum.input = plus(sum.all_input(), more.all_input());
    sum.output = plus(sum.output, more.output);
    sum.reasoning = plus(sum.reasoning, more.reasoning);
    sum.cached = plus(sum.cached, more.cached);
    sum.total = plus(sum.total, more.total);
    sum.audio_input = plus(sum.audio_input, more.audio_input);
    sum.audio_output = plus(sum.audio_output, more.audio_output);
    sum.cached_in_input = true;
}

/// Tokens as the vendor counts them: thinking apart from the answer.
fn counts(usage: &Usage) -> Value {
    let mut counts = json!({});
    let thinking = usage.reasoning.filter(|_| usage.reasoning_in_output).unwrap_or(0);
    let output = usage.output.map(|output| output.saturating_sub(thinking));
    for (key, value) in [
        ("promptTokenCount", usage.all_input()),
        ("responseTokenCount", output),
        ("cachedContentTokenCount", usage.cached),
        ("thoughtsTokenCount", usage.reasoning),
        ("totalTokenCount", usage.total.or_else(|| Some(usage.all_input()? + usage.all_output()?))),
    ] {
        if let Some(value) = value {
            counts[key] = value.into();
        }
    }
    let details = |all: Option<u64>, sound: Option<u64>| {
        let sound = sound?;
        let text = all.unwrap_or(sound).saturating_sub(sound);
        Some(json!([{"modality": "TEXT", "tokenCount": text}, {"modality": "AUDIO", "tokenCount": sound}]))
    };
    if let Some(heard) = details(usage.all_input(), usage.audio_input) {
        counts["promptTokensDetails"] = heard;
    }
    if let Some(spoken) = details(output, usage.audio_output) {
        counts["responseTokensDetails"] = spoken;
    }
    counts
}
