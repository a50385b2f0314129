//! Which processes that write are alive: each holds a lock on a file of its own for as long as it lives.
//!
//! The kernel lets go of a lock when its process ends, however it ends. No clock and no process number is asked: both
//! lie after a sleep, a restart or in a container.
use super::fault::{Done, file};
use rusqlite::{Connection, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// This process's place among those that write.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) writer: i64,
    file: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Lease {
    /// Takes a place. Call it inside a transaction that writes: then nobody looks between the row and the lock.
    pub(super) fn take(connection: &Connection, database: &Path) -> Done<Self> {
        let name = uuid::Uuid::now_v7().to_string();
        let file_path = place(database, &name);
        let lock = Self::lock(&file_path).map_err(|error| file(&file_path, &error))?;
        connection.execute("INSERT INTO writers (name) VALUES (?)", [&name])?;
        Ok(Self { writer: connection.last_insert_rowid(), file: file_path, _lock: lock })
    }

    fn lock(path: &Path) -> std::io::Result<File> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.try_lock().map_err(std::io::Error::from)?;
        Ok(file)
    }

    /// Gives the place back, unless turns were left running: then the next one that writes finds them.
    pub(super) fn give_back(self, connection: &Connection) -> Done<()> {
        let work = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let sql = "DELETE FROM writers WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM turns WHERE writer = ?1)";
        if work.execute(sql, [self.writer])? == 1 {
            let folder = self.file.parent().map(Path::to_owned);
            self.remove();
            // Where others live, it is not empty and stays. Nobody makes a file in it now: that takes a transaction.
            let _ = folder.map(std::fs::remove_dir);
        }
        work.commit()?;
        Ok(())
    }

    /// Removes its file. One that stays does no harm: nobody asks for it without its row.
    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Whether the writer of this name lives.
pub(super) fn alive(database: &Path, name: &str) -> bool {
    let file = match File::open(place(database, name)) {
        Ok(file) => file,
        // What cannot be looked at may live.
        Err(error) => return error.kind() != std::io::ErrorKind::NotFound,
    };
    // Shared, so that those who look do not take each other for the writer.
    file.try_lock_shared().is_err()
}

/// Writers that have rows and live no more.
pub(super) fn dead(connection: &Connection, database: &Path) -> Done<Vec<(i64, String)>> {
    let mut find = connection.prepare_cached("SELECT seq, name FROM writers")?;
    let rows = find.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut dead = rows.collect::<Result<Vec<_>, _>>()?;
    dead.retain(|(_, name)| !alive(database, name));
    Ok(dead)
}

/// Removes what is left of a dead one. Inside a transaction that writes, too.
pub(super) fn bury(database: &Path, name: &str) {
    let file = place(database, name);
    let _ = std::fs::remove_file(&file);
    let _ = file.parent().map(std::fs::remove_dir);
}

fn place(database: &Path, name: &str) -> PathBuf {
    let mut folder = database.as_os_str().to_owned();
    folder.push("-writers");
    Path::new(&folder).join(name)
}
