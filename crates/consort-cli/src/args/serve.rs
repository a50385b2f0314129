//! The flags of `consort serve`.
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The web chat, and the API behind it.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address to listen on; any but this machine's own wants a token
    #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    pub(crate) listen: SocketAddr,
    /// Open the page in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// A name under which the server is reached, beside its address, for a proxy in front of it: it wants a token then
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Serve over TLS (https, wss) with this certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Keep nothing
    #[arg(short, long)]
    pub(crate) no_log: bool,
}
