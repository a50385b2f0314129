//! One session, held: what is said, what is heard and when, and when it is over.
use super::shown::Lines;
use super::steps::Step;
use crate::args::Talk;
use crate::stop;
use crate::terminal::{Style, print_json, tamed};
use consort_core::{BoxFuture, CloseReason, Error, Pcm, SessionEvent, Speaker, TranscriptMode, Usage};
use consort_realtime::call::{Call, CallEvent};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;
use tokio::time::Instant;

/// How long nothing comes behind an answer: of one that was said to be complete, and of one whose sound was.
const AFTER_TURN: Duration = Duration::from_millis(300);
const AFTER_SOUND: Duration = Duration::from_secs(2);
/// The loudest that silence is: about the last five of sixteen bits.
const SILENCE: f32 = 0.001;

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
    call: Call,
    fast: bool,
    quiet: bool,
    wait: Duration,
    owed: Owed,
    /// When something last came or was said, and when that was more than silence.
    last: Instant,
    spoken: Instant,
    outcome: Outcome,
}

impl Conversation {
    pub(super) fn new(talk: &Talk, call: Call) -> Self {
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
        Self {
            call,
            fast: talk.fast,
            quiet,
            wait: Duration::from_secs(talk.wait),
            owed: Owed::Nothing,
            last: Instant::now(),
            spoken: Instant::now(),
            outcome,
        }
    }

    /// Says one step after the other, each when the one before was answered, and listens up to the end.
    pub(super) async fn hold(mut self, steps: Vec<Step>) -> Outcome {
        let mut steps = VecDeque::from(steps);
        let mut saying: Option<BoxFuture<'static, ()>> = None;
        let mut stop = Box::pin(stop::asked());
        let (mut stopped, mut closing) = (false, false);
        loop {
            if saying.is_none() && self.is_quiet() && !closing {
                if let Some(step) = steps.pop_front() {
                    saying = self.say(step);
                } else {
                    closing = true;
                    self.call.close();
                }
            }
            let until = self.due();
            tokio::select! {
                () = &mut stop, if !stopped => {
                    (stopped, closing) = (true, true);
                    self.call.interrupt();
                    self.call.close();
                }
                event = self.call.next() => match event {
                    Some(CallEvent::Session(SessionEvent::Closed { reason })) => {
                        self.closed(reason, stopped);
                        break;
                    }
                    Some(event) => self.take(event),
                    None => break,
                },
                () = said(&mut saying) => {
                    saying = None;
                    self.touch(false);
                    self.call.commit();
                }
                () = tokio::time::sleep_until(until), if saying.is_none() && !closing => {}
            }
        }
        self.outcome.lines.end_line();
        self.outcome
    }

    /// Says it; what takes its time is given back.
    fn say(&mut self, step: Step) -> Option<BoxFuture<'static, ()>> {
        self.outcome.said += step.duration();
        self.owed = Owed::All;
        self.touch(false);
        match step {
            Step::Text(text) => {
                self.call.say(&text);
                None
            }
            Step::Speech(pcm) => {
                self.call.speech_comes(None);
                Some(super::steps::play(pcm, self.call.sink(), self.fast))
            }
        }
    }

    /// Something came. Silence counts as long as it may be a pause: some models send it for ever.
    fn touch(&mut self, is_silence: bool) {
        let now = Instant::now();
        if !is_silence {
            self.spoken = now;
        }
        if now.duration_since(self.spoken) < AFTER_SOUND {
            self.last = now;
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
        let is_still = (self.fast || self.call.sounding().is_zero()) && !self.call.has_calls();
        is_first || (is_still && Instant::now() >= self.due())
    }

    fn take(&mut self, event: CallEvent) {
        match event {
            CallEvent::Frame(frame) => {
                self.touch(frame.pcm.peak() < SILENCE);
                self.outcome.heard.append(&frame.pcm);
            }
            CallEvent::Session(event) => {
                self.touch(false);
                self.told(event);
            }
            CallEvent::ToolEnded(_) => self.touch(false),
            // What a talk may use was named for it: no tool asks.
            CallEvent::Cut | CallEvent::Kept(_) | CallEvent::ToolWaits(_) => {}
        }
    }

    fn told(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Transcript { item, by, mode, text } => {
                self.outcome.lines.add(&item, by, mode, &text);
            }
            SessionEvent::Text { item, text } => {
                self.outcome.lines.add(&item, Speaker::Assistant, TranscriptMode::Delta, &text);
            }
            SessionEvent::AudioDone { .. } if self.owed == Owed::All => self.owed = Owed::Words,
            SessionEvent::SpeechStopped { by: Speaker::User } => self.owed = Owed::All,
            SessionEvent::TurnDone { usage, .. } => {
                self.outcome.turns += 1;
                self.owed = Owed::Nothing;
                if let Some(usage) = usage {
                    add(self.outcome.usage.get_or_insert_default(), &usage);
                }
            }
            SessionEvent::ToolCall { call } => self.outcome.tools.push(call.name),
            SessionEvent::Reconnecting { reason } => self.warn(&format!("connecting again: {reason}")),
            SessionEvent::Warning { warning } => self.warn(&warning.message),
            SessionEvent::Error { error } => {
                self.warn(&error.to_string());
                self.outcome.failed = Some(error);
            }
            _ => {}
        }
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
async fn said(saying: &mut Option<BoxFuture<'static, ()>>) {
    match saying {
        Some(saying) => saying.await,
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
