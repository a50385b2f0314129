//! Even frames out of what comes: all of it, once, in order, and not more of it at once than is asked for.
use consort_core::Pcm;
use consort_realtime::audio::{Encoding, Format, Framer, Intake, Pad, Shape, Sound};
use proptest::prelude::*;
use std::time::Duration;

const FRAME: Duration = Duration::from_millis(20);

fn shape(rate: u32, channels: u16) -> Shape {
    Shape::new(rate, channels).unwrap()
}

/// Frames as one sound.
fn joined(frames: impl IntoIterator<Item = Pcm>, to: Shape) -> Vec<i16> {
    frames
        .into_iter()
        .inspect(|frame| assert_eq!((frame.rate, frame.channels), (to.rate(), to.channels())))
        .flat_map(|frame| frame.samples)
        .collect()
}

#[test]
fn ten_minutes_in_one_piece_are_taken_frame_by_frame() {
    let format = Format::new(Encoding::S16, shape(48_000, 2));
    let bytes = vec![7; 600 * 48_000 * 4];
    let mut intake = Intake::new(format, Shape::MONO_16K, FRAME).unwrap();
    // What is not asked for is not made: the first frame costs no more than a frame does.
    assert_eq!(intake.push(&bytes).take(1).count(), 1);
    let mut intake = Intake::new(format, Shape::MONO_16K, FRAME).unwrap();
    let frames = intake.push(&bytes).inspect(|frame| assert_eq!(frame.samples.len(), 320)).count();
    assert_eq!(frames + intake.finish().len(), 600 * 50);
}

#[test]
fn one_byte_at_a_time_is_the_same_as_all() {
    let format = Format::new(Encoding::S16, shape(44_100, 1));
    let bytes = Sound::tone(format.shape, 500.0, 0.7, Duration::from_millis(130)).to_bytes(Encoding::S16);
    let run = |pieces: Vec<&[u8]>| {
        let mut intake = Intake::new(format, Shape::MONO_24K, FRAME).unwrap();
        let mut frames: Vec<Pcm> = Vec::new();
        for piece in pieces {
            frames.extend(intake.push(piece));
        }
        frames.extend(intake.finish());
        joined(frames, Shape::MONO_24K)
    };
    let whole = run(vec![&bytes]);
    assert_eq!(run(bytes.chunks(1).collect()), whole);
    let sound = Sound::from_bytes(&bytes, format).unwrap().converted(Shape::MONO_24K).unwrap().to_pcm();
    assert_eq!(whole[..sound.samples.len()], sound.samples);
    assert!(whole[sound.samples.len()..].iter().all(|sample| *sample == 0));
}

#[test]
fn what_is_not_as_declared_is_refused_and_spoils_nothing() {
    let mut framer = Framer::new(Shape::MONO_24K, FRAME);
    framer.push('a', Pcm { samples: vec![1; 300], rate: 24_000, channels: 1 }).unwrap();
    for (samples, rate, channels) in [(5, 24_000, 2), (4, 0, 1), (4, 24_000, 0), (4, 4_000_000_000, 1)] {
        assert!(framer.push('b', Pcm { samples: vec![2; samples], rate, channels }).is_err());
    }
    framer.push('a', Pcm { samples: vec![1; 180], rate: 24_000, channels: 1 }).unwrap();
    let (frame, spans) = framer.take().unwrap();
    assert_eq!(frame.samples, [1; 480]);
    assert_eq!(spans.len(), 1);
    assert!(framer.is_empty());
}

fn pieces() -> impl Strategy<Value = Vec<(u8, u32, u16, usize)>> {
    let rate = prop::sample::select(vec![8_000_u32, 16_000, 24_000, 44_100, 48_000]);
    // So short a piece that it makes no frame of another rate would be nobody's.
    let length = prop_oneof![1 => Just(0), 9 => 10_usize..3_000];
    prop::collection::vec((0_u8..3, rate, 1_u16..3, length), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever comes, in whatever shapes and pieces: frames are what one gets by converting each row of pieces of one
    /// shape as a whole, and every frame of it is its owner's.
    #[test]
    fn frames_hold_all_that_came(pieces in pieces(), to_channels in 1_u16..3) {
        let to = shape(24_000, to_channels);
        let mut expected = Vec::new();
        let mut framer = Framer::new(to, FRAME);
        let mut run: Option<Sound> = None;
        let mut frames = Vec::new();
        let mut spans: Vec<(u8, usize)> = Vec::new();
        let note = |(frame, of): (Pcm, Vec<consort_realtime::audio::Span<u8>>), frames: &mut Vec<Pcm>, spans: &mut Vec<(u8, usize)>| {
            frames.push(frame);
            for span in of {
                match spans.last_mut() {
                    Some((owner, sum)) if *owner == span.owner => *sum += span.frames,
                    _ => spans.push((span.owner, span.frames)),
                }
            }
        };
        let mut lasted = Duration::ZERO;
        for (n, (owner, rate, channels, length)) in pieces.iter().enumerate() {
            let from = shape(*rate, *channels);
            let samples = (0..length * usize::from(*channels)).map(|k| i16::try_from((k * 7 + n * 1_000) % 20_000).unwrap()).collect();
            let piece = Pcm { samples, rate: *rate, channels: *channels };
            lasted += from.time_of(*length as u64);
            let sound = Sound::from_pcm(&piece).unwrap();
            match &mut run {
                Some(run) if run.shape() == from => run.append(&sound).unwrap(),
                _ => {
                    if let Some(run) = run.replace(sound) {
                        expected.extend(run.converted(to).unwrap().to_pcm().samples);
                    }
                }
            }
            framer.push(*owner, piece).unwrap();
            if n % 3 == 0 {
                while let Some(made) = framer.take() {
                    note(made, &mut frames, &mut spans);
                }
            }
            let given = to.time_of(spans.iter().map(|(_, frames)| *frames as u64).sum());
            let left = framer.queued() + given;
            prop_assert!(left.abs_diff(lasted) < Duration::from_millis(2), "{:?} of {:?}", left, lasted);
        }
        expected.extend(run.map(|run| run.converted(to).unwrap().to_pcm().samples).unwrap_or_default());
        while let Some(made) = framer.rest() {
            note(made, &mut frames, &mut spans);
        }
        prop_assert!(framer.is_empty());
        prop_assert_eq!(framer.queued(), Duration::ZERO);
        let got = joined(frames, to);
        prop_assert_eq!(&got[..expected.len()], &expected[..]);
        prop_assert!(got.len() - expected.len() < 480 * usize::from(to_channels));
        prop_assert!(got[expected.len()..].iter().all(|sample| *sample == 0));
        let owned: usize = spans.iter().map(|(_, frames)| frames).sum();
        prop_assert_eq!(owned * usize::from(to_channels), expected.len());
        let mut owners: Vec<u8> = pieces.iter().filter(|piece| piece.3 > 0).map(|piece| piece.0).collect();
        owners.dedup();
        prop_assert_eq!(spans.into_iter().map(|(owner, _)| owner).collect::<Vec<_>>(), owners);
    }

    /// Chunks put together are the sound, and each is as long as all.
    #[test]
    fn chunks_are_the_whole(frames in 0_usize..500, size in 1_usize..60, overlap in 0_usize..60, channels in 1_u16..4) {
        let samples: Vec<f32> = (0..frames * usize::from(channels)).map(|n| n as f32 / 2_048.0).collect();
        let sound = Sound::new(samples, shape(8_000, channels)).unwrap();
        let overlap = overlap.min(size - 1);
        let mut whole = Sound::empty(sound.shape());
        for (n, chunk) in sound.chunks(size, overlap, Pad::None).enumerate() {
            prop_assert!(chunk.frames() <= size);
            let news = chunk.frames() - if n == 0 { 0 } else { overlap };
            prop_assert!(news > 0);
            whole.append(&chunk.tail(chunk.shape().time_of(news as u64), Pad::None)).unwrap();
        }
        prop_assert_eq!(whole, sound.clone());
        prop_assert!(sound.chunks(size, overlap, Pad::End).all(|chunk| chunk.frames() == size));
    }
}
