//! The first message of a connection, and what was said before it.
use super::super::json::merge;
use consort_core::{Body, FunctionSpec, Message, Part, Role, SessionConfig, ToolResult};
use serde_json::{Value, json};

/// What cannot change while the connection lasts. A handle takes over the session that an older connection left.
pub(super) fn setup(model: &str, config: &SessionConfig, handle: Option<&str>) -> Value {
    let model = if model.contains('/') { model.to_owned() } else { format!("models/{model}") };
    let mut setup = json!({
        "model": model,
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        // A handle is only given to those who ask for one from the beginning.
        "sessionResumption": handle.map_or_else(|| json!({}), |handle| json!({"handle": handle})),
        // Without it a session ends for good after a quarter of an hour.
        "contextWindowCompression": {"slidingWindow": {}},
    });
    if !config.instructions.is_empty() {
        setup["systemInstruction"] = json!({"parts": [{"text": config.instructions}]});
    }
    if let Some(voice) = &config.voice {
        setup["generationConfig"]["speechConfig"] =
            json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}});
    }
    if !config.tools.is_empty() {
        let functions: Vec<Value> = config.tools.iter().map(function).collect();
        setup["tools"] = json!([{"functionDeclarations": functions}]);
    }
    if config.turn_detection == Some(false) {
        setup["realtimeInputConfig"] = json!({"automaticActivityDetection": {"disabled": true}});
    }
    if let Value::Object(own) = &mut setup {
        merge(own, &config.options);
    }
    json!({"setup": setup})
}

/// A function without parameters has no schema: an empty one is refused.
fn function(tool: &FunctionSpec) -> Value {
    let mut function = json!({"name": tool.name, "description": tool.description});
    let says_nothing = |(key, value): (&String, &Value)| match key.as_str() {
        "properties" | "required" => *value == json!({}) || *value == json!([]),
        key => key == "type" || key == "additionalProperties",
    };
    let has_parameters = tool.parameters.as_object().is_some_and(|schema| !schema.iter().all(says_nothing));
    if has_parameters {
        function["parametersJsonSchema"] = tool.parameters.clone();
    }
    function
}

/// What was said before the session, and how many parts of it cannot be carried.
pub(super) fn past(messages: &[Message]) -> (Vec<Value>, usize) {
    let (mut turns, mut lost) = (Vec::new(), 0);
    let all = || messages.iter().flat_map(|message| &message.parts);
    // A call that has no result was of a session that is gone.
    let is_open = |part: &&Part| match &part.body {
        Body::ToolCall(call) => {
            all().all(|other| !matches!(&other.body, Body::ToolResult(result) if result.call_id == call.id))
        }
        _ => false,
    };
    for message in messages {
        let role = if message.role == Role::Assistant { "model" } else { "user" };
        let told: Vec<&Part> = message.parts.iter().filter(|part| !is_open(part)).collect();
        let parts: Vec<Value> = told.iter().copied().filter_map(part).collect();
        lost += told.len() - parts.len();
        if !parts.is_empty() {
            turns.push(json!({"role": role, "parts": parts}));
        }
    }
    (turns, lost)
}

fn part(part: &Part) -> Option<Value> {
    match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => Some(json!({"text": text})),
        Body::Media(media) => Some(json!({"inlineData": {"mimeType": media.mime, "data": media.base64()?}})),
        Body::ToolCall(call) => {
            let args = call.arguments.value().ok().filter(Value::is_object)?;
            Some(json!({"functionCall": {"id": call.id, "name": call.name, "args": args}}))
        }
        Body::ToolResult(result) => Some(json!({"functionResponse": {
            "id": result.call_id,
            "name": result.name,
            "response": response(result),
        }})),
        Body::Reasoning { .. } | Body::Native { .. } => None,
    }
}

/// What a tool gave, as the object that the vendor wants.
pub(super) fn response(result: &ToolResult) -> Value {
    let text = result.text();
    if result.is_error {
        return json!({"error": text});
    }
    match serde_json::from_str(&text) {
        Ok(object @ Value::Object(_)) => object,
        _ => json!({"output": text}),
    }
}
