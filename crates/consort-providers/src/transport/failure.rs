//! What went wrong below HTTP, in plain words: no connection, no such host, a bad certificate.
use super::proxy::Proxy;
use consort_core::{Error, ErrorKind, Phase};
use reqwest::Url;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::io;

/// Who was asked.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) proxy: Option<Proxy>,
    /// A server of this machine.
    pub(super) local: bool,
}

impl Target {
    pub(super) fn of(url: &Url, proxy: Option<Proxy>, local: bool) -> Self {
        Self { host: host_of(url), proxy, local }
    }
}

/// The host of an address, with its port where it is not the usual one.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether the connection was refused, by whoever was asked first: nothing was sent.
pub(super) fn is_refused(error: &reqwest::Error) -> bool {
    error.is_connect() && causes(error).1
}

/// The error of a request that got no answer.
pub(super) fn of_request(error: &reqwest::Error, target: &Target) -> Error {
    let found = of_proxy(error, target).or_else(|| untrusted(error, target));
    found.unwrap_or_else(|| through(target, of_server(error, target)))
}

fn of_server(error: &reqwest::Error, target: &Target) -> Error {
    let Target { host, local, .. } = target;
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
        return error.hint(if *local {
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
    if has(&["causedasendentity"]) {
        return Error::new(
            ErrorKind::Network,
            format!("no secure connection to {host}: its certificate is a CA's, and no server's"),
        )
        .hint(
            "`openssl req -x509` makes one for a server with `-addext basicConstraints=critical,CA:FALSE`",
        );
    }
    if has(&["certificate", "tls", "ssl", "handshake"]) {
        return Error::new(ErrorKind::Network, format!("no secure connection to {host}: {}", last(error)))
            .hint("check the base URL and this machine's clock; a plain server needs `http://`");
    }
    Error::new(ErrorKind::Network, format!("{host} could not be reached: {}", last(error)))
        .hint("check the network, the proxy variables and the base URL")
}

/// The error of a proxy to which no line could be made, or that made none to the host.
fn of_proxy(error: &reqwest::Error, target: &Target) -> Option<Error> {
    let proxy = target.proxy.as_ref().filter(|_| error.is_connect())?;
    if error.is_timeout() {
        return Some(proxy.was_slow(&target.host));
    }
    let (words, refused) = causes(error);
    proxy.failed(&words, refused, &last(error), &target.host)
}

/// The error of a certificate that nobody known signed.
fn untrusted(error: &reqwest::Error, target: &Target) -> Option<Error> {
    // A bad signature: somebody of a known signer's name, who is not that signer.
    let (CertificateError::UnknownIssuer | CertificateError::BadSignature) = certificate(error)? else {
        return None;
    };
    // Elsewhere the system's own store decides alone.
    let place = if cfg!(all(unix, not(target_vendor = "apple"))) {
        "to the system's, or to a file that SSL_CERT_FILE names in their place"
    } else {
        "to those that the system trusts"
    };
    let host = &target.host;
    let message = format!("no secure connection to {host}: nobody known signed its certificate");
    let error = Error::new(ErrorKind::Network, message).hint(format!(
        "the certificate is not trusted: if a company's proxy or a server of your own made it, add its CA {place}"
    ));
    Some(through(target, error))
}

/// Says that a proxy was in between: the fault may be its, or another's.
fn through(target: &Target, error: Error) -> Error {
    match &target.proxy {
        Some(proxy) => proxy.between(error),
        None => error,
    }
}

/// What is wrong with a server's certificate.
fn certificate(error: &dyn StdError) -> Option<&CertificateError> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = held(cause) {
            return Some(why);
        }
        next = cause.source();
    }
    None
}

/// What I/O errors hold: they do not count it as their source.
fn held<'a>(mut error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    while let Some(outer) = error.downcast_ref::<io::Error>() {
        error = outer.get_ref()?;
    }
    error.downcast_ref()
}

/// The error of a connection that broke before the answer began: nothing was seen, so it may be tried again.
pub(super) fn broken(error: &reqwest::Error) -> Error {
    Error::new(ErrorKind::Network, format!("the connection broke before the answer began: {}", last(error)))
}

/// A small request beside the call itself (a token, a role's credentials): its body, whatever its status. The
/// proxy is the one that the request goes through, if it goes through one.
pub(crate) async fn fetch(
    request: reqwest::RequestBuilder,
    proxy: Option<Proxy>,
    what: &str,
) -> Result<(u16, Vec<u8>), Error> {
    let (client, request) = request.build_split();
    let failed = |error: reqwest::Error| Error::new(ErrorKind::Network, format!("{what}: {}", last(&error)));
    let request = request.map_err(failed)?;
    let place = request.url().clone();
    let response = client.execute(request).await.map_err(|error| {
        let target = Target::of(&place, proxy.clone(), false);
        let found = of_proxy(&error, &target).or_else(|| untrusted(&error, &target));
        found.map_or_else(|| failed(error), |error| error.map_message(|message| format!("{what}: {message}")))
    })?;
    let status = response.status().as_u16();
    if status == 407
        && let Some(proxy) = &proxy
    {
        return Err(proxy.wants_a_password().map_message(|message| format!("{what}: {message}")));
    }
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
pub(super) fn last(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match cause.to_string() {
        text if text.contains("://") => "no cause is known".to_owned(),
        text => text,
    }
}
