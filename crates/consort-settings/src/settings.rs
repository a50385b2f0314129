//! `consort.toml`, read in its layers.
use crate::context::{self, ContextSettings};
use crate::files::{self, Readers};
use crate::located::{Lines, Section};
use crate::mcp::{self, McpServer};
use crate::webhooks::{self, WebhookSettings};
use crate::{Env, Folders, Problem, folders, plugin_dirs, voices};
use consort_core::{Error, ErrorKind, Object};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What the user has set, all layers together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The model that answers when none is named.
    pub default_model: Option<String>,
    /// Short names for models.
    pub aliases: BTreeMap<String, String>,
    /// Fields that replace those of a provider's own file, or make a provider of their own.
    pub providers: BTreeMap<String, toml::Table>,
    /// What is set for single models, by id.
    pub models: BTreeMap<String, ModelSettings>,
    /// Models made of others, by name, for the crate of routes to understand.
    pub routes: BTreeMap<String, Section>,
    /// Voices made of a chat model, ears and a speaker, by name, and what all of them start from: for the crate of live
    /// sessions to understand.
    pub voices: BTreeMap<String, Section>,
    pub voice: Option<Section>,
    /// More folders of plugins, in the order in which they are looked through.
    pub plugin_dirs: Vec<PathBuf>,
    /// Whether conversations are kept; where absent they are.
    pub log: Option<bool>,
    pub context: ContextSettings,
    pub webhooks: Vec<WebhookSettings>,
    /// MCP servers as they are described, in the order of the files. Two may have one name.
    pub mcp: Vec<McpServer>,
}

/// What is set for one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelSettings {
    /// Options that every request to it starts from.
    pub options: Object,
}

/// The top-level names that mean something.
const NAMES: [&str; 13] = [
    "default_model",
    "aliases",
    "providers",
    "models",
    "routes",
    "voice",
    "voices",
    "plugin_dirs",
    "mcp",
    "mcp_config",
    "log",
    "context",
    "webhooks",
];

/// Why a project's file is not trusted with providers.
const PROJECT_PROVIDERS: &str =
    "a project's file may not change providers: it could send your keys elsewhere";

/// Why a project's file is not trusted with folders of plugins.
const PROJECT_PLUGINS: &str =
    "a project's file may not name folders of plugins: their code would run as yours";

/// Why a project's file is not trusted with webhooks.
const PROJECT_WEBHOOKS: &str =
    "a project's file may not name webhooks: your conversations would go where it says";

/// Why a project's file is not trusted with MCP servers.
const PROJECT_MCP: &str = "a project's file may not name MCP servers: they would run as yours";

/// Why a project's file is not trusted with ears and voices.
const PROJECT_VOICES: &str =
    "a project's file may not name ears and voices: what you say would go where it says";

/// Where such a thing belongs.
const OWN_FILE: &str = "put this into your own settings file (`consort doctor` says where it is)";

/// Whose file a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    User,
    /// A file that comes with whatever folder one is in. It may name models, but not change where keys are sent or
    /// whose code runs.
    Project,
}

impl Settings {
    /// Reads the user's file, then `./consort.toml`, then the environment. What is wrong is left out and told.
    pub fn load(folders: &Folders, env: &Env) -> (Self, Vec<Problem>) {
        Self::load_from(&folders.settings_file(), Some(Path::new("consort.toml")), env)
    }

    /// The same with files of the caller's choice.
    pub fn load_from(user: &Path, project: Option<&Path>, env: &Env) -> (Self, Vec<Problem>) {
        let mut reader = Reader { home: folders::home(env), ..Reader::default() };
        reader.file(user, Owner::User);
        let same = |path: &&Path| std::fs::canonicalize(path).ok() == std::fs::canonicalize(user).ok();
        if let Some(project) = project.filter(|path| path.exists() && !same(path)) {
            reader.file(project, Owner::Project);
        }
        if let Some(model) = env.get("CONSORT_MODEL") {
            reader.settings.default_model = Some(model.to_owned());
        }
        (reader.settings, reader.problems)
    }

    /// Whether conversations are kept.
    pub fn keeps_log(&self) -> bool {
        self.log.unwrap_or(true)
    }

    /// The model that a name stands for: itself, if it is no alias.
    pub fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }
}

/// Makes this the model that answers when none is named. The file keeps its comments and its order.
///
/// Without a model, whatever is set up first answers again.
pub fn set_default_model(folders: &Folders, model: Option<&str>) -> Result<(), Error> {
    let path = folders.settings_file();
    files::change(&path, Readers::Anyone, |text| {
        let text = text.unwrap_or_default();
        let mut document = document(&path, &text)?;
        let Some(model) = model else {
            document.remove("default_model");
            return Ok(document.to_string());
        };
        match document.get_mut("default_model").and_then(toml_edit::Item::as_value_mut) {
            // The comment behind the old value stays.
            Some(old) => {
                let decor = old.decor().clone();
                *old = model.into();
                *old.decor_mut() = decor;
            }
            None => {
                document.insert("default_model", toml_edit::value(model));
            }
        }
        Ok(document.to_string())
    })
}

/// A file's text as it can be changed.
pub(crate) fn document(path: &Path, text: &str) -> Result<toml_edit::DocumentMut, Error> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let mut problem = Problem::new(path, error.message());
        if let Some(span) = error.span() {
            problem = problem.at_offset(text, span.start);
        }
        Error::new(ErrorKind::Setup, problem.to_string()).hint("mend this line first; nothing was changed")
    })
}

/// The layers so far.
#[derive(Default)]
struct Reader {
    /// What `~` stands for.
    home: PathBuf,
    settings: Settings,
    problems: Vec<Problem>,
}

/// One file while it is read.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    pub(crate) fn problem(&self, span: std::ops::Range<usize>, message: impl Into<String>) -> Problem {
        Problem::new(self.path, message).at_offset(self.text, span.start)
    }
}

impl Reader {
    fn file(&mut self, path: &Path, owner: Owner) {
        match files::read(path) {
            Ok(Some(text)) => self.text(&Source { path, text: &text }, owner),
            Ok(None) => {}
            Err(error) => self.problems.push(Problem::new(path, format!("cannot be read: {error}"))),
        }
    }

    fn text(&mut self, source: &Source<'_>, owner: Owner) {
        let table = match DeTable::parse(source.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let problem = Problem::of_toml(source.path, source.text, &error);
                return self
                    .problems
                    .push(problem.help("mend this line; until then the file counts for nothing"));
            }
        };
        for (name, value) in &table {
            let span = value.span();
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("default_model", DeValue::String(model)) => {
                    self.settings.default_model = Some(model.to_string());
                }
                ("aliases", DeValue::Table(table)) => self.aliases(source, table, owner),
                ("models", DeValue::Table(table)) => self.models(source, table),
                ("routes", DeValue::Table(table)) => self.routes(source, table, owner),
                ("providers", DeValue::Table(_)) if owner == Owner::Project => {
                    self.problems.push(source.problem(name.span(), PROJECT_PROVIDERS).help(OWN_FILE));
                }
                ("plugin_dirs", _) if owner == Owner::Project => {
                    self.problems.push(source.problem(name.span(), PROJECT_PLUGINS).help(OWN_FILE));
                }
                ("webhooks", _) if owner == Owner::Project => {
                    self.problems.push(source.problem(name.span(), PROJECT_WEBHOOKS).help(OWN_FILE));
                }
                ("webhooks", _) => {
                    let named = webhooks::read(source, value, &mut self.problems);
                    self.settings.webhooks.extend(named);
                }
                ("voice" | "voices", _) if owner == Owner::Project => {
                    self.problems.push(source.problem(name.span(), PROJECT_VOICES).help(OWN_FILE));
                }
                ("voice", DeValue::Table(table)) => {
                    let lines = Lines(source.text);
                    self.settings.voice = Some(voices::section(source, &lines, span.start, table));
                }
                ("voices", DeValue::Table(table)) => {
                    let named = voices::read(source, table, &mut self.problems);
                    self.settings.voices.extend(named);
                }
                ("log", DeValue::Boolean(yes)) => self.settings.log = Some(*yes),
                ("log", _) => {
                    self.problems.push(source.problem(span, "`log` must be true or false"));
                }
                ("context", DeValue::Table(table)) => {
                    context::read(source, table, &mut self.settings.context, &mut self.problems);
                }
                ("mcp" | "mcp_config", _) if owner == Owner::Project => {
                    self.problems.push(source.problem(name.span(), PROJECT_MCP).help(OWN_FILE));
                }
                ("mcp", DeValue::Table(table)) => {
                    let servers = mcp::read_table(source, table, &mut self.problems);
                    self.settings.mcp.extend(servers);
                }
                // Read when the rest is: what is in the user's own file counts first.
                ("mcp_config", _) => {}
                ("plugin_dirs", _) => {
                    let named = plugin_dirs::read(source, value, &self.home, &mut self.problems);
                    self.settings.plugin_dirs.extend(named);
                }
                ("providers", DeValue::Table(table)) => self.providers(source, table),
                ("default_model", _) => {
                    self.problems.push(source.problem(span, "`default_model` must be a text"));
                }
                (
                    known @ ("aliases" | "models" | "providers" | "routes" | "voice" | "voices" | "mcp"
                    | "context"),
                    _,
                ) => {
                    self.problems.push(source.problem(span, format!("`{known}` must be a table")));
                }
                (unknown, _) => self.problems.push(
                    source
                        .problem(name.span(), format!("`{unknown}` is not a setting"))
                        .help(format!("the settings are {}", NAMES.join(", "))),
                ),
            }
        }
        if owner == Owner::User {
            self.mcp_config(source, &table);
        }
    }

    /// The files of MCP servers that other programs keep.
    fn mcp_config(&mut self, source: &Source<'_>, table: &DeTable<'_>) {
        let Some(value) = table.get("mcp_config") else { return };
        let named = match value.get_ref() {
            DeValue::String(text) => vec![text.as_ref()],
            DeValue::Array(items) => items.iter().filter_map(|item| item.get_ref().as_str()).collect(),
            _ => Vec::new(),
        };
        if named.is_empty() {
            let problem = source.problem(value.span(), "`mcp_config` must name a file, or a list of files");
            self.problems.push(problem.help("for instance mcp_config = \"~/.config/mcp.json\""));
        }
        for name in named {
            let path = plugin_dirs::place(name, source.path, &self.home);
            self.settings.mcp.extend(mcp::read_config(&path, &mut self.problems));
        }
    }

    /// A project's may not stand in the way of what is the user's: a cloned repository would choose who is asked, and what
    /// that may cost.
    fn aliases(&mut self, source: &Source<'_>, table: &DeTable<'_>, owner: Owner) {
        for (alias, model) in table {
            let name = alias.get_ref().as_ref();
            let settings = &self.settings;
            let is_taken = name.contains('/')
                || settings.aliases.contains_key(name)
                || settings.routes.contains_key(name)
                || settings.providers.contains_key(name);
            if owner == Owner::Project && is_taken {
                let what =
                    format!("a project's alias `{name}` cannot stand for a model, route or alias of yours");
                self.problems.push(source.problem(alias.span(), what).help("give it another name"));
                continue;
            }
            match model.get_ref() {
                DeValue::String(model) => {
                    self.settings.aliases.insert(alias.get_ref().to_string(), model.to_string());
                }
                _ => self.problems.push(
                    source
                        .problem(model.span(), format!("the alias `{}` must name a model", alias.get_ref()))
                        .help("for instance fast = \"demo\""),
                ),
            }
        }
    }

    fn providers(&mut self, source: &Source<'_>, table: &DeTable<'_>) {
        for (id, value) in table {
            match toml_table(value.get_ref()) {
                Some(fields) => {
                    self.settings.providers.entry(id.get_ref().to_string()).or_default().extend(fields);
                }
                None => self.problems.push(
                    source.problem(value.span(), format!("the provider `{}` must be a table", id.get_ref())),
                ),
            }
        }
    }

    /// A route is one file's as a whole: of two that are mixed nobody could say what they do.
    fn routes(&mut self, source: &Source<'_>, table: &DeTable<'_>, owner: Owner) {
        let lines = Lines(source.text);
        for (name, value) in table {
            let DeValue::Table(fields) = value.get_ref() else {
                let what = format!("the route `{}` must be a table", name.get_ref());
                self.problems.push(source.problem(value.span(), what));
                continue;
            };
            let of_project = owner == Owner::Project;
            if of_project && self.settings.routes.contains_key(name.get_ref().as_ref()) {
                let what = format!("the route `{}` is in your own settings, which count", name.get_ref());
                self.problems.push(source.problem(name.span(), what).help("give this one another name"));
                continue;
            }
            let section = Section {
                file: source.path.to_owned(),
                line: lines.of(name.span().start),
                fields: lines.fields(fields),
                of_project,
            };
            self.settings.routes.insert(name.get_ref().to_string(), section);
        }
    }

    fn models(&mut self, source: &Source<'_>, table: &DeTable<'_>) {
        for (id, value) in table {
            let id = id.get_ref();
            let DeValue::Table(fields) = value.get_ref() else {
                self.problems.push(source.problem(value.span(), format!("the model `{id}` must be a table")));
                continue;
            };
            for (field, value) in fields {
                match (field.get_ref().as_ref(), toml_table(value.get_ref())) {
                    ("options", Some(options)) => {
                        let options = options.into_iter().map(|(name, value)| (name, json(value)));
                        self.settings.models.entry(id.to_string()).or_default().options.extend(options);
                    }
                    ("options", None) => self
                        .problems
                        .push(source.problem(value.span(), format!("the options of `{id}` must be a table"))),
                    (unknown, _) => self.problems.push(
                        source
                            .problem(field.span(), format!("`{unknown}` cannot be set for a model"))
                            .help(format!("options go into [models.\"{id}\".options]")),
                    ),
                }
            }
        }
    }
}

fn toml_table(value: &DeValue<'_>) -> Option<toml::Table> {
    match toml_value(value)? {
        toml::Value::Table(table) => Some(table),
        _ => None,
    }
}

/// The value without its places in the text; nothing for a number that does not fit.
pub(crate) fn toml_value(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => {
            toml::Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(yes) => toml::Value::Boolean(*yes),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|item| toml_value(item.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(name, value)| Some((name.get_ref().to_string(), toml_value(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// The same value in JSON. A date becomes its text; JSON has none.
pub(crate) fn json(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            Json::Object(table.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new(user: &str, project: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("consort.toml"), user).unwrap();
            std::fs::write(folder.path().join("project.toml"), project).unwrap();
            Self(folder)
        }

        fn load(&self, env: &Env) -> (Settings, Vec<String>) {
            let path = |name| self.0.path().join(name);
            let (settings, problems) =
                Settings::load_from(&path("consort.toml"), Some(&path("project.toml")), env);
            let prefix = format!("{}/", self.0.path().display());
            (settings, problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect())
        }
    }

    #[test]
    fn later_layers_win() {
        let place = Place::new(
            "default_model = 'a'\n[aliases]\nfast = 'x'\nslow = 'y'\n[models.'p/m'.options]\nsize = 1\n",
            "default_model = 'b'\n[aliases]\nown = 'z'\n[models.'p/m'.options]\ndepth = 2.5\n",
        );
        let (settings, problems) = place.load(&Env::default());
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(settings.default_model.as_deref(), Some("b"));
        assert_eq!(
            (settings.resolve("fast"), settings.resolve("own"), settings.resolve("p/m")),
            ("x", "z", "p/m")
        );
        assert_eq!(
            serde_json::to_string(&settings.models["p/m"].options).unwrap(),
            r#"{"size":1,"depth":2.5}"#
        );
        let (settings, _) = place.load(&Env::of([("CONSORT_MODEL", "c")]));
        assert_eq!(settings.default_model.as_deref(), Some("c"));
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_counts() {
        let place = Place::new(
            "default_model = 7\nmodle = 'x'\n[aliases]\ngood = 'm'\nbad = 1\n[providers.acme]\nbase_url = 'u'\n",
            "\n[aliases\n",
        );
        let (settings, problems) = place.load(&Env::default());
        assert_eq!(settings.resolve("good"), "m");
        assert_eq!(settings.providers["acme"]["base_url"].as_str(), Some("u"));
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.contains(&"consort.toml:1: `default_model` must be a text".into()));
        assert!(problems.contains(&"consort.toml:2: `modle` is not a setting".into()));
        assert!(problems.contains(&"consort.toml:5: the alias `bad` must name a model".into()));
        assert!(problems[3].starts_with("project.toml:2: "), "{problems:?}");
    }

    #[test]
    fn a_projects_alias_stands_in_the_way_of_nothing_that_is_the_users() {
        let place = Place::new(
            "[aliases]\nfast = 'route/tight'\n[routes.tight]\ntargets = ['a/b']\n",
            "[aliases]\nfast = 'x/y'\ntight = 'x/y'\n\"route/tight\" = 'x/y'\nfree = 'x/y'\n",
        );
        let (settings, problems) = place.load(&Env::default());
        assert_eq!(settings.resolve("fast"), "route/tight");
        assert_eq!((settings.resolve("tight"), settings.resolve("route/tight")), ("tight", "route/tight"));
        assert_eq!(settings.resolve("free"), "x/y");
        let mut lines: Vec<&str> = problems.iter().filter_map(|problem| problem.get(..15)).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["project.toml:2:", "project.toml:3:", "project.toml:4:"], "{problems:?}");
    }

    #[test]
    fn a_project_cannot_redirect_keys() {
        let place = Place::new("", "default_model = 'b'\n[providers.acme]\nbase_url = 'http://evil'\n");
        let (settings, problems) = place.load(&Env::default());
        assert!(settings.providers.is_empty());
        assert_eq!(settings.default_model.as_deref(), Some("b"));
        assert!(
            problems[0].starts_with("project.toml:2: a project's file may not change providers"),
            "{problems:?}"
        );
    }

    #[test]
    fn routes_keep_their_lines_and_a_project_replaces_none_of_the_users() {
        let place = Place::new(
            "[routes.fast]\ntargets = [\n  'a',\n  { model = 'b', weight = 2 },\n]\n",
            "[routes]\nfast.targets = ['evil']\nown.targets = ['c']\nbad = 1\n",
        );
        let (settings, problems) = place.load(&Env::default());
        let fast = &settings.routes["fast"];
        assert_eq!((fast.line, fast.fields[0].line, fast.of_project), (1, 2, false));
        let crate::LocatedValue::List(targets) = &fast.fields[0].value.value else { unreachable!() };
        assert_eq!(targets.iter().map(|target| target.line).collect::<Vec<_>>(), [3, 4]);
        assert!(settings.routes["own"].of_project);
        assert_eq!(
            problems,
            [
                "project.toml:4: the route `bad` must be a table",
                "project.toml:2: the route `fast` is in your own settings, which count",
            ]
        );
    }

    #[test]
    fn folders_of_plugins_are_the_users_alone_to_name() {
        let place =
            Place::new("plugin_dirs = ['~/mine', '/srv/p', 'beside', 7, '']\n", "plugin_dirs = ['.']\n");
        let (settings, problems) =
            place.load(&Env::of([("HOME", "/home/ada"), ("USERPROFILE", "/home/ada")]));
        let beside = place.0.path().join("beside");
        assert_eq!(settings.plugin_dirs, [Path::new("/home/ada/mine"), Path::new("/srv/p"), &beside]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], "consort.toml:1: a folder of plugins must be a text that names it");
        assert!(problems[2].starts_with("project.toml:1: a project's file may not name"), "{problems:?}");
        let (settings, problems) = Place::new("\nplugin_dirs = '~/mine'\n", "").load(&Env::default());
        assert!(settings.plugin_dirs.is_empty());
        assert_eq!(problems, ["consort.toml:2: `plugin_dirs` must be a list of folders"]);
    }

    #[test]
    fn what_is_kept_and_sent_and_told_can_be_set() {
        let (settings, problems) = Place::new(
            "log = false\n[context]\nwindow = 32768\nsummaries = 'demo'\n\n[[webhooks]]\nurl = 'https://a.example/h'\n\
             secret = 's'\nevents = ['run_ended']\n[[webhooks]]\nurl = 'ftp://a'\n[[webhooks]]\n",
            "log = true\n[[webhooks]]\nurl = 'https://evil.example'\n",
        )
        .load(&Env::default());
        assert!(settings.keeps_log());
        assert_eq!(settings.context.window, Some(32_768));
        assert_eq!(settings.context.summaries, crate::Summaries::By("demo".to_owned()));
        assert_eq!(settings.webhooks.len(), 1);
        assert_eq!(settings.webhooks[0].events.as_deref(), Some(&["run_ended".to_owned()][..]));
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("consort.toml:11: the `url` of a webhook"), "{problems:?}");
        assert_eq!(problems[1], "consort.toml:12: a webhook needs its `url`");
        assert!(
            problems[2].starts_with("project.toml:2: a project's file may not name webhooks"),
            "{problems:?}"
        );
        let (settings, problems) =
            Place::new("log = 1\n[context]\nwindow = 10\nsummaries = 2\nwindwo = 1\n", "")
                .load(&Env::default());
        assert!(settings.keeps_log() && settings.context == crate::ContextSettings::default());
        assert_eq!(problems.len(), 4, "{problems:?}");
    }

    #[test]
    fn setting_the_default_keeps_the_file() {
        let place = Place::new("# mine\ndefault_model = 'a' # for now\n\n[aliases] # short\nf = 'x'\n", "");
        let folders = Folders { config: place.0.path().into(), data: place.0.path().into() };
        set_default_model(&folders, Some("p/new")).unwrap();
        let text = || std::fs::read_to_string(folders.settings_file()).unwrap();
        assert_eq!(text(), "# mine\ndefault_model = \"p/new\" # for now\n\n[aliases] # short\nf = 'x'\n");
        std::fs::write(folders.settings_file(), "[aliases]\nf = 'x'\n").unwrap();
        set_default_model(&folders, Some("p/new")).unwrap();
        assert_eq!(text(), "default_model = \"p/new\"\n[aliases]\nf = 'x'\n");
        std::fs::write(folders.settings_file(), "oops").unwrap();
        let error = set_default_model(&folders, Some("p/new")).unwrap_err();
        assert!(error.message().contains("consort.toml:1: "), "{error}");
        assert_eq!(text(), "oops");
    }
}
