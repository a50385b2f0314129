//! Reads a plugin's events into the contract's.
use super::content::{arguments, signature};
use super::{Content, GenerateResult, UsageInfo, WireEvent};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use consort_core::{
    Body, Citation, Delta, Event, Finish, FinishReason, MediaSource, PartKey, PartKind, Warning,
};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Which part an event goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Reasoning { redacted: bool },
    Refusal,
    Call(u32),
}

/// One part that may still grow.
#[derive(Debug)]
struct Open {
    key: PartKey,
    sort: Sort,
    choice: u32,
}

/// Reads a plugin's events into the contract's. What a plugin does wrong is a warning, not an end.
#[derive(Debug)]
pub struct EventReader {
    wire: String,
    next: u32,
    open: Vec<Open>,
    started: bool,
    calls: bool,
    files: Files,
}

type ReadFile = dyn Fn(&str) -> Result<Bytes, String> + Send + Sync;

/// Reads the files that media stand in.
#[derive(Clone, Default)]
struct Files(Option<Arc<ReadFile>>);

impl Files {
    fn read(&self, path: &str) -> Result<Bytes, String> {
        match &self.0 {
            Some(read) => read(path).map_err(|error| format!("media at `{path}` could not be read: {error}")),
            None => Err(format!("the plugin sent media by path, which is not read here: `{path}`")),
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

impl EventReader {
    /// For the plugin whose wire is named.
    pub fn new(wire: impl Into<String>) -> Self {
        let files = Files::default();
        Self { wire: wire.into(), next: 0, open: Vec::new(), started: false, calls: false, files }
    }

    /// Reads media that come by path by this function, which says where a plugin's files may be. Without one they
    /// are dropped, with a warning.
    pub fn files(mut self, read: impl Fn(&str) -> Result<Bytes, String> + Send + Sync + 'static) -> Self {
        self.files = Files(Some(Arc::new(read)));
        self
    }

    /// Reads one event.
    pub fn read(&mut self, event: WireEvent<'_>, out: &mut Vec<Event>) {
        if event.kind == "model" {
            self.started = true;
            out.push(Event::Started { model: event.id, response_id: event.response_id });
            return;
        }
        self.start(out);
        match event.kind.as_ref() {
            "text" => self.words(Sort::Text, event, out),
            "reasoning" => self.words(Sort::Reasoning { redacted: event.redacted }, event, out),
            "refusal" => self.words(Sort::Refusal, event, out),
            "tool_call_delta" => self.call_delta(event, out),
            "tool_call" => self.call(event, out),
            "object" => {
                let text = event.value.map(|value| value.to_string()).unwrap_or_default();
                self.words(
                    Sort::Text,
                    WireEvent { text: Some(text.into()), choice: event.choice, ..WireEvent::default() },
                    out,
                );
            }
            "media" => self.media(event, out),
            "native" => {
                let kind =
                    PartKind::Native { wire: self.wire.clone(), kind: event.native.unwrap_or_default() };
                let delta = Delta::Native(event.value.unwrap_or_default());
                self.whole(kind, Some(delta), event.opaque.as_ref(), event.choice, out);
            }
            "citation" => self.citation(event, out),
            "usage" => out.push(Event::Usage(usage_of(event).into())),
            "warning" => {
                out.push(Event::Warning(Warning::new("vendor", event.message.unwrap_or_default())));
            }
            "raw" => out.push(Event::Native { value: event.value.unwrap_or_default() }),
            _ => {}
        }
    }

    /// Reads the answer that ends the request.
    pub fn finish(&mut self, result: GenerateResult, out: &mut Vec<Event>) {
        if result.model.is_some() || result.response_id.is_some() {
            self.started = true;
            out.push(Event::Started { model: result.model, response_id: result.response_id });
        }
        self.start(out);
        for content in result.content {
            self.content(content, out);
        }
        self.close(|_| true, out);
        if let Some(usage) = result.usage {
            out.push(Event::Usage(usage.into()));
        }
        let word = result.finish_reason;
        let reason = match word.as_deref() {
            Some("length") => FinishReason::Length,
            Some("tool_calls") => FinishReason::ToolCalls,
            Some("content_filter") => FinishReason::ContentFilter,
            Some("refusal") => FinishReason::Refusal,
            Some("pause") => FinishReason::Pause,
            // A plugin that asks for tools and says only that it is done waits for them.
            None | Some("stop") if self.calls => FinishReason::ToolCalls,
            None | Some("stop") => FinishReason::Stop,
            Some(_) => FinishReason::Other,
        };
        let mut finish = Finish::from(reason);
        finish.vendor_reason = result.vendor_reason.or(word);
        finish.stop_sequence = result.stop_sequence;
        out.push(Event::Finished(finish));
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Started { model: None, response_id: None });
        }
    }

    fn words(&mut self, sort: Sort, event: WireEvent<'_>, out: &mut Vec<Event>) {
        let choice = event.choice;
        let same = |open: &Open| open.choice == choice && open.sort == sort;
        if event.part.as_deref() == Some("new") || !self.open.iter().any(same) {
            self.close(|open| open.choice == choice && !matches!(open.sort, Sort::Call(_)), out);
            let kind = match sort {
                Sort::Reasoning { redacted } => PartKind::Reasoning { redacted },
                Sort::Refusal => PartKind::Refusal,
                Sort::Text | Sort::Call(_) => PartKind::Text,
            };
            let key = self.begin(kind, choice, out);
            self.open.push(Open { key, sort, choice });
        }
        let Some(key) = self.open.iter().find(|open| same(open)).map(|open| open.key) else { return };
        if let Some(text) = event.text.filter(|text| !text.is_empty()) {
            out.push(Event::PartDelta { part: key, delta: Delta::Text(text.into_owned()) });
        }
        self.sign(key, event.opaque.as_ref(), out);
    }

    fn call_delta(&mut self, event: WireEvent<'_>, out: &mut Vec<Event>) {
        let (index, choice) = (event.index.unwrap_or(0), event.choice);
        let same = |open: &Open| open.choice == choice && open.sort == Sort::Call(index);
        let known = self.open.iter().find(|open| same(open)).map(|open| open.key);
        let key = if let Some(key) = known {
            key
        } else {
            self.close(|open| open.choice == choice && !matches!(open.sort, Sort::Call(_)), out);
            let (id, name) = (event.id, event.name.unwrap_or_default());
            let key = self.begin_call(id, name, choice, out);
            self.open.push(Open { key, sort: Sort::Call(index), choice });
            key
        };
        if let Some(value) = event.arguments {
            let raw = arguments(Some(value)).raw().to_owned();
            if !raw.is_empty() {
                out.push(Event::PartDelta { part: key, delta: Delta::Arguments(raw) });
            }
        }
        self.sign(key, event.opaque.as_ref(), out);
    }

    fn call(&mut self, event: WireEvent<'_>, out: &mut Vec<Event>) {
        self.close(|open| open.choice == event.choice, out);
        let key = self.begin_call(event.id, event.name.unwrap_or_default(), event.choice, out);
        let raw = arguments(event.arguments);
        out.push(Event::PartDelta { part: key, delta: Delta::Arguments(raw.json_text().to_owned()) });
        self.sign(key, event.opaque.as_ref(), out);
        end_call(key, raw.raw(), out);
    }

    fn begin_call(&mut self, id: Option<String>, name: String, choice: u32, out: &mut Vec<Event>) -> PartKey {
        self.calls = true;
        // A call must have a name of its own, for its result.
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{}", self.next));
        self.begin(PartKind::ToolCall { id, name }, choice, out)
    }

    fn media(&mut self, event: WireEvent<'_>, out: &mut Vec<Event>) {
        let mime = event.mime.unwrap_or_default();
        let read = match (&event.data, event.url, event.path) {
            (Some(data), ..) => STANDARD
                .decode(data.as_bytes())
                .map(|bytes| Delta::Media(bytes.into()))
                .map_err(|error| format!("the plugin sent media that are no base64: {error}")),
            (None, Some(url), _) => Ok(Delta::Url(url)),
            (None, None, Some(path)) => self.files.read(&path).map(Delta::Media),
            (None, None, None) => return,
        };
        match read {
            Ok(delta) => {
                self.whole(PartKind::Media { mime }, Some(delta), event.opaque.as_ref(), event.choice, out);
            }
            Err(message) => out.push(Event::Warning(Warning::new("dropped", message))),
        }
    }

    fn citation(&mut self, event: WireEvent<'_>, out: &mut Vec<Event>) {
        let citation = Citation {
            url: event.url,
            title: event.title,
            quote: event.quote,
            start: event.start,
            end: event.end,
            ..Citation::default()
        };
        let choice = event.choice;
        let is_text = |open: &&Open| open.choice == choice && open.sort == Sort::Text;
        let key = if let Some(open) = self.open.iter().find(is_text) {
            open.key
        } else {
            let key = self.begin(PartKind::Text, choice, out);
            self.open.push(Open { key, sort: Sort::Text, choice });
            key
        };
        out.push(Event::PartDelta { part: key, delta: Delta::Citation(Box::new(citation)) });
    }

    /// A part of an answer that came whole.
    fn content(&mut self, content: Content, out: &mut Vec<Event>) {
        let kind = content.kind.clone();
        match content.into_core(&self.wire) {
            Err(message) => out.push(Event::Warning(Warning::new("dropped", message))),
            Ok(part) => {
                let opaque = part.signature.map(Delta::Signature);
                let (kind, delta) = match part.body {
                    Body::Text { text, .. } => (PartKind::Text, Some(Delta::Text(text))),
                    Body::Reasoning { text, redacted } => {
                        (PartKind::Reasoning { redacted }, Some(Delta::Text(text)))
                    }
                    Body::Refusal { text } => (PartKind::Refusal, Some(Delta::Text(text))),
                    Body::Native { wire, kind, value } => {
                        (PartKind::Native { wire, kind }, Some(Delta::Native(value)))
                    }
                    Body::Media(media) => {
                        let delta = match media.source {
                            MediaSource::Bytes(bytes) => Some(Delta::Media(bytes)),
                            MediaSource::Url(url) => Some(Delta::Url(url)),
                            MediaSource::Path(path) => match self.files.read(&path.to_string_lossy()) {
                                Ok(bytes) => Some(Delta::Media(bytes)),
                                Err(message) => {
                                    out.push(Event::Warning(Warning::new("dropped", message)));
                                    return;
                                }
                            },
                            MediaSource::File { .. } => None,
                        };
                        (PartKind::Media { mime: media.mime }, delta)
                    }
                    Body::ToolCall(call) => {
                        let key = self.begin_call(Some(call.id), call.name, 0, out);
                        let raw = call.arguments.json_text().to_owned();
                        out.push(Event::PartDelta { part: key, delta: Delta::Arguments(raw.clone()) });
                        out.extend(opaque.map(|delta| Event::PartDelta { part: key, delta }));
                        end_call(key, &raw, out);
                        return;
                    }
                    Body::ToolResult(_) => {
                        let message = format!("a part of the type `{kind}` is no answer");
                        out.push(Event::Warning(Warning::new("dropped", message)));
                        return;
                    }
                };
                self.close(|open| open.choice == 0, out);
                let key = self.begin(kind, 0, out);
                let deltas = delta.into_iter().chain(opaque);
                out.extend(deltas.map(|delta| Event::PartDelta { part: key, delta }));
                out.push(Event::PartEnd { part: key });
            }
        }
    }

    fn whole(
        &mut self,
        kind: PartKind,
        delta: Option<Delta>,
        opaque: Option<&Value>,
        choice: u32,
        out: &mut Vec<Event>,
    ) {
        self.close(|open| open.choice == choice && !matches!(open.sort, Sort::Call(_)), out);
        let key = self.begin(kind, choice, out);
        out.extend(delta.map(|delta| Event::PartDelta { part: key, delta }));
        self.sign(key, opaque, out);
        out.push(Event::PartEnd { part: key });
    }

    fn begin(&mut self, kind: PartKind, choice: u32, out: &mut Vec<Event>) -> PartKey {
        let part = PartKey(self.next);
        self.next += 1;
        out.push(Event::PartStart { part, choice, kind });
        part
    }

    fn sign(&self, part: PartKey, opaque: Option<&Value>, out: &mut Vec<Event>) {
        if let Some(value) = opaque.filter(|value| !value.is_null()) {
            out.push(Event::PartDelta { part, delta: Delta::Signature(signature(&self.wire, value)) });
        }
    }

    fn close(&mut self, which: impl Fn(&Open) -> bool, out: &mut Vec<Event>) {
        self.open.retain(|open| {
            let closes = which(open);
            if closes {
                out.push(Event::PartEnd { part: open.key });
            }
            !closes
        });
    }
}

fn end_call(key: PartKey, raw: &str, out: &mut Vec<Event>) {
    out.push(Event::PartEnd { part: key });
    if let Err(error) = consort_core::Arguments::new(raw).value() {
        out.push(Event::BadArguments { part: key, error: error.to_string() });
    }
}

fn usage_of(event: WireEvent<'_>) -> UsageInfo {
    UsageInfo {
        input_tokens: event.input_tokens,
        output_tokens: event.output_tokens,
        cached_input_tokens: event.cached_input_tokens,
        cache_write_tokens: event.cache_write_tokens,
        reasoning_tokens: event.reasoning_tokens,
        total_tokens: event.total_tokens,
        details: event.details,
    }
}

#[cfg(test)]
mod tests;
