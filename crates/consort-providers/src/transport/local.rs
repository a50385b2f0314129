//! Finds a local server on its usual ports. A discovery looks, and a call that found nobody; never a listing.
use super::Endpoint;
use consort_core::{Error, ErrorKind};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a port on this machine may take to answer.
const LIMIT: Duration = Duration::from_millis(300);

/// Points the endpoint to the first usual port on which something listens, unless it was placed elsewhere.
pub(crate) async fn find_local(endpoint: &Endpoint, ports: &[u16]) -> Result<(), Error> {
    if !endpoint.is_at_its_usual_place(&endpoint.base()?) {
        return Ok(());
    }
    let knocks: Vec<_> = ports.iter().map(|port| tokio::spawn(listens(*port))).collect();
    for (port, knock) in ports.iter().zip(knocks) {
        if knock.await.unwrap_or(false) {
            endpoint.set_port(*port);
            return Ok(());
        }
    }
    let spec = endpoint.spec();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Err(Error::new(ErrorKind::Network, format!("no server listens on port {}", ports.join(" or ")))
        .provider(&spec.id)
        .hint(format!("start {}, or say where it is: `base_url` in [providers.{}]", spec.name, spec.id)))
}

async fn listens(port: u16) -> bool {
    let connect = TcpStream::connect(("127.0.0.1", port));
    matches!(tokio::time::timeout(LIMIT, connect).await, Ok(Ok(_)))
}
