//! The calls of tools that wait for results, by the answer that made them.
use std::collections::VecDeque;

/// Calls that nobody answers are not kept for ever.
const MOST_ANSWERS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Calls(VecDeque<Group>);

/// The calls of one answer.
#[derive(Debug)]
struct Group {
    answer: String,
    open: Vec<String>,
    /// Whether any of them has its result, which is to be answered.
    resulted: bool,
}

impl Calls {
    pub(super) fn made(&mut self, answer: &str, call: &str) {
        if let Some(group) = self.0.iter_mut().find(|group| group.answer == answer) {
            group.open.push(call.to_owned());
            return;
        }
        let open = vec![call.to_owned()];
        self.push(Group { answer: answer.to_owned(), open, resulted: false });
    }

    /// A call has its result; false where no such call is known.
    pub(super) fn resulted(&mut self, call: &str) -> bool {
        let is_its = |group: &&mut Group| group.open.iter().any(|open| open == call);
        match self.0.iter_mut().find(is_its) {
            Some(group) => {
                group.open.retain(|open| open != call);
                group.resulted = true;
                true
            }
            None => false,
        }
    }

    /// A result came of a call that is not known here: it is to be answered too.
    pub(super) fn others_resulted(&mut self) {
        self.push(Group { answer: String::new(), open: Vec::new(), resulted: true });
    }

    /// Whether all calls of an answer have their results. Those of another do not matter.
    pub(super) fn is_ready(&self) -> bool {
        self.0.iter().any(|group| group.resulted && group.open.is_empty())
    }

    /// What is ready was asked for.
    pub(super) fn asked(&mut self) {
        self.0.retain(|group| !group.open.is_empty());
    }

    /// Gives up all calls: their session is gone.
    pub(super) fn drain(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0).into_iter().flat_map(|group| group.open).collect()
    }

    fn push(&mut self, group: Group) {
        self.0.push_back(group);
        if self.0.len() > MOST_ANSWERS {
            self.0.pop_front();
        }
    }
}
