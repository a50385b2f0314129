//! Makes a request from the log: the view that fits, and what processors add.
use super::drive::Driver;
use super::shrink::{Sent, SmallerView};
use crate::context::{ANSWER, Budget, View, go_on, view};
use crate::envelope::What;
use crate::over::over;
use consort_core::{Error, Message, Output, Part, Request, Role, Warning};
use consort_store::{Answer, Summary};
use std::sync::{Arc, Mutex};

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
            request.longest_answer().or(card.limits.output.map(|most| most.min(ANSWER))).unwrap_or(ANSWER);
        let window = self.engine.windows.of(card, self.ask.window);
        // An answer may not take more than a half of a small window.
        let answer = window.map_or(answer, |window| answer.min(window / 2));
        let mut budget = Budget { window, answer, fixed };
        let counts =
            self.engine.counts(&self.branch.log, self.ask.model.as_ref(), &self.context, &budget).await;
        // A first question is answered without a look into the store.
        let store = self.branch.journal.whole_in().filter(|_| self.branch.log.len() > 2);
        let summaries: Vec<Summary> = match store {
            Some(store) => store.summaries(self.ask.conversation).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let mut whole = view(&self.branch.log, &counts, &summaries, &budget)?;
        request.messages.clone_from(&whole.messages);
        let mut added = self.contributions(&request).await?;
        // What is added takes room that the view must leave.
        let wider = Budget { fixed: budget.fixed + tokens_of(&added), ..budget };
        if let Ok(view) = view(&self.branch.log, &counts, &summaries, &wider) {
            (whole, budget) = (view, wider);
        } else {
            added.clear();
            self.notice("what processors add does not fit beside the question, and is left out");
        }
        let View { messages, report } = whole;
        self.budget = Some(budget);
        if report.is_trimmed() {
            self.branch.run.emit(What::ContextTrimmed { report: report.clone() });
        }
        request.messages = messages;
        complete(&mut request.messages, &added);
        let smaller = SmallerView {
            log: self.branch.log.clone(),
            counts,
            summaries,
            budget,
            added,
            run: self.branch.run.clone(),
            windows: self.engine.windows.clone(),
            trimmed: report.is_trimmed() || report.summary.is_some(),
            sent: Mutex::new(Sent { tokens: report.tokens, ..Sent::default() }),
        };
        Ok(Prepared { request: Arc::new(request), smaller: Arc::new(smaller) })
    }

    /// What the processors have to add. One that fails is told of and adds nothing.
    async fn contributions(&self, request: &Request) -> Result<Vec<Part>, Error> {
        let mut added: Vec<Part> = Vec::new();
        for processor in &self.ask.processors {
            let contributed = tokio::select! {
                contributed = processor.contribute(request, self.context.clone()) => contributed,
                error = over(&self.context) => return Err(error),
            };
            match contributed {
                Ok(parts) => added.extend(parts),
                Err(error) => self.notice(format!("{} added nothing: {error}", processor.name())),
            }
        }
        Ok(added)
    }

    fn notice(&self, words: impl Into<String>) {
        self.branch.run.emit(What::Notice { warning: Warning::new("processor", words) });
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
            key: self.context.key.clone(),
            group: self.ask.group.clone(),
            ..Answer::default()
        }
    }
}

/// The messages of a view as they are sent: somebody asks at their end, and what processors add stands before it.
pub(super) fn complete(messages: &mut Vec<Message>, added: &[Part]) {
    messages.extend(go_on(messages.last().map(|last| last.role)));
    if let Some(newest) = messages.iter_mut().rev().find(|message| message.role == Role::User) {
        newest.parts.splice(0..0, added.iter().cloned());
    }
}

fn tokens_of(parts: &[Part]) -> u64 {
    let instructions = parts.to_vec();
    consort_core::estimate_tokens(&Request { instructions, ..Request::default() }).tokens
}
