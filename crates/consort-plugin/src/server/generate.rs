//! `generate`: a model's stream, as events and one answer.
use super::asked::Asked;
use super::calls::invalid;
use super::ready::Ready;
use super::{Answer, Server, read, runtime};
use crate::protocol::{EventWriter, Failure, GenerateParams, MAX_MESSAGE, WireEvent};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Error, ErrorKind, Event, EventStream};
use serde_json::{Value, json};
use std::path::Path;
use std::task::{Context, Poll};

/// Longer text than this goes in several events: a line has its limit.
const MOST_TEXT: usize = 1 << 20;
/// Larger media than this go by path.
const MOST_MEDIA: usize = MAX_MESSAGE - (1 << 20);

impl Server {
    pub(super) fn generate(&self, ready: &Ready, asked: &Asked, params: &str) -> Option<Answer> {
        let stream: Answer<EventStream> = runtime::block_on(async {
            let mut params: GenerateParams = read(params)?;
            let (secrets, meta) = (std::mem::take(&mut params.secrets), std::mem::take(&mut params.meta));
            let context = self.context(ready, asked, secrets, meta, params.deadline_ms);
            let model = ready.model(&params.model).await.map_err(|error| Failure::from(&error))?;
            let request = params.into_request(&ready.plugin.card.id).map_err(invalid)?;
            Ok(model.stream(request.into(), context))
        });
        let stream = match stream {
            Ok(stream) => stream,
            Err(failure) => return Some(Err(failure)),
        };
        let mut telling = Telling {
            asked,
            stream,
            writer: EventWriter::default(),
            buffer: Vec::new(),
            folder: &ready.data_dir,
        };
        let mut stop = std::pin::pin!(asked.cancel.cancelled());
        runtime::block_on(std::future::poll_fn(|cx| {
            if let Poll::Ready(answer) = telling.poll(cx) {
                return Poll::Ready(answer);
            }
            stop.as_mut().poll(cx).map(|()| telling.stopped())
        }))
    }
}

/// One answer on its way out.
struct Telling<'a> {
    asked: &'a Asked,
    stream: EventStream,
    writer: EventWriter,
    buffer: Vec<u8>,
    folder: &'a Path,
}

impl Telling<'_> {
    /// Hands on what there is. Each event is written before the next is asked for: an author's code may block.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            if self.asked.cancel.is_cancelled() {
                return Poll::Ready(self.stopped());
            }
            let Poll::Ready(next) = self.stream.as_mut().poll_next(cx) else { return Poll::Pending };
            match next {
                Some(Ok(Event::Finished(finish))) => {
                    return Poll::Ready(Some(Ok(json!(self.writer.finish(finish)))));
                }
                Some(Ok(event)) => {
                    if let Some(event) = self.writer.write(event) {
                        self.tell(event);
                    }
                }
                Some(Err(_)) if self.asked.cancel.is_cancelled() => return Poll::Ready(self.stopped()),
                Some(Err(error)) => return Poll::Ready(Some(Err(Failure::from(&error).into()))),
                None => {
                    let error = Error::new(ErrorKind::Interrupted, "the answer ended before it was finished");
                    return Poll::Ready(Some(Err(Failure::from(&error).into())));
                }
            }
        }
    }

    fn stopped(&self) -> Option<Answer> {
        self.asked.stopped();
        None
    }

    fn tell(&mut self, mut event: WireEvent<'static>) {
        let text = event.text.as_deref().unwrap_or_default();
        let raw = event.arguments.as_ref().and_then(Value::as_str).unwrap_or_default();
        if text.len() > MOST_TEXT || raw.len() > MOST_TEXT {
            return self.tell_in_pieces(event);
        }
        if event.data.as_ref().is_some_and(|data| data.len() > MOST_MEDIA) {
            event = self.by_path(event);
        }
        self.asked.events(&[event], &mut self.buffer);
    }

    fn tell_in_pieces(&mut self, mut event: WireEvent<'static>) {
        let opaque = event.opaque.take();
        let (is_text, whole) = match (event.text.take(), event.arguments.take()) {
            (Some(text), _) => (true, text.into_owned()),
            (None, Some(Value::String(raw))) => (false, raw),
            (None, _) => return,
        };
        let mut rest = whole.as_str();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(MOST_TEXT));
            rest = after;
            if is_text {
                event.text = Some(piece.to_owned().into());
            } else {
                event.arguments = Some(piece.into());
            }
            self.asked.events(&[event.clone()], &mut self.buffer);
            // The rest goes on with what began.
            (event.part, event.id, event.name) = (None, None, None);
        }
        if opaque.is_some() {
            event.opaque = opaque;
            (event.text, event.arguments) = (None, None);
            self.asked.events(&[event], &mut self.buffer);
        }
    }

    /// Puts large media into the plugin's own folder, where the host reads them.
    fn by_path(&self, mut event: WireEvent<'static>) -> WireEvent<'static> {
        let Some(data) = event.data.take() else { return event };
        let id = serde_json::to_string(&self.asked.id).unwrap_or_default();
        let name: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        let path = self.folder.join(format!("media-{name}-{}", data.len()));
        let bytes = STANDARD.decode(data.as_bytes()).unwrap_or_default();
        match std::fs::write(&path, bytes) {
            Ok(()) => event.path = Some(path.to_string_lossy().into_owned()),
            Err(error) => {
                let message = format!("media of the answer could not be kept in {}: {error}", path.display());
                return WireEvent { kind: "warning".into(), message: Some(message), ..WireEvent::default() };
            }
        }
        event
    }
}
