//! What is said in `additionalModelRequestFields`: thinking and `top_k`, which each family of models has its own
//! words for.
use crate::anthropic::thinking;
use consort_core::{Effort, Object, Reasoning, Request, Warning};
use serde_json::{Value, json};

/// A family of models with words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Claude,
    Nova,
    Other,
}

impl Family {
    /// By the model's name, which may stand inside the name of a region's profile.
    fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        if model.contains("claude") {
            Self::Claude
        } else if model.contains("nova") {
            Self::Nova
        } else {
            Self::Other
        }
    }
}

/// Keeps what the model can be told.
pub(super) fn normalise(request: &mut Request, thinking_said: bool, warnings: &mut Vec<Warning>) {
    let Request { model, sampling, reasoning, .. } = request;
    match Family::of(model) {
        Family::Claude => {
            if !thinking_said {
                thinking::normalise(reasoning, model, warnings);
            }
            thinking::make_room(sampling, reasoning, warnings);
        }
        Family::Nova => {
            let effort = reasoning.effort.or(reasoning.budget_tokens.map(|_| Effort::Medium));
            *reasoning = Reasoning { effort: effort.map(nova_effort), ..Reasoning::default() };
        }
        Family::Other => {
            if sampling.top_k.take().is_some() {
                warnings.push(Warning::new("dropped", "this vendor does not take the option `top_k`"));
            }
            if std::mem::take(reasoning) != Reasoning::default() {
                warnings.push(Warning::new("dropped", "this model cannot be told here how much to think"));
            }
        }
    }
}

fn nova_effort(effort: Effort) -> Effort {
    match effort {
        Effort::None => Effort::None,
        Effort::Minimal | Effort::Low => Effort::Low,
        Effort::Medium => Effort::Medium,
        Effort::High | Effort::XHigh | Effort::Max => Effort::High,
    }
}

pub(super) fn write(request: &Request, extra: &mut Object) {
    let top_k = request.sampling.top_k;
    match Family::of(&request.model) {
        Family::Claude => {
            crate::json::set(extra, "top_k", top_k);
            thinking::write(&request.reasoning, extra);
        }
        Family::Nova => {
            if let Some(top_k) = top_k {
                extra.insert("inferenceConfig".into(), json!({"topK": top_k}));
            }
            if let Some(effort) = request.reasoning.effort {
                let config = match effort {
                    Effort::None => json!({"type": "disabled"}),
                    effort => json!({"type": "enabled", "maxReasoningEffort": effort.as_str()}),
                };
                extra.insert("reasoningConfig".into(), config);
            }
        }
        Family::Other => {}
    }
}

/// Reads the same, and takes it out. What is said in another way stays.
pub(super) fn read(extra: &mut Object, request: &mut Request) {
    match Family::of(&request.model) {
        Family::Claude => {
            request.sampling.top_k = crate::json::take(extra, "top_k").or(request.sampling.top_k);
            thinking::read(extra, &mut request.reasoning);
        }
        Family::Nova => {
            let top_k = extra.get("inferenceConfig").and_then(Value::as_object).filter(|it| it.len() == 1);
            if let Some(top_k) = top_k.and_then(|config| config.get("topK")?.as_u64()) {
                request.sampling.top_k = Some(top_k);
                extra.shift_remove("inferenceConfig");
            }
            if let Some(effort) = extra.get("reasoningConfig").and_then(read_nova) {
                request.reasoning.effort = Some(effort);
                extra.shift_remove("reasoningConfig");
            }
        }
        Family::Other => {}
    }
}

fn read_nova(config: &Value) -> Option<Effort> {
    let config = config.as_object()?;
    match (config.get("type")?.as_str()?, config.get("maxReasoningEffort"), config.len()) {
        ("disabled", None, 1) => Some(Effort::None),
        ("enabled", Some(word), 2) => {
            Effort::parse(word.as_str()?).filter(|effort| nova_effort(*effort) == *effort)
        }
        _ => None,
    }
}
