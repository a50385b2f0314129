//! Shows the vendor the key, in the vendor's way.
pub(crate) mod aws;
mod aws_roles;
pub(crate) mod google;
mod jwt;
mod moment;
mod sigv4;

use crate::spec::{Auth, ProviderSpec};
use crate::transport::{Endpoint, Mask, Outgoing, Services};
use consort_core::{ConfigKey, Context, Error, Secret};
use std::time::SystemTime;

/// Tokens and credentials that are good for a while, kept with their endpoint.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    aws: aws::Kept,
    google: google::Kept,
}

/// Resolves the key for this call and puts it where the vendor wants it. The key goes into the mask too.
pub(crate) async fn apply(
    spec: &ProviderSpec,
    services: &Services,
    tokens: &Tokens,
    context: &Context,
    outgoing: &mut Outgoing,
) -> Result<(), Error> {
    let key = spec.config_key();
    match &spec.auth {
        Auth::None => {}
        Auth::Bearer => {
            if let Some(secret) = required(spec, &key, context).await? {
                bearer(outgoing, &secret);
            }
        }
        Auth::Header(header) => {
            if let Some(secret) = required(spec, &key, context).await? {
                let (name, value) = match header.split_once(':') {
                    Some((name, prefix)) => (name, format!("{} {}", prefix.trim(), secret.expose())),
                    None => (header.as_str(), secret.expose().to_owned()),
                };
                outgoing.set(name, value);
                outgoing.mask.add(&secret);
            }
        }
        Auth::Query(name) => {
            if let Some(secret) = required(spec, &key, context).await? {
                outgoing.url.query_pairs_mut().append_pair(name, secret.expose());
                outgoing.mask.add(&secret);
            }
        }
        Auth::Sigv4(service) => {
            if let Some(token) = context.credentials.resolve(&spec.id, &key).await? {
                bearer(outgoing, &token);
                return Ok(());
            }
            let credentials = tokens.aws.credentials(services).await?;
            let region = services.setting(spec, "AWS_REGION").unwrap_or_else(|| aws::DEFAULT_REGION.into());
            outgoing.mask.add(&credentials.secret);
            sigv4::sign(outgoing, &credentials, &region, service, SystemTime::now());
        }
        Auth::Google => {
            let token = google::token(spec, services, &tokens.google, &key, context).await?;
            bearer(outgoing, &token);
            if let Some(project) = services.env.get("GOOGLE_CLOUD_QUOTA_PROJECT") {
                outgoing.set("x-goog-user-project", project.to_owned());
            }
        }
    }
    Ok(())
}

async fn required(spec: &ProviderSpec, key: &ConfigKey, context: &Context) -> Result<Option<Secret>, Error> {
    match context.credentials.resolve(&spec.id, key).await? {
        None if key.required => Err(Endpoint::no_key(spec, key)),
        found => Ok(found),
    }
}

fn bearer(outgoing: &mut Outgoing, token: &Secret) {
    outgoing.set("authorization", format!("Bearer {}", token.expose()));
    outgoing.mask.add(token);
}

impl Outgoing {
    /// Sets a header, in place of one of the same name.
    fn set(&mut self, name: &str, value: String) {
        let name = name.trim().to_ascii_lowercase();
        self.headers.retain(|(old, _)| *old != name);
        self.headers.push((name, value));
    }
}

/// A small request's answer must not be shown: only its status is told.
fn refused(what: &str, status: u16) -> Error {
    Error::new(consort_core::ErrorKind::Auth, format!("{what} was refused (HTTP {status})")).status(status)
}

/// Masks nothing but what a mask's shapes know.
fn said(text: &str) -> String {
    Mask::default().text(text.chars().take(300).collect())
}
