//! The table of failures: what each kind means for the same target, for the next one, and for the breaker.
use consort_core::{Error, ErrorKind, Phase};

/// What follows from a failure before the first content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// How often the same target may be asked again at most.
    pub(crate) retries: u32,
    pub(crate) next: Next,
    pub(crate) mark: Mark,
}

/// Who may be asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Nobody,
    Anybody,
    /// At once, before the same target is asked again.
    AnybodyFirst,
    /// With a warning: what is wrong would stay wrong unseen. One with the same key would fail the same way.
    OtherKey,
    /// The same, where another model of the same key will do.
    OtherModel,
    /// After the request was made smaller once: those that are named for long requests.
    Longer,
    /// Those that are named for what another's filter withheld.
    Unfiltered,
}

/// What the breaker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Nothing,
    Failure,
    /// The target rests for as long as it asked for.
    Cool,
    /// The target rests until it is mended, or for five minutes.
    Dead,
}

/// More than the most that anybody sets.
const AS_SET: u32 = u32::MAX;

pub(crate) fn class(error: &Error) -> Class {
    use ErrorKind as Kind;
    let of = |retries, next, mark| Class { retries, next, mark };
    let transient = of(AS_SET, Next::Anybody, Mark::Failure);
    match error.kind() {
        Kind::Network | Kind::Server | Kind::Overloaded | Kind::Interrupted => transient,
        Kind::Timeout => match (error.phase(), error.http_status()) {
            (Some(Phase::Connect), _) | (None, Some(408)) => transient,
            (Some(Phase::Deadline), _) => of(0, Next::Nobody, Mark::Nothing),
            // The vendor may bill what it began.
            _ => of(0, Next::Anybody, Mark::Failure),
        },
        Kind::RateLimit => of(AS_SET, Next::AnybodyFirst, Mark::Cool),
        Kind::Auth | Kind::Quota | Kind::Setup => of(0, Next::OtherKey, Mark::Dead),
        Kind::Permission | Kind::ModelNotFound => of(0, Next::OtherModel, Mark::Dead),
        Kind::ContextLength => of(0, Next::Longer, Mark::Nothing),
        Kind::ContentFilter => of(0, Next::Unfiltered, Mark::Nothing),
        Kind::InvalidRequest if matches!(error.http_status(), Some(408 | 409)) => transient,
        Kind::InvalidRequest | Kind::Unsupported | Kind::Cancelled => of(0, Next::Nobody, Mark::Nothing),
        Kind::PluginCrash => of(1, Next::Anybody, Mark::Failure),
        Kind::PluginBug => of(0, Next::Nobody, Mark::Failure),
        Kind::Protocol => of(0, Next::Anybody, Mark::Failure),
    }
}
