//! Which tools the demo models call, and with what.
use super::ID;
use super::sample::sample;
use consort_core::{Body, Error, ErrorKind, FunctionSpec, Request, Role, ToolCall, ToolChoice};

/// Words that say what is done rather than to what; alone they do not name a tool.
const VERBS: [&str; 16] = [
    "get", "set", "list", "find", "make", "create", "run", "do", "fetch", "call", "use", "search", "read",
    "show", "lookup", "tool",
];

/// The calls that a request leads to: none, unless its newest message is the user's and names a tool, or the
/// tool choice demands one.
pub(super) fn calls(request: &Request) -> Result<Vec<ToolCall>, Error> {
    let asks = request.messages.last().is_some_and(|message| message.role != Role::Tool);
    if !asks {
        return Ok(Vec::new());
    }
    let prompt = request.last_user_text();
    let named = || request.functions().filter(|function| names(&prompt, &function.name));
    let mut chosen: Vec<&FunctionSpec> = match &request.tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Unset | ToolChoice::Auto => named().collect(),
        ToolChoice::Required => {
            let all: Vec<_> = named().collect();
            if all.is_empty() { request.functions().take(1).collect() } else { all }
        }
        ToolChoice::Named(name) => {
            let found = request.functions().find(|function| function.name == *name);
            vec![found.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidRequest,
                    format!("the tool choice names `{name}`, which is not among the tools"),
                )
                .provider(ID)
            })?]
        }
    };
    if request.parallel_tools == Some(false) {
        chosen.truncate(1);
    }
    let before = past_calls(request);
    let calls = chosen.into_iter().enumerate().map(|(at, function)| {
        let arguments = sample(&function.parameters, &prompt).ok_or_else(|| {
            let what = format!("no value was found that fits the parameters of the tool `{}`", function.name);
            Error::new(ErrorKind::InvalidRequest, what).provider(ID)
        })?;
        let id = format!("call_demo_{}", before + at + 1);
        Ok(ToolCall { id, name: function.name.clone(), arguments: arguments.into() })
    });
    calls.collect()
}

/// How many calls the conversation holds, so that ids do not repeat.
fn past_calls(request: &Request) -> usize {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts.filter(|part| matches!(part.body, Body::ToolCall(_))).count()
}

/// Whether a prompt names a tool: by its whole name, or by all words of it that are not verbs.
fn names(prompt: &str, name: &str) -> bool {
    let prompt: Vec<String> = words(prompt);
    let name = words(name);
    let things: Vec<&String> = name.iter().filter(|word| !VERBS.contains(&word.as_str())).collect();
    let whole = !name.is_empty() && prompt.windows(name.len()).any(|run| run == name);
    whole || (!things.is_empty() && things.iter().all(|thing| prompt.contains(thing)))
}

/// The words of a text or a name in small letters: `getWeather`, `get_weather` and "Get weather" have the same.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small_before = false;
    for letter in text.chars() {
        let boundary = !letter.is_alphanumeric() || (small_before && letter.is_uppercase());
        if boundary {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        small_before = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}
