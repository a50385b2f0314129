//! A process group: everything that a plugin started, ended and collected together.
use std::io;

/// The group of one plugin. Dropping it ends whatever is left of it.
#[derive(Debug)]
pub(super) struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    /// The group that the process with this number leads.
    pub(super) fn of(process: Option<u32>) -> Self {
        #[cfg(unix)]
        {
            let leader = process.and_then(|number| rustix::process::Pid::from_raw(number.cast_signed()));
            Self { leader }
        }
        #[cfg(not(unix))]
        {
            let _ = process;
            Self {}
        }
    }

    /// Asks all of the group to end.
    pub(super) fn ask(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
    }

    /// Ends all of the group at once.
    pub(super) fn end(&self) {
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

    /// Collects those of the group whose own parents are gone: they became this process's children.
    pub(super) fn collect(&self) {
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
    }
}

/// Makes orphans of plugins this process's children, so that they can be ended and collected.
pub(super) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}
