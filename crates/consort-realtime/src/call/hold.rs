//! A call while it is held: the session, its sound, its tools and its log, one thing after the other.
use super::ahead::{Ahead, Back, Piece};
use super::event::{CallEvent, Pace, answers};
use super::keep::{Keeper, Told};
use super::knows::{Added, Knowledge};
use super::minutes::Minutes;
use super::tools::Calls;
use crate::audio::{Frame, Track};
use consort_core::{
    Clock, CloseReason, Context, Pcm, RealtimeSession, SessionEvent, SessionEvents, SessionInput,
    SessionSink, Speaker, ToolCall, ToolResult,
};
use consort_engine::Tools;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The loudest that silence is: about the last five of sixteen bits.
const SILENCE: f32 = 0.001;
/// What is played at once.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// An open session, held.
pub struct Call {
    pub(super) sink: SessionSink,
    events: SessionEvents,
    pub(super) track: Track,
    pub(super) ahead: Ahead,
    pub(super) calls: Calls,
    pub(super) knows: Knowledge,
    pub(super) participant: Option<String>,
    pub(super) minutes: Minutes,
    /// Where the minutes are kept.
    pub(super) keeper: Option<Keeper>,
    clock: Arc<dyn Clock>,
    pub(super) pace: Pace,
    /// Whether an answer may be on its way, as far as the session told.
    pub(super) is_answering: bool,
    /// The newest epoch that sound came of.
    pub(super) epoch: u64,
    /// How long the track plays up to the end of what is more than silence.
    pub(super) sounding: Duration,
    pub(super) ready: VecDeque<CallEvent>,
    /// Why the session is over, until that was told.
    pub(super) closed: Option<CloseReason>,
    pub(super) is_over: bool,
    /// Whether all was written, once it is over.
    pub(super) is_written: bool,
}

/// What comes next.
enum Step {
    Event(Option<SessionEvent>),
    Frame(Frame),
    Result(ToolResult),
    Told(Option<Told>),
    Known(Added),
    Due,
}

impl Call {
    pub(super) fn new(
        session: RealtimeSession,
        track: Track,
        tools: Tools,
        knows: Knowledge,
        minutes: Minutes,
        context: Context,
        pace: Pace,
    ) -> Self {
        Self {
            sink: session.sink,
            events: session.events,
            track,
            ahead: Ahead::default(),
            knows,
            participant: context.participant.clone(),
            minutes,
            keeper: None,
            clock: context.clock.clone(),
            calls: Calls::new(tools, context),
            pace,
            is_answering: false,
            epoch: 0,
            sounding: Duration::ZERO,
            ready: VecDeque::new(),
            closed: None,
            is_over: false,
            is_written: false,
        }
    }

    /// What happens next; nothing behind the end. It may be dropped and asked again at any time.
    pub async fn next(&mut self) -> Option<CallEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if self.closed.is_some() && self.is_written {
                self.finish().await;
            } else if self.closed.is_some() && self.track.queued().is_zero() {
                self.end();
            } else {
                let step = self.step().await;
                self.take(step);
            }
        }
    }

    /// Somebody else holds the call from here on, or the same by another way, who has `received` so much of all its sound, where
    /// that is known. The rest is played again, and what waits for them is told again. Where nothing is known, what
    /// [`played`](Self::played) never told of is played again. Says where in all the sound what comes now begins.
    pub fn resume(&mut self, received: Option<Duration>) -> Duration {
        let is_told = |call: &ToolCall| {
            let is_it = |event: &CallEvent| matches!(event, CallEvent::ToolWaits(one) if one.id == call.id);
            self.ready.iter().any(is_it)
        };
        let again: Vec<ToolCall> =
            self.calls.waiting().iter().filter(|call| !is_told(call)).cloned().collect();
        again.into_iter().rev().for_each(|call| self.ready.push_front(CallEvent::ToolWaits(call)));
        let Back { frames, is_cut } = self.ahead.take_back(received);
        if is_cut {
            self.ready.push_front(CallEvent::Cut);
        }
        self.sounding += frames.iter().map(|frame| frame.pcm.duration()).sum::<Duration>();
        self.track.take_back(frames);
        self.ahead.out()
    }

    /// How long it takes until there is nothing but silence.
    pub fn sounding(&self) -> Duration {
        self.sounding
    }

    /// Whether something is being heard, or about to be.
    pub fn is_sounding(&self) -> bool {
        !self.track.queued().is_zero() || !self.ahead.is_empty()
    }

    /// Whether tools run, or wait for a yes.
    pub fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    async fn step(&mut self) -> Step {
        let due = self.minutes.due();
        let wait = due.map(|due| self.clock.sleep(due.saturating_duration_since(self.clock.now())));
        let keeper = self.keeper.as_mut();
        // Frames of a clock that stands still are taken when they are whole, so that no gap comes between pieces.
        let is_whole = self.track.queued() >= FRAME;
        let plays = self.pace != Pace::AtOnce || self.closed.is_some() || is_whole;
        tokio::select! {
            biased;
            frame = self.track.next(), if plays => Step::Frame(frame),
            result = self.calls.next() => Step::Result(result),
            told = told(keeper) => Step::Told(told),
            added = self.knows.next() => Step::Known(added),
            () = ring(wait) => Step::Due,
            event = self.events.next(), if self.closed.is_none() => Step::Event(event),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Event(Some(event)) => self.event(event),
            Step::Event(None) => {
                self.closed.get_or_insert(CloseReason::Asked);
            }
            Step::Frame(frame) => self.play(frame),
            Step::Result(result) => self.result(result),
            Step::Told(told) => self.told(told),
            Step::Known(added) => self.learn(added),
            Step::Due => {}
        }
        self.write();
    }

    fn event(&mut self, event: SessionEvent) {
        self.minutes().event(&event);
        let was_answering = self.is_answering;
        self.is_answering = answers(&event).unwrap_or(was_answering);
        match event {
            SessionEvent::Audio { item, epoch, pcm } => return self.sound(epoch, &item, pcm),
            SessionEvent::AudioDone { ref item, .. } => self.track.end(item),
            SessionEvent::SpeechStarted { by: Speaker::User } => {
                self.knows.speech_began(&self.minutes, was_answering);
                self.ready.push_back(CallEvent::Session(event));
                return self.barge_in();
            }
            SessionEvent::Interrupted { .. } => {
                self.ahead.cut();
                self.track.flush(self.epoch + 1);
                self.forget_sound();
            }
            SessionEvent::ToolCall { ref call } => {
                let call = call.clone();
                let waits = !self.calls.ask(&call);
                self.ready.push_back(CallEvent::Session(event));
                if waits {
                    self.ready.push_back(CallEvent::ToolWaits(call));
                }
                return;
            }
            SessionEvent::TurnDone { .. } => self.knows.answered(),
            SessionEvent::ToolCancelled { ref id } => self.calls.withdraw(id),
            SessionEvent::Closed { reason } => {
                self.closed = Some(reason);
                return;
            }
            _ => {}
        }
        self.ready.push_back(CallEvent::Session(event));
    }

    fn sound(&mut self, epoch: u64, item: &str, pcm: Pcm) {
        self.epoch = self.epoch.max(epoch);
        let (is_silence, length) = (pcm.peak() < SILENCE, pcm.duration());
        match self.track.write(epoch, item, pcm) {
            Ok(true) => {
                self.minutes().sounds(item, length);
                if !is_silence {
                    self.sounding = self.track.queued();
                }
            }
            // Of an answer that was cut.
            Ok(false) => {}
            Err(error) => self.tell(SessionEvent::Error { error }),
        }
    }

    fn play(&mut self, frame: Frame) {
        self.sounding = self.sounding.saturating_sub(frame.pcm.duration());
        self.ahead.push(&frame);
        self.ready.push_back(CallEvent::Frame(frame));
        let heard = if self.pace == Pace::Reported { self.ahead.late() } else { self.ahead.all() };
        self.note_heard(heard);
    }

    pub(super) fn note_heard(&mut self, heard: Vec<Piece>) {
        let minutes = self.minutes();
        heard.iter().for_each(|piece| minutes.heard(&piece.item, piece.length));
    }

    fn result(&mut self, result: ToolResult) {
        self.minutes().result(&result);
        self.ready.push_back(CallEvent::ToolEnded(result.clone()));
        self.put(SessionInput::ToolResult { result });
    }

    /// What processors know by now is told before what waited for it.
    fn learn(&mut self, added: Added) {
        let (inputs, warnings) = self.knows.learn(added);
        for input in inputs {
            // The session's end is told by its last event.
            let _ = self.sink.push(input);
        }
        warnings.into_iter().for_each(|warning| self.tell(SessionEvent::warning("processor", warning)));
    }

    pub(super) fn told(&mut self, told: Option<Told>) {
        match told {
            Some(Told::Kept(turn)) => self.ready.push_back(CallEvent::Kept(turn)),
            Some(Told::Refused(error)) => {
                let words = format!("this conversation is not kept from here on: {}", error.message());
                self.tell(SessionEvent::warning("not_kept", words));
            }
            None => {}
        }
    }

    pub(super) fn tell(&mut self, event: SessionEvent) {
        self.ready.push_back(CallEvent::Session(event));
    }

    pub(super) fn minutes(&mut self) -> &mut Minutes {
        self.minutes.at(self.clock.now())
    }

    /// Writes what is to be written by now.
    pub(super) fn write(&mut self) {
        let writes = self.minutes().take();
        self.knows.note(&writes);
        if let Some(keeper) = &self.keeper {
            keeper.write(writes);
        }
    }
}

async fn told(keeper: Option<&mut Keeper>) -> Option<Told> {
    match keeper {
        Some(keeper) => keeper.next().await,
        None => std::future::pending().await,
    }
}

/// Returns at its time; never where there is none.
async fn ring(wait: Option<consort_core::BoxFuture<'static, ()>>) {
    match wait {
        Some(wait) => wait.await,
        None => std::future::pending().await,
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("pace", &self.pace).field("closed", &self.closed).finish_non_exhaustive()
    }
}
