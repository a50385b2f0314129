//! A process group: everything that a process started, ended and collected together.
use std::io;
use std::time::Duration;

/// The group of one process. Dropping it ends whatever is left of it.
#[derive(Debug)]
pub struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
    #[cfg(unix)]
    heir: Option<Heir>,
}

/// Ends the group where the host was killed and can no longer do it: a shell that waits on a pipe from the host.
#[cfg(unix)]
#[derive(Debug)]
struct Heir(std::process::Child);

#[cfg(unix)]
impl Heir {
    fn of(leader: rustix::process::Pid) -> Option<Self> {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new("/bin/sh");
        // A line means that the group is gone; the pipe's end, that the host is.
        command.args(["-c", "read -r line || kill -9 \"-$0\"", &leader.as_raw_nonzero().to_string()]);
        command.env_clear().process_group(0).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        // Without one, what the leader started may outlive a host that was killed; everything else works.
        command.spawn().ok().map(Self)
    }
}

#[cfg(unix)]
impl Drop for Heir {
    fn drop(&mut self) {
        use std::io::Write;
        if let Some(mut stdin) = self.0.stdin.take() {
            let _ = stdin.write_all(b"gone\n");
        }
        let _ = self.0.wait();
    }
}

impl Group {
    /// The group that the process with this number leads.
    pub(crate) fn of(process: Option<u32>) -> Self {
        #[cfg(unix)]
        {
            let leader = process.and_then(|number| rustix::process::Pid::from_raw(number.cast_signed()));
            Self { leader, heir: leader.and_then(Heir::of) }
        }
        #[cfg(not(unix))]
        {
            let _ = process;
            Self {}
        }
    }

    /// Asks all of the group to end.
    pub fn ask(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
    }

    /// Ends all of the group at once.
    pub fn end(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // An error means that nobody is left.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }

    /// Whether anybody is left in it.
    fn is_there(&self) -> bool {
        #[cfg(unix)]
        {
            self.leader.is_some_and(|leader| rustix::process::test_kill_process_group(leader).is_ok())
        }
        #[cfg(not(unix))]
        {
            false
        }
    }

    /// Ends all of the group and collects what is left of it, for at most a moment: the system needs one to end them.
    pub async fn end_all(&self) {
        const STEP: Duration = Duration::from_millis(2);
        const STEPS: u32 = 250;
        self.end();
        for _ in 0..STEPS {
            self.collect();
            if !self.is_there() {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Collects those of the group whose own parents are gone: they became this process's children.
    fn collect(&self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            use rustix::process::{WaitOptions, waitpgid};
            while let Ok(Some(_)) = waitpgid(leader, WaitOptions::NOHANG) {}
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        self.collect();
        #[cfg(unix)]
        drop(self.heir.take());
    }
}

/// Makes orphans of what was started this process's children, so that they can be ended and collected.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior};
        set_child_subreaper(Some(getpid()))?;
        // What runs as the same user could read this process's memory and environment.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}
