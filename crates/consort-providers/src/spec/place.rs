//! Where a provider is: base URLs, and the placeholders in them.
use super::ProviderSpec;
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The placeholder that nothing fills, as the environment variables that would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

/// Fills `${A|B:-default}` with what `find` knows.
pub(crate) fn fill<'a>(
    text: &'a str,
    find: &dyn Fn(&str) -> Option<String>,
) -> Result<Cow<'a, str>, Missing> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        let (names, default) = match inside.split_once(":-") {
            Some((names, default)) => (names, Some(default)),
            None => (inside, None),
        };
        let value = names.split('|').find_map(|name| find(name.trim())).or(default.map(str::to_owned));
        filled.push_str(&value.ok_or_else(|| Missing(names.replace('|', " or ")))?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Cow::Owned(filled))
}

/// The base URL: from the environment where a variable holds one, else the file's. Without a slash at its end.
pub(crate) fn base_url(
    spec: &ProviderSpec,
    find: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Missing> {
    let from_env = spec.base_url_env.iter().find_map(|name| find(name));
    let url = match from_env {
        Some(url) => {
            let url = with_scheme(url.trim(), spec);
            let path = spec.base_path.trim_matches('/');
            let url = url.trim_end_matches('/');
            if path.is_empty() || url.ends_with(path) { url.to_owned() } else { format!("{url}/{path}") }
        }
        None => fill(&spec.base_url, find)?.into_owned(),
    };
    Ok(url.trim_end_matches('/').to_owned())
}

/// `OLLAMA_HOST` and its like may be a host alone, a host and a port, or the address that a server listens on.
fn with_scheme(url: &str, spec: &ProviderSpec) -> String {
    // Some write the value with its quotes.
    let url = url.trim_matches(['"', '\'']).trim();
    if url.contains("://") {
        return url.to_owned();
    }
    let host = if url.parse::<Ipv6Addr>().is_ok() { format!("[{url}]") } else { url.to_owned() };
    // "Any address" is where a server listens; it is asked on this machine's own.
    let any = [("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")];
    let host =
        any.iter().find_map(|(any, own)| Some(format!("{own}{}", host.strip_prefix(any)?))).unwrap_or(host);
    let host = if host.starts_with(':') { format!("127.0.0.1{host}") } else { host };
    let has_port = host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    let usual = spec.local.as_ref().and_then(|local| local.ports.first());
    match usual {
        Some(port) if !has_port => format!("http://{host}:{port}"),
        Some(_) => format!("http://{host}"),
        None => format!("https://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Local;

    fn find(name: &str) -> Option<String> {
        (name == "REGION").then(|| "eu-west-1".to_owned())
    }

    #[test]
    fn placeholders_are_filled() {
        let check = |text: &str, wanted: Result<&str, &str>| {
            let got = fill(text, &find).map(Cow::into_owned);
            assert_eq!(got, wanted.map(str::to_owned).map_err(|name| Missing(name.into())));
        };
        check("https://a.example/v1", Ok("https://a.example/v1"));
        check("https://x.${REGION}.example", Ok("https://x.eu-west-1.example"));
        check("https://x.${NOT|REGION:-us}.example", Ok("https://x.eu-west-1.example"));
        check("https://x.${NOT:-us}.example", Ok("https://x.us.example"));
        check("https://${NOT|NEITHER}.example", Err("NOT or NEITHER"));
        check("https://${REGION", Ok("https://${REGION"));
    }

    #[test]
    fn base_urls_come_from_the_environment_first() {
        let check = |value: &str, path: &str, wanted: &str| {
            let spec = ProviderSpec {
                base_url_env: vec!["HOST".into()],
                base_path: path.into(),
                local: Some(Local { ports: vec![11434] }),
                ..ProviderSpec::default()
            };
            let env = |name: &str| (name == "HOST").then(|| value.to_owned());
            assert_eq!(base_url(&spec, &env), Ok(wanted.to_owned()));
        };
        check("https://a.example/v1/", "", "https://a.example/v1");
        check("https://a.example", "v1", "https://a.example/v1");
        check("https://a.example/v1", "v1", "https://a.example/v1");
        check("0.0.0.0", "", "http://127.0.0.1:11434");
        check(":8000", "", "http://127.0.0.1:8000");
        check("box:99", "", "http://box:99");
        check("[::1]", "", "http://[::1]:11434");
        check("::1", "", "http://[::1]:11434");
        check("[::]:99", "", "http://[::1]:99");
        check(" \"1.2.3.4\" ", "", "http://1.2.3.4:11434");
    }
}
