//! Vendors' own calls, by their own names: JSON in, JSON out, on the call path that the uniform call uses.
//!
//! ```no_run
//! # async fn example() -> Result<(), consort_core::Error> {
//! use consort_providers::OpenAi;
//! let openai = OpenAi::new(reqwest::Client::new(), "sk-...");
//! let answer = openai.create_response(serde_json::json!({"model": "gpt-5", "input": "Hello"})).await?;
//! # Ok(()) }
//! ```
mod vendors;

pub use vendors::{Anthropic, Bedrock, Gemini, Ollama, OpenAi};

use crate::catalogue::builtin;
use crate::spec::ProviderSpec;
use crate::transport::{Endpoint, Opening, Services, events};
use consort_core::{
    BoxFuture, BoxStream, ConfigKey, Context, Credentials, Error, ErrorKind, Event, Request, Secret,
};
use consort_settings::{Env, Folders};
use consort_wire::{Decode, Decoder, Frame, Framing, WireRequest};
use futures_core::Stream;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

/// A vendor's own events, as they come.
pub type JsonStream = BoxStream<'static, Result<Value, Error>>;

/// A vendor, its key, and how its streams are framed.
#[derive(Debug, Clone)]
struct Vendor {
    endpoint: Arc<Endpoint>,
    context: Context,
    framing: Framing,
}

/// Always the same key.
struct OneKey(Secret);

impl Credentials for OneKey {
    fn resolve<'a>(&'a self, _: &'a str, _: &'a ConfigKey) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(std::future::ready(Ok(Some(self.0.clone()))))
    }
}

impl Vendor {
    fn new(id: &str, client: reqwest::Client, key: Secret, env: &Env, framing: Framing) -> Self {
        let spec = builtin(id).unwrap_or_default();
        let context = Context::new(Arc::new(crate::TokioClock), Arc::new(OneKey(key)));
        Self { endpoint: endpoint(spec, client, env), context, framing }
    }

    /// The same vendor at another place.
    fn at(mut self, client: reqwest::Client, env: &Env, base_url: &str) -> Self {
        let mut spec = ProviderSpec::clone(self.endpoint.spec());
        base_url.clone_into(&mut spec.base_url);
        spec.placed = true;
        spec.base_url_env.clear();
        self.endpoint = endpoint(spec, client, env);
        self
    }

    async fn call(&self, path: &str, body: Value) -> Result<Value, Error> {
        let answer = self.endpoint.ask(WireRequest::post(path, &body), &self.context).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            self.endpoint.complete(Error::protocol(format!("the answer is not JSON: {error}")))
        })
    }

    fn stream(&self, path: String, body: Value) -> JsonStream {
        let (endpoint, context, framing) = (self.endpoint.clone(), self.context.clone(), self.framing);
        let opening = {
            let endpoint = endpoint.clone();
            Box::pin(async move {
                let answer = endpoint.send(WireRequest::post(path, &body), &context).await?;
                let decoder = Decoder::new(answer.head.clone(), framing, Box::new(Own { named: framing }));
                Ok(Opening { warnings: Vec::new(), answer, decoder })
            })
        };
        Box::pin(Values(events(endpoint, opening)))
    }
}

fn endpoint(spec: ProviderSpec, client: reqwest::Client, env: &Env) -> Arc<Endpoint> {
    let services = Services::with_client(&Folders::find(env), env, client);
    Arc::new(Endpoint::new(spec, Arc::new(services)))
}

/// Reads each frame as the vendor's own JSON, and nothing into it.
struct Own {
    named: Framing,
}

impl Decode for Own {
    fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), Error> {
        if frame.data.is_empty() || frame.data == b"[DONE]" {
            return Ok(());
        }
        let value: Value = serde_json::from_slice(frame.data)
            .map_err(|error| Error::protocol(format!("a piece of the answer is not JSON: {error}")))?;
        if frame.is_error {
            let message = value["message"].as_str().unwrap_or(frame.name);
            return Err(Error::new(ErrorKind::Server, message).vendor(Some(frame.name.to_owned()), None));
        }
        // In this framing an event's name stands beside it and is half of what it says.
        let value = if self.named == Framing::EventStream && !frame.name.is_empty() {
            Value::Object([(frame.name.to_owned(), value)].into_iter().collect())
        } else {
            value
        };
        out.push(Event::Native { value });
        Ok(())
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Event>) -> Result<(), Error> {
        self.frame(Frame { name: "", data: body, is_error: false }, out)
    }

    fn end(&mut self, _: &mut Vec<Event>) -> Result<(), Error> {
        Ok(())
    }
}

/// The vendor's own events among the events.
struct Values(consort_core::EventStream);

impl Stream for Values {
    type Item = Result<Value, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.0.as_mut().poll_next(cx)) {
                Some(Ok(Event::Native { value })) => return Poll::Ready(Some(Ok(value))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A vendor's own call as a request, read by its wire (`openai-responses`, `anthropic`, ...): for callers that keep a
/// conversation or add to the call, and send it to a model of that wire. Nothing of the call is lost on the way.
pub fn native_request(wire: &str, call: &Value) -> Result<Request, Error> {
    let Some(wire) = consort_wire::wire(wire) else {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("no wire is named `{wire}`")));
    };
    wire.decode_request(&WireRequest::post("", call))
}

/// A body that asks for a stream.
fn streaming(mut body: Value) -> Value {
    body["stream"] = true.into();
    body
}
