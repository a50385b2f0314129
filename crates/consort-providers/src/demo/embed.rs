//! The demo embedder: a bag of words, hashed into a vector of length one.
use super::{ID, price, tokens};
use consort_core::{
    BoxFuture, Context, EmbedRequest, Embedder, Embeddings, Error, ErrorKind, ModelCard, ModelKind, Usage,
};

const DIMENSIONS: u32 = 256;
const MOST_DIMENSIONS: u32 = 4_096;

/// Texts that share words get vectors that point the same way.
#[derive(Debug)]
pub(super) struct DemoEmbedder(ModelCard);

impl DemoEmbedder {
    pub(super) fn new() -> Self {
        let mut card = ModelCard::new(ID, "embed");
        card.kind = ModelKind::Embedding;
        card.title = Some("Demo: embeds by shared words".to_owned());
        card.price = Some(price());
        Self(card)
    }
}

impl Embedder for DemoEmbedder {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn embed(&self, request: EmbedRequest, _context: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        Box::pin(async move {
            let size = request.dimensions.unwrap_or(DIMENSIONS);
            if !(1..=MOST_DIMENSIONS).contains(&size) {
                let what = format!("{size} dimensions were asked for; 1 to {MOST_DIMENSIONS} are possible");
                return Err(Error::new(ErrorKind::InvalidRequest, what).provider(ID));
            }
            let input = request.inputs.iter().map(|text| tokens::of_text(text)).sum();
            let usage = Usage { input: Some(input), total: Some(input), ..Usage::default() };
            let vectors = request.inputs.iter().map(|text| vector(text, size as usize)).collect();
            Ok(Embeddings { vectors, model: Some(self.0.name.clone()), usage: Some(usage) })
        })
    }
}

fn vector(text: &str, size: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; size];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = fnv(&word.to_lowercase());
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % size as u64) as usize] += sign;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in &mut vector {
            *x /= length;
        }
    } else {
        // Nothing to go by: a fixed direction keeps the promise of length one.
        vector[0] = 1.0;
    }
    vector
}

/// FNV-1a: the same everywhere and for ever, which the standard library's hasher does not promise.
pub(super) fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
