//! The user's side: when somebody speaks, what they say, and when they are done.
//!
//! The life of a turn:
//!
//! - It is **open** while it is being said. Only the last turn may be open; whatever begins another one ends it. It is
//!   announced once it is certain that somebody speaks and means it; what never was, and is no speech, is forgotten.
//! - It is **ended** by silence, by its length, by the word that it is over, or where the detection of turns is turned on or
//!   off: whatever found its beginning will not find its end. Then its words are waited for (`words.rs`).
//! - It is **heard** once they are there, and told when all turns before it are.
//! - It has **failed** when they cannot be had. That is told at once, and it holds up no other. Of one that is still being said
//!   nothing is given up: all of it is asked for once more when it has ended.
//!
//! Where turns are not detected, what is longer than ears take is understood in **parts** (`parts.rs`): each is a turn here, and
//! all of one item are told as one.
//!
//! In a pause of an open turn, ears that work on whole turns are asked early, in case that it is over: a few times, and only
//! while the turn is short. Such a try counts for nothing: what fails in it is asked again when the turn has ended.
mod feed;
mod parts;
mod turn;
mod words;

use super::CascadeSettings;
use super::backchannel::is_backchannel;
use crate::audio::{Framer, Shape, VoiceDetector, VoiceEvent, VoiceSettings};
use crate::voices::Recogniser;
use consort_core::{Context, Error, Pcm, TranscriptMode};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use turn::Turn;

/// What was heard.
#[derive(Debug)]
pub(super) enum Told {
    /// Somebody speaks, and means it. Its end is `Over`.
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
        /// It was said when hardly anything was left that it could be a "mhm" to.
        replies: bool,
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
    /// Those of a part of a turn, of such a length, are, but for the words that it has; the rest of the turn is still to be
    /// told.
    LeftOut {
        error: Error,
        length: Duration,
        has_words: bool,
    },
}

/// All that is worked on is of this shape, in frames of this length.
const SHAPE: Shape = Shape::MONO_16K;
const FRAME: Duration = Duration::from_millis(20);
/// So many frames are heard at a time, a second of sound: then all others have their turn.
const AT_ONCE: u32 = 50;
/// So much of what was before a voice belongs to what it says.
const BEFORE: Duration = Duration::from_millis(300);
/// The end of a turn is not waited for frame by frame: so much silence may be missing that the next frame would bring.
const BRIDGE: Duration = Duration::from_millis(48);
/// A voice ends somewhere in the last frame that holds it; in its middle, on the whole.
const HALF: Duration = Duration::from_millis(8);
/// Where nothing at all is sent for so long beyond the silence that ends a turn, it was silent.
const GRACE: Duration = Duration::from_millis(200);

/// What somebody may be speaking into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    Nothing,
    /// An answer.
    Answer,
    /// The last moment of an answer, which may be a question.
    Ending,
}

/// Hears one session's user.
pub(super) struct Ears {
    recogniser: Arc<dyn Recogniser>,
    settings: Arc<CascadeSettings>,
    context: Context,
    framer: Framer<()>,
    voice: VoiceSettings,
    detector: VoiceDetector,
    /// Whether silence ends a turn; else it is told.
    detects: bool,
    before: VecDeque<Pcm>,
    /// How long it has been quiet, where turns are not detected.
    quiet: Duration,
    /// What is being said, and before it what is over and not yet understood.
    turns: VecDeque<Turn>,
    count: usize,
    told: VecDeque<Told>,
    /// When sound last came, or was heard of what came.
    last: Instant,
    /// How many frames were heard since others had their turn, and whether more wait for that.
    worked: u32,
    behind: bool,
}

impl Ears {
    pub(super) fn new(
        recogniser: Arc<dyn Recogniser>,
        settings: Arc<CascadeSettings>,
        context: Context,
        detects: bool,
    ) -> Self {
        let voice =
            VoiceSettings { sort: recogniser.sort(), stop: settings.silence, ..VoiceSettings::default() };
        let last = context.clock.now();
        Self {
            recogniser,
            settings,
            context,
            framer: Framer::new(SHAPE, FRAME),
            detector: VoiceDetector::new(voice),
            voice,
            detects,
            before: VecDeque::new(),
            quiet: Duration::ZERO,
            turns: VecDeque::new(),
            count: 0,
            told: VecDeque::new(),
            last,
            worked: 0,
            behind: false,
        }
    }

    /// Whether turns are to be detected from now on. What is being said was begun otherwise, and is over.
    pub(super) fn detect(&mut self, detects: bool) {
        if self.detects == detects {
            return;
        }
        self.commit();
        (self.detects, self.detector) = (detects, VoiceDetector::new(self.voice));
        (self.last, self.before) = (self.context.clock.now(), VecDeque::new());
    }

    /// Hears a piece of sound, as much of it as is heard at a time. While an answer sounds, more of it is needed to count.
    pub(super) fn push(&mut self, piece: Pcm, answering: Answering) -> Result<(), Error> {
        self.framer.push((), piece)?;
        self.go_on(answering);
        Ok(())
    }

    /// Hears more of what came.
    pub(super) fn go_on(&mut self, answering: Answering) {
        self.last = self.context.clock.now();
        while self.worked < AT_ONCE
            && let Some((frame, _)) = self.framer.take()
        {
            self.worked += 1;
            self.hear(frame, answering);
        }
        self.behind = self.framer.is_full();
    }

    /// Whether sound came that is not heard yet: what comes behind it has to wait.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether enough was heard for others to have their turn; they have it now.
    pub(super) fn rests(&mut self) -> bool {
        let rests = self.worked >= AT_ONCE;
        self.worked = if rests { 0 } else { self.worked };
        rests
    }

    fn hear(&mut self, frame: Pcm, answering: Answering) {
        if !self.detects {
            return self.hear_all(frame);
        }
        // Frames of the right shape cannot fail.
        let events = self.detector.push(&frame).unwrap_or_default();
        self.keep(frame);
        self.voices(events, answering);
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

    fn voices(&mut self, events: Vec<VoiceEvent>, answering: Answering) {
        for event in events {
            match event {
                VoiceEvent::Started { .. } => self.begin(),
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
        if self.open().is_some() {
            self.end(true);
        }
        let item = format!("user{}", self.count);
        self.count += 1;
        self.open_turn(item);
    }

    fn open_turn(&mut self, item: String) {
        let mut turn = Turn::new(item);
        if self.recogniser.streams() && self.detects {
            turn.listen(&self.recogniser, &self.settings, &self.context, false);
        }
        self.before.iter().for_each(|frame| turn.push(frame.clone()));
        self.turns.push_back(turn);
    }

    /// Tells that somebody speaks, once it is certain.
    fn announce(&mut self, answering: Answering) {
        let (speech, settings) = (self.detector.speech(), self.settings.clone());
        let voiced = !speech.is_zero() && self.detector.pause().is_zero();
        let Some(turn) = self.turns.back_mut().filter(|turn| turn.is_open()) else { return };
        turn.replies |= voiced && answering == Answering::Ending;
        if turn.announced {
            return;
        }
        let into = answering != Answering::Nothing;
        let needed = if into { settings.barge_in.max(settings.least) } else { settings.least };
        let nods = into && !turn.replies && is_backchannel(turn.text(), &settings.backchannels);
        if speech < needed || nods {
            return;
        }
        (turn.announced, turn.began) = (true, true);
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
                turn.listen_early(&self.recogniser, &self.settings, &self.context);
            } else if !turn.text().trim().is_empty() {
                self.told.push_back(Told::Paused { text: turn.text().to_owned() });
            }
        }
    }

    /// What is being said is over; or it was nothing.
    fn end(&mut self, is_speech: bool) {
        let Some(turn) = self.open() else { return };
        if !is_speech && !turn.announced {
            self.turns.pop_back();
            self.told.push_back(Told::Nothing);
            return;
        }
        if turn.began {
            self.told.push_back(Told::Over);
        }
        let (recogniser, settings, context) =
            (self.recogniser.clone(), self.settings.clone(), self.context.clone());
        if let Some(turn) = self.turns.back_mut() {
            turn.end(context.clock.now());
            if turn.later && turn.is_silent() {
                // Behind the last part of a turn there may be nothing.
                turn.give_up();
            }
            if turn.attempt.is_none() && turn.retry_at.is_none() && turn.final_text.is_none() {
                turn.listen(&recogniser, &settings, &context, true);
            }
        }
    }

    /// The turn is over because somebody says so. False where there is none.
    pub(super) fn commit(&mut self) -> bool {
        let has_turn = self.open().is_some();
        let speech = self.detector.speech();
        // What comes next is another turn; who speaks on begins one.
        self.detector.finish();
        self.before.clear();
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

    /// Whether silence would end what is being said: there is none while there is more to hear.
    fn listens(&self) -> bool {
        self.detects && !self.behind && self.turns.back().is_some_and(Turn::is_open)
    }

    /// When something is to be done although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        let listening = self.listens();
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
    pub(super) fn tick(&mut self, answering: Answering) {
        let now = self.context.clock.now();
        let listening = self.listens();
        let is_over = self.bridge().is_some_and(|end| now >= end);
        if listening && (is_over || now >= self.last + self.settings.silence + GRACE) {
            self.last = now;
            let events = self.detector.gap(self.settings.silence + GRACE);
            self.voices(events, answering);
        }
        self.hurry(now);
    }
}
