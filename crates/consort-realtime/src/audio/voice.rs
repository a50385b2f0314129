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
    /// ends when none was for so long,
    pub stop: Duration,
    /// and is speech indeed, rather than a cough or a door, with so much of it.
    pub least: Duration,
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
            least: Duration::from_millis(250),
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
    /// It is speech indeed.
    Confirmed { at: Duration },
    /// The voice has ended, after so much speech. What was not confirmed was no speech.
    Stopped { at: Duration, speech: Duration, confirmed: bool },
}

/// Hears voices in one stream of sound.
pub struct VoiceDetector {
    /// None where any sound is a voice.
    detector: Option<Box<Detector>>,
    framer: Framer<()>,
    turns: Turns,
    score: f32,
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
            score: 0.0,
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
            self.score = 0.0;
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

    /// How sure it is, of 1, that there was a voice just now.
    pub fn score(&self) -> f32 {
        self.score
    }

    pub fn is_speaking(&self) -> bool {
        self.turns.speaking.is_some()
    }

    /// For how long a voice was heard since somebody began to speak; nothing while nobody does.
    pub fn speech(&self) -> Duration {
        self.turns.speaking.as_ref().map_or(Duration::ZERO, |speaking| time_of(speaking.voiced))
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
        let score = match &mut self.detector {
            Some(detector) => detector.predict_i16(&frame.samples),
            None => f32::from(u8::from(Level::of(frame).rms > SILENCE)),
        };
        self.score = if score.is_finite() { score } else { 0.0 };
        self.turns.step(self.score, events);
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
    speaking: Option<Speaking>,
}

#[derive(Debug)]
struct Speaking {
    voiced: u64,
    confirmed: bool,
}

impl Turns {
    fn new(settings: VoiceSettings) -> Self {
        Self { settings, heard: 0, voiced: 0, quiet: 0, speaking: None }
    }

    fn step(&mut self, score: f32, events: &mut Vec<VoiceEvent>) {
        self.heard = self.heard.saturating_add(1);
        let VoiceSettings { start, stop, least, threshold, release, sort: _ } = self.settings;
        let Some(speaking) = &mut self.speaking else {
            if score >= threshold {
                self.voiced += 1;
            } else if score < release {
                self.voiced = 0;
            }
            if self.voiced > 0 && self.voiced >= frames_in(start) {
                self.start(least, events);
            }
            return;
        };
        if score >= threshold {
            speaking.voiced += 1;
            self.quiet = 0;
        } else if score < release || self.quiet > 0 {
            self.quiet += 1;
        }
        if !speaking.confirmed && speaking.voiced >= frames_in(least) {
            speaking.confirmed = true;
            events.push(VoiceEvent::Confirmed { at: time_of(self.heard) });
        }
        if self.quiet > 0 && self.quiet >= frames_in(stop) {
            self.stop(events);
        }
    }

    fn silence(&mut self, frames: u64, events: &mut Vec<VoiceEvent>) {
        // After so much of it, more changes nothing.
        let told = frames.min(frames_in(self.settings.stop).saturating_add(1));
        (0..told).for_each(|_| self.step(0.0, events));
        self.heard = self.heard.saturating_add(frames - told);
    }

    fn start(&mut self, least: Duration, events: &mut Vec<VoiceEvent>) {
        events.push(VoiceEvent::Started { at: time_of(self.heard - self.voiced) });
        let confirmed = self.voiced >= frames_in(least);
        if confirmed {
            events.push(VoiceEvent::Confirmed { at: time_of(self.heard) });
        }
        self.speaking = Some(Speaking { voiced: self.voiced, confirmed });
        (self.voiced, self.quiet) = (0, 0);
    }

    fn stop(&mut self, events: &mut Vec<VoiceEvent>) {
        if let Some(Speaking { voiced, confirmed }) = self.speaking.take() {
            let at = time_of(self.heard - self.quiet);
            events.push(VoiceEvent::Stopped { at, speech: time_of(voiced), confirmed });
        }
        (self.voiced, self.quiet) = (0, 0);
    }
}

fn frames_in(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(FRAME.as_nanos())).unwrap_or(u64::MAX)
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
        let settings =
            VoiceSettings { start: 48 * MS, stop: 64 * MS, least: 80 * MS, ..VoiceSettings::default() };
        let mut turns = Turns::new(settings);
        let mut events = Vec::new();
        for score in scores.chars() {
            let score = match score {
                'V' => 0.9,
                '?' => 0.4,
                _ => 0.1,
            };
            turns.step(score, &mut events);
        }
        turns.stop(&mut events);
        events
    }

    fn started(frame: u32) -> VoiceEvent {
        VoiceEvent::Started { at: 16 * MS * frame }
    }

    fn confirmed(frame: u32) -> VoiceEvent {
        VoiceEvent::Confirmed { at: 16 * MS * frame }
    }

    fn stopped(frame: u32, speech: u32, confirmed: bool) -> VoiceEvent {
        VoiceEvent::Stopped { at: 16 * MS * frame, speech: 16 * MS * speech, confirmed }
    }

    #[test]
    fn speech_begins_after_enough_of_it_and_ends_after_enough_silence() {
        assert_eq!(events("..VV.VV.."), [], "two frames are no speech");
        assert_eq!(events(".VVVVVV...."), [started(1), confirmed(6), stopped(7, 6, true)]);
        assert_eq!(
            events("VVVVV...VV....VVV"),
            [started(0), confirmed(5), stopped(10, 7, true), started(14), stopped(17, 3, false)]
        );
    }

    #[test]
    fn a_cough_is_never_confirmed() {
        assert_eq!(events("..VVV....."), [started(2), stopped(5, 3, false)]);
        assert_eq!(events("..VVV..V..V....."), [started(2), confirmed(11), stopped(11, 5, true)]);
    }

    #[test]
    fn what_is_between_both_thresholds_changes_nothing() {
        assert_eq!(events("V?V?V"), [started(2), stopped(5, 3, false)]);
        assert_eq!(events("VVVVV????????"), [started(0), confirmed(5), stopped(13, 5, true)]);
        assert_eq!(events("VVVVV.???"), [started(0), confirmed(5), stopped(5, 5, true)]);
    }
}
