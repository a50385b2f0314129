//! When an answer is over of which the model does not say so, and what it still tells of those that are.
use super::super::Reply;
use super::super::patience::Came;
use super::{Answer, GeminiServed};
use consort_core::{SessionEvent, Speaker, TranscriptMode};
use std::time::Duration;

impl GeminiServed {
    /// A model that did not say that an answer is over goes on with it: for the client, in another one.
    pub(super) fn goes_on(&mut self, event: &SessionEvent, at: Duration) {
        let (item, owes): (_, fn(Came) -> bool) = match event {
            SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
            | SessionEvent::Text { item, .. } => (item, Came::owes_words),
            SessionEvent::Audio { item, .. } => {
                self.habits.sounded = true;
                (item, Came::owes_sound)
            }
            _ => return,
        };
        // Where it is only read, sound that comes later is nothing.
        let sounds = event.kind() == "audio";
        let is_told = !sounds || self.is_heard();
        if is_told && self.answer.is_none() && self.owed > 0 && self.over.goes_on(item, owes) {
            self.owed -= 1;
            if sounds {
                // They are heard as far as it is.
                let words = self.sent.iter().rev().find_map(|sent| sent.words(item));
                self.begin(at).parts.worded(item, words.unwrap_or_default());
            }
        }
    }

    /// Nothing more of the answer under way came in all the time that it was waited for.
    pub(super) fn learn(&mut self) {
        let is_called = !self.calls.is_empty();
        if let Some(answer) = self.answer.as_ref().filter(|answer| !answer.cut && !is_called) {
            self.habits.learn(answer.came(self.is_heard()));
        }
    }

    /// Words of an answer that was sent and is over, all of whose sound came: they are its own still. A model that said itself
    /// that it is over has its last words left to say, where it gives answers names.
    pub(super) fn last_words(&mut self, event: &SessionEvent, reply: &mut Reply) -> bool {
        let SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text } = event else {
            return false;
        };
        let is_final = *mode == TranscriptMode::Final;
        self.habits.writes |= is_final;
        let is_under_way = self.answer.as_ref().is_some_and(|answer| answer.parts.has(item));
        let is_it = is_final || (self.owed > 0 && self.over.is_sounded(item));
        if item.is_empty() || is_under_way || !is_it || self.over.is_heard(item, text) {
            return false;
        }
        let Some(more) = self.add_words(item, *mode, text) else { return false };
        self.transcribe(Some(more).filter(|more| !more.is_empty()), reply);
        true
    }

    /// The model says that it speaks: also where that is all that ever comes of it.
    pub(super) fn wait_for_sound(&mut self, at: Duration) {
        if let Some(answer) = self.answer.as_mut().filter(|_| self.calls.is_empty()) {
            answer.due.get_or_insert(at + Came::SomeSound.patience(self.habits));
        }
    }

    /// Something came of the answer. Its end is waited for, and not for ever: some models say none. One that called goes on when
    /// its calls have their results, which takes as long as the client takes.
    pub(super) fn wait(&mut self, at: Duration) {
        let (habits, is_heard, is_called) = (self.habits, self.is_heard(), !self.calls.is_empty());
        if let Some(answer) = self.answer.as_mut().filter(|answer| !answer.cut) {
            let came = answer.came(is_heard);
            let is_whole = matches!(came, Came::All | Came::Sound);
            answer.due = (is_whole || !is_called).then(|| at + came.patience(habits));
        }
    }

    /// Whether this is of an answer that is over, and not of the one under way: one whose end the model still owes, or what was
    /// heard of one that was cut when all of it was said. Before all else, since it is nothing new behind a cut either.
    pub(super) fn is_of_before(&self, event: &SessionEvent) -> bool {
        let (SessionEvent::Transcript { item, by: Speaker::Assistant, .. }
        | SessionEvent::Text { item, .. }
        | SessionEvent::Audio { item, .. }
        | SessionEvent::AudioDone { item, .. }) = event
        else {
            return false;
        };
        if self.answer.as_ref().is_some_and(|answer| answer.parts.has(item)) {
            return false;
        }
        let is_heard = match event {
            SessionEvent::Transcript { mode: TranscriptMode::Final, text, .. } => {
                self.over.is_heard(item, text)
            }
            _ => false,
        };
        is_heard || (self.owed > 0 && self.over.has(item))
    }

    /// Whether the model tells of an answer whose end it owes, and not of the one under way.
    pub(super) fn owes(&self, item: Option<&str>) -> bool {
        let is_gone = item.is_none_or(|item| self.over.has(item));
        self.owed > 0 && is_gone && self.answer.as_ref().is_none_or(Answer::is_empty)
    }
}
