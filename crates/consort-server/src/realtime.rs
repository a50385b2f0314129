//! Live sessions for clients that were written for others: which path is whose, `consort-realtime` knows.
use crate::api::Asked;
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::any;
use consort_realtime::serve::{APIS, Find, Found, Frame, LONGEST_MESSAGE, LiveApi, serve};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use std::sync::Arc;

pub(crate) fn router() -> Router<Arc<Shared>> {
    APIS.iter().fold(Router::new(), |router, api| router.route(api.path, any(open)))
}

/// What stands behind the question mark.
#[derive(Debug, Deserialize)]
struct Query {
    model: Option<String>,
}

async fn open(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    Asked(query): Asked<Query>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let api = LiveApi::at(uri.path()).ok_or_else(|| Problem::missing("there is no such call"))?;
    shared.begins()?;
    let model = query.model.unwrap_or_default();
    if api.names_model && model.is_empty() {
        return Err(Problem::wrong("the address names no model: add `?model=`, as in `?model=demo/live`"));
    }
    let upgrade = upgrade
        .map_err(|_| Problem::wrong("live sessions are held over a WebSocket: this is no request for one"))?;
    let upgrade = match api.protocol {
        Some(protocol) => upgrade.protocols([protocol]),
        None => upgrade,
    };
    // A little more, so that what is too long is told to be.
    let upgrade = upgrade.max_message_size(2 * LONGEST_MESSAGE).max_frame_size(2 * LONGEST_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| hold(shared, api, model, socket)))
}

async fn hold(shared: Arc<Shared>, api: &'static LiveApi, model: String, socket: WebSocket) {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let leaving = shared.leaving.subscribe();
    let find: Find = Arc::new(move |name| {
        let shared = shared.clone();
        Box::pin(async move {
            let model = shared.house.realtime(&name).await?;
            let options = shared.house.preset(model.card()).options;
            Ok(Found { model, context: shared.house.context(), options })
        })
    });
    let socket = socket
        .map(|message| message.map(to_frame))
        .with(|frame| async { Ok::<_, axum::Error>(from_frame(frame)) });
    serve(api.wire(&model, &name), Box::pin(socket), find, leaving).await;
}

fn to_frame(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::Text(text.to_string()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Ping(_) => Frame::Ping,
        Message::Pong(_) => Frame::Pong,
        Message::Close(close) => Frame::Close(close.map(|close| (close.code, close.reason.to_string()))),
    }
}

fn from_frame(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping => Message::Ping(bytes::Bytes::new()),
        Frame::Pong => Message::Pong(bytes::Bytes::new()),
        Frame::Close(close) => {
            Message::Close(close.map(|(code, reason)| CloseFrame { code, reason: reason.into() }))
        }
    }
}
