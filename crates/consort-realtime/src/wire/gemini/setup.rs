//! The first message of a connection, and what was said before it.
use super::super::{json::merge, told, unsaid::unsaid};
use super::{Asked, schema::schema};
use consort_core::{
    Body, FunctionSpec, Message, Object, Part, Request, Role, SessionConfig, ToolResult, Warning,
};
use consort_wire::{Quirks, wire};
use serde_json::{Value, json};

/// What cannot change while the connection lasts. A handle takes over the session that an older connection left.
pub(super) fn setup(model: &str, config: &SessionConfig, instructions: &str, handle: Option<&str>) -> Value {
    let model_name = model;
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
    if !instructions.is_empty() {
        setup["systemInstruction"] = json!({"parts": [{"text": instructions}]});
    }
    if let Some(voice) = &config.voice {
        setup["generationConfig"]["speechConfig"] =
            json!({"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}});
    }
    if let Value::Object(own) = &mut setup["generationConfig"] {
        merge(own, &generation(model_name, config).0);
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

/// What of sampling and thinking a live session takes.
const GENERATION: [&str; 6] = ["maxOutputTokens", "temperature", "topP", "topK", "seed", "thinkingConfig"];

/// How words are chosen and how much is thought, in the words in which this vendor's chat models are told it; and what of that
/// a live session has no word for.
pub(super) fn generation(model: &str, config: &SessionConfig) -> (Object, Vec<Warning>) {
    let mut request = Request::ask("-");
    // A live model's generation stands elsewhere in its name.
    request.model = model.replace("gemini-live-", "gemini-");
    (request.sampling, request.reasoning) = (config.sampling.clone(), config.reasoning.clone());
    let written = wire("gemini").and_then(|wire| wire.encode_request(&request, &Quirks::default()).ok());
    let Some((written, normalised)) = written else { return Default::default() };
    let body: Value = serde_json::from_slice(&written.body).unwrap_or_default();
    let all = body["generationConfig"].as_object().cloned().unwrap_or_default();
    let (known, others): (Object, Object) =
        all.into_iter().partition(|(name, _)| GENERATION.contains(&name.as_str()));
    let others: Vec<String> = others.into_iter().map(|(name, _)| name).collect();
    (known, normalised.warnings.into_iter().chain(unsaid(&others)).collect())
}

/// A function without parameters has no schema: an empty one is refused. `parametersJsonSchema` is not for live sessions: older
/// models do not see what stands there.
fn function(tool: &FunctionSpec) -> Value {
    let mut function = json!({"name": tool.name, "description": tool.description});
    let says_nothing = |(key, value): (&String, &Value)| match key.as_str() {
        "properties" | "required" => *value == json!({}) || *value == json!([]),
        key => key == "type" || key == "additionalProperties",
    };
    let has_parameters = tool.parameters.as_object().is_some_and(|schema| !schema.iter().all(says_nothing));
    if has_parameters {
        function["parameters"] = schema(&tool.parameters);
    }
    function
}

/// What was said before without the words that are asked once more: those that nothing but such words stand behind. What
/// stands before others that wait for an answer too is told where it was said, and asked no more.
pub(super) fn answered(messages: &[Message], asked: &mut Vec<Asked>) -> Vec<Message> {
    let mut messages = messages.to_vec();
    let behind = messages.iter().rposition(|message| message.role == Role::Assistant).map_or(0, |at| at + 1);
    let mut told: Vec<(usize, usize, String)> = Vec::new();
    for (at, message) in messages.iter().enumerate().skip(behind) {
        let texts = message.parts.iter().enumerate().filter_map(|(part, body)| Some((part, body.as_text()?)));
        told.extend(texts.map(|(part, text)| (at, part, text.to_owned())));
    }
    let mut older = asked.len();
    while let Some(newest) = asked[..older].iter().rposition(|asked| asked.words().is_some()) {
        let is_its = |(.., text): &mut (usize, usize, String)| asked[newest].words() == Some(text);
        let Some((at, part, _)) = told.pop_if(is_its) else { break };
        messages[at].parts.remove(part);
        older = newest;
    }
    messages.retain(|message| !message.parts.is_empty());
    let again = asked.split_off(older);
    asked.retain(|asked| asked.words().is_none_or(|words| told.iter().all(|(.., text)| text != words)));
    asked.extend(again);
    messages
}

/// What was said before the session, and how many parts of it cannot be carried.
pub(super) fn past(messages: &[Message]) -> (Vec<Value>, usize) {
    let (mut turns, mut lost) = (Vec::<(&str, Vec<Value>)>::new(), 0);
    for message in messages {
        let role = if message.role == Role::Assistant { "model" } else { "user" };
        for part in message.parts.iter().filter(|part| !told::is_open_call(part, messages)) {
            let Some(part) = said(message.role, part) else {
                lost += 1;
                continue;
            };
            match turns.last_mut().filter(|turn| turn.0 == role) {
                Some(turn) => turn.1.push(part),
                None => turns.push((role, vec![part])),
            }
        }
    }
    (turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect(), lost)
}

/// Turns hold texts and pictures: calls, results and sound in them are refused.
fn said(role: Role, part: &Part) -> Option<Value> {
    match &part.body {
        Body::Text { text, .. } | Body::Refusal { text } => Some(json!({"text": text})),
        Body::Media(media) if role == Role::User && media.family() == "image" => {
            Some(json!({"inlineData": {"mimeType": media.mime, "data": media.base64()?}}))
        }
        Body::ToolCall(call) => Some(json!({"text": told::call(call)})),
        Body::ToolResult(result) => Some(json!({"text": told::result(result)})),
        Body::Media(_) | Body::Reasoning { .. } | Body::Native { .. } => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_an_answer_keeps_its_order() {
        let told = |past: &[&str], asked: &[&str]| {
            let past: Vec<Message> = past.iter().map(|text| Message::user(*text)).collect();
            let mut asked: Vec<Asked> = asked.iter().map(|text| Asked::Words((*text).into())).collect();
            let past = answered(&past, &mut asked);
            let asked: Vec<&str> = asked.iter().filter_map(Asked::words).collect();
            (past.iter().map(Message::text).collect::<Vec<_>>().join(" "), asked.join(" "))
        };
        let wanted = |past: &str, asked: &str| (past.to_owned(), asked.to_owned());
        assert_eq!(told(&["so", "one", "two"], &["one", "two"]), wanted("so", "one two"));
        assert_eq!(told(&["one", "so", "two"], &["one", "two"]), wanted("one so", "two"));
        assert_eq!(told(&["one", "so"], &["one"]), wanted("one so", ""));
        // What the vendor keeps is not among what is told, and asked all the same.
        assert_eq!(told(&["two"], &["one", "two"]), wanted("", "one two"));
        assert_eq!(told(&["one", "one"], &["one"]), wanted("one", "one"));
    }
}
