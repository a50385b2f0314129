//! What a plugin asks of its host.
use super::connection::{Connection, Pending};
use super::services::run_tool;
use consort_core::{BoxFuture, Error, ErrorKind};
use consort_plugin::protocol::{self, Failure, HttpData, Id, code};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

type Served = (Value, Option<BoxFuture<'static, ()>>);

#[derive(Deserialize)]
struct CancelParams {
    request: Id,
}

/// A request of the plugin's that is worked on.
pub(super) struct UnderWay {
    pub(super) task: AbortHandle,
    answered: Arc<AtomicBool>,
}

impl Connection {
    /// A request of the plugin's.
    pub(super) fn requested(self: &Arc<Self>, id: Id, method: String, params: Option<&RawValue>) {
        let params = params.map_or("{}", RawValue::get).to_owned();
        let Ok(permit) = self.asked.clone().try_acquire_owned() else {
            let failure = Failure::from(&Error::new(ErrorKind::Overloaded, "too many requests at once"));
            self.send(protocol::response_error(&id, &failure));
            return;
        };
        let (connection, own) = (self.clone(), id.clone());
        let answered = Arc::new(AtomicBool::new(false));
        // Locked until it is noted: the task may be done before.
        let mut under_way = self.under_way();
        let task = tokio::spawn({
            let answered = answered.clone();
            async move {
                let _permit = permit;
                let answer = connection.serve(&own, &method, &params).await;
                answered.store(true, Relaxed);
                match answer {
                    Ok((result, rest)) => {
                        connection.send(protocol::response(&own, result));
                        if let Some(rest) = rest {
                            rest.await;
                        }
                    }
                    Err(failure) => connection.send(protocol::response_error(&own, &failure)),
                }
                connection.under_way().remove(&own);
            }
        });
        under_way.insert(id, UnderWay { task: task.abort_handle(), answered });
    }

    /// The plugin no longer wants an answer: what was begun for it is stopped.
    pub(super) fn cancelled(&self, params: &str) {
        let Ok(CancelParams { request }) = serde_json::from_str(params) else { return };
        let Some(under_way) = self.under_way().remove(&request) else { return };
        under_way.task.abort();
        if !under_way.answered.load(Relaxed) {
            let failure = Failure::new(code::CANCELLED, "cancelled");
            self.send(protocol::response_error(&request, &failure));
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Id, UnderWay>> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request of the plugin's, and what is still to be done behind it.
    async fn serve(self: &Arc<Self>, id: &Id, method: &str, params: &str) -> Result<Served, Failure> {
        fn read<T: DeserializeOwned>(params: &str) -> Result<T, Failure> {
            serde_json::from_str(params)
                .map_err(|error| Failure::new(code::INVALID_PARAMS, error.to_string()))
        }
        match method {
            "ping" => Ok((json!({}), None)),
            "secrets/get" => {
                let protocol::SecretParams { name, env } = read(params)?;
                let secret = self.services.secret(&name, env).await?;
                self.log.hide(secret.clone());
                Ok((json!({"value": secret.expose()}), None))
            }
            "http/request" => {
                let connection = self.clone();
                // A body may come faster than the plugin reads it.
                let data = move |data: HttpData| -> BoxFuture<'static, ()> {
                    connection.send(protocol::notification("http/data", data));
                    let connection = connection.clone();
                    Box::pin(async move { connection.pipe_has_room().await })
                };
                let (head, body) = self.services.fetch(id, read(params)?, data).await?;
                Ok((head, Some(body)))
            }
            "memory/history" => Ok((self.services.history(read(params)?, &self.wire).await?, None)),
            "memory/append" => Ok((self.services.append(read(params)?, &self.wire).await?, None)),
            "memory/clear" => Ok((self.services.clear(read(params)?).await?, None)),
            "tools/run" => {
                let call: protocol::RunToolParams = read(params)?;
                if let Some(session) = call.session.clone() {
                    return Ok((self.run_for_session(&session, call).await?, None));
                }
                let runner =
                    call.request.as_u64().and_then(|request| match self.lock().requests.get(&request) {
                        Some(Pending::Answer(sink)) => sink.tools(),
                        _ => None,
                    });
                Ok((run_tool(runner, call, &self.wire).await?, None))
            }
            _ => Err(Failure::new(code::UNKNOWN_METHOD, format!("this host has no method `{method}`"))),
        }
    }
}
