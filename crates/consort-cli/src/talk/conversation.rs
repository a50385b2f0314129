//! One session, held: what is said, what is heard and when, and when it is over.
use super::shown::Lines;
use super::steps::Step;
use crate::args::Talk;
use crate::stop;
use crate::terminal::{Style, print_json, tamed};
use consort_core::{
    BoxFuture, Clock, CloseReason, Context, Error, ManualClock, Pcm, RealtimeSession, SessionEvent,
    SessionEvents, SessionInput, SessionSink, Speaker, ToolCall, ToolOutput, ToolResult, TranscriptMode,
    Usage,
};
use consort_engine::Tools;
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Track, TrackSettings};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long nothing comes behind an answer: of one that was said to be complete, and of one whose sound was.
const AFTER_TURN: Duration = Duration::from_millis(300);
const AFTER_SOUND: Duration = Duration::from_secs(2);

/// What came of a session.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) heard: Pcm,
    lines: Lines,
    said: Duration,
    turns: u32,
    usage: Option<Usage>,
    tools: Vec<String>,
    warnings: Vec<String>,
    /// Why it failed, where it did.
    pub(super) failed: Option<Error>,
}

/// How far the answer is that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// Its sound is complete; whether it is, only some models say.
    Words,
    All,
}

pub(super) struct Conversation {
    sink: SessionSink,
    events: SessionEvents,
    context: Context,
    tools: Tools,
    running: JoinSet<ToolResult>,
    track: Track,
    /// The newest epoch that sound came of.
    epoch: u64,
    fast: bool,
    quiet: bool,
    wait: Duration,
    owed: Owed,
    /// When something last came or was said.
    last: Instant,
    outcome: Outcome,
}

impl Conversation {
    pub(super) fn new(
        talk: &Talk,
        context: Context,
        tools: Tools,
        session: RealtimeSession,
    ) -> Result<Self, Error> {
        let shape = Shape::new(talk.rate, 1)?;
        // A clock that stands still plays as fast as it goes.
        let clock: Arc<dyn Clock> =
            if talk.fast { Arc::new(ManualClock::default()) } else { Arc::new(TokioClock) };
        let quiet = talk.quiet || talk.json;
        let outcome = Outcome {
            heard: Pcm::mono(Vec::new(), talk.rate),
            lines: Lines::new(quiet),
            said: Duration::ZERO,
            turns: 0,
            usage: None,
            tools: Vec::new(),
            warnings: Vec::new(),
            failed: None,
        };
        Ok(Self {
            sink: session.sink,
            events: session.events,
            context,
            tools,
            running: JoinSet::new(),
            track: Track::new(TrackSettings::speaker(shape), clock),
            epoch: 0,
            fast: talk.fast,
            quiet,
            wait: Duration::from_secs(talk.wait),
            owed: Owed::Nothing,
            last: Instant::now(),
            outcome,
        })
    }

    /// Says one step after the other, each when the one before was answered, and listens up to the end.
    pub(super) async fn hold(mut self, steps: Vec<Step>) -> Result<Outcome, Error> {
        let mut steps = VecDeque::from(steps);
        let mut saying: Option<(BoxFuture<'static, ()>, bool)> = None;
        let mut stop = Box::pin(stop::asked());
        let (mut stopped, mut closing) = (false, false);
        loop {
            if saying.is_none() && self.is_quiet() && !closing {
                if let Some(step) = steps.pop_front() {
                    self.outcome.said += step.duration();
                    let is_speech = matches!(step, Step::Speech(_));
                    saying = Some((step.say(self.sink.clone(), self.fast), is_speech));
                    self.owed = Owed::All;
                } else {
                    closing = true;
                    self.sink.close();
                }
            }
            let until = self.due();
            tokio::select! {
                () = &mut stop, if !stopped => {
                    (stopped, closing) = (true, true);
                    self.sink.close();
                }
                event = self.events.next() => {
                    self.last = Instant::now();
                    match event {
                        Some(SessionEvent::Closed { reason }) => {
                            self.closed(reason, stopped);
                            break;
                        }
                        Some(event) => self.take(event).await?,
                        None => break,
                    }
                }
                frame = self.track.next(), if !self.fast => {
                    self.last = Instant::now();
                    self.outcome.heard.append(&frame.pcm);
                }
                () = said(&mut saying) => {
                    self.last = Instant::now();
                    if saying.take().is_some_and(|(_, is_speech)| is_speech) {
                        // The session's end is told by its last event.
                        let _ = self.sink.push(SessionInput::Commit);
                    }
                }
                Some(Ok(result)) = self.running.join_next(), if !self.running.is_empty() => {
                    self.last = Instant::now();
                    let _ = self.sink.push(SessionInput::ToolResult { result });
                }
                () = tokio::time::sleep_until(until), if saying.is_none() && !closing => {}
            }
        }
        // What came before the end is heard to its end.
        if !stopped {
            self.hear_all().await;
        }
        self.outcome.lines.end_line();
        Ok(self.outcome)
    }

    /// Hears what waits, to its end.
    async fn hear_all(&mut self) {
        while !self.track.queued().is_zero() {
            let frame = self.track.next().await;
            self.outcome.heard.append(&frame.pcm);
        }
    }

    /// When nothing more is waited for.
    fn due(&self) -> Instant {
        self.last
            + match self.owed {
                Owed::Nothing => AFTER_TURN,
                Owed::Words => AFTER_SOUND.min(self.wait),
                Owed::All => self.wait,
            }
    }

    /// Whether the next thing can be said.
    fn is_quiet(&self) -> bool {
        let is_first = self.outcome.said.is_zero() && self.outcome.turns == 0 && self.owed == Owed::Nothing;
        let is_still = (self.fast || self.track.queued().is_zero()) && self.running.is_empty();
        is_first || (is_still && Instant::now() >= self.due())
    }

    async fn take(&mut self, event: SessionEvent) -> Result<(), Error> {
        match event {
            SessionEvent::Transcript { item, by, mode, text } => {
                self.outcome.lines.add(&item, by, mode, &text);
            }
            SessionEvent::Text { item, text } => {
                self.outcome.lines.add(&item, Speaker::Assistant, TranscriptMode::Delta, &text);
            }
            SessionEvent::Audio { item, epoch, pcm } => {
                self.epoch = self.epoch.max(epoch);
                self.track.write(epoch, &item, pcm)?;
            }
            SessionEvent::AudioDone { item, .. } => {
                self.track.end(&item);
                self.owed = if self.owed == Owed::All { Owed::Words } else { self.owed };
            }
            SessionEvent::SpeechStarted { by: Speaker::User } => self.barge_in(),
            SessionEvent::SpeechStopped { by: Speaker::User } => self.owed = Owed::All,
            SessionEvent::Interrupted { .. } => {
                if self.fast {
                    self.hear_all().await;
                }
                self.track.flush(self.epoch + 1);
            }
            SessionEvent::TurnDone { usage, .. } => {
                self.outcome.turns += 1;
                self.owed = Owed::Nothing;
                if let Some(usage) = usage {
                    add(self.outcome.usage.get_or_insert_default(), &usage);
                }
            }
            SessionEvent::ToolCall { call } => self.run(call),
            SessionEvent::Reconnecting { reason } => self.warn(&format!("connecting again: {reason}")),
            SessionEvent::Warning { warning } => self.warn(&warning.message),
            SessionEvent::Error { error } => {
                self.warn(&error.to_string());
                self.outcome.failed = Some(error);
            }
            SessionEvent::Connected { .. }
            | SessionEvent::SpeechStarted { .. }
            | SessionEvent::SpeechStopped { .. }
            | SessionEvent::ToolCancelled { .. }
            | SessionEvent::Native { .. }
            | SessionEvent::Closed { .. } => {}
        }
        Ok(())
    }

    /// The user speaks into the answer: what is left of it is not heard, and the model is told how much was. Whoever
    /// plays as fast as it goes has heard it.
    fn barge_in(&mut self) {
        if self.fast || self.track.queued().is_zero() {
            return;
        }
        let cut = self.track.flush(self.epoch + 1).items.into_iter().next();
        let (item, heard) = cut.map_or((None, Duration::ZERO), |cut| (Some(cut.item.to_string()), cut.heard));
        // The session's end is told by its last event.
        let _ = self.sink.push(SessionInput::Interrupt { item, heard });
    }

    fn run(&mut self, call: ToolCall) {
        self.outcome.tools.push(call.name.clone());
        let (tool, context) = (self.tools.get(&call.name).cloned(), self.context.clone());
        self.running.spawn(async move {
            let arguments = call.arguments.value();
            let output = match (tool, arguments) {
                (Some(tool), Ok(arguments)) => {
                    let output = tool.call(arguments, context).await;
                    output.unwrap_or_else(|error| ToolOutput::failure(error.to_string()))
                }
                (None, _) => ToolOutput::failure(format!("there is no tool `{}`", call.name)),
                (_, Err(error)) => ToolOutput::failure(format!("the arguments are no JSON: {error}")),
            };
            ToolResult {
                call_id: call.id,
                name: call.name,
                content: output.content,
                is_error: output.is_error,
            }
        });
    }

    fn warn(&mut self, message: &str) {
        if !self.quiet {
            self.outcome.lines.end_line();
            let label = Style::Warning.paint("warning:");
            // Where stderr is closed, nobody is left to tell.
            let _ = writeln!(anstream::stderr(), "{label} {}", tamed(message));
        }
        self.outcome.warnings.push(message.to_owned());
    }

    fn closed(&mut self, reason: CloseReason, stopped: bool) {
        let answered = self.outcome.lines.has_answer() || !self.outcome.heard.is_empty();
        self.outcome.failed = match reason {
            _ if stopped => Some(Error::cancelled()),
            CloseReason::Failed { error } => Some(error),
            CloseReason::Ended { message } => {
                self.warn(&format!("the model ended the session: {message}"));
                self.outcome.failed.take().filter(|_| !answered)
            }
            // What failed on the way matters where nothing else came.
            CloseReason::Asked => self.outcome.failed.take().filter(|_| !answered),
        };
    }
}

/// Returns when what is being said is said.
async fn said(saying: &mut Option<(BoxFuture<'static, ()>, bool)>) {
    match saying {
        Some((saying, _)) => saying.await,
        None => std::future::pending().await,
    }
}

/// Each turn tells its own counts.
fn add(all: &mut Usage, turn: &Usage) {
    for (sum, more) in
        [(&mut all.input, turn.input), (&mut all.output, turn.output), (&mut all.total, turn.total)]
    {
        if let Some(more) = more {
            *sum = Some(sum.unwrap_or(0).saturating_add(more));
        }
    }
}

impl Outcome {
    /// The transcript on stdout, or all of it as one object.
    pub(super) fn show(&self, model: &str, as_json: bool) -> std::io::Result<()> {
        if as_json {
            return print_json(&json!({
                "model": model,
                "transcript": self.lines.to_json(),
                "said_s": self.said.as_secs_f64(),
                "heard_s": self.heard.duration().as_secs_f64(),
                "turns": self.turns,
                "usage": self.usage,
                "tools": self.tools,
                "warnings": self.warnings,
                "error": self.failed.as_ref().map_or(Value::Null, crate::exit::to_json),
            }));
        }
        let mut to = anstream::stdout().lock();
        for line in self.lines.lines() {
            writeln!(to, "{line}")?;
        }
        to.flush()
    }
}
