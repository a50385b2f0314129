//! What a server answers, as parts for a model.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consort_core::{Media, Part, ToolOutput};
use rmcp::model::{CallToolResult, ContentBlock, Resource, ResourceContents};
use serde_json::Value;

pub(crate) fn output(result: CallToolResult) -> ToolOutput {
    let mut content: Vec<Part> = result.content.into_iter().map(part).collect();
    if let Some(structured) = result.structured_content
        && !content.iter().any(|part| says(part, &structured))
    {
        content.push(Part::text(structured.to_string()));
    }
    ToolOutput { content, is_error: result.is_error.unwrap_or(false) }
}

/// Whether a part is this value already: servers are asked to say it both ways.
fn says(part: &Part, value: &Value) -> bool {
    let text = part.as_text().map(str::trim);
    text.is_some_and(|text| serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value))
}

fn part(block: ContentBlock) -> Part {
    match block {
        ContentBlock::Text(text) => Part::text(text.text),
        ContentBlock::Image(image) => media(&image.mime_type, &image.data, None),
        ContentBlock::Audio(audio) => media(&audio.mime_type, &audio.data, None),
        ContentBlock::ResourceLink(link) => Part::text(linked(&link)),
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => Part::text(format!("{uri}:\n{text}")),
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                media(mime_type.as_deref().unwrap_or("application/octet-stream"), &blob, Some(&uri))
            }
            _ => Part::text("(a resource of a kind that this host does not know)"),
        },
        _ => Part::text("(content of a kind that this host does not know)"),
    }
}

/// A link is told, not followed: the server may be anybody's.
fn linked(link: &Resource) -> String {
    let named = link.title.as_ref().unwrap_or(&link.name);
    let mime = link.mime_type.as_ref().map(|mime| format!(" ({mime})")).unwrap_or_default();
    let description = link.description.as_ref().map(|text| format!("\n{text}")).unwrap_or_default();
    format!("{named}: {}{mime}{description}", link.uri)
}

fn media(mime: &str, data: &str, name: Option<&str>) -> Part {
    let Ok(bytes) = STANDARD.decode(data.trim()) else {
        return Part::text(format!("({mime} that could not be read: its data is no base64)"));
    };
    let media = Media::bytes(mime, bytes);
    Part::media(match name.and_then(|uri| uri.rsplit('/').next()).filter(|name| !name.is_empty()) {
        Some(name) => media.named(name),
        None => media,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(result: Value) -> Vec<Value> {
        let output = output(serde_json::from_value(result).unwrap());
        output.content.iter().map(|part| serde_json::to_value(part).unwrap()).collect()
    }

    #[test]
    fn every_kind_becomes_a_part() {
        let parts = read(json!({"content": [
            {"type": "text", "text": "hi"},
            {"type": "image", "mimeType": "image/png", "data": "AAEC"},
            {"type": "audio", "mimeType": "audio/wav", "data": "AAEC"},
            {"type": "image", "mimeType": "image/png", "data": "?"},
            {"type": "resource_link", "uri": "file:///a", "name": "a", "description": "what"},
            {"type": "resource", "resource": {"uri": "file:///t.txt", "text": "body"}},
            {"type": "resource", "resource": {"uri": "file:///b.pdf", "mimeType": "application/pdf", "blob": "AAEC"}},
        ]}));
        assert_eq!(parts[0]["text"], "hi");
        assert_eq!((&parts[1]["mime"], &parts[1]["source"]["bytes"]), (&json!("image/png"), &json!("AAEC")));
        assert_eq!(parts[2]["mime"], "audio/wav");
        assert!(parts[3]["text"].as_str().unwrap().contains("no base64"));
        assert_eq!(parts[4]["text"], "a: file:///a\nwhat");
        assert_eq!(parts[5]["text"], "file:///t.txt:\nbody");
        assert_eq!((&parts[6]["mime"], &parts[6]["name"]), (&json!("application/pdf"), &json!("b.pdf")));
    }

    #[test]
    fn structured_content_is_said_once() {
        let both = json!({"content": [{"type": "text", "text": "{\"b\": 2, \"a\": 1}"}], "structuredContent": {"a": 1, "b": 2}});
        assert_eq!(read(both).len(), 1);
        let alone = json!({"content": [], "structuredContent": {"a": 1}, "isError": true});
        assert_eq!(read(alone.clone())[0]["text"], "{\"a\":1}");
        assert!(output(serde_json::from_value(alone).unwrap()).is_error);
    }
}
