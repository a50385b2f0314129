//! Conversations in the database.
use super::fault::{Done, Fault};
use super::parts::{json, read};
use super::turns::{id as id_of, limit};
use crate::words::{Search, indexed};
use crate::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, NewConversation, TurnId, growth,
    refuse,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use uuid::Uuid;

const COLUMNS: &str = "id, title, created, updated, pinned, tip, settings, deleted, revision, changed";
/// The next number in the order of changes.
const NEXT: &str = "1 + max(coalesce((SELECT max(changed) FROM conversations WHERE pinned = 0), 0),
                            coalesce((SELECT max(changed) FROM conversations WHERE pinned = 1), 0))";

pub(super) fn create(connection: &Connection, new: NewConversation) -> Done<Conversation> {
    if let Some(id) = new.id
        && let Some(there) = conversation(connection, id)?
    {
        return Ok(there);
    }
    let made = new.begun();
    let sql = format!(
        "INSERT INTO conversations (id, title, created, updated, settings, changed) VALUES (?1, ?2, ?3, ?3, ?4, {NEXT})"
    );
    let at = growth::micros(made.created);
    connection.execute(&sql, params![made.id.0.as_bytes(), made.title, at, json(&made.settings)?])?;
    find_by(connection, connection.last_insert_rowid(), made.title.as_deref())?;
    conversation(connection, made.id)?.ok_or_else(|| refuse::no_conversation(made.id).into())
}

pub(super) fn find(connection: &Connection, id: ConversationId) -> Done<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT seq FROM conversations WHERE id = ?")?;
    Ok(find.query_row([id.0.as_bytes()], |row| row.get(0)).optional()?)
}

pub(super) fn place(connection: &Connection, id: ConversationId) -> Done<i64> {
    find(connection, id)?.ok_or_else(|| refuse::no_conversation(id).into())
}

pub(super) fn conversation(connection: &Connection, id: ConversationId) -> Done<Option<Conversation>> {
    let sql = format!("SELECT {COLUMNS} FROM conversations WHERE id = ?");
    all(connection, &sql, vec![id.0.as_bytes().to_vec().into()]).map(|mut found| found.pop())
}

pub(super) fn conversations(connection: &Connection, query: &ConversationQuery) -> Done<Vec<Conversation>> {
    let search = Search::read(query.search.as_deref(), false);
    let mut values: Vec<Value> = Vec::new();
    let found = match search {
        Some(search) if search.phrases.is_empty() => return Ok(Vec::new()),
        Some(search) => {
            values.push(search.to_fts(" AND ").into());
            "AND seq IN (SELECT rowid FROM title_words WHERE title_words MATCH ?1 UNION ALL
               SELECT t.conversation FROM turn_words f CROSS JOIN turns t ON t.seq = f.rowid
               WHERE turn_words MATCH ?1)"
        }
        None => "",
    };
    let within = if query.ids.is_some() { "AND id BETWEEN ? AND ?" } else { "" };
    let ids = query.ids.iter().flat_map(|ids| [ids.start(), ids.end()]);
    values.extend(ids.map(|id| Value::from(id.0.as_bytes().to_vec())));
    let deleted = if query.deleted { "NOT NULL" } else { "NULL" };
    // A few ids are found by their index, and sorted afterwards.
    let order = if query.ids.is_some() { "+pinned DESC, +changed DESC" } else { "pinned DESC, changed DESC" };
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations WHERE deleted IS {deleted} {found} {within}
         ORDER BY {order} LIMIT ? OFFSET ?"
    );
    values.push(limit(query.limit).into());
    values.push(i64::try_from(query.offset).unwrap_or(i64::MAX).into());
    all(connection, &sql, values)
}

fn all(connection: &Connection, sql: &str, values: Vec<Value>) -> Done<Vec<Conversation>> {
    let mut find = connection.prepare_cached(sql)?;
    let mut rows = find.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of(row)?);
    }
    Ok(found)
}

fn of(row: &Row<'_>) -> Done<Conversation> {
    Ok(Conversation {
        id: ConversationId(id_of(row, 0)?),
        title: row.get(1)?,
        created: growth::time(row.get(2)?),
        updated: growth::time(row.get(3)?),
        pinned: row.get(4)?,
        tip: row.get::<_, Option<[u8; 16]>>(5)?.map(|bytes| TurnId(Uuid::from_bytes(bytes))),
        settings: read(&row.get::<_, String>(6)?)?,
        deleted: row.get::<_, Option<i64>>(7)?.map(growth::time),
        revision: row.get::<_, i64>(8)?.unsigned_abs(),
        changed: row.get::<_, i64>(9)?.unsigned_abs(),
    })
}

pub(super) fn change(connection: &Connection, id: ConversationId, change: ConversationChange) -> Done<bool> {
    let seq = place(connection, id)?;
    if let Some(Some(tip)) = change.tip {
        super::log::inside(connection, tip, seq)?;
    }
    if let Some(from) = change.from
        && revision(connection, seq)? != from
    {
        return Ok(false);
    }
    if change.is_nothing() {
        return Ok(true);
    }
    let moves = change.moves();
    let set = |column: &str, value: Value| -> Done<()> {
        connection
            .execute(&format!("UPDATE conversations SET {column} WHERE seq = ?"), params![value, seq])?;
        Ok(())
    };
    if let Some(title) = change.title {
        find_by(connection, seq, title.as_deref())?;
        set("title = ?", title.into())?;
    }
    if let Some(tip) = change.tip {
        set("tip = ?", tip.map(|tip| tip.0.as_bytes().to_vec()).into())?;
    }
    if let Some(settings) = change.settings {
        set("settings = ?", json(&settings)?.into())?;
    }
    if let Some(pinned) = change.pinned {
        set("pinned = ?", i64::from(pinned).into())?;
    }
    if let Some(deleted) = change.deleted {
        let at = deleted.then(|| growth::micros(growth::now()));
        // The time of the first deletion stays.
        let column = if deleted { "deleted = coalesce(deleted, ?)" } else { "deleted = ?" };
        set(column, at.into())?;
    }
    if moves {
        goes_on(connection, seq, None)?;
    } else {
        changed(connection, seq)?;
    }
    Ok(true)
}

fn revision(connection: &Connection, seq: i64) -> Done<u64> {
    let mut find = connection.prepare_cached("SELECT revision FROM conversations WHERE seq = ?")?;
    let revision: i64 = find.query_row([seq], |row| row.get(0))?;
    Ok(revision.unsigned_abs())
}

/// Something of it changed that does not bring it to the front.
pub(super) fn changed(connection: &Connection, seq: i64) -> Done<()> {
    let sql = "UPDATE conversations SET revision = revision + 1 WHERE seq = ?";
    connection.prepare_cached(sql)?.execute([seq])?;
    Ok(())
}

/// The turn at which its shown branch ends.
pub(super) fn tip(connection: &Connection, seq: i64) -> Done<Option<TurnId>> {
    let mut find = connection.prepare_cached("SELECT tip FROM conversations WHERE seq = ?")?;
    let tip: Option<[u8; 16]> = find.query_row([seq], |row| row.get(0))?;
    Ok(tip.map(|bytes| TurnId(Uuid::from_bytes(bytes))))
}

/// Something changed in it: it comes first now, and what was said last is its tip.
pub(super) fn goes_on(connection: &Connection, seq: i64, tip: Option<TurnId>) -> Done<()> {
    let sql = format!(
        "UPDATE conversations SET changed = {NEXT}, revision = revision + 1, updated = ?, tip = coalesce(?, tip) WHERE seq = ?"
    );
    let mut change = connection.prepare_cached(&sql)?;
    let changed = change.execute(params![
        growth::micros(growth::now()),
        tip.map(|tip| tip.0.as_bytes().to_vec()),
        seq
    ])?;
    if changed == 1 { Ok(()) } else { Err(Fault::Unreadable("a conversation is gone".into())) }
}

fn find_by(connection: &Connection, seq: i64, title: Option<&str>) -> Done<()> {
    connection.execute("DELETE FROM title_words WHERE rowid = ?", [seq])?;
    let words = indexed(title.unwrap_or_default());
    if !words.is_empty() {
        connection.execute("INSERT INTO title_words (rowid, words) VALUES (?, ?)", params![seq, words])?;
    }
    Ok(())
}
