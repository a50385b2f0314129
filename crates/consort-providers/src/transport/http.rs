//! The HTTP client: built at its first use, one for each way of connecting.
use super::failure::last;
use super::proxy::{self, Proxy};
use consort_core::{Error, ErrorKind};
use reqwest::Url;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A connection that nothing uses is closed after this: vendors close theirs soon, and writing into a closed
/// one costs a request.
const IDLE_POOL: Duration = Duration::from_secs(5);

/// Makes clients and keeps them. A client's limit for connecting is its own, so each limit has one; and
/// plain HTTP has its own too, which spares local servers the reading of the system's trust store.
#[derive(Default)]
pub struct Http {
    supplied: Option<reqwest::Client>,
    made: Mutex<Vec<((Duration, Way), reqwest::Client)>>,
}

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Secure,
    /// Encrypted, over HTTP/1.1, which alone turns into a WebSocket everywhere.
    Upgrade,
    Plain,
    /// Plain, and past any proxy.
    Direct,
}

impl Http {
    /// Always this client.
    pub(crate) fn supplied(client: reqwest::Client) -> Self {
        Self { supplied: Some(client), made: Mutex::default() }
    }

    /// The client for plain or encrypted HTTP, with this limit for connecting.
    pub fn client(&self, connect: Duration, secure: bool) -> Result<reqwest::Client, Error> {
        self.client_of(connect, if secure { Way::Secure } else { Way::Plain })
    }

    /// The client for what is on this machine, and for secrets that it gives out: over plain HTTP no proxy may see
    /// them.
    pub(crate) fn near_client(&self, connect: Duration, secure: bool) -> Result<reqwest::Client, Error> {
        self.client_of(connect, if secure { Way::Secure } else { Way::Direct })
    }

    /// The client for connections that become a WebSocket.
    pub(super) fn upgrade_client(&self, connect: Duration, secure: bool) -> Result<reqwest::Client, Error> {
        self.client_of(connect, if secure { Way::Upgrade } else { Way::Plain })
    }

    fn client_of(&self, connect: Duration, way: Way) -> Result<reqwest::Client, Error> {
        if let Some(client) = &self.supplied {
            return Ok(client.clone());
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = (connect, way);
        if let Some((_, client)) = made.iter().find(|(made, _)| *made == kind) {
            return Ok(client.clone());
        }
        let client = build(connect, way).map_err(|error| {
            Error::new(ErrorKind::Setup, format!("the HTTP client cannot be made: {}", last(&error))).hint(
                "check the system's trusted certificates, or those that SSL_CERT_FILE and SSL_CERT_DIR name",
            )
        })?;
        made.push((kind, client.clone()));
        Ok(client)
    }

    /// The proxy through which an address is reached, as far as it is known: a client that was supplied may
    /// have another, or none.
    pub(crate) fn proxy(&self, url: &Url) -> Option<Proxy> {
        if self.supplied.is_some() { None } else { Proxy::of(url) }
    }

    /// The proxy through which the near client reaches an address.
    pub(crate) fn near_proxy(&self, url: &Url) -> Option<Proxy> {
        if url.scheme() == "https" { self.proxy(url) } else { None }
    }

    /// Whether an address is reached through no proxy for sure.
    pub(super) fn is_direct(&self, url: &Url) -> bool {
        self.supplied.is_none() && Proxy::of(url).is_none()
    }
}

fn build(connect: Duration, way: Way) -> Result<reqwest::Client, reqwest::Error> {
    // Whoever embeds this crate may have chosen a provider already; theirs counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("consort/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE_POOL)
        .tcp_nodelay(true)
        // A redirect would carry the key to another place.
        .redirect(reqwest::redirect::Policy::none());
    let builder = if way == Way::Direct || proxy::is_off() { builder.no_proxy() } else { builder };
    let builder = if way == Way::Upgrade { builder.http1_only() } else { builder };
    if matches!(way, Way::Secure | Way::Upgrade) || (way == Way::Plain && proxy::is_encrypted()) {
        return builder.build();
    }
    let nothing_trusted = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    builder.tls_backend_preconfigured(nothing_trusted).build()
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("supplied", &self.supplied.is_some()).finish_non_exhaustive()
    }
}
