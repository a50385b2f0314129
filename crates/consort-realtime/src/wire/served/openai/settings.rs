//! A session's settings as the client has them: what is given is checked, and what counts is shown.
use super::super::ears::Hearing;
use super::refusal::{Refusal, fields, given, text, wanted, word};
use super::unused;
use crate::audio::{Encoding, Format, VoiceSettings};
use consort_core::{FunctionSpec, Object, SessionUpdate};
use serde_json::{Value, json};
use std::time::Duration;

/// The settings that count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) instructions: String,
    /// Whether answers are spoken; else they are written.
    pub(super) speaks: bool,
    pub(super) tools: Vec<Value>,
    /// Whether tools may be called at all.
    pub(super) calls: bool,
    pub(super) input: Format,
    pub(super) output: Format,
    pub(super) voice: Value,
    /// How the user's words are written down; not at all where it is null.
    pub(super) transcription: Value,
    /// How the ends of turns are found; null where the client says them.
    pub(super) turns: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instructions: String::new(),
            speaks: true,
            tools: Vec::new(),
            calls: true,
            input: pcm(),
            output: pcm(),
            voice: json!("default"),
            transcription: Value::Null,
            turns: server_vad(),
        }
    }
}

fn pcm() -> Format {
    Format::new(Encoding::S16, crate::audio::Shape::MONO_24K)
}

fn server_vad() -> Value {
    json!({
        "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
        "idle_timeout_ms": null, "create_response": true, "interrupt_response": true,
    })
}

/// All fields of a session.
const SESSION: [&str; 16] = [
    "type",
    "object",
    "id",
    "model",
    "instructions",
    "output_modalities",
    "tools",
    "tool_choice",
    "audio",
    "max_output_tokens",
    "parallel_tool_calls",
    "truncation",
    "tracing",
    "prompt",
    "reasoning",
    "include",
];

impl Settings {
    /// What they are with this change: all of it, or none.
    pub(super) fn with(&self, session: &Value, model: &str) -> Result<Self, Refusal> {
        let mut new = self.clone();
        let object = fields(session, "session", &SESSION)?;
        let kind = wanted(object, "session", "type")?;
        if kind != "realtime" {
            let what = "This server holds conversations: 'session.type' must be 'realtime'.";
            return Err(Refusal::unsupported("session.type", what));
        }
        for (key, value) in given(session, "session", &SESSION)? {
            let path = format!("session.{key}");
            match key.as_str() {
                "instructions" => text(value, &path)?.clone_into(&mut new.instructions),
                "output_modalities" => new.speaks = modalities(value, &path)?,
                "tools" => new.tools = tools(value, &path)?,
                "tool_choice" => new.calls = tool_choice(value, &path)?,
                "audio" => new.sound(value)?,
                "model" if text(value, &path)? != model => {
                    return Err(Refusal::value(&path, "The model of a session cannot be changed."));
                }
                "prompt" => {
                    return Err(Refusal::unsupported(&path, "This server keeps no prompts."));
                }
                _ => unused::check(key, value, &path)?,
            }
        }
        Ok(new)
    }

    fn sound(&mut self, audio: &Value) -> Result<(), Refusal> {
        let audio = fields(audio, "session.audio", &["input", "output"])?;
        let part = |name: &str| audio.get(name).filter(|part| !part.is_null());
        if let Some(input) = part("input") {
            let path = "session.audio.input";
            let known = ["format", "transcription", "noise_reduction", "turn_detection"];
            for (key, value) in fields(input, path, &known)? {
                let path = format!("{path}.{key}");
                match key.as_str() {
                    "format" if value.is_null() => {}
                    "format" => self.input = format(value, &path)?.unwrap_or(self.input),
                    "transcription" => self.transcription = unused::transcription(value, &path)?,
                    // An object in which nothing is set.
                    "turn_detection" if is_unset(value) => {}
                    "turn_detection" => self.turns = turns(value, &path)?,
                    _ => unused::check(key, value, &path)?,
                }
            }
        }
        if let Some(output) = part("output") {
            let path = "session.audio.output";
            for (key, value) in given(output, path, &["format", "voice", "speed"])? {
                let path = format!("{path}.{key}");
                match key.as_str() {
                    "format" => self.output = format(value, &path)?.unwrap_or(self.output),
                    "voice" if is_unset(value) => {}
                    "voice" => self.voice = voice(value, &path)?,
                    _ => unused::check(key, value, &path)?,
                }
            }
        }
        Ok(())
    }

    /// The settings as the client is shown them: what has no effect here shows that it has none.
    pub(super) fn to_json(&self, id: &str, model: &str) -> Value {
        json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": model,
            "output_modalities": [self.modality()],
            "instructions": self.instructions,
            "tools": self.tools,
            "tool_choice": if self.calls { "auto" } else { "none" },
            "max_output_tokens": "inf",
            "tracing": null,
            "truncation": "disabled",
            "prompt": null,
            "expires_at": null,
            "audio": {
                "input": {
                    "format": format_json(self.input),
                    "transcription": self.transcription,
                    "noise_reduction": null,
                    "turn_detection": self.turns,
                },
                "output": {"format": format_json(self.output), "voice": self.voice, "speed": 1.0},
            },
        })
    }

    pub(super) fn modality(&self) -> &'static str {
        if self.speaks { "audio" } else { "text" }
    }

    /// What the model calls a voice; the usual one where the client names none.
    pub(super) fn voice_name(&self) -> Option<String> {
        self.voice.as_str().filter(|name| *name != "default").map(str::to_owned)
    }

    pub(super) fn functions(&self) -> Vec<FunctionSpec> {
        if self.calls { functions(&self.tools) } else { Vec::new() }
    }

    fn says(&self, key: &str) -> bool {
        self.turns[key] != json!(false)
    }

    pub(super) fn creates(&self) -> bool {
        !self.turns.is_null() && self.says("create_response")
    }

    pub(super) fn interrupts(&self) -> bool {
        !self.turns.is_null() && self.says("interrupt_response")
    }

    pub(super) fn hearing(&self) -> Hearing {
        if self.turns.is_null() {
            return Hearing::Client;
        }
        let usual = VoiceSettings::default();
        let threshold = self.turns["threshold"].as_f64().map_or(usual.threshold, |value| value as f32);
        let stop = self.turns["silence_duration_ms"].as_u64().map_or(usual.stop, Duration::from_millis);
        let settings = VoiceSettings { threshold, release: threshold * 0.7, stop, ..usual };
        // No model can be told to listen and not to answer, or not to stop.
        if self.creates() && self.interrupts() { Hearing::Model(settings) } else { Hearing::Server(settings) }
    }

    /// What the model is to be told of a change.
    pub(super) fn change_from(&self, old: &Self) -> Option<SessionUpdate> {
        let detects = |settings: &Self| matches!(settings.hearing(), Hearing::Model(_));
        let update = SessionUpdate {
            instructions: (self.instructions != old.instructions).then(|| self.instructions.clone()),
            voice: self.voice_name().filter(|_| self.voice != old.voice),
            tools: (self.tools != old.tools || self.calls != old.calls).then(|| self.functions()),
            turn_detection: Some(detects(self)).filter(|now| *now != detects(old)),
        };
        (update != SessionUpdate::default()).then_some(update)
    }
}

pub(super) fn functions(tools: &[Value]) -> Vec<FunctionSpec> {
    let text = |tool: &Value, key: &str| tool[key].as_str().unwrap_or_default().to_owned();
    let function = |tool: &Value| {
        FunctionSpec::new(text(tool, "name"), text(tool, "description"), tool["parameters"].clone())
    };
    tools.iter().map(function).collect()
}

/// Whether answers are spoken.
pub(super) fn modalities(value: &Value, path: &str) -> Result<bool, Refusal> {
    let list = value.as_array().ok_or_else(|| Refusal::kind(path, "a list"))?;
    match list.as_slice() {
        [one] => Ok(word(one, path, &["audio", "text"])? == "audio"),
        _ => Err(Refusal::value(path, format!("'{path}' holds one of 'audio' and 'text'."))),
    }
}

pub(super) fn tools(value: &Value, path: &str) -> Result<Vec<Value>, Refusal> {
    let list = value.as_array().ok_or_else(|| Refusal::kind(path, "a list"))?;
    for (at, tool) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if tool["type"] == "mcp" {
            return Err(Refusal::unsupported(&path, "This server calls no MCP servers for its clients."));
        }
        let tool = fields(tool, &path, &["type", "name", "description", "parameters", "strict"])?;
        word(tool.get("type").unwrap_or(&Value::Null), &format!("{path}.type"), &["function"])?;
        if wanted(tool, &path, "name")?.is_empty() {
            return Err(Refusal::value(&format!("{path}.name"), "A tool needs a name."));
        }
        if tool.get("parameters").is_some_and(|schema| !schema.is_object() && !schema.is_null()) {
            return Err(Refusal::kind(&format!("{path}.parameters"), "a JSON Schema"));
        }
    }
    Ok(list.clone())
}

/// Whether tools may be called. Models decide when: a tool that must be called is offered like the others.
pub(super) fn tool_choice(value: &Value, path: &str) -> Result<bool, Refusal> {
    if value.is_object() {
        let given = fields(value, path, &["type", "name"])?;
        word(given.get("type").unwrap_or(&Value::Null), &format!("{path}.type"), &["function"])?;
        wanted(given, path, "name")?;
        return Ok(true);
    }
    Ok(word(value, path, &["auto", "none", "required"])? != "none")
}

/// Whether it is an object with nothing but fields that are null: libraries write so what nobody set.
pub(super) fn is_unset(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is_empty() && object.values().all(Value::is_null))
}

/// A format of sound, where one is named.
pub(super) fn format(value: &Value, path: &str) -> Result<Option<Format>, Refusal> {
    let object = fields(value, path, &["type", "rate"])?;
    if is_unset(value) {
        return Ok(None);
    }
    let kind = wanted(object, path, "type")?;
    let wanted =
        match word(&json!(kind), &format!("{path}.type"), &["audio/pcm", "audio/pcmu", "audio/pcma"])? {
            "audio/pcmu" => Format::new(Encoding::Mulaw, telephone()),
            "audio/pcma" => Format::new(Encoding::Alaw, telephone()),
            _ => pcm(),
        };
    match object.get("rate") {
        Some(rate) if !rate.is_null() && *rate != json!(wanted.shape.rate()) => {
            let what = format!("'{kind}' has the rate {}.", wanted.shape.rate());
            Err(Refusal::value(&format!("{path}.rate"), what))
        }
        _ => Ok(Some(wanted)),
    }
}

fn telephone() -> crate::audio::Shape {
    // Of all rates this one is surely understood.
    crate::audio::Shape::new(8_000, 1).unwrap_or(crate::audio::Shape::MONO_16K)
}

pub(super) fn format_json(format: Format) -> Value {
    match format.encoding {
        Encoding::Mulaw => json!({"type": "audio/pcmu"}),
        Encoding::Alaw => json!({"type": "audio/pcma"}),
        _ => json!({"type": "audio/pcm", "rate": format.shape.rate()}),
    }
}

pub(super) fn voice(value: &Value, path: &str) -> Result<Value, Refusal> {
    if value.is_string() {
        return Ok(value.clone());
    }
    // Shown as a name too: that is what clients can read.
    Ok(wanted(fields(value, path, &["id"])?, path, "id")?.into())
}

fn turns(value: &Value, path: &str) -> Result<Value, Refusal> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let kind = value.get("type").filter(|kind| !kind.is_null());
    let kind = kind.ok_or_else(|| Refusal::missing(&format!("{path}.type")))?;
    let mut whole = match word(kind, &format!("{path}.type"), &["server_vad", "semantic_vad"])? {
        "server_vad" => server_vad(),
        _ => {
            json!({"type": "semantic_vad", "eagerness": "auto", "create_response": true, "interrupt_response": true})
        }
    };
    let known: Vec<String> = whole.as_object().into_iter().flat_map(Object::keys).cloned().collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for (key, given) in given(value, path, &known)? {
        let path = format!("{path}.{key}");
        match key.as_str() {
            "create_response" | "interrupt_response" if !given.is_boolean() => {
                return Err(Refusal::kind(&path, "true or false"));
            }
            "threshold" if !given.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)) => {
                return Err(Refusal::value(&path, format!("'{path}' is between 0 and 1.")));
            }
            "silence_duration_ms" | "prefix_padding_ms" if given.as_u64().is_none_or(|ms| ms > 60_000) => {
                return Err(Refusal::value(&path, format!("'{path}' is between 0 and 60000.")));
            }
            "eagerness" => {
                word(given, &path, &["low", "medium", "high", "auto"])?;
            }
            "idle_timeout_ms" => {
                return Err(Refusal::unsupported(&path, "This server does not speak because nobody does."));
            }
            _ => {}
        }
        whole[key] = given.clone();
    }
    Ok(whole)
}
