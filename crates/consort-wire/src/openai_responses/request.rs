//! Requests into bodies.
use super::layout::item_fields;
use super::write_items::write_conversation;
use super::{ID, content};
use crate::http::WireRequest;
use crate::json;
use crate::quirks::Quirks;
use consort_core::{Error, FunctionSpec, Object, Output, Part, Request, ToolChoice, ToolSpec};
use serde_json::{Value, json};

/// Writes a normalised request.
pub(super) fn write(request: &Request, quirks: &Quirks) -> Result<WireRequest, Error> {
    let path = quirks.path.as_deref().unwrap_or("responses").replace("{model}", &request.model);
    let mut body = body(request)?;
    json::merge(&mut body, &quirks.body);
    Ok(WireRequest::post(path, &Value::Object(body)))
}

/// Writes a request to count tokens: that endpoint takes only what is counted.
pub(super) fn write_count(request: &Request) -> Result<WireRequest, Error> {
    const COUNTED: [&str; 10] = [
        "model",
        "instructions",
        "input",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "previous_response_id",
        "conversation",
    ];
    let mut body = body(request)?;
    body.retain(|name, _| COUNTED.contains(&name.as_str()));
    Ok(WireRequest::post("responses/input_tokens", &Value::Object(body)))
}

fn body(request: &Request) -> Result<Object, Error> {
    let mut body = head(request);
    let (plain, marked): (Vec<&Part>, Vec<&Part>) =
        request.instructions.iter().partition(|part| instruction_role(part).is_none());
    let plain: Vec<&str> = plain.into_iter().filter_map(Part::as_text).collect();
    if !plain.is_empty() {
        body.insert("instructions".into(), plain.join("\n\n").into());
    }
    let mut items = write_instructions(&marked)?;
    items.extend(write_conversation(&request.messages)?);
    let native = request.native.of(ID);
    let can_be_absent = ["prompt", "previous_response_id", "conversation"];
    if !items.is_empty() {
        body.insert("input".into(), items.into());
    } else if !native.is_some_and(|native| can_be_absent.iter().any(|key| native.contains_key(*key))) {
        body.insert("input".into(), "".into());
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(write_tool).collect());
    }
    if let Some(native) = native {
        json::merge(&mut body, native);
    }
    Ok(body)
}

/// The role of an instruction that stands at the start of the input and not in its own field.
pub(super) fn instruction_role(part: &Part) -> Option<&str> {
    part.vendor.text(ID, "role")
}

fn write_instructions(parts: &[&Part]) -> Result<Vec<Value>, Error> {
    let runs = parts.chunk_by(|one, two| item_fields(&one.vendor) == item_fields(&two.vendor));
    runs.map(|run| {
        let role = run.first().and_then(|part| instruction_role(part)).unwrap_or("system");
        let parts: Vec<Part> = run.iter().map(|part| (*part).clone()).collect();
        let content = content::write(&parts, content::Side::Input)?;
        Ok(json!({"type": "message", "role": role, "content": content}))
    })
    .collect()
}

/// Everything but instructions, input, tools and the vendor's own fields.
pub(super) fn head(request: &Request) -> Object {
    let mut body = Object::new();
    // A stored prompt may name the model.
    if !request.model.is_empty() {
        body.insert("model".into(), request.model.as_str().into());
    }
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    json::set(&mut body, "tool_choice", write_choice(request));
    json::set(&mut body, "parallel_tool_calls", request.parallel_tools);
    json::set(&mut body, "max_output_tokens", request.sampling.max_tokens);
    json::set(&mut body, "temperature", request.sampling.temperature);
    json::set(&mut body, "top_p", request.sampling.top_p);
    json::set(&mut body, "text", write_format(&request.output).map(|format| json!({"format": format})));
    let mut reasoning = Object::new();
    json::set(&mut reasoning, "effort", request.reasoning.effort.map(consort_core::Effort::as_str));
    json::set(&mut reasoning, "summary", (request.reasoning.show == Some(true)).then_some("auto"));
    if !reasoning.is_empty() {
        body.insert("reasoning".into(), Value::Object(reasoning));
    }
    body
}

fn write_choice(request: &Request) -> Option<Value> {
    Some(match &request.tool_choice {
        ToolChoice::Unset => return None,
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => {
            let custom = request.functions().any(|tool| tool.name == *name && is_custom_tool(tool));
            json!({"type": if custom { "custom" } else { "function" }, "name": name})
        }
    })
}

fn write_format(output: &Output) -> Option<Value> {
    match output {
        Output::Text => None,
        Output::Json => Some(json!({"type": "json_object"})),
        Output::Schema { name, description, schema, strict } => {
            let mut format = Object::new();
            format.insert("type".into(), "json_schema".into());
            format.insert("name".into(), name.as_str().into());
            json::set(&mut format, "description", description.clone());
            format.insert("schema".into(), schema.clone());
            json::set(&mut format, "strict", *strict);
            Some(Value::Object(format))
        }
    }
}

/// Whether the tool takes free text. The mark stays in its vendor data.
pub(super) fn is_custom_tool(tool: &FunctionSpec) -> bool {
    tool.vendor.text(ID, "type") == Some("custom")
}

/// What the arguments of a tool that takes free text look like to the host.
pub(super) fn custom_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": false,
    })
}

fn write_tool(tool: &ToolSpec) -> Value {
    let tool = match tool {
        ToolSpec::Native { value, .. } => return value.clone(),
        ToolSpec::Function(tool) => tool,
    };
    let custom = is_custom_tool(tool);
    let mut object = Object::new();
    object.insert("type".into(), if custom { "custom" } else { "function" }.into());
    object.insert("name".into(), tool.name.as_str().into());
    if !tool.description.is_empty() {
        object.insert("description".into(), tool.description.as_str().into());
    }
    if !custom {
        object.insert("parameters".into(), tool.parameters.clone());
        json::set(&mut object, "strict", tool.strict);
    }
    for (key, value) in tool.vendor.of(ID).into_iter().flatten() {
        if !object.contains_key(key) {
            object.insert(key.clone(), value.clone());
        }
    }
    Value::Object(object)
}
