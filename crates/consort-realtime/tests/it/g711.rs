//! G.711: bit for bit as the tables of the recommendation.
use consort_core::Pcm;
use consort_realtime::audio::{Encoding, Format, Shape, Sound};

const PHONE: u32 = 8_000;

fn format(encoding: Encoding) -> Format {
    Format::new(encoding, Shape::new(PHONE, 1).unwrap())
}

fn decoded(encoding: Encoding, byte: u8) -> i32 {
    i32::from(Sound::from_bytes(&[byte], format(encoding)).unwrap().to_pcm().samples[0])
}

fn encoded(encoding: Encoding, sample: i16) -> u8 {
    let piece = Pcm { samples: vec![sample], rate: PHONE, channels: 1 };
    Sound::from_pcm(&piece).unwrap().to_bytes(encoding)[0]
}

/// The decision values x(1) .. x(128) of the recommendation's tables, by its segments: where each of eight segments
/// begins, and how far its sixteen (the first time fifteen or thirty-two) values are apart. The A-law counts in 4096ths
/// of full scale, the mu-law in 8159ths of what it is written to.
fn decisions(law: Encoding) -> Vec<i32> {
    let mut values = Vec::new();
    if law == Encoding::Alaw {
        // Table 1a: 0 2 4 .. 64, then to 128 by 4, .. to 4096 by 128.
        values.extend((0..32).map(|n| n * 2));
        for segment in 1..7 {
            values.extend((0..16).map(|n| (64 << (segment - 1)) + n * (4 << (segment - 1))));
        }
    } else {
        // Table 2a: 0 1 3 5 .. 31, then to 95 by 4, to 223 by 8, .. to 8159 by 256.
        values.push(0);
        values.extend((0..15).map(|n| n * 2 + 1));
        let mut at = 31;
        for segment in 1..8 {
            values.extend((0..16).map(|n| at + n * (2 << segment)));
            at += 16 * (2 << segment);
        }
    }
    assert_eq!(values.len(), 128);
    values
}

/// What is decoded is halfway between two decisions, and each sample is encoded as the interval that it is in.
fn judge(law: Encoding, bits: u32, silent: u8, end: i32) {
    let decisions = decisions(law);
    let byte_of = |interval: usize, negative: bool| -> u8 {
        let code = interval as u8 | if negative { 0 } else { 0x80 };
        // The A-law turns every second bit over, the mu-law all but the sign's.
        match law {
            Encoding::Alaw => code ^ 0x55,
            _ => code ^ 0x7F,
        }
    };
    assert_eq!(byte_of(0, false), silent);
    let scale = 1 << (16 - bits);
    for interval in 0..128 {
        let next = decisions.get(interval + 1).copied().unwrap_or(end);
        let halfway = match (law, interval) {
            (Encoding::Mulaw, 0) => 0,
            _ => (decisions[interval] + next) * scale / 2,
        };
        assert_eq!(decoded(law, byte_of(interval, false)), halfway, "{law:?} {interval}");
        assert_eq!(decoded(law, byte_of(interval, true)), -halfway, "{law:?} -{interval}");
    }
    for sample in i16::MIN..=i16::MAX {
        // The laws number positive and negative values alike: of a negative number in two's complement its inverse is
        // taken.
        let negative = sample < 0;
        let size = i32::from(if negative { !sample } else { sample }) / scale;
        let interval = decisions.partition_point(|decision| *decision <= size) - 1;
        assert_eq!(encoded(law, sample), byte_of(interval, negative), "{law:?} {sample}");
    }
}

#[test]
fn the_a_law_is_that_of_the_tables() {
    judge(Encoding::Alaw, 13, 0xD5, 4_096);
}

#[test]
fn the_mu_law_is_that_of_the_tables() {
    judge(Encoding::Mulaw, 14, 0xFF, 8_159);
}

#[test]
fn what_was_encoded_once_stays_as_it_is() {
    for law in [Encoding::Alaw, Encoding::Mulaw] {
        let bytes: Vec<u8> = (0..=255).collect();
        let sound = Sound::from_bytes(&bytes, format(law)).unwrap();
        let again = Sound::from_bytes(&sound.to_bytes(law), format(law)).unwrap();
        assert_eq!(again, sound);
        // The mu-law has two zeros, of which one is written.
        let same = sound.to_bytes(law).iter().zip(&bytes).filter(|(a, b)| a == b).count();
        assert_eq!(same, if law == Encoding::Mulaw { 255 } else { 256 });
    }
}
