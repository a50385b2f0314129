//! Turns that a process left behind when it was killed: they end as interrupted, with what they said.
use super::fault::{Done, Fault};
use super::turns::{Reading, word};
use super::{lease, log};
use crate::Status;
use rusqlite::Connection;
use std::path::Path;

/// Ends the turns of writers that live no more. Those of the living are not touched.
pub(super) fn interrupted(connection: &Connection, database: &Path) -> Done<()> {
    for (writer, name) in lease::dead(connection, database)? {
        for seq in left(connection, writer)? {
            let turn = Reading::new(connection, database).numbered(seq);
            let ended = turn.and_then(|turn| turn.map_or(Ok(()), |turn| log::close(connection, &turn)));
            match ended {
                Ok(()) => {}
                Err(Fault::Sql(error)) if error.sqlite_error_code().is_some() => return Err(error.into()),
                // One that cannot be read must not be in the way of all that are written later. It stays as it is.
                Err(_) => give_up(connection, seq)?,
            }
        }
        connection.execute("DELETE FROM writers WHERE seq = ?", [writer])?;
        lease::bury(database, &name);
    }
    Ok(())
}

/// The numbers of the turns that a writer left.
fn left(connection: &Connection, writer: i64) -> Done<Vec<i64>> {
    let mut find = connection.prepare_cached("SELECT seq FROM turns WHERE writer = ? ORDER BY seq")?;
    let rows = find.query_map([writer], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ends a turn with what is kept of it.
fn give_up(connection: &Connection, seq: i64) -> Done<()> {
    let mut change = connection.prepare_cached("UPDATE turns SET status = ?, writer = NULL WHERE seq = ?")?;
    change.execute(rusqlite::params![word(Status::Interrupted)?, seq])?;
    Ok(())
}
