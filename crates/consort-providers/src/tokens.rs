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

/// Whether a count of this model's tokens reads a vocabulary, which takes a while at the first.
pub(crate) fn reads_a_vocabulary(model: &str) -> bool {
    #[cfg(feature = "tokenizer")]
    return tokenizer::knows(model);
    #[cfg(not(feature = "tokenizer"))]
    {
        let _ = model;
        false
    }
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
    use consort_core::{Body, Output, Part, Request, TokenCount, ToolSpec};
    use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

    /// Models whose names begin so.
    struct Family {
        name: &'static str,
        /// Named here and not found by the library, which then carries five.
        vocabulary: fn() -> &'static CoreBPE,
        /// Whether its vendor published what it adds around messages. For families that think it did not.
        published: bool,
    }

    const fn family(name: &'static str, vocabulary: fn() -> &'static CoreBPE, published: bool) -> Family {
        Family { name, vocabulary, published }
    }

    const FAMILIES: [Family; 12] = [
        family("gpt-3.5", cl100k_base_singleton, true),
        family("gpt-4", cl100k_base_singleton, true),
        family("gpt-4o", o200k_base_singleton, true),
        family("gpt-4.1", o200k_base_singleton, true),
        family("chatgpt-4o", o200k_base_singleton, true),
        family("gpt-4.5", o200k_base_singleton, false),
        family("gpt-5", o200k_base_singleton, false),
        family("o1", o200k_base_singleton, false),
        family("o3", o200k_base_singleton, false),
        family("o4", o200k_base_singleton, false),
        family("gpt-oss", o200k_base_singleton, false),
        family("text-embedding", cl100k_base_singleton, false),
    ];

    impl Family {
        fn has(&self, model: &str) -> bool {
            let Some(rest) = model.strip_prefix(self.name) else { return false };
            // `gpt-5.1` is of the family `gpt-5`, but a `gpt-4.7` would be of none whose rule we know.
            rest.is_empty() || rest.starts_with(['-', ':', '@']) || (rest.starts_with('.') && !self.published)
        }
    }

    fn family_of(model: &str) -> Option<&'static Family> {
        let name = model.rsplit('/').next().unwrap_or(model);
        FAMILIES.iter().find(|family| family.has(name))
    }

    pub(super) fn knows(model: &str) -> bool {
        family_of(model).is_some()
    }

    /// The tokens of the request's texts with this model's vocabulary. What its vendor adds around messages is
    /// the published rule; media, tools and schemas are not published, so a request with them is an estimate.
    pub(super) fn count(model: &str, request: &Request) -> Option<TokenCount> {
        let family = family_of(model)?;
        let vocabulary = (family.vocabulary)();
        const PER_MESSAGE: u64 = 3;
        const REPLY: u64 = 3;
        let mut exact = family.published && request.tools.is_empty() && request.output == Output::Text;
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
    use consort_core::{Media, Output, Part, Request, TokenCount, ToolSpec};
    use serde_json::json;

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

    #[test]
    fn a_count_is_exact_only_by_the_published_rule() {
        let request = Request::ask("hello world");
        for model in ["gpt-3.5-turbo", "gpt-4", "gpt-4-0613", "gpt-4o", "gpt-4.1-nano", "chatgpt-4o-latest"] {
            assert!(locally(model, &request).exact, "{model}");
        }
        // Their vocabulary is known, and what their vendor adds for thinking is not.
        for model in
            ["gpt-5", "gpt-5-mini", "o1", "o3-mini", "o4-mini", "openai/gpt-oss-120b", "gpt-4.5-preview"]
        {
            assert_eq!(locally(model, &request), TokenCount { tokens: 9, exact: false }, "{model}");
        }
        let schema = Output::Schema { name: "s".into(), description: None, schema: json!({}), strict: None };
        for output in [Output::Json, schema] {
            assert!(!locally("gpt-4o", &Request { output, ..request.clone() }).exact);
        }
        let tool = ToolSpec::Native { wire: "openai-chat".into(), value: json!({}) };
        assert!(!locally("gpt-4o", &Request { tools: vec![tool], ..request }).exact);
    }
}
