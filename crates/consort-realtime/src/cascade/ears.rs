//! The user's side: when somebody speaks, what they say, and when they are done.
use super::CascadeSettings;
use super::backchannel::is_backchannel;
use super::turn::Turn;
use crate::audio::{Framer, Shape, VoiceDetector, VoiceEvent, VoiceSettings};
use crate::voices::{Heard, Recogniser};
use consort_core::{Context, Error, ErrorKind, Pcm, TranscriptMode};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

/// What was heard.
#[derive(Debug)]
pub(super) enum Told {
    /// Somebody speaks, and means it.
    Began,
    Words {
        item: String,
        mode: TranscriptMode,
        text: String,
    },
    /// Somebody may be done, and has said this; the words are what they are when the turn is over.
    Paused {
        text: String,
    },
    /// They were not.
    WentOn,
    /// The turn is over; its words are still to come.
    Over,
    /// All of a turn. One that was never told to begin was short, or no more than a "mhm".
    Turn {
        item: String,
        text: String,
        announced: bool,
    },
    /// What sounded like speech was none.
    Nothing,
    /// The words of a turn could not be had, and are asked for again.
    Retry(Error),
    /// They are given up.
    Lost {
        error: Error,
        announced: bool,
    },
}

/// All that is worked on is of this shape, in frames of this length.
const SHAPE: Shape = Shape::MONO_16K;
const FRAME: Duration = Duration::from_millis(20);
/// So much of what was before a voice belongs to what it says.
const BEFORE: Duration = Duration::from_millis(300);
/// The end of a turn is not waited for frame by frame: so much silence may be missing that the next frame would bring.
const BRIDGE: Duration = Duration::from_millis(48);
/// A voice ends somewhere in the last frame that holds it; in its middle, on the whole.
const HALF: Duration = Duration::from_millis(8);
/// Where nothing at all is sent for so long beyond the silence that ends a turn, it was silent.
const GRACE: Duration = Duration::from_millis(200);

/// Hears one session's user.
pub(super) struct Ears {
    recogniser: Arc<dyn Recogniser>,
    settings: Arc<CascadeSettings>,
    context: Context,
    framer: Framer<()>,
    detector: VoiceDetector,
    /// Whether silence ends a turn; else it is told.
    pub(super) detects: bool,
    before: VecDeque<Pcm>,
    /// What is being said, and before it what is over and not yet understood.
    turns: VecDeque<Turn>,
    count: usize,
    told: VecDeque<Told>,
    /// When sound last came.
    last: Instant,
}

impl Ears {
    pub(super) fn new(
        recogniser: Arc<dyn Recogniser>,
        settings: Arc<CascadeSettings>,
        context: Context,
        detects: bool,
    ) -> Self {
        let voice = VoiceSettings {
            sort: recogniser.sort(),
            stop: settings.silence,
            least: settings.least,
            ..VoiceSettings::default()
        };
        let last = context.clock.now();
        Self {
            recogniser,
            settings,
            context,
            framer: Framer::new(SHAPE, FRAME),
            detector: VoiceDetector::new(voice),
            detects,
            before: VecDeque::new(),
            turns: VecDeque::new(),
            count: 0,
            told: VecDeque::new(),
            last,
        }
    }

    /// Hears a piece of sound. While an answer sounds, more of it is needed to count.
    pub(super) fn push(&mut self, piece: Pcm, answering: bool) -> Result<(), Error> {
        self.last = self.context.clock.now();
        self.framer.push((), piece)?;
        while let Some((frame, _)) = self.framer.take() {
            self.hear(frame, answering);
        }
        Ok(())
    }

    fn hear(&mut self, frame: Pcm, answering: bool) {
        if !self.detects {
            return self.hear_all(frame);
        }
        // Frames of the right shape cannot fail.
        let events = self.detector.push(&frame).unwrap_or_default();
        self.keep(frame);
        self.voices(events, answering);
    }

    /// Without detection everything is said, up to the word that it is over.
    fn hear_all(&mut self, frame: Pcm) {
        if self.open().is_none() {
            self.begin();
        }
        let most = self.settings.limits.turn;
        if let Some(turn) = self.open() {
            turn.announced = true;
            turn.push(frame);
            turn.forget_before(most);
        }
    }

    /// A frame belongs to what is being said, and it may be the beginning of what is said next: that one turn is over is
    /// known a moment later.
    fn keep(&mut self, frame: Pcm) {
        if let Some(turn) = self.open() {
            turn.push(frame.clone());
        }
        self.before.push_back(frame);
        while FRAME * self.before.len() as u32 > BEFORE {
            self.before.pop_front();
        }
    }

    fn voices(&mut self, events: Vec<VoiceEvent>, answering: bool) {
        for event in events {
            match event {
                VoiceEvent::Started { .. } => self.begin(),
                VoiceEvent::Confirmed { .. } => {}
                VoiceEvent::Stopped { speech, .. } => self.end(speech >= self.settings.least),
            }
        }
        self.announce(answering);
        self.pause();
        if self.turns.back().is_some_and(|turn| turn.is_open() && turn.length() >= self.settings.limits.turn)
        {
            // Who speaks on begins the next one.
            self.detector.finish();
            self.before.clear();
            self.end(true);
        }
    }

    fn begin(&mut self) {
        let item = format!("user{}", self.count);
        self.count += 1;
        let mut turn = Turn::new(item);
        if self.recogniser.streams() {
            turn.listen(&self.recogniser, &self.settings, &self.context, false);
        }
        self.before.iter().for_each(|frame| turn.push(frame.clone()));
        self.turns.push_back(turn);
    }

    /// Tells that somebody speaks, once it is certain.
    fn announce(&mut self, answering: bool) {
        let (speech, settings) = (self.detector.speech(), self.settings.clone());
        let Some(turn) = self.turns.back_mut().filter(|turn| turn.is_open() && !turn.announced) else {
            return;
        };
        let needed = if answering { settings.barge_in.max(settings.least) } else { settings.least };
        if speech < needed || (answering && is_backchannel(turn.text(), &settings.backchannels)) {
            return;
        }
        turn.announced = true;
        self.told.push_back(Told::Began);
        if !turn.text().is_empty() {
            let (item, text) = (turn.item.clone(), turn.text().to_owned());
            self.told.push_back(Told::Words { item, mode: TranscriptMode::Replacement, text });
        }
    }

    /// Sees whether who spoke is silent long enough to be answered in advance, or speaks again.
    fn pause(&mut self) {
        let (pause, alone) = (self.detector.pause(), self.turns.len() == 1);
        let (Some(eager), Some(turn)) = (self.settings.eager, self.turns.back_mut()) else { return };
        if !turn.is_open() || !turn.announced {
            return;
        }
        if pause.is_zero() && std::mem::take(&mut turn.paused) {
            turn.went_on(self.recogniser.streams());
            self.told.push_back(Told::WentOn);
        } else if pause >= eager && alone && !turn.paused {
            turn.paused = true;
            if !self.recogniser.streams() {
                turn.listen(&self.recogniser, &self.settings, &self.context, true);
            } else if !turn.text().trim().is_empty() {
                self.told.push_back(Told::Paused { text: turn.text().to_owned() });
            }
        }
    }

    /// What is being said is over; or it was nothing.
    fn end(&mut self, is_speech: bool) {
        let streams = self.recogniser.streams();
        let Some(turn) = self.open() else { return };
        if !is_speech && !turn.announced {
            self.turns.pop_back();
            self.told.push_back(Told::Nothing);
            return;
        }
        if turn.announced {
            self.told.push_back(Told::Over);
        }
        let (recogniser, settings, context) =
            (self.recogniser.clone(), self.settings.clone(), self.context.clone());
        if let Some(turn) = self.turns.back_mut() {
            turn.end(context.clock.now());
            if !streams && turn.attempt.is_none() && turn.final_text.is_none() {
                turn.listen(&recogniser, &settings, &context, true);
            }
        }
    }

    /// The turn is over because somebody says so. False where there is none.
    pub(super) fn commit(&mut self) -> bool {
        let has_turn = self.open().is_some();
        let speech = self.detector.speech();
        if self.detects {
            // What comes next is another turn; who speaks on begins one.
            self.detector.finish();
            self.before.clear();
        }
        self.end(!self.detects || speech >= self.settings.least);
        has_turn
    }

    /// Whether somebody is speaking who means it.
    pub(super) fn is_speaking(&mut self) -> bool {
        self.open().is_some_and(|turn| turn.announced)
    }

    /// Whether something is being said, or not yet understood.
    pub(super) fn is_busy(&self) -> bool {
        !self.turns.is_empty() || !self.told.is_empty()
    }

    /// Whether a turn is over whose words are still to come.
    pub(super) fn is_understanding(&self) -> bool {
        self.turns.iter().any(|turn| !turn.is_open() && turn.announced)
    }

    fn open(&mut self) -> Option<&mut Turn> {
        self.turns.back_mut().filter(|turn| turn.is_open())
    }

    /// When something is to be done although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        let listening = self.detects && self.turns.back().is_some_and(Turn::is_open);
        let silent = listening.then(|| self.last + self.settings.silence + GRACE);
        let silent = silent.map(|at| self.bridge().map_or(at, |end| end.min(at)));
        let turns = self.turns.iter().filter_map(|turn| turn.due(self.settings.limits.hearing));
        turns.chain(silent).min()
    }

    /// When the silence that ends the turn is over, where the sound so far is that close to it.
    fn bridge(&self) -> Option<Instant> {
        let pause = self.detector.pause();
        let silent = pause + self.detector.waiting() + HALF;
        let missing = self.settings.silence.saturating_sub(silent);
        (!pause.is_zero() && missing <= BRIDGE).then(|| self.last + missing)
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, answering: bool) {
        let now = self.context.clock.now();
        let listening = self.detects && self.open().is_some();
        let is_over = self.bridge().is_some_and(|end| now >= end);
        if listening && (is_over || now >= self.last + self.settings.silence + GRACE) {
            self.last = now;
            let events = self.detector.gap(self.settings.silence + GRACE);
            self.voices(events, answering);
        }
        for at in 0..self.turns.len() {
            let (recogniser, settings, context) = (&self.recogniser, &self.settings, &self.context);
            if let Some(error) = self.turns[at].late(now, settings.limits.hearing) {
                self.failed(at, error);
            } else if self.turns[at].retry_at.is_some_and(|at| now >= at) {
                self.turns[at].retry(recogniser, settings, context);
            }
        }
    }

    /// What was heard next.
    pub(super) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Told> {
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
                if turn.announced && (turn.is_open() || !is_final) {
                    self.told.push_back(Told::Words { item: turn.item.clone(), mode, text: words });
                }
            }
            Some(Err(error)) => self.failed(at, error),
            None => self.failed(
                at,
                Error::new(ErrorKind::Interrupted, "what was said was not written down to its end"),
            ),
        }
    }

    /// Tries again, or gives the turn up.
    fn failed(&mut self, at: usize, error: Error) {
        let turn = &mut self.turns[at];
        turn.attempt = None;
        if error.retryable() || error.kind() == ErrorKind::Interrupted {
            turn.tries += 1;
            if turn.tries < self.settings.limits.tries {
                turn.retry_at = Some(self.context.clock.now() + wait(turn.tries, &error));
                self.told.push_back(Told::Retry(error));
                return;
            }
        }
        let announced = turn.announced;
        if announced && turn.is_open() {
            self.told.push_back(Told::Over);
        }
        self.turns.remove(at);
        self.told.push_back(Told::Lost { error, announced });
    }

    /// Tells the first turn, once it is over and understood.
    fn finish(&mut self) -> bool {
        let Some(first) = self.turns.front_mut().filter(|first| !first.is_open()) else { return false };
        let Some(text) = first.final_text.take() else { return false };
        let (item, announced) = (first.item.clone(), first.announced);
        self.turns.pop_front();
        self.told.push_back(Told::Turn { item, text, announced });
        true
    }
}

/// How long before the next try: twice as long each time, or as long as was asked for.
fn wait(tries: u32, error: &Error) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(5);
    error.retry_after().unwrap_or(FIRST * 2_u32.saturating_pow(tries - 1)).min(LONGEST)
}
