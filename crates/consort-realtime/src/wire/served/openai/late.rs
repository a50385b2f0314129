//! What the model still tells of answers that are over for the client.
use super::super::patience::Came;
use super::OpenAiServed;
use crate::heard::is_beginning;

impl OpenAiServed {
    /// A model that did not say that an answer is over goes on with it: for the client, in another one.
    pub(super) fn goes_on(&mut self, theirs: &str, owes: fn(Came) -> bool) {
        if self.answer.is_some() || self.owed == 0 {
            return;
        }
        let mut said = self.said.iter_mut().rev();
        if let Some(said) = said.find(|said| said.theirs == theirs && owes(said.rest)) {
            said.theirs.clear();
            self.owed -= 1;
        }
    }

    /// Whether the end of an item's sound is one of the answer under way. It may be all that is told of an item.
    pub(super) fn is_of_answer(&self, theirs: &str, interrupted: bool) -> bool {
        let is_new = !interrupted && self.owed == 0 && !self.is_past(theirs);
        self.answer.is_some() && (is_new || self.has(theirs))
    }

    pub(super) fn is_past(&self, theirs: &str) -> bool {
        self.said.iter().any(|said| said.theirs == theirs)
    }

    /// Whether this is what was heard of an answer that is over: clients of this format know it.
    pub(super) fn is_heard(&self, theirs: &str, text: &str) -> bool {
        let is_under_way = self.has(theirs);
        let mut said = self.said.iter().filter(|said| said.theirs == theirs);
        !is_under_way && said.any(|said| is_beginning(text, self.past.text_of(&said.id)))
    }
}
