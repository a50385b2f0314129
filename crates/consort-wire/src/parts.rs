//! Keys, starts and ends of the parts that a decoder emits.
use consort_core::{Delta, Event, Object, PartKey, PartKind, Signature};
use serde::de::IgnoredAny;

/// Numbers the parts of one answer, and remembers what must be checked at their end.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    next: u32,
    /// The arguments of the tool calls that are open.
    calls: Vec<(PartKey, String)>,
}

impl Parts {
    pub(crate) fn start(&mut self, choice: u32, kind: PartKind, out: &mut Vec<Event>) -> PartKey {
        let part = PartKey(self.next);
        self.next += 1;
        if matches!(kind, PartKind::ToolCall { .. }) {
            self.calls.push((part, String::new()));
        }
        out.push(Event::PartStart { part, choice, kind });
        part
    }

    /// A piece of a tool call's arguments.
    pub(crate) fn arguments(&mut self, part: PartKey, piece: &str, out: &mut Vec<Event>) {
        if piece.is_empty() {
            return;
        }
        if let Some((_, whole)) = self.calls.iter_mut().rev().find(|(key, _)| *key == part) {
            whole.push_str(piece);
        }
        out.push(Event::PartDelta { part, delta: Delta::Arguments(piece.to_owned()) });
    }

    /// The arguments of an open tool call so far.
    pub(crate) fn arguments_of(&self, part: PartKey) -> &str {
        self.calls.iter().rev().find(|(key, _)| *key == part).map_or("", |(_, whole)| whole)
    }

    /// Ends a part. Arguments that are not JSON are said here: the answer goes on.
    pub(crate) fn end(&mut self, part: PartKey, out: &mut Vec<Event>) {
        if let Some(at) = self.calls.iter().position(|(key, _)| *key == part) {
            let (_, whole) = self.calls.swap_remove(at);
            if !whole.trim().is_empty()
                && let Err(error) = serde_json::from_str::<IgnoredAny>(&whole)
            {
                out.push(Event::BadArguments { part, error: error.to_string() });
            }
        }
        out.push(Event::PartEnd { part });
    }

    /// A whole part at once.
    pub(crate) fn whole(
        &mut self,
        choice: u32,
        kind: PartKind,
        deltas: impl IntoIterator<Item = Delta>,
        out: &mut Vec<Event>,
    ) -> PartKey {
        let part = self.start(choice, kind, out);
        for delta in deltas {
            match delta {
                Delta::Arguments(piece) => self.arguments(part, &piece, out),
                delta => out.push(Event::PartDelta { part, delta }),
            }
        }
        self.end(part, out);
        part
    }
}

/// A piece of text for a part; nothing when it is empty.
pub(crate) fn text(part: PartKey, piece: impl Into<String>, out: &mut Vec<Event>) {
    let piece = piece.into();
    if !piece.is_empty() {
        out.push(Event::PartDelta { part, delta: Delta::Text(piece) });
    }
}

/// Opaque state for a part.
pub(crate) fn signature(part: PartKey, wire: &str, value: impl Into<String>, out: &mut Vec<Event>) {
    let signature = Signature { wire: wire.to_owned(), value: value.into() };
    out.push(Event::PartDelta { part, delta: Delta::Signature(signature) });
}

/// Opaque data for a part; nothing when it is empty.
pub(crate) fn vendor(part: PartKey, wire: &str, data: Object, out: &mut Vec<Event>) {
    if !data.is_empty() {
        out.push(Event::PartDelta { part, delta: Delta::Vendor { wire: wire.to_owned(), data } });
    }
}
