//! What a plugin asks of its host.
use super::connection::{Connection, Pending};
use super::services::run_tool;
use consort_core::{BoxFuture, Error, ErrorKind};
use consort_plugin::protocol::{self, Failure, HttpData, Id, code};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

type Served = (Value, Option<BoxFuture<'static, ()>>);

impl Connection {
    /// A request of the plugin's.
    pub(super) fn requested(self: &Arc<Self>, id: Id, method: String, params: Option<&RawValue>) {
        let params = params.map_or("{}", RawValue::get).to_owned();
        let Ok(permit) = self.asked.try_acquire() else {
            let failure = Failure::from(&Error::new(ErrorKind::Overloaded, "too many requests at once"));
            self.send(protocol::response_error(&id, &failure));
            return;
        };
        permit.forget();
        let connection = self.clone();
        tokio::spawn(async move {
            let answer = connection.serve(&id, &method, &params).await;
            connection.asked.add_permits(1);
            match answer {
                Ok((result, rest)) => {
                    connection.send(protocol::response(&id, result));
                    if let Some(rest) = rest {
                        rest.await;
                    }
                }
                Err(failure) => connection.send(protocol::response_error(&id, &failure)),
            }
        });
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
                let secret = self.services.secret(&read::<protocol::SecretParams>(params)?.name).await?;
                self.log.hide(secret.clone());
                Ok((json!({"value": secret.expose()}), None))
            }
            "http/request" => {
                let connection = self.clone();
                let data = move |data: HttpData| {
                    connection.send(protocol::notification("http/data", data));
                };
                let (head, body) = self.services.fetch(id, read(params)?, data).await?;
                Ok((head, Some(body)))
            }
            "tools/run" => {
                let call: protocol::RunToolParams = read(params)?;
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
