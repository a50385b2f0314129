//! The page itself: files that were built into the program, under headers that let it load nothing else.
use crate::state::Shared;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::sync::Arc;

/// The files of the page.
pub trait Assets: Send + Sync {
    /// The file of this path (`index.html`, `assets/app-1a2b.js`), in one of the encodings that are accepted.
    fn get(&self, path: &str, accepted: &str) -> Option<Asset>;
}

/// One file, as it is sent.
#[derive(Debug, Clone)]
pub struct Asset {
    pub bytes: Bytes,
    pub mime: &'static str,
    pub encoding: Option<&'static str>,
    pub etag: String,
}

/// A program that was built without the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAssets;

impl Assets for NoAssets {
    fn get(&self, _: &str, _: &str) -> Option<Asset> {
        None
    }
}

/// Scripts and styles of this program alone; style attributes are there for mathematics.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
    font-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = "index.html";

const MISSING: &str =
    "This program was built without the chat page. The API works: see docs/reference/chat-api.md.\n";

pub(crate) fn router(assets: Arc<dyn Assets>) -> Router<Arc<Shared>> {
    Router::new().fallback(move |request: Request| {
        let assets = assets.clone();
        async move { page(assets.as_ref(), &request) }
    })
}

fn page(assets: &dyn Assets, request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let accepted =
        request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = if path.is_empty() { None } else { assets.get(path, accepted) };
    // A file that is not there is not the page: the browser would take one for the other.
    let is_file =
        path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let (asset, cache) = match found {
        Some(asset) if path.starts_with("assets/") => (asset, "public, max-age=31536000, immutable"),
        Some(asset) => (asset, "no-cache"),
        None if is_file => return StatusCode::NOT_FOUND.into_response(),
        None => match assets.get(INDEX, accepted) {
            Some(asset) => (asset, "no-cache"),
            None => return (StatusCode::NOT_FOUND, MISSING).into_response(),
        },
    };
    respond(asset, cache, request.headers())
}

fn respond(asset: Asset, cache: &'static str, asked: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, asset.mime);
    set(CACHE_CONTROL, cache);
    set(ETAG, &asset.etag);
    set(VARY, "accept-encoding");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, "no-referrer");
    if let Some(encoding) = asset.encoding {
        set(CONTENT_ENCODING, encoding);
    }
    let known = asked.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if known.split(',').any(|tag| bare(tag) == bare(&asset.etag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, asset.bytes).into_response()
}
