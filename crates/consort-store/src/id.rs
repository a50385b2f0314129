//! Ids: unique everywhere, in the order in which they were made.
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one, later in order than all that this process made before.
            #[allow(clippy::new_without_default, reason = "a new id is no default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(ConversationId);
id!(TurnId);
id!(SummaryId);
id!(RecordId);

impl ConversationId {
    /// The conversation of this name, the same one each time. A name that is an id is that id.
    pub fn named(name: &str) -> Self {
        if let Ok(id) = name.parse() {
            return id;
        }
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The ids that begin like this text; nothing where none can.
    pub fn beginning(text: &str) -> Option<RangeInclusive<Self>> {
        const FORM: &str = "00000000-0000-0000-0000-000000000000";
        let rest = FORM.get(text.len()..)?;
        let fits = |(letter, form): (u8, u8)| match form {
            b'-' => letter == b'-',
            _ => letter.is_ascii_hexdigit(),
        };
        if !text.bytes().zip(FORM.bytes()).all(fits) {
            return None;
        }
        let filled = |with: &str| format!("{text}{}", rest.replace('0', with)).parse().ok();
        Some(filled("0")?..=filled("f")?)
    }
}
