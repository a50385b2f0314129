//! Who may call: the page itself, and programs that know the token. Another site's page may not.
use crate::problem::Problem;
use crate::state::Shared;
use crate::tls::Peer;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use consort_core::{Error, ErrorKind, Secret};
use consort_realtime::serve::LiveApi;
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

const COOKIE_NAME: &str = "consort_token";

/// What is asked of callers.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Names under which the server is reached, beside its address and `localhost`.
    pub hosts: Vec<String>,
    /// What a caller must know; absent on loopback.
    pub token: Option<Secret>,
}

/// Whether the browser speaks to the server over https.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secured(pub(crate) bool);

/// Lets a request through, or says why not.
pub(crate) async fn check(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let secured = secured(&request);
    request.extensions_mut().insert(secured);
    let mut answer = match judge(&shared.guard, &request, secured) {
        Ok(None) => next.run(request).await,
        Ok(Some(answer)) => answer,
        Err(problem) => problem.into_response(),
    };
    // What is sent is what it says it is: no browser may guess.
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// The connection is, or a proxy in front of the server says so; who comes from elsewhere may say anything.
fn secured(request: &Request) -> Secured {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| *peer);
    if peer.is_some_and(|peer| peer.secured) {
        return Secured(true);
    }
    let near = peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    let scheme = request.headers().get("x-forwarded-proto").and_then(|scheme| scheme.to_str().ok());
    Secured(near && scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https")))
}

fn judge(guard: &Guard, request: &Request, secured: Secured) -> Result<Option<Response>, Problem> {
    let host = host(request).ok_or_else(|| refused("the request names no host"))?;
    if !guard.knows(&host) {
        let error =
            Error::new(ErrorKind::Permission, format!("this server is not known as `{}`", name_of(&host)))
                .hint("start it with `--host NAME` to reach it under another name");
        return Err(error.into());
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD)
        || ["/api/live", "/api/voice"].contains(&request.uri().path());
    match request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
        Some(origin) if origin.split_once("://").map(|(_, rest)| rest) != Some(host.as_str()) => {
            return Err(refused("a page of another site may not use this server"));
        }
        _ => {}
    }
    // Browsers that say where a request comes from say it of plain reads too.
    let from = request.headers().get("sec-fetch-site").and_then(|from| from.to_str().ok());
    if matches!(from, Some("cross-site" | "same-site")) && request.uri().path().starts_with("/api/") {
        return Err(refused("a page of another site may not use this server"));
    }
    if changes && request.uri().path().starts_with("/api/") && is_form(request) {
        return Err(refused("a form may not be sent here: send JSON"));
    }
    let Some(token) = &guard.token else { return Ok(None) };
    if request.uri().path() == "/api/health" {
        return Ok(None);
    }
    if let Some(given) = token_in_query(request.uri()) {
        return Ok(Some(if same(&given, token) {
            welcome(request.uri(), token, secured)
        } else {
            unknown().into_response()
        }));
    }
    if let Some(api) = LiveApi::at(request.uri().path()) {
        return if has_token(request.headers(), token) || has_key(api, request, token) {
            Ok(None)
        } else {
            Err(unknown())
        };
    }
    // The page's own form brings the token in its body, and its files hold no secret.
    let open = request.uri().path() == "/api/token" || !request.uri().path().starts_with("/api/");
    if open || has_token(request.headers(), token) { Ok(None) } else { Err(unknown()) }
}

fn refused(why: &str) -> Problem {
    Error::new(ErrorKind::Permission, why).into()
}

fn unknown() -> Problem {
    Error::new(ErrorKind::Auth, "this server wants its token")
        .hint("open the address that `consort serve` printed, or send `Authorization: Bearer TOKEN`")
        .into()
}

impl Guard {
    /// Whether this is a name of ours: a page that made another name point here would else be one of us.
    fn knows(&self, host: &str) -> bool {
        let name = name_of(host);
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        literal
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn host(request: &Request) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_owned());
    }
    Some(request.headers().get(HOST)?.to_str().ok()?.to_owned())
}

/// The host without its port.
fn name_of(host: &str) -> &str {
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    host.split(':').next().unwrap_or(host)
}

/// Whether another site's form could have sent it without asking.
fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let upload = request.uri().path() == "/api/attachments";
    let form = ["application/x-www-form-urlencoded", "multipart/form-data"].contains(&kind);
    // Raw bodies of any kind are attachments; another site's page cannot send those without being asked for its origin.
    form || (kind == "text/plain" && !upload)
}

fn token_in_query(uri: &Uri) -> Option<String> {
    let path = uri.path();
    if path.starts_with("/api/") || LiveApi::at(path).is_some() {
        return None;
    }
    in_query(uri, "token")
}

fn in_query(uri: &Uri, name: &str) -> Option<String> {
    let given = uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    percent_encoding::percent_decode_str(given).decode_utf8().ok().map(Into::into)
}

/// Whether the token stands where clients of this format put their key.
fn has_key(api: &LiveApi, request: &Request, token: &Secret) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let mut protocols = header("sec-websocket-protocol").unwrap_or_default().split(',').map(str::trim);
    let in_protocol = api.key_protocol.and_then(|start| protocols.find_map(|one| one.strip_prefix(start)));
    let in_header = api.key_header.and_then(header);
    let in_query = api.key_query.and_then(|name| in_query(request.uri(), name));
    in_protocol.into_iter().chain(in_header).chain(in_query.as_deref()).any(|given| same(given, token))
}

fn has_token(headers: &HeaderMap, token: &Secret) -> bool {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = cookies
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    bearer.into_iter().chain(cookie).any(|given| same(given, token))
}

pub(crate) fn same(given: &str, token: &Secret) -> bool {
    given.as_bytes().ct_eq(token.expose().as_bytes()).into()
}

/// Sets the cookie and sends the browser to the same place without the token in its address.
fn welcome(uri: &Uri, token: &Secret, Secured(secured): Secured) -> Response {
    let rest: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.starts_with("token=") && !pair.is_empty())
        .collect();
    let place =
        if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) };
    // Two slashes at the start would name another host.
    let place = format!("/{}", place.trim_start_matches('/'));
    (StatusCode::SEE_OTHER, [(LOCATION, place), (SET_COOKIE, cookie(token, secured))]).into_response()
}

pub(crate) fn cookie(token: &Secret, secured: bool) -> String {
    let secure = if secured { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000{secure}", token.expose())
}
