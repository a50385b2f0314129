//! Writing turns: they begin, grow and end, and go with their conversation.
use super::fault::{Done, Fault};
use super::turns::{Reading, word};
use super::writer::Session;
use super::{conversations, ledger, parts};
use crate::booking::tries;
use crate::words::indexed;
use crate::{ConversationId, Ending, NewTurn, Status, Turn, TurnId, growth, refuse};
use consort_core::Event;
use rusqlite::{Connection, OptionalExtension, params};

/// A turn that there is.
struct Place {
    seq: i64,
    conversation: i64,
    status: String,
    asked: Option<i64>,
}

fn place(connection: &Connection, id: TurnId) -> Done<Place> {
    let mut find =
        connection.prepare_cached("SELECT seq, conversation, status, asked FROM turns WHERE id = ?")?;
    let found = find.query_row([id.0.as_bytes()], |row| {
        Ok(Place { seq: row.get(0)?, conversation: row.get(1)?, status: row.get(2)?, asked: row.get(3)? })
    });
    found.optional()?.ok_or_else(|| refuse::no_turn(id).into())
}

fn running(connection: &Connection, id: TurnId) -> Done<Place> {
    let place = place(connection, id)?;
    if place.status == word(Status::Running)? { Ok(place) } else { Err(refuse::not_running(id).into()) }
}

/// The number of a turn of this conversation.
pub(super) fn inside(connection: &Connection, turn: TurnId, conversation: i64) -> Done<i64> {
    let place = place(connection, turn)?;
    if place.conversation == conversation { Ok(place.seq) } else { Err(refuse::elsewhere(turn).into()) }
}

pub(super) fn begin(session: &Session, turn: &NewTurn) -> Done<()> {
    let connection = &session.connection;
    let conversation = conversations::place(connection, turn.conversation)?;
    refuse::parent(turn)?;
    let parent = turn.parent.map(|parent| inside(connection, parent, conversation)).transpose()?;
    if place(connection, turn.id).is_ok() {
        return Err(refuse::turn_exists(turn.id).into());
    }
    let runs = turn.status == Status::Running;
    let packed = parts::pack(&turn.parts)?;
    let (answer, asked) = pack_answer(connection, turn.answer.as_deref())?;
    let mut add = connection.prepare_cached(
        "INSERT INTO turns (id, conversation, parent, role, participant, status, created, model, writer, media,
           asked, parts, answer, run)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    add.execute(params![
        turn.id.0.as_bytes(),
        conversation,
        parent,
        word(turn.role)?,
        turn.participant,
        word(turn.status)?,
        growth::micros(growth::now()),
        turn.answer.as_ref().map(|answer| &answer.model),
        session.writer().filter(|_| runs),
        !packed.media.is_empty(),
        asked,
        packed.json,
        answer,
        turn.run.as_ref().map(uuid::Uuid::as_bytes),
    ])?;
    let seq = connection.last_insert_rowid();
    parts::attach(connection, seq, &packed.media)?;
    find_by(connection, seq, &growth::text(&turn.parts))?;
    let shown = !turn.follows || conversations::tip(connection, conversation)? == turn.parent;
    conversations::goes_on(connection, conversation, Some(turn.id).filter(|_| shown))?;
    if let Some(answer) = turn.answer.as_ref().filter(|_| !runs) {
        ledger::book(connection, turn.conversation, answer.key.as_deref(), &tries(answer, turn.status))?;
    }
    Ok(())
}

pub(super) fn append(session: &Session, turn: NewTurn) -> Done<()> {
    let parent = match conversations::find(&session.connection, turn.conversation)? {
        Some(there) => conversations::tip(&session.connection, there)?,
        // It is refused below.
        None => None,
    };
    begin(session, &NewTurn { parent, ..turn })
}

fn pack_answer(
    connection: &Connection,
    answer: Option<&crate::Answer>,
) -> Done<(Option<String>, Option<i64>)> {
    let Some(answer) = answer else { return Ok((None, None)) };
    let (json, asked) = parts::pack_answer(connection, answer)?;
    Ok((Some(json), asked))
}

pub(super) fn grow(session: &Session, id: TurnId, events: &[Event]) -> Done<()> {
    let place = running(&session.connection, id)?;
    if events.is_empty() {
        return Ok(());
    }
    let mut add = session.connection.prepare_cached("INSERT INTO pieces (turn, events) VALUES (?, ?)")?;
    add.execute(params![place.seq, parts::json(&events)?])?;
    Ok(())
}

pub(super) fn end(session: &Session, id: TurnId, ending: Ending) -> Done<()> {
    if ending.status == Status::Running {
        return Err(refuse::no_ending().into());
    }
    let place = running(&session.connection, id)?;
    let mut turn = Reading::new(&session.connection, &session.path)
        .turn(id)?
        .ok_or_else(|| Fault::from(refuse::no_turn(id)))?;
    turn.status = ending.status;
    turn.parts = ending.parts;
    turn.answer = ending.answer.or(turn.answer);
    finish(&session.connection, &place, &turn)
}

/// Ends a turn that no process writes any more, with what it said.
pub(super) fn close(connection: &Connection, turn: &Turn) -> Done<()> {
    finish(connection, &place(connection, turn.id)?, turn)
}

fn finish(connection: &Connection, place: &Place, turn: &Turn) -> Done<()> {
    let packed = parts::pack(&turn.parts)?;
    let (answer, asked) = pack_answer(connection, turn.answer.as_deref())?;
    let old = blobs(connection, "SELECT blob FROM attachments WHERE turn = ?", place.seq)?;
    connection.prepare_cached("DELETE FROM attachments WHERE turn = ?")?.execute([place.seq])?;
    connection.prepare_cached("DELETE FROM pieces WHERE turn = ?")?.execute([place.seq])?;
    let mut change = connection.prepare_cached(
        "UPDATE turns SET status = ?, model = ?, writer = NULL, media = ?, asked = ?, parts = ?, answer = ?
         WHERE seq = ?",
    )?;
    change.execute(params![
        word(turn.status)?,
        turn.answer.as_ref().map(|answer| &answer.model),
        !packed.media.is_empty(),
        asked,
        packed.json,
        answer,
        place.seq,
    ])?;
    parts::attach(connection, place.seq, &packed.media)?;
    let old: Vec<i64> = old.into_iter().chain(place.asked.filter(|old| Some(*old) != asked)).collect();
    parts::sweep(connection, &old)?;
    find_by(connection, place.seq, &growth::text(&turn.parts))?;
    conversations::goes_on(connection, place.conversation, None)?;
    if let Some(answer) = &turn.answer {
        ledger::book(connection, turn.conversation, answer.key.as_deref(), &tries(answer, turn.status))?;
    }
    Ok(())
}

/// Makes a turn be found by its words, instead of by those that it had.
fn find_by(connection: &Connection, seq: i64, text: &str) -> Done<()> {
    connection.prepare_cached("DELETE FROM turn_words WHERE rowid = ?")?.execute([seq])?;
    let words = indexed(text);
    if !words.is_empty() {
        let mut add = connection.prepare_cached("INSERT INTO turn_words (rowid, words) VALUES (?, ?)")?;
        add.execute(params![seq, words])?;
    }
    Ok(())
}

pub(super) fn pin(connection: &Connection, id: TurnId, pinned: bool) -> Done<()> {
    let place = place(connection, id)?;
    let mut change = connection.prepare_cached("UPDATE turns SET pinned = ? WHERE seq = ?")?;
    change.execute(params![pinned, place.seq])?;
    conversations::changed(connection, place.conversation)
}

/// Removes a conversation with all that only it holds.
pub(super) fn purge(connection: &Connection, id: ConversationId) -> Done<()> {
    let Some(seq) = conversations::find(connection, id)? else { return Ok(()) };
    let unused = blobs(
        connection,
        "SELECT asked FROM turns WHERE conversation = ?1 AND asked IS NOT NULL
         UNION SELECT a.blob FROM turns t JOIN attachments a ON a.turn = t.seq WHERE t.conversation = ?1",
        seq,
    )?;
    let words = "DELETE FROM turn_words WHERE rowid IN (SELECT seq FROM turns WHERE conversation = ?)";
    connection.execute(words, [seq])?;
    connection.execute("DELETE FROM title_words WHERE rowid = ?", [seq])?;
    connection.execute("DELETE FROM conversations WHERE seq = ?", [seq])?;
    parts::sweep(connection, &unused)
}

fn blobs(connection: &Connection, sql: &str, of: i64) -> Done<Vec<i64>> {
    let mut find = connection.prepare_cached(sql)?;
    let rows = find.query_map([of], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
