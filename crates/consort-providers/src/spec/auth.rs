//! How a vendor wants to be shown the key.
use serde::Deserialize;

/// Where the key goes. In a file: `auth = "bearer"`, `auth = { header = "x-api-key" }`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// `Authorization: Bearer KEY`
    #[default]
    Bearer,
    /// A header by name; `name: prefix` puts the prefix and a space before the key.
    Header(String),
    /// A parameter of the query, by name.
    Query(String),
    /// No key at all.
    None,
    /// Signed with AWS credentials for the service of this name, or a bearer token.
    Sigv4(String),
    /// A Google access token: given, from a service account, or printed by a command.
    Google,
}
