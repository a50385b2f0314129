//! Connections over TLS, where the server was given a certificate.
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use consort_core::{Error, ErrorKind};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on how it speaks, and how many may be at it.
const GREETING: Duration = Duration::from_secs(10);
const MOST_GREETINGS: usize = 256;

/// What a server proves itself with.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// A certificate, those that vouch for it behind it, and its key, from files in PEM form.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let wrong = |file: &Path, what: String| {
            Error::new(ErrorKind::Setup, format!("{}: {what}", file.display()))
                .hint("both files are in PEM form: the certificate first, its key on its own")
        };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| wrong(certificate, format!("no certificate can be read: {error}")))?;
        if chain.is_empty() {
            return Err(wrong(certificate, "there is no certificate in it".into()));
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| wrong(key, format!("no private key can be read: {error}")))?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
                .map_err(|error| wrong(key, format!("it does not fit the certificate: {error}")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// A listener whose connections are agreed on beside each other: one that says nothing holds up nobody.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    greetings: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(crate) fn new(tcp: TcpListener, tls: Tls) -> Self {
        Self { tcp, acceptor: TlsAcceptor::from(tls.0), greetings: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.greetings.len() < MOST_GREETINGS;
            tokio::select! {
                (stream, from) = Listener::accept(&mut self.tcp), if has_room => {
                    let greeting = self.acceptor.accept(stream);
                    self.greetings.spawn(async move {
                        Some((timeout(GREETING, greeting).await.ok()?.ok()?, from))
                    });
                }
                // Who could not agree is gone.
                Some(greeted) = self.greetings.join_next() => {
                    if let Ok(Some(connection)) = greeted {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        TcpListener::local_addr(&self.tcp)
    }
}

/// Who is at the other end, and whether nobody between can read along.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) secured: bool,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: *stream.remote_addr(), secured: false }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self { address: *stream.remote_addr(), secured: true }
    }
}
