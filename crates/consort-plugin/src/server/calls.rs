//! The calls that are answered once: start, lists, token counts, embeddings, tools.
use super::asked::Asked;
use super::ready::Ready;
use super::{Answer, Server, read, runtime};
use crate::keys::HostKeys;
use crate::link::HostTools;
use crate::protocol::{
    Content, CountParams, CountResult, EmbedParams, EmbedResult, Failure, GenerateParams, Meta,
    ToolCallParams, ToolInfo, ToolResultContent, ToolsResult, UsageInfo, Vector, code,
};
use consort_core::{Context, EmbedRequest, Error, Object, RunTool, Trace};
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// What a plugin is asked, but for what the reader answers itself.
pub(super) const METHODS: [&str; 9] = [
    "initialize",
    "models/list",
    "generate",
    "tokens/count",
    "embed",
    "tools/list",
    "tools/call",
    "realtime/open",
    "realtime/close",
];

impl Server {
    /// The answer to a request; nothing where it was given already.
    pub(super) fn call(self: &Arc<Self>, asked: &Asked, method: &str, params: &str) -> Option<Answer> {
        if method == "initialize" {
            return Some(self.initialize(params));
        }
        let Some(ready) = self.ready.get() else {
            let message = format!("`{method}` came before `initialize`");
            return Some(Err(Failure::new(code::INVALID_REQUEST, message).into()));
        };
        let answer = match method {
            "generate" => return self.generate(ready, asked, params),
            "realtime/open" => return self.open_session(ready, asked, params),
            "realtime/close" => self.close_session(params),
            "models/list" => {
                stoppable(asked, async { Ok(json!(ready.list().await.map_err(|e| Failure::from(&e))?)) })
            }
            "tokens/count" => stoppable(asked, self.count(ready, asked, params)),
            "embed" => stoppable(asked, self.embed(ready, asked, params)),
            "tools/list" => Ok(tools(ready)),
            _ => stoppable(asked, self.tool(ready, asked, params)),
        };
        Some(answer)
    }

    /// What surrounds a request.
    pub(super) fn context(
        &self,
        ready: &Ready,
        asked: &Asked,
        secrets: Object,
        meta: Meta,
        deadline_ms: Option<u64>,
    ) -> Context {
        let link = self.link.of_request(&asked.id);
        let keys = HostKeys { given: secrets, config: ready.config.clone(), link: link.clone() };
        let mut context = Context::new(runtime::clock(), Arc::new(keys));
        context.cancel = asked.cancel.clone();
        context.participant = meta.participant;
        context.trace = meta.traceparent.map(|traceparent| Trace { traceparent });
        context.native_events = meta.raw;
        if asked.streams && ready.host.tools && meta.run_tools != Some(false) {
            let tools: Arc<dyn RunTool> = Arc::new(HostTools { link, wire: ready.plugin.card.id.clone() });
            context.tools = Some(tools);
        }
        match deadline_ms {
            Some(limit) => context.within(Duration::from_millis(limit)),
            None => context,
        }
    }

    async fn count(&self, ready: &Ready, asked: &Asked, params: &str) -> Answer {
        let CountParams { model, system, messages, tools, secrets } = read(params)?;
        let context = self.context(ready, asked, secrets, Meta::default(), None);
        let params = GenerateParams { model, system, messages, tools, ..GenerateParams::default() };
        let model = ready.model(&params.model).await.map_err(|e| Failure::from(&e))?;
        let request = params.into_request(&ready.plugin.card.id).map_err(invalid)?;
        let count = model.count_tokens(&request, context).await.map_err(|e| Failure::from(&e))?;
        Ok(json!(CountResult { tokens: count.tokens, exact: count.exact }))
    }

    async fn embed(&self, ready: &Ready, asked: &Asked, params: &str) -> Answer {
        let EmbedParams { model, inputs, dimensions, task, options, secrets } = read(params)?;
        let context = self.context(ready, asked, secrets, Meta::default(), None);
        let embedder = ready.embedder(&model).map_err(|e| Failure::from(&e))?;
        let request = EmbedRequest { model, inputs, dimensions, task, options };
        let answer = embedder.embed(request, context).await.map_err(|e| Failure::from(&e))?;
        let vectors = answer.vectors.iter().map(|numbers| Vector::base64(numbers)).collect();
        let usage = answer.usage.as_ref().map(UsageInfo::from);
        Ok(json!(EmbedResult { vectors, model: answer.model, usage }))
    }

    async fn tool(&self, ready: &Ready, asked: &Asked, params: &str) -> Answer {
        let ToolCallParams { name, arguments, .. } = read(params)?;
        let context = self.context(ready, asked, Object::new(), Meta::default(), None);
        let Some(tool) = ready.plugin.tools.iter().find(|tool| tool.spec().name == name) else {
            return Err(invalid(format!("this plugin has no tool `{name}`")).into());
        };
        let wire = &ready.plugin.card.id;
        let output = tool.call(arguments, context).await.map_err(|e| Failure::from(&e))?;
        let content = output.content.iter().filter_map(|part| Content::for_plugin(part, wire)).collect();
        Ok(json!(ToolResultContent { content, is_error: output.is_error }))
    }
}

fn tools(ready: &Ready) -> Value {
    let tools = ready.plugin.tools.iter().map(|tool| ToolInfo::from(tool.spec())).collect();
    json!(ToolsResult { tools, toolboxes: Vec::new() })
}

pub(super) fn invalid(what: String) -> Failure {
    Failure {
        code: code::INVALID_PARAMS,
        ..Failure::from(&Error::new(consort_core::ErrorKind::InvalidRequest, what))
    }
}

/// Waits for an answer, or until the request is cancelled.
fn stoppable(asked: &Asked, answer: impl Future<Output = Answer>) -> Answer {
    let (mut answer, mut stop) = (std::pin::pin!(answer), std::pin::pin!(asked.cancel.cancelled()));
    runtime::block_on(std::future::poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        stop.as_mut().poll(cx).map(|()| Err(Failure::from(&Error::cancelled()).into()))
    }))
}
