//! Paths: the model's name and the method stand there, not in the body.
use crate::Quirks;

pub(super) const STREAM: &str = "streamGenerateContent";
pub(super) const SINGLE: &str = "generateContent";
pub(super) const COUNT: &str = "countTokens";

/// The path of a call. A stream is asked for as server-sent events.
pub(super) fn write(model: &str, method: &str, quirks: &Quirks) -> String {
    let escaped = escape(model);
    let resource = match &quirks.path {
        Some(path) => path.replace("{model}", &escaped),
        // Tuned models are resources of their own.
        None if model.starts_with("tunedModels/") => escaped,
        None => format!("models/{escaped}"),
    };
    let query = if method == STREAM { "?alt=sse" } else { "" };
    format!("{resource}:{method}{query}")
}

/// The model and the method in a path, whatever stands before them.
pub(super) fn read(path: &str) -> (String, &str) {
    let (resource, method) = path.rsplit_once(':').unwrap_or((path, ""));
    let resource = resource.strip_prefix('/').unwrap_or(resource);
    let model = if let Some(at) = resource.find("tunedModels/") {
        unescape(&resource[at..])
    } else if resource.starts_with("models/") || resource.contains("/models/") {
        unescape(bare(resource))
    } else {
        unescape(resource.rsplit('/').next().unwrap_or_default())
    };
    (model, method)
}

/// A model's name without the resource path that lists put before it.
pub(super) fn bare(name: &str) -> &str {
    match name.rfind("models/") {
        Some(at) if at == 0 || name.as_bytes()[at - 1] == b'/' => &name[at + "models/".len()..],
        _ => name,
    }
}

/// What would end the path, or not get through it, as `%xx`.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@/+=,;!$&'()*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

fn unescape(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, digit(0), digit(1)) {
            out.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
