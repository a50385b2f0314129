//! WAV files: of every kind, with heads that lie, and what is none.
use crate::ALL;
use consort_core::ErrorKind;
use consort_realtime::audio::{Encoding, Format, Shape, Sound, wav};
use proptest::prelude::*;

fn chunk(id: &str, length: u32, body: &[u8]) -> Vec<u8> {
    let mut chunk = [id.as_bytes(), &length.to_le_bytes(), body].concat();
    if body.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

fn fmt(kind: u16, channels: u16, rate: u32, frame: u16, bits: u16, more: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(kind.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(frame)).to_le_bytes());
    body.extend(frame.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend(more);
    chunk("fmt ", body.len() as u32, &body)
}

fn file(form: &str, chunks: &[Vec<u8>]) -> Vec<u8> {
    [form.as_bytes(), &0_u32.to_le_bytes(), b"WAVE", &chunks.concat()].concat()
}

fn samples(file: &[u8]) -> Vec<i16> {
    Sound::from_wav(file).unwrap().to_pcm().samples
}

const FOUR: [u8; 4] = [1, 0, 2, 0];

#[test]
fn lengths_that_lie_are_put_right() {
    let mono = || fmt(1, 1, 24_000, 2, 16, &[]);
    for length in [4, u32::MAX, 0, 1_000, u32::MAX - 36, 0x7FFF_FFFF] {
        assert_eq!(samples(&file("RIFF", &[mono(), chunk("data", length, &FOUR)])), [1, 2], "{length}");
    }
    assert_eq!(
        samples(&file("RF64", &[chunk("ds64", 28, &[0; 28]), mono(), chunk("data", u32::MAX, &FOUR)])),
        [1, 2]
    );
    // A length of 0 is believed where another chunk follows, or nothing.
    let list = chunk("LIST", 4, b"INFO");
    assert!(samples(&file("RIFF", &[mono(), chunk("data", 0, &[]), list.clone()])).is_empty());
    assert!(samples(&file("RIFF", &[mono(), chunk("data", 0, &[])])).is_empty());
    // What follows the samples is no sound, nor is half a sample.
    assert_eq!(samples(&file("RIFF", &[mono(), chunk("data", 4, &FOUR), list.clone()])), [1, 2]);
    let mut cut = file("RIFF", &[list, mono(), chunk("JUNK", 3, &[9; 3]), chunk("data", 99, &FOUR)]);
    cut.pop();
    assert_eq!(samples(&cut), [1]);
}

#[test]
fn extensible_files_say_their_kind_further_behind() {
    let more = |kind: u16, bits: u16| {
        let mut more = vec![22, 0];
        more.extend(bits.to_le_bytes());
        more.extend([0; 4]);
        more.extend(kind.to_le_bytes());
        more.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
        more
    };
    let sixteen = file("RIFF", &[fmt(0xFFFE, 2, 24_000, 4, 16, &more(1, 16)), chunk("data", 4, &FOUR)]);
    assert_eq!(Sound::from_wav(&sixteen).unwrap().shape(), Shape::new(24_000, 2).unwrap());
    // 20 bits of 24.
    let twenty = file("RIFF", &[fmt(0xFFFE, 1, 24_000, 3, 24, &more(1, 20)), chunk("data", 3, &[0, 0, 64])]);
    assert_eq!(Sound::from_wav(&twenty).unwrap().samples(), [0.5]);
    let float = file(
        "RIFF",
        &[fmt(0xFFFE, 1, 24_000, 4, 32, &more(3, 32)), chunk("data", 4, &0.25_f32.to_le_bytes())],
    );
    assert_eq!(Sound::from_wav(&float).unwrap().samples(), [0.25]);
}

#[test]
fn a_frame_size_that_makes_no_sense_is_not_believed() {
    for frame in [0, 3, 99] {
        let file = file("RIFF", &[fmt(1, 2, 24_000, frame, 16, &[]), chunk("data", 4, &FOUR)]);
        assert_eq!(samples(&file), [1, 2], "{frame}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let data = || chunk("data", 4, &FOUR);
    for (file, kind, says) in [
        (b"ID3\x04 and so on, an MP3".to_vec(), ErrorKind::InvalidRequest, "no WAV"),
        (file("RIFF", &[data()]), ErrorKind::InvalidRequest, "before its samples"),
        (file("RIFF", &[fmt(1, 1, 24_000, 2, 16, &[])]), ErrorKind::InvalidRequest, "first sample"),
        (file("RIFF", &[fmt(1, 0, 24_000, 2, 16, &[]), data()]), ErrorKind::InvalidRequest, "0 channels"),
        (file("RIFF", &[fmt(1, 1, 0, 2, 16, &[]), data()]), ErrorKind::InvalidRequest, "0 samples a second"),
        (file("RIFF", &[chunk("fmt ", 4, &[1, 0, 1, 0]), data()]), ErrorKind::InvalidRequest, "cut off"),
        (file("RIFF", &[fmt(0xFFFE, 1, 24_000, 2, 16, &[]), data()]), ErrorKind::InvalidRequest, "cut off"),
        (file("RIFF", &[fmt(0x55, 1, 24_000, 1, 0, &[]), data()]), ErrorKind::Unsupported, "kind 85"),
        (file("RIFF", &[fmt(1, 1, 24_000, 8, 64, &[]), data()]), ErrorKind::Unsupported, "64 bits"),
    ] {
        let error = Sound::from_wav(&file).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
}

#[test]
fn a_head_that_is_not_all_there_is_waited_for() {
    let whole = file(
        "RIFF",
        &[chunk("LIST", 5, b"INFOx"), fmt(7, 1, 8_000, 1, 8, &[0, 0]), chunk("data", u32::MAX, &[])],
    );
    for cut in 0..whole.len() {
        assert_eq!(wav::head(&whole[..cut]).unwrap(), None, "{cut}");
    }
    let head = wav::head(&whole).unwrap().unwrap();
    assert_eq!(head.format, Format::new(Encoding::Mulaw, Shape::new(8_000, 1).unwrap()));
    assert_eq!((head.start, head.length), (whole.len(), None));
    assert!(wav::head(b"RIXF").is_err() && wav::head(b"RIFF....WEBP").is_err(), "no more is needed to know");
    let endless = file("RIFF", &[chunk("JUNK", 2_000_000, &[])]);
    assert!(wav::head(&endless).is_err());
    assert!(wav::head(&file("RIFF", &[chunk("fmt ", u32::MAX, &[])])).is_err());
}

#[test]
fn a_file_begun_before_its_length_is_known_is_read() {
    let format = Format::new(Encoding::S16, Shape::MONO_24K);
    let streamed = [wav::header(format, None), FOUR.to_vec()].concat();
    assert_eq!(samples(&streamed), [1, 2]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(samples in prop::collection::vec(any::<i16>(), 0..300), channels in 1_u16..4, rate in 4_000_u32..192_000) {
        let shape = Shape::new(rate, channels).unwrap();
        let whole = samples.len() - samples.len() % usize::from(channels);
        let sound = Sound::new(samples[..whole].iter().map(|sample| f32::from(*sample) / 32_768.0).collect(), shape).unwrap();
        for encoding in ALL {
            let file = sound.to_wav(encoding);
            prop_assert_eq!(file.len() % 2, 0);
            prop_assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
            let read = Sound::from_wav(&file).unwrap();
            prop_assert_eq!(read.shape(), shape);
            if encoding.size() > 1 {
                prop_assert_eq!(&read, &sound);
            }
            prop_assert_eq!(Sound::from_wav(&read.to_wav(encoding)).unwrap(), read);
        }
    }

    #[test]
    fn no_bytes_are_too_odd(head in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let file = if head { [b"RIFF\0\0\0\0WAVE".as_slice(), &bytes].concat() } else { bytes };
        let _ = Sound::from_wav(&file);
    }

    /// A good file with a few bytes changed is read or refused.
    #[test]
    fn no_head_is_too_odd(changes in prop::collection::vec((0_usize..60, any::<u8>()), 1..6)) {
        let mut file = Sound::silence(Shape::MONO_24K, std::time::Duration::from_millis(1)).to_wav(Encoding::S16);
        for (at, byte) in changes {
            file[at] = byte;
        }
        if let Ok(sound) = Sound::from_wav(&file) {
            prop_assert!(sound.frames() <= file.len());
        }
    }
}
