//! Google access tokens: given, from a service account's or a user's credentials file, or by a command.
use super::{jwt, moment, refused, said};
use crate::spec::ProviderSpec;
use crate::transport::{Endpoint, Services, fetch};
use consort_core::{ConfigKey, Context, Error, ErrorKind, Secret};
use consort_settings::Env;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_PLACE: &str = "https://oauth2.googleapis.com/token";

/// A token that is good for a while.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<(Secret, SystemTime)>>);

/// A credentials file.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        private_key: String,
        private_key_id: Option<String>,
        token_uri: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

/// The token to show now. A token that was given or set comes first, then the credentials file, then the command.
pub(super) async fn token(
    spec: &ProviderSpec,
    services: &Services,
    kept: &Kept,
    key: &ConfigKey,
    context: &Context,
) -> Result<Secret, Error> {
    let without_command = ConfigKey { command: Vec::new(), ..key.clone() };
    if let Some(token) = context.credentials.resolve(&spec.id, &without_command).await? {
        return Ok(token);
    }
    let mut kept = kept.0.lock().await;
    if let Some((token, until)) = &*kept
        && *until > SystemTime::now()
    {
        return Ok(token.clone());
    }
    let (token, good_for) = match file(&services.env) {
        Some(path) => from_file(services, &path).await?,
        None => match context.credentials.resolve(&spec.id, key).await? {
            // Tokens are good for an hour; how much of it is left is not told.
            Some(token) => (token, Duration::from_mins(5)),
            None => {
                return Err(Endpoint::no_key(spec, key)
                    .hint("a service account's file is named by GOOGLE_APPLICATION_CREDENTIALS"));
            }
        },
    };
    *kept = Some((token.clone(), SystemTime::now() + good_for));
    Ok(token)
}

/// Whether credentials seem to be there.
pub(crate) fn is_set_up(env: &Env) -> bool {
    file(env).is_some()
}

/// A setting that the environment does not say outright: the project of the credentials file, the location,
/// and the host that follows from it.
pub(crate) fn setting(env: &Env, name: &str) -> Option<String> {
    match name {
        "GOOGLE_CLOUD_PROJECT" => project(env),
        "GOOGLE_CLOUD_LOCATION" => Some(location(env).to_owned()),
        "VERTEX_HOST" => Some(match location(env) {
            GLOBAL => "aiplatform.googleapis.com".to_owned(),
            region => format!("{region}-aiplatform.googleapis.com"),
        }),
        _ => None,
    }
}

/// The location that serves every model.
const GLOBAL: &str = "global";

fn location(env: &Env) -> &str {
    const NAMES: [&str; 3] = ["GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION", "CLOUD_ML_REGION"];
    NAMES.iter().find_map(|name| env.get(name)).unwrap_or(GLOBAL)
}

fn project(env: &Env) -> Option<String> {
    let text = std::fs::read_to_string(file(env)?).ok()?;
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    let project = value["project_id"].as_str().or_else(|| value["quota_project_id"].as_str());
    project.map(str::to_owned)
}

/// The credentials file: the named one, or the one where Google's own tool leaves it.
fn file(env: &Env) -> Option<PathBuf> {
    if let Some(named) = env.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(named.into());
    }
    let folder = match (env.get("CLOUDSDK_CONFIG"), env.get("APPDATA"), env.get("HOME")) {
        (Some(folder), _, _) => PathBuf::from(folder),
        (None, Some(data), _) if cfg!(windows) => PathBuf::from(data).join("gcloud"),
        (None, _, Some(home)) => PathBuf::from(home).join(".config/gcloud"),
        _ => return None,
    };
    Some(folder.join("application_default_credentials.json")).filter(|file| file.exists())
}

async fn from_file(services: &Services, path: &std::path::Path) -> Result<(Secret, Duration), Error> {
    let wrong = |what: &str| {
        Error::new(ErrorKind::Setup, format!("{}: {what}", path.display()))
            .hint("GOOGLE_APPLICATION_CREDENTIALS must name a service account's JSON file")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    // The parser's message could repeat a value.
    let file: File = serde_json::from_str(&text).map_err(|_| wrong("this is no Google credentials file"))?;
    let (place, form) = match file {
        File::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
            let place = token_uri.unwrap_or_else(|| TOKEN_PLACE.to_owned());
            let now = moment::seconds(SystemTime::now());
            let claims =
                json!({"iss": client_email, "scope": SCOPE, "aud": place, "iat": now, "exp": now + 3600});
            let assertion = jwt::sign(&claims, &private_key, private_key_id.as_deref())?;
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                ("assertion", assertion),
            ];
            (place, form.to_vec())
        }
        File::AuthorizedUser { client_id, client_secret, refresh_token } => {
            let form = [
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", client_id),
                ("client_secret", client_secret),
                ("refresh_token", refresh_token),
            ];
            (TOKEN_PLACE.to_owned(), form.to_vec())
        }
        File::Unknown => return Err(wrong("only service accounts and logged-in users are understood")),
    };
    exchange(services, &place, &form).await
}

/// Gives a grant for a token.
async fn exchange(
    services: &Services,
    place: &str,
    form: &[(&str, String)],
) -> Result<(Secret, Duration), Error> {
    /// A token that ends while a request is on its way is no use.
    const MARGIN: u64 = 60;
    const LIMIT: Duration = Duration::from_secs(20);
    let mut body = reqwest::Url::parse("form:/").map_err(|_| Error::protocol("no form"))?;
    body.query_pairs_mut().extend_pairs(form);
    let request = services
        .http
        .client(LIMIT, place.starts_with("https"))?
        .post(place)
        .header("content-type", "application/x-www-form-urlencoded")
        .timeout(LIMIT)
        .body(body.query().unwrap_or_default().to_owned());
    let proxy = reqwest::Url::parse(place).ok().and_then(|place| services.http.proxy(&place));
    let (status, answer) = fetch(request, proxy, "Google's token service").await?;
    if status != 200 {
        let error = refused("the Google credentials", status);
        let value: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        return Err(match value["error_description"].as_str().or_else(|| value["error"].as_str()) {
            Some(why) => error.map_message(|message| format!("{message}: {}", said(why))),
            None => error,
        });
    }
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_| Error::protocol("Google's token service gave no token"))?;
    Ok((Secret::new(answer.access_token), Duration::from_secs(answer.expires_in.saturating_sub(MARGIN))))
}
