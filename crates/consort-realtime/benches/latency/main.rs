//! What a cascade adds to the times of its parts, how soon it is silent, how even its sound comes, and what a session takes.
//! `cargo bench -p consort-realtime --bench latency`.
//!
//! The parts are scripted: they take exactly their times. What is spoken is something like a voice, and heard by the detector
//! that hears people. Whoever speaks and whoever listens run in the same process, a microphone's frames come every 20 ms, and
//! answers are played by the paced track. Each figure has its limit beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark says what it found"
)]
mod hear;
mod parts;
#[path = "../../tests/it/speech.rs"]
#[expect(dead_code, reason = "it makes noise too")]
mod speech;

use consort_core::{Pcm, SessionInput};
use consort_realtime::audio::{Shape, Sound};
use hear::{Decision, FRAME, listen, speak};
use parts::{Mouth, SCRIPTED, SILENCE, cascade, open};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

const TURNS: usize = 200;
/// As argument: what sessions take, alone in a process.
const MEMORY: &str = "memory";

/// Something like a voice, that ends where it ends: at full loudness.
fn voice(ms: usize) -> Pcm {
    speech::speech(ms, 0.5).to_pcm()
}

fn silence(ms: u64) -> Pcm {
    Sound::silence(Shape::MONO_16K, Duration::from_millis(ms)).to_pcm()
}

/// The time from the last sound of a turn to the first of its answer, turn by turn.
async fn turns(sessions: usize, eager: Option<Duration>) -> Vec<f64> {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            let cascade = cascade(Mouth::TwiceAsFast, "Yes, this is it.", eager);
            let (sink, played) = listen(open(&cascade).await);
            // Not all at the same moment, and at any place in a frame of the detector.
            sleep(Duration::from_millis(37 * n as u64)).await;
            let mut took = Vec::new();
            for turn in 0..TURNS / sessions {
                speak(&sink, &silence(100 + 13 * (turn as u64 % 7)), |_| ()).await;
                let before = played.lock().unwrap().frames.len();
                let stopped = speak(&sink, &voice(610), |_| ()).await;
                let listening = silence(2_000);
                let mut pieces = listening.pieces(FRAME);
                let mut due = stopped;
                while played.lock().unwrap().done <= turn || played.lock().unwrap().frames.len() == before {
                    due += FRAME;
                    sleep_until(due).await;
                    let piece = pieces.next().expect("an answer within two seconds");
                    sink.push(SessionInput::Audio(piece)).unwrap();
                }
                let first = played.lock().unwrap().frames[before];
                took.push((first - stopped).as_secs_f64() * 1e3);
                // The answer is heard to its end, so that the next turn interrupts nothing.
                speak(&sink, &silence(1_400), |_| ()).await;
            }
            took
        })
    });
    let mut took = Vec::new();
    for one in all.collect::<Vec<_>>() {
        took.extend(one.await.unwrap());
    }
    took
}

/// What the scripted times are on this machine when nothing else is done; the silence is as it is set.
async fn alone(sessions: usize) -> f64 {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            sleep(Duration::from_millis(37 * n as u64)).await;
            let mut took = Vec::new();
            for _ in 0..TURNS / sessions / 4 {
                let begun = Instant::now();
                for time in SCRIPTED {
                    sleep(time).await;
                }
                took.push((begun.elapsed() + SILENCE).as_secs_f64() * 1e3);
            }
            took
        })
    });
    let mut took = Vec::new();
    for one in all.collect::<Vec<_>>() {
        took.extend(one.await.unwrap());
    }
    percentile(&mut took, 50.0)
}

/// From the frame with which it is decided that somebody interrupts to when nothing sounds any more, in milliseconds.
async fn barge_ins(sessions: usize, each: usize) -> Vec<f64> {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            let long = "word ".repeat(200);
            let cascade = cascade(Mouth::TwiceAsFast, &long, None);
            let (sink, played) = listen(open(&cascade).await);
            sleep(Duration::from_millis(41 * n as u64)).await;
            let mut took = Vec::new();
            // It hears all that the session's own detector hears, and so decides with the same frame.
            let mut decision = Decision::new();
            for _ in 0..each {
                sink.push(SessionInput::text("go on")).unwrap();
                speak(&sink, &silence(900), |piece| _ = decision.is_made(piece)).await;
                played.lock().unwrap().flushed = None;
                let mut decided = None;
                speak(&sink, &voice(900), |piece| {
                    if decision.is_made(piece) {
                        decided.get_or_insert_with(Instant::now);
                    }
                })
                .await;
                let decided = decided.expect("a voice of 900 ms interrupts");
                let flushed = played.lock().unwrap().flushed.expect("it was interrupted");
                took.push(flushed.saturating_duration_since(decided).as_secs_f64() * 1e3);
                // What was said is answered; that answer is interrupted by the next words.
                speak(&sink, &silence(1_600), |piece| _ = decision.is_made(piece)).await;
                sink.push(SessionInput::Interrupt { item: None, heard: Duration::ZERO }).unwrap();
                sleep(Duration::from_millis(100)).await;
            }
            took
        })
    });
    let mut took = Vec::new();
    for one in all.collect::<Vec<_>>() {
        took.extend(one.await.unwrap());
    }
    took
}

/// How far from 20 ms the frames of answers are apart, in milliseconds, while a microphone is listened to.
async fn jitter(sessions: usize) -> Vec<f64> {
    let mut open_ones = Vec::new();
    for n in 0..sessions {
        let long = "word ".repeat(80);
        let cascade = cascade(Mouth::TwiceAsFast, &long, None);
        let (sink, played) = listen(open(&cascade).await);
        let microphone = sink.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(20 * n as u64 / sessions as u64)).await;
            speak(&microphone, &silence(9_000), |_| ()).await;
        });
        sink.push(SessionInput::text("go on")).unwrap();
        open_ones.push((sink, played));
        sleep(Duration::from_millis(3)).await;
    }
    sleep(Duration::from_secs(6)).await;
    let mut apart = Vec::new();
    for (sink, played) in open_ones {
        let played = played.lock().unwrap();
        assert!(played.frames.len() > 200, "{} frames", played.frames.len());
        apart.extend(
            played.frames.windows(2).map(|pair| ((pair[1] - pair[0]).as_secs_f64() * 1e3 - 20.0).abs()),
        );
        sink.close();
    }
    apart
}

/// Megabytes that a session takes at most while it speaks for a minute and listens, its voice makes all sound at once, and
/// nobody has used this process before.
async fn memory(sessions: usize) -> f64 {
    let before = resident();
    let mut open_ones = Vec::new();
    let minute = "these are words of it. ".repeat(1_000 / 23);
    for _ in 0..sessions {
        let cascade = cascade(Mouth::AtOnce, &minute, None);
        let (sink, played) = listen(open(&cascade).await);
        let microphone = sink.clone();
        tokio::spawn(async move { speak(&microphone, &silence(60_000), |_| ()).await });
        sink.push(SessionInput::text("go on")).unwrap();
        open_ones.push((sink, played));
        sleep(Duration::from_millis(3)).await;
    }
    let mut most = 0.0_f64;
    for _ in 0..30 {
        sleep(Duration::from_secs(1)).await;
        most = most.max(resident() - before);
    }
    for (sink, played) in open_ones {
        assert!(played.lock().unwrap().frames.len() > 1_000, "it speaks");
        sink.close();
    }
    most / sessions as f64
}

/// Megabytes of this process.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0 / 1e6
}

fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * percent / 100.0).ceil() as usize;
    values[at.clamp(1, values.len()) - 1]
}

fn row(passed: &mut bool, name: &str, found: f64, limit: f64, unit: &str) {
    *passed &= found <= limit;
    println!("{name:<72} {found:>8.2} {unit} (limit {limit}) {}", if found <= limit { "ok" } else { "MISS" });
}

/// Judges what took so long by limits at its median and its 99th percentile.
fn judge(passed: &mut bool, name: &str, took: &mut [f64], limits: &[(f64, f64)]) {
    for (percent, limit) in limits {
        row(passed, &format!("{name}, p{percent}"), percentile(took, *percent), *limit, "ms");
    }
}

async fn times(passed: &mut bool) {
    let scripted = alone(20).await;
    println!("scripted times alone, and the silence that is set: {scripted:.2} ms");
    let mut took: Vec<f64> = turns(20, None).await.iter().map(|took| took - scripted).collect();
    judge(passed, "user stop to first sound, added, of 200 turns", &mut took, &[(50.0, 15.0), (99.0, 40.0)]);
    let mut took = turns(20, Some(Duration::from_millis(200))).await;
    let (p50, p99) = (percentile(&mut took, 50.0), percentile(&mut took, 99.0));
    println!("the same, asked after 200 ms of silence: {p50:.1} ms p50, {p99:.1} ms p99 in all");
    let mut took = barge_ins(10, 10).await;
    judge(passed, "barge-in decision to silence, of 100", &mut took, &[(99.0, 20.0)]);
    for (sessions, limit) in [(20, 2.0), (200, 5.0)] {
        let name = format!("frames of 20 ms, off by, {sessions} sessions");
        judge(passed, &name, &mut jitter(sessions).await, &[(99.0, limit)]);
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut passed = true;
    if std::env::args().any(|argument| argument == MEMORY) {
        let took = runtime.block_on(memory(200));
        row(&mut passed, "memory of a session that speaks for a minute and listens, of 200", took, 2.0, "MB");
    } else {
        runtime.block_on(times(&mut passed));
        // What was used and freed here would be used again.
        let alone =
            std::process::Command::new(std::env::current_exe().unwrap()).arg(MEMORY).status().unwrap();
        passed &= alone.success();
    }
    runtime.shutdown_background();
    assert!(passed, "a limit was passed");
}
