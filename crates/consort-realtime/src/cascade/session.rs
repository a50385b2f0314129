//! One session of a cascade: what is told to it, what it hears, and what it answers.
use super::Cascade;
use super::answer::{Answer, Parts, Step, add};
use super::backchannel::{is_backchannel, plain};
use super::ears::{Ears, Told};
use super::record::History;
use super::timer::Timer;
use consort_core::{
    Cancel, Clock, CloseReason, Context, Finish, FinishReason, Media, Modality, Part, Pcm, Request,
    SessionConfig, SessionEvent, SessionInput, SessionInputs, SessionTeller, Speaker, Support, ToolResult,
    ToolSpec, TranscriptMode, Usage,
};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Whoever plays the answer has so long to say how much of it was heard; then it is what should have been.
const GRACE: Duration = Duration::from_millis(200);
/// So many pictures belong to one turn; of more, the newest.
const PICTURES: usize = 16;

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
    leaving: bool,
    told_blind: bool,
    told_forgot: bool,
}

/// An answer that was cut by speech.
struct Paused {
    item: String,
    heard: Duration,
    /// The answer, where it was not complete.
    answer: Option<Answer>,
    /// When it is told what was heard of it.
    close_at: Option<Instant>,
}

/// What comes next.
enum Next {
    Input(Option<SessionInput>),
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
            ears: Ears::new(cascade.ears.clone(), settings, context, detects),
            history: History::new(config.messages.clone()),
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
            leaving: false,
            told_blind: false,
            told_forgot: false,
        }
    }

    pub(super) async fn hold(mut self, mut inputs: SessionInputs, say: SessionTeller) -> CloseReason {
        let model = Some(self.parts.model.card().id.clone());
        say.push(SessionEvent::Connected { model, session: None });
        loop {
            match self.next(&mut inputs, &say).await {
                Next::Input(Some(input)) => self.input(input, &say),
                Next::Input(None) => self.leave(),
                Next::Told(told) => self.told(told, &say),
                Next::Step(step) => self.step(step, &say),
                Next::Tick => self.tick(&say),
            }
            self.go_on(&say);
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
        let (first, leaving) = (self.inputs_first, self.leaving);
        let (mut input, mut room) = (pin!(inputs.next()), pin!(say.room()));
        poll_fn(|cx| {
            if !leaving
                && first
                && let Poll::Ready(input) = input.as_mut().poll(cx)
            {
                return Poll::Ready(Next::Input(input));
            }
            if let Poll::Ready(told) = self.ears.poll(cx) {
                return Poll::Ready(Next::Told(told));
            }
            // Whoever is far behind with hearing is not told more.
            if say.has_room() || room.as_mut().poll(cx).is_ready() {
                let paused = self.paused.as_mut().and_then(|paused| paused.answer.as_mut());
                for answer in [self.answer.as_mut(), paused].into_iter().flatten() {
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
            if !leaving
                && !first
                && let Poll::Ready(input) = input.as_mut().poll(cx)
            {
                return Poll::Ready(Next::Input(input));
            }
            Poll::Pending
        })
        .await
    }

    fn due(&self) -> Option<Instant> {
        let paused = self.paused.as_ref();
        let answers = [self.answer.as_ref(), paused.and_then(|paused| paused.answer.as_ref())];
        let answers = answers.into_iter().flatten().filter_map(Answer::due);
        answers.chain(self.ears.due()).chain(paused.and_then(|paused| paused.close_at)).min()
    }

    fn tick(&mut self, say: &SessionTeller) {
        let (now, answering) = (self.clock.now(), self.is_answering());
        self.ears.tick(answering);
        let heard = match &mut self.paused {
            Some(paused) if paused.close_at.is_some_and(|at| now >= at) => paused.heard,
            _ => return,
        };
        self.close_paused(heard, say);
    }

    /// Whether an answer is being given, or still sounds.
    fn is_answering(&mut self) -> bool {
        let now = self.clock.now();
        self.answer.as_ref().is_some_and(|answer| answer.held.is_none())
            || self.history.last_answer().is_some_and(|last| last.sounds_at(now))
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
                    let more = self.pictures.len().saturating_sub(PICTURES);
                    self.pictures.drain(..more);
                }
            }
            SessionInput::Video { media } => self.frame = self.sees(say).then_some(media),
            SessionInput::ToolResult { result } => self.result(&result, say),
            SessionInput::Commit => {
                self.ears.commit();
            }
            SessionInput::Interrupt { item, heard } => self.interrupt(item.as_deref(), heard, say),
            SessionInput::Update { update } => {
                self.config.update(update);
                self.ears.detects = self.config.turn_detection != Some(false);
            }
        }
    }

    fn hear(&mut self, pcm: Pcm, say: &SessionTeller) {
        let answering = self.is_answering();
        if let Err(error) = self.ears.push(pcm, answering) {
            say.push(SessionEvent::Error { error });
        }
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

    /// Somebody wants no more of an answer, of which this much was heard.
    fn interrupt(&mut self, item: Option<&str>, heard: Duration, say: &SessionTeller) {
        let names = |own: &str| item.is_none_or(|item| item == own);
        if let Some(paused) = self.paused.as_mut().filter(|paused| names(&paused.item)) {
            paused.heard = heard;
            return self.close_paused(heard, say);
        }
        if self.answer.as_ref().is_some_and(|answer| answer.held.is_none() && names(&answer.record.item)) {
            if let Some(mut answer) = self.answer.take() {
                answer.mute(say);
                if !answer.is_audible() {
                    say.push(SessionEvent::Interrupted { item: None });
                }
                answer.close_item(heard, say);
                self.give_up(answer, say);
            }
            return;
        }
        // What still comes is of another answer, and is wanted.
        if let Some(answer) = &mut self.answer {
            answer.epoch = say.epoch();
        }
        let mut answers = self.history.answers();
        if let Some(record) = answers.find(|record| names(&record.item)) {
            record.heard = Some(heard.min(record.heard.unwrap_or(heard)));
        }
    }

    // -- what it hears

    fn told(&mut self, told: Told, say: &SessionTeller) {
        match told {
            Told::Began => {
                say.push(SessionEvent::SpeechStarted { by: Speaker::User });
                self.barge_in(say);
            }
            Told::Words { item, mode, text } => say.push(user(item, mode, text)),
            Told::Paused { text } => self.ask_early(text, say),
            Told::WentOn => self.drop_early(),
            Told::Over if self.ears.detects => say.push(SessionEvent::SpeechStopped { by: Speaker::User }),
            Told::Over | Told::Nothing => {}
            Told::Turn { item, text, announced } => self.turn(item, text, announced, say),
            Told::Retry(error) => {
                let message = format!("what was said is listened to once more: {}", error.message());
                say.push(SessionEvent::warning("retry", message));
            }
            Told::Lost { error, announced } => {
                say.push(SessionEvent::Error { error });
                self.drop_early();
                if announced && self.paused.is_none() {
                    self.nothing_comes("failed", say);
                }
            }
        }
    }

    /// All words of a turn are there.
    fn turn(&mut self, item: String, text: String, announced: bool, say: &SessionTeller) {
        let says_something = text.chars().any(char::is_alphanumeric);
        let is_nod = !says_something || is_backchannel(&text, &self.parts.settings.backchannels);
        if !announced {
            if is_nod {
                return;
            }
            // Who speaks again by now was told to.
            let speaks_again = self.ears.is_speaking();
            if !speaks_again {
                say.push(SessionEvent::SpeechStarted { by: Speaker::User });
            }
            self.barge_in(say);
            if !speaks_again {
                say.push(SessionEvent::SpeechStopped { by: Speaker::User });
            }
        }
        say.push(user(item, TranscriptMode::Final, text.clone()));
        if self.paused.is_some() && is_nod {
            return;
        }
        if !says_something {
            self.drop_early();
            say.push(SessionEvent::warning("unheard", "nothing was understood of what was said"));
            return self.nothing_comes("unheard", say);
        }
        self.end_paused(say);
        let early = self.answer.as_ref().and_then(|answer| answer.held.as_deref());
        let is_as_thought = early.is_some_and(|thought| thought == plain(&text));
        self.say_user(Part::text(text), say);
        if is_as_thought {
            if let Some(answer) = &mut self.answer {
                answer.confirm(say);
            }
        } else {
            self.drop_early();
            self.wanted = true;
        }
    }

    /// A turn that is over gets no answer.
    fn nothing_comes(&mut self, why: &str, say: &SessionTeller) {
        let (finish, usage) = (Finish::new(FinishReason::Other, why), self.spent.take());
        say.push(SessionEvent::TurnDone { finish, usage });
    }

    /// Somebody speaks into the answer, or before it: it says no more until it is known what they say.
    fn barge_in(&mut self, say: &SessionTeller) {
        let now = self.clock.now();
        self.drop_early();
        if let Some(mut answer) = self.answer.take() {
            let (item, heard) = (answer.record.item.clone(), answer.record.heard_by(now));
            answer.mute(say);
            let close_at = answer.has_spoken().then(|| now + GRACE);
            self.end_paused(say);
            self.paused = Some(Paused { item, heard, answer: Some(answer), close_at });
        } else if let Some(last) = self.history.last_answer().filter(|last| last.sounds_at(now)) {
            let (item, heard) = (last.item.clone(), last.heard_by(now));
            last.heard = Some(heard);
            say.push(SessionEvent::Interrupted { item: Some(item.clone()) });
            self.paused = Some(Paused { item, heard, answer: None, close_at: None });
        }
    }

    /// It is known how much was heard.
    fn close_paused(&mut self, heard: Duration, say: &SessionTeller) {
        let Some(paused) = &mut self.paused else { return };
        let is_due = paused.close_at.take().is_some();
        match &mut paused.answer {
            Some(answer) if is_due => answer.close_item(heard, say),
            Some(answer) => answer.record.heard = Some(heard),
            None => {
                let item = paused.item.clone();
                if let Some(record) = self.history.answers().find(|record| record.item == item) {
                    record.heard = Some(heard);
                }
            }
        }
    }

    /// Somebody meant it: the answer that they spoke into is over.
    fn end_paused(&mut self, say: &SessionTeller) {
        let Some(heard) = self.paused.as_ref().map(|paused| paused.heard) else { return };
        self.close_paused(heard, say);
        if let Some(answer) = self.paused.take().and_then(|paused| paused.answer) {
            self.give_up(answer, say);
        }
    }

    /// Nobody meant it: the answer goes on where it was cut.
    fn resume(&mut self, say: &SessionTeller) {
        if !self.parts.settings.resume {
            return self.end_paused(say);
        }
        let Some(heard) = self.paused.as_ref().map(|paused| paused.heard) else { return };
        self.close_paused(heard, say);
        let Some(paused) = self.paused.take() else { return };
        let item = self.item();
        if let Some(mut answer) = paused.answer {
            let old = answer.go_on(item, heard, say);
            if !old.clauses.is_empty() || !old.rounds.is_empty() {
                self.history.answer(old);
            }
            self.answer = Some(answer);
            return;
        }
        let cut = self.history.answers().find(|record| record.item == paused.item);
        let rest = cut.map(|record| record.unheard(heard).to_vec()).unwrap_or_default();
        if !rest.is_empty() {
            let mut answer = self.new_answer(item, say);
            answer.repeat(&rest);
            self.answer = Some(answer);
        }
    }

    /// Keeps what was heard of an answer that was cut for good.
    fn give_up(&mut self, mut answer: Answer, say: &SessionTeller) {
        answer.drop_rest(say);
        let was_told = answer.has_spoken() || !answer.record.rounds.is_empty();
        let usage = answer.usage.take();
        if was_told {
            let finish = Finish::new(FinishReason::Other, "interrupted");
            say.push(SessionEvent::TurnDone { finish, usage });
            answer.record.heard = answer.record.heard.or(Some(Duration::ZERO));
            self.history.answer(answer.record);
        } else {
            self.keep_spent(usage);
        }
    }

    // -- what it answers

    fn step(&mut self, step: Step, say: &SessionTeller) {
        match step {
            Step::On => {}
            Step::Failed => self.drop_early(),
            Step::Round => {
                let Some(mut answer) = self.answer.take() else { return };
                answer.ask(self.request(&[], Some(&answer)));
                self.answer = Some(answer);
            }
            Step::Done => {
                let Some(mut answer) = self.answer.take() else { return };
                answer.end(say);
                self.history.answer(answer.record);
            }
        }
    }

    /// Answers what waits, when nobody speaks.
    fn go_on(&mut self, say: &SessionTeller) {
        if self.paused.is_some() && !self.ears.is_busy() {
            self.resume(say);
        }
        let is_free = self.answer.is_none() && self.paused.is_none();
        if !is_free || self.ears.is_speaking() || self.ears.is_understanding() {
            return;
        }
        if let Some(parts) = self.later.pop_front() {
            parts.into_iter().for_each(|part| self.say_user(part, say));
            self.wanted = true;
        }
        if std::mem::take(&mut self.wanted) {
            let item = self.item();
            let mut answer = self.new_answer(item, say);
            answer.usage = self.spent.take();
            answer.ask(self.request(&[], None));
            self.answer = Some(answer);
        }
    }

    /// Asks the model what it would say if that was all.
    fn ask_early(&mut self, text: String, say: &SessionTeller) {
        let thought = plain(&text);
        let is_same = self.answer.as_ref().is_some_and(|answer| answer.held.as_deref() == Some(&thought));
        if is_same || thought.is_empty() || self.wanted || !self.later.is_empty() {
            return;
        }
        self.drop_early();
        if self.answer.is_some() || self.paused.is_some() {
            return;
        }
        let mut more = vec![Part::text(text)];
        more.extend(self.pictures.iter().chain(&self.frame).cloned().map(Part::media));
        let item = self.item();
        let mut answer = self.new_answer(item, say);
        answer.held = Some(thought);
        answer.usage = self.spent.take();
        answer.ask(self.request(&more, None));
        self.answer = Some(answer);
    }

    /// Drops an answer that nobody was told of.
    fn drop_early(&mut self) {
        if let Some(early) = self.answer.take_if(|answer| answer.held.is_some()) {
            self.keep_spent(early.usage);
        }
    }

    fn keep_spent(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            add(self.spent.get_or_insert_default(), &usage);
        }
    }

    /// Adds to the conversation what the user said, and showed meanwhile.
    fn say_user(&mut self, part: Part, say: &SessionTeller) {
        let shown = self.pictures.drain(..).chain(self.frame.take()).map(Part::media);
        let parts = [part].into_iter().chain(shown).collect();
        self.history.user(parts);
        if self.history.forget(self.parts.settings.limits.turns)
            && !std::mem::replace(&mut self.told_forgot, true)
        {
            let message = "the conversation is long; the oldest of it is no longer told to the model";
            say.push(SessionEvent::warning("context_trimmed", message));
        }
    }

    fn item(&mut self) -> String {
        self.answers += 1;
        format!("answer{}", self.answers - 1)
    }

    fn new_answer(&self, item: String, say: &SessionTeller) -> Answer {
        let (voice, rate) = (self.config.voice.clone(), self.config.output_rate);
        Answer::new(self.parts.clone(), item, voice, rate, say.epoch())
    }

    fn request(&self, more: &[Part], under_way: Option<&Answer>) -> Request {
        let messages = self.history.messages(more, under_way.map(|answer| &answer.record));
        let mut request = Request::new(messages);
        if !self.config.instructions.is_empty() {
            request.instructions.push(Part::text(&self.config.instructions));
        }
        request.tools = self.config.tools.iter().cloned().map(ToolSpec::Function).collect();
        request.options.clone_from(&self.parts.settings.options);
        let own = self.config.options.iter().map(|(name, value)| (name.clone(), value.clone()));
        request.options.extend(own);
        request
    }
}

fn user(item: String, mode: TranscriptMode, text: String) -> SessionEvent {
    SessionEvent::Transcript { item, by: Speaker::User, mode, text }
}
