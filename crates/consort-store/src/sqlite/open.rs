//! Opening a database: whose it is, of which version, and how it is read and written.
use super::fault::{Done, Fault, damaged, file, newer, not_ours};
use consort_core::{Error, ErrorKind};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// Marks a file as ours: "cons".
const APPLICATION: i64 = 0x636f_6e73;
const MIGRATIONS: &[&str] = &[include_str!("1.sql"), include_str!("2.sql")];
/// What makes a database of each version before the newest look like that to who only reads it: reading writes nothing, and
/// an old file may stand where nobody may write. Where another process brings it up to date, its own columns come first.
const AS_NEWEST: &[&str] =
    &["CREATE TEMP VIEW conversations AS SELECT *, 1 AS revision FROM main.conversations;
    CREATE TEMP VIEW turns AS SELECT *, NULL AS run FROM main.turns;"];
/// How long it waits for another program.
const PATIENCE: Duration = Duration::from_secs(5);

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours(usize),
}

/// Opens it to read. Where there is nothing yet, what is read is empty; an older one is brought up to date where it is to
/// be `changed` and may be.
pub(super) fn to_read(path: &Path, changed: bool) -> Result<Connection, Error> {
    if empty(path)? {
        return nothing().map_err(|fault| fault.of(path));
    }
    let connection = match read_flags(path, "", OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // A folder that may not be written has no room for the files beside the database, which are not needed when
        // nobody has it open.
        Err(error) if error.kind() == ErrorKind::Setup && no_log_beside(path) => {
            read_flags(path, "immutable=1", OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|_| error)?
        }
        other => other?,
    };
    match connection {
        (connection, Found::Ours(version)) if version == MIGRATIONS.len() => Ok(connection),
        (connection, Found::Ours(_)) if !changed => Ok(connection),
        (connection, Found::Ours(_)) => match to_write(path) {
            Ok(_) => to_read(path, false),
            // It may not be written: it is read as it is.
            Err(error) if error.kind() == ErrorKind::Setup => Ok(connection),
            Err(error) => Err(error),
        },
        (_, Found::Nothing) => nothing().map_err(|fault| fault.of(path)),
    }
}

/// Opens it to write; makes it, or brings it up to date.
pub(super) fn to_write(path: &Path) -> Result<Connection, Error> {
    make(path)?;
    let ready = || {
        let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        careful(&connection)?;
        let found = look(&connection, path)?;
        if found != Found::Ours(MIGRATIONS.len()) {
            log_ahead(&connection)?;
            migrate(&mut connection, path, MIGRATIONS)?;
        }
        // A killed process loses nothing; a power cut may take the last moments, and tears nothing.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(connection)
    };
    ready().map_err(|fault: Fault| fault.of(path))
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI
}

fn read_flags(path: &Path, query: &str, access: OpenFlags) -> Result<(Connection, Found), Error> {
    let open = || {
        let connection = if query.is_empty() {
            Connection::open_with_flags(path, flags(access))?
        } else {
            Connection::open_with_flags(format!("file:{}?{query}", escaped(path)), flags(access))?
        };
        careful(&connection)?;
        let found = look(&connection, path)?;
        if let Found::Ours(version) = found
            && let Some(views) = AS_NEWEST.get(version - 1)
        {
            connection.execute_batch(views)?;
        }
        connection.pragma_update(None, "query_only", true)?;
        Ok((connection, found))
    };
    open().map_err(|fault: Fault| fault.of(path))
}

/// Limits what a file may do to us, since it may come from anywhere.
fn careful(connection: &Connection) -> Done<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

/// Whose database it is. Nothing but its first page is read, and all of it at one moment: another process may just make it.
fn look(connection: &Connection, path: &Path) -> Done<Found> {
    let _moment = if connection.is_autocommit() { Some(connection.unchecked_transaction()?) } else { None };
    let number = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION {
        return match usize::try_from(version) {
            Ok(known) if known > MIGRATIONS.len() => Err(newer(path, version).into()),
            Ok(known) if known > 0 && tables > 0 => Ok(Found::Ours(known)),
            _ => Err(damaged(path, "it has no version").into()),
        };
    }
    if application == 0 && version == 0 && tables == 0 {
        Ok(Found::Nothing)
    } else {
        Err(not_ours(path).into())
    }
}

/// A log ahead of the database lets readers read while one writes. It stays so for good.
fn log_ahead(connection: &Connection) -> Done<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Ok(()) => return Ok(()),
            // Several that make one database at once do not wait for each other here by themselves.
            Err(error) if busy(&error) && start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

/// Brings it up to date, all or nothing.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Done<()> {
    let work = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    let from = match look(&work, path)? {
        Found::Nothing => 0,
        Found::Ours(version) => version,
    };
    for step in migrations.get(from..).unwrap_or_default() {
        work.execute_batch(step)?;
    }
    work.pragma_update(None, "application_id", APPLICATION)?;
    work.execute_batch(&format!("PRAGMA user_version = {}", migrations.len()))?;
    work.commit()?;
    Ok(())
}

/// A database that holds nothing, to read from where there is none.
fn nothing() -> Done<Connection> {
    let mut connection = Connection::open_in_memory()?;
    migrate(&mut connection, Path::new("nothing"), MIGRATIONS)?;
    Ok(connection)
}

/// Whether there is no database yet.
pub(super) fn empty(path: &Path) -> Result<bool, Error> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            let message = format!("{} is a folder, and should be a database", path.display());
            Err(Error::new(ErrorKind::Setup, message).hint("name a file in it"))
        }
        Ok(about) => Ok(about.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(file(path, &error)),
    }
}

fn no_log_beside(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |about| about.len() == 0)
}

/// Makes the file where there is none, for its user's eyes only, and its folder.
fn make(path: &Path) -> Result<(), Error> {
    if !empty(path)? || path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| file(path, &error))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| file(path, &error))
}

/// A path as it stands in an address.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_happens_once_and_whole() {
        let mut connection = nothing().unwrap();
        connection.pragma_update(None, "user_version", 0).unwrap();
        assert!(look(&connection, Path::new("x")).is_err(), "ours, and without a version");
        let all = MIGRATIONS.len();
        connection.pragma_update(None, "user_version", i64::try_from(all).unwrap()).unwrap();
        let with = |step| [MIGRATIONS, &[step]].concat();
        let broken = with("CREATE TABLE added (x); CREATE TABLE turns (x);");
        migrate(&mut connection, Path::new("x"), &broken).unwrap_err();
        let count = |connection: &Connection| {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'added'";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((count(&connection), look(&connection, Path::new("x")).unwrap()), (0, Found::Ours(all)));
        migrate(&mut connection, Path::new("x"), &with("CREATE TABLE added (x);")).unwrap();
        assert_eq!(count(&connection), 1);
        assert!(look(&connection, Path::new("x")).is_err(), "it is newer than this program now");
    }
}
