//! What a link remembers of a session, so that another connection can go on with it.
//!
//! Two things, by these rules:
//!
//! **What was said** ([`Heard`]), a list in order. Whoever says something has one place in it, which is taken
//! - by what is typed, by a tool's call and by its result: when it is said;
//! - by an answer: when the first of it comes;
//! - by a turn of the user: when it ends (the server says that nobody speaks any more or, where the user says when they are
//!   done, they say so), or when the first of its words come, if that is earlier. Words that come later, behind the answer to
//!   them or in another order, find their place by the name that the server gave the turn when it ended, else take the oldest
//!   place without a name.
//!
//! **What the user said aloud and was not answered yet** ([`Spoken`]), turn by turn. A turn is known to be one by what the
//! server says of it, by the user's own word that it is over, or by our own ears; it is answered when an answer begins.
//! Of its sound the newest part is kept until its words are known for good.
//!
//! When a connection is lost ([`Memory::cut`]), what counts is what was known before: what a format says to end what is
//! open is told to the caller, and answers nothing. Another connection is told what was said, and then
//! - each turn whose words are not known is said once more, as sound, and not told as words;
//! - where there is none, and words that were said aloud wait for an answer, it is asked for one.
//!
//! What is typed and what tools gave is asked again by the formats themselves.
use super::heard::Heard;
use super::spoken::Spoken;
use consort_core::{FinishReason, Message, SessionEvent, SessionInput, Speaker, TranscriptMode};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Memory {
    heard: Heard,
    spoken: Spoken,
    /// Between two connections.
    is_cut: bool,
}

/// What another connection is to hear behind what was said.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Again {
    pub(super) inputs: Vec<SessionInput>,
    /// Whether a turn among them is ended by the user's word alone, so that nothing is to be answered before it.
    pub(super) is_committed: bool,
}

impl Memory {
    pub(super) fn new(before: Vec<Message>, at_once: bool) -> Self {
        Self { heard: Heard::new(before, at_once), spoken: Spoken::default(), is_cut: false }
    }

    /// Something is said to a server that finds the end of a turn by itself, or not.
    pub(super) fn input(&mut self, input: &SessionInput, finds_turns: bool, now: Instant) {
        let ended = self.spoken.input(input, finds_turns);
        self.heard.input(input, now);
        if ended && !finds_turns {
            self.heard.turn_ended();
        }
    }

    /// The server gave a turn of the user that is over this name.
    pub(super) fn named(&mut self, item: &str) {
        self.heard.named(item);
    }

    pub(super) fn event(&mut self, event: &SessionEvent, finds_turns: bool, now: Instant) {
        match event {
            // Where the user says when they are done, that counts alone.
            SessionEvent::SpeechStarted { by: Speaker::User } if finds_turns && !self.is_cut => {
                self.heard.turn_began();
                self.spoken.began();
            }
            SessionEvent::SpeechStopped { by: Speaker::User } if finds_turns && !self.is_cut => {
                self.heard.turn_ended();
                self.spoken.ended();
            }
            SessionEvent::TurnDone { finish, .. } if !self.is_cut => {
                self.spoken.done(finish.reason == FinishReason::Other);
            }
            SessionEvent::Connected { .. } => self.is_cut = false,
            _ => {}
        }
        let begins = self.heard.event(event, now);
        if self.is_cut {
            return;
        }
        if begins {
            self.spoken.answered();
        }
        if let SessionEvent::Transcript { item, by: Speaker::User, mode, text } = event {
            self.spoken.worded();
            let is_known = *mode == TranscriptMode::Final && !text.trim().is_empty();
            if is_known && self.heard.is_unanswered(item) {
                self.spoken.known();
            }
        }
    }

    /// So much sound of an answer comes behind its cut: the caller is not told it.
    pub(super) fn unplayed(&mut self, item: &str, length: Duration, now: Instant) {
        self.heard.unplayed(item, length, now);
    }

    /// The connection is lost, or is about to be left.
    pub(super) fn cut(&mut self) {
        if !std::mem::replace(&mut self.is_cut, true) {
            self.heard.lost(self.spoken.is_again());
            self.spoken.cut();
        }
    }

    /// The conversation, as far as it was heard, or will be.
    pub(super) fn past(&mut self) -> Vec<Message> {
        self.heard.past()
    }

    /// What is missing in it that was not missing before, in words.
    pub(super) fn missing(&mut self) -> Vec<String> {
        self.heard.missing()
    }

    /// The vendor keeps all of it, for a connection that takes over.
    pub(super) fn keep(&mut self) {
        self.heard.keep();
    }

    /// What was said since the vendor kept it.
    pub(super) fn unkept(&self) -> Vec<Message> {
        self.heard.unkept()
    }

    pub(super) fn again(&self) -> Again {
        self.spoken.again()
    }

    /// The last words that were said, where they were said aloud and wait for an answer. Whoever asks for it does so once: a
    /// format keeps what was asked.
    pub(super) fn owed(&mut self) -> Option<String> {
        self.spoken.is_owed().then(|| self.heard.last_words())
    }

    /// Whether the user speaks, or waits for an answer to what they said.
    pub(super) fn is_open(&self) -> bool {
        self.spoken.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Pcm;

    /// Plays a conversation: `+` the user begins to speak, `-` ends, `u NAME WORDS` are some of their words and
    /// `U NAME WORDS` all of them, `a NAME` and `A NAME` likewise of an answer, `n NAME` a name, `s` sound, `c` a commit, `x` a cut.
    fn played(finds_turns: bool, script: &[&str]) -> (Vec<String>, usize, Again, bool) {
        let mut memory = Memory::new(Vec::new(), false);
        let user = Speaker::User;
        for step in script {
            let mut words = step.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap_or_default());
            let said = |by, mode| SessionEvent::Transcript {
                item: name.into(),
                by,
                mode,
                text: step.splitn(3, ' ').nth(2).unwrap_or_default().into(),
            };
            let event = match kind {
                "+" => SessionEvent::SpeechStarted { by: user },
                "-" => SessionEvent::SpeechStopped { by: user },
                "u" => said(user, TranscriptMode::Replacement),
                "U" => said(user, TranscriptMode::Final),
                "a" => said(Speaker::Assistant, TranscriptMode::Replacement),
                "A" => said(Speaker::Assistant, TranscriptMode::Final),
                "n" => {
                    memory.named(name);
                    continue;
                }
                "s" => {
                    let piece = SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000));
                    (0..50).for_each(|_| memory.input(&piece, finds_turns, Instant::now()));
                    continue;
                }
                "c" => {
                    memory.input(&SessionInput::Commit, finds_turns, Instant::now());
                    continue;
                }
                _ => {
                    memory.cut();
                    continue;
                }
            };
            memory.event(&event, finds_turns, Instant::now());
        }
        memory.cut();
        let again = memory.again();
        let sounds = again.inputs.iter().filter(|input| matches!(input, SessionInput::Audio(_))).count();
        let past = memory.past();
        let owed = memory.owed();
        assert!(owed.is_none() || owed == past.last().map(Message::text), "{owed:?}");
        (past.iter().map(Message::text).collect(), sounds, again, owed.is_some())
    }

    fn order(script: &[&str]) -> Vec<String> {
        played(true, script).0
    }

    #[test]
    fn turns_stand_where_they_ended_whenever_their_words_come() {
        let wanted = ["One?", "First.", "Two?", "Second.", "Three?", "Third."];
        // The words come first, as Gemini and xAI tell them.
        let first = ["+", "u u0 One", "-", "a a0 Fir", "U u0 One?", "A a0 First."];
        let second = ["+", "u u1 Two", "-", "U u1 Two?", "a a1 Sec", "A a1 Second."];
        let third = ["+", "u u2 Thr", "U u2 Three?", "-", "A a2 Third."];
        assert_eq!(order(&[&first[..], &second, &third].concat()), wanted);
        // They come late, and in another order.
        let named = [
            "+",
            "-",
            "n u0",
            "A a0 First.",
            "+",
            "-",
            "n u1",
            "A a1 Second.",
            "+",
            "-",
            "n u2",
            "A a2 Third.",
            "U u2 Three?",
            "U u0 One?",
            "U u1 Two?",
        ];
        assert_eq!(order(&named), wanted);
        // In order, and without names.
        let unnamed = [
            "+",
            "-",
            "A a0 First.",
            "+",
            "-",
            "U u0 One?",
            "A a1 Second.",
            "U u1 Two?",
            "+",
            "-",
            "A a2 Third.",
            "U u2 Three?",
        ];
        assert_eq!(order(&unnamed), wanted);
        // Of one that could not be written down, nothing else takes the place.
        let lost = ["+", "-", "n u0", "A a0 First.", "+", "-", "n u1", "U u1 Two?", "A a1 Second."];
        assert_eq!(order(&lost), ["First.", "Two?", "Second."]);
        let lost = ["+", "-", "A a0 First.", "U u0", "+", "-", "U u1 Two?", "A a1 Second."];
        assert_eq!(order(&lost), ["First.", "Two?", "Second."]);
        // Another connection knows no names of the one before.
        let cut = ["+", "-", "A a0 First.", "x", "+", "-", "U v0 Two?", "A b0 Second."];
        assert_eq!(order(&cut), ["First.", "Two?", "Second."]);
    }

    #[test]
    fn two_turns_in_a_row_are_two() {
        assert_eq!(
            order(&["+", "-", "+", "-", "A a Yes.", "U u0 One?", "U u1 Two?"]),
            ["One?", "Two?", "Yes."]
        );
        let (said, ..) =
            played(false, &["s", "c", "s", "c", "n u0", "n u1", "A a Yes.", "U u1 Two?", "U u0 One?"]);
        assert_eq!(said, ["One?", "Two?", "Yes."]);
        // Events of speech, where the user says when they are done, begin no other turn.
        let (said, ..) =
            played(false, &["s", "c", "+", "u u0 One?", "-", "A a0 Yes.", "s", "c", "+", "U u1 Two?", "-"]);
        assert_eq!(said, ["One?", "Yes.", "Two?"]);
    }

    #[test]
    fn what_is_said_once_more_is_not_told_as_words() {
        let (said, sounds, again, is_owed) =
            played(true, &["U u9 Before.", "A a9 Yes.", "s", "+", "s", "u u0 Hel"]);
        assert_eq!((said, sounds), (vec!["Before.".to_owned(), "Yes.".into()], 75));
        assert!(!is_owed && !matches!(again.inputs.last(), Some(SessionInput::Commit)));
        // Words that a format makes up at the end of a connection change nothing.
        let (said, sounds, ..) = played(true, &["+", "s", "u u0 Hel", "x", "-", "U u0 Hel"]);
        assert_eq!((said, sounds), (vec![], 50));
    }

    #[test]
    fn what_was_said_aloud_and_not_answered_is_owed() {
        let owed = |finds_turns, script: &[&str]| {
            let (_, sounds, again, owed) = played(finds_turns, script);
            (sounds, again.is_committed, owed)
        };
        assert_eq!(owed(true, &["+", "s", "-", "U u0 One?"]), (0, false, true));
        assert_eq!(owed(true, &["+", "s", "-"]), (50, false, false));
        assert_eq!(owed(true, &["+", "s", "-", "U u0"]), (50, false, false), "no words are known");
        assert_eq!(owed(true, &["+", "s", "-", "U u0 One?", "a a0 Yes"]), (0, false, false));
        assert_eq!(owed(false, &["s", "s", "s"]), (150, false, false));
        assert_eq!(owed(false, &["s", "s", "c"]), (100, true, false));
        assert_eq!(owed(false, &["s", "s", "c", "U u0 One?"]), (0, false, true));
        assert_eq!(owed(false, &["s", "c", "a a0 Yes", "s"]), (50, false, false));
        // Of long speech the newest part, of silence nothing.
        let long = [&["+"][..], &["s"; 60]].concat();
        assert_eq!(owed(true, &long), (750, false, false));
        assert_eq!(owed(true, &["s"; 60]), (0, false, false));
        // However long the session is.
        let many: Vec<String> = (0..450).map(|number| format!("U v{number} So.")).collect();
        let many: Vec<&str> =
            many.iter().map(String::as_str).chain(["+", "s", "-", "U u One?", "a a Yes"]).collect();
        assert_eq!(owed(true, &many), (0, false, false));
        // Late words of a turn that was answered say nothing of the next one.
        assert_eq!(
            owed(true, &["+", "s", "-", "n u0", "a a0 Yes", "+", "s", "-", "n u1", "U u0 One?"]),
            (50, false, false)
        );
    }
}
