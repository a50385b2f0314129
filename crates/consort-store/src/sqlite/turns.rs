//! Reading turns: one, a path, a tree, the newest, and those that hold words.
use super::fault::{Done, Fault};
use super::lease;
use super::parts::{Unpack, read};
use crate::words::Search;
use crate::{ConversationId, Hit, Status, Turn, TurnId, TurnQuery, growth, media};
use consort_core::{Attempt, Event, Media, Role};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;
use uuid::Uuid;

const COLUMNS: &str = "t.seq, t.id, c.id, p.id, t.role, t.participant, t.status, t.created, t.pinned, t.media, \
                       t.parts, t.answer, t.asked, w.name, t.run";
const TABLES: &str = "CROSS JOIN conversations c ON c.seq = t.conversation \
                      LEFT JOIN turns p ON p.seq = t.parent LEFT JOIN writers w ON w.seq = t.writer";

const BETWEEN: &str = "f.rowid >= (SELECT min(seq) FROM turns WHERE conversation = \
                       (SELECT seq FROM conversations WHERE id = ?)) AND f.rowid <= (SELECT max(seq) FROM turns \
                       WHERE conversation = (SELECT seq FROM conversations WHERE id = ?))";

/// Reads turns of one database at one moment.
pub(super) struct Reading<'a> {
    connection: &'a Connection,
    database: &'a Path,
    unpack: Unpack<'a>,
    alive: HashMap<String, bool>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a Connection, database: &'a Path) -> Self {
        Self { connection, database, unpack: Unpack::new(connection), alive: HashMap::new() }
    }

    pub(super) fn turn(&mut self, id: TurnId) -> Done<Option<Turn>> {
        let sql = format!("SELECT {COLUMNS} FROM turns t {TABLES} WHERE t.id = ?");
        Ok(self.all(&sql, [Value::from(id.0.as_bytes().to_vec())])?.pop())
    }

    pub(super) fn media(&mut self, hash: &str) -> Done<Option<Media>> {
        let Some(bytes) = media::unhex(hash) else { return Ok(None) };
        let sql = format!(
            "SELECT {COLUMNS} FROM turns t {TABLES} WHERE t.seq = (SELECT a.turn FROM blobs b
               JOIN attachments a ON a.blob = b.seq WHERE b.sha256 = ? LIMIT 1)"
        );
        let turn = self.all(&sql, [Value::from(bytes)])?.pop();
        Ok(turn.and_then(|turn| turn.parts.iter().find_map(|part| media::hashed(part, hash))))
    }

    pub(super) fn path(&mut self, to: TurnId) -> Done<Vec<Turn>> {
        // A parent comes before its children, also in a file that was tampered with: so it ends.
        let sql = format!(
            "WITH RECURSIVE up (seq, parent) AS (
               SELECT seq, parent FROM turns WHERE id = ?
               UNION ALL SELECT t.seq, t.parent FROM up JOIN turns t ON t.seq = up.parent AND t.seq < up.seq
             )
             SELECT {COLUMNS} FROM up CROSS JOIN turns t ON t.seq = up.seq {TABLES} ORDER BY up.seq"
        );
        self.all(&sql, [Value::from(to.0.as_bytes().to_vec())])
    }

    pub(super) fn tree(&mut self, conversation: ConversationId) -> Done<Vec<Turn>> {
        let sql = format!("SELECT {COLUMNS} FROM turns t {TABLES} WHERE c.id = ? ORDER BY t.seq")
            .replace("CROSS JOIN", "JOIN");
        self.all(&sql, [Value::from(conversation.0.as_bytes().to_vec())])
    }

    pub(super) fn numbered(&mut self, seq: i64) -> Done<Option<Turn>> {
        let sql = format!("SELECT {COLUMNS} FROM turns t {TABLES} WHERE t.seq = ?");
        Ok(self.all(&sql, [Value::from(seq)])?.pop())
    }

    pub(super) fn turns(&mut self, query: &TurnQuery) -> Done<Vec<Hit>> {
        let search = Search::read(query.search.as_deref(), false);
        if search.as_ref().is_some_and(|search| search.phrases.is_empty()) {
            return Ok(Vec::new());
        }
        let mut values: Vec<Value> = Vec::new();
        let mut sql = format!("SELECT {COLUMNS} FROM ");
        let mut conditions: Vec<&str> = Vec::new();
        // What narrows most stands first, and the joins stay in the order that is written here.
        if let Some(search) = &search {
            sql.push_str("turn_words f CROSS JOIN turns t ON t.seq = f.rowid ");
            conditions.push("turn_words MATCH ?");
            values.push(search.to_fts(" AND ").into());
        } else {
            sql.push_str("turns t ");
        }
        sql.push_str(TABLES);
        if let Some(conversation) = query.conversation {
            conditions.push("t.conversation = (SELECT seq FROM conversations WHERE id = ?)");
            values.push(conversation.0.as_bytes().to_vec().into());
            if search.is_some() {
                // Words are looked for only where its turns are.
                conditions.push(BETWEEN);
                values.extend([
                    conversation.0.as_bytes().to_vec().into(),
                    conversation.0.as_bytes().to_vec().into(),
                ]);
            }
        } else {
            conditions.push("c.deleted IS NULL");
        }
        if let Some(model) = &query.model {
            conditions.push("t.model = ?");
            values.push(model.clone().into());
        }
        let order = if search.is_some() { "f.rowid" } else { "t.seq" };
        let sql = format!("{sql} WHERE {} ORDER BY {order} DESC LIMIT ?", conditions.join(" AND "));
        values.push(limit(query.limit).into());
        let turns = self.all(&sql, values)?;
        let hit = |turn: Turn| {
            let snippet = search.as_ref().and_then(|search| search.snippet(&growth::text(&turn.parts)));
            Hit { turn, snippet }
        };
        Ok(turns.into_iter().map(hit).collect())
    }

    fn all(&mut self, sql: &str, values: impl IntoIterator<Item = impl ToSql>) -> Done<Vec<Turn>> {
        let connection = self.connection;
        let mut find = connection.prepare_cached(sql)?;
        let mut rows = find.query(params_from_iter(values))?;
        let mut turns = Vec::new();
        while let Some(row) = rows.next()? {
            turns.push(self.read(row)?);
        }
        Ok(turns)
    }

    fn read(&mut self, row: &Row<'_>) -> Done<Turn> {
        let seq: i64 = row.get(0)?;
        let text = |column| row.get_ref(column).map_err(Fault::from).and_then(as_text);
        let answer = match text(11)? {
            Some(json) => Some(self.unpack.answer(json, row.get(12)?)?),
            None => None,
        };
        let mut turn = Turn {
            id: TurnId(id(row, 1)?),
            conversation: ConversationId(id(row, 2)?),
            parent: row.get::<_, Option<[u8; 16]>>(3)?.map(|bytes| TurnId(Uuid::from_bytes(bytes))),
            role: of_word::<Role>(text(4)?)?,
            participant: row.get(5)?,
            status: of_word::<Status>(text(6)?)?,
            created: growth::time(row.get(7)?),
            pinned: row.get(8)?,
            parts: self.unpack.parts(seq, text(10)?.unwrap_or("[]"), row.get(9)?)?,
            run: row.get::<_, Option<[u8; 16]>>(14)?.map(Uuid::from_bytes),
            answer,
        };
        if turn.status == Status::Running {
            growth::grow(&mut turn, self.pieces(seq)?);
            if !self.is_alive(text(13)?) {
                interrupt(&mut turn);
            }
        }
        Ok(turn)
    }

    fn pieces(&self, turn: i64) -> Done<Vec<Event>> {
        let mut find =
            self.connection.prepare_cached("SELECT events FROM pieces WHERE turn = ? ORDER BY seq")?;
        let mut rows = find.query([turn])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let piece: Vec<Event> = read(as_text(row.get_ref(0)?)?.unwrap_or("[]"))?;
            events.extend(piece);
        }
        Ok(events)
    }

    fn is_alive(&mut self, writer: Option<&str>) -> bool {
        let Some(name) = writer else { return false };
        if let Some(alive) = self.alive.get(name) {
            return *alive;
        }
        let alive = lease::alive(self.database, name);
        self.alive.insert(name.to_owned(), alive);
        alive
    }
}

/// A turn whose process is gone: what it said is kept, and its last try counts as one that nobody knows the cost of.
fn interrupt(turn: &mut Turn) {
    turn.status = Status::Interrupted;
    let Some(answer) = &mut turn.answer else { return };
    if answer.finish.is_none() && !answer.attempts.is_empty() {
        answer.attempts.push(Attempt::new(answer.model.clone()));
    }
}

pub(super) fn limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Done<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

fn as_text(value: rusqlite::types::ValueRef<'_>) -> Done<Option<&str>> {
    value.as_str_or_null().map_err(|error| Fault::Unreadable(error.to_string()))
}

/// Words that types are kept as are those that they are in JSON.
pub(super) fn word(value: impl Serialize) -> Done<String> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(Fault::Unreadable(format!("{other} is no word"))),
    }
}

fn of_word<T: DeserializeOwned>(word: Option<&str>) -> Done<T> {
    Ok(serde_json::from_value(serde_json::Value::from(word))?)
}
