//! Finds a local server on its usual ports. A discovery looks, and a call that was refused; never a listing.
use super::Endpoint;
use consort_core::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a port on this machine may take to answer.
const LIMIT: Duration = Duration::from_millis(300);

/// The addresses that a host of a URL means on this machine; none where it is another machine, or may be one.
pub(super) fn addresses_here(host: &str) -> Vec<IpAddr> {
    // The name is not looked up: whoever answers for names could send us elsewhere.
    if host == "localhost" {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    address.into_iter().filter(IpAddr::is_loopback).collect()
}

/// Points the endpoint to the first usual port on which something listens, unless it was placed elsewhere.
pub(crate) async fn find_local(endpoint: &Endpoint, ports: &[u16]) -> Result<(), Error> {
    let addresses = endpoint.usual_addresses(&endpoint.base()?);
    if addresses.is_empty() {
        return Ok(());
    }
    let places =
        ports.iter().flat_map(|port| addresses.iter().map(|address| SocketAddr::new(*address, *port)));
    let knocks: Vec<_> = places.map(|place| (place, tokio::spawn(listens(place)))).collect();
    for (place, knock) in knocks {
        if knock.await.unwrap_or(false) {
            endpoint.found_at(place);
            return Ok(());
        }
    }
    let spec = endpoint.spec();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Err(Error::new(ErrorKind::Network, format!("no server listens on port {}", ports.join(" or ")))
        .provider(&spec.id)
        .hint(format!("start {}, or say where it is: `base_url` in [providers.{}]", spec.name, spec.id)))
}

async fn listens(place: SocketAddr) -> bool {
    matches!(tokio::time::timeout(LIMIT, TcpStream::connect(place)).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::addresses_here;

    #[test]
    fn only_this_machine_is_here() {
        let check = |host: &str, wanted: &[&str]| {
            let found: Vec<String> = addresses_here(host).iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted, "{host}");
        };
        check("127.0.0.1", &["127.0.0.1"]);
        check("[::1]", &["::1"]);
        check("localhost", &["127.0.0.1", "::1"]);
        for elsewhere in ["localhost.example", "box", "192.168.0.7", "0.0.0.0", "[::ffff:10.0.0.1]", ""] {
            check(elsewhere, &[]);
        }
    }
}
