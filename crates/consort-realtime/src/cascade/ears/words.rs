//! The words of turns: waited for, asked for again, told in order, or given up.
use super::turn::Turn;
use super::{Ears, Told};
use crate::voices::Heard;
use consort_core::{Error, ErrorKind, TranscriptMode};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

impl Ears {
    /// What was heard next.
    pub(in crate::cascade) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Told> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Poll::Ready(told);
            }
            let mut moved = false;
            for at in 0..self.turns.len() {
                if let Poll::Ready(heard) = self.turns[at].poll(cx) {
                    moved = true;
                    self.heard(at, heard);
                    break;
                }
            }
            moved |= self.finish();
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn heard(&mut self, at: usize, heard: Option<Result<Heard, Error>>) {
        let turn = &mut self.turns[at];
        let early = turn.attempt.as_ref().is_some_and(|attempt| attempt.early);
        match heard {
            Some(Ok(heard)) => {
                let (is_final, mode) = match &heard {
                    Heard::Delta(_) if turn.is_fresh() => (false, TranscriptMode::Replacement),
                    Heard::Delta(_) => (false, TranscriptMode::Delta),
                    Heard::Replacement(_) => (false, TranscriptMode::Replacement),
                    Heard::Final(_) => (true, TranscriptMode::Replacement),
                };
                let words = match &heard {
                    Heard::Delta(text) | Heard::Replacement(text) | Heard::Final(text) => text.clone(),
                };
                turn.take(heard);
                let turn = &self.turns[at];
                // Words of a pause that come a little later are those of the pause.
                let in_pause = turn.is_open() && turn.paused && (early || self.recogniser.streams());
                if in_pause && (is_final || !early) && !turn.text().trim().is_empty() {
                    self.told.push_back(Told::Paused { text: turn.text().to_owned() });
                }
                if !turn.announced || (is_final && !turn.is_open() && !self.goes_on(at)) {
                    return;
                }
                let item = turn.item.clone();
                let is_part = self.is_part(at);
                let (mode, text) =
                    if is_part { (TranscriptMode::Replacement, self.words_of(&item)) } else { (mode, words) };
                self.told.push_back(Told::Words { item, mode, text });
            }
            Some(Err(error)) => _ = self.failed(at, error),
            None => {
                let message = "what was said was not written down to its end";
                self.failed(at, Error::new(ErrorKind::Interrupted, message));
            }
        }
    }

    /// Does what is due: tries again, and loses patience.
    pub(super) fn hurry(&mut self, now: Instant) {
        let (recogniser, settings, context) =
            (self.recogniser.clone(), self.settings.clone(), self.context.clone());
        let mut at = 0;
        while let Some(turn) = self.turns.get_mut(at) {
            let mut is_gone = false;
            if let Some(error) = turn.late(now, settings.limits.hearing) {
                is_gone = self.failed(at, error);
            } else if turn.retry_at.is_some_and(|at| now >= at) {
                turn.retry(&recogniser, &settings, &context);
            }
            at += usize::from(!is_gone);
        }
    }

    /// Tries again, or gives the turn up. Whether it is gone.
    fn failed(&mut self, at: usize, error: Error) -> bool {
        let turn = &mut self.turns[at];
        let early = turn.attempt.take().is_some_and(|attempt| attempt.early);
        if early && turn.is_open() {
            return false;
        }
        turn.tries += 1;
        // Who did not answer in time is asked twice, and given more time then.
        let most = self.settings.limits.tries.min(if is_late(&error) { 2 } else { u32::MAX });
        let again = error.retryable() || is_late(&error) || error.kind() == ErrorKind::Interrupted;
        if again && turn.tries < most {
            turn.retry_at = Some(self.context.clock.now() + wait(turn.tries, &error));
            self.told.push_back(Told::Retry(error));
            return false;
        }
        if turn.is_open() {
            // Who speaks on is heard at the end, from the beginning.
            self.told.push_back(Told::Retry(error));
            return false;
        }
        if self.is_part(at) {
            self.leave_out(at, error);
            return false;
        }
        let turn = &mut self.turns[at];
        let announced = turn.announced;
        self.turns.remove(at);
        self.told.push_back(Told::Lost { error, announced });
        true
    }

    /// Tells the first turn, once it is over and understood; of a part, the next one tells the words.
    fn finish(&mut self) -> bool {
        let is_heard = |first: &mut Turn| !first.is_open() && first.final_text.is_some();
        let Some(first) = self.turns.pop_front_if(is_heard) else { return false };
        let text = first.words();
        let Turn { item, announced, replies, .. } = first;
        if let Some(next) = self.turns.front_mut().filter(|next| next.item == item) {
            next.before = text;
            return true;
        }
        self.told.push_back(Told::Turn { item, text, announced, replies });
        true
    }
}

/// Whether ears were silent for longer than they are waited for.
fn is_late(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout
}

/// How long before the next try: twice as long each time, or as long as was asked for.
fn wait(tries: u32, error: &Error) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(5);
    error.retry_after().unwrap_or(FIRST * 2_u32.saturating_pow(tries - 1)).min(LONGEST)
}
