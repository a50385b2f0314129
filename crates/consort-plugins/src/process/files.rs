//! What a plugin gives by the path of a file.
use bytes::Bytes;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads what a plugin gives by path: plain files below its own folder of at most so many bytes, and no others.
pub(super) fn files_below(
    folder: PathBuf,
    most: u64,
) -> impl Fn(&str) -> Result<Bytes, String> + Send + Sync + 'static {
    move |path| {
        let refused = || format!("the plugin gave the path {path}, which is not below its own folder");
        let (real, own) = (std::fs::canonicalize(path), std::fs::canonicalize(&folder));
        let (Ok(real), Ok(own)) = (real, own) else { return Err(refused()) };
        if !real.starts_with(own) {
            return Err(refused());
        }
        let unread = |error| format!("{path} cannot be read: {error}");
        let file = open_at_once(&real).map_err(unread)?;
        // What was opened is looked at: another file may be at that path by now.
        if !file.metadata().map_err(unread)?.is_file() {
            return Err(format!("{path} is no file"));
        }
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(unread)?;
        if bytes.len() as u64 > most {
            return Err(format!("{path} has more than {most} bytes, which are the most"));
        }
        Ok(bytes.into())
    }
}

/// A pipe that nobody writes to would be waited for.
fn open_at_once(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of reading this file of a folder.
    fn read(make: impl FnOnce(&Path)) -> Result<Bytes, String> {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("sound.bin");
        make(&file);
        files_below(place.path().to_owned(), 4)(file.to_str().unwrap())
    }

    #[test]
    fn plain_files_that_are_small_enough_are_read() {
        assert_eq!(read(|file| std::fs::write(file, "four").unwrap()).unwrap(), "four");
        let wrong = read(|file| std::fs::write(file, "fives").unwrap()).unwrap_err();
        assert!(wrong.contains("more than 4 bytes"), "{wrong}");
        let wrong = read(|file| std::fs::create_dir(file).unwrap()).unwrap_err();
        assert!(wrong.contains("is no file"), "{wrong}");
        let wrong = read(|_| {}).unwrap_err();
        assert!(wrong.contains("not below its own folder"), "{wrong}");
    }

    #[cfg(unix)]
    #[test]
    fn what_lies_elsewhere_is_not_read() {
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        let link = |file: &Path| std::os::unix::fs::symlink(elsewhere.path(), file).unwrap();
        let wrong = read(link).unwrap_err();
        assert!(wrong.contains("not below its own folder"), "{wrong}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let pipe = |file: &Path| {
            assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
        };
        let wrong = read(pipe).unwrap_err();
        assert!(wrong.contains("is no file"), "{wrong}");
    }
}
