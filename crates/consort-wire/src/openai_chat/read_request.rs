//! Reads a Chat Completions body, from any client.
use super::ID;
use super::normalise::audio_mime;
use super::request::USUAL_REASONING_FIELD;
use crate::WireRequest;
use crate::json::{take, take_text};
use crate::normalise::name_results;
use consort_core::{
    Arguments, Body, Cache, Effort, Error, ErrorKind, FunctionSpec, Media, MediaSource, Message, Object,
    Output, Part, Request, Role, ToolCall, ToolChoice, ToolResult, ToolSpec,
};
use serde_json::{Value, json};

pub(super) fn read(request: &WireRequest) -> Result<Request, Error> {
    let Value::Object(mut body) = request.json()? else {
        return Err(invalid("the request body is not an object"));
    };
    body.retain(|_, value| !value.is_null());
    let mut out = Request::new(Vec::new());
    out.model = take_text(&mut body, "model").unwrap_or_default();
    out.stream = take(&mut body, "stream").unwrap_or(false);
    if body.get("stream_options") == Some(&json!({"include_usage": true})) {
        body.shift_remove("stream_options");
    }
    let Some(Value::Array(messages)) = body.shift_remove("messages") else {
        return Err(invalid("the request has no `messages`"));
    };
    for message in messages {
        let Value::Object(message) = message else { return Err(invalid("a message is not an object")) };
        read_message(message, &mut out)?;
    }
    name_results(&mut out.messages, false);
    if let Some(Value::Array(tools)) = body.shift_remove("tools") {
        out.tools = tools.into_iter().map(read_tool).collect();
    }
    read_choice(&mut body, &mut out);
    out.parallel_tools = take(&mut body, "parallel_tool_calls");
    read_output(&mut body, &mut out);
    read_sampling(&mut body, &mut out);
    read_reasoning(&mut body, &mut out);
    out.native.merge(ID, body);
    Ok(out)
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

fn read_sampling(body: &mut Object, out: &mut Request) {
    let sampling = &mut out.sampling;
    sampling.max_tokens = take(body, "max_completion_tokens").or_else(|| take(body, "max_tokens"));
    sampling.temperature = take(body, "temperature");
    sampling.top_p = take(body, "top_p");
    sampling.top_k = take(body, "top_k");
    sampling.seed = take(body, "seed").or_else(|| take(body, "random_seed"));
    sampling.presence_penalty = take(body, "presence_penalty");
    sampling.frequency_penalty = take(body, "frequency_penalty");
    sampling.choices = take(body, "n").filter(|choices| *choices != 1);
    sampling.stop = take::<Vec<String>>(body, "stop")
        .or_else(|| take::<String>(body, "stop").map(|stop| vec![stop]))
        .unwrap_or_default();
}

fn read_reasoning(body: &mut Object, out: &mut Request) {
    out.reasoning.effort = take(body, "reasoning_effort");
    if let Some(Value::Object(asked)) = body.get("reasoning") {
        let mut asked = asked.clone();
        let effort = take::<Effort>(&mut asked, "effort");
        let budget = take(&mut asked, "max_tokens");
        // Only what is understood whole is taken.
        if asked.is_empty() && (effort.is_some() || budget.is_some()) {
            out.reasoning.effort = effort;
            out.reasoning.budget_tokens = budget;
            body.shift_remove("reasoning");
        }
    }
    let thinks = match body.get("thinking") {
        Some(asked) if *asked == json!({"type": "enabled"}) => Some(Effort::Medium),
        Some(asked) if *asked == json!({"type": "disabled"}) => Some(Effort::None),
        _ => None,
    };
    if out.reasoning.effort.is_none() && thinks.is_some() {
        out.reasoning.effort = thinks;
        body.shift_remove("thinking");
    }
}

fn read_choice(body: &mut Object, out: &mut Request) {
    let choice = match body.get("tool_choice") {
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => return,
        },
        Some(choice) if choice["type"] == "function" && choice["function"]["name"].is_string() => {
            ToolChoice::Named(choice["function"]["name"].as_str().unwrap_or_default().to_owned())
        }
        _ => return,
    };
    body.shift_remove("tool_choice");
    out.tool_choice = choice;
}

fn read_output(body: &mut Object, out: &mut Request) {
    let Some(format) = body.get("response_format") else { return };
    let schema = &format["json_schema"];
    out.output = match format["type"].as_str() {
        Some("text") => Output::Text,
        Some("json_object") if format.as_object().is_some_and(|format| format.len() == 1) => Output::Json,
        Some("json_schema") if schema["schema"].is_object() => Output::Schema {
            name: schema["name"].as_str().unwrap_or_default().to_owned(),
            description: schema["description"].as_str().map(str::to_owned),
            schema: schema["schema"].clone(),
            strict: schema["strict"].as_bool(),
        },
        _ => return,
    };
    body.shift_remove("response_format");
}

fn read_tool(tool: Value) -> ToolSpec {
    let native = |value: Value| ToolSpec::Native { wire: ID.to_owned(), value };
    let kind = tool["type"].as_str();
    if !matches!(kind, None | Some("function")) || !tool["function"]["name"].is_string() {
        return native(tool);
    }
    let Value::Object(mut tool) = tool else { return native(tool) };
    tool.shift_remove("type");
    let Some(Value::Object(mut function)) = tool.shift_remove("function") else { return native(tool.into()) };
    function.retain(|_, value| !value.is_null());
    let mut spec = FunctionSpec::new(
        take_text(&mut function, "name").unwrap_or_default(),
        take_text(&mut function, "description").unwrap_or_default(),
        function.shift_remove("parameters").unwrap_or_default(),
    );
    spec.strict = take(&mut function, "strict");
    spec.cache = take_cache(&mut tool);
    if !function.is_empty() {
        spec.vendor.set(ID, "function", function);
    }
    if !tool.is_empty() {
        spec.vendor.set(ID, "tool", tool);
    }
    ToolSpec::Function(spec)
}

/// A cache mark of the usual form; others stay where they are.
fn take_cache(object: &mut Object) -> Option<Cache> {
    let mark = object.get("cache_control")?.as_object()?;
    let known =
        mark.keys().all(|key| key == "type" || key == "ttl") && mark.get("type") == Some(&json!("ephemeral"));
    if !known {
        return None;
    }
    let ttl = mark.get("ttl").and_then(Value::as_str).map(str::to_owned);
    object.shift_remove("cache_control");
    Some(Cache { ttl })
}

fn read_message(mut message: Object, out: &mut Request) -> Result<(), Error> {
    message.retain(|_, value| !value.is_null());
    let role = take_text(&mut message, "role").ok_or_else(|| invalid("a message has no `role`"))?;
    let content = message.shift_remove("content");
    match role.as_str() {
        "system" | "developer" => system(&role, content, message, out),
        "user" => {
            let mut user = Message::new(Role::User, read_content(content));
            user.name = take_text(&mut message, "name");
            user.vendor.merge(ID, message);
            out.messages.push(user);
        }
        "assistant" => out.messages.push(assistant(content, message)),
        "tool" => tool_result(content, message, out),
        other => return Err(invalid(&format!("a message has the unknown role `{other}`"))),
    }
    Ok(())
}

fn system(role: &str, content: Option<Value>, mut message: Object, out: &mut Request) {
    let mut parts = read_content(content);
    let leading = out.messages.is_empty()
        && message.is_empty()
        && parts.iter().all(|part| part.as_text().is_some())
        && out
            .instructions
            .first()
            .is_none_or(|first| first.vendor.text(ID, "role").unwrap_or("system") == role);
    if leading {
        if role != "system" {
            parts.iter_mut().for_each(|part| part.vendor.set(ID, "role", role));
        }
        out.instructions.extend(parts);
        return;
    }
    let mut system = Message::new(Role::System, parts);
    system.name = take_text(&mut message, "name");
    if role != "system" {
        message.insert("role".into(), json!(role));
    }
    system.vendor.merge(ID, message);
    out.messages.push(system);
}

fn assistant(content: Option<Value>, mut message: Object) -> Message {
    let mut parts = Vec::new();
    let mut shown = read_content(content);
    if let Some(thinking) = take_thinking(&mut message) {
        parts.push(thinking);
    } else if matches!(shown.first(), Some(Part { body: Body::Reasoning { .. }, .. })) {
        parts.push(shown.remove(0));
    }
    parts.extend(shown);
    if let Some(text) = take_text(&mut message, "refusal").filter(|text| !text.is_empty()) {
        parts.push(Body::Refusal { text }.into());
    }
    if let Some(Value::Array(calls)) = message.shift_remove("tool_calls") {
        parts.extend(calls.into_iter().filter_map(read_call));
    }
    if let Some(call) = message.shift_remove("function_call") {
        parts.push(Part::native(ID, "function_call", call));
    }
    message.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    let mut out = Message::new(Role::Assistant, parts);
    out.name = take_text(&mut message, "name");
    out.vendor.merge(ID, message);
    out
}

fn take_thinking(message: &mut Object) -> Option<Part> {
    let usual = take_text(message, USUAL_REASONING_FIELD);
    let other = take_text(message, "reasoning").or_else(|| take_text(message, "thinking"));
    let details = message.shift_remove("reasoning_details");
    let field = match (&usual, &other) {
        (Some(_), Some(_)) => Some("both"),
        (None, Some(_)) => Some("reasoning"),
        (None, None) => Some("details"),
        (Some(_), None) => None,
    };
    let text = usual.or(other);
    if text.as_deref().unwrap_or_default().is_empty() && details.is_none() {
        // Some vendors want even empty thinking back.
        if field.is_none() && text.is_some() {
            message.insert(USUAL_REASONING_FIELD.into(), json!(""));
        }
        return None;
    }
    let mut part = Part::reasoning(text.unwrap_or_default());
    if let Some(field) = field {
        part.vendor.set(ID, "field", field);
    }
    if let Some(details) = details {
        part.vendor.set(ID, "details", details);
    }
    Some(part)
}

fn read_call(call: Value) -> Option<Part> {
    let Value::Object(mut call) = call else { return None };
    call.retain(|_, value| !value.is_null());
    let id = take_text(&mut call, "id").unwrap_or_default();
    let kind = take_text(&mut call, "type");
    let cache = take_cache(&mut call);
    let (name, arguments) = if kind.as_deref() == Some("custom") {
        let custom = call.shift_remove("custom")?;
        call.insert("type".into(), json!("custom"));
        (custom["name"].as_str()?.to_owned(), Arguments::from(&custom["input"]))
    } else {
        let function = call.shift_remove("function")?;
        let arguments = match &function["arguments"] {
            Value::String(text) => Arguments::new(text.clone()),
            Value::Null => Arguments::default(),
            value => Arguments::from(value),
        };
        (function["name"].as_str()?.to_owned(), arguments)
    };
    let mut part: Part = Body::ToolCall(ToolCall { id, name, arguments }).into();
    part.cache = cache;
    part.vendor.merge(ID, call);
    Some(part)
}

/// Results that follow each other are one message.
fn tool_result(content: Option<Value>, mut message: Object, out: &mut Request) {
    let result = ToolResult {
        call_id: take_text(&mut message, "tool_call_id").unwrap_or_default(),
        name: String::new(),
        content: read_content(content),
        is_error: false,
    };
    let mut part: Part = Body::ToolResult(result).into();
    part.cache = take_cache(&mut message);
    part.vendor.merge(ID, message);
    match out.messages.last_mut() {
        Some(last) if last.role == Role::Tool => last.parts.push(part),
        _ => out.messages.push(Message::new(Role::Tool, vec![part])),
    }
}

fn read_content(content: Option<Value>) -> Vec<Part> {
    match content {
        Some(Value::String(text)) if !text.is_empty() => vec![Part::text(text)],
        Some(Value::Array(parts)) => parts.into_iter().filter_map(read_part).collect(),
        _ => Vec::new(),
    }
}

fn read_part(value: Value) -> Option<Part> {
    let Value::Object(mut object) = value else { return value.as_str().map(Part::text) };
    object.retain(|_, value| !value.is_null());
    let cache = take_cache(&mut object);
    let kind = object.get("type").and_then(Value::as_str).unwrap_or("text").to_owned();
    let body = match kind.as_str() {
        "text" => {
            let text = take_text(&mut object, "text")?;
            (!text.is_empty()).then_some(Body::Text { text, citations: Vec::new() })
        }
        "refusal" => take_text(&mut object, "refusal").map(|text| Body::Refusal { text }),
        "thinking" => read_thinking(&mut object),
        "image_url" => take_media(&mut object, "image_url", "url", "image/*"),
        "video_url" => take_media(&mut object, "video_url", "url", "video/*"),
        "input_audio" => take_audio(&mut object),
        "file" => take_file(&mut object),
        _ => None,
    };
    let mut part: Part = match body {
        Some(body) => {
            object.shift_remove("type");
            body.into()
        }
        None if kind == "text" => return None,
        None => return Some(Part { cache, ..Part::native(ID, kind, std::mem::take(&mut object).into()) }),
    };
    if kind == "thinking" {
        part.vendor.set(ID, "field", "content");
    }
    part.cache = cache;
    part.vendor.merge(ID, object);
    Some(part)
}

/// Thinking inside the content: a list of texts.
fn read_thinking(object: &mut Object) -> Option<Body> {
    let thinking = object.get("thinking")?.as_array()?;
    let text: String = thinking.iter().filter_map(|piece| piece["text"].as_str()).collect();
    object.clear();
    Some(Body::Reasoning { text, redacted: false })
}

/// A URL inside an object; what else the object says stays.
fn take_media(object: &mut Object, key: &str, url_key: &str, mime: &str) -> Option<Body> {
    let url = match object.get(key)? {
        Value::String(url) => url.clone(),
        inner => inner[url_key].as_str()?.to_owned(),
    };
    let read = Media::from_url(&url);
    // Only a spelling that we would write again is read.
    let media = if read.to_url().as_ref() == Some(&url) && matches!(read.source, MediaSource::Bytes(_)) {
        read
    } else {
        Media::url(mime, url)
    };
    leave_rest(object, key, url_key);
    Some(Body::Media(media))
}

fn take_audio(object: &mut Object) -> Option<Body> {
    let inner = &object["input_audio"];
    let mime = audio_mime(inner["format"].as_str()?);
    let media = Media::from_url(&format!("data:{mime};base64,{}", inner["data"].as_str()?));
    if !matches!(media.source, MediaSource::Bytes(_)) {
        return None;
    }
    object.shift_remove("input_audio");
    Some(Body::Media(media))
}

fn take_file(object: &mut Object) -> Option<Body> {
    let file = object.get("file")?.as_object()?;
    if let Some(id) = file.get("file_id").and_then(Value::as_str)
        && file.len() == 1
    {
        let source = MediaSource::File { wire: ID.to_owned(), id: id.to_owned() };
        object.shift_remove("file");
        return Some(Body::Media(Media { source, mime: String::new(), name: None }));
    }
    let mut media = Media::from_url(file.get("file_data")?.as_str()?);
    media.name = Some(file.get("filename")?.as_str()?.to_owned());
    if !matches!(media.source, MediaSource::Bytes(_)) || file.len() != 2 {
        return None;
    }
    object.shift_remove("file");
    Some(Body::Media(media))
}

/// Takes one key out of an inner object, which stays if it says more.
fn leave_rest(object: &mut Object, key: &str, taken: &str) {
    let rest = match object.get_mut(key) {
        Some(Value::Object(inner)) => {
            inner.shift_remove(taken);
            inner.retain(|_, value| !value.is_null());
            !inner.is_empty()
        }
        _ => false,
    };
    if !rest {
        object.shift_remove(key);
    }
}
