//! What a wire cannot carry, in one place: a table for each wire, and the one function that applies it.
use crate::Wire;
use crate::json;
use crate::quirks::{Quirks, ReasoningRequest, SchemaSupport, ToolChoiceWord};
use consort_core::{
    Body, Effort, Media, MediaSource, Message, Modality, Output, Part, Request, Role, ToolChoice, ToolSpec,
    VendorData, Warning,
};

/// What one wire can carry. Everything that is not said here is carried by every wire.
#[derive(Debug, Clone, Copy)]
pub struct Carries {
    /// The id of the wire.
    pub wire: &'static str,
    /// System messages in the middle of a conversation; otherwise they become user messages.
    pub system_messages: bool,
    /// The format wants one message for what one side says: adjacent messages of a role become one.
    pub joins_messages: bool,
    /// Who spoke.
    pub names: bool,
    /// The ids of tool calls; otherwise calls are numbered as they come: `call_0`, `call_1`.
    pub call_ids: bool,
    /// The name of the tool that a result is from; otherwise it is found by the call.
    pub result_names: bool,
    /// Whether a result is an error; otherwise the text says so.
    pub result_errors: bool,
    /// What a user may send beside text.
    pub media: &'static [Modality],
    /// What may be given as a URL.
    pub urls: &'static [Modality],
    /// Files that were uploaded before.
    pub files: bool,
    /// The names of media.
    pub media_names: bool,
    /// What a tool result may hold beside text.
    pub result_media: &'static [Modality],
    /// What an assistant may have sent beside text.
    pub assistant_media: bool,
    pub citations: bool,
    /// Refusals as such; otherwise they are text.
    pub refusals: bool,
    pub thinking: Thinking,
    /// Cache marks on parts.
    pub cache: bool,
    /// Cache marks on tools.
    pub tool_cache: bool,
    /// Strictness of functions.
    pub strict_tools: bool,
    pub tool_choice: bool,
    pub parallel_tools: bool,
    pub json_output: bool,
    pub schema_output: bool,
    /// The name and description of an output schema, and whether it is strict.
    pub schema_names: bool,
    /// The sampling options it knows, by their field's name.
    pub sampling: &'static [&'static str],
    pub effort: bool,
    pub budget: bool,
    pub show_thinking: bool,
    /// Text that is empty but signed; otherwise empty text is left out.
    pub empty_text: bool,
}

/// Which thinking can be sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// None.
    No,
    /// With a signature of this wire only.
    Signed,
    /// Any, as text.
    Any,
}

impl Carries {
    /// Carries everything. Tables start from this and say what is missing.
    pub const ALL: Self = Self {
        wire: "",
        system_messages: true,
        joins_messages: false,
        names: true,
        call_ids: true,
        result_names: false,
        result_errors: true,
        media: &Modality::ALL,
        urls: &Modality::ALL,
        files: true,
        media_names: true,
        result_media: &Modality::ALL,
        assistant_media: false,
        citations: true,
        refusals: true,
        thinking: Thinking::Any,
        cache: true,
        tool_cache: true,
        strict_tools: true,
        tool_choice: true,
        parallel_tools: true,
        json_output: true,
        schema_output: true,
        schema_names: true,
        sampling: &[
            "max_tokens",
            "temperature",
            "top_p",
            "top_k",
            "stop",
            "seed",
            "presence_penalty",
            "frequency_penalty",
            "choices",
        ],
        effort: true,
        budget: true,
        show_thinking: true,
        empty_text: true,
    };

    /// This table, less what a vendor's dialect cannot.
    fn with(mut self, quirks: &Quirks) -> Self {
        self.cache &= quirks.cache_marks;
        self.tool_cache &= quirks.cache_marks;
        self.parallel_tools &= quirks.parallel_tools;
        self.tool_choice &= quirks.tool_choice != ToolChoiceWord::None;
        self.schema_output &= quirks.schema == SchemaSupport::JsonSchema;
        self.json_output &= quirks.schema != SchemaSupport::None;
        self.effort &= quirks.reasoning_request != ReasoningRequest::None;
        self
    }

    /// What is left of a request on this wire, and what the user should know.
    pub fn apply(self, wire: &dyn Wire, request: &Request, quirks: &Quirks) -> Normalised {
        let mut work = Work { carries: self.with(quirks), warnings: Vec::new() };
        let mut request = request.clone();
        work.options(wire, &mut request, quirks);
        request.native.keep_only(self.wire);
        let instructions = std::mem::take(&mut request.instructions);
        request.instructions = instructions.into_iter().filter_map(|part| work.instruction(part)).collect();
        work.messages(&mut request);
        work.tools(&mut request, quirks);
        work.output(&mut request);
        work.sampling(&mut request, quirks);
        work.reasoning(&mut request);
        Normalised { request, warnings: work.warnings }
    }
}

/// A request as a wire carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    pub request: Request,
    /// What was changed (`changed`), left out (`dropped`), or could not be shown to the model (`unsupported`).
    pub warnings: Vec<Warning>,
}

const NO_CACHE: &str = "prompt caching cannot be asked for here: the marks are left out";

struct Work {
    carries: Carries,
    warnings: Vec<Warning>,
}

impl Work {
    fn warn(&mut self, code: &str, message: impl Into<String>) {
        let warning = Warning::new(code, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Options that Consort has a word for go to their field; the others go where this wire has them.
    fn options(&mut self, wire: &dyn Wire, request: &mut Request, quirks: &Quirks) {
        let mut options = std::mem::take(&mut request.options);
        for refused in &quirks.refuses {
            if options.shift_remove(refused).is_some() {
                self.warn("dropped", format!("this vendor does not take the option `{refused}`"));
            }
        }
        let sampling = &mut request.sampling;
        sampling.temperature = json::take(&mut options, "temperature").or(sampling.temperature);
        sampling.top_p = json::take(&mut options, "top_p").or(sampling.top_p);
        sampling.top_k = json::take(&mut options, "top_k").or(sampling.top_k);
        sampling.seed = json::take(&mut options, "seed").or(sampling.seed);
        sampling.max_tokens = json::take(&mut options, "max_tokens").or(sampling.max_tokens);
        sampling.presence_penalty =
            json::take(&mut options, "presence_penalty").or(sampling.presence_penalty);
        sampling.frequency_penalty =
            json::take(&mut options, "frequency_penalty").or(sampling.frequency_penalty);
        sampling.choices = json::take(&mut options, "choices").or(sampling.choices);
        if let Some(stop) = json::take::<Vec<String>>(&mut options, "stop")
            .or_else(|| json::take::<String>(&mut options, "stop").map(|stop| vec![stop]))
        {
            sampling.stop = stop;
        }
        request.reasoning.effort =
            json::take::<Effort>(&mut options, "reasoning_effort").or(request.reasoning.effort);
        request.reasoning.budget_tokens =
            json::take(&mut options, "thinking_budget").or(request.reasoning.budget_tokens);
        if !options.is_empty() {
            let mut body = request.native.of(self.carries.wire).cloned().unwrap_or_default();
            for (name, value) in options {
                wire.place_option(&mut body, &name, value);
            }
            request.native.merge(self.carries.wire, body);
        }
    }

    fn instruction(&mut self, mut part: Part) -> Option<Part> {
        self.tidy(&mut part);
        part.signature = None;
        if let Body::Text { text, citations } = &mut part.body {
            citations.clear();
            (!text.is_empty()).then_some(part)
        } else {
            self.warn("dropped", "instructions can only be text");
            None
        }
    }

    fn messages(&mut self, request: &mut Request) {
        let mut messages: Vec<Message> = Vec::new();
        for message in std::mem::take(&mut request.messages) {
            for message in self.message(message) {
                match messages.last_mut() {
                    Some(last) if self.joins(last, &message) => last.parts.extend(message.parts),
                    _ => messages.push(message),
                }
            }
        }
        if !self.carries.call_ids {
            number_calls(&mut messages);
        }
        name_results(&mut messages, self.carries.result_names);
        request.messages = messages;
    }

    /// Results that follow each other are always one message.
    fn joins(&self, last: &Message, next: &Message) -> bool {
        let joins = self.carries.joins_messages || last.role == Role::Tool;
        joins && last.role == next.role && last.name == next.name && last.vendor == next.vendor
    }

    /// One message as this wire has it: results stand apart from what else a user says.
    fn message(&mut self, mut message: Message) -> Vec<Message> {
        message.vendor.keep_only(self.carries.wire);
        if message.role == Role::System && !self.carries.system_messages {
            message.role = Role::User;
            self.warn("changed", "instructions inside the conversation are sent as the user's words");
        }
        let nameless = !self.carries.names || message.role == Role::Tool;
        if message.name.take_if(|_| nameless).is_some() && message.role != Role::Tool {
            self.warn("dropped", "who spoke is not said: this vendor's format has no place for names");
        }
        let mut out: Vec<Message> = Vec::new();
        for part in std::mem::take(&mut message.parts) {
            let is_result = matches!(part.body, Body::ToolResult(_));
            let role = match message.role {
                Role::User | Role::Tool | Role::System if is_result => Role::Tool,
                Role::Tool => Role::User,
                role => role,
            };
            let Some(part) = self.part(part, role) else { continue };
            match out.last_mut() {
                Some(last) if last.role == role => last.parts.push(part),
                _ => {
                    let (name, vendor) = if role == Role::Tool {
                        (None, VendorData::default())
                    } else {
                        (message.name.clone(), message.vendor.clone())
                    };
                    out.push(Message { role, parts: vec![part], name, vendor });
                }
            }
        }
        out
    }

    fn part(&mut self, mut part: Part, role: Role) -> Option<Part> {
        self.tidy(&mut part);
        // Only what a model said is signed.
        part.signature.take_if(|_| role != Role::Assistant);
        let wire = self.carries.wire;
        match &mut part.body {
            Body::Text { text, citations } => {
                if !self.carries.citations || role != Role::Assistant {
                    citations.clear();
                }
                citations.iter_mut().for_each(|citation| citation.vendor.keep_only(wire));
                if text.is_empty() && (!self.carries.empty_text || part.signature.is_none()) {
                    return None;
                }
            }
            Body::Media(media) => {
                let allowed = match role {
                    Role::User => self.carries.media,
                    Role::Assistant if self.carries.assistant_media => self.carries.media,
                    _ => &[],
                };
                if let Some(refused) = self.media(media, allowed) {
                    return Some(refused);
                }
            }
            Body::Reasoning { .. } => {
                let signed = part.signature.is_some();
                let kept = match self.carries.thinking {
                    Thinking::No => false,
                    Thinking::Signed => signed,
                    Thinking::Any => true,
                };
                if !kept || role != Role::Assistant {
                    self.warn("dropped", "earlier thinking is not sent back: this vendor cannot read it");
                    return None;
                }
            }
            Body::ToolCall(_) => {
                if role != Role::Assistant {
                    self.warn("dropped", "only an assistant can call tools");
                    return None;
                }
            }
            Body::ToolResult(result) => {
                if role != Role::Tool {
                    self.warn("dropped", "an assistant cannot give tool results");
                    return None;
                }
                let content = std::mem::take(&mut result.content);
                result.content = content.into_iter().filter_map(|part| self.result_part(part)).collect();
                if result.is_error && !self.carries.result_errors {
                    result.is_error = false;
                    result.content.insert(0, Part::text("Error: "));
                }
            }
            Body::Refusal { text } => {
                if !self.carries.refusals || role != Role::Assistant {
                    let text = std::mem::take(text);
                    if text.is_empty() {
                        return None;
                    }
                    part.body = Body::Text { text, citations: Vec::new() };
                }
            }
            Body::Native { wire: from, .. } => {
                if from != wire {
                    self.warn("dropped", "what another vendor's own tools did is not sent");
                    return None;
                }
            }
        }
        Some(part)
    }

    fn result_part(&mut self, mut part: Part) -> Option<Part> {
        self.tidy(&mut part);
        part.signature = None;
        match &mut part.body {
            Body::Text { text, citations } => {
                citations.clear();
                (!text.is_empty()).then_some(part)
            }
            Body::Media(media) => {
                let refused = self.media(media, self.carries.result_media);
                Some(refused.unwrap_or(part))
            }
            Body::Native { wire, .. } if wire == self.carries.wire => Some(part),
            _ => {
                self.warn("dropped", "a tool result can only hold text and media");
                None
            }
        }
    }

    /// What stands in for a media part that cannot be carried.
    fn media(&mut self, media: &mut Media, allowed: &[Modality]) -> Option<Part> {
        if !self.carries.media_names {
            media.name = None;
        }
        let modality = Modality::of_mime(&media.mime);
        let known = !media.mime.is_empty();
        let carried = match &media.source {
            MediaSource::File { wire, .. } => self.carries.files && wire == self.carries.wire,
            // What an address leads to is not known before it is fetched: the vendor decides.
            MediaSource::Url(_) if !known => !self.carries.urls.is_empty() && !allowed.is_empty(),
            MediaSource::Url(_) => self.carries.urls.contains(&modality) && allowed.contains(&modality),
            MediaSource::Bytes(_) | MediaSource::Path(_) => allowed.contains(&modality),
        };
        if carried {
            return None;
        }
        let what = if known { media.mime.clone() } else { "file".to_owned() };
        self.warn("unsupported", format!("this vendor's format cannot carry the attached {what}"));
        Some(Part::text(format!("[{what} not shown]")))
    }

    /// What belongs to other wires goes.
    fn tidy(&mut self, part: &mut Part) {
        part.vendor.keep_only(self.carries.wire);
        part.signature.take_if(|signature| signature.wire != self.carries.wire);
        if part.cache.take_if(|_| !self.carries.cache).is_some() {
            self.warn("dropped", NO_CACHE);
        }
    }

    fn tools(&mut self, request: &mut Request, quirks: &Quirks) {
        let carries = self.carries;
        request.tools.retain_mut(|tool| match tool {
            ToolSpec::Function(function) => {
                function.vendor.keep_only(carries.wire);
                if function.cache.take_if(|_| !carries.tool_cache).is_some() {
                    self.warn("dropped", NO_CACHE);
                }
                if function.strict.take_if(|_| !carries.strict_tools) == Some(true) {
                    self.warn(
                        "dropped",
                        "this vendor cannot be asked to hold the arguments of tools to their schema",
                    );
                }
                true
            }
            ToolSpec::Native { wire, .. } => {
                let ours = wire == carries.wire;
                if !ours {
                    self.warn("dropped", "another vendor's own tool cannot be offered");
                }
                ours
            }
        });
        let choice_known = match (&request.tool_choice, quirks.tool_choice) {
            (ToolChoice::Unset, _) => true,
            (ToolChoice::Auto | ToolChoice::None, ToolChoiceWord::AutoOnly) => true,
            (_, ToolChoiceWord::AutoOnly) => false,
            _ => carries.tool_choice,
        };
        if !choice_known {
            self.warn("dropped", "this vendor does not let the caller choose the tool");
            request.tool_choice = ToolChoice::Unset;
        }
        if request.parallel_tools.is_some() && !carries.parallel_tools {
            self.warn(
                "dropped",
                "this vendor does not let the caller say whether tools are called in parallel",
            );
            request.parallel_tools = None;
        }
    }

    fn output(&mut self, request: &mut Request) {
        let carries = self.carries;
        if let Output::Schema { name, description, strict, .. } = &mut request.output {
            if !carries.schema_output {
                self.warn(
                    "changed",
                    "this vendor cannot hold the answer to a schema; JSON is asked for instead",
                );
                request.output = Output::Json;
            } else if !carries.schema_names {
                name.clear();
                *description = None;
                *strict = None;
            }
        }
        if request.output == Output::Json && !carries.json_output {
            self.warn("dropped", "this vendor cannot be asked for JSON");
            request.output = Output::Text;
        }
    }

    fn sampling(&mut self, request: &mut Request, quirks: &Quirks) {
        let carries = self.carries;
        let refused =
            |name: &str| !carries.sampling.contains(&name) || quirks.refuses.iter().any(|no| no == name);
        let sampling = &mut request.sampling;
        let mut dropped = Vec::new();
        let mut check = |name: &'static str, set: bool| {
            let drop = set && refused(name);
            if drop {
                dropped.push(name);
            }
            drop
        };
        sampling.max_tokens.take_if(|_| check("max_tokens", true));
        sampling.temperature.take_if(|_| check("temperature", true));
        sampling.top_p.take_if(|_| check("top_p", true));
        sampling.top_k.take_if(|_| check("top_k", true));
        sampling.seed.take_if(|_| check("seed", true));
        sampling.presence_penalty.take_if(|_| check("presence_penalty", true));
        sampling.frequency_penalty.take_if(|_| check("frequency_penalty", true));
        sampling.choices.take_if(|choices| check("choices", *choices != 1) || *choices == 1);
        if check("stop", !sampling.stop.is_empty()) {
            sampling.stop.clear();
        }
        if sampling.max_tokens.is_none() {
            sampling.max_tokens = quirks.default_max_tokens;
        }
        for name in dropped {
            self.warn("dropped", format!("this vendor does not take the option `{name}`"));
        }
    }

    fn reasoning(&mut self, request: &mut Request) {
        let carries = self.carries;
        let reasoning = &mut request.reasoning;
        let effort = reasoning.effort.take_if(|_| !carries.effort).is_some();
        let budget = reasoning.budget_tokens.take_if(|_| !carries.budget).is_some();
        reasoning.show.take_if(|_| !carries.show_thinking);
        if effort || budget {
            self.warn("dropped", "how much to think cannot be said to this vendor in this way");
        }
    }
}

/// Drops messages without parts; results that then follow each other are one message.
pub(crate) fn drop_empty(messages: &mut Vec<Message>) {
    messages.retain(|message| !message.parts.is_empty());
    messages.dedup_by(|next, last| {
        let joins = last.role == Role::Tool && next.role == Role::Tool;
        if joins {
            last.parts.append(&mut next.parts);
        }
        joins
    });
}

/// Gives calls and results the ids that a decoder mints where the format has none.
fn number_calls(messages: &mut [Message]) {
    let mut known: Vec<(String, String)> = Vec::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.body {
            Body::ToolCall(call) => {
                let id = format!("call_{}", known.len());
                known.push((std::mem::replace(&mut call.id, id.clone()), id));
            }
            Body::ToolResult(result) => {
                // The newest call of that id that came before.
                if let Some((_, id)) = known.iter().rev().find(|(old, _)| *old == result.call_id) {
                    result.call_id.clone_from(id);
                }
            }
            _ => {}
        }
    }
}

/// Names results by the calls they answer; a format without names gets none.
pub(crate) fn name_results(messages: &mut [Message], carried: bool) {
    let mut names: Vec<(String, String)> = Vec::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.body {
            Body::ToolCall(call) => names.push((call.id.clone(), call.name.clone())),
            Body::ToolResult(result) => {
                let called = names.iter().rev().find(|(id, _)| *id == result.call_id);
                match called {
                    Some((_, name)) => result.name.clone_from(name),
                    None if !carried => result.name.clear(),
                    None => {}
                }
            }
            _ => {}
        }
    }
}
