//! What goes wrong on the way to a server, as errors that say what to do.
use crate::pipe::UNREADABLE;
use consort_core::{Error, ErrorKind, Phase};
use rmcp::ServiceError;
use rmcp::service::ClientInitializeError;
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

/// Why no session was opened.
pub(crate) fn opening(error: &ClientInitializeError) -> Error {
    match error {
        ClientInitializeError::TransportError { error, .. } => transported(error),
        ClientInitializeError::JsonRpcError(refused) if refused.code == UNREADABLE => {
            Error::protocol(refused.message.to_string())
        }
        ClientInitializeError::JsonRpcError(refused) => {
            Error::new(ErrorKind::Server, format!("the server refused to begin: {}", refused.message))
        }
        ClientInitializeError::ConnectionClosed(_) => {
            Error::new(ErrorKind::PluginCrash, "the server was gone before it began")
        }
        ClientInitializeError::ConflictInitResponseId(..)
        | ClientInitializeError::UncorrelatedErrorResponse { .. } => {
            Error::protocol("the server answered what nobody asked")
        }
        // The library's own words would repeat the whole answer.
        _ => Error::protocol("the server's first answer is not the protocol's"),
    }
}

/// Why a request gave nothing.
pub(crate) fn serving(error: &ServiceError) -> Error {
    match error {
        ServiceError::McpError(refused) if refused.code == UNREADABLE => {
            Error::protocol(refused.message.to_string())
        }
        ServiceError::McpError(refused) => Error::new(ErrorKind::Server, refused.message.to_string()),
        ServiceError::TransportSend(error) => transported(error),
        ServiceError::TransportClosed => Error::new(ErrorKind::PluginCrash, "the server is gone"),
        ServiceError::Cancelled { .. } => Error::cancelled(),
        _ => Error::protocol("the server's answer is not the protocol's"),
    }
}

fn transported(error: &DynamicTransportError) -> Error {
    match error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(error) => over_http(error),
        None => Error::new(ErrorKind::PluginCrash, "the server is gone"),
    }
}

fn over_http(error: &StreamableHttpError<reqwest::Error>) -> Error {
    match error {
        StreamableHttpError::AuthRequired(_) => unauthorised(401),
        StreamableHttpError::InsufficientScope(_) => unauthorised(403),
        StreamableHttpError::HttpStatus(status) => of_status(status.status),
        StreamableHttpError::UnexpectedServerResponse(text) => match status_in(text) {
            Some(status @ (401 | 403)) => unauthorised(status),
            Some(status @ 300..=399) => {
                of_status(status).hint("redirects are not followed: name its real `url`")
            }
            Some(status) => of_status(status),
            None => Error::protocol("the server's answer is not the protocol's"),
        },
        StreamableHttpError::Client(error) if error.is_timeout() => {
            Error::timeout(Phase::Connect, "the server did not answer in time")
        }
        StreamableHttpError::Client(_) | StreamableHttpError::Io(_) => {
            Error::new(ErrorKind::Network, "the server could not be reached")
                .hint("is it running, and is its `url` right?")
        }
        StreamableHttpError::ResponseBodyTooLarge { max_size } => {
            Error::protocol(format!("the server's answer is larger than {} MiB", max_size >> 20))
        }
        StreamableHttpError::SessionExpired => Error::new(ErrorKind::Server, "the server ended the session"),
        _ => Error::protocol("the server does not speak streamable HTTP as MCP has it"),
    }
}

fn unauthorised(status: u16) -> Error {
    let (kind, what) = match status {
        401 => (ErrorKind::Auth, "the server wants to know who asks (HTTP 401)"),
        _ => (ErrorKind::Permission, "the server does not let this key in (HTTP 403)"),
    };
    Error::new(kind, what).status(status).hint(
        "set a header for it in consort.toml: headers = { Authorization = \"Bearer ${secret:NAME}\" }, \
         and the key by `consort keys set NAME`",
    )
}

fn of_status(status: u16) -> Error {
    Error::new(ErrorKind::of_status(status), format!("the server answered HTTP {status}")).status(status)
}

/// The status that the library's words begin with.
fn status_in(text: &str) -> Option<u16> {
    text.strip_prefix("HTTP ")?.get(..3)?.parse().ok()
}
