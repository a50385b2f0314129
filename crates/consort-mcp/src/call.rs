//! One call of a tool: asked, waited for, and withdrawn where nobody waits any more.
use crate::connection::Connection;
use crate::content;
use crate::failure;
use crate::handler::Patience;
use crate::pipe::UNREADABLE;
use consort_core::{Error, Phase, ToolOutput};
use rmcp::ServiceError;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientRequest, JsonObject,
    PingRequest, ProgressToken, RequestId, ServerResult,
};
use rmcp::service::PeerRequestOptions;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a server may take to answer a ping once none of its calls keeps it busy.
const PATIENCE: Duration = Duration::from_secs(5);

impl Connection {
    /// Calls a tool. Dropping the call withdraws it.
    pub(crate) async fn call(
        self: &Arc<Self>,
        tool: &str,
        arguments: JsonObject,
        patience: Patience,
    ) -> Result<ToolOutput, Error> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let sent = self.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await;
        let mut sent = match sent {
            Ok(sent) => sent,
            Err(error) => return Err(self.explained(failure::serving(&error)).await),
        };
        let bell = self.news.begin(sent.progress_token.clone(), patience);
        let quiet = patience.quiet;
        let mut open =
            Open { connection: self.clone(), id: Some(sent.id.clone()), token: sent.progress_token.clone() };
        let answer = tokio::select! {
            answer = &mut sent.rx => answer.unwrap_or(Err(ServiceError::TransportClosed)),
            () = silence(&bell, quiet) => {
                let what = format!("`{tool}` was not answered within {} s", quiet.as_secs_f32());
                return Err(Error::timeout(Phase::Deadline, what)
                    .provider(&self.server)
                    .hint("`timeout` of the server in consort.toml sets another limit, in seconds"));
            }
        };
        open.id = None;
        match answer {
            Ok(ServerResult::CallToolResult(result)) => Ok(content::output(result)),
            Ok(ServerResult::EmptyResult(_)) => Ok(ToolOutput::default()),
            Ok(_) => Err(self.explained(Error::protocol("the answer to the call is no tool's result")).await),
            // What the server says of the call is for the model: it may call better.
            Err(ServiceError::McpError(refused)) if refused.code != UNREADABLE => {
                Ok(ToolOutput::failure(self.log.masked(&refused.message)))
            }
            Err(error) => Err(self.explained(failure::serving(&error)).await),
        }
    }

    /// Ends a process that does not answer any more: the next call starts another. One that does one thing after the
    /// other may first do what it was called for, as long as that may take; the ping waits behind it.
    async fn check_on(&self, busy_until: Option<Instant>) {
        let Some(process) = &self.process else { return };
        let now = Instant::now();
        let patience = busy_until.map_or(PATIENCE, |until| until.saturating_duration_since(now) + PATIENCE);
        let ping = self.peer().send_request(ClientRequest::PingRequest(PingRequest::default()));
        if tokio::time::timeout(patience, ping).await.is_err() {
            process.wish.kill("it did not stop a cancelled call, and does not answer");
        }
    }
}

/// Returns when nothing was said for so long.
async fn silence(bell: &Notify, quiet: Duration) {
    while tokio::time::timeout(quiet, bell.notified()).await.is_ok() {}
}

/// A call that was sent.
struct Open {
    connection: Arc<Connection>,
    /// While its answer is due.
    id: Option<RequestId>,
    token: ProgressToken,
}

impl Drop for Open {
    fn drop(&mut self) {
        let busy_until = self.connection.news.busy_until();
        self.connection.news.forget(&self.token);
        let Some(id) = self.id.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connection = self.connection.clone();
        runtime.spawn(async move {
            let reason = Some("nobody waits for it any more".to_owned());
            let note = CancelledNotificationParam::new(Some(id), reason);
            // A server that is gone has stopped it already.
            if connection.peer().notify_cancelled(note).await.is_ok() {
                connection.check_on(busy_until).await;
            }
        });
    }
}
