//! Files that are no database, damaged, newer, held, or where nothing may be written: a clear word, and nothing is changed.
use crate::child::child;
use consort_core::{Error, ErrorKind};
use consort_store::{ConversationQuery, NewConversation, SqliteStore, Store, TurnQuery};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn create(store: &dyn Store, title: &str) -> Result<(), Error> {
    let new = NewConversation { title: Some(title.into()), ..NewConversation::default() };
    pollster::block_on(store.create(new)).map(drop)
}

fn titles(store: &dyn Store) -> Result<Vec<String>, Error> {
    let found = pollster::block_on(store.conversations(ConversationQuery::default()))?;
    Ok(found.into_iter().filter_map(|found| found.title).collect())
}

/// A database of ours with one conversation, closed.
fn ours(folder: &Path) -> PathBuf {
    let path = folder.join("consort.db");
    create(&SqliteStore::open(&path).unwrap(), "kept").unwrap();
    path
}

/// Nobody may open it, each is told the same and what to do, and it stays as it is.
fn refused(path: &Path, words: &str) {
    let before = std::fs::read(path).unwrap();
    for opened in [SqliteStore::open(path), SqliteStore::open_to_read(path)] {
        let error = opened.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setup, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        assert!(!error.hints().is_empty());
    }
    assert_eq!(std::fs::read(path).unwrap(), before);
}

fn change(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_not_there_is_empty_until_it_is_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new").join("consort.db");
    let (store, reader) = (SqliteStore::open(&path).unwrap(), SqliteStore::open_to_read(&path).unwrap());
    assert_eq!(titles(&store).unwrap(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "reading makes nothing");
    assert_eq!(create(&reader, "x").unwrap_err().kind(), ErrorKind::Setup);
    create(&store, "first").unwrap();
    assert_eq!(titles(&store).unwrap(), ["first"]);
    assert_eq!(titles(&reader).unwrap(), ["first"]);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn closing_leaves_one_file() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    assert_eq!(titles(&SqliteStore::open(&path).unwrap()).unwrap(), ["kept"]);
    assert_eq!(titles(&SqliteStore::open_to_read(&path).unwrap()).unwrap(), ["kept"]);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["consort.db"]);
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consort.db");
    std::fs::write(&path, "a diary, not a database. ".repeat(500)).unwrap();
    refused(&path, "is no database of Consort");
    std::fs::write(&path, "short").unwrap();
    refused(&path, "is no database of Consort");
    std::fs::remove_file(&path).unwrap();
    change(&path, "CREATE TABLE responses (id TEXT)");
    refused(&path, "is no database of Consort");
    let folder_as_file = SqliteStore::open(folder.path()).unwrap_err();
    assert!(folder_as_file.message().contains("is a folder"), "{folder_as_file}");
    std::fs::write(folder.path().join("empty"), "").unwrap();
    create(&SqliteStore::open(folder.path().join("empty")).unwrap(), "an empty file is a new one").unwrap();
}

#[test]
fn a_newer_one_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    change(&path, "PRAGMA user_version = 99");
    refused(&path, "newer version of Consort (format 99)");
}

#[test]
fn a_damaged_one_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    let whole = std::fs::read(&path).unwrap();
    // Its first page, where the schema begins.
    let mut broken = whole.clone();
    broken[100..200].fill(0xff);
    std::fs::write(&path, &broken).unwrap();
    refused(&path, "is damaged");
    // Cut off.
    std::fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    let opened = SqliteStore::open(&path).and_then(|store| titles(&store));
    assert!(opened.unwrap_err().message().contains("is damaged"));
}

#[test]
fn damage_further_in_is_an_error_where_it_is_met() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let mut told = 0;
    for page in 1..whole.len() / 4096 {
        let mut broken = whole.clone();
        broken[page * 4096..page * 4096 + 64].fill(0xee);
        std::fs::write(&path, &broken).unwrap();
        let read = SqliteStore::open(&path).and_then(|store| {
            titles(&store)?;
            pollster::block_on(store.turns(TurnQuery { search: Some("x".into()), ..TurnQuery::default() }))
                .map(drop)
        });
        if let Err(error) = read {
            assert!(error.message().contains("is damaged"), "{error}");
            told += 1;
        }
        assert_eq!(std::fs::read(&path).unwrap(), broken);
        let _ = SqliteStore::open(&path).and_then(|store| create(&store, "into the ruins"));
    }
    assert!(told > 2);
}

#[test]
fn json_that_was_spoiled_is_said_to_be() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    change(&path, "UPDATE conversations SET settings = '{'");
    let error = titles(&SqliteStore::open(&path).unwrap()).unwrap_err();
    assert!(error.message().contains("is damaged"), "{error}");
    change(&path, "UPDATE conversations SET id = x'00', settings = '{}'");
    assert!(titles(&SqliteStore::open(&path).unwrap()).unwrap_err().message().contains("is damaged"));
}

#[test]
fn one_that_another_program_holds_is_waited_for_then_said() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(titles(&store).unwrap(), ["kept"], "readers do not wait");
    std::thread::scope(|threads| {
        let waits = threads.spawn(|| create(&store, "patient"));
        std::thread::sleep(Duration::from_millis(300));
        other.execute_batch("COMMIT").unwrap();
        waits.join().unwrap().unwrap();
    });
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = create(&store, "too long").unwrap_err();
    assert!(error.message().contains("another program holds"), "{error}");
    other.execute_batch("COMMIT").unwrap();
    create(&store, "again").unwrap();
}

/// Runs as a user who may write nothing here.
#[test]
#[ignore = "a part of the test below, in a process of its own"]
fn reads_only() {
    let path = PathBuf::from(std::env::var_os("STORE_UNDER_TEST").unwrap());
    if !path.exists() {
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(titles(&store).unwrap(), Vec::<String>::new());
        let error = create(&store, "x").unwrap_err();
        assert!(error.kind() == ErrorKind::Setup && error.message().contains("cannot be used"), "{error}");
        return;
    }
    for store in [SqliteStore::open(&path).unwrap(), SqliteStore::open_to_read(&path).unwrap()] {
        assert_eq!(titles(&store).unwrap(), ["kept"]);
        let error = create(&store, "x").unwrap_err();
        assert!(
            error.kind() == ErrorKind::Setup && error.message().contains("read only")
                || error.message().contains("may not be written"),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn where_nothing_may_be_written_there_is_reading() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&path, 0o444);
    mode(folder.path(), 0o555);
    for path in [path, folder.path().join("absent.db")] {
        let mut command = child("bad::reads_only", &path);
        // The superuser may write everywhere: somebody else looks.
        if std::fs::write(folder.path().join("probe"), "").is_ok() {
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
    mode(folder.path(), 0o755);
}

/// Writes until there is no room, in a process that may only write small files.
#[test]
#[ignore = "a part of the test below, in a process of its own"]
fn fills_the_disk() {
    let path = PathBuf::from(std::env::var_os("STORE_UNDER_TEST").unwrap());
    let store = SqliteStore::open(&path).unwrap();
    let mut kept = vec!["kept".to_owned()];
    let error = loop {
        let title = format!("{} {}", kept.len(), "x".repeat(50_000));
        match create(&store, &title) {
            Ok(()) => kept.push(title),
            Err(error) => break error,
        }
    };
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    assert!(error.hints()[0].contains("full") || error.hints()[0].contains("space"), "{error:?}");
    assert!(kept.len() > 5);
    kept.reverse();
    assert_eq!(titles(&store).unwrap(), kept, "what was kept stays");
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_that_was_kept() {
    let folder = TempDir::new().unwrap();
    let path = ours(folder.path());
    let program = child("bad::fills_the_disk", &path);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""]).arg(program.get_program());
    let output = limited.args(program.get_args()).env("STORE_UNDER_TEST", &path).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let store = SqliteStore::open(&path).unwrap();
    assert!(titles(&store).unwrap().len() > 5);
    create(&store, "room again").unwrap();
}
