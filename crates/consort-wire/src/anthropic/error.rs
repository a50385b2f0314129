//! Error bodies.
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};

/// An error as a body, with its status.
pub(super) fn write(error: &Error) -> (u16, Value) {
    let (status, word) = words(error.kind());
    let mut body = json!({"type": "error", "error": {"type": word, "message": error.message()}});
    if let Some(id) = error.vendor_request_id() {
        body["request_id"] = json!(id);
    }
    (status, body)
}

fn words(kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::Auth | ErrorKind::Setup => (401, "authentication_error"),
        ErrorKind::Quota => (402, "billing_error"),
        ErrorKind::Permission => (403, "permission_error"),
        ErrorKind::ModelNotFound => (404, "not_found_error"),
        ErrorKind::RateLimit => (429, "rate_limit_error"),
        ErrorKind::Overloaded => (529, "overloaded_error"),
        ErrorKind::Timeout => (504, "timeout_error"),
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLength
        | ErrorKind::ContentFilter => (400, "invalid_request_error"),
        ErrorKind::Server
        | ErrorKind::Network
        | ErrorKind::Protocol
        | ErrorKind::Cancelled
        | ErrorKind::Interrupted
        | ErrorKind::PluginCrash
        | ErrorKind::PluginBug => (500, "api_error"),
    }
}
