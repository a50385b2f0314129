//! One session of a cascade: what is told to it, and whose turn it is to do something.
//!
//! What it hears is in `said.rs`, what it answers in `reply.rs`, what cuts an answer in `cut.rs`.
mod cut;
mod reply;
mod said;

use super::Cascade;
use super::answer::{Answer, Parts, Step};
use super::ears::{Answering, Ears, Told};
use super::history::History;
use super::timer::Timer;
use crate::shown;
use consort_core::{
    Cancel, Clock, CloseReason, Context, Media, Modality, Part, Pcm, SessionConfig, SessionEvent,
    SessionInput, SessionInputs, SessionTeller, Support, ToolResult, Usage,
};
use cut::Paused;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// So many written turns may wait for an answer; then nothing more is taken until one has it.
const LATER: usize = 64;
/// What is said into so much of the end of an answer may be the reply to it, whatever it is.
const ENDING: Duration = Duration::from_secs(1);

pub(super) struct Session {
    parts: Parts,
    clock: Arc<dyn Clock>,
    config: SessionConfig,
    ears: Ears,
    history: History,
    answer: Option<Answer>,
    /// What somebody spoke into, while nobody knows whether they meant it.
    paused: Option<Paused>,
    /// Something was said that nobody answers yet.
    wanted: bool,
    /// What was written while something else was answered.
    later: VecDeque<Vec<Part>>,
    pictures: Vec<Media>,
    frame: Option<Media>,
    /// What answers cost that came to nothing; it is told with the next one.
    spent: Option<Usage>,
    answers: usize,
    timer: Timer,
    /// Whether inputs are looked at first: they and all else take turns.
    inputs_first: bool,
    /// Whoever hears it is far behind.
    full: bool,
    leaving: bool,
    told_blind: bool,
    told_forgot: bool,
    /// The model's window in tokens, where it said so.
    window: Option<u64>,
}

/// What comes next.
enum Next {
    Input(Option<SessionInput>),
    /// There is more to hear of the sound that came.
    Sound,
    Told(Told),
    Step(Step),
    Tick,
}

impl Session {
    pub(super) fn new(cascade: &Cascade, config: SessionConfig, context: Context) -> Self {
        // What is given is for the opening: a session ends by itself.
        let context = Context { deadline: None, cancel: Cancel::default(), tools: None, ..context };
        let clock = context.clock.clone();
        let detects = config.turn_detection != Some(false);
        let settings = cascade.settings.clone();
        let parts = Parts {
            model: cascade.model.clone(),
            voice: cascade.voice.clone(),
            settings: settings.clone(),
            context: context.clone(),
        };
        Self {
            parts,
            ears: Ears::new(cascade.ears.clone(), settings, context.clone(), detects),
            history: History::new(config.messages.clone(), context.participant.clone()),
            config,
            answer: None,
            paused: None,
            wanted: false,
            later: VecDeque::new(),
            pictures: Vec::new(),
            frame: None,
            spent: None,
            answers: 0,
            timer: Timer::new(clock.clone()),
            clock,
            inputs_first: true,
            full: false,
            leaving: false,
            told_blind: false,
            told_forgot: false,
            window: None,
        }
    }

    pub(super) async fn hold(mut self, mut inputs: SessionInputs, say: SessionTeller) -> CloseReason {
        let model = Some(self.parts.model.card().id.clone());
        say.push(SessionEvent::Connected { model, session: None });
        self.has_voice(&say);
        loop {
            match self.next(&mut inputs, &say).await {
                Next::Input(Some(input)) => self.input(input, &say),
                Next::Input(None) => self.leave(),
                Next::Sound => self.hear_on(),
                Next::Told(told) => self.told(told, &say),
                Next::Step(step) => self.step(step, &say),
                Next::Tick => self.tick(&say),
            }
            self.go_on(&say);
            if self.ears.rests() {
                let_others().await;
            }
            if self.leaving {
                // Nobody is there any more to give their results.
                if let Some(answer) = self.answer.as_mut().filter(|answer| answer.held.is_none()) {
                    answer.leave_tools(&say);
                }
                if self.is_done() {
                    return CloseReason::Asked;
                }
            }
        }
    }

    async fn next(&mut self, inputs: &mut SessionInputs, say: &SessionTeller) -> Next {
        self.inputs_first = !self.inputs_first;
        let first = self.inputs_first;
        let takes = !self.leaving && self.later.len() < LATER;
        let (mut input, mut room) = (pin!(inputs.next()), pin!(say.room_for_sound()));
        poll_fn(|cx| {
            if takes
                && first
                && let Poll::Ready(next) = taken(&self.ears, input.as_mut(), cx)
            {
                return Poll::Ready(next);
            }
            if let Poll::Ready(told) = self.ears.poll(cx) {
                return Poll::Ready(Next::Told(told));
            }
            // Whoever is far behind with hearing is not told more.
            let was_full = self.full;
            self.full = !say.has_room_for_sound() && room.as_mut().poll(cx).is_pending();
            if !self.full {
                let paused = self.paused.as_mut().and_then(|paused| paused.answer.as_mut());
                for answer in [self.answer.as_mut(), paused].into_iter().flatten() {
                    if was_full {
                        answer.rested();
                    }
                    if let Poll::Ready(step) = answer.poll(say, cx) {
                        return Poll::Ready(Next::Step(step));
                    }
                }
            }
            // Only now is it known what is waited for.
            let due = self.due();
            if self.timer.poll(due, cx).is_ready() {
                return Poll::Ready(Next::Tick);
            }
            if takes
                && !first
                && let Poll::Ready(next) = taken(&self.ears, input.as_mut(), cx)
            {
                return Poll::Ready(next);
            }
            Poll::Pending
        })
        .await
    }

    fn due(&self) -> Option<Instant> {
        let paused = self.paused.as_ref();
        let answers = [self.answer.as_ref(), paused.and_then(|paused| paused.answer.as_ref())];
        // Nobody looks after them while there is no room.
        let answers = answers.into_iter().flatten().filter(|_| !self.full).filter_map(Answer::due);
        answers.chain(self.ears.due()).chain(paused.and_then(|paused| paused.close_at)).min()
    }

    fn tick(&mut self, say: &SessionTeller) {
        let (now, answering) = (self.clock.now(), self.answering());
        self.ears.tick(answering);
        if self.paused.as_ref().is_some_and(|paused| paused.close_at.is_some_and(|at| now >= at)) {
            self.close_paused(say);
        }
    }

    /// What somebody would speak into now.
    fn answering(&mut self) -> Answering {
        if self.answer.as_ref().is_some_and(|answer| answer.held.is_none()) {
            return Answering::Answer;
        }
        let now = self.clock.now();
        let last = self.history.last_answer().filter(|_| self.paused.is_none());
        let left = last.map_or(Duration::ZERO, |last| last.left_at(now));
        if left.is_zero() {
            Answering::Nothing
        } else if left < ENDING {
            Answering::Ending
        } else {
            Answering::Answer
        }
    }

    fn is_done(&self) -> bool {
        let is_idle = self.answer.is_none() && self.paused.is_none() && !self.wanted && self.later.is_empty();
        is_idle && !self.ears.is_busy()
    }

    /// What was said before the end still counts.
    fn leave(&mut self) {
        self.leaving = true;
        self.ears.commit();
    }

    // -- what is told to it

    fn input(&mut self, input: SessionInput, say: &SessionTeller) {
        match input {
            SessionInput::Audio(pcm) => self.hear(pcm, say),
            SessionInput::Text { text } => self.later.push_back(vec![Part::text(text)]),
            SessionInput::Image { media } => {
                if self.sees(say) {
                    self.pictures.push(media);
                    shown::bound(&mut self.pictures);
                }
            }
            SessionInput::Video { media } => self.frame = self.sees(say).then_some(media),
            SessionInput::ToolResult { result } => self.result(&result, say),
            SessionInput::Commit => {
                self.ears.commit();
            }
            SessionInput::Interrupt { item, heard } => self.interrupt(item.as_deref(), heard, say),
            SessionInput::Update { update } => {
                let asks = update.voice.is_some();
                self.config.update(update);
                if asks {
                    self.has_voice(say);
                }
                self.ears.detect(self.config.turn_detection != Some(false));
            }
        }
    }

    /// Warns where the voice that is asked for is known to be none.
    fn has_voice(&self, say: &SessionTeller) {
        let asked = self.config.voice.as_ref().or(self.parts.settings.voice.as_ref());
        let Some((asked, known)) = asked.zip(self.parts.voice.voices()) else { return };
        let warning = SessionEvent::no_such_voice(self.parts.voice.id(), asked, &known);
        warning.into_iter().for_each(|warning| say.push(warning));
    }

    fn hear(&mut self, pcm: Pcm, say: &SessionTeller) {
        let answering = self.answering();
        if let Err(error) = self.ears.push(pcm, answering) {
            say.push(SessionEvent::Error { error });
        }
    }

    fn hear_on(&mut self) {
        let answering = self.answering();
        self.ears.go_on(answering);
    }

    /// Whether the model looks at pictures.
    fn sees(&mut self, say: &SessionTeller) -> bool {
        let sees = self.parts.model.card().capabilities.reads(Modality::Image) != Support::No;
        if !sees && !std::mem::replace(&mut self.told_blind, true) {
            let model = &self.parts.model.card().id;
            say.push(SessionEvent::warning(
                "dropped",
                format!("{model} sees no pictures; they are left out"),
            ));
        }
        sees
    }

    fn result(&mut self, result: &ToolResult, say: &SessionTeller) {
        let paused = self.paused.as_mut().and_then(|paused| paused.answer.as_mut());
        let known = [self.answer.as_mut(), paused].into_iter().flatten().any(|answer| answer.result(result))
            || self.history.answers().any(|record| record.answer(result));
        if !known {
            let message = format!("a result came for the call `{}`, which nobody made", result.call_id);
            say.push(SessionEvent::warning("dropped", message));
        }
    }
}

/// The next that was said: what came before it is heard first.
fn taken(
    ears: &Ears,
    input: Pin<&mut impl Future<Output = Option<SessionInput>>>,
    cx: &mut task::Context<'_>,
) -> Poll<Next> {
    if ears.is_behind() { Poll::Ready(Next::Sound) } else { input.poll(cx).map(Next::Input) }
}

/// Lets all others have their turn; a session knows no runtime that it could ask for that.
async fn let_others() {
    let mut had_it = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut had_it, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
