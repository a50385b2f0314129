//! Errors as answers: core's error in JSON, under the status of its kind or one of the API's own.
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use consort_core::{Error, ErrorKind};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a server that ends is thought to be away.
const ENDING: Duration = Duration::from_secs(10);

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct Problem {
    error: Error,
    status: Option<StatusCode>,
    /// The newest state, beside a change that came too late.
    current: Option<Value>,
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// Something that is not there.
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self { status: Some(StatusCode::NOT_FOUND), ..Error::new(ErrorKind::InvalidRequest, what).into() }
    }

    /// Something that cannot be read.
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidRequest, what).into()
    }

    pub(crate) fn too_big(what: impl Into<String>) -> Self {
        Self {
            status: Some(StatusCode::PAYLOAD_TOO_LARGE),
            ..Error::new(ErrorKind::InvalidRequest, what).into()
        }
    }

    /// A change of something that was changed meanwhile.
    pub(crate) fn late(current: Value) -> Self {
        let error = Error::new(ErrorKind::InvalidRequest, "it was changed somewhere else meanwhile")
            .hint("look at what it is now, and change it again");
        Self { error, status: Some(StatusCode::CONFLICT), current: Some(current) }
    }

    /// The server is about to end.
    pub(crate) fn ending() -> Self {
        let words = "the server is about to end: it finishes what runs, and starts nothing";
        let error = Error::new(ErrorKind::Overloaded, words)
            .retry_in(Some(ENDING))
            .hint("send it again once the server is back; nothing of it was kept");
        Self { status: Some(StatusCode::SERVICE_UNAVAILABLE), ..error.into() }
    }

    pub(crate) fn error(&self) -> &Error {
        &self.error
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { error, status: None, current: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status.or_else(|| StatusCode::from_u16(self.error.kind().http_status()).ok());
        let mut body = json!({"error": self.error});
        if let Some(current) = self.current {
            body["current"] = current;
        }
        let mut answer = (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(body)).into_response();
        if let Some(wait) = self.error.retry_after() {
            // In whole seconds, and never too early.
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000) as u64));
        }
        answer
    }
}
