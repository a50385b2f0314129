//! The API's calls, one file a subject.
pub(crate) mod attachments;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod deletion;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod plugins;
pub(crate) mod prompts;
pub(crate) mod settings;
pub(crate) mod summaries;
pub(crate) mod usage;

use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::routing::{any, get, patch, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The largest body, but for attachments.
const BODY: usize = 16 << 20;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/health", get(settings::health))
        .route("/token", post(settings::token))
        .route("/settings", get(settings::get).patch(settings::change))
        .route("/models", get(models::all))
        .route("/models/{id}", get(models::one))
        .route("/plugins", get(plugins::all))
        .route("/plugins/{name}/reload", post(plugins::reload))
        .route("/plugins/{name}/log", get(plugins::log))
        .route("/plugins/{name}/trust", post(plugins::trust))
        .route("/plugins/{name}/grants", put(plugins::grant))
        .route("/keys", get(keys::all))
        .route("/keys/{name}", put(keys::set).delete(keys::forget))
        .route("/routes", get(plugins::routes))
        .route("/tools", get(plugins::tools))
        .route("/conversations", get(conversations::all).post(conversations::create))
        .route(
            "/conversations/{id}",
            get(conversations::one).patch(conversations::change).delete(deletion::delete),
        )
        .route("/conversations/{id}/restore", post(deletion::restore))
        .route("/conversations/{id}/export", get(export::export))
        .route("/conversations/{id}/context", get(context::context))
        .route("/conversations/{id}/summaries", get(summaries::all))
        .route("/conversations/{id}/summaries/{summary}", put(summaries::change).delete(summaries::remove))
        .route("/turns/{id}", patch(conversations::pin))
        .route("/prompts", get(prompts::all).post(prompts::create))
        .route("/prompts/{id}", put(prompts::change).delete(prompts::remove))
        .route("/usage", get(usage::usage))
        .route("/attachments/{hash}", get(attachments::get))
        .route("/live", any(crate::live::open))
        .layer(DefaultBodyLimit::max(BODY))
        .route("/attachments", post(attachments::keep).layer(DefaultBodyLimit::disable()))
        .fallback(nothing)
}

async fn nothing() -> Problem {
    Problem::missing("there is no such call")
}

/// The place of the calls that other programs know from elsewhere. They are never answered by the page.
pub(crate) async fn no_gateway() -> Problem {
    Problem::missing("this server has no such call: it offers no gateway")
}

/// A JSON body; what is wrong with it is told in the API's own form.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// What a path names.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(named) = Path::from_request_parts(parts, state).await?;
        Ok(Self(named))
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_big("the body is too big");
        }
        Self::wrong(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::missing("there is nothing of this name")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::wrong(rejection.body_text())
    }
}

/// The answer to a change that has nothing to tell.
pub(crate) const DONE: Answer<axum::http::StatusCode> = Ok(axum::http::StatusCode::NO_CONTENT);
