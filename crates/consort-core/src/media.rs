//! Images, audio, documents and video, by bytes, path, URL or a vendor's file id.
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// Something that is not text. Cloning it copies no payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Media {
    pub source: MediaSource,
    /// The MIME type; empty when unknown (a URL whose type nobody said).
    #[serde(default)]
    pub mime: String,
    /// A file name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where the payload is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// The payload itself; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    Bytes(Bytes),
    /// A file on this machine, read when the request is sent.
    Path(PathBuf),
    /// An address that the vendor fetches.
    Url(String),
    /// The id of a file that was uploaded to a vendor before.
    File { wire: String, id: String },
}

impl Media {
    pub fn bytes(mime: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { source: MediaSource::Bytes(bytes.into()), mime: mime.into(), name: None }
    }

    pub fn url(mime: impl Into<String>, url: impl Into<String>) -> Self {
        Self { source: MediaSource::Url(url.into()), mime: mime.into(), name: None }
    }

    pub fn path(mime: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { source: MediaSource::Path(path.into()), mime: mime.into(), name: None }
    }

    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The payload as base64, when it is here.
    pub fn base64(&self) -> Option<String> {
        match &self.source {
            MediaSource::Bytes(bytes) => Some(STANDARD.encode(bytes)),
            _ => None,
        }
    }

    /// Reads a `data:` URL; anything else stays a URL.
    pub fn from_url(url: &str) -> Self {
        Self::from_data_url(url).unwrap_or_else(|| Self::url("", url))
    }

    fn from_data_url(url: &str) -> Option<Self> {
        let (head, payload) = url.strip_prefix("data:")?.split_once(',')?;
        let mime = head.strip_suffix(";base64")?;
        Some(Self::bytes(mime, STANDARD.decode(payload.trim()).ok()?))
    }

    /// As a URL: the address itself, or the payload as a `data:` URL.
    pub fn to_url(&self) -> Option<String> {
        match &self.source {
            MediaSource::Url(url) => Some(url.clone()),
            MediaSource::Bytes(bytes) => {
                Some(format!("data:{};base64,{}", self.mime, STANDARD.encode(bytes)))
            }
            MediaSource::Path(_) | MediaSource::File { .. } => None,
        }
    }

    /// The first half of the MIME type: `image`, `audio`, `video`, `application`, `text`.
    pub fn family(&self) -> &str {
        self.mime.split('/').next().unwrap_or_default()
    }
}

impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Path(path) => write!(f, "Path({})", path.display()),
            Self::Url(url) => write!(f, "Url({})", url.chars().take(80).collect::<String>()),
            Self::File { wire, id } => write!(f, "File({wire}:{id})"),
        }
    }
}

fn to_base64<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
    STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(serde::de::Error::custom)
}
