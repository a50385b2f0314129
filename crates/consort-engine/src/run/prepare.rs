//! Makes a request from the log: the view that fits, and what processors add.
use super::drive::Driver;
use super::shrink::SmallerView;
use crate::context::{ANSWER, Budget, View, view};
use crate::envelope::What;
use consort_core::{Error, Message, Output, Part, Request, Role, Warning};
use consort_store::{Answer, Summary};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const GO_ON: &str = "Go on exactly where you stopped, and repeat nothing.";

/// One request, ready to be sent.
pub(super) struct Prepared {
    pub(super) request: Arc<Request>,
    pub(super) smaller: Arc<SmallerView>,
}

impl Driver {
    /// The request of this round: the view of the log, with what processors add.
    pub(super) async fn prepare(&mut self) -> Result<Prepared, Error> {
        let card = self.ask.model.card();
        let mut request = self.ask.request.clone();
        request.model.clone_from(&card.name);
        request.tools.extend(self.ask.tools.specs());
        let fixed =
            consort_core::estimate_tokens(&Request { messages: Vec::new(), ..request.clone() }).tokens;
        let answer =
            request.sampling.max_tokens.or(card.limits.output.map(|most| most.min(ANSWER))).unwrap_or(ANSWER);
        let window = self.engine.windows.of(card, self.ask.window);
        // An answer may not take more than a half of a small window.
        let answer = window.map_or(answer, |window| answer.min(window / 2));
        let budget = Budget { window, answer, fixed };
        let counts =
            self.engine.counts(&self.branch.log, self.ask.model.as_ref(), &self.context, &budget).await;
        // A first question is answered without a look into the store.
        let summaries: Vec<Summary> = if self.branch.log.len() > 2 && self.branch.journal.is_whole() {
            self.engine.store.summaries(self.ask.conversation).await.unwrap_or_default()
        } else {
            Vec::new()
        };
        let View { messages, report } = view(&self.branch.log, &counts, &summaries, &budget)?;
        self.budget = Some(budget);
        if report.is_trimmed() {
            self.branch.run.emit(What::ContextTrimmed { report: report.clone() });
        }
        request.messages = messages;
        if request.messages.last().is_some_and(|last| last.role == Role::Assistant) {
            // Vendors answer a user: a model that is to go on with its own words is asked to.
            request.messages.push(Message::user(GO_ON));
        }
        self.contribute(&mut request).await;
        let smaller = SmallerView {
            log: self.branch.log.clone(),
            tokens: report.tokens,
            counts,
            summaries,
            budget,
            run: self.branch.run.clone(),
            windows: self.engine.windows.clone(),
            used: AtomicBool::new(false),
        };
        Ok(Prepared { request: Arc::new(request), smaller: Arc::new(smaller) })
    }

    /// Puts what the processors have before the newest question. One that fails is told of and adds nothing.
    async fn contribute(&self, request: &mut Request) {
        let mut added: Vec<Part> = Vec::new();
        for processor in &self.ask.processors {
            match processor.contribute(request, self.context.clone()).await {
                Ok(parts) => added.extend(parts),
                Err(error) => {
                    let words = format!("{} added nothing: {error}", processor.name());
                    let warning = Warning::new("processor", words);
                    self.branch.run.emit(What::Notice { warning });
                }
            }
        }
        if added.is_empty() {
            return;
        }
        if let Some(newest) = request.messages.iter_mut().rev().find(|message| message.role == Role::User) {
            newest.parts.splice(0..0, added);
        }
    }

    /// What is known of the answer before it comes.
    pub(super) fn about(&self, request: &Request) -> Answer {
        Answer {
            model: self.ask.model.card().id.clone(),
            instructions: request.instructions_text(),
            options: request.options.clone(),
            schema: match &request.output {
                Output::Schema { schema, .. } => Some(schema.clone()),
                _ => None,
            },
            tools: self.ask.tools.functions(),
            key: self.ask.key.clone(),
            group: self.ask.group.clone(),
            ..Answer::default()
        }
    }
}
