//! One embedding, as numbers or as base64.
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// One embedding: numbers, or base64 of little-endian `f32`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Vector {
    Base64(String),
    Numbers(Vec<f32>),
}

impl Vector {
    /// The numbers as base64: a third of their length as text.
    pub fn base64(numbers: &[f32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::Base64(STANDARD.encode(bytes))
    }

    /// The numbers, where the text is what it should be.
    pub fn into_numbers(self) -> Option<Vec<f32>> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (chunks, rest) = bytes.as_chunks::<4>();
                rest.is_empty().then(|| chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
            }
        }
    }
}
