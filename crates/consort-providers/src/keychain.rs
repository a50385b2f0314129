//! Where keys come from, and in which order.
use consort_core::{BoxFuture, ConfigKey, Credentials, Error, ErrorKind, Secret};
use consort_settings::{Env, KeyStore};
use std::process::Stdio;
use std::time::Duration;

/// Finds keys: the one given for this call, the stored one, the environment, a command that prints one.
#[derive(Debug, Clone)]
pub struct KeyChain {
    explicit: Option<Secret>,
    stored: KeyStore,
    env: Env,
}

impl KeyChain {
    pub fn new(explicit: Option<Secret>, stored: KeyStore, env: Env) -> Self {
        Self { explicit, stored, env }
    }
}

impl Credentials for KeyChain {
    fn resolve<'a>(
        &'a self,
        provider: &'a str,
        key: &'a ConfigKey,
    ) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(async move {
            if let Some(explicit) = &self.explicit {
                return Ok(Some(explicit.clone()));
            }
            if let Some(stored) = self.stored.get(&key.name)? {
                return Ok(Some(stored));
            }
            if let Some(value) = key.env.iter().find_map(|name| self.env.get(name)) {
                return Ok(Some(Secret::new(value.trim())));
            }
            if key.command.is_empty() {
                return Ok(None);
            }
            output_of(&key.command).await.map(Some).map_err(|error| error.provider(provider))
        })
    }
}

/// What a command prints, without the line's end.
pub(crate) async fn output_of(command: &[String]) -> Result<Secret, Error> {
    const LIMIT: Duration = Duration::from_secs(30);
    let shown = command.first().map(String::as_str).unwrap_or_default();
    let failed = |what: String| {
        Error::new(ErrorKind::Setup, format!("the key command `{shown}` {what}"))
            .hint("run it by hand to see what it says")
    };
    let Some((program, arguments)) = command.split_first() else {
        return Err(failed("is empty".into()));
    };
    let run = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(LIMIT, run).await {
        Err(_) => return Err(failed(format!("did not end within {} s", LIMIT.as_secs()))),
        Ok(Err(error)) => return Err(failed(format!("cannot be run: {error}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        // What it printed may hold a key, so only its status is told.
        return Err(failed(format!("failed ({})", output.status)));
    }
    match String::from_utf8(output.stdout) {
        Ok(text) if !text.trim().is_empty() => Ok(Secret::new(text.trim())),
        _ => Err(failed("printed nothing".into())),
    }
}
