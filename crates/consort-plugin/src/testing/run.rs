//! Runs an author's code for a test: on a thread of its own, with a limit, with the test's keys.
use consort_core::{BoxFuture, ConfigKey, Credentials, Error, Secret};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

/// Runs on a thread of its own, so that what blocks or panics is told, not waited for.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    let (to, done) = mpsc::channel();
    std::thread::spawn(move || {
        #[cfg(feature = "tokio")]
        let result = crate::server::block_on(work);
        #[cfg(not(feature = "tokio"))]
        let result = pollster::block_on(work);
        // Whoever waited may be gone.
        let _ = to.send(result);
    });
    done.recv_timeout(limit).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => format!("it did not end within {limit:?}"),
        mpsc::RecvTimeoutError::Disconnected => "it panicked".into(),
    })
}

/// The keys that a test gives.
pub(super) struct Keys(pub(super) BTreeMap<String, String>);

impl Credentials for Keys {
    fn resolve<'a>(&'a self, _: &'a str, key: &'a ConfigKey) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(std::future::ready(Ok(self.0.get(&key.name).map(Secret::new))))
    }
}
