//! A whole answer, folded from its events.
use crate::{
    Attempt, Body, Finish, FinishReason, Media, Message, Money, Part, Price, Role, ToolCall, Usage, Warning,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The parts of the (first) answer, in order, ready to be sent back as an assistant message.
    pub parts: Vec<Part>,
    pub usage: Option<Usage>,
    /// The model that really answered, in the vendor's words.
    pub resolved_model: Option<String>,
    pub response_id: Option<String>,
    pub finish: Finish,
    /// The other answers, where several were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Every try, where a route made the answer. A model that was asked directly tells none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The vendor's own events, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<Value>,
}

/// One of the other answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub index: u32,
    pub parts: Vec<Part>,
    pub reason: FinishReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_reason: Option<String>,
}

impl Response {
    /// All answer text, joined.
    pub fn text(&self) -> String {
        text_of(&self.parts)
    }

    /// All visible thinking, joined.
    pub fn reasoning(&self) -> String {
        let thinking = self.parts.iter().filter_map(|part| match &part.body {
            Body::Reasoning { text, .. } => Some(text.as_str()),
            _ => None,
        });
        thinking.collect()
    }

    /// What the model said instead of answering.
    pub fn refusal(&self) -> Option<String> {
        let words: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match &part.body {
                Body::Refusal { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        (!words.is_empty()).then(|| words.concat())
    }

    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::as_tool_call)
    }

    pub fn media(&self) -> impl Iterator<Item = &Media> {
        self.parts.iter().filter_map(|part| match &part.body {
            Body::Media(media) => Some(media),
            _ => None,
        })
    }

    /// What it cost: its tries together, or its usage at this price where it was one try. Unknown stays unknown.
    pub fn cost(&self, price: Option<&Price>) -> Option<Money> {
        if self.attempts.is_empty() {
            return price?.cost(self.usage.as_ref());
        }
        let asked = self.attempts.iter().filter(|attempt| attempt.unasked.is_none());
        asked.map(|attempt| attempt.cost).try_fold(Money(0), |sum, cost| Some(sum.saturating_add(cost?)))
    }

    /// The answer as a message of the conversation.
    pub fn into_message(self) -> Message {
        Message::new(Role::Assistant, self.parts)
    }
}

impl Choice {
    pub fn text(&self) -> String {
        text_of(&self.parts)
    }
}

fn text_of(parts: &[Part]) -> String {
    parts.iter().filter_map(Part::as_text).collect()
}
