//! `generate`: the contract's request as the protocol writes it, and back.
use super::{Message, Meta, ReasoningInfo, ToolInfo};
use consort_core::{
    Body, FunctionSpec, Object, Output, Part, Reasoning, Request, Sampling, ToolChoice, ToolSpec, Warning,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What `generate` is called with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GenerateParams {
    pub model: String,
    pub stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    pub messages: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Object>,
    pub options: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningInfo>,
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub secrets: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    pub meta: Meta,
}

/// The options that the contract keeps apart from a model's own, by their names here.
const SAMPLING: [&str; 8] =
    ["temperature", "max_tokens", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty"];

impl GenerateParams {
    /// The request for a plugin whose wire is named, and what it cannot be told. `options` is the schema of the
    /// model's options, where it has one.
    pub fn new(request: &Request, wire: &str, schema: Option<&Value>) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut dropped = |what: String| warnings.push(Warning::new("dropped", what));
        for message in &request.messages {
            let lost =
                message.parts.iter().filter(|part| super::Content::for_plugin(part, wire).is_none()).count();
            if lost > 0 {
                dropped(format!("{lost} part(s) of another vendor's answer mean nothing to this model"));
            }
        }
        let tools = request.functions().map(ToolInfo::from).collect();
        if request.tools.iter().any(|tool| matches!(tool, ToolSpec::Native { .. })) {
            dropped("the tools that another vendor runs itself".to_owned());
        }
        let mut options = request.options.clone();
        let known = |name: &str| schema.and_then(|schema| schema.get("properties")?.get(name)).is_some();
        for (name, value) in sampling_words(&request.sampling) {
            if schema.is_some() && !known(name) {
                dropped(format!("this model has no option `{name}`"));
            } else {
                options.entry(name.to_owned()).or_insert(value);
            }
        }
        let params = Self {
            model: request.model.clone(),
            stream: request.stream,
            system: Some(request.instructions_text()).filter(|text| !text.is_empty()),
            messages: request.messages.iter().filter_map(|m| Message::for_plugin(m, wire)).collect(),
            tools,
            tool_choice: choice_word(&request.tool_choice),
            output: output_words(&request.output),
            options,
            reasoning: (request.reasoning != Reasoning::default()).then(|| (&request.reasoning).into()),
            ..Self::default()
        };
        (params, warnings)
    }

    /// The contract's request. An error says what could not be read.
    pub fn into_request(self, wire: &str) -> Result<Request, String> {
        let messages =
            self.messages.into_iter().map(|message| message.into_core(wire)).collect::<Result<_, _>>()?;
        let mut request = Request::new(messages);
        request.messages.iter_mut().flat_map(|message| &mut message.parts).for_each(give_back);
        request.model = self.model;
        request.stream = self.stream;
        request.instructions = self.system.into_iter().map(Part::text).collect();
        request.tools = self.tools.into_iter().map(|tool| ToolSpec::Function(function_of(tool))).collect();
        request.tool_choice = match self.tool_choice {
            None => ToolChoice::Unset,
            Some(Value::String(word)) => match word.as_str() {
                "none" => ToolChoice::None,
                "required" => ToolChoice::Required,
                _ => ToolChoice::Auto,
            },
            Some(choice) => match choice.get("name").and_then(Value::as_str) {
                Some(name) => ToolChoice::Named(name.to_owned()),
                None => return Err("toolChoice is no word and has no name".into()),
            },
        };
        request.output = match self.output {
            None => Output::Text,
            Some(output) => output_of(output),
        };
        let mut options = self.options;
        let mut sampling = Map::new();
        for name in SAMPLING {
            if let Some(value) = options.shift_remove(name) {
                sampling.insert(name.to_owned(), value);
            }
        }
        request.sampling = serde_json::from_value::<Sampling>(Value::Object(sampling))
            .map_err(|error| format!("options: {error}"))?;
        request.options = options;
        request.reasoning = self.reasoning.map(Reasoning::from).unwrap_or_default();
        Ok(request)
    }
}

/// A signature is a text, and comes back as the text that it was.
fn give_back(part: &mut Part) {
    if let Some(signature) = &mut part.signature
        && let Ok(text) = serde_json::from_str::<String>(&signature.value)
    {
        signature.value = text;
    }
    if let Body::ToolResult(result) = &mut part.body {
        result.content.iter_mut().for_each(give_back);
    }
}

/// What is set of the sampling options, by the names that options have.
fn sampling_words(sampling: &Sampling) -> Vec<(&'static str, Value)> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(sampling) else { return Vec::new() };
    let set = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let taken = SAMPLING.into_iter().filter_map(|name| Some((name, all.shift_remove(name)?)));
    taken.filter(|(_, value)| set(value)).collect()
}

impl From<&Reasoning> for ReasoningInfo {
    fn from(wish: &Reasoning) -> Self {
        Self { effort: wish.effort, budget_tokens: wish.budget_tokens, show: wish.show }
    }
}

impl From<ReasoningInfo> for Reasoning {
    fn from(info: ReasoningInfo) -> Self {
        Self { effort: info.effort, budget_tokens: info.budget_tokens, show: info.show }
    }
}

impl From<&FunctionSpec> for ToolInfo {
    fn from(function: &FunctionSpec) -> Self {
        Self {
            name: function.name.clone(),
            description: function.description.clone(),
            input_schema: function.parameters.clone(),
        }
    }
}

fn function_of(tool: ToolInfo) -> FunctionSpec {
    FunctionSpec::new(tool.name, tool.description, tool.input_schema)
}

fn choice_word(choice: &ToolChoice) -> Option<Value> {
    Some(match choice {
        ToolChoice::Unset => return None,
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => json!({"name": name}),
    })
}

fn output_words(output: &Output) -> Option<Object> {
    let mut words = Object::new();
    match output {
        Output::Text => return None,
        Output::Json => {}
        Output::Schema { name, description, schema, strict } => {
            words.insert("name".into(), name.as_str().into());
            if let Some(description) = description {
                words.insert("description".into(), description.as_str().into());
            }
            words.insert("schema".into(), schema.clone());
            if let Some(strict) = strict {
                words.insert("strict".into(), (*strict).into());
            }
        }
    }
    Some(words)
}

fn output_of(mut output: Object) -> Output {
    let Some(schema) = output.shift_remove("schema") else { return Output::Json };
    let text = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
    Output::Schema {
        name: text("name").unwrap_or_else(|| "answer".into()),
        description: text("description"),
        schema,
        strict: output.get("strict").and_then(Value::as_bool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::{Media, Message as CoreMessage, Role};

    #[test]
    fn a_request_goes_there_and_back() {
        let mut request = Request::new(vec![
            CoreMessage::new(
                Role::User,
                vec![Part::text("look"), Part::media(Media::bytes("image/png", vec![1u8, 2]).named("a.png"))],
            ),
            CoreMessage::new(
                Role::Assistant,
                vec![
                    Part::reasoning("hm").signed("plugin:acme", r#"{"a":1}"#),
                    Part::tool_call("c1", "weather", json!({"city": "Oslo"})),
                ],
            ),
            CoreMessage::new(Role::Tool, vec![Part::tool_result("c1", "weather", "4 °C")]),
        ]);
        request.model = "large".into();
        request.instructions.push("Be brief.".into());
        request.tools.push(ToolSpec::Function(FunctionSpec::new("weather", "of a city", json!({}))));
        request.tool_choice = ToolChoice::Named("weather".into());
        request.output = Output::Schema {
            name: "answer".into(),
            description: None,
            schema: json!({"type": "object"}),
            strict: Some(true),
        };
        request.sampling.temperature = Some(0.5);
        request.sampling.stop = vec!["END".into()];
        request.reasoning.budget_tokens = Some(100);
        request.options.insert("style".into(), "curt".into());
        let (params, warnings) = GenerateParams::new(&request, "plugin:acme", None);
        assert!(warnings.is_empty(), "{warnings:?}");
        let text = serde_json::to_string(&params).unwrap();
        assert!(text.contains(r#""opaque":{"a":1}"#), "{text}");
        assert!(text.contains(r#""reasoning":{"budgetTokens":100}"#), "{text}");
        let read: GenerateParams = serde_json::from_str(&text).unwrap();
        assert_eq!(read.into_request("plugin:acme").unwrap(), request);
    }

    #[test]
    fn what_a_plugin_cannot_be_told_is_said() {
        let mut request = Request::new(vec![CoreMessage::new(
            Role::Assistant,
            vec![Part::text("hi"), Part::native("openai", "search", json!({}))],
        )]);
        request.sampling.seed = Some(7);
        let schema = json!({"properties": {"temperature": {}}});
        let (params, warnings) = GenerateParams::new(&request, "plugin:acme", Some(&schema));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert_eq!((params.messages[0].content.len(), params.options.len()), (1, 0));
    }
}
