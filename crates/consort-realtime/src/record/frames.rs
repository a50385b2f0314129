//! The frames of a session, as they stand in a file: a line of JSON each, or one object with a list of them.
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

/// One frame, or the beginning or end of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When it came, from the beginning on; absent where nobody kept that.
    pub at: Option<Duration>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Open,
    Client(Value),
    Server(Value),
    /// What the server sent and is no JSON.
    Garbage(String),
    Close {
        code: Option<u16>,
        reason: String,
    },
}

/// A session that was recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    pub frames: Vec<Frame>,
    /// Whether its last line was cut off in the middle, as where whoever recorded it was stopped.
    pub is_cut_off: bool,
}

impl Frame {
    /// The frame as a line of a file.
    pub(super) fn to_json(&self) -> Value {
        let mut line = json!({});
        if let Some(at) = self.at {
            line["at_ms"] = json!(at.as_millis() as u64);
        }
        let (dir, key, value) = match &self.what {
            What::Open => ("open", "", Value::Null),
            What::Client(value) => ("client", "json", value.clone()),
            What::Server(value) => ("server", "json", value.clone()),
            What::Garbage(text) => ("server", "text", text.as_str().into()),
            What::Close { code, reason } => {
                line["code"] = json!(code);
                ("close", "reason", reason.as_str().into())
            }
        };
        line["dir"] = dir.into();
        if !key.is_empty() {
            line[key] = value;
        }
        line
    }

    /// Nothing where it says no direction: a file's head, say.
    fn of_json(line: &Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let what = match line["dir"].as_str()? {
            "open" => What::Open,
            "client" => What::Client(line["json"].clone()),
            "server" if line.get("json").is_some() => What::Server(line["json"].clone()),
            "server" => What::Garbage(text("text")),
            "close" => {
                let code = line["code"].as_u64().and_then(|code| u16::try_from(code).ok());
                What::Close { code, reason: text("reason") }
            }
            _ => return None,
        };
        Some(Self { at: line["at_ms"].as_u64().map(Duration::from_millis), what })
    }
}

impl Recording {
    /// Reads a file: lines, or one object with its `frames`.
    pub fn read(text: &str) -> Result<Self, Error> {
        let recording = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(whole)) if whole.contains_key("frames") => {
                let list = whole["frames"].as_array().map_or(&[][..], Vec::as_slice);
                Self { frames: list.iter().filter_map(Frame::of_json).collect(), is_cut_off: false }
            }
            _ => lines(text)?,
        };
        if !recording.frames.iter().any(|frame| matches!(frame.what, What::Server(_))) {
            return Err(Error::new(ErrorKind::InvalidRequest, "it holds no frame of a server")
                .hint("`consort talk MODEL --record FILE` makes such a file"));
        }
        Ok(recording)
    }
}

fn lines(text: &str) -> Result<Recording, Error> {
    let mut recording = Recording::default();
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    while let Some((at, line)) = lines.next() {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => recording.frames.extend(Frame::of_json(&value)),
            // What was begun and not ended is no frame.
            Err(error) if error.is_eof() && lines.peek().is_none() => recording.is_cut_off = true,
            Err(error) => {
                let what = format!("line {} is no JSON: {error}", at + 1);
                return Err(Error::new(ErrorKind::InvalidRequest, what));
            }
        }
    }
    Ok(recording)
}
