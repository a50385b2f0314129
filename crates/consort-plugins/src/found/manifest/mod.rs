//! What a plugin says of itself before anything of it runs.
mod read;
#[cfg(test)]
mod tests;

use consort_core::Object;
use std::collections::BTreeMap;

pub(super) use read::{Read, of_block, of_file};

/// What stands in a plugin's comment block and in the TOML file beside it. What is absent was not said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// The version of the plugin protocol that it speaks.
    pub protocol: Option<u64>,
    /// The command that starts it, as it was written: with `{file}` and `{dir}`.
    pub run: Option<Vec<String>>,
    /// An installed package that it stands for.
    pub package: Option<String>,
    /// Which contract a Python file is written in, where its text does not tell.
    pub dialect: Option<Dialect>,
    /// Which class of a Python file is meant.
    pub class: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Where it may send requests; a port may follow.
    pub hosts: Option<Vec<String>>,
    /// The keys that it may ask for, once the user granted them.
    pub secrets: Option<Vec<String>>,
    /// Variables that hold a granted key: the variable, and the key's name.
    pub env: Option<BTreeMap<String, String>>,
    /// The models that are shown before it was ever asked.
    pub models: Option<Vec<String>>,
    /// How many requests may be open at once.
    pub concurrency: Option<u64>,
    pub limits: Limits,
    /// Arguments of the constructor.
    pub init: Option<Object>,
}

/// What a plugin may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of all its processes together.
    pub memory_mb: Option<u64>,
    pub processes: Option<u64>,
    /// Seconds without a request after which it is stopped.
    pub idle_s: Option<u64>,
    /// Seconds in which it must have started.
    pub start_s: Option<u64>,
}

/// The contract that a Python file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    DropIn,
    Llm,
    Bruno,
    Vision,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::DropIn, Self::Llm, Self::Bruno, Self::Vision];

    pub fn word(self) -> &'static str {
        match self {
            Self::DropIn => "drop_in",
            Self::Llm => "llm",
            Self::Bruno => "bruno",
            Self::Vision => "vision",
        }
    }

    /// By its word, or by what `consort plugins new` calls it; hyphens are as good.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        if matches!(name.as_str(), "vision_agents" | "vision_agents_live") {
            return Some(Self::Vision);
        }
        Self::ALL.into_iter().find(|dialect| dialect.word() == name)
    }
}

impl Manifest {
    /// Both together: a field of the file beside the plugin replaces that of the block.
    pub(super) fn over(self, block: Self) -> Self {
        Self {
            protocol: self.protocol.or(block.protocol),
            run: self.run.or(block.run),
            package: self.package.or(block.package),
            dialect: self.dialect.or(block.dialect),
            class: self.class.or(block.class),
            name: self.name.or(block.name),
            hosts: self.hosts.or(block.hosts),
            secrets: self.secrets.or(block.secrets),
            env: self.env.or(block.env),
            models: self.models.or(block.models),
            concurrency: self.concurrency.or(block.concurrency),
            limits: Limits {
                memory_mb: self.limits.memory_mb.or(block.limits.memory_mb),
                processes: self.limits.processes.or(block.limits.processes),
                idle_s: self.limits.idle_s.or(block.limits.idle_s),
                start_s: self.limits.start_s.or(block.limits.start_s),
            },
            init: self.init.or(block.init),
        }
    }
}
