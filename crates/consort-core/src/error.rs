//! The one error: what kind, why, and what to do.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What went wrong. The words are the same in Rust, the plugin protocol, JSON and the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Something must be set up first: a key, a package, a setting.
    Setup,
    Auth,
    Permission,
    /// The account has no credit left.
    Quota,
    RateLimit,
    Overloaded,
    Server,
    Timeout,
    Network,
    ContextLength,
    ContentFilter,
    InvalidRequest,
    Unsupported,
    ModelNotFound,
    /// The vendor's answer could not be understood.
    Protocol,
    Cancelled,
    /// The answer stopped before its end.
    Interrupted,
    PluginCrash,
    PluginBug,
}

impl ErrorKind {
    pub const ALL: [Self; 19] = [
        Self::Setup,
        Self::Auth,
        Self::Permission,
        Self::Quota,
        Self::RateLimit,
        Self::Overloaded,
        Self::Server,
        Self::Timeout,
        Self::Network,
        Self::ContextLength,
        Self::ContentFilter,
        Self::InvalidRequest,
        Self::Unsupported,
        Self::ModelNotFound,
        Self::Protocol,
        Self::Cancelled,
        Self::Interrupted,
        Self::PluginCrash,
        Self::PluginBug,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::Quota => "quota",
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::ModelNotFound => "model_not_found",
            Self::Protocol => "protocol",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::PluginCrash => "plugin_crash",
            Self::PluginBug => "plugin_bug",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The HTTP status that tells a client of it, where the client's format has none of its own for it.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::Unsupported | Self::ContextLength | Self::ContentFilter => 400,
            Self::Auth | Self::Setup => 401,
            Self::Quota => 402,
            Self::Permission => 403,
            Self::ModelNotFound => 404,
            Self::RateLimit => 429,
            Self::Cancelled => 499,
            Self::Server | Self::Interrupted => 500,
            Self::Network | Self::Protocol | Self::PluginCrash | Self::PluginBug => 502,
            Self::Overloaded => 503,
            Self::Timeout => 504,
        }
    }

    /// The kind that an HTTP status stands for, where the body says nothing better.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Auth,
            402 => Self::Quota,
            403 => Self::Permission,
            404 | 405 | 410 => Self::ModelNotFound,
            408 | 504 => Self::Timeout,
            413 => Self::ContextLength,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which limit a timeout ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Connect,
    FirstEvent,
    Idle,
    Deadline,
}

/// What went wrong, where, and what to do about it.
///
/// Its text is for people and holds no payload and no key. The details are boxed: an error is one pointer.
///
/// ```
/// # use consort_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::RateLimit, "too many requests").provider("acme").hint("wait a little");
/// assert!(error.retryable());
/// assert_eq!(error.to_string(), "acme: too many requests");
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(Box<Details>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Details {
    kind: ErrorKind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The vendor's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_code: Option<String>,
    /// The vendor's own type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<Duration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            phase: None,
            provider: None,
            status: None,
            vendor_code: None,
            vendor_type: None,
            request_id: None,
            retry_after: None,
            hints: Vec::new(),
        }))
    }

    pub fn timeout(phase: Phase, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Timeout, message);
        error.0.phase = Some(phase);
        error
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "stopped")
    }

    /// Names the provider, unless one is named already.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider.get_or_insert_with(|| provider.into());
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub fn vendor(mut self, kind: Option<String>, code: Option<String>) -> Self {
        self.0.vendor_type = kind;
        self.0.vendor_code = code;
        self
    }

    pub fn request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id.or(self.0.request_id);
        self
    }

    pub fn retry_in(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait.or(self.0.retry_after);
        self
    }

    /// Adds a line that says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Changes the message, for instance to mask what must not be shown.
    pub fn map_message(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.0.message = change(std::mem::take(&mut self.0.message));
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    pub fn provider_id(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    pub fn vendor_code(&self) -> Option<&str> {
        self.0.vendor_code.as_deref()
    }

    pub fn vendor_type(&self) -> Option<&str> {
        self.0.vendor_type.as_deref()
    }

    pub fn vendor_request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the vendor asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What to do, a line each.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// Whether the same request to the same target may succeed soon. Only before the first content event.
    pub fn retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::RateLimit
            | ErrorKind::Overloaded
            | ErrorKind::Server
            | ErrorKind::Network
            | ErrorKind::PluginCrash => true,
            ErrorKind::Timeout => self.0.phase == Some(Phase::Connect),
            ErrorKind::InvalidRequest => matches!(self.0.status, Some(408 | 409)),
            _ => false,
        }
    }

    /// Whether a try that failed so before its first content is certain not to be billed.
    pub fn is_free(&self) -> bool {
        match self.0.kind {
            ErrorKind::Setup
            | ErrorKind::Auth
            | ErrorKind::Permission
            | ErrorKind::Quota
            | ErrorKind::RateLimit
            | ErrorKind::Overloaded
            | ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::ModelNotFound
            | ErrorKind::ContextLength => true,
            // An error page instead of an answer; without one nobody knows how far the vendor came.
            ErrorKind::Server => self.0.status.is_some_and(|status| status != 504),
            ErrorKind::Timeout => self.0.phase == Some(Phase::Connect),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.provider {
            Some(provider) => write!(f, "{provider}: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}", self.0.kind)?;
        if let Some(status) = self.0.status {
            write!(f, " {status}")?;
        }
        write!(f, ": {self})")
    }
}

impl std::error::Error for Error {}
