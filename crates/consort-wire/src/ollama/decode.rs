//! Reads answers: each line holds a piece, and the last one the counts.
use super::{ID, read_request};
use crate::decoder::{Decode, interrupted, unreadable_or_cut};
use crate::error_body;
use crate::framing::Frame;
use crate::lax::{List, Text};
use crate::parts::{self, Parts};
use consort_core::{
    Body, Delta, Error, Event, Finish, FinishReason, MediaSource, Object, PartKey, PartKind, Usage,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default)]
    created_at: Text<'a>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    /// The text, and below the thinking, of `/api/generate`.
    #[serde(borrow, default)]
    response: Text<'a>,
    #[serde(borrow, default)]
    thinking: Text<'a>,
    #[serde(default)]
    done: Value,
    #[serde(default)]
    error: Value,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    thinking: Text<'a>,
    #[serde(default)]
    tool_calls: List<Value>,
    #[serde(default)]
    images: List<Value>,
}

#[derive(Debug, Default)]
pub(super) struct OllamaDecode {
    started: bool,
    parts: Parts,
    /// The part that text goes on with, and whether it is thinking.
    open: Option<(PartKey, bool)>,
    /// What the ids of calls without one begin with.
    stamp: String,
    calls: u32,
    finish: Option<Finish>,
}

impl Decode for OllamaDecode {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        self.line(frame.data, out)
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        self.line(body, out)?;
        let is_empty = !out.iter().any(|event| matches!(event, Event::PartStart { .. }));
        if is_empty && self.finish.is_none() {
            return Err(Error::protocol("the answer holds no message"));
        }
        let finish = self.finish.take().unwrap_or_else(|| FinishReason::Other.into());
        self.close(out);
        out.push(Event::Finished(finish));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Error> {
        let finish = self.finish.take().ok_or_else(interrupted)?;
        self.close(out);
        out.push(Event::Finished(finish));
        Ok(())
    }
}

impl OllamaDecode {
    fn line(&mut self, data: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finish.is_some() {
            return Ok(());
        }
        let line: Line<'_> = serde_json::from_slice(data).map_err(|error| unreadable_or_cut(&error, data))?;
        if !line.error.is_null() {
            return Err(error_body::from_value(&json!({ "error": line.error })));
        }
        if !std::mem::replace(&mut self.started, true) {
            let digits = line.created_at.get().unwrap_or_default().chars().filter(char::is_ascii_digit);
            // Seconds and below tell answers of one conversation apart; the year does not.
            self.stamp = digits.skip(8).take(15).collect();
            out.push(Event::Started { model: line.model.owned(), response_id: None });
        }
        let message = line.message.unwrap_or_default();
        for (text, thinking) in [
            (&line.thinking, true),
            (&message.thinking, true),
            (&line.response, false),
            (&message.content, false),
        ] {
            if let Some(text) = text.filled() {
                self.text(text, thinking, out);
            }
        }
        for image in &message.images.0 {
            self.image(image, out);
        }
        for call in message.tool_calls.0 {
            self.call(call, out);
        }
        if line.done == Value::Bool(true) {
            self.done(data, out);
        }
        Ok(())
    }

    fn text(&mut self, text: &str, thinking: bool, out: &mut Vec<Event>) {
        let key = match self.open {
            Some((key, open)) if open == thinking => key,
            _ => {
                self.close(out);
                let kind = if thinking { PartKind::Reasoning { redacted: false } } else { PartKind::Text };
                let key = self.parts.start(0, kind, out);
                self.open = Some((key, thinking));
                key
            }
        };
        parts::text(key, text, out);
    }

    fn call(&mut self, call: Value, out: &mut Vec<Event>) {
        let Some(part) = read_request::read_call(call) else { return };
        let Body::ToolCall(call) = part.body else { return };
        self.close(out);
        let number = self.calls;
        self.calls += 1;
        let id = match (call.id.as_str(), self.stamp.as_str()) {
            ("", "") => format!("call_{number}"),
            ("", stamp) => format!("call_{stamp}_{number}"),
            _ => call.id,
        };
        let key = self.parts.start(0, PartKind::ToolCall { id, name: call.name }, out);
        parts::vendor(key, ID, part.vendor.of(ID).cloned().unwrap_or_default(), out);
        self.parts.arguments(key, call.arguments.raw(), out);
        self.parts.end(key, out);
    }

    fn image(&mut self, image: &Value, out: &mut Vec<Event>) {
        let Some(part) = read_request::image(image) else { return };
        if let Body::Media(media) = part.body
            && let MediaSource::Bytes(bytes) = media.source
        {
            self.close(out);
            let kind = PartKind::Media { mime: media.mime };
            self.parts.whole(0, kind, [Delta::Media(bytes)], out);
        }
    }

    /// The last line: why it ended, and the counts.
    fn done(&mut self, data: &[u8], out: &mut Vec<Event>) {
        let Ok(Value::Object(mut line)) = serde_json::from_slice::<Value>(data) else { return };
        let word = line.get("done_reason").and_then(Value::as_str).map(str::to_owned);
        let reason = match word.as_deref() {
            Some("length") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            Some("stop") | None if self.calls > 0 => FinishReason::ToolCalls,
            Some("stop") | None => FinishReason::Stop,
            Some(_) => FinishReason::Other,
        };
        self.finish = Some(Finish { vendor_reason: word, ..reason.into() });
        line.retain(|key, _| key.ends_with("_count") || key.ends_with("_duration"));
        if !line.is_empty() {
            out.push(Event::Usage(usage(line)));
        }
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some((key, _)) = self.open.take() {
            self.parts.end(key, out);
        }
    }
}

/// The vendor counts everything that came out; what was cached is left out of the input, or all is counted.
fn usage(counts: Object) -> Usage {
    let count = |key: &str| counts.get(key).and_then(Value::as_u64);
    Usage {
        input: count("prompt_eval_count"),
        output: count("eval_count"),
        cached_in_input: true,
        reasoning_in_output: true,
        vendor: Some(Box::new(Value::Object(counts))),
        ..Usage::default()
    }
}
