//! Seeds for the fuzz targets, made of recordings.
use consort_wire::WIRES;
use serde_json::Value;
use std::path::Path;

/// Longer seeds only slow the fuzzer down.
const LONGEST: usize = 16 * 1024;

/// Writes seeds below `corpus`, a folder for each target; says how many.
pub fn write(recordings: &Path, corpus: &Path) -> Result<usize, String> {
    let mut written = 0;
    for file in crate::replay::files(recordings)? {
        let recording = crate::replay::Recording::read(&file)?;
        let Some(at) = recording.wire().and_then(|id| WIRES.iter().position(|wire| wire.id() == id)) else {
            continue;
        };
        let body = recording.body();
        let kind = match recording.head().content_type() {
            kind if kind.contains("event-stream") && !kind.contains("amazon") => 0,
            kind if kind.contains("ndjson") => 2,
            kind if kind.contains("amazon") => 3,
            kind if kind.contains("json") => 1,
            _ => 4,
        };
        let framing: u8 = match (kind, body.first()) {
            (0, _) => 0,
            (2, _) => 1,
            (3, _) => 3,
            (_, Some(b'[')) => 2,
            _ => 4,
        };
        let mut seed = |target: &str, head: &[u8], body: &[u8]| {
            if body.is_empty() || body.len() > LONGEST {
                return Ok(());
            }
            let folder = corpus.join(target);
            let bytes = [head, body].concat();
            written += 1;
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(folder.join(&recording.id), bytes))
                .map_err(|error| format!("{}: {error}", folder.display()))
        };
        seed("decoders", &[at as u8, kind], &body)?;
        seed("framings", &[framing], &body)?;
        if !matches!(recording.request_body(), Value::Null) {
            seed("requests", &[at as u8], recording.request_body().to_string().as_bytes())?;
        }
    }
    Ok(written)
}
