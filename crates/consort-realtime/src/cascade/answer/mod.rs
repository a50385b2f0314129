//! One answer on its way: what the model says becomes clauses, clauses become sound, and tools are waited for.
//!
//! What is told of it is in `tell.rs`, its tools in `tools.rs`.
mod tell;
mod tools;

pub(super) use tell::said;

use super::CascadeSettings;
use super::clauses::{Clauses, spoken};
use super::mouth::Mouth;
use super::record::{Clause, Record, Round};
use crate::voices::{Speech, Synthesiser};
use consort_core::{
    Accumulator, Context, Delta, Error, ErrorKind, Event, EventStream, Finish, FinishReason, Media, Model,
    PartKey, PartKind, Phase, Request, Response, SessionConfig, SessionEvent, SessionTeller, Usage,
};
use std::mem;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Instant;

/// What an answer needs besides itself.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) model: Arc<dyn Model>,
    pub(super) voice: Arc<dyn Synthesiser>,
    pub(super) settings: Arc<CascadeSettings>,
    pub(super) context: Context,
}

/// What a model was asked before it was certain.
pub(super) struct Held {
    /// The words that were thought to be all,
    pub(super) words: String,
    /// the picture that was the newest then,
    pub(super) frame: Option<Media>,
    /// and all that it was told.
    pub(super) asked: Arc<Request>,
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
    /// The model was told more than it takes, and has said nothing.
    TooLong,
}

pub(super) struct Answer {
    pub(super) record: Record,
    /// How many cuts there were when it began, or when it was last heard of one that was not its own.
    pub(super) epoch: u64,
    /// What it answers, while that is not certain: nothing of it is told.
    pub(super) held: Option<Held>,
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
    /// What the model says where it was told too much.
    pub(super) too_long: Option<Error>,
    /// What was to be told beside its words while it was held.
    kept: Vec<SessionEvent>,
}

impl Answer {
    /// An answer that nobody was asked for yet.
    pub(super) fn new(parts: Parts, item: String, config: &SessionConfig, epoch: u64) -> Self {
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
            record: Record::new(item, config.at_once),
            epoch,
            held: None,
            muted: false,
            parts,
            voice: chosen_voice(config, &settings),
            rate: config.output_rate,
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
            too_long: None,
            kept: Vec::new(),
        }
    }

    /// Asks the model.
    pub(super) fn ask(&mut self, request: impl Into<Arc<Request>>) {
        (self.is_round, self.fold, self.touched) = (false, Accumulator::default(), self.now());
        self.texts.clear();
        self.model = Some(self.parts.model.stream(request.into(), self.parts.context.clone()));
    }

    /// Asks the model what it would say if that was all. Nothing of it is told before that is certain.
    pub(super) fn ask_early(&mut self, words: String, frame: Option<Media>, request: Request) {
        let asked = Arc::new(request);
        self.ask(asked.clone());
        self.held = Some(Held { words, frame, asked });
    }

    /// Whether it would be spoken by the same voice now.
    pub(super) fn has_voice(&self, config: &SessionConfig) -> bool {
        self.voice == chosen_voice(config, &self.parts.settings)
    }

    /// Says what was said before and not heard.
    pub(super) fn repeat(&mut self, clauses: &[Clause]) {
        clauses.iter().for_each(|clause| self.clause(clause.text.clone(), clause.known));
        self.finish = self.finish.take().or_else(|| {
            let is_over = self.model.is_none() && self.waiting.is_empty() && !self.is_round;
            is_over.then(|| FinishReason::Stop.into())
        });
    }

    fn now(&self) -> Instant {
        self.parts.context.clock.now()
    }

    /// Whether any of it was told, in sound or in words.
    pub(super) fn has_spoken(&self) -> bool {
        self.record.clauses.iter().any(|clause| clause.told)
    }

    /// The turn that it answers is as it was thought to be: from now on it is told.
    pub(super) fn confirm(&mut self, say: &SessionTeller) {
        self.held = None;
        self.kept.drain(..).for_each(|event| say.push(event));
        self.call(say);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let limits = self.parts.settings.limits;
        let thinking = self.model.is_some().then(|| self.touched + limits.thinking);
        let tools = self.tools_due.filter(|_| !self.waiting.is_empty() && self.called);
        [thinking, tools, self.mouth.due()].into_iter().flatten().min()
    }

    /// Nobody looked after it for a while: none of its parts has kept anybody waiting.
    pub(super) fn rested(&mut self) {
        self.touched = self.now();
        self.mouth.rested();
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
        let left = self.record.left_at(self.now());
        if let Poll::Ready(said) = self.mouth.poll(self.held.is_some() || self.muted, left, cx) {
            self.tell(said, say);
            return Poll::Ready(Step::On);
        }
        if self.held.is_some() || self.muted {
            return Poll::Pending;
        }
        if self.too_long.is_some() {
            return Poll::Ready(Step::TooLong);
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
                    self.clause(clause, 0);
                }
            }
            Event::PartEnd { part } if self.texts.contains(part) => self.flush(),
            Event::Warning(warning) => self.beside(SessionEvent::Warning { warning: warning.clone() }, say),
            Event::Native { value } if self.parts.context.native_events => {
                self.beside(SessionEvent::Native { value: value.clone() }, say);
            }
            _ => {}
        }
        let is_over = matches!(event, Event::Finished(_));
        self.fold.push(event);
        if is_over {
            self.model = None;
            self.flush();
            let response = mem::take(&mut self.fold).partial();
            return self.finished(response, say);
        }
        Step::On
    }

    /// Tells what is no part of what it says: of one that is held, once that is wanted.
    fn beside(&mut self, event: SessionEvent, say: &SessionTeller) {
        if self.held.is_some() { self.kept.push(event) } else { say.push(event) }
    }

    fn finished(&mut self, response: Response, say: &SessionTeller) -> Step {
        self.spent(response.usage.as_ref());
        let parts: Vec<_> = response.parts.into_iter().filter(|part| part.as_text().is_none()).collect();
        let round = Round { parts, results: Vec::new() };
        self.waiting = round.calls().map(|call| call.id.clone()).collect();
        if self.waiting.is_empty() {
            self.finish = Some(response.finish);
            return Step::On;
        }
        if self.record.rounds.len() >= self.parts.settings.limits.rounds {
            self.waiting.clear();
            let most = self.parts.settings.limits.rounds;
            let message = format!("the model asked for tools more than {most} times in a row");
            return self.fail(Error::new(ErrorKind::InvalidRequest, message), say);
        }
        self.record.rounds.push(round);
        (self.is_round, self.called) = (true, false);
        if self.held.is_none() && !self.muted {
            self.call(say);
        }
        Step::On
    }

    fn flush(&mut self) {
        while let Some(clause) = self.clauses.finish() {
            self.clause(clause, 0);
        }
    }

    /// A clause, of which so much is known already.
    fn clause(&mut self, text: String, known: usize) {
        let (clause, words) = (self.record.clauses.len(), spoken(&text));
        let round = self.record.rounds.len();
        self.record.clauses.push(Clause { known, ..Clause::new(text, round) });
        if !self.muted {
            let (voice, language) = (self.voice.clone(), self.parts.settings.language.clone());
            self.mouth.add(clause, Speech { text: words, voice, language, rate: self.rate });
        }
    }

    /// The model fails. What it said is told all the same.
    fn fail(&mut self, error: Error, say: &SessionTeller) -> Step {
        self.model = None;
        if self.held.is_some() {
            return Step::Failed;
        }
        if error.kind() == ErrorKind::ContextLength && self.texts.is_empty() {
            self.too_long = Some(error);
            return Step::On;
        }
        self.fail_for_good(error, say);
        Step::On
    }

    pub(super) fn fail_for_good(&mut self, error: Error, say: &SessionTeller) {
        self.flush();
        self.spent_so_far();
        self.finish = Some(Finish::new(FinishReason::Other, "failed"));
        say.push(SessionEvent::Error { error });
    }

    /// It was interrupted for good: nothing more comes of it.
    pub(super) fn drop_rest(&mut self, say: &SessionTeller) {
        self.model = None;
        self.mouth.shut();
        self.spent_so_far();
        self.cancel_tools(say);
    }

    /// What it cost, as far as that was said.
    pub(super) fn cost(&mut self) -> Option<Usage> {
        self.spent_so_far();
        self.usage.take()
    }

    /// Goes on behind what was heard, as another item: the old one is told to be over. Gives its record.
    pub(super) fn go_on(&mut self, item: String, say: &SessionTeller) -> Record {
        let next = self.record.next(item);
        let mut old = mem::replace(&mut self.record, next);
        let rest = old.unheard();
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

    fn spent_so_far(&mut self) {
        let usage = mem::take(&mut self.fold).partial().usage;
        self.spent(usage.as_ref());
    }

    fn spent(&mut self, usage: Option<&Usage>) {
        if let Some(more) = usage {
            self.usage.get_or_insert_default().add(more);
        }
    }
}

fn chosen_voice(config: &SessionConfig, settings: &CascadeSettings) -> Option<String> {
    config.voice.clone().or_else(|| settings.voice.clone())
}
