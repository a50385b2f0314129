//! Reads manifests, field by field.
use super::super::block::Block;
use super::super::fields::{Fields, near};
use super::super::sniff::is_variable;
use super::{Dialect, Limits, Manifest};
use consort_settings::Problem;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::DeValue;

const FIELDS: [&str; 13] = [
    "protocol",
    "run",
    "package",
    "dialect",
    "class",
    "name",
    "hosts",
    "secrets",
    "env",
    "models",
    "concurrency",
    "limits",
    "init",
];

const LIMITS: [&str; 4] = ["memory_mb", "processes", "idle_s", "start_s"];

/// The fields that make a plugin of a TOML file that stands alone, and how many slips in their names still show that
/// one of them was meant.
const MAKERS: [(&str, usize); 3] = [("run", 1), ("package", 2), ("protocol", 2)];

/// A manifest that was read.
#[derive(Debug, Default)]
pub(in super::super) struct Read {
    pub(in super::super) manifest: Manifest,
    /// What is wrong in it, in the order of the lines.
    pub(in super::super) problems: Vec<Problem>,
    /// Whether it was meant to be a manifest: it says what to run, or would if it were spelt right.
    pub(in super::super) meant: bool,
}

/// Reads a TOML file.
pub(in super::super) fn of_file(file: &Path, text: &str) -> Read {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read(Fields::new(file, text, 0))
}

/// Reads a comment block of a script.
pub(in super::super) fn of_block(file: &Path, block: &Block) -> Read {
    if block.ended {
        return read(Fields::new(file, &block.toml, block.before));
    }
    let problem = Problem::new(file, "the `/// llm-plugin` block has no end")
        .at_line(block.before)
        .help("end it with a comment line that holds nothing but `///`");
    Read { problems: vec![problem], meant: true, ..Read::default() }
}

fn read(mut fields: Fields<'_>) -> Read {
    let mut read = Read::default();
    match fields.table() {
        // Whoever drops a TOML file here wants something of it.
        None => read.meant = true,
        Some(table) => {
            for (name, value) in &table {
                read.meant |= makes(name.get_ref());
                field(&mut read.manifest, &mut fields, name, value);
            }
        }
    }
    read.problems = fields.finish();
    read
}

fn makes(name: &str) -> bool {
    MAKERS.iter().any(|(maker, slips)| strsim::damerau_levenshtein(maker, name) <= *slips)
}

fn field(
    manifest: &mut Manifest,
    fields: &mut Fields<'_>,
    key: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) {
    let name = key.get_ref().as_ref();
    match name {
        "protocol" => manifest.protocol = fields.number(name, value, 1),
        "run" => manifest.run = run(fields, value),
        "package" => {
            manifest.package = fields.text(name, value).filter(|text| is_package(fields, value, text));
        }
        "dialect" => manifest.dialect = dialect(fields, value),
        "class" => manifest.class = fields.text(name, value),
        "name" => manifest.name = fields.text(name, value),
        "hosts" => manifest.hosts = hosts(fields, value),
        "secrets" => manifest.secrets = fields.texts(name, value),
        "env" => manifest.env = env(fields, value),
        "models" => manifest.models = fields.texts(name, value),
        "concurrency" => manifest.concurrency = fields.number(name, value, 1),
        "limits" => manifest.limits = limits(fields, value),
        "init" => manifest.init = fields.object(name, value),
        // Earlier drafts of the protocol named the plugin here: its file's name does.
        "id" => {}
        // These belong to nobody: anyone may use them.
        _ if name.starts_with("x-") => {}
        _ => fields.unknown(key, &FIELDS, "a plugin's manifest"),
    }
}

fn run(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    const HELP: &str = "for instance run = [\"node\", \"{file}\"]";
    if let DeValue::String(_) = value.get_ref() {
        fields.wrong(value.span(), "`run` must be a list: the program, and each argument", HELP);
        return None;
    }
    let words = fields.texts("run", value)?;
    if words.is_empty() {
        fields.wrong(value.span(), "`run` names no program", HELP);
        return None;
    }
    Some(words)
}

/// Whether this can be the name of a package, and nothing else: it is handed to an installer.
fn is_package(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>, name: &str) -> bool {
    let good = name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    if !good {
        fields.wrong(
            value.span(),
            "`package` must be a package's name",
            "for instance package = \"llm-echo\"",
        );
    }
    good
}

fn dialect(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>) -> Option<Dialect> {
    let word = fields.text("dialect", value)?;
    let found = Dialect::named(&word);
    if found.is_none() {
        let help = near(&word, &Dialect::ALL.map(Dialect::word));
        fields.wrong(value.span(), format!("no dialect is named `{word}`"), help);
    }
    found
}

fn hosts(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    let hosts = fields.texts("hosts", value)?;
    // A host that is written as an address would never match, and nobody would know why.
    if let Some(wrong) = hosts.iter().find(|host| host.contains(['/', '@', ' '])) {
        let help = "write the host alone, for instance \"api.acme.example\" or \"localhost:8080\"";
        fields.wrong(value.span(), format!("`{wrong}` is no host"), help);
        return None;
    }
    Some(hosts)
}

fn env(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>) -> Option<BTreeMap<String, String>> {
    let env = fields.words("env", value)?;
    if let Some(wrong) = env.keys().find(|name| !is_variable(name)) {
        let message = format!("`{}` cannot be the name of a variable", wrong.escape_debug());
        fields.wrong(value.span(), message, "for instance env = { ACME_API_KEY = \"acme\" }");
        return None;
    }
    Some(env)
}

fn limits(fields: &mut Fields<'_>, value: &Spanned<DeValue<'_>>) -> Limits {
    let mut limits = Limits::default();
    let DeValue::Table(table) = value.get_ref() else {
        let help = "for instance limits = { memory_mb = 512 }";
        fields.wrong(value.span(), "`limits` must be a table", help);
        return limits;
    };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "memory_mb" => limits.memory_mb = fields.number(name, value, 1),
            "processes" => limits.processes = fields.number(name, value, 1),
            "idle_s" => limits.idle_s = fields.number(name, value, 1),
            "start_s" => limits.start_s = fields.number(name, value, 1),
            _ => fields.unknown(key, &LIMITS, "`limits`"),
        }
    }
    limits
}
