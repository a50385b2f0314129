//! Who listens to a session and who speaks into it: a paced track, and a microphone of 20 ms frames.
use crate::parts::settings;
use consort_core::{Pcm, RealtimeSession, SessionEvent, SessionInput, SessionSink, Speaker};
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Track, TrackSettings, VoiceDetector, VoiceSettings};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// Plays the answers of a session, and notes when each frame went out and each turn was done.
#[derive(Default)]
pub(crate) struct Played {
    pub(crate) frames: Vec<Instant>,
    pub(crate) flushed: Option<Instant>,
    pub(crate) done: usize,
}

pub(crate) fn listen(session: RealtimeSession) -> (SessionSink, Arc<Mutex<Played>>) {
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
pub(crate) async fn speak(sink: &SessionSink, pcm: &Pcm, mut sent: impl FnMut(&Pcm)) -> Instant {
    let mut due = Instant::now();
    for piece in pcm.pieces(FRAME) {
        due += FRAME;
        sleep_until(due).await;
        sent(&piece);
        if sink.push(SessionInput::Audio(piece)).is_err() {
            break;
        }
    }
    due
}

/// Knows from the microphone's sound alone which frame decides that somebody interrupts: the one with which a voice was
/// heard for as long as the settings ask for.
pub(crate) struct Decision {
    detector: VoiceDetector,
    needed: Duration,
}

impl Decision {
    pub(crate) fn new() -> Self {
        let settings = settings();
        let voice = VoiceSettings { stop: settings.silence, ..VoiceSettings::default() };
        Self { detector: VoiceDetector::new(voice), needed: settings.barge_in.max(settings.least) }
    }

    /// Whether it is decided, once this was heard too.
    pub(crate) fn is_made(&mut self, piece: &Pcm) -> bool {
        self.detector.push(piece).unwrap();
        self.detector.speech() >= self.needed
    }
}
