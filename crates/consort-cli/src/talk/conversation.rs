//! One session, held: what is said, what is heard and when, and when it is over.
use super::devices::Devices;
use super::heard::Heard;
use super::outcome::Outcome;
use super::steps::Step;
use crate::args::Talk;
use crate::stop;
use consort_core::{BoxFuture, CloseReason, Error, ErrorKind, Pcm, SessionEvent, Speaker, TranscriptMode};
use consort_realtime::call::{Call, CallEvent};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long nothing comes behind an answer: of one that was said to be complete, and of one whose sound was.
const AFTER_TURN: Duration = Duration::from_millis(300);
const AFTER_SOUND: Duration = Duration::from_secs(2);
/// How often the speaker is asked how far it is, and of how many frames the meter shows the loudest.
const TICK: Duration = Duration::from_millis(50);
const METER: u32 = 5;

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
    devices: Devices,
    by_microphone: bool,
    /// The loudest that the microphone heard since the meter was drawn, and in how many frames.
    level: (f32, u32),
    fast: bool,
    wait: Duration,
    owed: Owed,
    /// Why a device is gone.
    lost: Option<Error>,
    /// When something last came or was said, and when that was more than silence.
    last: Instant,
    spoken: Instant,
    outcome: Outcome,
}

impl Conversation {
    pub(super) fn new(talk: &Talk, call: Call, devices: Devices) -> Self {
        let quiet = talk.quiet || talk.json;
        let rate = devices.speaker.as_ref().map_or(talk.rate, |speaker| speaker.shape().rate());
        let outcome = Outcome::new(Heard::new(rate, talk.wav_out.is_some()), quiet);
        Self {
            call,
            by_microphone: devices.microphone.is_some(),
            devices,
            level: (0.0, 0),
            fast: talk.fast,
            wait: Duration::from_secs(talk.wait),
            owed: Owed::Nothing,
            lost: None,
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
                } else if !self.listens() {
                    closing = true;
                    if self.owed == Owed::All {
                        self.outcome.gives_up(self.wait);
                    }
                    self.call.close();
                }
            }
            let until = self.due();
            let waits = saying.is_none() && !closing && !(steps.is_empty() && self.listens());
            tokio::select! {
                () = &mut stop, if !stopped => {
                    (stopped, closing) = (true, true);
                    self.call.interrupt();
                    self.call.close();
                }
                heard = heard(&mut self.devices), if !closing => {
                    if let Err(error) = self.listen(heard, saying.is_some()) {
                        closing = true;
                        self.lose(error);
                    }
                }
                () = tokio::time::sleep(TICK), if self.devices.speaker.is_some() => {}
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
                () = tokio::time::sleep_until(until), if waits => {}
            }
            self.report();
        }
        if let Some(speaker) = &self.devices.speaker {
            speaker.finish().await;
        }
        self.outcome.lines.end_line();
        self.outcome
    }

    /// Says it; what takes its time is given back.
    fn say(&mut self, step: Step) -> Option<BoxFuture<'static, ()>> {
        self.outcome.said += step.duration();
        self.owed = Owed::All;
        self.outcome.turn_begins();
        self.touch(false);
        match step {
            Step::Text(text) => {
                self.outcome.lines.written(&text);
                self.call.say(&text);
                None
            }
            Step::Speech(pcm) => {
                self.call.speech_comes(None);
                Some(super::steps::play(pcm, self.call.sink(), self.fast))
            }
        }
    }

    fn listens(&self) -> bool {
        self.devices.microphone.is_some()
    }

    /// What the microphone heard goes to the model, unless a file is being played to it.
    fn listen(&mut self, heard: Result<Pcm, Error>, plays: bool) -> Result<(), Error> {
        let pcm = heard?;
        self.level = (self.level.0.max(pcm.peak()), self.level.1 + 1);
        if self.level.1 >= METER {
            self.outcome.lines.meter(self.level.0);
            self.level = (0.0, 0);
        }
        if !plays {
            self.outcome.said += pcm.duration();
            self.call.hear(pcm, None);
        }
        Ok(())
    }

    /// A device is gone: nobody can talk on.
    fn lose(&mut self, error: Error) {
        self.lost = Some(error);
        self.devices.microphone = None;
        self.call.interrupt();
        self.call.close();
    }

    /// Says how far the speaker is.
    fn report(&mut self) {
        let Some(speaker) = &mut self.devices.speaker else { return };
        if let Some(error) = speaker.failure() {
            self.devices.speaker = None;
            return self.lose(error);
        }
        let position = speaker.position();
        self.call.played(position);
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
                let is_silence = self.outcome.heard.add(&frame.pcm);
                self.touch(is_silence);
                let played = self.devices.speaker.as_mut().map_or(Ok(()), |speaker| speaker.play(&frame.pcm));
                if let Err(error) = played {
                    self.outcome.warn(&error.to_string());
                }
            }
            CallEvent::Cut => {
                if let Some(speaker) = &mut self.devices.speaker {
                    speaker.flush();
                }
            }
            CallEvent::Session(event) => {
                self.touch(false);
                self.told(event);
            }
            CallEvent::ToolEnded(_) => self.touch(false),
            // What a talk may use was named for it: no tool asks.
            CallEvent::Kept(_) | CallEvent::ToolWaits(_) => {}
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
            SessionEvent::SpeechStarted { by: Speaker::User } => self.outcome.turn_begins(),
            SessionEvent::SpeechStopped { by: Speaker::User } => self.owed = Owed::All,
            SessionEvent::TurnDone { finish, usage } => {
                self.owed = Owed::Nothing;
                self.outcome.turn_ends(&finish, usage.as_ref());
                if self.listens() {
                    // The meter has a line of its own.
                    self.outcome.lines.end_line();
                }
            }
            SessionEvent::ToolCall { call } => self.outcome.tools.push(call.name),
            SessionEvent::Reconnecting { reason } => {
                if self.owed == Owed::Nothing {
                    self.outcome.lines.cut();
                }
                self.outcome.reconnects(&reason);
            }
            SessionEvent::Warning { warning } => self.outcome.warn(&warning.message),
            SessionEvent::Error { error } => self.outcome.fails(error),
            _ => {}
        }
    }

    fn closed(&mut self, reason: CloseReason, stopped: bool) {
        let outcome = &mut self.outcome;
        let is_unanswered = self.owed != Owed::Nothing;
        match reason {
            // A microphone or speaker that is gone.
            _ if self.lost.is_some() => outcome.failed = self.lost.take(),
            // Whoever talks by a microphone ends it so.
            _ if stopped => outcome.failed = (!self.by_microphone).then(Error::cancelled),
            CloseReason::Failed { error } => outcome.failed = Some(error),
            CloseReason::Ended { message } => {
                outcome.ends(is_unanswered);
                outcome.warn(&format!("the model ended the session: {message}"));
            }
            CloseReason::Asked => {
                outcome.ends(is_unanswered);
                if outcome.failed.is_none() && !outcome.has_answer() && !self.by_microphone {
                    self.outcome.failed = Some(self.nothing());
                }
            }
        }
        self.outcome.name_sound();
    }

    /// Nothing is silent: why may there be no answer?
    fn nothing(&self) -> Error {
        let (said, wait) = (self.outcome.said, self.wait.as_secs());
        let words = if !self.outcome.warnings.is_empty() {
            "no answer came".to_owned()
        } else if said.is_zero() || self.outcome.lines.has_user() {
            format!("no answer came within {wait} s (`--wait SECONDS` waits longer)")
        } else {
            let said = said.as_secs_f64();
            format!("no speech was heard in {said:.1} s of sound, and no answer came within {wait} s")
        };
        Error::new(ErrorKind::Interrupted, words)
    }
}

/// What the microphone hears next; never where there is none.
async fn heard(devices: &mut Devices) -> Result<Pcm, Error> {
    match &mut devices.microphone {
        Some(microphone) => microphone.next().await,
        None => std::future::pending().await,
    }
}

/// Returns when what is being said is said.
async fn said(saying: &mut Option<BoxFuture<'static, ()>>) {
    match saying {
        Some(saying) => saying.await,
        None => std::future::pending().await,
    }
}
