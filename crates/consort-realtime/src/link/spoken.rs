//! What the user said aloud and was not answered yet, turn by turn: another connection hears it once more. The rules stand in
//! `memory.rs`.
use super::memory::Again;
use crate::audio::{VoiceDetector, VoiceEvent, VoiceSettings};
use consort_core::{Pcm, SessionInput};
use std::collections::VecDeque;
use std::time::Duration;

/// Speech is noticed a moment after it began.
const BEFORE: Duration = Duration::from_millis(500);
/// Longer speech is said again from its newest part on.
const LONGEST: Duration = Duration::from_secs(15);
/// What our ears alone took for a turn, and what the server says nothing of for so long, was none.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server that answers nothing is not followed further back.
const MOST_TURNS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// Those that are over.
    turns: VecDeque<Turn>,
    /// What is being said, or may become it.
    now: Turn,
    ears: Option<VoiceDetector>,
    /// Whether an answer began that did not end.
    is_answering: bool,
}

#[derive(Debug, Default)]
struct Turn {
    sound: VecDeque<Pcm>,
    length: Duration,
    by: By,
    /// Whether its words are known.
    is_known: bool,
    /// Whether an answer to it was asked for.
    is_asked: bool,
    /// Whether it may still turn out to go on.
    is_loose: bool,
    /// Whether the user said that it is over, and nothing else does.
    is_committed: bool,
    /// Whether nothing but its words told of it: of its sound too little is kept then.
    is_late: bool,
    is_fresh: bool,
    /// How much was heard since it ended.
    since: Duration,
}

/// Who says that it is a turn.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum By {
    #[default]
    Nobody,
    Ears,
    /// The server, or the user's own word.
    Told,
}

impl Spoken {
    /// Whether a turn ended with it.
    pub(super) fn input(&mut self, input: &SessionInput, finds_turns: bool) -> bool {
        match input {
            SessionInput::Audio(pcm) => {
                self.hear(pcm, finds_turns);
                false
            }
            SessionInput::Commit if self.now.sound.is_empty() => false,
            SessionInput::Commit => {
                self.ears = None;
                (self.now.by, self.now.is_committed) = (By::Told, !finds_turns);
                // A server that listens for itself finds it too, later.
                self.end(finds_turns);
                true
            }
            _ => false,
        }
    }

    fn hear(&mut self, pcm: &Pcm, finds_turns: bool) {
        self.now.push(pcm);
        self.now.is_fresh = false;
        if finds_turns {
            let ears = self.ears.get_or_insert_with(|| VoiceDetector::new(VoiceSettings::default()));
            // A piece that is none is refused by the format, with an error.
            for event in ears.push(pcm).unwrap_or_default() {
                match event {
                    VoiceEvent::Started { .. } => self.begin(By::Ears),
                    // Where the server says that somebody speaks, it says when they end.
                    VoiceEvent::Stopped { .. } if self.now.by == By::Ears => self.end(true),
                    VoiceEvent::Stopped { .. } => {}
                }
            }
        } else {
            // They speak since they say so.
            self.now.by = By::Told;
        }
        self.now.trim();
        for turn in &mut self.turns {
            turn.since += pcm.duration();
        }
        self.turns.retain(|turn| turn.by != By::Ears || turn.since <= PATIENCE);
    }

    /// The server says that somebody speaks.
    pub(super) fn began(&mut self) {
        self.now.is_fresh = self.now.by == By::Nobody;
        self.begin(By::Told);
    }

    /// Words of the user come.
    pub(super) fn worded(&mut self) {
        self.now.is_late |= self.now.is_fresh;
    }

    fn begin(&mut self, by: By) {
        // It was but a pause, or is what the server hears late.
        let is_loose = self.turns.back().is_some_and(|last| last.is_loose && !last.is_known);
        if self.now.by == By::Nobody
            && is_loose
            && let Some(last) = self.turns.pop_back()
        {
            let later = std::mem::replace(&mut self.now, last);
            self.now.is_fresh = false;
            later.sound.iter().for_each(|pcm| self.now.push(pcm));
        }
        if self.now.by < by {
            self.now.by = by;
        }
    }

    /// The server says that nobody speaks any more.
    pub(super) fn ended(&mut self) {
        if self.now.by == By::Nobody
            && let Some(last) = self.turns.back_mut().filter(|last| last.is_loose)
        {
            (last.by, last.is_loose) = (By::Told, false);
            return;
        }
        self.now.by = By::Told;
        self.end(false);
    }

    fn end(&mut self, is_loose: bool) {
        let mut turn = std::mem::take(&mut self.now);
        turn.trim();
        (turn.is_loose, turn.since) = (is_loose, Duration::ZERO);
        self.turns.push_back(turn);
        if self.turns.len() > MOST_TURNS {
            self.turns.pop_front();
        }
    }

    /// The words of the oldest turn that waits for them are known for good.
    pub(super) fn known(&mut self) {
        if let Some(turn) = self.turns.iter_mut().find(|turn| !turn.is_known) {
            (turn.is_known, turn.length) = (true, Duration::ZERO);
            turn.sound.clear();
        }
    }

    /// An answer begins.
    pub(super) fn answered(&mut self) {
        self.is_answering = true;
        self.turns.clear();
        // The server found the end of what only our ears heard.
        if self.now.by == By::Ears {
            (self.now, self.ears) = (Turn::default(), None);
        }
    }

    /// An answer ended; by itself, or cut. One that said nothing was one as well.
    pub(super) fn done(&mut self, is_cut: bool) {
        if !std::mem::take(&mut self.is_answering) && !is_cut {
            self.turns.clear();
        }
    }

    /// The connection is lost: the next one says anew what it hears.
    pub(super) fn cut(&mut self) {
        self.is_answering = false;
        for turn in &mut self.turns {
            (turn.is_loose, turn.since) = (true, Duration::ZERO);
        }
    }

    /// Whether all that was said aloud and is not known in words is said once more.
    pub(super) fn is_again(&self) -> bool {
        let mut turns = self.turns.iter().chain([&self.now]).filter(|turn| turn.is_again()).peekable();
        turns.peek().is_some() && turns.all(|turn| !turn.is_late)
    }

    pub(super) fn again(&self) -> Again {
        let mut again = Again::default();
        for turn in self.turns.iter().filter(|turn| turn.is_again()) {
            again.inputs.extend(turn.sound.iter().cloned().map(SessionInput::Audio));
            // The sound that followed is the next connection's.
            again.inputs.push(SessionInput::Commit);
            again.is_committed |= turn.is_committed;
        }
        if self.now.is_again() {
            again.inputs.extend(self.now.sound.iter().cloned().map(SessionInput::Audio));
        }
        again
    }

    /// Whether words that were said wait for an answer, while nothing is said once more; told once.
    pub(super) fn is_owed(&mut self) -> bool {
        let is_said = self.turns.iter().chain([&self.now]).any(Turn::is_again);
        !is_said
            && self.turns.iter_mut().any(|turn| turn.is_known && !std::mem::replace(&mut turn.is_asked, true))
    }

    pub(super) fn is_open(&self) -> bool {
        self.now.by != By::Nobody || !self.turns.is_empty()
    }
}

impl Turn {
    fn is_again(&self) -> bool {
        self.by != By::Nobody && !self.is_known && !self.sound.is_empty()
    }

    fn push(&mut self, pcm: &Pcm) {
        self.length += pcm.duration();
        self.sound.push_back(pcm.clone());
    }

    fn trim(&mut self) {
        let limit = if self.by == By::Nobody { BEFORE } else { LONGEST };
        while self.length > limit {
            let Some(oldest) = self.sound.pop_front() else { return };
            self.length = self.length.saturating_sub(oldest.duration());
        }
    }
}
