//! Where a request's keys come from: what came with it, the host, the environment.
use crate::Link;
use crate::protocol::code;
use consort_core::{BoxFuture, ConfigKey, Credentials, Error, ErrorKind, Object, Secret};
use std::sync::Arc;

/// The keys of one request.
pub(crate) struct HostKeys {
    pub(crate) given: Object,
    pub(crate) config: Arc<Object>,
    pub(crate) link: Link,
}

impl HostKeys {
    async fn find(&self, key: &ConfigKey) -> Result<Option<Secret>, Error> {
        let said = self.given.get(&key.name).or_else(|| self.config.get(&key.name).filter(|_| !key.secret));
        if let Some(value) = said.and_then(|value| value.as_str()) {
            return Ok(Some(Secret::new(value)));
        }
        let refused = match self.link.secret_or_failure(&key.name).await {
            Ok(secret) => return Ok(Some(secret)),
            Err(failure) => failure,
        };
        let found =
            key.env.iter().find_map(|name| std::env::var(name).ok()).filter(|value| !value.is_empty());
        if let Some(value) = found {
            return Ok(Some(Secret::new(value)));
        }
        // One that is not there is nothing; what to do about it is said where it is needed.
        let absent = refused.kind() == ErrorKind::Setup || refused.code == code::UNKNOWN_METHOD;
        if absent && !key.required { Ok(None) } else { Err(refused.to_error()) }
    }
}

impl Credentials for HostKeys {
    fn resolve<'a>(&'a self, _: &'a str, key: &'a ConfigKey) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(self.find(key))
    }
}
