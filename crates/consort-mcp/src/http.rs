//! Servers that are reached by an address: streamable HTTP over the client that everything else uses.
use crate::flood::Paced;
use consort_core::{Error, ErrorKind};
use consort_providers::Http;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::RoleClient;
use rmcp::transport::Transport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig, StreamableHttpError,
};
use std::collections::HashMap;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);

/// The way to an address. Nothing is sent yet.
pub(crate) fn transport(
    http: &Http,
    address: &str,
    headers: &[(String, String)],
) -> Result<impl Transport<RoleClient, Error = StreamableHttpError<reqwest::Error>> + 'static, Error> {
    let wrong = |what: String| Error::new(ErrorKind::Setup, what);
    let url = Url::parse(address).map_err(|error| wrong(format!("its `url` is no address: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(wrong(format!("its `url` begins with {}:, not with http: or https:", url.scheme())));
    }
    let client = http.client(CONNECT, url.scheme() == "https")?;
    let mut custom = HashMap::new();
    for (name, value) in headers {
        let header = HeaderName::try_from(name.as_str())
            .map_err(|_| wrong(format!("`{name}` is no name of a header")))?;
        // Neither the value nor the library's words about it: it may be a key.
        let mut value = HeaderValue::try_from(value.as_str())
            .map_err(|_| wrong(format!("the header `{name}` holds what no header may hold")))?;
        value.set_sensitive(true);
        custom.insert(header, value);
    }
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str()).custom_headers(custom);
    Ok(Paced::new(StreamableHttpClientTransport::with_client(client, config)))
}
