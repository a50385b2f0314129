//! Ids of calls in a format that can do without: both directions give them by the same rules.
use consort_core::{Body, Message, Part};

/// The calls of a conversation so far, and which of them were answered.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    /// Whether the id is the one that a call without an id would have.
    usual: bool,
    answered: bool,
}

impl Pairing {
    /// Gives a call or result the id that it lacks.
    pub(crate) fn identify(&mut self, part: &mut Part) {
        match &mut part.body {
            Body::ToolCall(call) => {
                if call.id.is_empty() {
                    call.id = self.next_id();
                }
                self.call(&call.id, &call.name);
            }
            Body::ToolResult(result) => {
                if result.call_id.is_empty() {
                    result.call_id = self.answered_by(&result.name);
                }
                self.result(&result.call_id, &result.name);
            }
            _ => {}
        }
    }

    /// Takes a part that is written; whether its id must be: not where reading gives the same one.
    pub(crate) fn needs_id(&mut self, part: &Part) -> bool {
        match &part.body {
            Body::ToolCall(call) => !self.call(&call.id, &call.name),
            Body::ToolResult(result) => !self.result(&result.call_id, &result.name),
            _ => false,
        }
    }

    /// The id of the next call, where it has none.
    fn next_id(&self) -> String {
        let taken = |id: &str| self.calls.iter().any(|call| call.id == id);
        let mut number = self.calls.len();
        loop {
            let id = format!("call_{number}");
            if !taken(&id) {
                return id;
            }
            number += 1;
        }
    }

    /// Takes a call; whether its id is the one that it would have without one.
    fn call(&mut self, id: &str, name: &str) -> bool {
        let usual = id == self.next_id();
        self.calls.push(Call { id: id.to_owned(), name: name.to_owned(), usual, answered: false });
        usual
    }

    /// The call that a result without an id answers: the first open one of its name. Empty when there is none.
    fn answered_by(&self, name: &str) -> String {
        self.open(name).map(|call| call.id.clone()).unwrap_or_default()
    }

    /// Takes a result; whether it can do without its id, as the call did.
    fn result(&mut self, id: &str, name: &str) -> bool {
        let usual = match self.open(name) {
            Some(call) => call.usual && call.id == id,
            None => id.is_empty(),
        };
        if let Some(call) = self.calls.iter_mut().find(|call| !call.answered && call.id == id) {
            call.answered = true;
        }
        usual
    }

    fn open(&self, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| !call.answered && call.name == name)
    }
}

/// Gives all calls and results of a conversation the ids that they lack.
pub(crate) fn identify(messages: &mut [Message]) {
    let mut pairing = Pairing::default();
    messages.iter_mut().flat_map(|message| &mut message.parts).for_each(|part| pairing.identify(part));
}
