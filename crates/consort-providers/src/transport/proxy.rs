//! The proxy that a request goes through: which one it is, and what to say when it fails.
use consort_core::{Error, ErrorKind, Phase};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use std::env;

/// A proxy as one may show it: its host and port, never its user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy(String);

impl Proxy {
    /// The proxy that the client takes for this address: it follows the same rules.
    pub(super) fn of(url: &Url) -> Option<Self> {
        if is_off() {
            return None;
        }
        let origin = format!("{}://{}", url.scheme(), url.host_str()?);
        let proxy = Matcher::from_system().intercept(&origin.parse().ok()?)?;
        let host = proxy.uri().host()?;
        Some(Self(proxy.uri().port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))))
    }

    /// It wants to know who asks.
    pub(super) fn wants_a_password(&self) -> Error {
        self.error("wants a user and a password, or refuses those it got (HTTP 407)").hint(
            "write them into the proxy variable, `http://USER:PASSWORD@HOST:PORT`, with signs like @ as %40",
        )
    }

    pub(super) fn was_slow(&self, host: &str) -> Error {
        let message = format!("the proxy {} made no connection to {host} in time", self.0);
        Error::timeout(Phase::Connect, message).hint(CHECK)
    }

    /// The error of a line that could not be made, by the causes of it; nothing where the fault is behind the
    /// proxy.
    pub(super) fn failed(&self, words: &str, refused: bool, why: &str, host: &str) -> Option<Error> {
        let has = |word: &str| words.contains(word);
        Some(if has("proxy authorization required") {
            self.wants_a_password()
        } else if refused {
            Error::new(
                ErrorKind::Network,
                format!("nothing answers at the proxy {}: the connection was refused", self.0),
            )
            .hint(CHECK)
        } else if has("dns error") {
            self.error("was not found").hint(CHECK)
        } else if has("tunnel error: unsuccessful") {
            self.error(&format!("refuses to connect to {host}")).hint(format!(
                "ask those who run it to allow {host}, or list the host in NO_PROXY to go without it"
            ))
        } else if has("unsupported scheme socks") {
            self.error("is a SOCKS proxy, which is not spoken here").hint("name one that speaks HTTP")
        } else if has("failed to create underlying connection") && !has("certificate") {
            self.error(&format!("could not be reached: {why}")).hint(CHECK)
        } else if has("tunnel error") && !has("certificate") {
            self.error(&format!("broke off before it was connected to {host}")).hint(CHECK)
        } else {
            return None;
        })
    }

    /// Says that it was in between.
    pub(super) fn between(&self, error: Error) -> Error {
        error.map_message(|message| format!("{message} (through the proxy {})", self.0))
    }

    fn error(&self, what: &str) -> Error {
        Error::new(ErrorKind::Network, format!("the proxy {} {what}", self.0))
    }
}

const CHECK: &str = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or list the host in NO_PROXY to go without";

/// Whether no host needs a proxy. The client knows `*` as every name only, and not as every address.
pub(super) fn is_off() -> bool {
    let list = env::var("NO_PROXY").or_else(|_| env::var("no_proxy")).unwrap_or_default();
    list.split(',').any(|entry| entry.trim() == "*")
}

/// Whether even a plain request goes to its proxy over TLS.
pub(super) fn is_encrypted() -> bool {
    let anyone = "http://anyone.invalid".parse();
    let proxy = anyone.ok().and_then(|anyone| Matcher::from_system().intercept(&anyone));
    proxy.is_some_and(|proxy| proxy.uri().scheme_str() == Some("https"))
}
