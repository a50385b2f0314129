//! Items of the conversation that a client puts into it.
use super::refusal::{Refusal, fields, wanted, word};
use crate::audio::{Encoding, Format, Sound};
use consort_core::{Arguments, Media, Message, Object, Part, Role};
use serde_json::{Value, json};

/// An item as it is shown, and as the model is told it. `calls` says the name of a call by its id.
pub(super) fn read(
    item: &Value,
    id: &str,
    sound: Format,
    calls: impl Fn(&str) -> Option<String>,
) -> Result<(Value, Message), Refusal> {
    let kinds = ["message", "function_call", "function_call_output"];
    let kind = item.get("type").ok_or_else(|| Refusal::missing("item.type"))?;
    let mut shown = json!({"id": id, "object": "realtime.item", "type": kind, "status": "completed"});
    let message = match word(kind, "item.type", &kinds)? {
        "message" => {
            let object = fields(item, "item", &["id", "object", "type", "status", "role", "content"])?;
            let role = object.get("role").ok_or_else(|| Refusal::missing("item.role"))?;
            shown["role"] = role.clone();
            let role = match word(role, "item.role", &["user", "assistant", "system"])? {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => Role::System,
            };
            let content = object.get("content").ok_or_else(|| Refusal::missing("item.content"))?;
            let list = content.as_array().ok_or_else(|| Refusal::kind("item.content", "a list"))?;
            let (mut parts, mut seen) = (Vec::new(), Vec::new());
            for (at, piece) in list.iter().enumerate() {
                let (part, piece) = part(piece, role, sound, &format!("item.content[{at}]"))?;
                parts.extend(part);
                seen.push(piece);
            }
            shown["content"] = seen.into();
            Message::new(role, parts)
        }
        "function_call" => {
            let known = ["id", "object", "type", "status", "call_id", "name", "arguments"];
            let object = fields(item, "item", &known)?;
            let name = wanted(object, "item", "name")?;
            let arguments = wanted(object, "item", "arguments")?;
            let call = object.get("call_id").and_then(Value::as_str).unwrap_or(id);
            shown["call_id"] = call.into();
            shown["name"] = name.into();
            shown["arguments"] = arguments.into();
            Message::new(Role::Assistant, vec![Part::tool_call(call, name, Arguments::new(arguments))])
        }
        _ => {
            let object = fields(item, "item", &["id", "object", "type", "status", "call_id", "output"])?;
            let (call, output) = (wanted(object, "item", "call_id")?, wanted(object, "item", "output")?);
            let unknown = || {
                Refusal::value("item.call_id", format!("No call in the conversation has the id '{call}'."))
            };
            let name = calls(call).ok_or_else(unknown)?;
            shown["call_id"] = call.into();
            shown["output"] = output.into();
            Message::new(Role::Tool, vec![Part::tool_result(call, name, output)])
        }
    };
    Ok((shown, message))
}

/// What pieces of any kind have: libraries write those of the others as null.
const PIECE: [&str; 6] = ["type", "text", "audio", "transcript", "image_url", "detail"];

/// The fields of a piece that are set, which are those of its kind.
fn piece_of<'a>(piece: &'a Value, path: &str, known: &[&str]) -> Result<&'a Object, Refusal> {
    let object = piece.as_object().ok_or_else(|| Refusal::kind(path, "an object"))?;
    let is_set = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
    let unset = PIECE.iter().filter(|key| !is_set(key));
    fields(piece, path, &known.iter().chain(unset).copied().collect::<Vec<_>>())
}

/// A piece of a message, where it says anything, and how it is shown: sound and pictures are not shown again.
fn part(piece: &Value, role: Role, sound: Format, path: &str) -> Result<(Option<Part>, Value), Refusal> {
    let known: &[&str] = match role {
        Role::User => &["input_text", "input_audio", "input_image"],
        Role::Assistant => &["output_text", "output_audio"],
        _ => &["input_text"],
    };
    let kind = piece.get("type").ok_or_else(|| Refusal::missing(&format!("{path}.type")))?;
    let kind = word(kind, &format!("{path}.type"), known)?;
    match kind {
        "input_text" | "output_text" => {
            let object = piece_of(piece, path, &["type", "text"])?;
            let text = wanted(object, path, "text")?;
            Ok((Some(Part::text(text)), json!({"type": kind, "text": text})))
        }
        "output_audio" => {
            let object = piece_of(piece, path, &["type", "transcript", "audio"])?;
            // Nobody knows what was said in it.
            if object.get("transcript").is_some_and(Value::is_null) {
                return Ok((None, json!({"type": kind, "transcript": null})));
            }
            let words = wanted(object, path, "transcript")?;
            Ok((Some(Part::text(words)), json!({"type": kind, "transcript": words})))
        }
        "input_audio" => {
            let object = piece_of(piece, path, &["type", "audio", "transcript"])?;
            let param = format!("{path}.audio");
            let given = wanted(object, path, "audio")?;
            let heard = Sound::from_base64(given, sound)
                .map_err(|error| Refusal::value(&param, super::super::said(&error)))?;
            let wav = Media::bytes("audio/wav", heard.to_wav(Encoding::S16));
            Ok((Some(Part::media(wav)), json!({"type": kind, "transcript": object.get("transcript")})))
        }
        _ => {
            let object = piece_of(piece, path, &["type", "image_url", "detail"])?;
            let param = format!("{path}.image_url");
            let url = wanted(object, path, "image_url")?;
            let media = Media::from_url(url);
            if media.base64().is_none() || media.family() != "image" {
                let what = "A picture is given as a data: URL with its type and its bytes in base64.";
                return Err(Refusal::value(&param, what));
            }
            Ok((Some(Part::media(media)), json!({"type": kind})))
        }
    }
}

/// What the user said, as an item; `words` where they are known.
pub(super) fn spoken(id: &str, words: Option<&str>) -> Value {
    json!({
        "id": id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
        "content": [{"type": "input_audio", "transcript": words}],
    })
}
