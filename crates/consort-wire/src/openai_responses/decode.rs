//! Answers into events: a stream of changes to items, or a single body of whole items.
//!
//! An item is told bit by bit, then once whole (`response.output_item.done`), and all items again at the end.
//! Some vendors leave out the bits, some the end: whatever comes first counts, and nothing counts twice.
use super::answer::UNCOUNTED;
use super::frame::{self, Answer};
use super::items::Items;
use super::read_items::List;
use crate::decoder::{Decode, interrupted, unreadable};
use crate::error_body;
use crate::framing::Frame;
use crate::quirks::Quirks;
use consort_core::{Error, Event, Finish, FinishReason, Usage, UsageSource, Warning};
use serde_json::Value;
use serde_json::json;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    items: Items,
    started: bool,
    finished: bool,
    reasoning_in_output: bool,
    cached_in_input: bool,
}

impl Decoder {
    pub(super) fn new(quirks: &Quirks) -> Self {
        Self {
            items: Items::default(),
            started: false,
            finished: false,
            reasoning_in_output: quirks.reasoning_in_output,
            cached_in_input: quirks.cached_in_input,
        }
    }

    fn start(&mut self, answer: &Answer, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            out.push(Event::Started { model: text(&answer.model), response_id: text(&answer.id) });
        }
    }

    fn event(&mut self, kind: &str, frame: &frame::Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        let kind = kind.strip_prefix("response.").unwrap_or(kind);
        match kind {
            "output_text.delta" => self.items.text(frame, frame.piece(), out),
            "reasoning_summary_text.delta" => self.items.thinking(frame, List::Summary, frame.piece(), out),
            "reasoning_text.delta" => self.items.thinking(frame, List::Content, frame.piece(), out),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.items.arguments(frame, frame.piece(), out);
            }
            "refusal.delta" => self.items.refusal(frame, frame.piece(), out),
            "output_text.done" => self.items.text_done(frame, out),
            "refusal.done" => self.items.refusal_done(frame, out),
            "reasoning_summary_text.done" => self.items.thinking_done(frame, List::Summary, out),
            "reasoning_text.done" => self.items.thinking_done(frame, List::Content, out),
            "function_call_arguments.done" | "custom_tool_call_input.done" => {
                self.items.arguments_done(frame, out);
            }
            "output_text.annotation.added" => {
                self.items.annotation(frame, frame::value(frame.annotation), out);
            }
            "output_item.added" => {
                self.items.added(frame.index(), frame::object(frame.item), out);
            }
            "output_item.done" => self.items.done(frame.index(), frame::value(frame.item), out),
            "completed" | "incomplete" | "failed" | "cancelled" if frame.response.is_some() => {
                return self.finish(Answer::read(frame.response), kind, out);
            }
            _ => {}
        }
        Ok(())
    }

    /// The end that the vendor says itself.
    fn finish(&mut self, mut answer: Answer, said: &str, out: &mut Vec<Event>) -> Result<(), Error> {
        self.start(&answer, out);
        if let Value::Array(items) = answer.output.take() {
            self.items.at_end(items, out);
        }
        self.items.close(out);
        if let Some(usage) = self.usage(answer.usage.take()) {
            out.push(Event::Usage(usage));
        }
        self.finished = true;
        let status = answer.status.as_str().unwrap_or(said);
        if !answer.error.is_null() || status == "failed" {
            return Err(error_body::from_value(&json!({"error": answer.error})));
        }
        let detail = answer.incomplete_details["reason"].as_str().filter(|_| status != "completed");
        if matches!(status, "queued" | "in_progress") {
            let message = format!("the vendor answers in the background: this answer is only {status}");
            out.push(Event::Warning(Warning::new("vendor", message)));
        }
        let word = match detail {
            Some(detail) => format!("{status}:{detail}"),
            None => status.to_owned(),
        };
        out.push(Event::Finished(Finish::new(self.reason(status, detail), word)));
        Ok(())
    }

    fn reason(&self, status: &str, detail: Option<&str>) -> FinishReason {
        match (status, detail) {
            ("incomplete", Some("max_output_tokens" | "max_tokens" | "length")) => FinishReason::Length,
            ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
            ("completed" | "complete", _) if self.items.has_calls() => FinishReason::ToolCalls,
            ("completed" | "complete", _) if self.items.is_refusal() => FinishReason::Refusal,
            ("completed" | "complete", _) => FinishReason::Stop,
            _ => FinishReason::Other,
        }
    }

    fn usage(&self, usage: Value) -> Option<Usage> {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_f64().map(|number| number as u64));
        let counted = usage.is_object() && usage.get(UNCOUNTED).is_none();
        counted.then(|| Usage {
            input: number(&usage["input_tokens"]),
            output: number(&usage["output_tokens"]),
            cached: number(&usage["input_tokens_details"]["cached_tokens"]),
            cache_write: number(&usage["input_tokens_details"]["cache_write_tokens"]),
            reasoning: number(&usage["output_tokens_details"]["reasoning_tokens"]),
            total: number(&usage["total_tokens"]),
            cached_in_input: self.cached_in_input,
            reasoning_in_output: self.reasoning_in_output,
            source: UsageSource::Reported,
            vendor: Some(Box::new(usage)),
            ..Usage::default()
        })
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished || frame.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let read: frame::Frame<'_> =
            serde_json::from_slice(frame.data).map_err(|error| unreadable(&error))?;
        let kind = read.kind.filled().unwrap_or(frame.name);
        if frame.is_error || kind == "error" || read.error.is_some() {
            return Err(error_of(frame.data));
        }
        if !self.started {
            self.start(&Answer::read(read.response), out);
        }
        self.event(kind, &read, out)
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        let body: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if body["output"].is_null()
            && let Some(error) = error_body::inside(&body)
        {
            return Err(error);
        }
        let answer = Answer::from_value(body);
        if answer.output.is_null() && answer.status.is_null() {
            return Err(Error::protocol("the answer is not in the format that was asked for"));
        }
        self.finish(answer, "", out)
    }

    fn end(&mut self, _out: &mut Vec<Event>) -> Result<(), Error> {
        if self.finished { Ok(()) } else { Err(interrupted()) }
    }
}

/// The error that an event tells of: in an object of its own, or flat in the event.
fn error_of(data: &[u8]) -> Error {
    let mut value: Value = serde_json::from_slice(data).unwrap_or_default();
    if let Some(object) = value.as_object_mut()
        && object.get("type").is_some_and(|kind| kind == "error")
    {
        object.shift_remove("type");
    }
    error_body::from_value(&value)
}
