//! What resampling does to sound, and what sound costs. `cargo bench -p consort-realtime`.
//!
//! Each figure has its limit beside it, and the program fails where one is passed. Costs are those of the processor, in
//! milliseconds for a second of sound: 10 are one hundredth of a core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark says what it found"
)]
#[path = "../tests/it/quality.rs"]
mod quality;

use consort_core::{ManualClock, Pcm};
use consort_realtime::audio::{
    Converter, Encoding, Format, Intake, Level, Shape, Sound, Track, TrackSettings, VoiceDetector,
    VoiceSettings,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const SECONDS: u32 = 60;

fn main() {
    let mut passed = true;
    quality(&mut passed);
    costs(&mut passed);
    assert!(passed, "a limit was passed");
}

fn quality(passed: &mut bool) {
    println!(
        "resampling, tones near full scale in floating point (limits: stop {} dB, pass {} dB, SNR {} dB)",
        quality::STOP,
        quality::PASS,
        quality::SNR
    );
    println!(
        "{:>6} -> {:<6} {:>9} {:>9} {:>8} {:>14}",
        "from", "to", "stop dB", "pass dB", "SNR dB", "delay samples"
    );
    for (from, to) in quality::pairs() {
        let found = quality::measure(from, to);
        let good = found.stop.is_none_or(|stop| stop <= quality::STOP)
            && found.pass <= quality::PASS
            && found.snr >= quality::SNR;
        *passed &= good;
        let stop = found.stop.map_or_else(|| "-".into(), |stop| format!("{stop:.1}"));
        let mark = if good { "" } else { "  PASSED ITS LIMIT" };
        println!(
            "{from:>6} -> {to:<6} {stop:>9} {:>9.4} {:>8.1} {:>14.4}{mark}",
            found.pass, found.snr, found.delay
        );
    }
    println!(
        "6 kHz from 24 to 48 kHz: SNR {:.1} dB (limit {})\n",
        quality::snr(6_000.0, 24_000, 48_000),
        quality::SNR
    );
}

fn costs(passed: &mut bool) {
    println!("{:<44} {:>10} {:>8}", "cost of a second of sound, in pieces of 20 ms", "ms", "limit");
    for (from, to) in [
        (24_000, 48_000),
        (48_000, 24_000),
        (48_000, 16_000),
        (24_000, 16_000),
        (44_100, 48_000),
        (8_000, 24_000),
    ] {
        let (from, to) = (Shape::new(from, 1).unwrap(), Shape::new(to, 1).unwrap());
        let mut converter = Converter::new(from, to).unwrap();
        let piece = Sound::tone(from, 440.0, 0.9, Duration::from_millis(20));
        let name = format!("resample {} -> {}", from.rate(), to.rate());
        row(passed, &name, 5.0, || drop(black_box(converter.push(&piece))));
    }
    let voice = Sound::tone(Shape::MONO_16K, 220.0, 0.5, Duration::from_millis(20)).to_pcm();
    let mut detector = VoiceDetector::new(VoiceSettings::default());
    row(passed, "voice detection at 16 kHz", 5.0, || drop(black_box(detector.push(&voice))));
    for (name, from) in
        [("track 24 kHz as it is", Shape::MONO_24K), ("track 24 -> 48 kHz", Shape::new(48_000, 1).unwrap())]
    {
        let clock = Arc::new(ManualClock::default());
        let mut track = Track::new(TrackSettings::speaker(from), clock.clone());
        let piece = Sound::tone(Shape::MONO_24K, 440.0, 0.9, Duration::from_millis(20)).to_pcm();
        row(passed, name, 5.0, || {
            track.write(0, "item", piece.clone()).unwrap();
            clock.advance(Duration::from_millis(20));
            while let Some(frame) = track.take() {
                black_box(frame);
            }
        });
    }
    let format = Format::new(Encoding::Mulaw, Shape::new(8_000, 1).unwrap());
    let bytes = vec![0x55; 160];
    let mut intake = Intake::new(format, Shape::MONO_24K, Duration::from_millis(20)).unwrap();
    row(passed, "intake of G.711 at 8 kHz -> 24 kHz", 5.0, || {
        intake.push(&bytes).for_each(|frame| drop(black_box(frame)));
    });
    let piece: Pcm = Sound::tone(Shape::MONO_24K, 440.0, 0.9, Duration::from_millis(20)).to_pcm();
    row(passed, "levels at 24 kHz", 1.0, || {
        black_box(Level::of(&piece));
    });
    let piece = Sound::from_pcm(&piece).unwrap();
    row(passed, "to base64 and back at 24 kHz", 5.0, || {
        let text = piece.to_base64(Encoding::S16);
        drop(black_box(Sound::from_base64(&text, Format::new(Encoding::S16, Shape::MONO_24K))));
    });
}

/// The cost of work on 20 ms, for a second.
fn row(passed: &mut bool, name: &str, limit: f64, mut work: impl FnMut()) {
    let begun = cpu();
    (0..SECONDS * 50).for_each(|_| work());
    let cost = cpu().saturating_sub(begun).as_secs_f64() * 1_000.0 / f64::from(SECONDS);
    *passed &= cost <= limit;
    println!("{name:<44} {cost:>10.3} {limit:>8.1}{}", if cost <= limit { "" } else { "  PASSED ITS LIMIT" });
}

/// What this thread has used of the processor; where that cannot be asked, the time.
fn cpu() -> Duration {
    #[cfg(unix)]
    {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec as u32)
    }
    #[cfg(not(unix))]
    {
        static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        BEGUN.get_or_init(std::time::Instant::now).elapsed()
    }
}
