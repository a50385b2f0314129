//! One answer on its way: what the model says becomes clauses, clauses become sound, and tools are waited for.
use super::CascadeSettings;
use super::clauses::{Clauses, spoken};
use super::mouth::{Mouth, Said};
use super::record::{Clause, Record, Round};
use crate::voices::{Speech, Synthesiser};
use consort_core::{
    Accumulator, Context, Delta, Error, ErrorKind, Event, EventStream, Finish, FinishReason, Model, PartKey,
    PartKind, Phase, Request, Response, SessionEvent, SessionTeller, Speaker, ToolResult, TranscriptMode,
    Usage,
};
use std::mem;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// What an answer needs besides itself.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) model: Arc<dyn Model>,
    pub(super) voice: Arc<dyn Synthesiser>,
    pub(super) settings: Arc<CascadeSettings>,
    pub(super) context: Context,
}

/// What happened to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is further.
    On,
    /// All tools have answered: the model is to be asked again.
    Round,
    /// It is complete, and all of it was told.
    Done,
    /// It failed while nobody wanted it yet.
    Failed,
}

pub(super) struct Answer {
    pub(super) record: Record,
    /// How many cuts there were when it began, or when it was last heard of one that was not its own.
    pub(super) epoch: u64,
    /// What it answers, in plain letters, while that is not certain: nothing of it is told.
    pub(super) held: Option<String>,
    /// It was interrupted, perhaps by nothing: it thinks on and says nothing.
    pub(super) muted: bool,
    parts: Parts,
    voice: Option<String>,
    rate: Option<u32>,
    model: Option<EventStream>,
    fold: Accumulator,
    /// The parts that are spoken.
    texts: Vec<PartKey>,
    touched: Instant,
    clauses: Clauses,
    mouth: Mouth,
    /// Calls that have no result yet, and whether they were told.
    waiting: Vec<String>,
    called: bool,
    tools_due: Option<Instant>,
    is_round: bool,
    finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
}

impl Answer {
    /// An answer that nobody was asked for yet.
    pub(super) fn new(
        parts: Parts,
        item: String,
        voice: Option<String>,
        rate: Option<u32>,
        epoch: u64,
    ) -> Self {
        let settings = parts.settings.clone();
        let context = parts.context.clone();
        let touched = context.clock.now();
        let mouth = Mouth::new(
            parts.voice.clone(),
            context,
            settings.ahead,
            settings.limits.tries,
            settings.limits.speaking,
        );
        Self {
            record: Record::new(item),
            epoch,
            held: None,
            muted: false,
            parts,
            voice: voice.or_else(|| settings.voice.clone()),
            rate,
            model: None,
            fold: Accumulator::default(),
            texts: Vec::new(),
            touched,
            clauses: Clauses::default(),
            mouth,
            waiting: Vec::new(),
            called: false,
            tools_due: None,
            is_round: false,
            finish: None,
            usage: None,
        }
    }

    /// Asks the model.
    pub(super) fn ask(&mut self, request: Request) {
        (self.is_round, self.fold, self.touched) = (false, Accumulator::default(), self.now());
        self.texts.clear();
        self.model = Some(self.parts.model.stream(request.into(), self.parts.context.clone()));
    }

    /// Says what was said before and not heard.
    pub(super) fn repeat(&mut self, clauses: &[Clause]) {
        clauses.iter().for_each(|clause| self.clause(clause.text.clone()));
        self.finish = self.finish.take().or_else(|| {
            let is_over = self.model.is_none() && self.waiting.is_empty() && !self.is_round;
            is_over.then(|| FinishReason::Stop.into())
        });
    }

    fn now(&self) -> Instant {
        self.parts.context.clock.now()
    }

    /// Whether any of it can have been heard.
    pub(super) fn is_audible(&self) -> bool {
        self.record.until.is_some()
    }

    /// Whether any of it was told, in sound or in words.
    pub(super) fn has_spoken(&self) -> bool {
        self.record.clauses.iter().any(|clause| clause.told)
    }

    /// The turn that it answers is as it was thought to be: from now on it is told.
    pub(super) fn confirm(&mut self, say: &SessionTeller) {
        self.held = None;
        self.call(say);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let limits = self.parts.settings.limits;
        let thinking = self.model.is_some().then(|| self.touched + limits.thinking);
        let tools = self.tools_due.filter(|_| !self.waiting.is_empty() && self.called);
        [thinking, tools, self.mouth.due()].into_iter().flatten().min()
    }

    /// Goes on, as far as it can.
    pub(super) fn poll(&mut self, say: &SessionTeller, cx: &mut task::Context<'_>) -> Poll<Step> {
        if let Some(model) = &mut self.model {
            let limit = self.parts.settings.limits.thinking;
            match model.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => return Poll::Ready(self.event(event, say)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.fail(error, say)),
                Poll::Ready(None) => {
                    let error = Error::new(ErrorKind::Interrupted, "the answer ended before it was finished");
                    return Poll::Ready(self.fail(error, say));
                }
                Poll::Pending if self.now() >= self.touched + limit => {
                    let message = format!("the model said nothing for {} s", limit.as_secs());
                    return Poll::Ready(self.fail(Error::timeout(Phase::Idle, message), say));
                }
                Poll::Pending => {}
            }
        }
        if self.tools_due.is_some_and(|due| self.called && !self.waiting.is_empty() && self.now() >= due) {
            self.give_up_tools("the tool did not answer in time; its result may come later");
            say.push(SessionEvent::warning(
                "late",
                "a tool did not answer in time; the answer goes on without it",
            ));
        }
        if let Poll::Ready(said) = self.mouth.poll(self.held.is_some() || self.muted, cx) {
            self.tell(said, say);
            return Poll::Ready(Step::On);
        }
        if self.held.is_some() || self.muted {
            return Poll::Pending;
        }
        if self.is_round && self.waiting.is_empty() {
            return Poll::Ready(Step::Round);
        }
        let is_over = self.finish.is_some() && self.model.is_none() && self.mouth.is_idle();
        if is_over { Poll::Ready(Step::Done) } else { Poll::Pending }
    }

    fn event(&mut self, event: Event, say: &SessionTeller) -> Step {
        self.touched = self.now();
        match &event {
            Event::PartStart { part, choice: 0, kind: PartKind::Text | PartKind::Refusal } => {
                self.texts.push(*part);
            }
            Event::PartDelta { part, delta: Delta::Text(text) } if self.texts.contains(part) => {
                self.clauses.push(text);
                while let Some(clause) = self.clauses.next() {
                    self.clause(clause);
                }
            }
            Event::PartEnd { part } if self.texts.contains(part) => self.flush(),
            Event::Warning(warning) if self.held.is_none() => {
                say.push(SessionEvent::Warning { warning: warning.clone() });
            }
            Event::Native { value } if self.held.is_none() && self.parts.context.native_events => {
                say.push(SessionEvent::Native { value: value.clone() });
            }
            _ => {}
        }
        let is_over = matches!(event, Event::Finished(_));
        self.fold.push(event);
        if is_over {
            self.model = None;
            self.flush();
            let response = mem::take(&mut self.fold).partial();
            self.finished(response, say);
        }
        Step::On
    }

    fn finished(&mut self, response: Response, say: &SessionTeller) {
        self.spent(response.usage.as_ref());
        let parts: Vec<_> = response.parts.into_iter().filter(|part| part.as_text().is_none()).collect();
        let round = Round { parts, results: Vec::new() };
        self.waiting = round.calls().map(|call| call.id.clone()).collect();
        if self.waiting.is_empty() {
            self.finish = Some(response.finish);
            return;
        }
        if self.record.rounds.len() >= self.parts.settings.limits.rounds {
            self.waiting.clear();
            let most = self.parts.settings.limits.rounds;
            let message = format!("the model asked for tools more than {most} times in a row");
            self.fail(Error::new(ErrorKind::InvalidRequest, message), say);
            return;
        }
        self.record.rounds.push(round);
        (self.is_round, self.called) = (true, false);
        if self.held.is_none() && !self.muted {
            self.call(say);
        }
    }

    /// Tells the calls that wait.
    fn call(&mut self, say: &SessionTeller) {
        if self.waiting.is_empty() || mem::replace(&mut self.called, true) {
            return;
        }
        self.tools_due = Some(self.now() + self.parts.settings.limits.tools);
        for call in self.record.rounds.last().into_iter().flat_map(Round::calls) {
            say.push(SessionEvent::ToolCall { call: call.clone() });
        }
    }

    /// Takes the result of a call that it waits for.
    pub(super) fn result(&mut self, result: &ToolResult) -> bool {
        let Some(at) = self.waiting.iter().position(|id| *id == result.call_id) else {
            return self.record.answer(result);
        };
        self.waiting.remove(at);
        if let Some(round) = self.record.rounds.last_mut() {
            round.results.push(result.clone());
        }
        true
    }

    /// Ends without the results that it waits for.
    pub(super) fn leave_tools(&mut self, say: &SessionTeller) {
        if self.waiting.is_empty() {
            return;
        }
        self.cancel_tools(say);
        (self.is_round, self.finish) = (false, Some(Finish::new(FinishReason::Other, "left")));
    }

    fn cancel_tools(&mut self, say: &SessionTeller) {
        let was_told = self.called;
        for id in self.give_up_tools("nobody waited for the result: the user spoke, or left") {
            if was_told {
                say.push(SessionEvent::ToolCancelled { id });
            }
        }
    }

    /// Puts words in the place of results that are missing: no vendor takes a call without one.
    fn give_up_tools(&mut self, why: &str) -> Vec<String> {
        let ids = mem::take(&mut self.waiting);
        if let Some(round) = self.record.rounds.last_mut() {
            let missing: Vec<_> = round.calls().filter(|call| ids.contains(&call.id)).cloned().collect();
            round.results.extend(missing.into_iter().map(|call| ToolResult {
                call_id: call.id,
                name: call.name,
                content: vec![why.into()],
                is_error: true,
            }));
        }
        ids
    }

    fn flush(&mut self) {
        while let Some(clause) = self.clauses.finish() {
            self.clause(clause);
        }
    }

    fn clause(&mut self, text: String) {
        let (clause, words) = (self.record.clauses.len(), spoken(&text));
        let round = self.record.rounds.len();
        self.record.clauses.push(Clause { text, round, sound: Duration::ZERO, told: false });
        if !self.muted {
            self.mouth.add(clause, Speech { text: words, voice: self.voice.clone(), rate: self.rate });
        }
    }

    fn tell(&mut self, said: Said, say: &SessionTeller) {
        match said {
            Said::Sound(clause, pcm) => {
                if !self.is_audible() {
                    say.push(SessionEvent::SpeechStarted { by: Speaker::Assistant });
                }
                self.words(clause, say);
                self.record.sound(clause, pcm.duration(), self.now());
                let (item, epoch) = (self.record.item.clone(), self.epoch);
                say.push(SessionEvent::Audio { item, epoch, pcm });
            }
            Said::Done(clause, failed) => {
                self.words(clause, say);
                if let Some(error) = failed {
                    say.push(SessionEvent::Error { error });
                }
            }
        }
    }

    /// The words of a clause, with its first sound.
    fn words(&mut self, clause: usize, say: &SessionTeller) {
        let Some(clause) = self.record.clauses.get_mut(clause).filter(|clause| !clause.told) else { return };
        clause.told = true;
        say.push(said(&self.record.item, TranscriptMode::Delta, clause.text.clone()));
    }

    /// The model fails. What it said is told all the same.
    fn fail(&mut self, error: Error, say: &SessionTeller) -> Step {
        self.model = None;
        if self.held.is_some() {
            return Step::Failed;
        }
        self.flush();
        let usage = mem::take(&mut self.fold).partial().usage;
        self.spent(usage.as_ref());
        self.finish = Some(Finish::new(FinishReason::Other, "failed"));
        say.push(SessionEvent::Error { error });
        Step::On
    }

    /// Tells the end of all of it.
    pub(super) fn end(&mut self, say: &SessionTeller) {
        let item = self.record.item.clone();
        if self.is_audible() {
            say.push(SessionEvent::AudioDone { item: item.clone(), interrupted: false });
        }
        if !self.record.clauses.is_empty() {
            say.push(said(&item, TranscriptMode::Final, self.record.text()));
        }
        if self.is_audible() {
            say.push(SessionEvent::SpeechStopped { by: Speaker::Assistant });
        }
        let finish = self.finish.take().unwrap_or_else(|| FinishReason::Stop.into());
        say.push(SessionEvent::TurnDone { finish, usage: self.usage.take() });
    }

    /// Says no more from now on. It thinks on, in case that nobody meant to interrupt it.
    pub(super) fn mute(&mut self, say: &SessionTeller) {
        self.muted = true;
        self.mouth.shut();
        if self.is_audible() {
            let item = self.record.item.clone();
            say.push(SessionEvent::Interrupted { item: Some(item.clone()) });
            say.push(SessionEvent::AudioDone { item, interrupted: true });
        }
    }

    /// Tells what was heard of an answer that was cut.
    pub(super) fn close_item(&mut self, heard: Duration, say: &SessionTeller) {
        self.record.heard = Some(heard);
        if self.has_spoken() {
            say.push(said(&self.record.item, TranscriptMode::Final, self.record.text()));
        }
        if self.is_audible() {
            say.push(SessionEvent::SpeechStopped { by: Speaker::Assistant });
        }
    }

    /// It was interrupted for good: nothing more comes of it.
    pub(super) fn drop_rest(&mut self, say: &SessionTeller) {
        self.model = None;
        self.mouth.shut();
        let usage = mem::take(&mut self.fold).partial().usage;
        self.spent(usage.as_ref());
        self.cancel_tools(say);
    }

    /// Goes on behind what was heard, as another item: the old one is told to be over. Gives its record.
    pub(super) fn go_on(&mut self, item: String, heard: Duration, say: &SessionTeller) -> Record {
        let mut old = mem::replace(&mut self.record, Record::new(item));
        old.heard = Some(heard);
        let rest = old.unheard(heard).to_vec();
        (self.muted, self.epoch) = (false, say.epoch());
        self.repeat(&rest);
        if self.is_round
            && let Some(round) = old.rounds.pop()
        {
            self.record.rounds.push(round);
            self.call(say);
        }
        old
    }

    fn spent(&mut self, usage: Option<&Usage>) {
        if let Some(more) = usage {
            add(self.usage.get_or_insert_default(), more);
        }
    }
}

/// Adds the counts of one call to those of others.
pub(super) fn add(all: &mut Usage, more: &Usage) {
    let mut sum = more.clone();
    let counts = [
        (&mut sum.input, all.input),
        (&mut sum.output, all.output),
        (&mut sum.cached, all.cached),
        (&mut sum.cache_write, all.cache_write),
        (&mut sum.reasoning, all.reasoning),
        (&mut sum.total, all.total),
        (&mut sum.audio_input, all.audio_input),
        (&mut sum.audio_output, all.audio_output),
    ];
    for (sum, before) in counts {
        if let Some(before) = before {
            *sum = Some(sum.unwrap_or(0).saturating_add(before));
        }
    }
    // The vendor's own object is that of one call.
    sum.vendor = None;
    *all = sum;
}

fn said(item: &str, mode: TranscriptMode, text: String) -> SessionEvent {
    SessionEvent::Transcript { item: item.to_owned(), by: Speaker::Assistant, mode, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_calls_are_added() {
        let one = Usage { input: Some(1), output: None, total: Some(2), ..Usage::default() };
        let mut all = Usage { input: Some(4), output: Some(8), ..Usage::default() };
        add(&mut all, &one);
        assert_eq!((all.input, all.output, all.total), (Some(5), Some(8), Some(2)));
    }
}
