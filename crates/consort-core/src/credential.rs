//! Secrets, and where they are asked for.
use crate::{BoxFuture, ConfigKey, Error};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A key. It cannot be printed, and its memory is wiped when it goes.
///
/// ```
/// # use consort_core::Secret;
/// let key = Secret::new("sk-very-secret");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.mask("bad key sk-very-secret!"), "bad key ***!");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The key itself, for the header it goes into.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The text with every occurrence of this key replaced.
    pub fn mask(&self, text: &str) -> String {
        let key = self.expose();
        if key.is_empty() { text.to_owned() } else { text.replace(key, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Finds the value of a provider's setting, each time it is needed. The usual order is: given for this call,
/// stored, environment, command.
pub trait Credentials: Send + Sync {
    fn resolve<'a>(
        &'a self,
        provider: &'a str,
        key: &'a ConfigKey,
    ) -> BoxFuture<'a, Result<Option<Secret>, Error>>;
}

/// Knows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn resolve<'a>(&'a self, _: &'a str, _: &'a ConfigKey) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
