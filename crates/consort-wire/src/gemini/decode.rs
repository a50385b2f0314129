//! Reads answers: each chunk of a stream is shaped like a whole answer.
use super::partial::PartialCall;
use super::{ID, grounding, part, words};
use crate::decoder::{Decode, interrupted, unreadable_or_cut};
use crate::error_body;
use crate::framing::Frame;
use crate::parts::{self, Parts};
use consort_core::{
    Body, ChoiceFinish, Citation, Delta, Error, Event, Finish, FinishReason, MediaSource, Object, Part,
    PartKey, PartKind, Usage, Warning,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The longest list of citations that is kept for one answer.
const MOST_CITATIONS: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow, default)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(default)]
    usage_metadata: Value,
    #[serde(default)]
    prompt_feedback: Value,
    #[serde(default)]
    model_version: Value,
    #[serde(default)]
    response_id: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(default)]
    finish_reason: Value,
    #[serde(default)]
    finish_message: Value,
    #[serde(default)]
    index: Value,
    #[serde(default)]
    grounding_metadata: Value,
    #[serde(default)]
    citation_metadata: Value,
    #[serde(default)]
    url_context_metadata: Value,
    #[serde(default)]
    logprobs_result: Value,
    #[serde(default)]
    safety_ratings: Value,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Option<Vec<&'a RawValue>>,
}

/// By far the most frequent part, read without a detour.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TextPart<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    thought_signature: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct GeminiDecode {
    started: bool,
    parts: Parts,
    calls: Calls,
    candidates: BTreeMap<u32, Answer>,
    usage: Value,
    blocked: bool,
}

/// Mints ids for calls that come without one.
#[derive(Debug, Default)]
struct Calls {
    count: u32,
    response: String,
}

/// One of the answers.
#[derive(Debug, Default)]
struct Answer {
    open: Option<Open>,
    call: Option<PartialCall>,
    called: bool,
    finish: Option<String>,
    /// All answer text so far: citations count its bytes.
    said: String,
    cited: Vec<Citation>,
}

/// The part that the next piece of text may belong to.
#[derive(Debug)]
struct Open {
    key: PartKey,
    thinking: bool,
    /// A signed part is whole: its signature is for its own text.
    sealed: bool,
}

impl Decode for GeminiDecode {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if frame.data == b"[DONE]" {
            return Ok(());
        }
        self.chunk(frame.data, out)
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        self.chunk(body, out)?;
        if self.candidates.is_empty() && !self.blocked && self.usage.is_null() {
            return Err(Error::protocol("the answer has no candidates"));
        }
        self.finish(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        let ended = !self.candidates.is_empty() && self.candidates.values().all(|one| one.finish.is_some());
        if !self.blocked && !ended {
            self.tell_usage(out);
            return Err(interrupted());
        }
        self.finish(out);
        Ok(())
    }
}

impl GeminiDecode {
    fn chunk(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let chunk: Chunk<'_> =
            serde_json::from_slice(data).map_err(|error| unreadable_or_cut(&error, data))?;
        if !chunk.error.is_null() {
            return Err(error_body::from_value(&Value::Object(part::one("error", chunk.error))));
        }
        if !std::mem::replace(&mut self.started, true) {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let response_id = text(&chunk.response_id);
            self.calls.response = response_id.as_deref().map(id_tail).unwrap_or_default();
            out.push(Event::Started { model: text(&chunk.model_version), response_id });
        }
        for (at, candidate) in chunk.candidates.into_iter().flatten().enumerate() {
            self.candidate(at as u32, candidate, out);
        }
        self.feedback(&chunk.prompt_feedback, out);
        if chunk.usage_metadata.is_object() {
            self.usage = chunk.usage_metadata;
        }
        Ok(())
    }

    /// Each chunk has all counts so far, and the last one may leave some out again: only that one is told.
    fn tell_usage(&mut self, out: &mut Vec<Event>) {
        if let counts @ Value::Object(_) = std::mem::take(&mut self.usage) {
            out.push(Event::Usage(usage(counts)));
        }
    }

    /// A prompt that was refused has no candidates.
    fn feedback(&mut self, feedback: &Value, out: &mut Vec<Event>) {
        let Some(reason) = feedback["blockReason"].as_str() else { return };
        if std::mem::replace(&mut self.blocked, true) {
            return;
        }
        let why = feedback["blockReasonMessage"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        out.push(Event::Warning(Warning::new("vendor", format!("the prompt was blocked ({reason}){why}"))));
    }

    fn candidate(&mut self, at: u32, candidate: Candidate<'_>, out: &mut Vec<Event>) {
        let index = candidate.index.as_u64().and_then(|index| u32::try_from(index).ok()).unwrap_or(at);
        let answer = self.candidates.entry(index).or_default();
        let mut work = Work { choice: index, answer, parts: &mut self.parts, calls: &mut self.calls, out };
        for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            work.part(part);
        }
        work.metadata([
            ("groundingMetadata", candidate.grounding_metadata),
            ("citationMetadata", candidate.citation_metadata),
            ("urlContextMetadata", candidate.url_context_metadata),
            ("logprobsResult", candidate.logprobs_result),
            ("safetyRatings", candidate.safety_ratings),
        ]);
        let finish = match candidate.finish_reason {
            Value::String(finish) => finish,
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        if let Some(message) = candidate.finish_message.as_str()
            && finish != "STOP"
            && work.answer.finish.is_none()
        {
            work.out.push(Event::Warning(Warning::new("vendor", message)));
        }
        work.answer.finish = Some(finish);
    }

    /// Ends what is open, and the answer.
    fn finish(&mut self, out: &mut Vec<Event>) {
        let mut finishes = Vec::new();
        for (index, answer) in &mut self.candidates {
            let mut work =
                Work { choice: *index, answer, parts: &mut self.parts, calls: &mut self.calls, out };
            work.close();
            let reason = match &work.answer.finish {
                Some(finish) => words::reason(finish, work.answer.called),
                None => FinishReason::Other,
            };
            finishes.push(ChoiceFinish { choice: *index, reason, vendor_reason: work.answer.finish.take() });
        }
        let mut finish = if self.blocked && finishes.is_empty() {
            Finish::from(FinishReason::ContentFilter)
        } else if finishes.first().is_some_and(|first| first.choice == 0) {
            let first = finishes.remove(0);
            Finish { vendor_reason: first.vendor_reason, ..first.reason.into() }
        } else {
            FinishReason::Other.into()
        };
        finish.others = finishes;
        self.tell_usage(out);
        out.push(Event::Finished(finish));
    }
}

/// One candidate, while a chunk of it is read.
struct Work<'a> {
    choice: u32,
    answer: &'a mut Answer,
    parts: &'a mut Parts,
    calls: &'a mut Calls,
    out: &'a mut Vec<Event>,
}

impl Work<'_> {
    fn part(&mut self, raw: &RawValue) {
        if let Ok(part) = serde_json::from_str::<TextPart<'_>>(raw.get()) {
            self.text(part.text, part.thought, part.thought_signature, Object::new());
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(raw.get()) else { return };
        if let Some(call) = value.get("functionCall").and_then(Value::as_object)
            && self.streamed_call(call, value.get("thoughtSignature").and_then(Value::as_str))
        {
            return;
        }
        let Some(part) = part::read(value.clone()) else { return };
        self.whole(part, value);
    }

    /// Text that goes on, or a new part of it.
    fn text(&mut self, text: Cow<'_, str>, thinking: bool, signature: Option<String>, beside: Object) {
        let plain = signature.is_none() && beside.is_empty();
        let goes_on = self
            .answer
            .open
            .as_ref()
            .filter(|open| plain && open.thinking == thinking && (!open.sealed || text.is_empty()));
        let key = if let Some(open) = goes_on {
            open.key
        } else {
            self.close();
            let kind = if thinking { PartKind::Reasoning { redacted: false } } else { PartKind::Text };
            let key = self.parts.start(self.choice, kind, self.out);
            self.answer.open = Some(Open { key, thinking, sealed: !plain });
            key
        };
        // Before the text, so that whoever writes it in this format again knows it in time.
        if let Some(signature) = signature {
            parts::signature(key, ID, signature, self.out);
        }
        parts::vendor(key, ID, beside, self.out);
        if !thinking {
            self.answer.said.push_str(&text);
        }
        parts::text(key, text, self.out);
    }

    /// A part that comes at once.
    fn whole(&mut self, mut part: Part, value: Value) {
        let signature = part.signature.take();
        let beside = part.vendor.of(ID).cloned().unwrap_or_default();
        let (kind, delta) = match part.body {
            Body::Text { text, .. } | Body::Refusal { text } => {
                return self.text(text.into(), false, signature.map(|signature| signature.value), beside);
            }
            Body::Reasoning { text, .. } => {
                return self.text(text.into(), true, signature.map(|signature| signature.value), beside);
            }
            Body::ToolCall(call) => {
                self.answer.called = true;
                let id = self.calls.id(call.id);
                let arguments = Delta::Arguments(call.arguments.raw().to_owned());
                (PartKind::ToolCall { id, name: call.name }, arguments)
            }
            Body::Media(media) => {
                let delta = match media.source {
                    MediaSource::Bytes(bytes) => Delta::Media(bytes),
                    MediaSource::Url(uri) | MediaSource::File { id: uri, .. } => Delta::Url(uri),
                    MediaSource::Path(_) => return,
                };
                (PartKind::Media { mime: media.mime }, delta)
            }
            Body::ToolResult(_) => native("functionResponse", value),
            Body::Native { kind, value, .. } => native(&kind, value),
        };
        self.close();
        let key = self.parts.start(self.choice, kind, self.out);
        if let Some(signature) = signature {
            self.out.push(Event::PartDelta { part: key, delta: Delta::Signature(signature) });
        }
        parts::vendor(key, ID, beside, self.out);
        match delta {
            Delta::Arguments(piece) => self.parts.arguments(key, &piece, self.out),
            delta => self.out.push(Event::PartDelta { part: key, delta }),
        }
        self.parts.end(key, self.out);
    }

    /// A call whose arguments come in pieces; false when it is not one.
    fn streamed_call(&mut self, call: &Object, signature: Option<&str>) -> bool {
        let name = call.get("name").and_then(Value::as_str);
        let goes_on = call.get("willContinue") == Some(&Value::Bool(true));
        if name.is_none() && self.answer.call.is_some() {
            if let Some(open) = &mut self.answer.call {
                open.take(call);
            }
        } else {
            if !goes_on && !call.contains_key("partialArgs") {
                return false;
            }
            self.close();
            self.answer.called = true;
            let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
            let kind = PartKind::ToolCall {
                id: self.calls.id(id.to_owned()),
                name: name.unwrap_or_default().to_owned(),
            };
            let key = self.parts.start(self.choice, kind, self.out);
            if let Some(signature) = signature {
                parts::signature(key, ID, signature, self.out);
            }
            let mut partial = PartialCall::new(key);
            partial.take(call);
            self.answer.call = Some(partial);
        }
        if !goes_on {
            self.close();
        }
        true
    }

    /// What is told of the whole answer goes to the text that is open.
    fn metadata<const N: usize>(&mut self, told: [(&str, Value); N]) {
        let mut citations = Vec::new();
        let mut data = Object::new();
        for (name, value) in told {
            match name {
                _ if value.is_null() => continue,
                "groundingMetadata" => citations.extend(grounding::citations(&value, &self.answer.said)),
                "citationMetadata" => citations.extend(grounding::quotations(&value, &self.answer.said)),
                _ => {}
            }
            data.insert(name.to_owned(), value);
        }
        let is_text = |open: &Option<Open>| open.as_ref().is_some_and(|open| !open.thinking);
        if !is_text(&self.answer.open) && !citations.is_empty() {
            // The text ended before its sources were told: they stand at a text of their own.
            self.text("".into(), false, None, Object::new());
        }
        let Some(Open { key, thinking: false, .. }) = self.answer.open else { return };
        for citation in citations {
            if self.answer.cited.len() < MOST_CITATIONS && !self.answer.cited.contains(&citation) {
                self.answer.cited.push(citation.clone());
                let delta = Delta::Citation(Box::new(citation));
                self.out.push(Event::PartDelta { part: key, delta });
            }
        }
        parts::vendor(key, ID, data, self.out);
    }

    fn close(&mut self) {
        if let Some(call) = self.answer.call.take() {
            let (key, arguments) = call.done();
            self.parts.arguments(key, &arguments, self.out);
            self.parts.end(key, self.out);
        }
        if let Some(open) = self.answer.open.take() {
            self.parts.end(open.key, self.out);
        }
    }
}

impl Calls {
    /// The vendor's id, or a new one that no other answer has.
    fn id(&mut self, given: String) -> String {
        let number = self.count;
        self.count += 1;
        if !given.is_empty() {
            given
        } else if self.response.is_empty() {
            format!("call_{number}")
        } else {
            format!("call_{}_{number}", self.response)
        }
    }
}

/// The end of an answer's id, short enough for the ids of calls that other vendors accept.
fn id_tail(id: &str) -> String {
    const LONGEST: usize = 24;
    let plain: Vec<char> = id.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    plain[plain.len().saturating_sub(LONGEST)..].iter().collect()
}

fn native(kind: &str, value: Value) -> (PartKind, Delta) {
    let mut value = value;
    if let Value::Object(object) = &mut value {
        object.shift_remove("thoughtSignature");
    }
    (PartKind::Native { wire: ID.to_owned(), kind: kind.to_owned() }, Delta::Native(value))
}

/// The tokens of sound among those that are listed by modality.
fn sound(details: &Value) -> Option<u64> {
    let sounds = details.as_array()?.iter().filter(|entry| entry["modality"] == "AUDIO");
    Some(sounds.filter_map(|entry| entry["tokenCount"].as_u64()).sum()).filter(|tokens| *tokens > 0)
}

/// Thinking is counted apart from the answer; cached tokens are part of the prompt.
fn usage(counts: Value) -> Usage {
    Usage {
        input: counts["promptTokenCount"].as_u64(),
        output: counts["candidatesTokenCount"].as_u64(),
        cached: counts["cachedContentTokenCount"].as_u64(),
        reasoning: counts["thoughtsTokenCount"].as_u64(),
        total: counts["totalTokenCount"].as_u64(),
        audio_input: sound(&counts["promptTokensDetails"]),
        audio_output: sound(&counts["candidatesTokensDetails"]),
        cached_in_input: true,
        reasoning_in_output: false,
        vendor: Some(Box::new(counts)),
        ..Usage::default()
    }
}
