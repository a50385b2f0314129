//! Resampling: as good as promised, and the same however a stream is cut.
use crate::quality;
use consort_realtime::audio::{Converter, Shape, Sound};
use proptest::prelude::*;
use std::time::Duration;

fn shape(rate: u32, channels: u16) -> Shape {
    Shape::new(rate, channels).unwrap()
}

#[test]
fn every_pair_of_rates_keeps_what_it_must_and_nothing_else() {
    for (from, to) in quality::pairs() {
        let found = quality::measure(from, to);
        assert!(found.stop.is_none_or(|stop| stop <= quality::STOP), "{from} -> {to}: {found:?}");
        assert!(found.pass <= quality::PASS, "{from} -> {to}: {found:?}");
        assert!(found.snr >= quality::SNR, "{from} -> {to}: {found:?}");
        assert!(found.delay <= 0.001, "{from} -> {to}: {found:?}");
    }
    assert!(quality::snr(6_000.0, 24_000, 48_000) >= quality::SNR);
}

/// Rates that no table of taps could hold.
#[test]
fn odd_rates_are_converted_too() {
    for (from, to) in [(47_999, 48_000), (48_000, 31_999), (192_000, 4_001), (4_001, 192_000)] {
        let low = f64::from(from.min(to)) / 2.0;
        let snr = quality::snr(low * 0.5, from, to);
        assert!(snr > 80.0, "{from} -> {to}: {snr}");
    }
}

#[test]
fn a_sound_lasts_as_long_as_before() {
    for (from, to) in quality::pairs() {
        for frames in [0, 1, 7, 441, 4_800] {
            let sound = Sound::new(vec![0.1; frames], shape(from, 1)).unwrap();
            let made = sound.converted(shape(to, 1)).unwrap().frames();
            assert_eq!(made, (frames * to as usize).div_ceil(from as usize), "{frames} from {from} to {to}");
        }
    }
}

#[test]
fn a_loud_sound_is_clipped_and_not_turned_over() {
    let square = (0..48_000).map(|n| if n / 50 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let sound = Sound::new(square, shape(48_000, 1)).unwrap().converted(shape(24_000, 1)).unwrap();
    assert!(sound.level().peak > 0.0, "the ripple of a filter goes beyond full scale");
    let samples = sound.to_pcm().samples;
    assert_eq!(samples.iter().max(), Some(&i16::MAX));
    assert_eq!(samples.iter().min(), Some(&i16::MIN));
    let turned =
        sound.samples().iter().zip(&samples).filter(|(float, held)| **float * f32::from(**held) < 0.0);
    assert_eq!(turned.count(), 0);
}

#[test]
fn a_stream_refuses_what_is_not_its_own() {
    let mut converter = Converter::new(shape(24_000, 1), shape(48_000, 1)).unwrap();
    assert!(converter.push(&Sound::silence(shape(16_000, 1), Duration::from_millis(20))).is_err());
    assert!(converter.push(&Sound::silence(shape(24_000, 2), Duration::from_millis(20))).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_converted_as_the_whole(
        from in prop::sample::select(&quality::RATES[..]),
        to in prop::sample::select(&quality::RATES[..]),
        channels in (1_u16..=3, 1_u16..=3),
        seed in prop::collection::vec(-1.0_f32..1.0, 1..64),
        cuts in prop::collection::vec(0_usize..1_500, 1..12),
    ) {
        let (from, to) = (shape(from, channels.0), shape(to, channels.1));
        let width = usize::from(channels.0);
        let frames: usize = cuts.iter().sum();
        let samples: Vec<f32> = seed.iter().copied().cycle().take(frames * width).collect();
        let whole = Sound::new(samples.clone(), from).unwrap().converted(to).unwrap();

        let mut converter = Converter::new(from, to).unwrap();
        // Twice, since a stream that was finished begins anew.
        for _ in 0..2 {
            let mut made = Sound::empty(to);
            let mut rest = &samples[..];
            for cut in &cuts {
                let (piece, later) = rest.split_at(cut * width);
                rest = later;
                made.append(&converter.push(&Sound::new(piece.to_vec(), from).unwrap()).unwrap()).unwrap();
            }
            made.append(&converter.finish()).unwrap();
            prop_assert_eq!(made.to_pcm(), whole.to_pcm());
        }
    }
}
