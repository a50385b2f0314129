//! Counting tokens: by the vendor where it counts, by its tokenizer where we have it, else by estimate.
use crate::transport::Endpoint;
use consort_core::{Context, Error, ErrorKind, Request, TokenCount};
use consort_wire::{Quirks, Wire};

/// The vendor's own count; nothing where it does not count, or there is no key to ask it with.
pub(crate) async fn by_vendor(
    endpoint: &Endpoint,
    wire: &dyn Wire,
    request: &Request,
    quirks: &Quirks,
    context: &Context,
) -> Option<Result<TokenCount, Error>> {
    if !endpoint.spec().counts_tokens {
        return None;
    }
    let encoded = match wire.count_request(request, quirks)? {
        Ok(encoded) => encoded,
        Err(error) => return Some(Err(endpoint.complete(error))),
    };
    let body = match endpoint.ask(encoded, context).await {
        Ok(body) => body,
        // Without a key an estimate, marked as one, is better than none.
        Err(error) if error.kind() == ErrorKind::Setup => return None,
        Err(error) => return Some(Err(error)),
    };
    let count = serde_json::from_slice(&body).ok().and_then(|value| wire.decode_count(&value));
    Some(match count {
        Some(tokens) => Ok(TokenCount { tokens, exact: true }),
        None => Err(endpoint.complete(Error::protocol("the vendor's count could not be read"))),
    })
}

/// A count without asking anybody.
pub(crate) fn locally(model: &str, request: &Request) -> TokenCount {
    #[cfg(feature = "tokenizer")]
    if let Some(tokens) = tokenizer::count(model, request) {
        return tokens;
    }
    #[cfg(not(feature = "tokenizer"))]
    let _ = model;
    consort_core::estimate_tokens(request)
}

#[cfg(feature = "tokenizer")]
mod tokenizer {
    //! OpenAI's own vocabularies.
    use consort_core::{Body, Part, Request, TokenCount, ToolSpec};
    use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

    /// The tokens of the request's texts with this model's vocabulary. What its vendor adds around messages is
    /// the published rule; media and tools are not published, so a request with them is an estimate.
    pub(super) fn count(model: &str, request: &Request) -> Option<TokenCount> {
        let vocabulary = vocabulary(model.rsplit('/').next().unwrap_or(model))?;
        const PER_MESSAGE: u64 = 3;
        const REPLY: u64 = 3;
        let mut exact = request.tools.is_empty();
        let mut tokens = REPLY;
        if !request.instructions.is_empty() {
            tokens += PER_MESSAGE + 1 + of_parts(vocabulary, &request.instructions, &mut exact);
        }
        for message in &request.messages {
            tokens += PER_MESSAGE + 1 + of_parts(vocabulary, &message.parts, &mut exact);
        }
        for tool in &request.tools {
            if let ToolSpec::Function(function) = tool {
                let text = format!("{}{}{}", function.name, function.description, function.parameters);
                tokens += of_text(vocabulary, &text);
            }
        }
        Some(TokenCount { tokens, exact })
    }

    /// The vocabulary of a family. Named here and not found by the library, which then carries five.
    fn vocabulary(model: &str) -> Option<&'static CoreBPE> {
        let is = |families: &[&str]| families.iter().any(|family| model.starts_with(family));
        if is(&["gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "chatgpt-4o", "o1", "o3", "o4"]) {
            return Some(o200k_base_singleton());
        }
        is(&["gpt-4", "gpt-3.5", "text-embedding-"]).then(cl100k_base_singleton)
    }

    fn of_text(vocabulary: &CoreBPE, text: &str) -> u64 {
        vocabulary.encode_ordinary(text).len() as u64
    }

    fn of_parts(vocabulary: &CoreBPE, parts: &[Part], exact: &mut bool) -> u64 {
        let count = |part: &Part| match &part.body {
            Body::Text { text, .. } | Body::Refusal { text } => of_text(vocabulary, text),
            _ => {
                *exact = false;
                let mut request = Request::default();
                request.instructions.push(part.clone());
                consort_core::estimate_tokens(&request).tokens
            }
        };
        parts.iter().map(count).sum()
    }
}

#[cfg(all(test, feature = "tokenizer"))]
mod tests {
    use super::locally;
    use consort_core::{Media, Part, Request, TokenCount};

    #[test]
    fn openais_families_are_counted() {
        // Two tokens of text, four around a message, three before the reply.
        let request = Request::ask("hello world");
        assert_eq!(locally("gpt-4o-mini", &request), TokenCount { tokens: 9, exact: true });
        assert_eq!(locally("openai/gpt-4o-mini", &request), TokenCount { tokens: 9, exact: true });
        assert!(!locally("llama-3.3-70b", &request).exact, "another family is an estimate");
        let mut shown = request.clone();
        shown.messages[0].parts.push(Part::media(Media::bytes("image/png", vec![0u8; 9])));
        assert!(!locally("gpt-4o-mini", &shown).exact, "what an image costs is not published");
    }
}
