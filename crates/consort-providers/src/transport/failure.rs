//! What went wrong below HTTP, in plain words: no connection, no such host, a bad certificate.
use consort_core::{Error, ErrorKind, Phase};
use std::error::Error as StdError;
use std::io;

/// The error of a request that got no answer.
pub(super) fn of_request(error: &reqwest::Error, host: &str, local: bool) -> Error {
    if error.is_builder() {
        return Error::new(ErrorKind::InvalidRequest, "the request could not be made")
            .hint("check the base URL, the headers and the key of this provider for stray characters");
    }
    if !error.is_connect() {
        return if error.is_timeout() {
            Error::timeout(Phase::FirstEvent, format!("{host} did not answer in time"))
        } else {
            broken(error)
        };
    }
    if error.is_timeout() {
        return Error::timeout(Phase::Connect, format!("{host} could not be reached in time"))
            .hint("check the network, the proxy variables and the base URL");
    }
    let (words, refused) = causes(error);
    if refused {
        let error =
            Error::new(ErrorKind::Network, format!("nothing answers at {host}: the connection was refused"));
        return error.hint(if local {
            "is the local server running? start it, or say where it is with `base_url`"
        } else {
            "check the base URL, and that a server runs there"
        });
    }
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if has(&["dns error", "failed to lookup address", "name or service not known"]) {
        return Error::new(ErrorKind::Network, format!("the host {host} was not found"))
            .hint("check the network and the base URL");
    }
    if has(&["invalidcontenttype", "corrupt message"]) {
        return Error::new(ErrorKind::Network, format!("{host} does not speak https"))
            .hint("a plain server needs `http://` before its base URL");
    }
    if has(&["certificate", "tls", "ssl", "handshake", "unknownissuer"]) {
        return Error::new(ErrorKind::Network, format!("no secure connection to {host}: {}", last(error)))
            .hint(
                "a proxy's certificate must be in the system's trust store; a plain server needs `http://`",
            );
    }
    Error::new(ErrorKind::Network, format!("{host} could not be reached: {}", last(error)))
        .hint("check the network, the proxy variables and the base URL")
}

/// The error of a connection that broke before the answer began: nothing was seen, so it may be tried again.
pub(super) fn broken(error: &reqwest::Error) -> Error {
    Error::new(ErrorKind::Network, format!("the connection broke before the answer began: {}", last(error)))
}

/// A small request beside the call itself (a token, a role's credentials): its body, whatever its status.
pub(crate) async fn fetch(request: reqwest::RequestBuilder, what: &str) -> Result<(u16, Vec<u8>), Error> {
    let failed = |error: reqwest::Error| Error::new(ErrorKind::Network, format!("{what}: {}", last(&error)));
    let response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await.map_err(failed)?.to_vec()))
}

/// All causes in lower case, and whether one is a refused connection.
fn causes(error: &dyn StdError) -> (String, bool) {
    let mut words = String::new();
    let mut refused = false;
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(&cause.to_string().to_lowercase());
        words.push('\n');
        refused |= cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        next = cause.source();
    }
    (words, refused)
}

/// The innermost cause: the outer ones say "error sending request" and hold the URL.
fn last(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match cause.to_string() {
        text if text.contains("://") => "no cause is known".to_owned(),
        text => text,
    }
}
