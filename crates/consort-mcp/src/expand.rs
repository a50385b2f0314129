//! Values that name a key or a variable: `${secret:NAME}`, `${env:NAME}`, and `${NAME}` as other programs write it.
use consort_core::{Error, ErrorKind, Secret};
use consort_settings::{Env, KeyStore};

/// The text with everything filled in, and what was filled in.
pub(crate) fn fill(text: &str, env: &Env, keys: &KeyStore) -> Result<(String, Vec<Secret>), Error> {
    let mut filled = String::new();
    let mut used = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        let value = value(name, env, keys)?;
        filled.push_str(value.expose());
        used.push(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok((filled, used))
}

fn value(named: &str, env: &Env, keys: &KeyStore) -> Result<Secret, Error> {
    let (kind, name) = named.split_once(':').unwrap_or(("env", named));
    match kind {
        "secret" => {
            let stored = keys.get(name)?;
            let found = stored.or_else(|| env.get(name).map(Secret::new));
            found.ok_or_else(|| {
                Error::new(ErrorKind::Setup, format!("the key `{name}` is not set"))
                    .hint(format!("consort keys set {name}"))
            })
        }
        "env" => env.get(name).map(Secret::new).ok_or_else(|| {
            Error::new(ErrorKind::Setup, format!("the variable `{name}` is not set"))
                .hint(format!("export {name}=..."))
        }),
        other => Err(Error::new(ErrorKind::Setup, format!("`${{{other}:...}}` means nothing"))
            .hint("what can be filled in: ${secret:NAME} and ${env:NAME}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_filled_in_or_told() {
        let place = tempfile::tempdir().unwrap();
        let folders = consort_settings::Folders { config: place.path().into(), data: place.path().into() };
        let keys = KeyStore::of(&folders);
        keys.set("k", &Secret::new("sk-1")).unwrap();
        let env = Env::of([("V", "v"), ("E", "from-env")]);
        let filled = |text: &str| fill(text, &env, &keys).map(|(text, _)| text);
        assert_eq!(filled("Bearer ${secret:k}/${env:V}/${V}/$x").unwrap(), "Bearer sk-1/v/v/$x");
        assert_eq!(filled("${secret:E}").unwrap(), "from-env");
        assert_eq!(filled("${open").unwrap(), "${open");
        assert!(filled("${secret:gone}").unwrap_err().hints()[0].contains("consort keys set gone"));
        assert!(filled("${env:GONE}").is_err() && filled("${input:x}").is_err());
        assert_eq!(fill("${secret:k}", &env, &keys).unwrap().1.len(), 1);
    }
}
