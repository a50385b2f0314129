//! What a vendor's list says of a model.
use consort_core::{Modality, ModelKind};

/// One model of a vendor's list. What the list does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The name to ask for.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    pub kind: ModelKind,
    /// The context window, and the longest answer, in tokens.
    pub context: Option<u64>,
    pub output: Option<u64>,
    pub input: Option<Vec<Modality>>,
    pub tools: Option<bool>,
    pub schema: Option<bool>,
    pub reasoning: Option<bool>,
}
