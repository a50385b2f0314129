//! Faults of a played server, as words, and what they make of a recording.
use super::frames::{Frame, Recording, What};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What goes wrong. `CUT@5` is behind the fifth frame of the server; without a number it is in the middle of the first
/// answer. Each of those happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is gone, without a word.
    Cut(Option<usize>),
    /// The server neither reads nor writes for so long.
    Stall(Option<usize>, Duration),
    /// It sends what is no message.
    Garbage(Option<usize>),
    /// It says that the session's time is over, and closes the connection soon after.
    GoAway(Option<usize>),
    /// The words of the user come behind the answer to them.
    Reorder,
    /// Each frame is so late.
    Delay(Duration),
}

impl Fault {
    /// How they are written.
    pub const WORDS: &str = "cut[@N], stall[@N][:SECONDS], garbage[@N], goaway[@N], reorder, delay:MS";

    /// Whether it happens behind so many frames of the server. What says no place happens in the middle.
    pub(super) fn is_behind(self, count: usize, middle: usize) -> bool {
        match self {
            Self::Cut(at) | Self::Stall(at, _) | Self::Garbage(at) | Self::GoAway(at) => {
                at.unwrap_or(middle) == count
            }
            Self::Reorder | Self::Delay(_) => false,
        }
    }
}

/// As it is written.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, at) = match *self {
            Self::Cut(at) => ("cut", at),
            Self::Stall(at, _) => ("stall", at),
            Self::Garbage(at) => ("garbage", at),
            Self::GoAway(at) => ("goaway", at),
            Self::Reorder => ("reorder", None),
            Self::Delay(_) => ("delay", None),
        };
        f.write_str(name)?;
        if let Some(at) = at {
            write!(f, "@{at}")?;
        }
        match *self {
            Self::Stall(_, time) => write!(f, ":{}", time.as_secs()),
            Self::Delay(time) => write!(f, ":{}", time.as_millis()),
            _ => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{word}` is no fault; there are {}, and frames are counted from 1", Self::WORDS);
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        // Frames are counted from one.
        let place =
            |text: &str| number(text).and_then(|at| if at == 0 { Err(wrong()) } else { Ok(at as usize) });
        let (head, value) = match word.split_once(':') {
            Some((head, value)) => (head, Some(number(value)?)),
            None => (word, None),
        };
        let (name, at) = match head.split_once('@') {
            Some((name, at)) => (name, Some(place(at)?)),
            None => (head, None),
        };
        match (name, at, value) {
            ("cut", at, None) => Ok(Self::Cut(at)),
            ("stall", at, seconds) => Ok(Self::Stall(at, Duration::from_secs(seconds.unwrap_or(10).into()))),
            ("garbage", at, None) => Ok(Self::Garbage(at)),
            ("goaway", at, None) => Ok(Self::GoAway(at)),
            ("reorder", None, None) => Ok(Self::Reorder),
            ("delay", None, Some(ms)) => Ok(Self::Delay(Duration::from_millis(ms.into()))),
            _ => Err(wrong()),
        }
    }
}

/// What a server's message is about, in either format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    UserWords,
    Answer,
    AnswerEnds,
    Other,
}

fn about(message: &Value) -> About {
    let content = &message["serverContent"];
    let kind = message["type"].as_str().unwrap_or_default();
    let words =
        kind.contains("transcript.delta") || kind.contains("text.delta") || kind.contains("audio.delta");
    if kind.starts_with("conversation.item.input_audio_transcription.")
        || content.get("inputTranscription").is_some()
    {
        About::UserWords
    } else if kind == "response.done" || content.get("turnComplete").is_some() {
        About::AnswerEnds
    } else if (kind.starts_with("response.") && words) || content.get("modelTurn").is_some() {
        About::Answer
    } else {
        About::Other
    }
}

impl Recording {
    /// Behind which of the server's frames an answer is under way: the middle of the first one.
    pub(super) fn middle(&self) -> usize {
        let server = self.frames.iter().filter_map(|frame| match &frame.what {
            What::Server(message) => Some(about(message)),
            What::Garbage(_) => Some(About::Other),
            _ => None,
        });
        let about: Vec<About> = server.collect();
        let first = about.iter().position(|about| *about == About::Answer).unwrap_or(about.len() / 2);
        let rest =
            about[first.min(about.len())..].iter().take_while(|about| **about != About::AnswerEnds).count();
        first + rest.div_ceil(2).max(1)
    }

    /// The same with each run of words of the user behind the answer that follows them.
    pub(super) fn reordered(&self) -> Self {
        let mut frames: Vec<Frame> = Vec::new();
        let mut held: Vec<Frame> = Vec::new();
        for frame in &self.frames {
            let about = match &frame.what {
                What::Server(message) => about(message),
                _ => About::Other,
            };
            if about == About::UserWords {
                held.push(Frame { at: None, ..frame.clone() });
                continue;
            }
            if matches!(frame.what, What::Close { .. } | What::Open) {
                frames.append(&mut held);
            }
            frames.push(frame.clone());
            if about == About::AnswerEnds {
                frames.append(&mut held);
            }
        }
        frames.append(&mut held);
        Self { frames, is_cut_off: self.is_cut_off }
    }

    /// How this format's server says that the session's time is over.
    pub(super) fn farewell(&self) -> Value {
        let is_gemini = self.frames.iter().any(
            |frame| matches!(&frame.what, What::Server(message) if message.get("setupComplete").is_some()),
        );
        if is_gemini {
            return json!({"goAway": {"timeLeft": "2s"}});
        }
        json!({"type": "error", "error": {"type": "invalid_request_error", "code": "session_expired", "message": "Your session hit the maximum duration of 60 minutes."}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_words() {
        let check = |word: &str, wanted: Option<Fault>| assert_eq!(word.parse().ok(), wanted, "{word}");
        check("cut", Some(Fault::Cut(None)));
        check("cut@5", Some(Fault::Cut(Some(5))));
        check("stall@2:30", Some(Fault::Stall(Some(2), Duration::from_secs(30))));
        check("stall", Some(Fault::Stall(None, Duration::from_secs(10))));
        check("delay:200", Some(Fault::Delay(Duration::from_millis(200))));
        check("reorder", Some(Fault::Reorder));
        for word in
            ["", "cut@", "cut:5", "delay", "delay@3:1", "cut@0", "stall@0:1", "reorder@2", "stall:-1", "fire"]
        {
            check(word, None);
        }
        for word in ["cut", "cut@5", "stall@2:30", "garbage", "goaway@9", "reorder", "delay:200"] {
            assert_eq!(word.parse::<Fault>().map(|fault| fault.to_string()), Ok(word.to_owned()));
        }
    }
}
