//! What a plugin refuses, as an error that says where to read on.
use super::connection::Connection;
use super::masked;
use crate::start::shell_word;
use consort_core::{Error, ErrorKind};
use consort_plugin::protocol::Failure;

/// Why a call gave nothing.
pub(super) enum Refused {
    Failed(Failure),
    Gone(Error),
}

impl Connection {
    pub(super) fn error_of(&self, refused: Refused) -> Error {
        match refused {
            Refused::Gone(error) => error,
            Refused::Failed(failure) => self.failed(&failure),
        }
    }

    /// The error of a request that the plugin refused.
    pub(super) fn failed(&self, failure: &Failure) -> Error {
        if let Some(trace) = &failure.data.traceback {
            self.log_text(trace);
        }
        let error = self.named(masked::failure(&self.log, failure.clone()).to_error());
        let name = shell_word(&self.plugin);
        if !error.hints().is_empty() {
            return error;
        }
        let error = explained(error, &self.services.key_names());
        if failure.data.traceback.is_some() {
            error.hint(format!("its log: consort plugins log {name}"))
        } else if error.kind() == ErrorKind::PluginBug {
            error.hint(format!("what else is wrong with it: consort plugins check {name}"))
        } else {
            error
        }
    }
}

/// What the user can do about it, where the kind of the error and the keys that the plugin has tell.
fn explained(error: Error, keys: &[String]) -> Error {
    match (error.kind(), keys) {
        (ErrorKind::Auth, [key]) => {
            let error = error.map_message(|message| format!("the key `{key}` was refused: {message}"));
            error.hint(new_key(key))
        }
        (ErrorKind::Auth, [_, _, ..]) => {
            let which = keys.iter().map(|key| new_key(key)).collect::<Vec<_>>().join("; or: ");
            error.hint(format!("one of its keys was refused: {which}"))
        }
        (ErrorKind::RateLimit | ErrorKind::Overloaded, _) => match error.retry_after() {
            Some(wait) => {
                let wait = wait.as_millis().div_ceil(1000);
                error.hint(format!("try again in {wait} s, or use another model"))
            }
            None => error,
        },
        _ => error,
    }
}

fn new_key(key: &str) -> String {
    if is_variable_like(key) {
        format!("put another into {key}, or: consort keys set {key}")
    } else {
        format!("consort keys set {key}")
    }
}

/// Whether a grant is written as variables are.
pub(super) fn is_variable_like(name: &str) -> bool {
    name.chars().all(|letter| letter == '_' || letter.is_ascii_uppercase() || letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::explained;
    use consort_core::{Error, ErrorKind};
    use std::time::Duration;

    #[track_caller]
    fn check(error: Error, keys: &[&str], told: &str, hints: &[&str]) {
        let keys: Vec<String> = keys.iter().copied().map(str::to_owned).collect();
        let error = explained(error, &keys);
        assert_eq!(
            (error.to_string().as_str(), error.hints()),
            (told, &hints.iter().map(|hint| (*hint).to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[test]
    fn a_key_that_was_refused() {
        let error = || Error::new(ErrorKind::Auth, "401 Client Error");
        check(error(), &["acme"], "the key `acme` was refused: 401 Client Error", &["consort keys set acme"]);
        check(
            error(),
            &["ACME_KEY"],
            "the key `ACME_KEY` was refused: 401 Client Error",
            &["put another into ACME_KEY, or: consort keys set ACME_KEY"],
        );
        let which = "one of its keys was refused: consort keys set one; or: consort keys set two";
        check(error(), &["one", "two"], "401 Client Error", &[which]);
        check(error(), &[], "401 Client Error", &[]);
    }

    #[test]
    fn a_limit_says_when() {
        let error = || Error::new(ErrorKind::RateLimit, "slow down");
        let wait = Some(Duration::from_millis(6100));
        check(error().retry_in(wait), &["acme"], "slow down", &["try again in 7 s, or use another model"]);
        check(error(), &["acme"], "slow down", &[]);
        check(Error::new(ErrorKind::Server, "ill").retry_in(wait), &["acme"], "ill", &[]);
    }
}
