//! What a tab is sent, in its order. Events that come quickly share a message: a browser takes as long for a small one as
//! for a large one.
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout_at};

/// How often the connection is felt for.
const PING: Duration = Duration::from_secs(20);

/// Events within this time of the last ones wait for each other: no reader sees more than twenty changes a second.
const TOGETHER: Duration = Duration::from_millis(40);

/// How long a message of events may grow: a large one would hold up the page.
const LARGE: usize = 64 * 1024;

/// One message, as JSON.
#[derive(Debug)]
pub(super) enum Out {
    Event(String),
    Message(Utf8Bytes),
}

/// Writes until nobody sends any more or the connection is gone.
pub(super) async fn write(mut sink: SplitSink<WebSocket, Message>, mut from: mpsc::Receiver<Out>) {
    let mut ping = interval(PING);
    let mut soonest = Instant::now();
    loop {
        let message = tokio::select! {
            out = from.recv() => match out {
                Some(Out::Event(first)) => {
                    let (events, next) = gather(first, &mut from, soonest).await;
                    soonest = Instant::now() + TOGETHER;
                    if sink.send(Message::text(events)).await.is_err() {
                        return;
                    }
                    match next {
                        Some(next) => Message::Text(next),
                        None => continue,
                    }
                }
                Some(Out::Message(text)) => Message::Text(text),
                None => return,
            },
            _ = ping.tick() => Message::Ping(bytes::Bytes::new()),
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

/// The events that come until then as one message, and the message that ended the waiting.
async fn gather(
    first: String,
    from: &mut mpsc::Receiver<Out>,
    until: Instant,
) -> (String, Option<Utf8Bytes>) {
    let mut events = first;
    let mut many = false;
    let mut next = None;
    while events.len() < LARGE {
        match timeout_at(until, from.recv()).await {
            Ok(Some(Out::Event(event))) => {
                events.push(',');
                events.push_str(&event);
                many = true;
            }
            Ok(Some(Out::Message(text))) => {
                next = Some(text);
                break;
            }
            Ok(None) | Err(_) => break,
        }
    }
    (if many { format!("{{\"type\":\"events\",\"events\":[{events}]}}") } else { events }, next)
}
