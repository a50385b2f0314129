//! What a cascade adds to the times of its parts, how soon it is silent, how even its sound comes, and what a session takes.
//! `cargo bench -p consort-realtime --bench latency`.
//!
//! The parts are scripted: they take exactly their times. Whoever speaks and whoever listens run in the same process, a
//! microphone's frames come every 20 ms, and answers are played by the paced track. Each figure has its limit beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark says what it found"
)]
use consort_core::{
    BoxStream, Context, Delta, Error, Event, EventStream, FinishReason, Model, ModelCard, NoCredentials,
    PartKey, PartKind, Pcm, RealtimeModel, RealtimeSession, Request, SessionConfig, SessionEvent,
    SessionInput, SessionSink, Speaker,
};
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Sound, Track, TrackSettings, VoiceSort};
use consort_realtime::cascade::{Cascade, CascadeSettings};
use consort_realtime::voices::{Heard, Hearing, Recogniser, Speech, Synthesiser, told};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

const FRAME: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_millis(500);
const HEARING: Duration = Duration::from_millis(150);
const THINKING: Duration = Duration::from_millis(200);
const SPEAKING: Duration = Duration::from_millis(100);
const TURNS: usize = 200;

/// Ears that understand a turn so long after it is over.
#[derive(Debug)]
struct Ears(VoiceSort);

impl Recogniser for Ears {
    fn id(&self) -> &'static str {
        "scripted"
    }
    fn hear(
        &self,
        mut sound: BoxStream<'static, Pcm>,
        _: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        told(|tell| async move {
            while poll_fn(|cx| sound.as_mut().poll_next(cx)).await.is_some() {}
            context.clock.sleep(HEARING).await;
            tell.item(Ok(Heard::Final("what is there to say".into())));
        })
    }
    fn sort(&self) -> VoiceSort {
        self.0
    }
}

/// A voice whose first sound takes its time; the rest comes twice as fast as it sounds, 60 ms for each letter.
#[derive(Debug)]
struct Mouth;

const PIECE: Duration = Duration::from_millis(100);
const LETTER: Duration = Duration::from_millis(60);

impl Synthesiser for Mouth {
    fn id(&self) -> &'static str {
        "scripted"
    }
    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        told(|tell| async move {
            let piece = Sound::tone(Shape::MONO_24K, 330.0, 0.3, PIECE).to_pcm();
            let pieces = (LETTER * speech.text.len() as u32).as_millis() / PIECE.as_millis() + 1;
            context.clock.sleep(SPEAKING).await;
            for _ in 0..pieces {
                tell.item(Ok(piece.clone()));
                context.clock.sleep(PIECE / 2).await;
            }
        })
    }
}

/// A model whose first word takes its time.
struct Mind(ModelCard, String);

impl Model for Mind {
    fn card(&self) -> &ModelCard {
        &self.0
    }
    fn stream(&self, _: Arc<Request>, context: Context) -> EventStream {
        let text = self.1.clone();
        told(move |tell| async move {
            context.clock.sleep(THINKING).await;
            let part = PartKey(0);
            tell.item(Ok(Event::PartStart { part, choice: 0, kind: PartKind::Text }));
            tell.item(Ok(Event::PartDelta { part, delta: Delta::Text(text) }));
            tell.item(Ok(Event::PartEnd { part }));
            tell.item(Ok(Event::Finished(FinishReason::Stop.into())));
        })
    }
}

fn cascade(sort: VoiceSort, answer: &str, eager: Option<Duration>) -> Cascade {
    let mind = Mind(ModelCard::new("bench", "mind"), answer.to_owned());
    let settings = CascadeSettings { silence: SILENCE, eager, ..CascadeSettings::default() };
    Cascade::new(Arc::new(mind), Arc::new(Ears(sort)), Arc::new(Mouth)).settings(settings)
}

async fn open(cascade: &Cascade) -> RealtimeSession {
    let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
    cascade.connect(SessionConfig::default(), context).await.unwrap()
}

/// Plays the answers of a session, and notes when each frame went out and each turn was done.
#[derive(Default)]
struct Played {
    frames: Vec<Instant>,
    flushed: Option<Instant>,
    done: usize,
}

fn listen(session: RealtimeSession) -> (SessionSink, Arc<Mutex<Played>>) {
    let (sink, played) = (session.sink, Arc::new(Mutex::new(Played::default())));
    let (mut events, to, back) = (session.events, played.clone(), sink.clone());
    tokio::spawn(async move {
        let mut track = Track::new(TrackSettings::speaker(Shape::MONO_24K), Arc::new(TokioClock));
        let mut newest = 0;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(SessionEvent::Audio { item, epoch, pcm }) => {
                        newest = newest.max(epoch);
                        track.write(epoch, &item, pcm).unwrap();
                    }
                    Some(SessionEvent::AudioDone { item, .. }) => track.end(&item),
                    Some(SessionEvent::SpeechStarted { by: Speaker::User }) if !track.queued().is_zero() => {
                        let flushed = track.flush(newest + 1);
                        to.lock().unwrap().flushed = Some(Instant::now());
                        let cut = flushed.items.into_iter().next().unwrap();
                        let _ = back.push(SessionInput::Interrupt { item: Some(cut.item.to_string()), heard: cut.heard });
                    }
                    Some(SessionEvent::Error { error }) => panic!("{error}"),
                    Some(SessionEvent::TurnDone { .. }) => to.lock().unwrap().done += 1,
                    Some(_) => {}
                    None => return,
                },
                frame = track.next() => {
                    drop(frame);
                    to.lock().unwrap().frames.push(Instant::now());
                }
            }
        }
    });
    (sink, played)
}

/// A microphone: each frame when it is full. Gives when the last frame was sent.
async fn speak(sink: &SessionSink, pcm: &Pcm, sent: impl Fn(Instant)) -> Instant {
    let mut due = Instant::now();
    for piece in pcm.pieces(FRAME) {
        due += FRAME;
        sleep_until(due).await;
        sent(Instant::now());
        if sink.push(SessionInput::Audio(piece)).is_err() {
            break;
        }
    }
    due
}

fn voice(ms: u64) -> Pcm {
    Sound::tone(Shape::MONO_16K, 440.0, 0.4, Duration::from_millis(ms)).to_pcm()
}

fn silence(ms: u64) -> Pcm {
    Sound::silence(Shape::MONO_16K, Duration::from_millis(ms)).to_pcm()
}

/// The time from the last sound of a turn to the first of its answer, turn by turn.
async fn turns(sessions: usize, eager: Option<Duration>) -> Vec<f64> {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            let cascade = cascade(VoiceSort::Any, "Yes, this is it.", eager);
            let (sink, played) = listen(open(&cascade).await);
            // Not all at the same moment, and at any place in a frame of the detector.
            sleep(Duration::from_millis(37 * n as u64)).await;
            let mut took = Vec::new();
            for turn in 0..TURNS / sessions {
                speak(&sink, &silence(100 + 13 * (turn as u64 % 7)), |_| ()).await;
                let before = played.lock().unwrap().frames.len();
                let stopped = speak(&sink, &voice(400), |_| ()).await;
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

/// What the scripted times are on this machine when nothing else is done.
async fn alone(sessions: usize, times: &'static [Duration]) -> f64 {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            sleep(Duration::from_millis(37 * n as u64)).await;
            let mut took = Vec::new();
            for _ in 0..TURNS / sessions / 4 {
                let begun = Instant::now();
                for time in times {
                    sleep(*time).await;
                }
                took.push(begun.elapsed().as_secs_f64() * 1e3);
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

/// From the frame that decides that somebody interrupts to the last frame of the answer, in milliseconds.
async fn barge_ins(sessions: usize, each: usize) -> Vec<f64> {
    let all = (0..sessions).map(|n| {
        tokio::spawn(async move {
            let long = "word ".repeat(200);
            let cascade = cascade(VoiceSort::Any, &long, None);
            let (sink, played) = listen(open(&cascade).await);
            sleep(Duration::from_millis(41 * n as u64)).await;
            let mut took = Vec::new();
            for _ in 0..each {
                sink.push(SessionInput::text("go on")).unwrap();
                speak(&sink, &silence(900), |_| ()).await;
                let sent = Mutex::new(Vec::new());
                played.lock().unwrap().flushed = None;
                speak(&sink, &voice(700), |at| sent.lock().unwrap().push(at)).await;
                let (flushed, last) = {
                    let played = played.lock().unwrap();
                    let flushed = played.flushed.expect("it was interrupted");
                    (flushed, *played.frames.iter().rev().find(|at| **at <= flushed).unwrap())
                };
                let sent = sent.into_inner().unwrap();
                let decided = *sent.iter().rev().find(|at| **at <= flushed).unwrap();
                took.push(last.max(decided).duration_since(decided).as_secs_f64() * 1e3);
                // What was said is answered; that answer is interrupted by the next words.
                speak(&sink, &silence(1_600), |_| ()).await;
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

/// How far from 20 ms the frames of answers are apart, in milliseconds, while a microphone is listened to; and what a session
/// takes, in megabytes.
async fn jitter(sessions: usize) -> (Vec<f64>, f64) {
    let before = resident();
    let mut open_ones = Vec::new();
    for n in 0..sessions {
        let long = "word ".repeat(80);
        let cascade = cascade(VoiceSort::Human, &long, None);
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
    let took = (resident() - before) / sessions as f64;
    let mut apart = Vec::new();
    for (sink, played) in open_ones {
        let played = played.lock().unwrap();
        assert!(played.frames.len() > 200, "{} frames", played.frames.len());
        apart.extend(
            played.frames.windows(2).map(|pair| ((pair[1] - pair[0]).as_secs_f64() * 1e3 - 20.0).abs()),
        );
        sink.close();
    }
    (apart, took)
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

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut passed = true;
    runtime.block_on(async {
        const PLAIN: &[Duration] = &[SILENCE, HEARING, THINKING, SPEAKING];
        let scripted = alone(20, PLAIN).await;
        println!("scripted times and silence alone: {scripted:.2} ms");
        let mut took: Vec<f64> = turns(20, None).await.iter().map(|took| took - scripted).collect();
        row(
            &mut passed,
            "user stop to first sound, added, p50 of 200 turns",
            percentile(&mut took, 50.0),
            15.0,
            "ms",
        );
        row(&mut passed, "user stop to first sound, added, p99", percentile(&mut took, 99.0), 40.0, "ms");
        let mut took = turns(20, Some(Duration::from_millis(200))).await;
        let (p50, p99) = (percentile(&mut took, 50.0), percentile(&mut took, 99.0));
        println!("the same, asked after 200 ms of silence: {p50:.1} ms p50, {p99:.1} ms p99 in all");
        let mut took = barge_ins(10, 10).await;
        row(
            &mut passed,
            "barge-in decision to last sound, p99 of 100",
            percentile(&mut took, 99.0),
            20.0,
            "ms",
        );
        for (sessions, limit) in [(20, 2.0), (200, 5.0)] {
            let (mut apart, took) = jitter(sessions).await;
            let name = format!("frames of 20 ms, off by, p99, {sessions} sessions");
            row(&mut passed, &name, percentile(&mut apart, 99.0), limit, "ms");
            if sessions == 200 {
                row(&mut passed, "memory of a session that speaks and listens, of 200", took, 2.0, "MB");
            }
        }
    });
    runtime.shutdown_background();
    assert!(passed, "a limit was passed");
}
