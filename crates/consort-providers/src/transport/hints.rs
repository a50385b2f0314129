//! What to do about an error, where the provider's description knows it.
use crate::spec::{Auth, ProviderSpec};
use consort_core::{ConfigKey, Error, ErrorKind, Phase};

/// No key was found.
pub(super) fn no_key(spec: &ProviderSpec, key: &ConfigKey) -> Error {
    let error = Error::new(ErrorKind::Setup, format!("there is no key for {}", spec.name)).provider(&spec.id);
    let error = error.hint(match key.env.first() {
        Some(variable) => format!("store one with `consort keys set {}`, or set {variable}", key.name),
        None => format!("store one with `consort keys set {}`", key.name),
    });
    with_key_page(error, spec)
}

/// Names the provider on an error, and adds what the user can do.
pub(super) fn complete(error: Error, spec: &ProviderSpec) -> Error {
    let error = error.provider(&spec.id);
    if !error.hints().is_empty() {
        return error;
    }
    let key = spec.config_key();
    match error.kind() {
        ErrorKind::Auth if matches!(spec.auth, Auth::Sigv4(_)) => {
            error.hint("check the AWS credentials, the region and the machine's clock")
        }
        ErrorKind::Auth if spec.auth == Auth::Google => {
            error.hint("log in again (`gcloud auth application-default login`), or check the service account")
        }
        ErrorKind::Auth => {
            let hint = match key.env.first() {
                Some(variable) => {
                    format!("replace the key with `consort keys set {}`, or in {variable}", key.name)
                }
                None => format!("replace the key with `consort keys set {}`", key.name),
            };
            with_key_page(error.hint(hint), spec)
        }
        ErrorKind::Permission => {
            error.hint("this key may not use this model: check the account at the vendor")
        }
        ErrorKind::Quota => error.hint("add credit to the account at the vendor, or use another provider"),
        ErrorKind::RateLimit | ErrorKind::Overloaded => match error.retry_after() {
            Some(wait) => {
                let wait = wait.as_millis().div_ceil(1000);
                error.hint(format!("try again in {wait} s, or use another model"))
            }
            None => error.hint("try again soon, or use another model"),
        },
        ErrorKind::Server | ErrorKind::Network => error.hint("try again; the fault is not in the request"),
        ErrorKind::ContextLength => {
            error.hint("shorten the input, or use a model with a larger window (`consort models`)")
        }
        ErrorKind::ModelNotFound => {
            error.hint(format!("`consort models -q {}` lists the models; check the base URL too", spec.id))
        }
        ErrorKind::Interrupted => error.hint("what came before is incomplete; ask again"),
        ErrorKind::Timeout if error.phase() == Some(Phase::Deadline) => {
            error.hint("allow it more time (`--timeout SECONDS`), or use another model")
        }
        ErrorKind::Timeout => error.hint("try again, or use another model"),
        ErrorKind::InvalidRequest => {
            error.hint("change what the message names: `consort models options` says what a model takes")
        }
        ErrorKind::Protocol => error.hint(format!(
            "check the base URL and the wire of {} (`consort providers show {}`); `CONSORT_LOG=debug` says more",
            spec.name, spec.id
        )),
        ErrorKind::ContentFilter => error.hint("say it in other words, or use another model"),
        _ => error,
    }
}

fn with_key_page(error: Error, spec: &ProviderSpec) -> Error {
    if spec.key_url.is_empty() { error } else { error.hint(format!("keys are made at {}", spec.key_url)) }
}
