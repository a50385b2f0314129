//! The environment as a value, read once, so that a test can bring its own.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The environment variables at one moment. A variable that is set to nothing counts as unset.
///
/// Cloning copies no text. Its `Debug` shows names only: values may be keys.
#[derive(Clone, Default)]
pub struct Env(Arc<BTreeMap<String, String>>);

impl Env {
    /// The variables of this process. Those that are not Unicode are left out.
    pub fn process() -> Self {
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        texts.collect()
    }

    /// These variables and no others.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// The value of a variable, unless it is unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All of it, but what is empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(_, value)| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Env;

    #[test]
    fn empty_is_unset_and_values_are_not_shown() {
        let env = Env::of([("EMPTY", ""), ("KEY", "sk-secret")]);
        assert_eq!(env.get("EMPTY"), None);
        assert_eq!(env.get("MISSING"), None);
        assert_eq!(env.get("KEY"), Some("sk-secret"));
        assert_eq!(format!("{env:?}"), r#"{"EMPTY", "KEY"}"#);
    }
}
