//! Attachments, by the hash of what they hold.
use super::{Asked, Named};
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use crate::uploads::{About, LIMIT};
use axum::Json;
use axum::body::{self, Body};
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use consort_core::{Error, Media};
use serde::Deserialize;
use std::sync::Arc;

/// What a browser may show; everything else is a download.
const SHOWN: [&str; 12] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "audio/mpeg",
    "audio/wav",
    "audio/ogg",
    "audio/webm",
    "audio/mp4",
    "application/pdf",
];

#[derive(Deserialize)]
pub(crate) struct Name {
    name: Option<String>,
}

/// Keeps a raw body. How long it is must be said before it comes.
pub(crate) async fn keep(
    State(shared): State<Arc<Shared>>,
    Asked(Name { name }): Asked<Name>,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<About>)> {
    shared.begins()?;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| Problem::wrong("the request does not say how long its body is"))?;
    if length > LIMIT {
        return Err(Problem::too_big(format!(
            "the file is {} MB, and {} MB are the most",
            length.div_ceil(1 << 20),
            LIMIT >> 20
        )));
    }
    let bytes = body::to_bytes(body, LIMIT as usize)
        .await
        .map_err(|_| Problem::wrong("the file did not arrive whole: nothing of it is kept"))?;
    if bytes.len() as u64 != length || bytes.is_empty() {
        return Err(Problem::wrong("the file did not arrive whole: nothing of it is kept"));
    }
    let mime =
        headers.get(CONTENT_TYPE).and_then(|mime| mime.to_str().ok()).unwrap_or("application/octet-stream");
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let about = shared.uploads.keep(bytes, mime, name).await?;
    Ok((StatusCode::CREATED, Json(about)))
}

pub(crate) async fn get(State(shared): State<Arc<Shared>>, Named(hash): Named<String>) -> Answer<Response> {
    let gone = || Problem::missing("this attachment is not there any more");
    let media = media(&shared, &hash, None).await?.ok_or_else(gone)?;
    let consort_core::MediaSource::Bytes(bytes) = media.source else { return Err(gone()) };
    let shown = SHOWN.contains(&media.mime.as_str());
    let mime = if shown { media.mime } else { "application/octet-stream".to_owned() };
    let place = if shown { "inline" } else { "attachment" };
    let headers = [
        (CONTENT_TYPE, mime.as_str()),
        (CONTENT_DISPOSITION, place),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

/// What stands behind a hash: something uploaded, or something that a conversation holds.
pub(crate) async fn media(shared: &Shared, hash: &str, name: Option<String>) -> Result<Option<Media>, Error> {
    if let Some(media) = shared.uploads.media(hash, name.clone()).await {
        return Ok(Some(media));
    }
    let mut kept = shared.engine.store().media(hash).await?;
    if let (Some(media), Some(name)) = (&mut kept, name) {
        media.name = Some(name);
    }
    Ok(kept)
}
