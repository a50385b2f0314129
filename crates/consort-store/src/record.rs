//! Long-term memory: what is to be known in later conversations.
use crate::RecordId;
use consort_core::Object;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Something to be remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub id: RecordId,
    /// Whose memory it is in: a user, an assistant, a project.
    pub scope: String,
    pub text: String,
    pub data: Object,
    pub created: SystemTime,
}

/// Something new to be remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewRecord {
    pub scope: String,
    pub text: String,
    pub data: Object,
    pub vector: Option<Vector>,
}

/// A text's place among others, by one embedder. Only vectors of one embedder are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    pub embedder: String,
    pub values: Vec<f32>,
}

/// Which records are wanted: without words and vector the newest, else the nearest by both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordQuery {
    pub scope: String,
    /// Any of these words.
    pub search: Option<String>,
    pub vector: Option<Vector>,
    pub limit: Option<usize>,
}
