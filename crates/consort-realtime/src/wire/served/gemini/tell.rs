//! What the model's session tells, as the server's messages.
use super::super::entry::Entry;
use super::super::{Close, PIECE, QUIET, Reply, said};
use super::GeminiServed;
use crate::audio::{Encoding, Format, Shape};
use crate::wire::sound::Outgoing;
use consort_core::{
    Error, Finish, FinishReason, Message, Part, Pcm, Role, SessionEvent, Speaker, ToolCall, TranscriptMode,
    Usage,
};
use serde_json::{Value, json};
use std::time::Duration;

impl GeminiServed {
    pub(super) fn told(&mut self, event: SessionEvent, at: Duration, reply: &mut Reply) {
        if self.last_words(&event, reply) {
            return;
        }
        self.goes_on(&event, at);
        if self.is_of_before(&event) {
            return;
        }
        if let SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
        | SessionEvent::Text { item, .. }
        | SessionEvent::Audio { item, .. } = &event
            && self.answer.as_ref().is_some_and(|answer| answer.cut && !answer.parts.has(item))
        {
            // What is new behind a cut is of the next answer.
            self.finish_early(reply);
        }
        match event {
            SessionEvent::SpeechStarted { by: Speaker::User }
            | SessionEvent::SpeechStopped { by: Speaker::User } => {
                let began = event.kind() == "speech_started";
                if let Some(turn) = self.ears.as_mut().and_then(|ears| ears.told(began, at)) {
                    self.turn(turn, at, reply);
                }
            }
            SessionEvent::Transcript { item, by: Speaker::User, mode, text } => {
                self.user_words(&item, mode, &text, reply);
            }
            SessionEvent::Transcript { item, mode, text, .. } => {
                self.answer_words(&item, mode, &text, at, reply);
            }
            SessionEvent::Text { item, text } => {
                self.begin(at).parts.words(&item).add(TranscriptMode::Delta, &text);
                self.wait(at);
                content(reply, json!({"modelTurn": {"role": "model", "parts": [{"text": text}]}}));
            }
            SessionEvent::SpeechStarted { by: Speaker::Assistant } => {
                self.begin(at);
                self.wait_for_sound(at);
            }
            SessionEvent::Audio { item, pcm, .. } => {
                if let Err(error) = self.sound(item, &pcm, at, reply) {
                    failed(&error, reply);
                }
            }
            SessionEvent::AudioDone { item, interrupted } => self.sound_done(&item, interrupted, at, reply),
            SessionEvent::ToolCall { call } => self.call(call, at, reply),
            SessionEvent::ToolCancelled { id } => {
                self.calls.retain(|(call, _)| *call != id);
                reply.send(json!({"toolCallCancellation": {"ids": [id]}}));
            }
            // The client was told already that this one is over.
            SessionEvent::Interrupted { item } if self.owes(item.as_deref()) => {}
            SessionEvent::Interrupted { .. } => self.interrupted(at, reply),
            SessionEvent::TurnDone { finish, usage } => self.done(&finish, usage, at, reply),
            SessionEvent::Error { error } => failed(&error, reply),
            SessionEvent::Closed { reason } => {
                // Its frame tells why: the vendor has no other word, and its libraries raise that.
                reply.close = Some(Close::of(&reason));
            }
            SessionEvent::SpeechStopped { .. }
            | SessionEvent::Connected { .. }
            | SessionEvent::Reconnecting { .. }
            | SessionEvent::Warning { .. }
            | SessionEvent::Native { .. } => {}
        }
    }

    pub(super) fn begin(&mut self, at: Duration) -> &mut super::Answer {
        if let Some(ears) = &mut self.ears {
            ears.answers(true);
        }
        if self.answer.is_none() {
            self.forget_heard(at);
        }
        let is_called = !self.calls.is_empty();
        let answer = self.answer.get_or_insert_default();
        // What is still said of it behind a call ends some time: its tools take longer.
        answer.waits = answer.waits.filter(|_| is_called).map(|_| at + QUIET);
        answer
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

    fn answer_words(
        &mut self,
        item: &str,
        mode: TranscriptMode,
        text: &str,
        at: Duration,
        reply: &mut Reply,
    ) {
        let more = self.begin(at).parts.words(item).add(mode, text);
        self.wait(at);
        self.transcribe(more, reply);
    }

    /// What an answer says aloud, in words.
    pub(super) fn transcribe(&self, more: Option<String>, reply: &mut Reply) {
        let wanted = self.setup.as_ref().is_some_and(|setup| setup.answer_words);
        let Some(more) = more else { return };
        if !self.is_heard() {
            content(reply, json!({"modelTurn": {"role": "model", "parts": [{"text": more}]}}));
        } else if wanted {
            content(reply, json!({"outputTranscription": {"text": more}}));
        }
    }

    fn sound(&mut self, item: String, pcm: &Pcm, at: Duration, reply: &mut Reply) -> Result<(), Error> {
        let is_heard = self.is_heard();
        if !is_heard && self.answer.is_none() && self.over.has(&item) {
            return Ok(());
        }
        let mut busy = self.busy;
        let answer = self.begin(at);
        if answer.cut {
            return Ok(());
        }
        answer.parts.sounds(&item);
        if !is_heard {
            // The client only reads: that the model speaks says all the same that the answer is not over.
            self.wait(at);
            return Ok(());
        }
        let out = match &mut answer.sound {
            Some((of, out)) if *of == item => out,
            other => {
                let format = Format::new(Encoding::S16, Shape::MONO_24K);
                &mut other.insert((item.clone(), Outgoing::new(format))).1
            }
        };
        for piece in pcm.pieces(PIECE) {
            let (data, length) = out.write(&piece)?;
            busy = answer.parts.sent(&item, length, busy.max(at));
            speak(&data, length, reply);
        }
        self.busy = busy;
        self.wait(at);
        Ok(())
    }

    fn sound_done(&mut self, item: &str, interrupted: bool, at: Duration, reply: &mut Reply) {
        // It may be all that is told of an answer.
        if self.answer.is_none() && !interrupted && self.owed == 0 && !self.over.has(item) {
            self.begin(at);
        }
        let Some(answer) = self.answer.as_mut().filter(|answer| !answer.cut && !interrupted) else { return };
        if let Some((item, out)) = &mut answer.sound {
            let (data, length) = out.end(Duration::ZERO);
            self.busy = answer.parts.sent(item, length, self.busy.max(at));
            speak(&data, length, reply);
        }
        answer.parts.whole(item);
        answer.complete = true;
        self.wait(at);
        content(reply, json!({"generationComplete": true}));
    }

    fn call(&mut self, call: ToolCall, at: Duration, reply: &mut Reply) {
        let answer = self.begin(at);
        answer.waits = Some(at + QUIET);
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
    fn done(&mut self, finish: &Finish, usage: Option<Usage>, at: Duration, reply: &mut Reply) {
        let is_empty = self.answer.as_ref().is_none_or(super::Answer::is_empty);
        if self.owed > 0 && is_empty {
            // Its end was told before it came.
            self.owed -= 1;
            return;
        }
        self.owed = 0;
        self.finish(finish, usage, reply);
        if let Some(answer) = self.answer.as_mut().filter(|_| !self.calls.is_empty()) {
            answer.waits.get_or_insert(at + QUIET);
        }
    }

    /// The answer is over for the client, whatever the model will still say of it.
    pub(super) fn finish_early(&mut self, reply: &mut Reply) {
        let Some(answer) = &mut self.answer else { return };
        if !answer.cut {
            answer.rest = answer.parts.each_came();
        }
        self.owed += 1;
        self.finish(&FinishReason::Other.into(), None, reply);
    }

    fn finish(&mut self, finish: &Finish, usage: Option<Usage>, reply: &mut Reply) {
        if let Some(usage) = usage {
            self.usage.get_or_insert_default().add(&usage);
        }
        let is_cut = self.answer.as_ref().is_some_and(|answer| answer.cut);
        if finish.reason == FinishReason::ToolCalls && !is_cut {
            return;
        }
        if let Some(ears) = &mut self.ears {
            ears.answers(false);
        }
        let answer = self.answer.take().unwrap_or_default();
        self.over.push(&answer.parts, &answer.rest);
        answer.parts.learn(&mut self.past.speed);
        if !answer.complete && !answer.cut {
            content(reply, json!({"generationComplete": true}));
        }
        self.keep(answer);
        let mut over = json!({"serverContent": {"turnComplete": true}});
        if finish.reason == FinishReason::ContentFilter {
            over["serverContent"]["turnCompleteReason"] = "RESPONSE_REJECTED".into();
        }
        if let Some(usage) = self.usage.take() {
            over["usageMetadata"] = counts(&usage, self.is_cloud);
        }
        reply.send(over);
    }

    /// The model knows it: it is for another session, if there is one.
    fn remember(&mut self, message: Message) {
        let entry = Entry::new("", Value::Null, Some(message), true);
        self.past.keep(entry);
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

/// What failed in a session that goes on. The vendor's libraries raise what they do not know, by the code that stands at the
/// top of it.
fn failed(error: &Error, reply: &mut Reply) {
    let kind = error.kind();
    let (code, status) = (kind.http_status(), kind.as_str().to_ascii_uppercase());
    reply.send(json!({
        "code": code, "status": status, "error": {"code": code, "message": said(error), "status": status},
    }));
}

/// Tokens as the vendor counts them: thinking apart from the answer.
fn counts(usage: &Usage, is_cloud: bool) -> Value {
    let mut counts = json!({});
    let (answered, answered_in) = if is_cloud {
        ("candidatesTokenCount", "candidatesTokensDetails")
    } else {
        ("responseTokenCount", "responseTokensDetails")
    };
    let thinking = usage.reasoning.filter(|_| usage.reasoning_in_output).unwrap_or(0);
    let output = usage.output.map(|output| output.saturating_sub(thinking));
    for (key, value) in [
        ("promptTokenCount", usage.all_input()),
        (answered, output),
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
        counts[answered_in] = spoken;
    }
    counts
}
