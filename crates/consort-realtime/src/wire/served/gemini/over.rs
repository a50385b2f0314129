//! Answers that are over for the client, of which the model may still tell something.
use super::super::patience::Came;
use super::parts::Parts;
use crate::heard::is_beginning;
use std::collections::VecDeque;

/// So many items are remembered: nothing comes of older ones.
const MOST: usize = 64;

/// Their items, the newest last, all that was said of each, and what may still come of it.
#[derive(Debug, Default)]
pub(super) struct Over(VecDeque<(String, String, Came)>);

impl Over {
    pub(super) fn push(&mut self, parts: &Parts, rest: &[Came]) {
        let rest = rest.iter().copied().chain(std::iter::repeat(Came::All));
        let each = parts.each().zip(rest);
        self.0.extend(each.map(|((name, said), rest)| (name.to_owned(), said.to_owned(), rest)));
        let more = self.0.len().saturating_sub(MOST);
        self.0.drain(..more);
    }

    /// Whether the model may go on with this one: then it is no longer over.
    pub(super) fn goes_on(&mut self, name: &str, owes: fn(Came) -> bool) -> bool {
        let place = self.0.iter().rposition(|(item, _, rest)| item == name && owes(*rest));
        place.and_then(|at| self.0.remove(at)).is_some()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.said(name).is_some()
    }

    /// Whether all of its sound came, and not all of its words.
    pub(super) fn is_sounded(&self, name: &str) -> bool {
        let newest = self.0.iter().rev().find(|(item, ..)| item == name);
        newest.is_some_and(|(_, _, rest)| *rest == Came::Sound)
    }

    /// Whether a text is what was heard of an item that was cut: the beginning of what was said of it.
    pub(super) fn is_heard(&self, name: &str, text: &str) -> bool {
        self.said(name).is_some_and(|said| is_beginning(text, said))
    }

    /// Where a name is used twice, the newest has it.
    fn said(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(item, ..)| item == name).map(|(_, said, _)| said.as_str())
    }
}
