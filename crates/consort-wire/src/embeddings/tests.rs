//! All formats for embeddings, by small hand-written examples.
use super::*;
use crate::{EMBED_WIRES, EmbedWire, embed_wire};
use consort_core::{Embeddings, Usage};
use serde_json::json;

fn wire(id: &str) -> &'static dyn EmbedWire {
    embed_wire(id).expect("a known format")
}

fn read(id: &str, body: &Value) -> Result<Embeddings, Error> {
    wire(id).decode(&ResponseHead::new(200, []), body.to_string().as_bytes())
}

fn check_vectors(id: &str, body: Value, vectors: &[&[f32]], input: Option<u64>) {
    let read = read(id, &body).expect("readable embeddings");
    assert_eq!(read.vectors, vectors, "{id} {body}");
    assert_eq!(read.usage.and_then(|usage| usage.input), input, "{id} {body}");
}

#[test]
fn answers_are_read() {
    let half = STANDARD.encode([0.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat());
    let usage = json!({"prompt_tokens": 3, "total_tokens": 3});
    let data = json!([{"index": 1, "embedding": [1, 2]}, {"index": 0, "embedding": half}]);
    check_vectors("openai", json!({"data": data, "usage": usage}), &[&[0.5, -2.0], &[1.0, 2.0]], Some(3));
    let bytes = STANDARD.encode([1, 255, 128, 127]);
    let small = json!({"data": [{"embedding": bytes}], "model": "pplx-embed-v1"});
    check_vectors("openai", small, &[&[1.0, -1.0, -128.0, 127.0]], None);
    let meta = json!({"billed_units": {"input_tokens": 4.0}});
    let typed = json!({"embeddings": {"float": null, "int8": [[1, -1]]}, "meta": meta});
    check_vectors("cohere", typed, &[&[1.0, -1.0]], Some(4));
    check_vectors("cohere", json!({"embeddings": [[0.25]]}), &[&[0.25]], None);
    check_vectors("ollama", json!({"embeddings": [[1.5]], "prompt_eval_count": 2}), &[&[1.5]], Some(2));
    check_vectors("ollama", json!({"embedding": [1.5]}), &[&[1.5]], None);
    check_vectors("gemini", json!({"embedding": {"values": [1.5]}}), &[&[1.5]], None);
    let predicted = json!({"embeddings": {"values": [1.5], "statistics": {"token_count": 6}}});
    check_vectors("gemini", json!({"predictions": [predicted]}), &[&[1.5]], Some(6));
}

#[test]
fn errors_are_read() {
    for wire in EMBED_WIRES {
        let head = ResponseHead::new(401, []);
        let error = wire.decode(&head, br#"{"message": "no"}"#).expect_err("an error");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Auth, "no"));
        let inside = read(wire.id(), &json!({"error": {"message": "bad"}})).expect_err("an error");
        assert_eq!(inside.message(), "bad", "{}", wire.id());
        for broken in ["", "{", "[]", "{}", r#"{"data":[{"embedding":"!"}],"embeddings":7}"#] {
            let result = wire.decode(&ResponseHead::new(200, []), broken.as_bytes());
            assert!(result.is_err(), "{} {broken}", wire.id());
        }
    }
}

#[test]
fn what_is_written_is_read_back() {
    let usage = Usage { input: Some(7), ..Usage::default() };
    for count in [1, 2] {
        let vectors = vec![vec![0.5, 1.0]; count];
        let answer = Embeddings { vectors, model: None, usage: Some(usage.clone()) };
        let mut request = EmbedRequest::new(["one", "two"].into_iter().take(count));
        request.model = "m".into();
        request.dimensions = Some(2);
        for wire in EMBED_WIRES {
            // Ollama's format has no word for what the vectors are for.
            request.task = (wire.id() != "ollama").then(|| "search_query".to_owned());
            let written = wire.encode(&request, &Quirks::default()).expect("a request");
            assert_eq!(wire.decode_request(&written), Ok(request.clone()), "{}", wire.id());
            let again = read(wire.id(), &wire.encode_response(&answer, "m")).expect("embeddings");
            assert_eq!(again.vectors, answer.vectors);
            assert_eq!(again.usage.and_then(|usage| usage.input), Some(7), "{}", wire.id());
        }
    }
}

/// A request that is read and written again is the same.
fn check_request(id: &str, path: &str, body: Value) -> EmbedRequest {
    let request = wire(id).decode_request(&WireRequest::post(path, &body)).expect("a readable request");
    let quirks = Quirks { embeddings_path: Some(path.to_owned()), ..Quirks::default() };
    let written = wire(id).encode(&request, &quirks).and_then(|post| post.json()).expect("a body");
    assert_eq!(written, body);
    request
}

#[test]
fn what_has_no_word_is_kept() {
    let tokens = check_request("openai", "embeddings", json!({"model": "m", "input": [[1, 2]], "user": "u"}));
    assert!(tokens.inputs.is_empty());
    check_request("cohere", "v2/embed", json!({"model": "m", "input_type": "image", "images": ["data:"]}));
    let texts =
        json!({"instances": [{"content": "a", "task_type": "X"}], "parameters": {"autoTruncate": true}});
    assert_eq!(check_request("gemini", "models/m:predict", texts).task.as_deref(), Some("X"));
    let part = json!({"inline_data": {"mime_type": "image/png", "data": ""}});
    let image = json!({"requests": [{"model": "models/m", "content": {"parts": [part]}}]});
    assert_eq!(check_request("gemini", "models/m:batchEmbedContents", image).model, "m");
}
