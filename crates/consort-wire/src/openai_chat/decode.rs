//! Reads Chat Completions answers: chunks of a stream, and single bodies.
use super::ID;
use super::chunk::{Call, Choice, Chunk, Content, Delta as Message, Function, usage};
use crate::decoder::{Decode, interrupted, unreadable};
use crate::framing::Frame;
use crate::parts::{self, Parts};
use crate::{Quirks, error_body};
use consort_core::{
    ChoiceFinish, Citation, Delta, Error, Event, Finish, FinishReason, Object, PartKey, PartKind,
};
use serde_json::{Value, json, value::RawValue};

/// The state of one answer.
pub(super) struct Chat {
    reasoning_in_output: bool,
    cached_in_input: bool,
    parts: Parts,
    started: bool,
    id: String,
    choices: Vec<Lane>,
    /// Sources that the vendor lists for the whole answer; the last list counts.
    sources: Vec<Citation>,
    done: bool,
    finished: bool,
}

/// One of several answers side by side.
#[derive(Default)]
struct Lane {
    index: u32,
    open: Option<(Sort, PartKey)>,
    calls: Vec<OpenCall>,
    calls_seen: usize,
    /// The details of the thinking part that is open, by their index.
    details: Vec<Object>,
    /// What is told of the sound that is open: its id, its words.
    sound: Object,
    finish: Option<String>,
    refused: bool,
    /// The name and arguments of a call in the format's first form, for clients that still ask for it.
    function_call: Option<(String, String)>,
}

impl Lane {
    fn function_call(&mut self, piece: Function<'_>) {
        let name = piece.name.filled().unwrap_or_default();
        if name.is_empty() && self.function_call.is_none() {
            return;
        }
        let (whole_name, arguments) = self.function_call.get_or_insert_default();
        whole_name.push_str(name);
        arguments.push_str(&piece.arguments.0.unwrap_or_default());
    }
}

/// What text is.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Text,
    Thinking,
    Refusal,
    Sound,
}

struct OpenCall {
    index: Option<u64>,
    id: String,
    state: CallState,
}

enum CallState {
    /// Its name did not come yet; its arguments wait.
    Unnamed(String),
    Open(PartKey),
}

impl Chat {
    pub(super) fn new(quirks: &Quirks) -> Self {
        Self {
            reasoning_in_output: quirks.reasoning_in_output,
            cached_in_input: quirks.cached_in_input,
            parts: Parts::default(),
            started: false,
            id: String::new(),
            choices: Vec::new(),
            sources: Vec::new(),
            done: false,
            finished: false,
        }
    }

    /// One chunk of a stream, or a whole body.
    fn chunk(&mut self, data: &[u8], whole: bool, out: &mut Vec<Event>) -> Result<(), Error> {
        // Checked once as a whole: that is quicker than every string for itself.
        let chunk: Chunk<'_> = match std::str::from_utf8(data) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(data),
        }
        .map_err(|error| unreadable(&error))?;
        let nothing = chunk.choices.0.is_empty() && chunk.usage.is_none();
        self.start(&chunk, out);
        for choice in chunk.choices.0 {
            self.choice(choice, whole, out);
        }
        self.list_sources(chunk.citations, chunk.search_results);
        if let Some(raw) = chunk.usage.or_else(|| chunk.x_groq.and_then(|groq| groq.usage)) {
            out.extend(usage(raw, self.reasoning_in_output, self.cached_in_input).map(Event::Usage));
        }
        // An error may stand beside the last words; it is said after them.
        if chunk.error.is_some() || nothing {
            let value: Value = serde_json::from_slice(data).map_err(|error| unreadable(&error))?;
            if chunk.error.is_some_and(|error| error.get() != "null") || is_flat_error(&value) {
                return Err(error_body::from_value(&value));
            }
        }
        Ok(())
    }

    /// Some vendors send a first chunk that names nothing: the answer starts with one that does.
    fn start(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Event>) {
        let named = chunk.model.filled().is_some() && chunk.id.filled().is_some();
        if self.started || (!named && chunk.choices.0.is_empty()) {
            return;
        }
        self.started = true;
        chunk.id.filled().unwrap_or_default().clone_into(&mut self.id);
        out.push(Event::Started {
            model: chunk.model.filled().map(str::to_owned),
            response_id: chunk.id.filled().map(str::to_owned),
        });
    }

    fn choice(&mut self, choice: Choice<'_>, whole: bool, out: &mut Vec<Event>) {
        let index = choice.index.0.unwrap_or(0) as u32;
        let at = if let Some(at) = self.choices.iter().position(|lane| lane.index == index) {
            at
        } else {
            self.choices.push(Lane { index, ..Lane::default() });
            self.choices.len() - 1
        };
        let mut lane = std::mem::take(&mut self.choices[at]);
        // Some send both: in a stream the delta counts, in a body the message.
        let message = choice.message.map(|message| *message);
        let message = if whole { message.or(choice.delta) } else { choice.delta.or(message) };
        self.message(&mut lane, message.unwrap_or_default(), out);
        if let Some(reason) = choice.finish_reason.owned() {
            lane.finish = Some(reason);
        }
        self.choices[at] = lane;
    }

    fn message(&mut self, lane: &mut Lane, message: Message<'_>, out: &mut Vec<Event>) {
        self.thinking(lane, &message, out);
        match message.content {
            Content::Text(text) => self.text(lane, Sort::Text, &text, out),
            Content::Parts(parts) => parts.0.iter().for_each(|part| self.content_part(lane, part, out)),
            Content::Nothing => {}
        }
        if let Some(refusal) = message.refusal.filled() {
            lane.refused = true;
            self.text(lane, Sort::Refusal, refusal, out);
        }
        if let Some(raw) = message.annotations {
            self.annotations(lane, raw, out);
        }
        if let Some(raw) = message.audio {
            self.audio(lane, raw, out);
        }
        if let Some(raw) = message.images {
            self.images(lane, raw, out);
        }
        for call in message.tool_calls.0 {
            self.call(lane, call, out);
        }
        if let Some(function) = message.function_call {
            lane.function_call(function);
        }
    }

    /// Thinking, under any of its names; its details wait for the end of the part.
    fn thinking(&mut self, lane: &mut Lane, message: &Message<'_>, out: &mut Vec<Event>) {
        let usual = message.reasoning_content.filled();
        let other = message.reasoning.filled().or_else(|| message.thinking.filled());
        let details: Vec<Object> = message
            .reasoning_details
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let told: String;
        let text = if let Some(text) = usual.or(other) {
            text
        } else {
            told = details
                .iter()
                .filter_map(|detail| detail.get("text").or(detail.get("summary"))?.as_str())
                .collect();
            &told
        };
        if text.is_empty() && details.is_empty() {
            return;
        }
        let fresh = !matches!(lane.open, Some((Sort::Thinking, _)));
        let part = self.lane_part(lane, Sort::Thinking, out);
        if fresh {
            let field = match (usual, other) {
                (Some(_), Some(_)) => Some("both"),
                (None, Some(_)) => Some("reasoning"),
                (Some(_), None) => None,
                (None, None) => Some("details"),
            };
            if let Some(field) = field {
                parts::vendor(part, ID, Object::from_iter([("field".to_owned(), field.into())]), out);
            }
        }
        parts::text(part, text, out);
        details.into_iter().for_each(|detail| merge_detail(&mut lane.details, detail));
    }

    fn text(&mut self, lane: &mut Lane, sort: Sort, text: &str, out: &mut Vec<Event>) {
        if !text.is_empty() {
            let part = self.lane_part(lane, sort, out);
            parts::text(part, text, out);
        }
    }

    /// The open part of this sort; another sort that is open ends first.
    fn lane_part(&mut self, lane: &mut Lane, sort: Sort, out: &mut Vec<Event>) -> PartKey {
        match lane.open {
            Some((open, part)) if open == sort => part,
            _ => {
                self.end_text(lane, out);
                let kind = match sort {
                    Sort::Text => PartKind::Text,
                    Sort::Thinking => PartKind::Reasoning { redacted: false },
                    Sort::Refusal => PartKind::Refusal,
                    Sort::Sound => PartKind::Media { mime: "audio/pcm".to_owned() },
                };
                let part = self.parts.start(lane.index, kind, out);
                lane.open = Some((sort, part));
                part
            }
        }
    }

    fn end_text(&mut self, lane: &mut Lane, out: &mut Vec<Event>) {
        let Some((sort, part)) = lane.open.take() else { return };
        if sort == Sort::Thinking && !lane.details.is_empty() {
            let details: Vec<Value> = lane.details.drain(..).map(Value::Object).collect();
            parts::vendor(part, ID, Object::from_iter([("details".to_owned(), details.into())]), out);
        }
        if sort == Sort::Sound && !lane.sound.is_empty() {
            let told = std::mem::take(&mut lane.sound);
            parts::vendor(part, ID, Object::from_iter([("audio".to_owned(), told.into())]), out);
        }
        if sort == Sort::Text && lane.index == 0 {
            for source in self.sources.drain(..) {
                out.push(Event::PartDelta { part, delta: Delta::Citation(Box::new(source)) });
            }
        }
        self.parts.end(part, out);
    }

    /// A piece of content that is a list: text, thinking, references.
    fn content_part(&mut self, lane: &mut Lane, piece: &Value, out: &mut Vec<Event>) {
        match piece["type"].as_str() {
            Some("text") => self.text(lane, Sort::Text, piece["text"].as_str().unwrap_or_default(), out),
            Some("refusal") => {
                self.text(lane, Sort::Refusal, piece["refusal"].as_str().unwrap_or_default(), out);
            }
            Some("thinking") => {
                let fresh = !matches!(lane.open, Some((Sort::Thinking, _)));
                let part = self.lane_part(lane, Sort::Thinking, out);
                if fresh {
                    parts::vendor(part, ID, Object::from_iter([("field".to_owned(), "content".into())]), out);
                }
                match &piece["thinking"] {
                    Value::String(text) => parts::text(part, text.as_str(), out),
                    Value::Array(texts) => {
                        texts
                            .iter()
                            .filter_map(|text| text["text"].as_str())
                            .for_each(|text| parts::text(part, text, out));
                    }
                    _ => {}
                }
            }
            Some(kind) => {
                self.end_text(lane, out);
                let kind = PartKind::Native { wire: ID.to_owned(), kind: kind.to_owned() };
                self.parts.whole(lane.index, kind, [Delta::Native(piece.clone())], out);
            }
            None => {}
        }
    }

    fn annotations(&mut self, lane: &mut Lane, raw: &RawValue, out: &mut Vec<Event>) {
        let Ok(notes) = serde_json::from_str::<Vec<Value>>(raw.get()) else { return };
        for note in notes {
            let inner = if note["url_citation"].is_object() { &note["url_citation"] } else { &note };
            let text = |key: &str| inner[key].as_str().map(str::to_owned);
            let mut citation = Citation {
                url: text("url"),
                title: text("title"),
                quote: text("content"),
                start: inner["start_index"].as_u64(),
                end: inner["end_index"].as_u64(),
                ..Citation::default()
            };
            if let Value::Object(note) = &note {
                citation.vendor.merge(ID, note.clone());
            }
            let part = self.lane_part(lane, Sort::Text, out);
            out.push(Event::PartDelta { part, delta: Delta::Citation(Box::new(citation)) });
        }
    }

    /// The sources of the whole answer: addresses, and where the vendor says more, titles and quotes.
    fn list_sources(&mut self, citations: Option<&RawValue>, results: Option<&RawValue>) {
        let read =
            |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<Vec<Value>>(raw.get()).ok());
        let Some(citations) = read(citations).filter(|list| !list.is_empty()) else { return };
        let results = read(results).unwrap_or_default();
        let source = |citation: &Value| {
            let url = citation.as_str().or_else(|| citation["url"].as_str())?;
            let more = results.iter().find(|result| result["url"] == url);
            let text = |key: &str| more.and_then(|more| more[key].as_str()).map(str::to_owned);
            Some(Citation {
                url: Some(url.to_owned()),
                title: text("title"),
                quote: text("snippet").filter(|quote| !quote.is_empty()),
                ..Citation::default()
            })
        };
        self.sources = citations.iter().filter_map(source).collect();
    }

    fn audio(&mut self, lane: &mut Lane, raw: &RawValue, out: &mut Vec<Event>) {
        let Ok(Value::Object(audio)) = serde_json::from_str(raw.get()) else { return };
        let media = consort_core::Media::from_url(&format!(
            "data:audio/pcm;base64,{}",
            audio.get("data").and_then(Value::as_str).unwrap_or_default()
        ));
        let consort_core::MediaSource::Bytes(bytes) = media.source else { return };
        let known: Object =
            audio.into_iter().filter(|(key, value)| *key != "data" && is_filled(value)).collect();
        if bytes.is_empty() && known.is_empty() {
            return;
        }
        // A stream tells the sound in pieces, and its words in others: all are one part.
        let part = if let Some((Sort::Sound, part)) = lane.open {
            part
        } else {
            self.end_text(lane, out);
            let kind = PartKind::Media { mime: sound_of(&bytes).to_owned() };
            let part = self.parts.start(lane.index, kind, out);
            lane.open = Some((Sort::Sound, part));
            part
        };
        if !bytes.is_empty() {
            out.push(Event::PartDelta { part, delta: Delta::Media(bytes) });
        }
        for (key, value) in known {
            match (lane.sound.get_mut(&key), value) {
                (Some(Value::String(words)), Value::String(more)) if key == "transcript" => {
                    words.push_str(&more);
                }
                (_, value) => drop(lane.sound.insert(key, value)),
            }
        }
    }

    fn images(&mut self, lane: &mut Lane, raw: &RawValue, out: &mut Vec<Event>) {
        let Ok(images) = serde_json::from_str::<Vec<Value>>(raw.get()) else { return };
        for image in images {
            let Some(url) = image["image_url"]["url"].as_str() else { continue };
            let media = consort_core::Media::from_url(url);
            self.end_text(lane, out);
            let delta = match media.source {
                consort_core::MediaSource::Bytes(bytes) => Delta::Media(bytes),
                _ => Delta::Url(url.to_owned()),
            };
            self.parts.whole(lane.index, PartKind::Media { mime: media.mime }, [delta], out);
        }
    }

    fn call(&mut self, lane: &mut Lane, call: Call<'_>, out: &mut Vec<Event>) {
        self.end_text(lane, out);
        let rest = call.rest();
        let id = call.id.filled();
        let custom = call.custom.filter(|custom| custom.name.filled().is_some());
        let function = call.function;
        let name = function.name.filled().or_else(|| custom.as_ref()?.name.filled());
        let at = lane.calls.iter().rposition(|open| match call.index.0 {
            // Some vendors number every call 0: another id with a name is another call.
            Some(index) => {
                open.index == Some(index) && !(name.is_some() && id.is_some_and(|id| id != open.id))
            }
            None => id.is_none_or(|id| id == open.id) && !(name.is_some() && id.is_none()),
        });
        let at = at.unwrap_or_else(|| {
            let minted = || format!("call_{}_{}", self.id, lane.calls_seen);
            let id = id.map_or_else(minted, str::to_owned);
            lane.calls_seen += 1;
            lane.calls.push(OpenCall { index: call.index.0, id, state: CallState::Unnamed(String::new()) });
            lane.calls.len() - 1
        });
        let open = &mut lane.calls[at];
        if let (CallState::Unnamed(waiting), Some(name)) = (&mut open.state, name) {
            let waiting = std::mem::take(waiting);
            let kind = PartKind::ToolCall { id: open.id.clone(), name: name.to_owned() };
            let part = self.parts.start(lane.index, kind, out);
            self.parts.arguments(part, &waiting, out);
            parts::vendor(part, ID, rest, out);
            if custom.is_some() {
                parts::vendor(part, ID, Object::from_iter([("type".to_owned(), "custom".into())]), out);
            }
            open.state = CallState::Open(part);
        }
        let arguments = match &custom {
            Some(custom) => Value::from(custom.input.get().unwrap_or_default()).to_string().into(),
            None => function.arguments.0.unwrap_or_default(),
        };
        match &mut open.state {
            CallState::Open(part) => self.parts.arguments(*part, &arguments, out),
            CallState::Unnamed(waiting) => waiting.push_str(&arguments),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        let mut lanes = std::mem::take(&mut self.choices);
        lanes.sort_by_key(|lane| lane.index);
        let answered = !lanes.is_empty() && lanes.iter().all(|lane| lane.finish.is_some());
        if !self.done && !answered {
            return Err(interrupted());
        }
        if !self.started {
            return Err(Error::protocol("the answer holds no choices"));
        }
        for lane in &mut lanes {
            if lane.index == 0 && !self.sources.is_empty() && !matches!(lane.open, Some((Sort::Text, _))) {
                self.lane_part(lane, Sort::Text, out);
            }
            self.end_text(lane, out);
            for call in lane.calls.drain(..) {
                if let CallState::Open(part) = call.state {
                    self.parts.end(part, out);
                }
            }
            if let Some((name, arguments)) = lane.function_call.take() {
                let kind = PartKind::Native { wire: ID.to_owned(), kind: "function_call".to_owned() };
                let value = json!({"name": name, "arguments": arguments});
                self.parts.whole(lane.index, kind, [Delta::Native(value)], out);
            }
        }
        let mut finishes = lanes.into_iter().map(|lane| (lane.index, reason(&lane), lane.finish));
        let (_, first, word) = finishes.next().unwrap_or((0, FinishReason::Other, None));
        let others =
            finishes.map(|(choice, reason, vendor_reason)| ChoiceFinish { choice, reason, vendor_reason });
        let others = others.collect();
        out.push(Event::Finished(Finish { reason: first, vendor_reason: word, stop_sequence: None, others }));
        Ok(())
    }
}

impl Decode for Chat {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        match frame.data.trim_ascii() {
            b"" => Ok(()),
            b"[DONE]" => {
                self.done = true;
                self.finish(out)
            }
            data if self.finished => {
                // Nothing counts after the end, but an error is an error.
                serde_json::from_slice(data)
                    .ok()
                    .and_then(|value| error_body::inside(&value))
                    .map_or(Ok(()), Err)
            }
            data => self.chunk(data, false, out),
        }
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        self.chunk(body, true, out)?;
        if self.choices.is_empty() {
            return Err(Error::protocol("the answer holds no choices"));
        }
        // A single body is whole.
        self.done = true;
        self.finish(out)
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        self.finish(out)
    }
}

fn is_flat_error(value: &Value) -> bool {
    let told = value["message"].is_string() || value["detail"].is_string() || value["detail"].is_array();
    told && (value["object"] == "error" || value["choices"].is_null())
}

fn is_filled(value: &Value) -> bool {
    !value.is_null() && value != "" && value != &Value::from(0)
}

/// Streams tell details in pieces; those of one index and type are one detail.
fn merge_detail(details: &mut Vec<Object>, new: Object) {
    let same = |old: &&mut Object| {
        old.get("index").is_some()
            && old.get("index") == new.get("index")
            && old.get("type") == new.get("type")
    };
    let Some(old) = details.iter_mut().rfind(same) else {
        details.push(new);
        return;
    };
    for (key, value) in new {
        match (old.get_mut(&key), value) {
            (Some(Value::String(so_far)), Value::String(more))
                if matches!(key.as_str(), "text" | "summary" | "data") =>
            {
                so_far.push_str(&more);
            }
            (Some(_), Value::Null) => {}
            (_, value) => drop(old.insert(key, value)),
        }
    }
}

/// What sort of sound it is, by its first bytes; raw samples have no mark.
fn sound_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'R', b'I', b'F', b'F', ..] => "audio/wav",
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => "audio/mpeg",
        [b'f', b'L', b'a', b'C', ..] => "audio/flac",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        _ => "audio/pcm",
    }
}

fn reason(lane: &Lane) -> FinishReason {
    match lane.finish.as_deref().unwrap_or_default() {
        _ if lane.refused && lane.calls_seen == 0 => FinishReason::Refusal,
        "length" | "max_tokens" | "model_length" | "MAX_TOKENS" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "safety" | "sensitive" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        "stop" | "stop_sequence" | "eos" | "eos_token" | "end_turn" | "STOP" if lane.calls_seen > 0 => {
            FinishReason::ToolCalls
        }
        "stop" | "stop_sequence" | "eos" | "eos_token" | "end_turn" | "STOP" => FinishReason::Stop,
        _ => FinishReason::Other,
    }
}
