//! A session's settings, as each layout has them.
use super::super::json::merge;
use super::quirks::{Layout, OpenAiQuirks, Tools};
use crate::audio::{Encoding, Format};
use consort_core::{FunctionSpec, Object, SessionConfig, SessionUpdate};
use serde_json::{Value, json};

/// All settings, for a connection that begins, with these instructions.
pub(super) fn all(config: &SessionConfig, instructions: String, quirks: &OpenAiQuirks) -> Value {
    let mut session = Object::new();
    let update = SessionUpdate {
        instructions: Some(instructions).filter(|text| !text.is_empty()),
        voice: config.voice.clone(),
        tools: Some(config.tools.clone()).filter(|tools| !tools.is_empty()),
        // Some servers listen for the end of a turn only when they are told to.
        turn_detection: Some(config.turn_detection != Some(false)),
    };
    put_sound(&mut session, quirks);
    put(&mut session, &update, quirks);
    merge(&mut session, &config.options);
    json!({"type": "session.update", "session": session})
}

/// What changes. The user's own words for the end of a turn stay.
pub(super) fn change(update: &SessionUpdate, config: &SessionConfig, quirks: &OpenAiQuirks) -> Value {
    let mut session = Object::new();
    put(&mut session, update, quirks);
    if update.turn_detection == Some(true) {
        let asked = turn_detection(&config.options, quirks.layout);
        if let Some(Value::Object(asked)) = asked {
            let mut own = Object::new();
            put_turn_detection(&mut own, Value::Object(asked.clone()), quirks.layout);
            merge(&mut session, &own);
        }
    }
    json!({"type": "session.update", "session": session})
}

fn put_sound(session: &mut Object, quirks: &OpenAiQuirks) {
    let transcription = quirks.transcription.as_ref().map(|model| json!({"model": model}));
    if quirks.layout == Layout::Flat {
        session.insert("modalities".into(), json!(["text", "audio"]));
        session.insert("input_audio_format".into(), json!("pcm16"));
        session.insert("output_audio_format".into(), json!("pcm16"));
        if let Some(transcription) = transcription {
            session.insert("input_audio_transcription".into(), transcription);
        }
        return;
    }
    let mut input = json!({"format": {"type": "audio/pcm", "rate": quirks.input_rate}});
    if let Some(transcription) = transcription {
        input["transcription"] = transcription;
    }
    if quirks.layout == Layout::Nested {
        session.insert("output_modalities".into(), json!(["audio"]));
    }
    let output = json!({"format": {"type": "audio/pcm", "rate": quirks.output_rate}});
    session.insert("audio".into(), json!({"input": input, "output": output}));
}

fn put(session: &mut Object, update: &SessionUpdate, quirks: &OpenAiQuirks) {
    if quirks.layout == Layout::Nested {
        session.insert("type".into(), json!("realtime"));
    }
    if let Some(instructions) = &update.instructions {
        session.insert("instructions".into(), json!(instructions));
    }
    if let Some(tools) = &update.tools {
        session.insert("tools".into(), tools.iter().map(|spec| tool(spec, quirks.tools)).collect());
    }
    if let Some(detects) = update.turn_detection {
        let how = if detects { json!({"type": "server_vad"}) } else { Value::Null };
        put_turn_detection(session, how, quirks.layout);
    }
    if let Some(voice) = &update.voice {
        let own = match quirks.layout {
            Layout::Nested => json!({"audio": {"output": {"voice": voice}}}),
            Layout::Flat | Layout::Mixed => json!({"voice": voice}),
        };
        merge_value(session, own);
    }
}

fn put_turn_detection(session: &mut Object, how: Value, layout: Layout) {
    let own = match layout {
        Layout::Nested => json!({"audio": {"input": {"turn_detection": how}}}),
        Layout::Flat | Layout::Mixed => json!({"turn_detection": how}),
    };
    merge_value(session, own);
}

fn merge_value(session: &mut Object, own: Value) {
    if let Value::Object(own) = own {
        merge(session, &own);
    }
}

fn tool(spec: &FunctionSpec, layout: Tools) -> Value {
    let parameters = match &spec.parameters {
        Value::Null => json!({"type": "object", "properties": {}}),
        schema => schema.clone(),
    };
    let (name, description) = (&spec.name, &spec.description);
    match layout {
        Tools::Flat => {
            json!({"type": "function", "name": name, "description": description, "parameters": parameters})
        }
        Tools::Nested => {
            let function = json!({"name": name, "description": description, "parameters": parameters});
            json!({"type": "function", "function": function})
        }
    }
}

/// How a session's settings say that the end of a turn is found.
fn turn_detection(session: &Object, layout: Layout) -> Option<&Value> {
    match layout {
        Layout::Nested => session.get("audio")?.get("input")?.get("turn_detection"),
        Layout::Flat | Layout::Mixed => session.get("turn_detection"),
    }
}

/// Whether a turn whose end the server finds is answered, unless the user's own settings say otherwise.
pub(super) fn is_answered_by_server(config: &SessionConfig, quirks: &OpenAiQuirks) -> bool {
    turn_detection(&config.options, quirks.layout)
        .is_none_or(|own| own["create_response"] != Value::Bool(false))
}

/// What a session is like, as its server says it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) input: Option<Format>,
    pub(super) output: Option<Format>,
    /// Whether the server finds the end of a turn, and whether speech then cuts its answer.
    pub(super) detects: Option<bool>,
    pub(super) interrupts: Option<bool>,
}

pub(super) fn told(session: &Value, quirks: &OpenAiQuirks) -> Told {
    let Some(object) = session.as_object() else { return Told::default() };
    let audio = &session["audio"];
    let format = |side: &str, rate: u32| {
        read_format(&audio[side]["format"], rate)
            .or_else(|| read_format(&session[format!("{side}_audio_format").as_str()], rate))
    };
    let detection = turn_detection(object, quirks.layout);
    let is_on = |how: &Value| how["type"].as_str().is_some_and(|word| word != "none");
    Told {
        input: format("input", quirks.input_rate),
        output: format("output", quirks.output_rate),
        detects: detection.map(is_on),
        interrupts: detection.map(|how| is_on(how) && how["interrupt_response"] != Value::Bool(false)),
    }
}

/// A format by its MIME type and rate, or by the beta's word for it.
fn read_format(format: &Value, rate: u32) -> Option<Format> {
    if let Some(word) = format.as_str() {
        let mime = match word {
            "pcm16" | "pcm24" | "pcm" => "audio/pcm",
            "g711_ulaw" => "audio/pcmu",
            "g711_alaw" => "audio/pcma",
            _ => return None,
        };
        return Format::from_mime(mime, rate).ok();
    }
    let rate = format["rate"].as_u64().and_then(|rate| u32::try_from(rate).ok()).unwrap_or(rate);
    Format::from_mime(format["type"].as_str()?, rate).ok()
}

/// The formats before the server says any.
pub(super) fn usual(rate: u32) -> Format {
    Format::from_mime("audio/pcm", rate).unwrap_or(Format::new(Encoding::S16, crate::audio::Shape::MONO_24K))
}
