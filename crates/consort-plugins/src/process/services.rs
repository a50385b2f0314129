//! What a plugin may ask of its host: keys that it was granted, HTTP to hosts that it named, tools of its request. What
//! it keeps there is beside this, in `remembered`.
//! Every check is here, below all that speaks for a plugin.
use super::failed::is_variable_like;
use super::remembered::Remembered;
use crate::start::is_for;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{
    Arguments, BoxFuture, ConfigKey, Context, Credentials, Error, ErrorKind, RunTool, Secret, ToolCall,
};
use consort_plugin::protocol::{
    Content, Failure, FailureData, HttpData, HttpRequest, HttpResult, Id, RunToolParams, ToolResultContent,
    code,
};
use consort_providers::Http;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What one plugin was granted, and what it named.
#[derive(Clone, Default)]
pub struct Grants {
    /// Keys by name, with the variables that may hold them.
    pub keys: Vec<ConfigKey>,
    /// Where HTTP may go: `host`, or `host:port`.
    pub hosts: Vec<String>,
}

/// The host's side of one plugin.
pub struct Services {
    plugin: String,
    /// What its models need is known once they were listed.
    keys: RwLock<Vec<ConfigKey>>,
    hosts: Vec<String>,
    credentials: Arc<dyn Credentials>,
    http: Arc<Http>,
    pub(super) memory: Option<Remembered>,
}

impl Services {
    pub fn new(
        plugin: impl Into<String>,
        grants: Grants,
        credentials: Arc<dyn Credentials>,
        http: Arc<Http>,
        memory: Option<Remembered>,
    ) -> Self {
        let Grants { keys, hosts } = grants;
        Self { plugin: plugin.into(), keys: RwLock::new(keys), hosts, credentials, http, memory }
    }

    /// From now on these keys count.
    pub(crate) fn set_keys(&self, keys: Vec<ConfigKey>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What it was granted that is a key, by its name: a variable may hold anything else.
    pub(super) fn key_names(&self) -> Vec<String> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let is_key = |name: &str| {
            !is_variable_like(name) || ["KEY", "TOKEN", "SECRET"].iter().any(|end| name.ends_with(end))
        };
        keys.iter().map(|key| key.name.clone()).filter(|name| is_key(name)).collect()
    }

    fn allowed_key(&self, name: &str) -> Option<ConfigKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|key| key.name == name).cloned()
    }

    /// A granted key, for a request of the plugin's, which may name the variable that holds it: before its models were
    /// listed nobody else knows that.
    pub(super) async fn secret(&self, name: &str, variable: Option<String>) -> Result<Secret, Failure> {
        let Some(mut key) = self.allowed_key(name) else { return Err(self.not_granted(name)) };
        key.env.extend(variable.filter(|variable| is_for(variable, name)));
        match self.credentials.resolve(&self.plugin, &key).await {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => {
                Err(setup(format!("the key `{name}` is not set"), format!("consort keys set {name}")))
            }
            Err(error) => Err(Failure::from(&error)),
        }
    }

    /// A granted key, for a request to the plugin; the caller's own key counts first. Nothing where there is none.
    pub(super) async fn key(&self, name: &str, context: &Context) -> Result<Option<Secret>, Error> {
        match self.allowed_key(name) {
            // A key that was given for this very call is the user's word for it.
            None => context.credentials.resolve(&self.plugin, &ConfigKey::default()).await,
            Some(key) => context.credentials.resolve(&self.plugin, &key).await,
        }
    }

    /// A granted key, for what runs beside the plugin's process.
    pub(crate) async fn own_key(&self, name: &str, context: &Context) -> Result<Option<Secret>, Error> {
        match self.allowed_key(name) {
            None => Ok(None),
            Some(key) => context.credentials.resolve(&self.plugin, &key).await,
        }
    }

    fn not_granted(&self, name: &str) -> Failure {
        let mut failure = setup(
            format!("the key `{name}` was not granted to this plugin"),
            format!("consort plugins grant {} {name}", self.plugin),
        );
        failure.code = code::NOT_GRANTED;
        failure
    }

    /// Makes a request for the plugin. What is returned is the answer's head, and what hands its body to `data`.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        id: &Id,
        request: HttpRequest,
        data: impl Fn(HttpData) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Result<(Value, BoxFuture<'static, ()>), Failure> {
        let url = self.allowed(&request.url)?;
        let url = self.filled_query(url).await?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let value = self.filled(value.as_str().unwrap_or_default()).await?;
            let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
            let (Ok(name), Ok(mut value)) = parsed else {
                return Err(Failure::new(
                    code::INVALID_PARAMS,
                    format!("the header `{name}` cannot be sent"),
                ));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let body = match (request.body, request.body_base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(text)) => STANDARD
                .decode(text)
                .map_err(|error| Failure::new(code::INVALID_PARAMS, error.to_string()))?,
            (None, None) => Vec::new(),
        };
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Failure::new(code::INVALID_PARAMS, format!("`{}` is no method", request.method)))?;
        let limit = Duration::from_millis(request.timeout_ms.unwrap_or(120_000).min(600_000));
        const CONNECT: Duration = Duration::from_secs(10);
        let client = self.http.client(CONNECT, url.scheme() == "https").map_err(|e| Failure::from(&e))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let sent = client.request(method, url).headers(headers).body(body).timeout(limit).send().await;
        let response = sent.map_err(|error| unreachable(&host, &error))?;
        let shown = response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), Value::from(String::from_utf8_lossy(value.as_bytes())))
        });
        let head = HttpResult { status: response.status().as_u16(), headers: shown.collect() };
        let request = serde_json::to_value(id).unwrap_or_default();
        Ok((json!(head), Box::pin(pass_on(response, request, host, data))))
    }

    /// The address, if it is one that the plugin's manifest names. Checked before anything secret is filled in.
    fn allowed(&self, address: &str) -> Result<Url, Failure> {
        let url = Url::parse(address).map_err(|error| {
            Failure::new(code::INVALID_PARAMS, format!("`{address}` is no address: {error}"))
        })?;
        let host = url.host_str().unwrap_or_default();
        let usual = url.port_or_known_default();
        let named = self.hosts.iter().any(|allowed| match split_port(allowed) {
            Some((name, port)) => name == host && Some(port) == usual,
            None => allowed == host && url.port().is_none(),
        });
        let plain = url.scheme() == "http" && !matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let kind = |message: String, help: &str| Failure {
            code: code::KIND,
            message,
            data: Box::new(FailureData {
                kind: Some(ErrorKind::Permission.as_str().into()),
                help: Some(help.into()),
                ..FailureData::default()
            }),
        };
        if !named || !["http", "https"].contains(&url.scheme()) {
            return Err(kind(
                format!("this plugin may not reach {host}"),
                "name it in `hosts` of the plugin's manifest",
            ));
        }
        if plain {
            return Err(kind(format!("{host} may be reached by https only"), "use an https:// address"));
        }
        Ok(url)
    }

    async fn filled_query(&self, mut url: Url) -> Result<Url, Failure> {
        if !url.query().is_some_and(|query| query.contains("secret:")) {
            return Ok(url);
        }
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.query_pairs_mut().clear();
        for (name, value) in pairs {
            let value = self.filled(&value).await?;
            url.query_pairs_mut().append_pair(&name, &value);
        }
        Ok(url)
    }

    /// The text with each `${secret:NAME}` replaced by that key.
    async fn filled(&self, text: &str) -> Result<String, Failure> {
        const MARK: &str = "${secret:";
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(MARK) {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(self.secret(name, None).await?.expose());
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn split_port(allowed: &str) -> Option<(&str, u16)> {
    let (name, port) = allowed.rsplit_once(':')?;
    Some((name, port.parse().ok()?))
}

fn setup(message: String, help: String) -> Failure {
    Failure {
        code: code::KIND,
        message,
        data: Box::new(FailureData {
            kind: Some(ErrorKind::Setup.as_str().into()),
            help: Some(help),
            ..FailureData::default()
        }),
    }
}

fn unreachable(host: &str, error: &reqwest::Error) -> Failure {
    let (kind, what) = if error.is_timeout() {
        (ErrorKind::Timeout, "did not answer in time")
    } else {
        (ErrorKind::Network, "could not be reached")
    };
    Failure::from(&Error::new(kind, format!("{host} {what}")))
}

/// Hands a body on, piece by piece: as text where a piece is whole UTF-8.
async fn pass_on(
    mut response: reqwest::Response,
    request: Value,
    host: String,
    data: impl Fn(HttpData) -> BoxFuture<'static, ()> + Send + Sync,
) {
    let piece = |piece: HttpData| data(HttpData { request: request.clone(), ..piece });
    let mut rest: Vec<u8> = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                rest.extend_from_slice(&bytes);
                let whole = match std::str::from_utf8(&rest) {
                    Ok(_) => rest.len(),
                    // A letter that is cut waits for its rest; anything else is no text.
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => 0,
                };
                if whole > 0 {
                    let text = String::from_utf8_lossy(&rest[..whole]).into_owned();
                    piece(HttpData { text: Some(text), ..HttpData::default() }).await;
                    rest.drain(..whole);
                } else if rest.len() > 3 {
                    piece(HttpData { data: Some(STANDARD.encode(&rest)), ..HttpData::default() }).await;
                    rest.clear();
                }
            }
            Ok(None) => break,
            Err(error) => {
                return piece(HttpData { error: Some(unreachable(&host, &error)), ..HttpData::default() })
                    .await;
            }
        }
    }
    if !rest.is_empty() {
        piece(HttpData { data: Some(STANDARD.encode(&rest)), ..HttpData::default() }).await;
    }
    piece(HttpData { eof: true, ..HttpData::default() }).await;
}

/// Runs a tool of the request, where whoever asked lets tools be run.
pub(super) async fn run_tool(
    runner: Option<Arc<dyn RunTool>>,
    call: RunToolParams,
    wire: &str,
) -> Result<Value, Failure> {
    let Some(runner) = runner else {
        let error = Error::unsupported("whoever asked runs no tools inside an answer")
            .hint("answer with the tool call: the host runs it and asks again");
        return Err(Failure::from(&error));
    };
    let arguments = Arguments::from(call.arguments);
    let call = ToolCall { id: call.id, name: call.name, arguments };
    let output = runner.run(call).await.map_err(|error| Failure::from(&error))?;
    let content = output.content.iter().filter_map(|part| Content::for_plugin(part, wire)).collect();
    Ok(json!(ToolResultContent { content, is_error: output.is_error }))
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.keys.iter().map(|key| key.name.as_str()).collect();
        f.debug_struct("Grants").field("keys", &keys).field("hosts", &self.hosts).finish()
    }
}
