//! HTTP as plain values: what is sent, and the head of what comes back.
use bytes::Bytes;
use consort_core::Error;
use serde_json::Value;

/// A request to a vendor, without its host and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireRequest {
    pub method: &'static str,
    /// Relative to the base URL, query included; no slash at the start.
    pub path: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl WireRequest {
    /// A POST of a JSON body.
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: "POST",
            path: path.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from(body.to_string()),
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON; an error for the client that sent it.
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(
                consort_core::ErrorKind::InvalidRequest,
                format!("the request body is not JSON: {error}"),
            )
        })
    }

    /// The path without its query.
    pub fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// A value of the query, as it stands there.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The head of a vendor's answer.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// When it came, in seconds since 1970: dates in headers are measured against it.
    pub received: Option<u64>,
}

impl ResponseHead {
    pub fn new(status: u16, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self { status, headers, received: None }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    /// The vendor's id of the request, under any of its usual names.
    pub fn request_id(&self) -> Option<String> {
        const NAMES: [&str; 6] = [
            "x-request-id",
            "request-id",
            "x-amzn-requestid",
            "apim-request-id",
            "x-goog-request-id",
            "cf-ray",
        ];
        NAMES.iter().find_map(|name| self.header(name)).map(str::to_owned)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
