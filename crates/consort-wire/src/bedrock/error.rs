//! Errors, as bodies and as messages that end a stream.
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};

/// An error as a body, with its status. SDKs read the type here where no header says it.
pub(super) fn write(error: &Error) -> (u16, Value) {
    let (status, word) = words(error.kind());
    (status, json!({"__type": word, "message": error.message()}))
}

/// The name of an error in a stream: in lower camel case there.
pub(super) fn name_in_stream(error: &Error) -> &'static str {
    match words(error.kind()).1 {
        "ThrottlingException" => "throttlingException",
        "ServiceUnavailableException" => "serviceUnavailableException",
        "InternalServerException" => "internalServerException",
        "ModelTimeoutException" | "ModelErrorException" => "modelStreamErrorException",
        _ => "validationException",
    }
}

fn words(kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::Auth | ErrorKind::Setup => (403, "UnrecognizedClientException"),
        ErrorKind::Permission => (403, "AccessDeniedException"),
        ErrorKind::Quota => (400, "ServiceQuotaExceededException"),
        ErrorKind::RateLimit => (429, "ThrottlingException"),
        ErrorKind::Overloaded => (503, "ServiceUnavailableException"),
        ErrorKind::Timeout => (408, "ModelTimeoutException"),
        ErrorKind::ModelNotFound => (404, "ResourceNotFoundException"),
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLength
        | ErrorKind::ContentFilter => (400, "ValidationException"),
        ErrorKind::Protocol | ErrorKind::Interrupted | ErrorKind::PluginCrash | ErrorKind::PluginBug => {
            (424, "ModelErrorException")
        }
        ErrorKind::Server | ErrorKind::Network | ErrorKind::Cancelled => (500, "InternalServerException"),
    }
}
