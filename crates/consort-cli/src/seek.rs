//! Finds what a name means, also where nobody looked yet: at local servers, and in plugins that never ran.
use crate::setup::{Setup, cards, runtime};
use consort_core::{Error, ErrorKind, Host, Phase};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The user waits for this look, and mostly for a name that was mistyped.
const LIMIT: Duration = Duration::from_millis(500);

/// What `get` finds by a name, and the host that it was found in. Without a runtime one is made where it is needed:
/// most names are known. Plugins that are looked at for it are given no longer than `limit`.
pub(crate) fn seek<T>(
    setup: &mut Setup,
    host: Host,
    name: Option<&str>,
    runtime: Option<&Runtime>,
    limit: Option<Duration>,
    get: impl Fn(&Setup, &Host) -> Result<T, Error>,
) -> Result<(T, Host), Error> {
    let found = get(setup, &host);
    if found.as_ref().err().is_none_or(|error| !is_unknown(error, &host, name)) {
        return found.map(|found| (found, host));
    }
    if let Some(runtime) = runtime {
        return look_further(setup, host, name, (runtime, limit), get);
    }
    let own = self::runtime()?;
    let found = look_further(setup, host, name, (&own, limit), get);
    own.shutdown_background();
    found
}

/// Whether nobody has that name. One that several have is known.
fn is_unknown(error: &Error, host: &Host, name: Option<&str>) -> bool {
    let has = |name: &str| {
        cards(host)
            .iter()
            .any(|(card, _)| card.name == name || card.aliases.iter().any(|alias| alias == name))
    };
    error.kind() == ErrorKind::ModelNotFound && !name.is_some_and(has)
}

fn look_further<T>(
    setup: &mut Setup,
    mut host: Host,
    name: Option<&str>,
    (runtime, limit): (&Runtime, Option<Duration>),
    get: impl Fn(&Setup, &Host) -> Result<T, Error>,
) -> Result<(T, Host), Error> {
    runtime.block_on(setup.local.clone().look(LIMIT));
    let mut found = get(setup, &host);
    let unknown = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::ModelNotFound);
    let begun = Instant::now();
    if unknown && setup.check_plugins(name, runtime, limit) {
        host = setup.host_again();
        found = get(setup, &host);
        // Nobody knows what those have that were not done.
        if found.is_err() && limit.is_some_and(|limit| begun.elapsed() >= limit) {
            return Err(Error::timeout(
                Phase::Deadline,
                "the plugins did not start in the time that was given",
            ));
        }
    }
    found.map(|found| (found, host))
}
