//! Parts and answers as they are kept: JSON without what is large or often the same, which is kept once.
use super::fault::{Done, Fault};
use crate::Answer;
use bytes::Bytes;
use consort_core::{Body, Error, ErrorKind, FunctionSpec, MediaSource, Object, Part};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Parts as JSON, and the payloads that were taken out of it.
pub(super) struct Packed {
    pub(super) json: String,
    pub(super) media: Vec<(i64, Bytes)>,
}

/// What a model was asked with: the same for many turns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    instructions: String,
    #[serde(skip_serializing_if = "Object::is_empty")]
    options: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<FunctionSpec>,
}

pub(super) fn pack(parts: &[Part]) -> Done<Packed> {
    let mut parts = parts.to_vec();
    let (mut media, mut place) = (Vec::new(), 0);
    each_payload(&mut parts, &mut |bytes| {
        if !bytes.is_empty() {
            media.push((place, std::mem::take(bytes)));
        }
        place += 1;
    });
    Ok(Packed { json: json(&parts)?, media })
}

/// Walks over all payloads, in the order in which they stand.
fn each_payload(parts: &mut [Part], each: &mut impl FnMut(&mut Bytes)) {
    for part in parts {
        match &mut part.body {
            Body::Media(media) => {
                if let MediaSource::Bytes(bytes) = &mut media.source {
                    each(bytes);
                }
            }
            Body::ToolResult(result) => each_payload(&mut result.content, each),
            _ => {}
        }
    }
}

/// JSON stands in so many brackets at most. A vendor's answer has 128 of them and stands in a few of ours.
const DEEPEST: usize = 192;

/// JSON to be kept. What cannot be written as JSON (a path that is no text) is the caller's to change.
pub(super) fn json(value: &impl Serialize) -> Done<String> {
    let refused = |why: String| Error::new(ErrorKind::InvalidRequest, format!("this cannot be kept: {why}"));
    let json = serde_json::to_string(value).map_err(|error| refused(error.to_string()))?;
    if depth(&json) > DEEPEST {
        return Err(refused(format!("it is nested more than {DEEPEST} deep")).into());
    }
    Ok(json)
}

/// JSON that was kept.
pub(super) fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Done<T> {
    if depth(json) > DEEPEST {
        return Err(Fault::Unreadable(format!("something is nested more than {DEEPEST} deep")));
    }
    let mut from = serde_json::Deserializer::from_str(json);
    // The usual limit is that of what comes from outside: the same with our own brackets around it is read here.
    from.disable_recursion_limit();
    let value = T::deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// In how many brackets JSON stands.
fn depth(json: &str) -> usize {
    let (mut now, mut most, mut text, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !text => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Keeps an answer. What it was asked with is kept apart, and found by the number.
pub(super) fn pack_answer(connection: &Connection, answer: &Answer) -> Done<(String, Option<i64>)> {
    let mut answer = answer.clone();
    let asked = Asked {
        instructions: std::mem::take(&mut answer.instructions),
        options: std::mem::take(&mut answer.options),
        schema: answer.schema.take(),
        tools: std::mem::take(&mut answer.tools),
    };
    let asked =
        if asked == Asked::default() { None } else { Some(keep(connection, json(&asked)?.as_bytes())?) };
    let mut value: Value = read(&json(&answer)?)?;
    drop_nulls(&mut value);
    if let Some(usage) = value.get_mut("usage") {
        drop_nulls(usage);
    }
    Ok((value.to_string(), asked))
}

/// What is unknown takes no room.
fn drop_nulls(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
}

/// Keeps bytes once, and tells their number.
pub(super) fn keep(connection: &Connection, bytes: &[u8]) -> Done<i64> {
    let hash = Sha256::digest(bytes);
    let hash = hash.as_slice();
    let mut find = connection.prepare_cached("SELECT seq FROM blobs WHERE sha256 = ?")?;
    if let Some(seq) = find.query_row([hash], |row| row.get(0)).optional()? {
        return Ok(seq);
    }
    let mut add = connection.prepare_cached("INSERT INTO blobs (sha256, bytes) VALUES (?, ?)")?;
    add.execute(params![hash, bytes])?;
    Ok(connection.last_insert_rowid())
}

/// Keeps a turn's payloads instead of those that it had.
pub(super) fn attach(connection: &Connection, turn: i64, media: &[(i64, Bytes)]) -> Done<()> {
    for (place, bytes) in media {
        let blob = keep(connection, bytes)?;
        let mut add =
            connection.prepare_cached("INSERT INTO attachments (turn, place, blob) VALUES (?, ?, ?)")?;
        add.execute([turn, *place, blob])?;
    }
    Ok(())
}

/// Removes of these blobs what nothing uses any more.
pub(super) fn sweep(connection: &Connection, blobs: &[i64]) -> Done<()> {
    let mut remove = connection.prepare_cached(
        "DELETE FROM blobs WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM attachments WHERE blob = ?1)
           AND NOT EXISTS (SELECT 1 FROM turns WHERE asked = ?1)",
    )?;
    for blob in blobs {
        remove.execute([blob])?;
    }
    Ok(())
}

/// Puts together what was kept apart. What several turns share is read once.
pub(super) struct Unpack<'a> {
    connection: &'a Connection,
    asked: HashMap<i64, Asked>,
    payloads: HashMap<i64, Bytes>,
}

impl<'a> Unpack<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, asked: HashMap::new(), payloads: HashMap::new() }
    }

    pub(super) fn parts(&mut self, turn: i64, json: &str, media: bool) -> Done<Vec<Part>> {
        let mut parts: Vec<Part> = read(json)?;
        if !media {
            return Ok(parts);
        }
        let mut payloads = HashMap::new();
        let mut find =
            self.connection.prepare_cached("SELECT place, blob FROM attachments WHERE turn = ?")?;
        let mut rows = find.query([turn])?;
        while let Some(row) = rows.next()? {
            payloads.insert(row.get::<_, i64>(0)?, self.payload(row.get(1)?)?);
        }
        let mut place = 0;
        each_payload(&mut parts, &mut |bytes| {
            if let Some(payload) = payloads.remove(&place) {
                *bytes = payload;
            }
            place += 1;
        });
        Ok(parts)
    }

    pub(super) fn answer(&mut self, json: &str, asked: Option<i64>) -> Done<Box<Answer>> {
        let mut answer: Box<Answer> = read(json)?;
        if let Some(asked) = asked {
            let asked = self.asked(asked)?;
            answer.instructions.clone_from(&asked.instructions);
            answer.options.clone_from(&asked.options);
            answer.schema.clone_from(&asked.schema);
            answer.tools.clone_from(&asked.tools);
        }
        Ok(answer)
    }

    fn asked(&mut self, blob: i64) -> Done<&Asked> {
        if !self.asked.contains_key(&blob) {
            let bytes = self.bytes(blob)?;
            let json = std::str::from_utf8(&bytes).map_err(|error| Fault::Unreadable(error.to_string()))?;
            self.asked.insert(blob, read(json)?);
        }
        self.asked.get(&blob).ok_or_else(|| Fault::Unreadable("a blob is gone".into()))
    }

    fn payload(&mut self, blob: i64) -> Done<Bytes> {
        if let Some(bytes) = self.payloads.get(&blob) {
            return Ok(bytes.clone());
        }
        let bytes = Bytes::from(self.bytes(blob)?);
        self.payloads.insert(blob, bytes.clone());
        Ok(bytes)
    }

    fn bytes(&self, blob: i64) -> Done<Vec<u8>> {
        let mut find = self.connection.prepare_cached("SELECT bytes FROM blobs WHERE seq = ?")?;
        Ok(find.query_row([blob], |row| row.get(0))?)
    }
}
