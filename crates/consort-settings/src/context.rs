//! The settings `log` and `[context]`: what is kept, and what a model is sent of a conversation.
use crate::Problem;
use crate::settings::Source;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a model is sent of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextSettings {
    /// The window of models of which nobody knows it, in tokens.
    pub window: Option<u64>,
    pub summaries: Summaries,
}

/// Who writes summaries of what is too old to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Summaries {
    /// The model that answers, where it is known what that costs.
    #[default]
    WherePriced,
    /// The model that answers, whatever it costs.
    Always,
    Never,
    /// This model.
    By(String),
}

pub(crate) fn read(
    source: &Source<'_>,
    table: &DeTable<'_>,
    settings: &mut ContextSettings,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in table {
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("window", _) => match tokens(value) {
                Some(window) => settings.window = Some(window),
                None => problems.push(
                    source
                        .problem(value.span(), "`window` must be a number of tokens, at least 1000")
                        .help("for instance window = 32768"),
                ),
            },
            ("summaries", DeValue::Boolean(true)) => settings.summaries = Summaries::Always,
            ("summaries", DeValue::Boolean(false)) => settings.summaries = Summaries::Never,
            ("summaries", DeValue::String(model)) if !model.trim().is_empty() => {
                settings.summaries = Summaries::By(model.to_string());
            }
            ("summaries", _) => problems.push(
                source
                    .problem(value.span(), "`summaries` must be true, false or a model")
                    .help("for instance summaries = false"),
            ),
            (unknown, _) => problems.push(
                source
                    .problem(name.span(), format!("`{unknown}` is not a setting of [context]"))
                    .help("the settings are window, summaries"),
            ),
        }
    }
}

fn tokens(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let DeValue::Integer(number) = value.get_ref() else { return None };
    u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|window| *window >= 1000)
}
