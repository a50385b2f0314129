//! Error bodies.
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};

/// An error as a body, with its status.
pub(super) fn write(error: &Error) -> (u16, Value) {
    let mut body =
        json!({"type": "error", "error": {"type": word(error.kind()), "message": error.message()}});
    if let Some(id) = error.vendor_request_id() {
        body["request_id"] = json!(id);
    }
    let status = match error.kind() {
        ErrorKind::Overloaded => 529,
        kind => kind.http_status(),
    };
    (status, body)
}

fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth | ErrorKind::Setup => "authentication_error",
        ErrorKind::Quota => "billing_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::ModelNotFound => "not_found_error",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLength
        | ErrorKind::ContentFilter => "invalid_request_error",
        _ => "api_error",
    }
}
