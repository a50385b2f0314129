//! Cascades of scripted parts, on a clock that stands still but for its sleepers.
mod barge;
mod ears;
mod faults;
mod heard;
mod listener;
mod long;
mod mouth;
pub(crate) mod parts;
mod schedules;
mod tools;
mod turns;

use consort_core::{
    Context, Model, NoCredentials, Pcm, RealtimeModel, SessionConfig, SessionEvent, SessionInput,
    SessionSink, Speaker, TranscriptMode,
};
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Sound, SpellingReader};
use consort_realtime::cascade::{Cascade, CascadeSettings};
use consort_realtime::voices::{Recogniser, Synthesiser};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// A session with somebody who speaks in tones.
pub(crate) struct Talk {
    pub(crate) sink: SessionSink,
    begun: Instant,
    log: Arc<Mutex<Vec<(Duration, SessionEvent)>>>,
    reader: JoinHandle<()>,
}

pub(crate) fn cascade(
    model: &Arc<parts::Script>,
    ears: impl Recogniser + 'static,
    voice: impl Synthesiser + 'static,
    settings: CascadeSettings,
) -> Cascade {
    let model: Arc<dyn Model> = model.clone();
    Cascade::new(model, Arc::new(ears), Arc::new(voice)).settings(settings)
}

impl Talk {
    pub(crate) async fn open(cascade: &Cascade, config: SessionConfig) -> Self {
        Self::open_for(cascade, config, None).await
    }

    /// The same, for somebody.
    pub(crate) async fn open_for(cascade: &Cascade, config: SessionConfig, who: Option<&str>) -> Self {
        let mut context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
        context.participant = who.map(str::to_owned);
        let session = cascade.connect(config, context).await.unwrap();
        let (log, begun) = (Arc::new(Mutex::new(Vec::new())), Instant::now());
        let (to, mut events) = (log.clone(), session.events);
        let reader = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                to.lock().unwrap().push((begun.elapsed(), event));
            }
        });
        Self { sink: session.sink, begun, log, reader }
    }

    pub(crate) fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.begun)
    }

    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Says words in the time that they take.
    pub(crate) async fn say(&self, text: &str) {
        self.sound(&Sound::spelled(text, Shape::MONO_16K).to_pcm()).await;
    }

    pub(crate) async fn silence(&self, ms: u64) {
        self.sound(&Sound::silence(Shape::MONO_16K, Duration::from_millis(ms)).to_pcm()).await;
    }

    pub(crate) async fn sound(&self, pcm: &Pcm) {
        for piece in pcm.pieces(FRAME) {
            self.sink.push(SessionInput::Audio(piece)).unwrap();
            sleep(FRAME).await;
        }
    }

    pub(crate) fn events(&self) -> Vec<(Duration, SessionEvent)> {
        self.log.lock().unwrap().clone()
    }

    /// When an event first came that fits.
    pub(crate) fn when(&self, fits: impl Fn(&SessionEvent) -> bool) -> Option<Duration> {
        self.events().into_iter().find(|(_, event)| fits(event)).map(|(at, _)| at)
    }

    /// Waits, up to five minutes, for so many events that fit.
    pub(crate) async fn wait(&self, many: usize, kind: &str) {
        for _ in 0..30_000 {
            if self.events().iter().filter(|(_, event)| event.kind() == kind).count() >= many {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("there are not {many} of {kind}: {:#?}", self.lines());
    }

    /// Ends it, and gives what came.
    pub(crate) async fn close(self) -> Vec<(Duration, SessionEvent)> {
        self.sink.close();
        tokio::time::timeout(Duration::from_mins(5), self.reader).await.expect("it ends").unwrap();
        let all = self.log.lock().unwrap().clone();
        assert_eq!(all.iter().filter(|(_, event)| event.kind() == "closed").count(), 1);
        all
    }

    /// What came besides sound, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.events())
    }
}

pub(crate) fn lines(events: &[(Duration, SessionEvent)]) -> Vec<String> {
    let line = |event: &SessionEvent| match event {
        SessionEvent::Transcript { item, by, mode, text } => {
            format!("{} {mode:?} {item}: {text}", by.as_str())
        }
        SessionEvent::TurnDone { finish, .. } => {
            format!("turn_done {}", finish.vendor_reason.as_deref().unwrap_or(finish.reason.as_str()))
        }
        SessionEvent::SpeechStarted { by } | SessionEvent::SpeechStopped { by } => {
            format!("{} {}", event.kind(), by.as_str())
        }
        SessionEvent::Interrupted { item } => format!("interrupted {}", item.as_deref().unwrap_or("-")),
        SessionEvent::ToolCall { call } => format!("tool_call {}", call.id),
        SessionEvent::ToolCancelled { id } => format!("tool_cancelled {id}"),
        SessionEvent::Warning { warning } => format!("warning {}", warning.code),
        SessionEvent::Error { error } => format!("error {}", error.kind().as_str()),
        SessionEvent::AudioDone { item, interrupted } => format!("audio_done {item} {interrupted}"),
        other => other.kind().to_owned(),
    };
    events.iter().filter(|(_, event)| event.kind() != "audio").map(|(_, event)| line(event)).collect()
}

/// The last of what somebody said, for good.
pub(crate) fn finals(events: &[(Duration, SessionEvent)], who: Speaker) -> Vec<String> {
    let mut all = Vec::new();
    for (_, event) in events {
        if let SessionEvent::Transcript { by, mode: TranscriptMode::Final, text, .. } = event
            && *by == who
        {
            all.push(text.trim().to_owned());
        }
    }
    all
}

/// What the sound of an item says.
pub(crate) fn heard(events: &[(Duration, SessionEvent)], of: &str) -> String {
    let mut reader = SpellingReader::new();
    let mut words = Vec::new();
    for (_, event) in events {
        if let SessionEvent::Audio { item, pcm, .. } = event
            && item == of
        {
            words.extend(reader.push(pcm).unwrap());
        }
    }
    words.extend(reader.finish());
    words.join(" ")
}
