//! The items that a server writes, and the parts that are open in them.
use super::ID;
use super::layout::{self, CUSTOM_CALL_TYPE, PART, THINKING, without};
use super::write_items::custom_input;
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{Object, PartKind, ToolCall};
use serde_json::{Value, json};

/// What a part is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Reasoning,
    Call {
        id: String,
        name: String,
    },
    /// An item of this wire, whole.
    Native,
    /// An image, as what the vendor's own tool for images makes.
    Image,
}

impl Kind {
    /// What has no place in this format is not written.
    pub(super) fn of(kind: &PartKind) -> Option<Self> {
        Some(match kind {
            PartKind::Text => Self::Text,
            PartKind::Refusal => Self::Refusal,
            PartKind::Reasoning { .. } => Self::Reasoning,
            PartKind::ToolCall { id, name } => Self::Call { id: id.clone(), name: name.clone() },
            PartKind::Native { wire, .. } if wire == ID => Self::Native,
            PartKind::Media { mime } if mime.starts_with("image/") => Self::Image,
            PartKind::Native { .. } | PartKind::Media { .. } => return None,
        })
    }

    fn prefix(&self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "msg",
            Self::Reasoning => "rs",
            Self::Call { .. } => "fc",
            Self::Native => "item",
            Self::Image => "ig",
        }
    }
}

/// A part that is being written.
#[derive(Debug)]
pub(super) struct Open {
    kind: Kind,
    /// This wire's vendor data of the part.
    pub(super) fields: Object,
    pub(super) text: String,
    pub(super) annotations: Vec<Value>,
    pub(super) secret: String,
    pub(super) native: Value,
    pub(super) payload: Vec<u8>,
    /// Its item, once it is open, and its place in there.
    pub(super) item: Option<usize>,
    pub(super) index: u64,
}

impl Open {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            fields: Object::new(),
            text: String::new(),
            annotations: Vec::new(),
            secret: String::new(),
            native: Value::Null,
            payload: Vec::new(),
            item: None,
            index: 0,
        }
    }

    /// Whether there is nothing to write. A reasoning without words may still carry what must come back.
    pub(super) fn is_nothing(&self) -> bool {
        self.item.is_none()
            && match self.kind {
                Kind::Text | Kind::Refusal => self.text.is_empty() && self.annotations.is_empty(),
                Kind::Reasoning => self.text.is_empty() && self.secret.is_empty() && self.fields.is_empty(),
                Kind::Native => !self.native.is_object(),
                Kind::Image => self.payload.is_empty(),
                Kind::Call { .. } => false,
            }
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind, Kind::Call { .. })
    }

    fn is_content(&self) -> bool {
        self.fields.get(THINKING).is_some_and(|list| list == "content")
    }

    fn is_custom(&self) -> bool {
        self.fields.get("type").is_some_and(|kind| kind == CUSTOM_CALL_TYPE)
    }

    fn item_id(&self) -> Option<&str> {
        self.fields.get("id").or_else(|| self.native.get("id")).and_then(Value::as_str)
    }

    /// Whether the part belongs to the item that was begun last.
    pub(super) fn joins(&self, item: &Item) -> bool {
        if item.done {
            return false;
        }
        match (&self.kind, &item.kind) {
            (Kind::Text | Kind::Refusal, Kind::Text | Kind::Refusal) => {
                self.item_id().is_none_or(|id| id == item.id) && self.item_id().is_some() == item.named
            }
            (Kind::Reasoning, Kind::Reasoning) => {
                item.named && self.item_id() == Some(item.id.as_str()) && item.secret.is_empty()
            }
            _ => false,
        }
    }

    /// Where in its item it stands.
    pub(super) fn place(&self) -> Option<(&'static str, u64)> {
        match self.kind {
            Kind::Text | Kind::Refusal => Some(("content_index", self.index)),
            Kind::Reasoning if self.is_content() => Some(("content_index", self.index)),
            Kind::Reasoning => Some(("summary_index", self.index)),
            _ => None,
        }
    }

    /// The event of a piece of it, where pieces are told.
    pub(super) fn delta_event(&self, item: &Item) -> Option<&'static str> {
        match self.kind {
            Kind::Text => Some("response.output_text.delta"),
            Kind::Refusal => Some("response.refusal.delta"),
            Kind::Reasoning if self.is_content() => Some("response.reasoning_text.delta"),
            Kind::Reasoning => Some("response.reasoning_summary_text.delta"),
            // Free text is known when the arguments around it are whole.
            Kind::Call { .. } if item.custom => None,
            Kind::Call { .. } => Some("response.function_call_arguments.delta"),
            Kind::Native | Kind::Image => None,
        }
    }

    /// The event that begins or ends a part, with the part; nothing for a part that is its item.
    pub(super) fn part_event(&self, when: &str, text: &str) -> Option<(&'static str, Value)> {
        let added = when == "added";
        Some(match self.kind {
            Kind::Text => {
                let event = if added { "response.content_part.added" } else { "response.content_part.done" };
                (event, self.text_part(text))
            }
            Kind::Refusal => {
                let event = if added { "response.content_part.added" } else { "response.content_part.done" };
                (event, json!({"type": "refusal", "refusal": text}))
            }
            Kind::Reasoning if self.text.is_empty() => return None,
            Kind::Reasoning if self.is_content() => {
                let event = if added { "response.content_part.added" } else { "response.content_part.done" };
                (event, json!({"type": "reasoning_text", "text": text}))
            }
            Kind::Reasoning => {
                let event = if added {
                    "response.reasoning_summary_part.added"
                } else {
                    "response.reasoning_summary_part.done"
                };
                (event, json!({"type": "summary_text", "text": text}))
            }
            Kind::Call { .. } | Kind::Native | Kind::Image => return None,
        })
    }

    fn text_part(&self, text: &str) -> Value {
        let mut part = json!({
            "type": "output_text",
            "text": text,
            "annotations": self.annotations,
            "logprobs": [],
        });
        if let (Some(part), Some(Value::Object(fields))) = (part.as_object_mut(), self.fields.get(PART)) {
            part.extend(without(fields.clone(), &["type", "text", "annotations"]));
        }
        part
    }

    /// The events that end it.
    pub(super) fn end_events(&self, item: &Item) -> Vec<(&'static str, Value)> {
        let mut events = match &self.kind {
            Kind::Text => {
                vec![("response.output_text.done", json!({"text": self.text, "logprobs": []}))]
            }
            Kind::Refusal => vec![("response.refusal.done", json!({"refusal": self.text}))],
            Kind::Reasoning if self.text.is_empty() => Vec::new(),
            Kind::Reasoning if self.is_content() => {
                vec![("response.reasoning_text.done", json!({"text": self.text}))]
            }
            Kind::Reasoning => {
                vec![("response.reasoning_summary_text.done", json!({"text": self.text}))]
            }
            Kind::Call { name, .. } if item.custom => {
                let input = self.custom_input(name);
                vec![
                    ("response.custom_tool_call_input.delta", json!({"delta": input})),
                    ("response.custom_tool_call_input.done", json!({"input": input})),
                ]
            }
            Kind::Call { name, .. } => {
                vec![("response.function_call_arguments.done", json!({"name": name, "arguments": self.text}))]
            }
            Kind::Native | Kind::Image => Vec::new(),
        };
        if let Some((event, part)) = self.part_event("done", &self.text) {
            events.push((event, json!({"part": part})));
        }
        events
    }

    fn custom_input(&self, name: &str) -> String {
        let call =
            ToolCall { id: String::new(), name: name.to_owned(), arguments: self.text.as_str().into() };
        custom_input(&call).unwrap_or_else(|| self.text.clone())
    }
}

/// An item that was begun.
#[derive(Debug)]
pub(super) struct Item {
    kind: Kind,
    pub(super) id: String,
    /// Whether its id is the vendor's and not made here.
    named: bool,
    pub(super) custom: bool,
    /// The item's own fields beside those that its parts say.
    fields: Object,
    summary: Vec<Value>,
    content: Vec<Value>,
    text: String,
    secret: String,
    native: Value,
    /// How many parts of it are open.
    pub(super) open: usize,
    pub(super) done: bool,
}

impl Item {
    pub(super) fn new(open: &Open, response: &str, index: usize) -> Self {
        let named = open.item_id().is_some();
        let id = open.item_id().map_or_else(
            || {
                let response = response.strip_prefix("resp_").unwrap_or(response);
                format!("{}_{response}_{index}", open.kind.prefix())
            },
            str::to_owned,
        );
        Self {
            kind: open.kind.clone(),
            id,
            named,
            custom: open.is_custom(),
            fields: open.fields.clone(),
            summary: Vec::new(),
            content: Vec::new(),
            text: String::new(),
            secret: String::new(),
            native: open.native.clone(),
            open: 0,
            done: false,
        }
    }

    /// Gives a part its place.
    pub(super) fn take_place(&mut self, open: &Open) -> u64 {
        self.open += 1;
        let list = match open.kind {
            Kind::Reasoning if open.text.is_empty() => return 0,
            Kind::Reasoning if !open.is_content() => &mut self.summary,
            _ => &mut self.content,
        };
        list.push(Value::Null);
        list.len() as u64 - 1
    }

    /// Takes over a part that ended.
    pub(super) fn take(&mut self, open: Open) {
        self.open = self.open.saturating_sub(1);
        let part = open.part_event("done", &open.text).map(|(_, part)| part);
        let list = if open.kind == Kind::Reasoning && !open.is_content() {
            &mut self.summary
        } else {
            &mut self.content
        };
        if let (Some(slot), Some(part)) = (list.get_mut(open.index as usize), part) {
            *slot = part;
        }
        self.secret.push_str(&open.secret);
        self.fields.extend(open.fields.clone());
        match open.kind {
            Kind::Call { ref name, .. } if self.custom => self.text = open.custom_input(name),
            Kind::Call { .. } => self.text = open.text,
            Kind::Native => self.native = open.native,
            Kind::Image => self.text = STANDARD.encode(&open.payload),
            Kind::Text | Kind::Refusal | Kind::Reasoning => {}
        }
    }

    /// The item as it begins.
    pub(super) fn announced(&self) -> Value {
        let mut item = self.written("in_progress", Vec::new(), Vec::new());
        if self.kind == Kind::Reasoning {
            item.shift_remove("status");
            item.shift_remove("encrypted_content");
        }
        Value::Object(item)
    }

    /// The whole item.
    pub(super) fn value(&self) -> Value {
        let told = |list: &[Value]| list.iter().filter(|part| !part.is_null()).cloned().collect();
        Value::Object(self.written("completed", told(&self.summary), told(&self.content)))
    }

    fn written(&self, status: &str, summary: Vec<Value>, content: Vec<Value>) -> Object {
        let id = &self.id;
        let (item, said): (Value, &[&str]) = match &self.kind {
            Kind::Text | Kind::Refusal => (
                json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content}),
                layout::MESSAGE,
            ),
            Kind::Reasoning => {
                let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
                if !content.is_empty() {
                    item["content"] = content.into();
                }
                if !self.secret.is_empty() {
                    item["encrypted_content"] = self.secret.as_str().into();
                }
                (item, layout::REASONING)
            }
            Kind::Call { id: call, name } if self.custom => (
                json!({
                    "id": id, "type": CUSTOM_CALL_TYPE, "status": status, "call_id": call, "name": name,
                    "input": self.text,
                }),
                layout::CUSTOM_CALL,
            ),
            Kind::Call { id: call, name } => (
                json!({
                    "id": id, "type": "function_call", "status": status, "call_id": call, "name": name,
                    "arguments": self.text,
                }),
                layout::CALL,
            ),
            Kind::Native => (self.native.clone(), &[]),
            Kind::Image => (
                json!({"id": id, "type": "image_generation_call", "status": status, "result": self.text}),
                &["type", "result"],
            ),
        };
        let Value::Object(mut item) = item else { return Object::new() };
        if self.kind != Kind::Native {
            let fields = without(self.fields.clone(), said);
            item.extend(without(fields, &["id", PART, THINKING]));
        }
        item
    }
}
