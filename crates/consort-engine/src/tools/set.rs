//! The tools of a run, whether they ask first, and their limits.
use consort_core::{Error, ErrorKind, FunctionSpec, Tool, ToolSpec};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The tools that a run offers its model.
#[derive(Clone, Default)]
pub struct Tools {
    list: Vec<Arc<dyn Tool>>,
    /// Those that run without asking, whatever the others do.
    pub(crate) allowed: HashSet<String>,
    pub approval: Approval,
    pub limits: ToolLimits,
}

/// Whether somebody must say yes before a tool runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approval {
    /// Tools run when the model asks for them.
    #[default]
    Auto,
    /// Each call asks, until somebody says `always` to its tool.
    Ask,
    /// No tool runs: the calls are the answer, for the caller to run.
    Manual,
}

/// What tools may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolLimits {
    /// How often the model may be asked in one run.
    pub rounds: u32,
    /// How long one call may take.
    pub time: Duration,
    /// How many letters of a result the model is given.
    pub output: usize,
    /// How many calls run side by side.
    pub parallel: usize,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self { rounds: 25, time: Duration::from_mins(2), output: 50_000, parallel: 8 }
    }
}

impl Tools {
    /// These tools; two of one name are an error, since a model could not tell them apart.
    pub fn new(list: Vec<Arc<dyn Tool>>) -> Result<Self, Error> {
        let mut names = HashSet::new();
        for tool in &list {
            let name = &tool.spec().name;
            if !names.insert(name) {
                return Err(Error::new(ErrorKind::Setup, format!("two tools are named `{name}`"))
                    .hint("leave one of them out"));
            }
        }
        Ok(Self { list, ..Self::default() })
    }

    pub fn approval(mut self, approval: Approval) -> Self {
        self.approval = approval;
        self
    }

    /// Somebody said `always` to the tools of these names before.
    pub fn allowing(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.allowed.extend(names);
        self
    }

    /// Whether a call of this tool needs nobody's yes.
    pub fn is_free(&self, name: &str) -> bool {
        self.approval == Approval::Auto || self.allowed.contains(name)
    }

    pub fn limits(mut self, limits: ToolLimits) -> Self {
        self.limits = limits;
        self
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.list.iter().find(|tool| tool.spec().name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|tool| tool.spec().name.as_str())
    }

    /// What a model is told of them.
    pub fn functions(&self) -> Vec<FunctionSpec> {
        self.list.iter().map(|tool| tool.spec().clone()).collect()
    }

    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        self.functions().into_iter().map(ToolSpec::Function).collect()
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools")
            .field("list", &self.names().collect::<Vec<_>>())
            .field("approval", &self.approval)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
