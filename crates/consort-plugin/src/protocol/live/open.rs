//! `realtime/open`: the contract's configuration as the protocol writes it, and back.
use crate::protocol::{Content, Message, Meta, ToolInfo};
use consort_core::{FunctionSpec, Object, SessionConfig, Warning};
use serde::{Deserialize, Serialize};

/// What `realtime/open` is called with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveOpenParams {
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_detection: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolInfo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub options: Object,
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub secrets: Object,
    pub meta: Meta,
}

impl LiveOpenParams {
    /// The configuration for a plugin whose wire is named, and what it cannot be told.
    pub fn new(model: &str, config: SessionConfig, wire: &str) -> (Self, Vec<Warning>) {
        let parts = config.messages.iter().flat_map(|message| &message.parts);
        let lost = parts.filter(|part| Content::for_plugin(part, wire).is_none()).count();
        let warning = (lost > 0).then(|| {
            let message = format!("{lost} part(s) of another vendor's answer mean nothing to this model");
            Warning::new("dropped", message)
        });
        let params = Self {
            model: model.to_owned(),
            system: Some(config.instructions).filter(|text| !text.is_empty()),
            voice: config.voice,
            input_rate: config.input_rate,
            output_rate: config.output_rate,
            turn_detection: config.turn_detection,
            tools: config.tools.iter().map(ToolInfo::from).collect(),
            messages: config.messages.iter().filter_map(|one| Message::for_plugin(one, wire)).collect(),
            options: config.options,
            ..Self::default()
        };
        (params, warning.into_iter().collect())
    }

    /// The contract's configuration. An error says what could not be read.
    pub fn into_config(self, wire: &str) -> Result<SessionConfig, String> {
        let messages = self.messages.into_iter().map(|message| message.into_core(wire));
        Ok(SessionConfig {
            instructions: self.system.unwrap_or_default(),
            voice: self.voice,
            tools: functions_of(self.tools),
            messages: messages.collect::<Result<_, _>>()?,
            input_rate: self.input_rate,
            output_rate: self.output_rate,
            turn_detection: self.turn_detection,
            options: self.options,
            ..SessionConfig::default()
        })
    }
}

pub(super) fn functions_of(tools: Vec<ToolInfo>) -> Vec<FunctionSpec> {
    let function = |tool: ToolInfo| FunctionSpec::new(tool.name, tool.description, tool.input_schema);
    tools.into_iter().map(function).collect()
}
