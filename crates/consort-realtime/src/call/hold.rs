//! A call while it is held: the session, its sound, its tools and its log, one thing after the other.
use super::ahead::{Ahead, Piece};
use super::keep::{Keeper, Told};
use super::minutes::Minutes;
use super::tools::Calls;
use crate::audio::{Frame, Track};
use consort_core::{
    Clock, CloseReason, Context, Error, Pcm, Processor, RealtimeSession, SessionEvent, SessionEvents,
    SessionInput, SessionSink, Speaker, ToolCall, ToolResult,
};
use consort_engine::Tools;
use consort_store::TurnId;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The loudest that silence is: about the last five of sixteen bits.
const SILENCE: f32 = 0.001;
/// What is played at once.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// When sound is handed out, and when it counts as heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each frame at its time, and heard then.
    Time,
    /// The same, and heard when [`Call::played`] says so: whoever plays is elsewhere.
    Reported,
    /// As fast as it comes: into a file.
    AtOnce,
}

/// What happens in a call.
#[derive(Debug)]
pub enum CallEvent {
    /// What the session tells, but for sound. `Closed` comes last, when all is played and kept.
    Session(SessionEvent),
    /// Sound, to be played now.
    Frame(Frame),
    /// Sound that was handed out and is not played yet is not wanted any more.
    Cut,
    /// This call runs when [`Call::decide`] says so.
    ToolWaits(ToolCall),
    /// A tool is done; the model is told.
    ToolEnded(ToolResult),
    /// A turn of the log began or ended.
    Kept(TurnId),
}

/// An open session, held.
pub struct Call {
    pub(super) sink: SessionSink,
    events: SessionEvents,
    pub(super) track: Track,
    pub(super) ahead: Ahead,
    pub(super) calls: Calls,
    pub(super) processors: Vec<Arc<dyn Processor>>,
    pub(super) participant: Option<String>,
    pub(super) minutes: Option<(Minutes, Keeper)>,
    clock: Arc<dyn Clock>,
    pub(super) pace: Pace,
    /// The newest epoch that sound came of.
    pub(super) epoch: u64,
    /// How long the track plays up to the end of what is more than silence.
    pub(super) sounding: Duration,
    pub(super) ready: VecDeque<CallEvent>,
    /// Why the session is over, until that was told.
    closed: Option<CloseReason>,
    is_over: bool,
    /// Whether all was written, once it is over.
    is_written: bool,
}

/// What comes next.
enum Step {
    Event(Option<SessionEvent>),
    Frame(Frame),
    Result(ToolResult),
    Told(Option<Told>),
    Due,
}

impl Call {
    pub(super) fn new(
        session: RealtimeSession,
        track: Track,
        tools: Tools,
        processors: Vec<Arc<dyn Processor>>,
        context: Context,
        pace: Pace,
    ) -> Self {
        Self {
            sink: session.sink,
            events: session.events,
            track,
            ahead: Ahead::default(),
            processors,
            participant: context.participant.clone(),
            minutes: None,
            clock: context.clock.clone(),
            calls: Calls::new(tools, context),
            pace,
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
        let due = self.minutes.as_ref().and_then(|(minutes, _)| minutes.due());
        let wait = due.map(|due| self.clock.sleep(due.saturating_duration_since(self.clock.now())));
        let keeper = self.minutes.as_mut().map(|(_, keeper)| keeper);
        // Frames of a clock that stands still are taken when they are whole, so that no gap comes between pieces.
        let is_whole = self.track.queued() >= FRAME;
        let plays = self.pace != Pace::AtOnce || self.closed.is_some() || is_whole;
        tokio::select! {
            biased;
            frame = self.track.next(), if plays => Step::Frame(frame),
            result = self.calls.next() => Step::Result(result),
            told = told(keeper) => Step::Told(told),
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
            Step::Due => {}
        }
        self.write();
    }

    fn event(&mut self, event: SessionEvent) {
        if let Some(minutes) = self.minutes() {
            minutes.event(&event);
        }
        match event {
            SessionEvent::Audio { item, epoch, pcm } => return self.sound(epoch, &item, pcm),
            SessionEvent::AudioDone { ref item, .. } => self.track.end(item),
            SessionEvent::SpeechStarted { by: Speaker::User } => {
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
                if let Some(minutes) = self.minutes() {
                    minutes.sounds(item, length);
                }
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
        if self.pace != Pace::Reported {
            let heard = self.ahead.all();
            self.note_heard(heard);
        }
    }

    pub(super) fn note_heard(&mut self, heard: Vec<Piece>) {
        if let Some(minutes) = self.minutes() {
            heard.iter().for_each(|piece| minutes.heard(&piece.item, piece.length));
        }
    }

    fn result(&mut self, result: ToolResult) {
        if let Some(minutes) = self.minutes() {
            minutes.result(&result);
        }
        self.ready.push_back(CallEvent::ToolEnded(result.clone()));
        // The session's end is told by its last event.
        let _ = self.sink.push(SessionInput::ToolResult { result });
    }

    fn told(&mut self, told: Option<Told>) {
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

    pub(super) fn minutes(&mut self) -> Option<&mut Minutes> {
        let now = self.clock.now();
        self.minutes.as_mut().map(|(minutes, _)| minutes.at(now))
    }

    /// Writes what is to be written by now.
    pub(super) fn write(&mut self) {
        let now = self.clock.now();
        if let Some((minutes, keeper)) = &mut self.minutes {
            keeper.write(minutes.at(now).take());
        }
    }

    /// All that was said is played: what is not kept yet is written.
    fn end(&mut self) {
        let heard = self.ahead.all();
        self.note_heard(heard);
        let error = self.closed.as_ref().and_then(failure).cloned();
        if let Some(minutes) = self.minutes() {
            minutes.close(error.as_ref());
        }
        self.write();
        if let Some((_, keeper)) = &mut self.minutes {
            keeper.finish();
        }
        self.is_written = true;
    }

    /// Waits until all is kept, and tells the end.
    async fn finish(&mut self) {
        let told = match &mut self.minutes {
            Some((_, keeper)) => keeper.next().await,
            None => None,
        };
        if told.is_some() {
            return self.told(told);
        }
        if let Some(reason) = self.closed.take() {
            self.tell(SessionEvent::Closed { reason });
        }
        self.is_over = true;
    }
}

fn failure(reason: &CloseReason) -> Option<&Error> {
    match reason {
        CloseReason::Failed { error } => Some(error),
        CloseReason::Asked | CloseReason::Ended { .. } => None,
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

/// Whoever holds it gives it up: what was heard up to here is kept.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_written {
            self.ahead.cut();
            if let Some(minutes) = self.minutes() {
                minutes.cut();
            }
            self.end();
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("pace", &self.pace).field("closed", &self.closed).finish_non_exhaustive()
    }
}
