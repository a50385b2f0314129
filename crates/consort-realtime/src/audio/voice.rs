//! Who speaks when: voices in a stream of sound, by the crate `earshot`.
use super::format::Shape;
use super::framer::Framer;
use super::level::Level;
use super::sound::pcm;
use consort_core::{Error, Pcm};
use earshot::Detector;
use std::time::Duration;

/// What the detector judges at once, at 16 kHz.
const FRAME: Duration = Duration::from_millis(16);
/// What is quieter than this, in decibels of full scale, is silence.
const SILENCE: f32 = -42.0;
/// How much of a long piece is worked on at once.
const STEP: Duration = Duration::from_secs(1);

/// What is taken for a voice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VoiceSort {
    /// What sounds like one.
    #[default]
    Human,
    /// Whatever is no silence: tones, and machines that speak in them.
    Any,
}

/// When a voice counts as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceSettings {
    pub sort: VoiceSort,
    /// Speech begins when a voice was heard for so long,
    pub start: Duration,
    /// and ends when none was for so long.
    pub stop: Duration,
    /// How sure the detector must be, of 1, that there is a voice,
    pub threshold: f32,
    /// and how unsure that there is none any more. What is between both leaves things as they are.
    pub release: f32,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self {
            sort: VoiceSort::Human,
            start: Duration::from_millis(64),
            stop: Duration::from_millis(500),
            threshold: 0.5,
            release: 0.35,
        }
    }
}

/// What was heard, at which moment of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceEvent {
    /// Somebody began to speak.
    Started { at: Duration },
    /// The voice has ended, after so much speech: of a cough or a door there is little.
    Stopped { at: Duration, speech: Duration },
}

/// Hears voices in one stream of sound.
pub struct VoiceDetector {
    /// None where any sound is a voice.
    detector: Option<Box<Detector>>,
    framer: Framer<()>,
    turns: Turns,
    /// What a gap left over that filled no frame.
    slack: Duration,
}

impl std::fmt::Debug for VoiceDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceDetector").field("turns", &self.turns).finish_non_exhaustive()
    }
}

impl VoiceDetector {
    pub fn new(settings: VoiceSettings) -> Self {
        Self {
            detector: (settings.sort == VoiceSort::Human).then(Detector::default_boxed),
            framer: Framer::new(Shape::MONO_16K, FRAME),
            turns: Turns::new(settings),
            slack: Duration::ZERO,
        }
    }

    /// Hears the next piece of the stream, of any shape.
    pub fn push(&mut self, piece: &Pcm) -> Result<Vec<VoiceEvent>, Error> {
        let shape = Shape::of(piece)?;
        let mut events = Vec::new();
        for step in piece.samples.chunks(shape.frames_in(STEP) * shape.width()) {
            self.framer.push((), pcm(step.to_vec(), shape))?;
            while let Some((frame, _)) = self.framer.take() {
                self.judge(&frame, &mut events);
            }
        }
        Ok(events)
    }

    /// So much time passed in which nothing was sent, as some do while nobody speaks: it was silent.
    pub fn gap(&mut self, time: Duration) -> Vec<VoiceEvent> {
        let mut events = Vec::new();
        // What waited for the rest of its frame was the last before the silence, and is filled up by it.
        let mut time = time.saturating_add(self.slack);
        while let Some((frame, spans)) = self.framer.rest() {
            self.judge(&frame, &mut events);
            let sounded: usize = spans.iter().map(|span| span.frames).sum();
            time = time.saturating_sub(FRAME.saturating_sub(Shape::MONO_16K.time_of(sounded as u64)));
        }
        let silent = u64::try_from(time.as_nanos() / FRAME.as_nanos()).unwrap_or(u64::MAX);
        self.slack = Duration::from_nanos((time.as_nanos() % FRAME.as_nanos()) as u64);
        if silent > 0 {
            if let Some(detector) = &mut self.detector {
                detector.reset();
            }
            self.turns.silence(silent, &mut events);
        }
        events
    }

    /// The stream is at its end, and so is who spoke.
    pub fn finish(&mut self) -> Vec<VoiceEvent> {
        let mut events = self.gap(Duration::ZERO);
        self.turns.stop(&mut events);
        events
    }

    pub fn is_speaking(&self) -> bool {
        self.turns.spoken.is_some()
    }

    /// For how long a voice was heard since somebody began to speak; nothing while nobody does.
    pub fn speech(&self) -> Duration {
        self.turns.spoken.map_or(Duration::ZERO, time_of)
    }

    /// For how long who speaks has been silent by now.
    pub fn pause(&self) -> Duration {
        time_of(if self.is_speaking() { self.turns.quiet } else { 0 })
    }

    /// How much it was given that fills no frame yet, and was not judged.
    pub fn waiting(&self) -> Duration {
        self.framer.queued()
    }

    fn judge(&mut self, frame: &Pcm, events: &mut Vec<VoiceEvent>) {
        let loud = Level::of(frame).rms;
        let score = match &mut self.detector {
            Some(detector) => detector.predict_i16(&frame.samples),
            None => f32::from(u8::from(loud > SILENCE)),
        };
        self.turns.step(if score.is_finite() { score } else { 0.0 }, loud, events);
    }
}

/// What scores mean: a voice now and then is no speech, and a pause is not its end.
#[derive(Debug)]
struct Turns {
    settings: VoiceSettings,
    /// In frames of the detector, as is all that is counted here.
    heard: u64,
    /// Frames with a voice in a row, while nobody speaks.
    voiced: u64,
    /// Frames without one in a row, while somebody does.
    quiet: u64,
    /// Frames with a voice since somebody began to speak; none while nobody does.
    spoken: Option<u64>,
    hush: Hush,
}

/// Since when it has been far more quiet than who speaks.
///
/// The detector's score falls 100 to 200 ms behind the end of a voice. That the voice has ended is for the score to say;
/// since when, this knows: so nobody waits for the silence that is set and for the detector too.
#[derive(Debug)]
struct Hush {
    /// How loud the voice was of late, in decibels of full scale.
    peak: f32,
    /// Frames in a row that were far below that.
    frames: u64,
}

impl Hush {
    /// So much quieter than the loudest of a voice is no part of it.
    const FAR: f32 = 30.0;
    /// What a frame takes off the loudest, so that a cough before somebody speaks softly is forgotten.
    const FADE: f32 = 0.1;
    /// The detector is behind by no more than this.
    const MOST: Duration = Duration::from_millis(320);

    fn hear(&mut self, loud: f32) {
        self.peak = loud.max(self.peak - Self::FADE);
        self.frames = if loud < self.peak - Self::FAR { self.frames + 1 } else { 0 };
    }

    fn behind(&self) -> u64 {
        self.frames.min(frames_in(Self::MOST))
    }
}

impl Turns {
    fn new(settings: VoiceSettings) -> Self {
        Self {
            settings,
            heard: 0,
            voiced: 0,
            quiet: 0,
            spoken: None,
            hush: Hush { peak: Level::SILENCE, frames: 0 },
        }
    }

    fn step(&mut self, score: f32, loud: f32, events: &mut Vec<VoiceEvent>) {
        self.heard = self.heard.saturating_add(1);
        self.hush.hear(loud);
        let VoiceSettings { start, stop, threshold, release, sort: _ } = self.settings;
        let Some(spoken) = &mut self.spoken else {
            if score >= threshold {
                self.voiced += 1;
            } else if score < release {
                self.voiced = 0;
            }
            if self.voiced > 0 && self.voiced >= frames_in(start) {
                self.start(events);
            }
            return;
        };
        if score >= threshold {
            *spoken += 1;
            self.quiet = 0;
        } else if self.quiet > 0 {
            self.quiet += 1;
        } else if score < release {
            self.quiet = self.hush.behind().max(1);
        }
        if self.quiet > 0 && self.quiet >= full_frames_in(stop) {
            self.stop(events);
        }
    }

    fn silence(&mut self, frames: u64, events: &mut Vec<VoiceEvent>) {
        // After so much of it, more changes nothing.
        let told = frames.min(frames_in(self.settings.stop).saturating_add(1));
        (0..told).for_each(|_| self.step(0.0, Level::SILENCE, events));
        self.heard = self.heard.saturating_add(frames - told);
    }

    fn start(&mut self, events: &mut Vec<VoiceEvent>) {
        events.push(VoiceEvent::Started { at: time_of(self.heard - self.voiced) });
        self.spoken = Some(self.voiced);
        (self.voiced, self.quiet) = (0, 0);
    }

    fn stop(&mut self, events: &mut Vec<VoiceEvent>) {
        if let Some(spoken) = self.spoken.take() {
            let at = time_of(self.heard - self.quiet);
            events.push(VoiceEvent::Stopped { at, speech: time_of(spoken) });
        }
        (self.voiced, self.quiet) = (0, 0);
    }
}

fn frames_in(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(FRAME.as_nanos())).unwrap_or(u64::MAX)
}

/// The frame in which a voice ends is in part silence already: what it lacks to a full one is not waited for twice.
fn full_frames_in(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / FRAME.as_nanos()).unwrap_or(u64::MAX)
}

fn time_of(frames: u64) -> Duration {
    Shape::MONO_16K.time_of(frames.saturating_mul(256))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// `V` is a voice, `.` none, `?` neither, for one frame each.
    fn events(scores: &str) -> Vec<VoiceEvent> {
        let settings = VoiceSettings { start: 48 * MS, stop: 64 * MS, ..VoiceSettings::default() };
        let mut turns = Turns::new(settings);
        let mut events = Vec::new();
        for score in scores.chars() {
            let score = match score {
                'V' => 0.9,
                '?' => 0.4,
                _ => 0.1,
            };
            turns.step(score, -20.0, &mut events);
        }
        turns.stop(&mut events);
        events
    }

    fn started(frame: u32) -> VoiceEvent {
        VoiceEvent::Started { at: 16 * MS * frame }
    }

    fn stopped(frame: u32, speech: u32) -> VoiceEvent {
        VoiceEvent::Stopped { at: 16 * MS * frame, speech: 16 * MS * speech }
    }

    #[test]
    fn speech_begins_after_enough_of_it_and_ends_after_enough_silence() {
        assert_eq!(events("..VV.VV.."), [], "two frames are no speech");
        assert_eq!(events(".VVVVVV...."), [started(1), stopped(7, 6)]);
        assert_eq!(events("VVVVV...VV....VVV"), [started(0), stopped(10, 7), started(14), stopped(17, 3)]);
    }

    #[test]
    fn of_a_cough_it_is_told_how_short_it_was() {
        assert_eq!(events("..VVV....."), [started(2), stopped(5, 3)]);
        assert_eq!(events("..VVV..V..V....."), [started(2), stopped(11, 5)]);
    }

    #[test]
    fn what_is_between_both_thresholds_changes_nothing() {
        assert_eq!(events("V?V?V"), [started(2), stopped(5, 3)]);
        assert_eq!(events("VVVVV????????"), [started(0), stopped(13, 5)]);
        assert_eq!(events("VVVVV.???"), [started(0), stopped(5, 5)]);
    }

    #[test]
    fn silence_counts_from_where_it_is_quiet_and_not_from_where_the_score_falls() {
        let settings = VoiceSettings { start: 48 * MS, stop: 160 * MS, ..VoiceSettings::default() };
        let heard = |quiet: f32, frames: usize| {
            let (mut turns, mut events) = (Turns::new(settings), Vec::new());
            (0..10).for_each(|_| turns.step(0.9, -15.0, &mut events));
            // It is quiet, and the detector goes on for eight frames.
            (0..8).for_each(|_| turns.step(0.9, quiet, &mut events));
            (0..frames).for_each(|_| turns.step(0.1, quiet, &mut events));
            events.last().copied().unwrap()
        };
        assert_eq!(heard(-60.0, 1), started(0));
        assert_eq!(heard(-60.0, 3), stopped(10, 18), "ten frames are quiet, eight of them known behind");
        // Who is not far more quiet than before speaks on.
        assert_eq!(heard(-40.0, 9), started(0));
        assert_eq!(heard(-40.0, 10), stopped(18, 18));
    }
}
