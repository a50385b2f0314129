//! The first message of a client: what the whole connection is like.
use super::super::ears::Hearing;
use crate::audio::VoiceSettings;
use consort_core::{FunctionSpec, Object};
use serde_json::{Value, json};
use std::time::Duration;

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setup {
    pub(super) model: String,
    pub(super) instructions: String,
    pub(super) voice: Option<String>,
    pub(super) tools: Vec<FunctionSpec>,
    /// Whether answers are spoken; else what is said aloud is written.
    pub(super) speaks: bool,
    /// Whether the client wants to read what each side says.
    pub(super) user_words: bool,
    pub(super) answer_words: bool,
    pub(super) hearing: Hearing,
    /// Whether speech cuts an answer.
    pub(super) interrupts: bool,
    /// Whether the client wants to be told when the user speaks.
    pub(super) tells_voice: bool,
    pub(super) resumes: bool,
    /// Whether what was said before comes first, in turns that are not answered.
    pub(super) seeds: bool,
}

/// A field in either spelling.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    match &value[name] {
        Value::Null => &value[snake(name).as_str()],
        found => found,
    }
}

/// A list, which may lack.
pub(super) fn list<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(all) => Ok(all),
        _ => Err(format!("{what} is no list")),
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The one field of these that a message has; what it says that is none of them is refused.
pub(super) fn known(value: &Value, names: &[&str], what: &str) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{what} is no object"))?;
    match object.keys().find(|key| !names.iter().any(|name| *key == name || **key == snake(name))) {
        None => Ok(()),
        Some(key) => Err(format!("unknown name \"{key}\" in {what}")),
    }
}

const SETUP: [&str; 15] = [
    "model",
    "generationConfig",
    "systemInstruction",
    "tools",
    "realtimeInputConfig",
    "inputAudioTranscription",
    "outputAudioTranscription",
    "sessionResumption",
    "contextWindowCompression",
    "proactivity",
    "explicitVadSignal",
    "historyConfig",
    "avatarConfig",
    "safetySettings",
    "labels",
];

pub(super) fn read(setup: &Value) -> Result<Setup, String> {
    known(setup, &SETUP, "setup")?;
    let model = setup["model"].as_str().ok_or("setup names no model")?;
    // Those who pay the vendor by another of its doors name the whole way to a model.
    let model = model.rsplit_once("/models/").map_or(model, |(_, name)| name);
    let model = model.strip_prefix("models/").unwrap_or(model).to_owned();
    let generation = field(setup, "generationConfig");
    let speech = field(generation, "speechConfig");
    let voice = field(field(field(speech, "voiceConfig"), "prebuiltVoiceConfig"), "voiceName");
    let resumption = field(setup, "sessionResumption");
    if field(resumption, "handle").as_str().is_some_and(|handle| !handle.is_empty()) {
        return Err("this server keeps no sessions: there is none to be resumed".into());
    }
    let input = field(setup, "realtimeInputConfig");
    let interrupts = field(input, "activityHandling") != "NO_INTERRUPTION";
    Ok(Setup {
        model,
        instructions: instructions(field(setup, "systemInstruction")),
        voice: voice.as_str().map(str::to_owned),
        tools: tools(&setup["tools"])?,
        speaks: speaks(field(generation, "responseModalities"))?,
        user_words: !field(setup, "inputAudioTranscription").is_null(),
        answer_words: !field(setup, "outputAudioTranscription").is_null(),
        hearing: hearing(field(input, "automaticActivityDetection")),
        interrupts,
        tells_voice: *field(setup, "explicitVadSignal") == json!(true),
        resumes: !resumption.is_null(),
        seeds: *field(field(setup, "historyConfig"), "initialHistoryInClientContent") == json!(true),
    })
}

fn speaks(modalities: &Value) -> Result<bool, String> {
    let words = modalities.as_array().map_or(&[][..], Vec::as_slice);
    match words {
        [] => Ok(true),
        [one] if *one == "AUDIO" || *one == "TEXT" => Ok(*one == "AUDIO"),
        _ => Err("responseModalities holds one of AUDIO and TEXT".into()),
    }
}

fn instructions(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content["parts"].as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn tools(tools: &Value) -> Result<Vec<FunctionSpec>, String> {
    let mut all = Vec::new();
    for tool in tools.as_array().into_iter().flatten() {
        let functions = field(tool, "functionDeclarations");
        if let Some(other) = tool.as_object().into_iter().flat_map(Object::keys).find(|key| {
            !matches!(key.as_str(), "functionDeclarations" | "function_declarations")
                && !tool[key.as_str()].is_null()
        }) {
            return Err(format!("this server has no tool \"{other}\": only functions can be offered"));
        }
        for function in functions.as_array().into_iter().flatten() {
            let name = function["name"].as_str().ok_or("a function without a name")?;
            let schema = match field(function, "parametersJsonSchema") {
                Value::Null => in_json_schema(function["parameters"].clone()),
                schema => schema.clone(),
            };
            all.push(FunctionSpec::new(name, function["description"].as_str().unwrap_or_default(), schema));
        }
    }
    Ok(all)
}

/// The vendor writes the names of types in capitals.
fn in_json_schema(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Value::String(word) if key == "type" => *word = word.to_ascii_lowercase(),
                    // Here the keys are names of the function's own.
                    Value::Object(own) if key == "properties" => {
                        own.values_mut().for_each(|value| *value = in_json_schema(value.take()));
                    }
                    Value::Object(_) | Value::Array(_) if key != "enum" && key != "example" => {
                        *value = in_json_schema(value.take());
                    }
                    _ => {}
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = in_json_schema(value.take())),
        _ => {}
    }
    schema
}

fn hearing(detection: &Value) -> Hearing {
    if *field(detection, "disabled") == json!(true) {
        return Hearing::Client;
    }
    let usual = VoiceSettings::default();
    let stop = field(detection, "silenceDurationMs").as_u64().map_or(usual.stop, Duration::from_millis);
    let settings = VoiceSettings { stop: stop.min(Duration::from_mins(1)), ..usual };
    // Where nothing may cut an answer, the model hears nothing while one sounds: no model can be told to listen and not to stop.
    Hearing::Model(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_and_names_of_others_are_left_alone() {
        let setup = read(&json!({
            "model": "models/demo/live",
            "generation_config": {"responseModalities": ["AUDIO"],
                "speechConfig": {"voice_config": {"prebuiltVoiceConfig": {"voice_name": "Puck"}}}},
            "systemInstruction": {"parts": [{"text": "Be kind."}]},
            "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT",
                "properties": {"type": {"type": "STRING"}, "aB": {"type": "ARRAY", "items": {"type": "NUMBER"}}}}}]}],
            "realtimeInputConfig": {"automatic_activity_detection": {"disabled": true}},
            "outputAudioTranscription": {},
        }))
        .unwrap();
        assert_eq!((setup.model.as_str(), setup.voice.as_deref()), ("demo/live", Some("Puck")));
        assert_eq!(setup.instructions, "Be kind.");
        assert_eq!((setup.hearing, setup.user_words, setup.answer_words), (Hearing::Client, false, true));
        let schema = &setup.tools[0].parameters;
        assert_eq!(schema["properties"]["type"], json!({"type": "string"}));
        assert_eq!(schema["properties"]["aB"]["items"]["type"], "number");
        let vertex = "projects/p/locations/l/publishers/google/models/zoo/echo";
        assert_eq!(read(&json!({"model": vertex})).unwrap().model, "zoo/echo");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (setup, word) in [
            (json!({"model": "m", "colour": "red"}), "colour"),
            (json!({}), "model"),
            (json!({"model": "m", "tools": [{"googleSearch": {}}]}), "googleSearch"),
            (json!({"model": "m", "sessionResumption": {"handle": "h"}}), "resumed"),
            (json!({"model": "m", "generationConfig": {"responseModalities": ["AUDIO", "TEXT"]}}), "AUDIO"),
        ] {
            let refused = read(&setup).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
