//! What a process says beside its protocol: its stderr, and how it ended.
use crate::{Line, Lines, LogRing, Writer};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::ChildStderr;

/// How a process ended, as the end of a sentence.
pub fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return match signal {
                9 => "was killed".to_owned(),
                6 => "aborted".to_owned(),
                11 => "crashed (segmentation fault)".to_owned(),
                other => format!("was ended by signal {other}"),
            };
        }
    }
    match status.code() {
        Some(code) => format!("exited with code {code}"),
        None => "ended".to_owned(),
    }
}

/// Keeps what the process says on stderr. A flood is read slowly, so that it costs its writer and not us.
pub async fn keep_log(stderr: ChildStderr, log: Arc<LogRing>) {
    const MOST_OF_LINE: usize = 64 << 10;
    const FLOOD: usize = 256 << 10;
    const REST: Duration = Duration::from_millis(100);
    let mut lines = Lines::new(stderr, MOST_OF_LINE);
    let mut bytes = 0;
    loop {
        match lines.next().await {
            Ok(Some(Line::Whole(line))) => {
                bytes += line.len() + 1;
                log.add(Writer::Stderr, &String::from_utf8_lossy(line));
            }
            Ok(Some(Line::Passing(passed))) => bytes += passed,
            Ok(Some(Line::TooLong)) => {
                log.add(Writer::Host, "(a line too long to keep)");
            }
            Ok(None) | Err(_) => return,
        }
        if bytes > FLOOD {
            bytes = 0;
            tokio::time::sleep(REST).await;
        }
    }
}
