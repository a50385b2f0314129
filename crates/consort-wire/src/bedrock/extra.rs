//! What is said in `additionalModelRequestFields`: thinking and `top_k`, which each family of models has its own
//! words for.
use crate::anthropic::thinking;
use consort_core::{Effort, Object, Reasoning, Request, Sampling, Warning};
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
            room_to_think(sampling, reasoning, warnings);
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

/// Thinking counts as output, and the vendor fixes the sampling meanwhile.
fn room_to_think(sampling: &mut Sampling, reasoning: &Reasoning, warnings: &mut Vec<Warning>) {
    let Some(budget) = reasoning.budget_tokens else { return };
    if let Some(limit) = sampling.max_tokens.as_mut().filter(|limit| **limit <= budget) {
        *limit = limit.saturating_add(budget);
        warnings.push(Warning::new(
            "changed",
            "the limit of output tokens was raised by the thinking budget, which counts towards it",
        ));
    }
    let fixed = sampling.temperature.take_if(|temperature| *temperature != 1.0).is_some();
    if fixed | sampling.top_k.take().is_some() {
        warnings.push(Warning::new("dropped", "this model fixes the temperature and top_k while it thinks"));
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
