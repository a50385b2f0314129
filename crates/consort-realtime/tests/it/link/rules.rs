//! What each vendor refuses, as its documentation says. Who says it all the same is told so in the vendor's way.
use super::vendor::Tongue;
use serde_json::{Value, json};

/// One connection, as the server judges it.
pub(super) struct Rules {
    tongue: Tongue,
    is_set_up: bool,
    /// Whether turns that come are what was said before, and whether one waits for its end.
    is_seeding: bool,
    is_open_turn: bool,
    /// Whether the client says when the user speaks, and whether an older connection was taken over.
    is_manual: bool,
    is_resumed: bool,
    /// What the conversation holds.
    calls: Vec<String>,
    sounds: Vec<String>,
    /// How many bytes of sound came since the last turn.
    heard: usize,
}

pub(super) enum Refusal {
    Close(u16, String),
    Error(Value),
}

type Judged = Result<(), String>;

impl Rules {
    pub(super) fn new(tongue: Tongue) -> Self {
        Self {
            tongue,
            is_set_up: false,
            is_seeding: false,
            is_open_turn: false,
            is_manual: false,
            is_resumed: false,
            calls: Vec::new(),
            sounds: Vec::new(),
            heard: 0,
        }
    }

    /// The server says something: its calls and its sound can be spoken of from now on.
    pub(super) fn told(&mut self, message: &Value) {
        let calls = message["toolCall"]["functionCalls"].as_array().into_iter().flatten();
        self.calls.extend(calls.filter_map(|call| call["id"].as_str()).map(str::to_owned));
        if let Some(id) = message["item"]["call_id"].as_str() {
            self.calls.push(id.to_owned());
        }
        if matches!(message["type"].as_str(), Some("response.output_audio.delta" | "response.audio.delta")) {
            self.sounds.extend(message["item_id"].as_str().map(str::to_owned));
        }
    }

    pub(super) fn judge(&mut self, text: &str) -> Result<(), Refusal> {
        // The least that any of them takes.
        if text.len() > 10 * 1024 * 1024 {
            return Err(Refusal::Close(1009, "message too big".into()));
        }
        let message: Value = serde_json::from_str(text).unwrap();
        if self.tongue.is_gemini() {
            return self.gemini(&message).map_err(|why| Refusal::Close(1007, why));
        }
        self.openai(&message).map_err(|why| {
            let error = json!({"type": "invalid_request_error", "code": "invalid_value", "message": why,
                "event_id": message["event_id"]});
            Refusal::Error(json!({"type": "error", "error": error}))
        })
    }

    fn gemini(&mut self, message: &Value) -> Judged {
        let (kind, value) = only(message)?;
        match kind {
            "setup" if !std::mem::replace(&mut self.is_set_up, true) => {
                let input = &value["realtimeInputConfig"]["automaticActivityDetection"];
                self.is_manual = input["disabled"] == true;
                self.is_resumed = value["sessionResumption"]["handle"].is_string();
                self.is_seeding = value["historyConfig"]["initialHistoryInClientContent"] == true;
                let functions = value["tools"][0]["functionDeclarations"].as_array();
                for function in functions.into_iter().flatten() {
                    need(function["parametersJsonSchema"].is_null(), "nobody sees these parameters")?;
                    need(function["parameters"]["additionalProperties"].is_null(), "no such field")?;
                }
                need(!(self.is_resumed && self.is_seeding), "the session has its history")
            }
            _ if !self.is_set_up => Err("the first message must be a setup".into()),
            "clientContent" => {
                let is_older = self.tongue == Tongue::GeminiTwo;
                need(is_older || self.is_seeding, "Request contains an invalid argument.")?;
                for turn in value["turns"].as_array().ok_or("no turns")? {
                    need(turn["role"] == "user" || turn["role"] == "model", "a role")?;
                    for part in turn["parts"].as_array().ok_or("no parts")? {
                        let image = part["inlineData"]["mimeType"].as_str();
                        let is_image = image.is_some_and(|mime| mime.starts_with("image/"));
                        need(part["text"].is_string() || is_image, "a part that is no text and no picture")?;
                    }
                }
                self.is_open_turn = value["turnComplete"] != true;
                self.is_seeding &= self.is_open_turn;
                Ok(())
            }
            "realtimeInput" => {
                // It would wait for ever.
                need(!self.is_seeding && !self.is_open_turn, "a turn is open")?;
                match only(value)?.0 {
                    "activityStart" | "activityEnd" => need(self.is_manual, "activity is detected"),
                    "audioStreamEnd" => need(!self.is_manual, "activity is not detected"),
                    "audio" | "video" | "text" => Ok(()),
                    other => Err(format!("unknown name {other}")),
                }
            }
            "toolResponse" => {
                let results = value["functionResponses"].as_array().ok_or("no responses")?;
                let is_known = |id: &str| self.is_resumed || self.calls.iter().any(|call| call == id);
                need(results.iter().all(|one| one["id"].as_str().is_some_and(is_known)), "no such call")
            }
            other => Err(format!("unknown name {other}")),
        }
    }

    fn openai(&mut self, message: &Value) -> Judged {
        let item = &message["item"];
        let is_qwen = self.tongue == Tongue::Qwen;
        match message["type"].as_str().ok_or("no type")? {
            "session.update" => self.settings(&message["session"]),
            "input_audio_buffer.append" => {
                self.heard += message["audio"].as_str().ok_or("no audio")?.len() / 4 * 3;
                Ok(())
            }
            "input_audio_buffer.commit" => {
                let rate = if is_qwen { 16_000 } else { 24_000 };
                need(std::mem::take(&mut self.heard) >= rate / 10 * 2, "the buffer is too small")
            }
            "input_image_buffer.append" => need(is_qwen, "unknown event"),
            "response.create" | "response.cancel" => Ok(()),
            "conversation.item.truncate" => {
                need(!is_qwen, "unknown event")?;
                let id = message["item_id"].as_str().ok_or("no item")?;
                need(self.sounds.iter().any(|item| item == id), "no such item")
            }
            "conversation.item.create" => match item["type"].as_str().ok_or("no item")? {
                "function_call_output" => {
                    let id = item["call_id"].as_str().ok_or("no call")?;
                    need(self.calls.iter().any(|call| call == id), "no such call")
                }
                _ if is_qwen => Err("only results of functions can be put into the conversation".into()),
                "function_call" => {
                    self.calls.extend(item["call_id"].as_str().map(str::to_owned));
                    Ok(())
                }
                "message" => self.content(item),
                other => Err(format!("unknown item {other}")),
            },
            other => Err(format!("unknown event {other}")),
        }
    }

    fn content(&self, item: &Value) -> Judged {
        for part in item["content"].as_array().ok_or("no content")? {
            let kind = part["type"].as_str().ok_or("no type")?;
            let is_fit = match item["role"].as_str() {
                Some("assistant") if self.tongue == Tongue::VoiceLive => kind == "text",
                Some("assistant") => kind == "output_text",
                Some("user") => matches!(kind, "input_text" | "input_image"),
                _ => kind == "input_text",
            };
            need(is_fit, "content of another role")?;
        }
        Ok(())
    }

    fn settings(&self, session: &Value) -> Judged {
        let flat = [
            "modalities",
            "instructions",
            "voice",
            "input_audio_format",
            "output_audio_format",
            "input_audio_transcription",
            "turn_detection",
            "tools",
        ];
        let known: &[&str] = match self.tongue {
            Tongue::OpenAi => &["type", "output_modalities", "instructions", "audio", "tools"],
            Tongue::Xai => &["instructions", "audio", "tools", "voice", "turn_detection"],
            _ => &flat,
        };
        let object = session.as_object().ok_or("no session")?;
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown parameter session.{key}"));
        }
        need(self.tongue != Tongue::OpenAi || session["type"] == "realtime", "session.type is missing")?;
        for tool in session["tools"].as_array().into_iter().flatten() {
            let place = if self.tongue == Tongue::Qwen { &tool["function"] } else { tool };
            need(place["name"].is_string() && tool["type"] == "function", "a tool without a name")?;
            need(self.tongue == Tongue::Qwen || tool["function"].is_null(), "unknown parameter")?;
        }
        Ok(())
    }
}

fn need(is_so: bool, why: &str) -> Judged {
    is_so.then_some(()).ok_or_else(|| why.to_owned())
}

/// The one thing that a message holds.
fn only(message: &Value) -> Result<(&str, &Value), String> {
    let object = message.as_object().ok_or("no object")?;
    let mut all = object.iter();
    match (all.next(), all.next()) {
        (Some((key, value)), None) => Ok((key, value)),
        _ => Err("a message holds one thing".into()),
    }
}
