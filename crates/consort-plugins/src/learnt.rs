//! What a plugin said of itself when it ran: kept, so that a listing needs no process.
use crate::start::{is_for, shell_word};
use consort_core::{ConfigKey, ModelCard, ModelKind};
use consort_plugin::protocol::{
    Capabilities, Failure, InitializeResult, ModelInfo, ModelNeeds, ModelsResult,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// How a plugin was when it was tried last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    Ready,
    NeedsSetup {
        missing: String,
        #[serde(default)]
        at: Option<String>,
        #[serde(default)]
        help: Option<String>,
    },
    Broken {
        reason: String,
        #[serde(default)]
        at: Option<String>,
        #[serde(default)]
        help: Option<String>,
    },
    /// Its models cannot be listed now: what it asks may be out of reach. Or its line is wrong, which nobody can tell.
    Unlisted {
        reason: String,
        #[serde(default)]
        at: Option<String>,
    },
}

/// What was learnt of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learnt {
    pub outcome: Outcome,
    /// Seconds since 1970.
    pub checked: u64,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub models: Vec<Known>,
    #[serde(default)]
    pub capabilities: Capabilities,
    /// The environment variables that it reads.
    #[serde(default)]
    pub env: Vec<String>,
    /// What its list of models depends on: with these keys it may be longer.
    #[serde(default)]
    pub list_needs: ModelNeeds,
    /// Remarks for its author.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The same, of each model that cannot be offered.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// One model of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub card: ModelCard,
    #[serde(default)]
    pub description: Option<String>,
    /// The keys that it needs, by name, and the variables that may hold them.
    #[serde(default)]
    pub secrets: Vec<String>,
    #[serde(default)]
    pub env: Vec<String>,
}

impl Learnt {
    /// Of a plugin that started and listed its models.
    pub(crate) fn ready(plugin: &str, hello: &InitializeResult, listed: &ModelsResult) -> Self {
        let mut models: Vec<Known> = listed
            .models
            .iter()
            .filter(|info| is_named(info))
            .map(|info| Known {
                card: info.card(plugin),
                description: info.description.clone(),
                secrets: info.needs.secrets.clone(),
                env: info.needs.env.clone(),
            })
            .collect();
        let notes = hello.notes.iter().chain(&listed.notes).map(|note| plain(note));
        let odd = listed.models.iter().filter(|info| !is_named(info)).map(|info| {
            if info.id.is_empty() {
                let name = info.name.as_deref().map(|name| format!(" ({})", plain(name))).unwrap_or_default();
                return format!("a model{name} is left out: it has no `id`");
            }
            let shown: String = plain(&info.id).chars().take(40).collect();
            format!("the model `{shown}` is left out: a name has 1 to {LONGEST} letters, on one line")
        });
        let notes = notes.chain(drop_twins(&mut models)).chain(shared_aliases(&models)).collect();
        name_single(plugin, &mut models);
        Self {
            title: hello.plugin.name.as_deref().map(plain),
            version: hello.plugin.version.as_deref().map(plain),
            description: hello.plugin.description.as_deref().map(plain),
            models,
            capabilities: hello.capabilities.clone(),
            env: hello.env.clone(),
            list_needs: listed.needs.clone(),
            notes,
            left_out: odd.collect(),
            ..Self::of(Outcome::Ready)
        }
    }

    /// Whether it says the same, whenever that was.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        *self == Self { checked: self.checked, ..other.clone() }
    }

    /// Of a plugin of which nothing more is known, now.
    pub fn of(outcome: Outcome) -> Self {
        let checked = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            outcome,
            checked,
            title: None,
            version: None,
            description: None,
            models: Vec::new(),
            capabilities: Capabilities::default(),
            env: Vec::new(),
            list_needs: ModelNeeds::default(),
            notes: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The keys that it needs, each once, with all variables that may hold it: its models', and what its list depends on.
    pub fn keys(&self) -> Vec<ConfigKey> {
        let of_models = self.models.iter().map(|known| (&known.secrets, &known.env));
        let mut keys: Vec<ConfigKey> = Vec::new();
        for (secrets, env) in of_models.chain([(&self.list_needs.secrets, &self.list_needs.env)]) {
            for name in secrets {
                let at = keys.iter().position(|key| key.name == *name).unwrap_or_else(|| {
                    let name = name.clone();
                    keys.push(ConfigKey { name, secret: true, required: true, ..ConfigKey::default() });
                    keys.len() - 1
                });
                for variable in env {
                    // Of several keys, each has its own variable and not those of the others.
                    let is_its = secrets.len() == 1 || is_for(variable, name);
                    if is_its && !keys[at].env.contains(variable) {
                        keys[at].env.push(variable.clone());
                    }
                }
            }
        }
        keys
    }

    pub fn has_tools(&self) -> bool {
        Capabilities::has(&self.capabilities.tools)
    }

    /// What it brings beside models, each with how it is used.
    pub fn beside_models(&self, plugin: &str) -> Vec<(&'static str, String)> {
        let (can, name) = (&self.capabilities, shell_word(plugin));
        let tools = self.has_tools().then(|| ("tools", format!("consort plugins tools {name}")));
        let run = format!("consort plugins run {name} ");
        let uses = [
            ("templates", "-t ", &can.templates, ":NAME"),
            ("fragments", "-f ", &can.fragments, ":WHAT"),
            ("commands", run.as_str(), &can.commands, ""),
        ];
        let named = uses.into_iter().filter(|(_, _, names, _)| !names.is_empty());
        let named = named.map(|(what, before, names, after)| {
            let each: Vec<String> =
                names.iter().map(|each| plain(&format!("{before}{each}{after}"))).collect();
            (what, shortened(&each.iter().map(String::as_str).collect::<Vec<_>>()))
        });
        tools.into_iter().chain(named).collect()
    }

    pub(crate) fn chat_models(&self) -> impl Iterator<Item = &Known> {
        self.of_kind(ModelKind::Chat)
    }

    pub(crate) fn of_kind(&self, kind: ModelKind) -> impl Iterator<Item = &Known> {
        self.models.iter().filter(move |known| known.card.kind == kind)
    }
}

/// A plugin with one chat model, or with none and one live model, is called by its own name alone, and so is the model
/// that has that name. Each is found by its own name too, and one that is alone, of any kind, by the plugin's.
fn name_single(plugin: &str, models: &mut [Known]) {
    let count = |kind| models.iter().filter(|known| known.card.kind == kind).count();
    let (chat, live) = (count(ModelKind::Chat), count(ModelKind::Realtime));
    let only = models.len() == 1;
    let single = match (chat, live) {
        (1, _) => Some(ModelKind::Chat),
        (0, 1) => Some(ModelKind::Realtime),
        _ => None,
    };
    for known in models {
        let card = &mut known.card;
        let name = card.name.clone();
        if name == plugin || single == Some(card.kind) {
            let full = std::mem::replace(&mut card.id, plugin.to_owned());
            add_alias(card, full);
        }
        add_alias(card, name);
        if only {
            add_alias(card, plugin.to_owned());
        }
    }
}

/// Of models with one id only the first can be asked for: it alone stays. A remark for each of the others.
fn drop_twins(models: &mut Vec<Known>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut notes = Vec::new();
    models.retain(|known| {
        let first = seen.insert((known.card.kind as u8, known.card.id.clone()));
        if !first {
            notes.push(format!("two models are named `{}`: the first is used", known.card.id));
        }
        first
    });
    notes
}

/// A remark for each alias that several models of a kind have: nobody can tell which of them it means.
fn shared_aliases(models: &[Known]) -> Vec<String> {
    let mut owners: BTreeMap<(u8, &str), Vec<&str>> = BTreeMap::new();
    for ModelCard { kind, aliases, id, .. } in models.iter().map(|known| &known.card) {
        for alias in aliases.iter().collect::<BTreeSet<_>>() {
            owners.entry((*kind as u8, alias)).or_default().push(id);
        }
    }
    let shared = owners.into_iter().filter(|(_, ids)| ids.len() > 1);
    shared
        .map(|((_, alias), ids)| {
            let ids = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" and ");
            format!("{ids} have one alias, `{alias}`: it can be used for neither")
        })
        .collect()
}

fn add_alias(card: &mut ModelCard, alias: String) {
    if alias != card.id && !card.aliases.contains(&alias) {
        card.aliases.push(alias);
    }
}

/// Whether what is missing says so itself, as in `X is not set`; else it is a thing, as in `the key X`.
pub fn is_clause(missing: &str) -> bool {
    [" is ", " are ", ": "].iter().any(|sign| missing.contains(sign))
}

impl Outcome {
    /// What a plugin that did not start said.
    pub(crate) fn refused(failure: &Failure) -> Self {
        let data = &failure.data;
        let (at, help) = (data.at.as_deref().map(plain), data.help.as_deref().map(plain));
        match &data.missing {
            Some(missing) => Self::NeedsSetup { missing: plain(missing), at, help },
            None => {
                Self::Broken { reason: plain(&without_place(&failure.message, data.at.as_deref())), at, help }
            }
        }
    }
}

/// How many letters a model's name may have.
const LONGEST: usize = 200;

/// A name that cannot be shown on one line cannot be asked for either.
fn is_named(info: &ModelInfo) -> bool {
    let is_short = |name: &str| name.chars().count() <= LONGEST;
    info.aliases.iter().chain([&info.id]).all(|name| is_plain(name) && is_short(name))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Some of the names, and how many more there are.
pub fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", "))
}

/// The text on one line, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The message without the place at its end, which is shown apart.
fn without_place(message: &str, at: Option<&str>) -> String {
    let short = at.and_then(|at| message.strip_suffix(at)?.strip_suffix(" at "));
    short.unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn learn(models: serde_json::Value) -> Vec<(String, Vec<String>)> {
        let listed: ModelsResult = serde_json::from_value(json!({"models": models})).unwrap();
        let learnt = Learnt::ready("acme", &InitializeResult::default(), &listed);
        learnt.models.into_iter().map(|known| (known.card.id, known.card.aliases)).collect()
    }

    #[test]
    fn one_model_is_called_like_its_plugin() {
        assert_eq!(
            learn(json!([{"id": "large", "aliases": ["l"]}])),
            [("acme".to_owned(), vec!["l".to_owned(), "acme/large".into(), "large".into()])]
        );
        let two = learn(json!([{"id": "a"}, {"id": "b"}]));
        assert_eq!(two[1], ("acme/b".to_owned(), vec!["b".to_owned()]));
        assert_eq!(learn(json!([{"id": "acme"}, {"id": "b"}]))[0].0, "acme");
        let odd = learn(
            json!([{"id": "a\u{1b}[2J"}, {"id": "b", "aliases": ["c\nd"]}, {"id": ""}, {"id": "good"}]),
        );
        assert_eq!(odd.len(), 1, "what cannot be shown on one line cannot be asked for: {odd:?}");
        let mixed = learn(json!([{"id": "a"}, {"id": "e", "kind": "embedding"}]));
        assert_eq!((mixed[0].0.as_str(), mixed[1].0.as_str()), ("acme", "acme/e"));
        let alone = learn(json!([{"id": "e", "kind": "embedding"}]));
        assert_eq!(alone, [("acme/e".to_owned(), vec!["e".to_owned(), "acme".into()])]);
        let live = learn(json!([{"id": "a", "kind": "realtime"}, {"id": "e", "kind": "embedding"}]));
        assert_eq!((live[0].0.as_str(), live[1].0.as_str()), ("acme", "acme/e"));
    }

    #[test]
    fn a_name_stands_for_one_model() {
        let listed = json!({"models": [{"id": "a"}, {"id": "b"}, {"id": "a"}]});
        let listed: ModelsResult = serde_json::from_value(listed).unwrap();
        let learnt = Learnt::ready("acme", &InitializeResult::default(), &listed);
        let ids: Vec<&str> = learnt.models.iter().map(|known| known.card.id.as_str()).collect();
        assert_eq!(ids, ["acme/a", "acme/b"]);
        let listed = json!({"models": [{"id": "x".repeat(201)}, {"id": ""}, {"id": "good"}]});
        let listed: ModelsResult = serde_json::from_value(listed).unwrap();
        let odd = Learnt::ready("acme", &InitializeResult::default(), &listed);
        assert_eq!(odd.models.len(), 1);
        assert!(odd.left_out.len() == 2 && odd.notes.is_empty(), "{:?} {:?}", odd.left_out, odd.notes);
        assert_eq!(learnt.notes, ["two models are named `acme/a`: the first is used"]);
        let listed = json!({"models": [
            {"id": "a", "aliases": ["x"]}, {"id": "b", "aliases": ["y", "x"]}, {"id": "e", "kind": "embedding", "aliases": ["y"]},
        ]});
        let listed: ModelsResult = serde_json::from_value(listed).unwrap();
        let learnt = Learnt::ready("acme", &InitializeResult::default(), &listed);
        assert_eq!(learnt.notes, ["`acme/a` and `acme/b` have one alias, `x`: it can be used for neither"]);
    }

    #[test]
    fn a_key_has_its_variables_and_not_those_of_another() {
        let listed = json!({
            "models": [
                {"id": "a", "needs": {"secrets": ["acme"]}},
                {"id": "b", "needs": {"secrets": ["acme", "other"], "env": ["ACME_KEY", "OTHER_KEY"]}},
                {"id": "c", "needs": {"secrets": ["own"], "env": ["A_NAME"]}},
            ],
            "needs": {"secrets": ["acme"], "env": ["LLM_ACME_KEY", "ACME_KEY"]},
        });
        let listed: ModelsResult = serde_json::from_value(listed).unwrap();
        let keys = Learnt::ready("x", &InitializeResult::default(), &listed).keys();
        let told: Vec<String> =
            keys.iter().map(|key| format!("{}: {}", key.name, key.env.join(" "))).collect();
        assert_eq!(told, ["acme: ACME_KEY LLM_ACME_KEY", "other: OTHER_KEY", "own: A_NAME"]);
    }

    #[test]
    fn a_plugin_says_nothing_that_a_terminal_would_obey() {
        let hello = json!({
            "plugin": {"name": "A\u{1b}]0;title\u{7}", "version": "1\n2", "description": "x\r"},
            "notes": ["one\u{1b}[31m"],
        });
        let hello: InitializeResult = serde_json::from_value(hello).unwrap();
        let learnt = Learnt::ready("acme", &hello, &ModelsResult::default());
        let all = [learnt.title, learnt.version, learnt.description, learnt.notes.first().cloned()];
        for text in all.iter().flatten() {
            assert!(is_plain(text), "{text:?}");
        }
        assert!(all.iter().all(Option::is_some));
        let failure =
            json!({"code": 1, "message": "no\u{1b}c", "data": {"at": "a:1\u{7}", "help": "x\u{8}"}});
        let failure: Failure = serde_json::from_value(failure).unwrap();
        let Outcome::Broken { reason, at, help } = Outcome::refused(&failure) else { panic!("not broken") };
        for text in [Some(reason), at, help].iter().flatten() {
            assert!(is_plain(text), "{text:?}");
        }
    }
}
