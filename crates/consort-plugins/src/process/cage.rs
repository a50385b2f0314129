//! What a plugin's process may not do: outlive the host, leave its group, take all memory, open all files.
//!
//! The one module with unsafe code. Its proof: the closure runs in the child between `fork` and `exec`, where only
//! async-signal-safe calls are allowed. It makes system calls through `rustix` and `seccompiler`, and nothing else:
//! everything that allocates (the filter's program) is made before, in the parent, and moved in.
#![allow(unsafe_code)]
use super::Limits;
use std::io;
use std::process::Command;

/// Makes the command start in a group of its own, within these limits.
#[cfg(unix)]
pub(super) fn confine(command: &mut Command, limits: &Limits) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    let limits = limits.clone();
    #[cfg(target_os = "linux")]
    let (filter, parent) = (linux::filter()?, rustix::process::getpid());
    // SAFETY: as the module says; the closure owns what it uses, and none of it allocates or locks.
    unsafe {
        command.pre_exec(move || {
            set_limits(&limits)?;
            #[cfg(target_os = "linux")]
            linux::enter(&filter, parent)?;
            Ok(())
        });
    }
    Ok(())
}

#[cfg(unix)]
fn set_limits(limits: &Limits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let set = |resource, most: u64| {
        // A limit that is lower already stays.
        let most = getrlimit(resource).maximum.map_or(most, |old| old.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    set(Resource::Core, 0)?;
    set(Resource::Nofile, limits.files)?;
    set(Resource::Fsize, limits.file_size)?;
    // Data, not address space: runtimes reserve far more than they use.
    set(Resource::Data, limits.memory)?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::process::{self, Pid, Signal};
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
    use std::collections::BTreeMap;
    use std::io;

    // The numbers are the same on all architectures that the filter knows, but for x86-64.
    #[cfg(target_arch = "x86_64")]
    const LEAVING: [i64; 2] = [112, 109]; // setsid, setpgid
    #[cfg(not(target_arch = "x86_64"))]
    const LEAVING: [i64; 2] = [157, 154];

    /// Leaving the group is refused: whoever leaves would survive the group's end.
    pub(super) fn filter() -> io::Result<BpfProgram> {
        let wrong = |error: seccompiler::BackendError| io::Error::other(error);
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(wrong)?;
        let rules: BTreeMap<_, _> = LEAVING.into_iter().map(|call| (call, Vec::new())).collect();
        let refused = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error() as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).map_err(wrong)?;
        filter.try_into().map_err(wrong)
    }

    pub(super) fn enter(filter: &BpfProgram, parent: Pid) -> io::Result<()> {
        process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The host may have ended before that was set.
        if process::getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        seccompiler::apply_filter(filter).map_err(|_| rustix::io::Errno::PERM.into())
    }
}

#[cfg(not(unix))]
pub(super) fn confine(_: &mut Command, _: &Limits) -> io::Result<()> {
    Ok(())
}
