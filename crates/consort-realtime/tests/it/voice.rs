//! The detector of voices on sounds: those that are none, and something like one.
use crate::speech::{noise, speech};
use consort_core::Pcm;
use consort_realtime::audio::{Shape, Sound, VoiceDetector, VoiceEvent, VoiceSettings};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn silence(ms: u32) -> Sound {
    Sound::silence(Shape::MONO_16K, ms * MS)
}

fn joined(sounds: &[Sound]) -> Sound {
    let mut all = Sound::empty(Shape::MONO_16K);
    sounds.iter().for_each(|sound| all.append(sound).unwrap());
    all
}

fn events(sound: &Sound) -> Vec<VoiceEvent> {
    let mut detector = VoiceDetector::new(VoiceSettings::default());
    let mut events = detector.push(&sound.to_pcm()).unwrap();
    events.extend(detector.finish());
    events
}

/// The one utterance that there is: from when to when.
fn utterance(events: &[VoiceEvent]) -> (Duration, Duration) {
    match events {
        [VoiceEvent::Started { at: from }, VoiceEvent::Stopped { at: to, .. }] => (*from, *to),
        other => panic!("not one utterance: {other:?}"),
    }
}

#[test]
fn one_who_speaks_is_heard_in_time() {
    let (from, to) = utterance(&events(&joined(&[silence(1_000), speech(2_000, 0.5), silence(1_500)])));
    assert!(from >= 950 * MS && from <= 1_250 * MS, "{from:?}");
    assert!(to >= 2_700 * MS && to <= 3_250 * MS, "{to:?}");
}

#[test]
fn neither_silence_nor_hiss_is_a_voice() {
    for (name, sound) in [("silence", silence(3_000)), ("hiss", noise(3_000, 0.05))] {
        let heard = events(&sound);
        let long = heard
            .iter()
            .any(|event| matches!(event, VoiceEvent::Stopped { speech, .. } if *speech >= 250 * MS));
        assert!(!long, "{name}: {heard:?}");
    }
}

#[test]
fn a_voice_that_is_clipped_or_soft_or_of_another_shape_is_heard() {
    for peak in [8.0, 0.05] {
        utterance(&events(&joined(&[silence(500), speech(2_000, peak), silence(1_000)])));
    }
    let sound = joined(&[silence(500), speech(2_000, 0.5), silence(1_000)]);
    utterance(&events(&sound.converted(Shape::new(48_000, 2).unwrap()).unwrap()));
}

#[test]
fn pieces_are_heard_as_the_whole() {
    let sound = joined(&[silence(300), speech(1_500, 0.5), silence(700), speech(900, 0.4)]);
    let whole = events(&sound);
    for frames in [1, 100, 333, 5_000] {
        let mut detector = VoiceDetector::new(VoiceSettings::default());
        let mut heard = Vec::new();
        for piece in sound.chunks(frames, 0, consort_realtime::audio::Pad::None) {
            heard.extend(detector.push(&piece.to_pcm()).unwrap());
        }
        heard.extend(detector.finish());
        assert_eq!(heard, whole, "{frames}");
    }
}

#[test]
fn one_who_sends_nothing_while_silent_has_stopped() {
    let mut detector = VoiceDetector::new(VoiceSettings::default());
    let heard = detector.push(&speech(1_000, 0.5).to_pcm()).unwrap();
    assert!(detector.is_speaking(), "{heard:?}");
    assert!(detector.gap(200 * MS).is_empty(), "a pause");
    let stopped = detector.gap(600 * MS);
    assert!(matches!(stopped[..], [VoiceEvent::Stopped { at, .. }] if at <= 1_050 * MS), "{stopped:?}");
    // A night later the clock has gone on.
    assert!(detector.gap(Duration::from_hours(9)).is_empty());
    let heard = detector.push(&speech(1_000, 0.5).to_pcm()).unwrap();
    let VoiceEvent::Started { at } = heard[0] else { panic!("{heard:?}") };
    assert!(at.abs_diff(Duration::from_hours(9) + 1_800 * MS) < 300 * MS, "{at:?}");
    assert!(detector.gap(Duration::MAX).len() == 1, "and nothing overflows");
}

#[test]
fn what_is_not_as_declared_is_refused() {
    let mut detector = VoiceDetector::new(VoiceSettings::default());
    assert!(detector.push(&Pcm { samples: vec![0; 3], rate: 16_000, channels: 2 }).is_err());
    assert!(detector.push(&Pcm { samples: vec![0; 4], rate: 7, channels: 1 }).is_err());
    assert!(detector.push(&Pcm { samples: Vec::new(), rate: 16_000, channels: 1 }).unwrap().is_empty());
}
