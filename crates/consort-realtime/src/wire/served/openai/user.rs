//! What the user says aloud: as items of the client, and under the model's names for it.
use super::super::words::Words;
use std::collections::VecDeque;
use std::time::Duration;

/// How many spoken turns wait for their words, and for how long.
const MOST: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);

/// One spoken turn.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) id: String,
    /// The model's own name for it, once it was said.
    theirs: Option<String>,
    pub(super) words: Words,
    pub(super) began: Duration,
    pub(super) ended: Option<Duration>,
    /// When it became part of the conversation.
    kept: Option<Duration>,
}

/// The spoken turns whose words may still come.
#[derive(Debug, Default)]
pub(super) struct Users(VecDeque<Spoken>);

impl Users {
    pub(super) fn begin(&mut self, id: String, began: Duration) {
        self.0.push_back(Spoken { id, began, ..Spoken::default() });
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The turn that is being spoken.
    pub(super) fn speaking(&mut self) -> Option<&mut Spoken> {
        self.0.back_mut().filter(|turn| turn.kept.is_none())
    }

    /// The turn that is being spoken is over.
    pub(super) fn keep(&mut self, ended: Duration, at: Duration) -> Option<&mut Spoken> {
        let turn = self.speaking()?;
        (turn.ended, turn.kept) = (Some(ended), Some(at));
        Some(turn)
    }

    /// The turn by the model's name for it: one that has no name yet, the oldest first, else none.
    pub(super) fn by_name(&mut self, theirs: &str, at: Duration) -> Option<&mut Spoken> {
        let late = |turn: &Spoken| turn.kept.is_some_and(|kept| at.saturating_sub(kept) > PATIENCE);
        let own = self.0.iter().position(|turn| turn.theirs.as_deref() == Some(theirs));
        let found = own.or_else(|| self.0.iter().position(|turn| turn.theirs.is_none() && !late(turn)))?;
        let turn = self.0.get_mut(found)?;
        turn.theirs.get_or_insert_with(|| theirs.to_owned());
        Some(turn)
    }

    /// Another session names things anew.
    pub(super) fn renewed(&mut self) {
        self.0.retain(|turn| turn.kept.is_none());
        self.0.iter_mut().for_each(|turn| turn.theirs = None);
    }

    /// Those whose words were corrected and never said to be final.
    pub(super) fn unsure(&mut self) -> impl Iterator<Item = &mut Spoken> {
        self.0.iter_mut().filter(|turn| !turn.words.is_final() && !turn.words.whole().is_empty())
    }
}

impl Spoken {
    pub(super) fn seconds(&self) -> f64 {
        let length = self.ended.map_or(Duration::ZERO, |ended| ended.saturating_sub(self.began));
        (length.as_secs_f64() * 1000.0).round() / 1000.0
    }
}
