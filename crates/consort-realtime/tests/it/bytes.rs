//! Bytes and base64: cut anywhere, of every encoding, and wrong.
use crate::ALL;
use consort_core::ErrorKind;
use consort_realtime::audio::{Encoding, Format, Reader, Shape, Sound};
use proptest::prelude::*;

fn format(encoding: Encoding, channels: u16) -> Format {
    Format::new(encoding, Shape::new(24_000, channels).unwrap())
}

/// How far a sample may be from itself after it was written and read.
fn step(encoding: Encoding) -> f32 {
    match encoding {
        Encoding::U8 => 1.0 / 128.0,
        Encoding::S16 => 1.0 / 32_768.0,
        Encoding::S24 => 1.0 / 8_388_608.0,
        Encoding::S32 => 1e-9,
        Encoding::F32 | Encoding::F64 => 0.0,
        Encoding::Mulaw | Encoding::Alaw => 0.035,
    }
}

#[test]
fn full_scale_is_held_and_not_turned_over() {
    let sound = Sound::new(vec![2.0, 1.0, -1.0, -2.0], Shape::MONO_24K).unwrap();
    for encoding in ALL {
        let read = Sound::from_bytes(&sound.to_bytes(encoding), format(encoding, 1)).unwrap();
        assert!(read.samples()[..2].iter().all(|sample| *sample > 0.95), "{encoding:?}: {read:?}");
        assert!(read.samples()[2..].iter().all(|sample| *sample < -0.95), "{encoding:?}: {read:?}");
    }
}

#[test]
fn bytes_that_are_no_whole_frames_are_refused() {
    for (bytes, format) in
        [(3, format(Encoding::S16, 1)), (6, format(Encoding::S16, 2)), (7, format(Encoding::F32, 1))]
    {
        let error = Sound::from_bytes(&vec![0; bytes], format).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(&bytes.to_string()), "{error}");
        assert!(!error.hints().is_empty());
    }
}

#[test]
fn numbers_that_are_none_are_silence() {
    let bytes: Vec<u8> = [f32::NAN, 0.5, f32::INFINITY].into_iter().flat_map(f32::to_le_bytes).collect();
    let sound = Sound::from_bytes(&bytes, format(Encoding::F32, 1)).unwrap();
    assert_eq!(sound.to_pcm().samples, [0, 16_384, i16::MAX]);
    let converted = sound.converted(Shape::new(48_000, 2).unwrap()).unwrap();
    assert!(converted.samples().iter().all(|sample| sample.is_finite()));
}

#[test]
fn base64_of_both_alphabets_is_read() {
    // Bytes whose base64 has the two letters in which the alphabets differ, and needs padding.
    let sound = Sound::from_bytes(&[0xFB, 0xEF, 0xFF, 0xFF], format(Encoding::S16, 1)).unwrap();
    assert_eq!(sound.to_base64(Encoding::S16), "++///w==");
    for text in ["++///w==", "--___w==", "++///w", "--___w", "++//\n/w==\n", "+-/_/w"] {
        assert_eq!(Sound::from_base64(text, format(Encoding::S16, 1)).unwrap(), sound, "{text}");
    }
    for text in ["++///w===", "!!!!", "+"] {
        let read = Sound::from_base64(text, format(Encoding::S16, 1));
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::InvalidRequest), "{text}");
    }
    assert!(Sound::from_base64("AAAA", format(Encoding::S16, 1)).is_err(), "three bytes");
    assert!(Sound::from_base64("", format(Encoding::S16, 1)).unwrap().is_empty());
}

proptest! {
    #[test]
    fn what_is_written_is_read(samples in prop::collection::vec(-1.0_f32..1.0, 0..200)) {
        let sound = Sound::new(samples, Shape::MONO_24K).unwrap();
        for encoding in ALL {
            let read = Sound::from_bytes(&sound.to_bytes(encoding), format(encoding, 1)).unwrap();
            prop_assert_eq!(read.frames(), sound.frames());
            for (a, b) in sound.samples().iter().zip(read.samples()) {
                prop_assert!((a - b).abs() <= step(encoding), "{:?}: {} is {}", encoding, a, b);
            }
            // Once it is what can be written, it stays.
            prop_assert_eq!(Sound::from_bytes(&read.to_bytes(encoding), format(encoding, 1)).unwrap(), read);
        }
    }

    #[test]
    fn a_stream_is_read_the_same_however_it_is_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        cuts in prop::collection::vec(0_usize..40, 1..40),
        encoding in prop::sample::select(&ALL[..]),
        channels in 1_u16..4,
    ) {
        let format = format(encoding, channels);
        let whole = bytes.len() - bytes.len() % format.frame_size();
        let expected = Sound::from_bytes(&bytes[..whole], format).unwrap();
        let mut reader = Reader::new(format);
        let mut read = Sound::empty(format.shape);
        let mut rest = &bytes[..];
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            read.append(&reader.push(piece)).unwrap();
        }
        prop_assert_eq!(reader.begun(), bytes.len() - whole);
        prop_assert_eq!(read.to_bytes(Encoding::F64), expected.to_bytes(Encoding::F64));
    }
}
