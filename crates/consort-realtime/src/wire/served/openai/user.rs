//! What the user says aloud: as items of the client, and under the model's names for it.
//!
//! A model names what it heard when it tells its words, in the order of what was said; but not of all that was told to be a turn
//! does it tell words. So words of a new name are of the oldest turn that can still have some: one that was answered may wait as
//! long for them as this model ever took, one that nothing was said to a moment only.
use super::super::words::Words;
use std::collections::VecDeque;
use std::time::Duration;

/// How many spoken turns wait for their words, and for how long where it is not known how fast the model writes.
const MOST: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long words are waited for of a turn that nobody answered, and at least of any.
const MOMENT: Duration = Duration::from_secs(3);

/// One spoken turn.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) id: String,
    /// The model's own name for it, once it was said.
    theirs: Option<String>,
    pub(super) words: Words,
    pub(super) began: Duration,
    pub(super) ended: Option<Duration>,
    /// Whether it became part of the conversation, since when the model is to answer it, and whether it did.
    kept: bool,
    asked: Option<Duration>,
    answered: bool,
    /// Whether the server found its end, and the model told none.
    pub(super) alone: bool,
    /// Those that the model was told to be one with it.
    pub(super) with: Vec<String>,
}

/// The spoken turns whose words may still come.
#[derive(Debug, Default)]
pub(super) struct Users {
    turns: VecDeque<Spoken>,
    /// The longest that words were waited for.
    slowest: Option<Duration>,
}

impl Users {
    pub(super) fn begin(&mut self, id: String, began: Duration) {
        self.turns.push_back(Spoken { id, began, ..Spoken::default() });
        if self.turns.len() > MOST {
            self.turns.pop_front();
        }
    }

    /// The turn that is being spoken.
    pub(super) fn speaking(&mut self) -> Option<&mut Spoken> {
        self.turns.back_mut().filter(|turn| !turn.kept)
    }

    /// Nobody speaks, after all.
    pub(super) fn forget_speaking(&mut self) {
        self.turns.pop_back_if(|turn| !turn.kept);
    }

    /// The turn that is being spoken is over.
    pub(super) fn keep(&mut self, ended: Duration) -> Option<&mut Spoken> {
        let turn = self.speaking()?;
        (turn.ended, turn.kept) = (Some(ended), true);
        Some(turn)
    }

    /// The model is to answer these, as one.
    pub(super) fn ask(&mut self, mut ids: Vec<String>, at: Duration) {
        let Some(id) = ids.pop() else { return };
        // Words that came already name their own turn.
        ids.retain(|id| !self.turns.iter().any(|turn| turn.id == *id && turn.theirs.is_some()));
        self.turns.retain(|turn| !ids.contains(&turn.id));
        if !self.turns.iter().any(|turn| turn.id == id) {
            // Before who speaks now.
            let place = self.turns.iter().position(|turn| !turn.kept).unwrap_or(self.turns.len());
            self.turns.insert(place, Spoken { id: id.clone(), kept: true, ..Spoken::default() });
        }
        if let Some(turn) = self.turns.iter_mut().find(|turn| turn.id == id) {
            (turn.asked, turn.with) = (Some(at), ids);
        }
    }

    /// The model says something: to all that it was asked.
    pub(super) fn answered(&mut self) {
        self.turns.iter_mut().filter(|turn| turn.asked.is_some()).for_each(|turn| turn.answered = true);
    }

    /// The turn by the model's name for it: one that has no name yet, the oldest first, else none.
    pub(super) fn by_name(&mut self, theirs: &str, at: Duration) -> Option<&mut Spoken> {
        let usual = self.slowest.map_or(PATIENCE, |slowest| (slowest * 3).max(MOMENT)).min(PATIENCE);
        let late = |turn: &Spoken| {
            let patience = if turn.answered { usual } else { usual.min(MOMENT) };
            turn.asked.is_some_and(|asked| at.saturating_sub(asked) > patience)
        };
        let own = self.turns.iter().position(|turn| turn.theirs.as_deref() == Some(theirs));
        let unnamed = || self.turns.iter().position(|turn| turn.theirs.is_none() && !late(turn));
        let turn = self.turns.get_mut(own.or_else(unnamed)?)?;
        if turn.theirs.is_none() {
            turn.theirs = Some(theirs.to_owned());
            let waited = turn.asked.map_or(Duration::ZERO, |asked| at.saturating_sub(asked));
            self.slowest = Some(self.slowest.unwrap_or_default().max(waited));
        }
        Some(turn)
    }

    /// Another session names things anew. It hears again what waits to be answered; the rest is given up, and its words do not
    /// come any more.
    pub(super) fn renewed(&mut self) -> Vec<Spoken> {
        let (rest, kept) = std::mem::take(&mut self.turns)
            .into_iter()
            .partition::<VecDeque<_>, _>(|turn| turn.kept && turn.asked.is_some());
        self.turns = kept;
        self.turns.iter_mut().for_each(|turn| turn.theirs = None);
        rest.into_iter().filter(|turn| !turn.words.is_final()).collect()
    }

    /// The session is over: no more words come of any.
    pub(super) fn end(&mut self) -> impl Iterator<Item = Spoken> {
        std::mem::take(&mut self.turns).into_iter().filter(|turn| turn.kept && !turn.words.is_final())
    }
}

impl Spoken {
    pub(super) fn seconds(&self) -> f64 {
        let length = self.ended.map_or(Duration::ZERO, |ended| ended.saturating_sub(self.began));
        (length.as_secs_f64() * 1000.0).round() / 1000.0
    }
}
