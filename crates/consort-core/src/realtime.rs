//! The types of a live session. What runs one is elsewhere.
use crate::{
    BoxFuture, BoxStream, Context, Error, Event, Finish, FunctionSpec, Media, ModelCard, ToolResult, Usage,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Sound: interleaved 16-bit samples.
///
/// ```
/// # use consort_core::Pcm;
/// let second = Pcm { samples: vec![0; 48_000], rate: 24_000, channels: 2 };
/// assert_eq!(second.duration().as_secs(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pcm {
    pub samples: Vec<i16>,
    pub rate: u32,
    pub channels: u16,
}

impl Pcm {
    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        let frames = self.samples.len() / usize::from(self.channels.max(1));
        Duration::from_secs_f64(frames as f64 / f64::from(self.rate.max(1)))
    }
}

/// A model that listens and speaks in one session.
pub trait RealtimeModel: Send + Sync {
    fn card(&self) -> &ModelCard;
    fn open(&self, config: RealtimeConfig, context: Context)
    -> BoxFuture<'_, Result<RealtimeSession, Error>>;
}

/// How a session starts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RealtimeConfig {
    pub instructions: String,
    pub voice: Option<String>,
    pub tools: Vec<FunctionSpec>,
    /// The sample rate of the sound that will be sent, and of the sound that is wanted.
    pub input_rate: Option<u32>,
    pub output_rate: Option<u32>,
    /// Whether the model itself decides when the speaker is done.
    pub turn_detection: Option<bool>,
}

/// An open session: one end to talk into, one to listen to.
pub struct RealtimeSession {
    pub sink: Box<dyn RealtimeSink>,
    pub events: BoxStream<'static, Result<RealtimeEvent, Error>>,
}

impl std::fmt::Debug for RealtimeSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealtimeSession").finish_non_exhaustive()
    }
}

/// The end of a session that is talked into.
pub trait RealtimeSink: Send {
    fn send(&mut self, input: RealtimeInput) -> BoxFuture<'_, Result<(), Error>>;
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// What is sent into a session.
#[derive(Debug, Clone, PartialEq)]
pub enum RealtimeInput {
    Audio(Pcm),
    Text(String),
    /// An image or a frame of video.
    Image(Media),
    ToolResult(ToolResult),
    /// The turn is over: answer now.
    Commit,
    /// The user speaks into the answer, of which this much was heard.
    Interrupt {
        heard: Duration,
    },
}

/// What comes out of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum RealtimeEvent {
    Audio {
        item: String,
        pcm: Pcm,
    },
    /// What was said, by whom; the last piece of an utterance is marked.
    Transcript {
        item: String,
        by_user: bool,
        text: String,
        last: bool,
    },
    /// The user began to speak: stop playing.
    SpeechStarted,
    SpeechStopped,
    /// A step of the answer that is not sound.
    Answer(Event),
    TurnDone {
        finish: Finish,
        usage: Option<Usage>,
    },
}
