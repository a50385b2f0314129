//! Turns that a process left behind when it was killed: they end as interrupted, with what they said.
use super::fault::Done;
use super::turns::Reading;
use super::{lease, log};
use rusqlite::Connection;
use std::path::Path;

/// Ends the turns of writers that live no more. Those of the living are not touched.
pub(super) fn interrupted(connection: &Connection, database: &Path) -> Done<()> {
    for (writer, name) in lease::dead(connection, database)? {
        let turns = Reading::new(connection, database).running(writer)?;
        for turn in &turns {
            log::close(connection, turn)?;
        }
        connection.execute("DELETE FROM writers WHERE seq = ?", [writer])?;
        lease::bury(database, &name);
    }
    Ok(())
}
