//! The items of an answer while they come.
use super::frame::Frame;
use super::layout::{self, CUSTOM_CALL_TYPE, THINKING, item_fields};
use super::read_items::{List, Piece, read_item};
use super::{ID, citations};
use crate::parts::{self, Parts};
use consort_core::{Body, Delta, Event, Object, Part, PartKey, PartKind, Signature};
use serde_json::Value;

/// All items of an answer.
#[derive(Debug, Default)]
pub(super) struct Items {
    parts: Parts,
    list: Vec<Item>,
    calls: usize,
    /// Whether the model declined, and whether it said anything else.
    refused: bool,
    answered: bool,
}

/// One item.
#[derive(Debug)]
struct Item {
    /// Its place in the output, where the vendor says.
    index: Option<u64>,
    parts: Vec<Streamed>,
    /// The item as it was announced, while nothing better is known.
    announced: Value,
    custom_call: bool,
    done: bool,
}

/// A part of an item that was started.
#[derive(Debug)]
struct Streamed {
    list: List,
    at: u64,
    key: PartKey,
    /// Whether any of its text was told.
    told: bool,
    citations: usize,
}

impl Items {
    pub(super) fn has_calls(&self) -> bool {
        self.calls > 0
    }

    pub(super) fn is_refusal(&self) -> bool {
        self.refused && !self.answered
    }

    /// An item begins.
    pub(super) fn added(&mut self, index: Option<u64>, item: Object, out: &mut Vec<Event>) {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("type");
        let at = self.push(index);
        self.list[at].custom_call = kind == CUSTOM_CALL_TYPE;
        self.list[at].announced = Value::Object(early_fields(&item));
        match kind.as_str() {
            "reasoning" => {
                self.start(at, List::Summary, 0, PartKind::Reasoning { redacted: false }, out);
            }
            "function_call" | CUSTOM_CALL_TYPE if !text("name").is_empty() => {
                let id = call_id(&item, self.calls);
                self.start(at, List::Whole, 0, PartKind::ToolCall { id, name: text("name") }, out);
            }
            // Its part begins with its words, or with the name.
            "message" | "function_call" | CUSTOM_CALL_TYPE => {}
            _ => {
                let kind = PartKind::Native { wire: ID.to_owned(), kind };
                self.start(at, List::Whole, 0, kind, out);
                self.list[at].announced = Value::Object(item);
            }
        }
    }

    /// A piece of text of a message.
    pub(super) fn text(&mut self, frame: &Frame<'_>, piece: &str, out: &mut Vec<Event>) {
        if piece.is_empty() {
            return;
        }
        let item = self.item_at(frame.index());
        let part = self.part(item, List::Content, frame.at(), PartKind::Text, out);
        self.tell(item, part, piece, out);
    }

    pub(super) fn refusal(&mut self, frame: &Frame<'_>, piece: &str, out: &mut Vec<Event>) {
        if piece.is_empty() {
            return;
        }
        let item = self.item_at(frame.index());
        let part = self.part(item, List::Content, frame.at(), PartKind::Refusal, out);
        self.tell(item, part, piece, out);
    }

    pub(super) fn thinking(&mut self, frame: &Frame<'_>, list: List, piece: &str, out: &mut Vec<Event>) {
        if piece.is_empty() {
            return;
        }
        let item = self.item_at(frame.index());
        let part = self.part(item, list, frame.at(), PartKind::Reasoning { redacted: false }, out);
        self.think(item, part, list, piece, out);
    }

    fn think(&mut self, item: usize, part: usize, list: List, piece: &str, out: &mut Vec<Event>) {
        if list == List::Content && !self.list[item].parts[part].told {
            let mut mark = Object::new();
            mark.insert(THINKING.into(), "content".into());
            parts::vendor(self.list[item].parts[part].key, ID, mark, out);
        }
        self.tell(item, part, piece, out);
    }

    /// A piece of a tool call's arguments. A call that was not announced comes whole later.
    pub(super) fn arguments(&mut self, frame: &Frame<'_>, piece: &str, out: &mut Vec<Event>) {
        let Some(item) = self.find(frame.index()) else { return };
        let custom = self.list[item].custom_call;
        let Some(part) = self.list[item].parts.first_mut().filter(|part| part.list == List::Whole) else {
            return;
        };
        if piece.is_empty() {
            return;
        }
        let first = !std::mem::replace(&mut part.told, true);
        if custom {
            let start = if first { r#"{"input":""# } else { "" };
            self.parts.arguments(part.key, &format!("{start}{}", escaped(piece)), out);
        } else {
            self.parts.arguments(part.key, piece, out);
        }
    }

    /// The end of a part says its text once more, which counts where no piece of it came before.
    pub(super) fn text_done(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) {
        if !self.was_told(frame, List::Content) {
            self.text(frame, frame.whole(), out);
        }
    }

    pub(super) fn refusal_done(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) {
        if !self.was_told(frame, List::Content) {
            self.refusal(frame, frame.whole(), out);
        }
    }

    pub(super) fn thinking_done(&mut self, frame: &Frame<'_>, list: List, out: &mut Vec<Event>) {
        if !self.was_told(frame, list) {
            self.thinking(frame, list, frame.whole(), out);
        }
    }

    pub(super) fn arguments_done(&mut self, frame: &Frame<'_>, out: &mut Vec<Event>) {
        if !self.was_told(frame, List::Whole) {
            self.arguments(frame, frame.whole(), out);
        }
    }

    pub(super) fn annotation(&mut self, frame: &Frame<'_>, annotation: Value, out: &mut Vec<Event>) {
        let Some(citation) = citations::read(annotation) else { return };
        let item = self.item_at(frame.index());
        let part = self.part(item, List::Content, frame.at(), PartKind::Text, out);
        let part = &mut self.list[item].parts[part];
        part.citations += 1;
        let delta = Delta::Citation(Box::new(citation));
        out.push(Event::PartDelta { part: part.key, delta });
    }

    /// An item is whole: what was not told of it yet is told now.
    pub(super) fn done(&mut self, index: Option<u64>, item: Value, out: &mut Vec<Event>) {
        if !item.is_object() {
            return;
        }
        let at = self.find(index).unwrap_or_else(|| {
            let at = self.push(index);
            let early = item.as_object().map(early_fields).unwrap_or_default();
            self.list[at].announced = Value::Object(early);
            at
        });
        let calls = self.calls;
        let pieces = read_item(item);
        let mut fields = Object::new();
        let mut signature: Option<Signature> = None;
        let mut seen: Vec<List> = Vec::new();
        for Piece { list, at: place, mut part } in pieces {
            let rank = seen.iter().filter(|known| **known == list).count();
            seen.push(list);
            fields = item_fields(&part.vendor);
            signature = signature.or(part.signature.take());
            if let Body::ToolCall(call) = &mut part.body
                && call.id.is_empty()
            {
                call.id = call_id(&fields, calls);
            }
            self.settle(at, (list, place, rank), part, out);
        }
        self.end_parts(at, &fields, signature, out);
    }

    /// The final list of items, of which those count that were not told before.
    pub(super) fn at_end(&mut self, items: Vec<Value>, out: &mut Vec<Event>) {
        // Some vendors leave items out of the final list: what is no longer than what was told is nothing new.
        if items.len() <= self.list.iter().filter(|item| item.done).count() {
            return;
        }
        for (index, item) in items.into_iter().enumerate() {
            let index = Some(index as u64);
            if !self.list.iter().any(|known| known.done && known.index == index) {
                self.done(index, item, out);
            }
        }
    }

    /// Ends what is still open.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        for at in 0..self.list.len() {
            if !self.list[at].done {
                let announced = self.list[at].announced.take();
                if let Some(part) = self.list[at].parts.first().filter(|part| part.list == List::Whole)
                    && announced.get("type").is_some_and(|kind| kind != CUSTOM_CALL_TYPE)
                {
                    out.push(Event::PartDelta { part: part.key, delta: Delta::Native(announced) });
                }
                self.end_parts(at, &Object::new(), None, out);
            }
        }
    }

    /// Brings a streamed part to what it is in the whole item, or tells the part at once.
    ///
    /// It is found by its rank in its list: some vendors count otherwise in the stream than in the item.
    fn settle(&mut self, item: usize, place: (List, u64, usize), part: Part, out: &mut Vec<Event>) {
        let (list, at, rank) = place;
        let streamed = !self.list[item].parts.is_empty();
        let kind = match &part.body {
            Body::Text { .. } => PartKind::Text,
            Body::Refusal { .. } => PartKind::Refusal,
            Body::Reasoning { .. } => PartKind::Reasoning { redacted: false },
            Body::ToolCall(call) => PartKind::ToolCall { id: call.id.clone(), name: call.name.clone() },
            // A message without words, of which words came before.
            Body::Native { kind, .. } if streamed && kind == "message" => return,
            Body::Native { kind, .. } => PartKind::Native { wire: ID.to_owned(), kind: kind.clone() },
            Body::Media(_) | Body::ToolResult(_) => return,
        };
        let mut ranked =
            (0..self.list[item].parts.len()).filter(|at| self.list[item].parts[*at].list == list);
        let index = match ranked.nth(rank) {
            Some(index) => index,
            None => self.fresh(item, list, at, kind, out),
        };
        let Streamed { key, told, citations: known, .. } = self.list[item].parts[index];
        match part.body {
            Body::Text { text, citations } => {
                if !told {
                    self.tell(item, index, &text, out);
                }
                for citation in citations.into_iter().skip(known) {
                    let delta = Delta::Citation(Box::new(citation));
                    out.push(Event::PartDelta { part: key, delta });
                }
            }
            Body::Refusal { text } if !told => self.tell(item, index, &text, out),
            Body::Reasoning { text, .. } if !told && !text.is_empty() => {
                self.think(item, index, list, &text, out);
            }
            Body::ToolCall(call) if !told => {
                self.list[item].parts[index].told = true;
                self.parts.arguments(key, call.arguments.raw(), out);
            }
            Body::ToolCall(_) if self.list[item].custom_call => self.parts.arguments(key, "\"}", out),
            Body::Native { value, .. } => {
                out.push(Event::PartDelta { part: key, delta: Delta::Native(value) });
            }
            _ => {}
        }
        // The fields of the part; those of the item follow at its end.
        if let Some(fields) = part.vendor.get(ID, layout::PART) {
            let mut data = Object::new();
            data.insert(layout::PART.into(), fields.clone());
            parts::vendor(key, ID, data, out);
        }
    }

    /// Ends the parts of an item, each with the item's fields.
    fn end_parts(
        &mut self,
        item: usize,
        fields: &Object,
        signature: Option<Signature>,
        out: &mut Vec<Event>,
    ) {
        let item = &mut self.list[item];
        item.done = true;
        let last = item.parts.last().map(|part| part.key);
        for part in &item.parts {
            parts::vendor(part.key, ID, fields.clone(), out);
            if Some(part.key) == last
                && let Some(signature) = &signature
            {
                parts::signature(part.key, ID, signature.value.clone(), out);
            }
            self.parts.end(part.key, out);
        }
    }

    /// The newest item of this place that is not done; without a place the newest.
    fn find(&self, index: Option<u64>) -> Option<usize> {
        let here = |item: &Item| index.is_none() || item.index.is_none() || item.index == index;
        self.list.iter().rposition(|item| !item.done && here(item))
    }

    fn item_at(&mut self, index: Option<u64>) -> usize {
        self.find(index).unwrap_or_else(|| self.push(index))
    }

    fn push(&mut self, index: Option<u64>) -> usize {
        self.list.push(Item {
            index,
            parts: Vec::new(),
            announced: Value::Null,
            custom_call: false,
            done: false,
        });
        self.list.len() - 1
    }

    fn was_told(&self, frame: &Frame<'_>, list: List) -> bool {
        let Some(item) = self.find(frame.index()) else { return false };
        let at = if list == List::Whole { 0 } else { frame.at() };
        self.list[item].parts.iter().any(|part| part.list == list && part.at == at && part.told)
    }

    /// The part of this place, started where it is not there yet.
    fn part(&mut self, item: usize, list: List, at: u64, kind: PartKind, out: &mut Vec<Event>) -> usize {
        let parts = &mut self.list[item].parts;
        if let Some(known) = parts.iter().rposition(|part| part.list == list && part.at == at) {
            return known;
        }
        self.fresh(item, list, at, kind, out)
    }

    fn fresh(&mut self, item: usize, list: List, at: u64, kind: PartKind, out: &mut Vec<Event>) -> usize {
        let parts = &mut self.list[item].parts;
        // Thinking is announced before it is known which list it goes to.
        if matches!(kind, PartKind::Reasoning { .. })
            && let Some(last) = parts.len().checked_sub(1)
            && !parts[last].told
        {
            parts[last].list = list;
            parts[last].at = at;
            return last;
        }
        self.start(item, list, at, kind, out)
    }

    fn start(&mut self, item: usize, list: List, at: u64, kind: PartKind, out: &mut Vec<Event>) -> usize {
        match &kind {
            PartKind::ToolCall { .. } => self.calls += 1,
            PartKind::Refusal => self.refused = true,
            PartKind::Text => self.answered = true,
            _ => {}
        }
        let known = matches!(kind, PartKind::Native { .. });
        let key = self.parts.start(0, kind, out);
        let item = &mut self.list[item];
        if let Value::Object(early) = &item.announced
            && !known
        {
            parts::vendor(key, ID, early.clone(), out);
        }
        item.parts.push(Streamed { list, at, key, told: false, citations: 0 });
        item.parts.len() - 1
    }

    fn tell(&mut self, item: usize, part: usize, piece: &str, out: &mut Vec<Event>) {
        let part = &mut self.list[item].parts[part];
        part.told |= !piece.is_empty();
        parts::text(part.key, piece, out);
    }
}

/// What is told of an item's fields before its words: who reads along may need them first.
fn early_fields(item: &Object) -> Object {
    let mut early = Object::new();
    for key in ["id", "phase"] {
        if let Some(value) = item.get(key).filter(|value| value.is_string()) {
            early.insert(key.into(), value.clone());
        }
    }
    if let Some(kind) = item.get("type").filter(|kind| *kind == CUSTOM_CALL_TYPE) {
        early.insert("type".into(), kind.clone());
    }
    early
}

/// The id that a result must name: the vendor's, or one made from what there is.
fn call_id(item: &Object, calls: usize) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("call_id").or_else(|| text("id")).map_or_else(|| format!("call_{calls}"), str::to_owned)
}

/// A piece of free text inside a JSON text.
fn escaped(piece: &str) -> String {
    let quoted = Value::from(piece).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}
