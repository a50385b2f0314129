//! The error of a request, and the contract's error that it stands for.
use super::code;
use consort_core::{Error, ErrorKind};
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// The `error` of an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    #[serde(default)]
    pub code: i32,
    #[serde(default)]
    pub message: String,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "FailureData::is_empty")]
    pub data: Box<FailureData>,
}

/// What the host acts on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailureData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What must be set up: a key, a package, an argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// `file:line` in the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The versions that the plugin speaks, where it speaks another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<Vec<u32>>,
}

/// JSON-RPC lets anything stand in an error's data: what is not ours says nothing.
fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Box<FailureData>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl FailureData {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Failure {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Box::default() }
    }

    /// The kind: what the plugin says, else what the code means.
    pub fn kind(&self) -> ErrorKind {
        let said = self.data.kind.as_deref().and_then(ErrorKind::parse);
        said.unwrap_or(match self.code {
            code::CANCELLED => ErrorKind::Cancelled,
            code::NOT_GRANTED => ErrorKind::Setup,
            code::UNKNOWN_METHOD => ErrorKind::Unsupported,
            _ => ErrorKind::PluginBug,
        })
    }

    /// The contract's error. Where the plugin is to blame, it says where in it.
    pub fn to_error(&self) -> Error {
        let data = &self.data;
        let message = match &data.at {
            Some(at) if !self.message.contains(at.as_str()) => format!("{} ({at})", self.message),
            _ => self.message.clone(),
        };
        let mut error = Error::new(self.kind(), message)
            .vendor(None, data.code.clone())
            .request_id(data.request_id.clone())
            .retry_in(data.retry_after_ms.map(Duration::from_millis));
        if let Some(status) = data.status {
            error = error.status(status);
        }
        match &data.help {
            Some(help) => error.hint(help),
            None => error,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = error.kind();
        let data = FailureData {
            kind: Some(kind.as_str().to_owned()),
            retry_after_ms: error
                .retry_after()
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            status: error.http_status(),
            code: error.vendor_code().map(str::to_owned),
            request_id: error.vendor_request_id().map(str::to_owned),
            help: error.hints().first().cloned(),
            ..FailureData::default()
        };
        let code = if kind == ErrorKind::Cancelled { code::CANCELLED } else { code::KIND };
        Self { code, message: error.message().to_owned(), data: Box::new(data) }
    }
}
