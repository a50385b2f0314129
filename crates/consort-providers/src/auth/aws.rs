//! AWS credentials: the environment, the profile files, and what is asked of the machine's role.
use super::aws_roles;
use super::moment;
use crate::keychain::output_of;
use crate::transport::Services;
use consort_core::{Error, ErrorKind, Secret};
use consort_settings::Env;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

pub(super) const DEFAULT_REGION: &str = "us-east-1";

/// What a request is signed with.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) session: Option<Secret>,
    /// When they end; absent when they do not.
    pub(super) until: Option<SystemTime>,
}

/// The form in which endpoints and credential processes give credentials. The words differ a little.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    access_key_id: String,
    secret_access_key: String,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
}

impl Given {
    /// Reads the JSON. An error does not repeat it.
    pub(super) fn read(json: &[u8], from: &str) -> Result<Credentials, Error> {
        let given: Self = serde_json::from_slice(json)
            .map_err(|_| Error::new(ErrorKind::Setup, format!("{from} gave no AWS credentials")))?;
        Ok(Credentials {
            id: given.access_key_id,
            secret: Secret::new(given.secret_access_key),
            session: given.token.map(Secret::new),
            until: given.expiration.as_deref().and_then(moment::parse),
        })
    }
}

/// Credentials that are good for a while.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Credentials>>);

impl Kept {
    /// The credentials to use now.
    pub(super) async fn credentials(&self, services: &Services) -> Result<Credentials, Error> {
        /// New ones are asked for when the old ones are about to end.
        const MARGIN: Duration = Duration::from_mins(5);
        let mut kept = self.0.lock().await;
        if let Some(credentials) = &*kept
            && credentials.until.is_some_and(|until| until > SystemTime::now() + MARGIN)
        {
            return Ok(credentials.clone());
        }
        let found = find(services).await?;
        *kept = Some(found.clone());
        Ok(found)
    }
}

/// In the order of AWS's own tools.
async fn find(services: &Services) -> Result<Credentials, Error> {
    let env = &services.env;
    if let (Some(id), Some(secret)) = (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")) {
        return Ok(Credentials {
            id: id.to_owned(),
            secret: Secret::new(secret),
            session: env.get("AWS_SESSION_TOKEN").map(Secret::new),
            until: None,
        });
    }
    if let Some(found) = from_profile(env).await? {
        return Ok(found);
    }
    if let Some(found) = aws_roles::find(services).await? {
        return Ok(found);
    }
    Err(Error::new(ErrorKind::Setup, "there are no AWS credentials")
        .hint("set AWS_BEARER_TOKEN_BEDROCK (`consort keys set bedrock`), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        .hint("a profile of ~/.aws/credentials (AWS_PROFILE) and the machine's role are used too"))
}

/// Whether credentials seem to be there, without asking anybody.
pub(crate) fn is_set_up(env: &Env) -> bool {
    env.get("AWS_ACCESS_KEY_ID").is_some()
        || env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some()
        || env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
        || env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_some()
        || profile(env).is_some_and(|profile| {
            profile.contains_key("aws_access_key_id") || profile.contains_key("credential_process")
        })
}

/// A setting that the profile holds beside the environment: the region.
pub(crate) fn setting(env: &Env, name: &str) -> Option<String> {
    match name {
        "AWS_REGION" => {
            let given = env.get("AWS_REGION").or_else(|| env.get("AWS_DEFAULT_REGION")).map(str::to_owned);
            given.or_else(|| profile(env)?.remove("region"))
        }
        _ => None,
    }
}

async fn from_profile(env: &Env) -> Result<Option<Credentials>, Error> {
    let Some(mut profile) = profile(env) else { return Ok(None) };
    if let (Some(id), Some(secret)) =
        (profile.remove("aws_access_key_id"), profile.remove("aws_secret_access_key"))
    {
        let session = profile.remove("aws_session_token").map(Secret::new);
        return Ok(Some(Credentials { id, secret: Secret::new(secret), session, until: None }));
    }
    if let Some(command) = profile.remove("credential_process") {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let printed = output_of(&words).await?;
        return Given::read(printed.expose().as_bytes(), "the profile's credential_process").map(Some);
    }
    if ["sso_session", "sso_start_url", "role_arn"].iter().any(|name| profile.contains_key(*name)) {
        let error = Error::new(ErrorKind::Setup, "this AWS profile logs in by SSO or takes on a role");
        return Err(error.hint(
            "let AWS's own tool do it: `credential_process = aws configure export-credentials` in a profile of its own",
        ));
    }
    Ok(None)
}

/// The values of the chosen profile, from both files.
fn profile(env: &Env) -> Option<BTreeMap<String, String>> {
    let name = env.get("AWS_PROFILE").unwrap_or("default");
    let home = env.get("HOME").or_else(|| env.get("USERPROFILE")).map(PathBuf::from);
    let file = |variable: &str, usual: &str| {
        let path =
            env.get(variable).map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".aws").join(usual)))?;
        std::fs::read_to_string(path).ok()
    };
    let mut values = BTreeMap::new();
    if let Some(text) = file("AWS_CONFIG_FILE", "config") {
        values.extend(section(&text, name, &format!("profile {name}")));
    }
    if let Some(text) = file("AWS_SHARED_CREDENTIALS_FILE", "credentials") {
        values.extend(section(&text, name, name));
    }
    (!values.is_empty()).then_some(values)
}

/// The values of one section of an INI file, under either of its names.
fn section(text: &str, name: &str, other: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut inside = false;
    for line in text.lines() {
        // An indented line belongs to a value before it.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(head) = line.trim().strip_prefix('[').and_then(|line| line.split(']').next()) {
            inside = head.trim() == name || head.trim() == other;
        } else if inside && let Some((key, value)) = line.split_once('=') {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn a_profile_is_read() {
        let text = "[default]\nregion = us-west-2\n# no\n[profile dev]\nregion=eu-west-1\ns3 =\n  region = no\n[other]\nregion=no\n";
        let check = |name: &str, wanted: Option<&str>| {
            let values = section(text, name, &format!("profile {name}"));
            assert_eq!(values.get("region").map(String::as_str), wanted, "{name}");
        };
        check("default", Some("us-west-2"));
        check("dev", Some("eu-west-1"));
        check("missing", None);
    }
}
