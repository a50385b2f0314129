//! What the page says on its voice socket, in words and in sound.
use crate::problem::Problem;
use consort_core::{Error, Media, MediaSource, Pcm};
use consort_store::ConversationId;
use serde::Deserialize;
use std::time::Duration;

/// What a session may be heard and played in.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// The longest piece of sound. A session keeps no more that waits, and longer ones are heard in one go by some models.
const PIECE: Duration = Duration::from_secs(30);

/// The largest picture.
const PICTURE: usize = 3 << 20;

/// The first message.
#[derive(Debug, Deserialize)]
pub(super) struct Open {
    pub(super) conversation: ConversationId,
    pub(super) model: String,
    #[serde(default = "usual_rate")]
    pub(super) input_rate: u32,
    #[serde(default = "usual_rate")]
    pub(super) output_rate: u32,
    /// Whether the speaker says when a turn is over.
    #[serde(default)]
    pub(super) push: bool,
    pub(super) voice: Option<String>,
    /// A name that the tab gave itself: whoever has it is the same tab, on another connection.
    pub(super) tab: Option<String>,
    /// How much of the session's sound it has received, where it had that before.
    pub(super) received_ms: Option<u64>,
    /// Whether the conversation was made for what is said now: where nothing is, it goes.
    #[serde(default)]
    pub(super) made: bool,
    /// Whether another tab's session becomes this one's.
    #[serde(default)]
    pub(super) take_over: bool,
}

fn usual_rate() -> u32 {
    24_000
}

/// The others.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    Say {
        text: String,
    },
    /// A picture that belongs to what is being said.
    Show {
        media: Media,
    },
    /// What a camera or a screen shows now.
    Frame {
        media: Media,
    },
    Commit {},
    Interrupt {},
    /// So much of all sound was played.
    Played {
        ms: u64,
    },
    Push {
        on: bool,
    },
    Decide {
        call_id: String,
        decision: crate::live::Said,
        reason: Option<String>,
    },
    Close {},
    #[serde(other)]
    Unknown,
}

impl Open {
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
        if value["type"] != "open" {
            return Err(Problem::wrong("the first message is `open`"));
        }
        let open: Self = serde_json::from_value(value).map_err(unreadable)?;
        for (name, rate) in [("input_rate", open.input_rate), ("output_rate", open.output_rate)] {
            if !RATES.contains(&rate) {
                let (least, most) = (RATES.start(), RATES.end());
                return Err(Problem::wrong(format!(
                    "`{name}` is {rate}: it lies between {least} and {most}"
                )));
            }
        }
        Ok(open)
    }
}

impl Said {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let said: Self = serde_json::from_str(text).map_err(|error| unreadable(error).error().clone())?;
        match &said {
            Self::Show { media } | Self::Frame { media } => picture(media)?,
            _ => {}
        }
        Ok(said)
    }
}

/// A piece of what the microphone hears.
pub(super) fn sound(bytes: &[u8], rate: u32) -> Result<Pcm, Error> {
    let pcm = Pcm::from_le_bytes(bytes, rate, 1);
    let problem = if !bytes.len().is_multiple_of(2) {
        "a piece of sound was not heard: it has an odd number of bytes, and samples have two each".to_owned()
    } else if pcm.duration() > PIECE {
        let most = PIECE.as_secs();
        format!(
            "a piece of sound was not heard: it is longer than {most} s; send it in shorter ones, as it is recorded"
        )
    } else {
        return Ok(pcm);
    };
    Err(Problem::wrong(problem).error().clone())
}

/// A page may not make the server read its files, or fetch addresses.
fn picture(media: &Media) -> Result<(), Error> {
    let problem = match &media.source {
        MediaSource::Bytes(bytes) if bytes.len() > PICTURE => "the picture is too big",
        MediaSource::Bytes(_) if media.mime.starts_with("image/") => return Ok(()),
        MediaSource::Bytes(_) => "only pictures can be shown",
        _ => "a picture is sent by its bytes",
    };
    Err(Problem::wrong(problem).error().clone())
}

fn unreadable(error: serde_json::Error) -> Problem {
    Problem::wrong(format!("the message cannot be read: {error}"))
}
