//! One answer: what was said of it, and what was heard of that.
//!
//! There is one rule, and all who speak of the answer take its text from here: what the model is told next, the transcript
//! that is shown, and with it the log.
//!
//! - While nothing cuts it, all of it counts.
//! - It is cut once, at a moment of its sound ([`Record::cut`]): what whoever plays it says, else by the clock. From then on it
//!   can only shrink: whoever played it may find that less was heard ([`Record::correct`]), and never more.
//! - Clauses are heard one after the other, whole ones by the length of their sound. One whose sound is not complete was not
//!   heard to its end, however much of what came was; how long it would have been is estimated.
//! - Of the clause that the cut is in, as many words were heard as its share of sound allows.
use crate::heard::{Played, Sound, Speed};
use consort_core::{Body, Message, Part, Role, ToolCall, ToolResult};
use std::time::{Duration, Instant};

/// A clause of an answer.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) text: String,
    /// How much of that was heard as the end of another item, which it goes on behind: it is spoken, and not told again.
    pub(super) known: usize,
    /// After how many rounds of tools it was said.
    pub(super) round: usize,
    /// How much sound of it was told,
    pub(super) sound: Duration,
    /// and whether that is all of it.
    pub(super) complete: bool,
    /// Whether its words were told.
    pub(super) told: bool,
}

/// What a model asked of tools, and what they said.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// The parts of its answer that are no text: calls, and thinking that the vendor wants back.
    pub(super) parts: Vec<Part>,
    pub(super) results: Vec<ToolResult>,
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) item: String,
    pub(super) clauses: Vec<Clause>,
    pub(super) rounds: Vec<Round>,
    /// The sound of it that was told.
    played: Played<Instant>,
    /// Whether that is heard as soon as it is told; else it takes its time.
    at_once: bool,
    /// How much of it was heard, where it was cut.
    heard: Option<Duration>,
}

impl Clause {
    pub(super) fn new(text: String, round: usize) -> Self {
        Self { text, known: 0, round, sound: Duration::ZERO, complete: false, told: false }
    }

    /// Its words that no other item has.
    pub(super) fn new_words(&self) -> &str {
        self.text.get(self.known..).unwrap_or_default()
    }
}

impl Record {
    pub(super) fn new(item: String, at_once: bool) -> Self {
        let played = Played::default();
        Self { item, clauses: Vec::new(), rounds: Vec::new(), played, at_once, heard: None }
    }

    /// Another one, that goes on behind it.
    pub(super) fn next(&self, item: String) -> Self {
        Self::new(item, self.at_once)
    }

    // -- while it is said

    /// Counts a piece of sound of a clause, told now.
    pub(super) fn sound(&mut self, clause: usize, time: Duration, now: Instant) {
        if let Some(clause) = self.clauses.get_mut(clause) {
            clause.sound += time;
        }
        self.played.push(time, now);
    }

    /// No more sound of a clause comes.
    pub(super) fn complete(&mut self, clause: usize) {
        if let Some(clause) = self.clauses.get_mut(clause) {
            clause.complete = true;
        }
    }

    /// Whether any of it can have been heard.
    pub(super) fn is_audible(&self) -> bool {
        !self.played.sounded().is_zero()
    }

    /// How much of it is still to be heard, by whoever plays at once what is told.
    pub(super) fn left_at(&self, now: Instant) -> Duration {
        let is_over = self.heard.is_some() || self.at_once;
        if is_over { Duration::ZERO } else { self.played.left(now) }
    }

    /// How much of it was heard by now, by the same listener.
    pub(super) fn heard_by(&self, now: Instant) -> Duration {
        self.heard.unwrap_or_else(|| self.played.sounded().saturating_sub(self.left_at(now)))
    }

    // -- when it is cut

    /// Cuts it, where nothing did before. Whether that changes what was heard of it.
    pub(super) fn cut(&mut self, heard: Duration) -> bool {
        self.heard.is_none() && self.set_heard(heard)
    }

    /// Who played it may find that less was heard than was said first; never more. Whether that changes its words.
    pub(super) fn correct(&mut self, heard: Duration) -> bool {
        self.heard.is_some_and(|known| heard < known) && self.set_heard(heard)
    }

    fn set_heard(&mut self, heard: Duration) -> bool {
        let before = self.text();
        self.heard = Some(heard);
        self.text() != before
    }

    /// Which clause the cut is in, and how long before it that one began: behind the last one, where all was heard.
    fn place(&self) -> (usize, Duration) {
        let (mut before, heard) = (Duration::ZERO, self.heard.unwrap_or(Duration::MAX));
        for (at, clause) in self.clauses.iter().enumerate() {
            if !clause.told || !clause.complete || before + clause.sound > heard {
                return (at, before);
            }
            before += clause.sound;
        }
        (self.clauses.len(), before)
    }

    /// The clauses of which not all was heard: they are to be said again, and what was heard of them is known.
    pub(super) fn unheard(&self) -> Vec<Clause> {
        let Some(heard) = self.heard else { return Vec::new() };
        let (at, before) = self.place();
        let mut rest = self.clauses[at..].to_vec();
        if let Some(first) = rest.first_mut() {
            first.known = first.known.max(self.part_of(first, heard.saturating_sub(before)));
        }
        rest
    }

    /// How fast its clauses are spoken.
    fn speed(&self) -> Speed {
        let whole = self.clauses.iter().filter(|clause| clause.complete && !clause.sound.is_zero());
        Speed::of(whole.map(|clause| (clause.text.as_str(), clause.sound)))
    }

    /// So much of a clause's words as of its sound: of one that was not spoken yet, nothing.
    fn part_of(&self, clause: &Clause, heard: Duration) -> usize {
        if clause.sound.is_zero() || !clause.told {
            return 0;
        }
        let speed = self.speed();
        // More comes of what is not complete, however long it sounded.
        let more = if clause.complete { Duration::ZERO } else { speed.letter() };
        let sound = Sound { came: clause.sound + more, is_whole: clause.complete };
        sound.heard_of(&clause.text, heard.min(clause.sound), speed).len()
    }

    // -- what is known of it

    /// The words of a round that were heard.
    fn words(&self, round: usize) -> String {
        let of = |clauses: &[Clause]| -> String {
            clauses.iter().filter(|clause| clause.round == round).map(Clause::new_words).collect()
        };
        let Some(heard) = self.heard else { return of(&self.clauses) };
        let (at, before) = self.place();
        let mut words = of(&self.clauses[..at]);
        if let Some(cut) = self.clauses.get(at).filter(|clause| clause.round == round) {
            let end = self.part_of(cut, heard.saturating_sub(before));
            words += cut.text.get(cut.known..end).unwrap_or_default();
        }
        words
    }

    /// All words that were heard.
    pub(super) fn text(&self) -> String {
        (0..=self.rounds.len()).map(|round| self.words(round)).collect()
    }

    /// Puts a result in its place: a late one over the words that stand for it.
    pub(super) fn answer(&mut self, result: &ToolResult) -> bool {
        let mut all = self.rounds.iter_mut().flat_map(|round| &mut round.results);
        let place = all.find(|old| old.call_id == result.call_id);
        place.map(|place| result.clone_into(place)).is_some()
    }

    /// As the messages of a conversation.
    pub(super) fn write(&self, to: &mut Vec<Message>) {
        for (at, round) in self.rounds.iter().enumerate() {
            let mut parts: Vec<Part> = Vec::new();
            let words = self.words(at);
            let is_thought = |part: &Part| matches!(part.body, Body::Reasoning { .. });
            parts.extend(round.parts.iter().filter(|part| is_thought(part)).cloned());
            parts.extend((!words.trim().is_empty()).then(|| Part::text(words)));
            parts.extend(round.parts.iter().filter(|part| !is_thought(part)).cloned());
            to.push(Message::new(Role::Assistant, parts));
            let results = round.results.iter().map(|result| Body::ToolResult(result.clone()).into());
            to.push(Message::new(Role::Tool, results.collect()));
        }
        let words = self.words(self.rounds.len());
        if words.trim().is_empty() {
            return;
        }
        // What went on after a false interruption is one answer.
        match to.last_mut().filter(|last| last.role == Role::Assistant) {
            Some(last) => last.parts.push(Part::text(words)),
            None => to.push(Message::assistant(words)),
        }
    }
}

impl Round {
    pub(super) fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::as_tool_call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn record(texts: &[&str]) -> Record {
        let mut record = Record::new("answer0".into(), false);
        for (at, text) in texts.iter().enumerate() {
            record.clauses.push(Clause { told: true, ..Clause::new((*text).into(), 0) });
            record.sound(at, 2 * S, Instant::now());
            record.complete(at);
        }
        record
    }

    fn cut(record: &Record, heard: Duration) -> Record {
        let mut record = record.clone();
        record.cut(heard);
        record
    }

    #[test]
    fn what_was_heard_is_what_was_said() {
        let check = |texts: &[&str], heard: Duration, wanted: &str| {
            assert_eq!(cut(&record(texts), heard).text(), wanted, "{heard:?}");
        };
        let texts = ["One two.", " Three four five."];
        check(&texts, Duration::ZERO, "");
        check(&texts, S, "One");
        check(&texts, 2 * S, "One two.");
        check(&texts, 3 * S, "One two. Three");
        check(&texts, 9 * S, "One two. Three four five.");
        check(&["你好我是助手。"], S, "你好我");
    }

    #[test]
    fn what_was_not_heard_is_said_again_from_its_clause_on() {
        let record = record(&["One.", " Two.", " Three."]);
        assert!(record.unheard().is_empty(), "nothing cut it");
        let rest = |heard| {
            let record = cut(&record, heard);
            record.unheard().iter().map(|clause| clause.text.clone()).collect::<String>()
        };
        assert_eq!((rest(Duration::ZERO), rest(3 * S)), ("One. Two. Three.".into(), " Two. Three.".into()));
        assert_eq!((rest(2 * S), rest(6 * S)), (" Two. Three.".into(), String::new()));
    }

    #[test]
    fn a_clause_whose_sound_is_not_complete_was_not_heard_to_its_end() {
        let mut open = record(&["Ten letters"]);
        open.clauses.push(Clause { told: true, ..Clause::new("Eleven more letters here.".into(), 0) });
        open.sound(1, 2 * S, Instant::now());
        // The other one took two seconds for eleven letters: this one takes four and a half.
        assert_eq!(cut(&open, 3 * S).text(), "Ten letters");
        assert_eq!(cut(&open, 4 * S).text(), "Ten lettersEleven more");
        assert_eq!(cut(&open, 9 * S).text(), "Ten lettersEleven more", "no more came");
        assert_eq!(cut(&open, 9 * S).unheard().len(), 1);
        // Alone, it is 60 ms a letter, and never less than came.
        let mut alone = Record::new("answer1".into(), false);
        alone.clauses.push(Clause { told: true, ..Clause::new("one two three four".into(), 0) });
        alone.sound(0, Duration::from_millis(540), Instant::now());
        assert_eq!(cut(&alone, S).text(), "one two");
        alone.sound(0, 60 * S, Instant::now());
        assert_eq!(cut(&alone, 90 * S).text(), "one two three");
    }

    #[test]
    fn it_is_cut_once_and_only_shrinks_then() {
        let mut record = record(&["One two."]);
        assert!(!record.correct(S), "nothing cut it");
        assert!(record.cut(S));
        assert!(!record.cut(Duration::ZERO) && !record.cut(9 * S) && !record.correct(9 * S));
        assert_eq!(record.text(), "One");
        assert_eq!((record.left_at(Instant::now()), record.heard_by(Instant::now())), (Duration::ZERO, S));
        assert!(record.correct(Duration::ZERO));
        assert_eq!((record.text(), record.heard_by(Instant::now())), (String::new(), Duration::ZERO));
    }
}
