//! Reads and layers provider files, and says what is wrong with one, and on which line.
use super::ProviderSpec;
use consort_settings::Problem;
use consort_wire::Quirks;
use serde_json::{Map, Value};
use std::path::Path;

/// The formats of live sessions, which only who talks with live models can read.
pub const LIVE_WIRES: [&str; 2] = ["openai", "gemini"];

/// What was found wrong.
pub(crate) type Problems = Vec<Problem>;

/// Reads one file as a table, checked against the schema. The table may be a part of a whole: it is laid over
/// a built-in provider of the same id.
pub(crate) fn check(file: &Path, text: &str) -> Result<Map<String, Value>, Problem> {
    // With typed quirks the reader knows the line of a mistake in them too.
    let wrong = |error: toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        Problem {
            file: file.to_owned(),
            line,
            message: error.message().to_owned(),
            help: help_for(error.message()),
        }
    };
    let spec: ProviderSpec<Quirks> = toml::from_str(text).map_err(wrong)?;
    let at =
        |word: &str| text.lines().position(|line| line.trim_start().starts_with(word)).map(|line| line + 1);
    let problem = |word: &str, message: String, help: Option<String>| Problem {
        file: file.to_owned(),
        line: at(word),
        message,
        help,
    };
    let wires = spec.models.iter().filter_map(|model| model.wire.as_deref()).chain([spec.wire.as_str()]);
    for wire in wires.filter(|wire| !wire.is_empty()) {
        if consort_wire::wire(wire).is_none() {
            let known: Vec<&str> = consort_wire::WIRES.iter().map(|wire| wire.id()).collect();
            let help = format!("the wires are: {}", known.join(", "));
            return Err(problem("wire", format!("no wire is named `{wire}`"), Some(help)));
        }
    }
    if let Some(wire) = spec.embed_wire.as_deref()
        && consort_wire::embed_wire(wire).is_none()
    {
        let known: Vec<&str> = consort_wire::EMBED_WIRES.iter().map(|wire| wire.id()).collect();
        let help = format!("the formats are: {}", known.join(", "));
        return Err(problem("embed_wire", format!("no format of embeddings is named `{wire}`"), Some(help)));
    }
    if let Some(wire) = spec.live_wire.as_deref()
        && !LIVE_WIRES.contains(&wire)
    {
        let help = format!("the formats are: {}", LIVE_WIRES.join(", "));
        return Err(problem(
            "live_wire",
            format!("no format of live sessions is named `{wire}`"),
            Some(help),
        ));
    }
    if spec.models.iter().any(|model| model.name.is_empty()) {
        return Err(problem("[[models]]", "a model has no `name`".into(), None));
    }
    if !spec.base_url.is_empty() && !spec.base_url.contains("://") {
        let help = Some("write it with `https://` or `http://`".into());
        return Err(problem("base_url", format!("`{}` is not a URL", spec.base_url), help));
    }
    toml::from_str(text).map_err(wrong)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn help_for(message: &str) -> Option<String> {
    message.contains("unknown field").then(|| "check the spelling of the field".into())
}

/// Lays one table over another: tables merge, models merge by name, anything else is replaced.
pub(crate) fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "models" => merge_models(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn merge_models(base: &mut Vec<Value>, over: Vec<Value>) {
    for model in over {
        let same = base.iter_mut().find(|old| old["name"] == model["name"]);
        match (same, model) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, model) => base.push(model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_problem(text: &str, line: usize, message: &str) {
        let problem = check(Path::new("acme.toml"), text).unwrap_err();
        assert!(problem.message.contains(message), "{}", problem.message);
        assert_eq!(problem.line, Some(line), "{}", problem.message);
    }

    #[test]
    fn a_bad_file_is_told_with_its_line() {
        check_problem("name = \"Acme\"\nbase_urll = \"https://a.example\"\n", 2, "unknown field `base_urll`");
        check_problem(
            "name = \"Acme\"\n\n[quirks]\nschema = \"json_schema\"\nmax_token = 3\n",
            5,
            "max_token",
        );
        check_problem("name = \"Acme\"\nmodels = 7\n", 2, "invalid type");
        check_problem("name = \"Acme\nwire = 1\n", 1, "");
        check_problem("name = \"Acme\"\nwire = \"smoke\"\n", 2, "no wire is named `smoke`");
        check_problem("live_wire = \"smoke\"\n", 1, "no format of live sessions is named `smoke`");
        check_problem("base_url = \"a.example\"\n", 1, "not a URL");
        check_problem("auth = { heder = \"x\" }\n", 1, "unknown variant `heder`");
    }

    #[test]
    fn layers_merge() {
        let Value::Object(mut base) = json!({
            "name": "A", "quirks": {"schema": "none", "seed_field": "s"},
            "models": [{"name": "one", "context": 1}, {"name": "two"}],
        }) else {
            panic!()
        };
        let Value::Object(over) = json!({
            "base_url": "u", "quirks": {"schema": "json_object"},
            "models": [{"name": "one", "tools": true}, {"name": "three"}],
        }) else {
            panic!()
        };
        merge(&mut base, over);
        assert_eq!(
            Value::Object(base),
            json!({
                "name": "A", "quirks": {"schema": "json_object", "seed_field": "s"}, "base_url": "u",
                "models": [{"name": "one", "context": 1, "tools": true}, {"name": "two"}, {"name": "three"}],
            })
        );
    }
}
