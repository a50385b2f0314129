//! Writes requests.
use super::{EXTRA, ID, blocks, extra};
use crate::quirks::Quirks;
use crate::{WireRequest, json, path_segment};
use consort_core::{Error, FunctionSpec, Message, Object, Output, Request, Role, ToolChoice, ToolSpec};
use serde_json::{Value, json};

pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let mut body = write_body(request)?;
    json::merge(&mut body, &quirks.body);
    if let Some(native) = request.native.of(ID) {
        json::merge(&mut body, native);
    }
    // A null says that the word is left out on purpose.
    if let Some(Value::Object(extra)) = body.get_mut(EXTRA)
        && extra.get("thinking").is_some_and(Value::is_null)
    {
        extra.shift_remove("thinking");
    }
    let path = quirks.path.as_deref().unwrap_or("model/{model}/converse");
    let path = path.replace("{model}", &path_segment::encode(&request.model));
    let path = if request.stream { format!("{path}-stream") } else { path };
    Ok(WireRequest::post(path, &Value::Object(body)))
}

fn write_body(request: &Request) -> Result<Object, Error> {
    let mut body = Object::new();
    body.insert("messages".into(), write_messages(&request.messages)?.into());
    if !request.instructions.is_empty() {
        body.insert("system".into(), blocks::write_all(&request.instructions)?.into());
    }
    let sampling = &request.sampling;
    let mut inference = Object::new();
    json::set(&mut inference, "maxTokens", sampling.max_tokens);
    json::set(&mut inference, "temperature", sampling.temperature);
    json::set(&mut inference, "topP", sampling.top_p);
    if !sampling.stop.is_empty() {
        inference.insert("stopSequences".into(), sampling.stop.clone().into());
    }
    insert_filled(&mut body, "inferenceConfig", inference);
    insert_filled(&mut body, "toolConfig", write_tools(request));
    if let Output::Schema { name, description, schema, .. } = &request.output {
        let mut told = Object::new();
        told.insert("schema".into(), schema.to_string().into());
        if !name.is_empty() {
            told.insert("name".into(), name.as_str().into());
        }
        json::set(&mut told, "description", description.clone());
        let format = json!({"type": "json_schema", "structure": {"jsonSchema": told}});
        body.insert("outputConfig".into(), json!({"textFormat": format}));
    }
    let mut fields = Object::new();
    extra::write(request, &mut fields);
    insert_filled(&mut body, EXTRA, fields);
    Ok(body)
}

fn insert_filled(body: &mut Object, key: &str, object: Object) {
    if !object.is_empty() {
        body.insert(key.to_owned(), object.into());
    }
}

/// Tool results are the user's words here, and the two sides must alternate.
fn write_messages(messages: &[Message]) -> Result<Vec<Value>, Error> {
    let mut written: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let content = blocks::write_all(&message.parts)?;
        match written.last_mut() {
            Some((last, all)) if *last == role => all.extend(content),
            _ => written.push((role, content)),
        }
    }
    Ok(written.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect())
}

fn write_tools(request: &Request) -> Object {
    let mut config = Object::new();
    if request.tools.is_empty() {
        return config;
    }
    let mut tools = Vec::new();
    for tool in &request.tools {
        match tool {
            ToolSpec::Function(function) => {
                tools.push(blocks::block("toolSpec", write_function(function)));
                tools.extend(function.cache.as_ref().map(blocks::cache_point));
            }
            ToolSpec::Native { wire, value } if wire == ID => tools.push(value.clone()),
            ToolSpec::Native { .. } => {}
        }
    }
    config.insert("tools".into(), tools.into());
    let choice = match &request.tool_choice {
        ToolChoice::Unset | ToolChoice::None => return config,
        ToolChoice::Auto => json!({"auto": {}}),
        ToolChoice::Required => json!({"any": {}}),
        ToolChoice::Named(name) => json!({"tool": {"name": name}}),
    };
    config.insert("toolChoice".into(), choice);
    config
}

fn write_function(function: &FunctionSpec) -> Object {
    let mut tool = Object::new();
    tool.insert("name".into(), function.name.as_str().into());
    if !function.description.is_empty() {
        tool.insert("description".into(), function.description.as_str().into());
    }
    tool.insert("inputSchema".into(), json!({"json": function.parameters}));
    json::set(&mut tool, "strict", function.strict);
    for (key, value) in function.vendor.of(ID).into_iter().flatten() {
        tool.entry(key.as_str()).or_insert_with(|| value.clone());
    }
    tool
}
