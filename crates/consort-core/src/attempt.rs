//! One try at one target: what every reply is told about how it came to be.
use crate::{Error, Money, Usage};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// One try at one target.
///
/// Whoever tries several times or several targets says each try as an [`Event::Attempt`](crate::Event::Attempt) when
/// it is over, so that a reply carries them all and a failure too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The id of the model that was asked.
    pub target: String,
    /// Why it failed; absent where it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Why nobody was asked; absent where somebody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unasked: Option<Unasked>,
    /// When it was sent, in milliseconds since 1970; absent where nobody with a clock for people heard of it.
    #[serde(default, with = "some_moment", skip_serializing_if = "Option::is_none")]
    pub started: Option<SystemTime>,
    /// How long it waited before it was sent: for a slot, a limit, or the time that the vendor asked for.
    #[serde(with = "millis", rename = "waited_ms")]
    pub waited: Duration,
    /// How long it took from when it was sent to its end.
    #[serde(with = "millis", rename = "took_ms")]
    pub took: Duration,
    /// From when it was sent to its first content.
    #[serde(default, with = "some_millis", rename = "first_ms", skip_serializing_if = "Option::is_none")]
    pub first: Option<Duration>,
    /// It failed, and the same target is asked again after so long.
    #[serde(default, with = "some_millis", rename = "retry_in_ms", skip_serializing_if = "Option::is_none")]
    pub retry_in: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Absent where unknown, which is not free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
}

/// Why a try asked nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unasked {
    /// The answer is one that was kept.
    Cached,
    /// The target failed lately and rests.
    Resting,
    /// Another try answered first.
    Beaten,
}

impl Attempt {
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            error: None,
            unasked: None,
            started: None,
            waited: Duration::ZERO,
            took: Duration::ZERO,
            first: None,
            retry_in: None,
            usage: None,
            cost: None,
        }
    }
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod some_millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    #[allow(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_millis() as u64).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

mod some_moment {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[allow(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
        let millis =
            |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        time.map(millis).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
        let millis = Option::<u64>::deserialize(from)?;
        Ok(millis.and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis))))
    }
}
