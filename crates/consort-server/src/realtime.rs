//! Live sessions for clients that were written for others: which path is whose, `consort-realtime` knows.
use crate::api::{Asked, no_gateway};
use crate::problem::{Answer, Problem};
use crate::state::Shared;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::any;
use consort_realtime::serve::{APIS, FOLDERS, Find, Found, Frame, LONGEST_MESSAGE, LiveApi, serve};
use consort_realtime::wire::served::Close;
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) fn router() -> Router<Arc<Shared>> {
    let all = single().map(str::to_owned).chain(FOLDERS.iter().map(|folder| format!("{folder}{{*rest}}")));
    all.fold(Router::new(), |router, path| router.route(&path, any(open)))
}

/// What clients of these formats ask for beside live sessions.
pub(crate) fn unserved() -> Router<Arc<Shared>> {
    let folders: BTreeSet<&str> = single().filter_map(|path| path.split('/').nth(1)).collect();
    folders.into_iter().fold(Router::new(), |router, folder| {
        router
            .route(&format!("/{folder}"), any(no_gateway))
            .route(&format!("/{folder}/{{*rest}}"), any(no_gateway))
    })
}

/// Addresses of one path each.
fn single() -> impl Iterator<Item = &'static str> {
    let in_folder = |path: &str| FOLDERS.iter().any(|folder| path.starts_with(folder));
    APIS.iter().map(|api| api.path).filter(move |path| !in_folder(path))
}

/// How long a client that was told the end may take to close.
const LINGERING: Duration = Duration::from_secs(2);

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
    let Some(api) = LiveApi::at(uri.path()) else { return refuse(uri.path(), upgrade) };
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

/// Clients of these formats show the reason of a connection's end, and of a refused one its status and nothing else.
fn refuse(path: &str, upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Answer<Response> {
    let why = LiveApi::why_not(path);
    let upgrade = upgrade.map_err(|_| Problem::missing(&why))?;
    let Close { code, reason } = Close::new(1008, &why);
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // Who is gone already needs no reason.
        let _ = socket.send(close).await;
        linger(&mut socket).await;
    }))
}

async fn hold(shared: Arc<Shared>, api: &'static LiveApi, model: String, socket: WebSocket) {
    let _held = shared.holds.hold();
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
    let mut socket = Box::pin(
        socket
            .map(|message| message.map(to_frame))
            .with(|frame| async { Ok::<_, axum::Error>(from_frame(frame)) }),
    );
    serve(api.wire(&model, &name), &mut socket, find, leaving).await;
    linger(&mut socket).await;
}

/// Reads on for a moment what is said by a client that does not know yet that it is over. A connection that is closed on
/// what nobody read is reset, and the reason is lost with it.
async fn linger<T>(socket: &mut (impl Stream<Item = Result<T, axum::Error>> + Unpin)) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    // Whoever still talks then has had time to read.
    let _ = timeout(LINGERING, rest).await;
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
