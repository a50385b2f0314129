//! Records in the database, and their vectors.
use super::fault::Done;
use super::parts::{json, read};
use super::turns::{id, limit};
use crate::rank::{bytes, fuse, nearness, unit};
use crate::words::{Search, indexed};
use crate::{NewRecord, Record, RecordId, RecordQuery, Vector, growth};
use rusqlite::{Connection, Row, params};

const COLUMNS: &str = "id, text, data, created";

pub(super) fn remember(connection: &Connection, new: NewRecord) -> Done<Record> {
    let vector = match new.vector {
        Some(vector) => Some((vector.embedder, bytes(&unit(&vector.values)?))),
        None => None,
    };
    let record = Record {
        id: RecordId::new(),
        scope: new.scope,
        text: new.text,
        data: new.data,
        created: growth::now(),
    };
    let mut add = connection
        .prepare_cached("INSERT INTO records (id, scope, text, data, created) VALUES (?, ?, ?, ?, ?)")?;
    let created = growth::micros(record.created);
    add.execute(params![record.id.0.as_bytes(), record.scope, record.text, json(&record.data)?, created])?;
    let seq = connection.last_insert_rowid();
    if let Some((embedder, vector)) = vector {
        let mut add = connection
            .prepare_cached("INSERT INTO vectors (record, scope, embedder, vector) VALUES (?, ?, ?, ?)")?;
        add.execute(params![seq, record.scope, embedder, vector])?;
    }
    let mut add = connection.prepare_cached("INSERT INTO record_words (rowid, words) VALUES (?, ?)")?;
    add.execute(params![seq, indexed(&record.text)])?;
    Ok(record)
}

pub(super) fn forget(connection: &Connection, id: RecordId) -> Done<bool> {
    let words = "DELETE FROM record_words WHERE rowid = (SELECT seq FROM records WHERE id = ?)";
    connection.execute(words, [id.0.as_bytes()])?;
    Ok(connection.execute("DELETE FROM records WHERE id = ?", [id.0.as_bytes()])? > 0)
}

pub(super) fn find(connection: &Connection, query: &RecordQuery) -> Done<Vec<Record>> {
    let search = Search::read(query.search.as_deref(), true);
    if search.is_none() && query.vector.is_none() {
        return newest(connection, query);
    }
    let mut rankings = Vec::new();
    if let Some(search) = &search {
        rankings.push(by_words(connection, search, &query.scope)?);
    }
    if let Some(vector) = &query.vector {
        rankings.push(by_vector(connection, vector, &query.scope)?);
    }
    let mut get = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM records WHERE seq = ?"))?;
    let mut found = Vec::new();
    for seq in fuse(&rankings).into_iter().take(query.limit.unwrap_or(usize::MAX)) {
        let mut rows = get.query([seq])?;
        if let Some(row) = rows.next()? {
            found.push(of(row, &query.scope)?);
        }
    }
    Ok(found)
}

fn newest(connection: &Connection, query: &RecordQuery) -> Done<Vec<Record>> {
    let sql = format!("SELECT {COLUMNS} FROM records WHERE scope = ? ORDER BY seq DESC LIMIT ?");
    let mut find = connection.prepare_cached(&sql)?;
    let mut rows = find.query(params![query.scope, limit(query.limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of(row, &query.scope)?);
    }
    Ok(found)
}

fn of(row: &Row<'_>, scope: &str) -> Done<Record> {
    Ok(Record {
        id: RecordId(id(row, 0)?),
        scope: scope.to_owned(),
        text: row.get(1)?,
        data: read(&row.get::<_, String>(2)?)?,
        created: growth::time(row.get(3)?),
    })
}

fn by_words(connection: &Connection, search: &Search, scope: &str) -> Done<Vec<i64>> {
    if search.phrases.is_empty() {
        return Ok(Vec::new());
    }
    let mut find = connection.prepare_cached(
        "SELECT r.seq FROM record_words f CROSS JOIN records r ON r.seq = f.rowid
         WHERE record_words MATCH ? AND r.scope = ? ORDER BY bm25(record_words), r.seq DESC",
    )?;
    let rows = find.query_map(params![search.to_fts(" OR "), scope], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn by_vector(connection: &Connection, wanted: &Vector, scope: &str) -> Done<Vec<i64>> {
    let direction = unit(&wanted.values)?;
    let mut find =
        connection.prepare_cached("SELECT record, vector FROM vectors WHERE embedder = ? AND scope = ?")?;
    let mut rows = find.query(params![wanted.embedder, scope])?;
    let mut scored: Vec<(i64, f32)> = Vec::new();
    while let Some(row) = rows.next()? {
        let kept = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        if let Some(near) = nearness(&direction, kept) {
            scored.push((row.get(0)?, near));
        }
    }
    // Of equals the newer comes first.
    scored.sort_by(|one, other| other.1.total_cmp(&one.1).then(other.0.cmp(&one.0)));
    Ok(scored.into_iter().map(|(seq, _)| seq).collect())
}
