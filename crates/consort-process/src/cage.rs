//! What a process may not do: outlive the host, leave its group, end the host, take all memory, open all
//! files.
//!
//! The one module with unsafe code. Its proof: the closure runs in the child between `fork` and `exec`, where only
//! async-signal-safe calls are allowed. It makes system calls through `rustix` and `seccompiler`, and nothing else:
//! everything that allocates (the filter's program) is made before, in the parent, and moved in. The other call asks the
//! kernel for nothing: it is refused before anything is changed.
#![allow(unsafe_code)]
use crate::Limits;
use std::io;
use std::process::Command;

/// Makes the command start in a group of its own, within these limits. Without a filter of system calls, where this kernel
/// has none: whoever starts it says so.
#[cfg(unix)]
pub(crate) fn confine(command: &mut Command, limits: &Limits) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    let limits = limits.clone();
    #[cfg(target_os = "linux")]
    let parent = rustix::process::getpid();
    #[cfg(target_os = "linux")]
    let filter = if is_filtered() { Some(linux::filter(parent)?) } else { None };
    // SAFETY: as the module says; the closure owns what it uses, and none of it allocates or locks.
    unsafe {
        command.pre_exec(move || {
            set_limits(&limits)?;
            #[cfg(target_os = "linux")]
            linux::enter(filter.as_ref(), parent)?;
            Ok(())
        });
    }
    Ok(())
}

/// Whether this kernel filters system calls, on a machine of this kind.
#[cfg(target_os = "linux")]
pub(super) fn is_filtered() -> bool {
    use std::sync::OnceLock;
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let nothing = std::ptr::null::<libc::sock_fprog>();
        // SAFETY: the program is read first, and there is none: nothing is changed. A kernel that has filters says that the
        // address is bad, any other that it knows no such call.
        let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, nothing) };
        let bad = io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT);
        answer == -1 && bad && seccompiler::TargetArch::try_from(std::env::consts::ARCH).is_ok()
    })
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
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };
    use std::collections::BTreeMap;
    use std::io;

    /// What is refused: leaving the group, for whoever leaves would survive its end, and signals to the host or to
    /// everybody.
    pub(super) fn filter(host: Pid) -> io::Result<BpfProgram> {
        let wrong = |error: seccompiler::BackendError| io::Error::other(error);
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(wrong)?;
        // The kernel reads these arguments as 32 bits with a sign.
        let argument = |place: u8, how: SeccompCmpOp, value: u64| {
            let is = SeccompCondition::new(place, SeccompCmpArgLen::Dword, how, value).map_err(wrong)?;
            SeccompRule::new(vec![is]).map_err(wrong)
        };
        let like = |place, value| argument(place, SeccompCmpOp::Eq, value);
        let unlike = |place, value| argument(place, SeccompCmpOp::Ne, value);
        let to = |process: i32| like(0, u64::from(process.cast_unsigned()));
        let host = host.as_raw_nonzero().get();
        let signals = || Ok::<_, io::Error>(vec![to(host)?, to(-host)?, to(-1)?]);
        let rules = BTreeMap::from([
            (libc::SYS_setsid, Vec::new()),
            (libc::SYS_setpgid, Vec::new()),
            (libc::SYS_kill, signals()?),
            (libc::SYS_tkill, vec![to(host)?]),
            (libc::SYS_tgkill, vec![to(host)?]),
            (libc::SYS_rt_sigqueueinfo, vec![to(host)?]),
            (libc::SYS_pidfd_open, vec![to(host)?]),
            (libc::SYS_ptrace, Vec::new()),
            (libc::SYS_pidfd_send_signal, Vec::new()),
            (libc::SYS_rt_tgsigqueueinfo, Vec::new()),
            (libc::SYS_process_vm_readv, Vec::new()),
            (libc::SYS_process_vm_writev, Vec::new()),
            // Limits of one's own, and of nobody else.
            (libc::SYS_prlimit64, vec![unlike(0, 0)?]),
            // The signal that comes when the host dies cannot be switched off.
            (libc::SYS_prctl, vec![like(0, 1)?]),
        ]);
        let refused = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().cast_unsigned());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch).map_err(wrong)?;
        filter.try_into().map_err(wrong)
    }

    pub(super) fn enter(filter: Option<&BpfProgram>, parent: Pid) -> io::Result<()> {
        process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The host may have ended before that was set.
        if process::getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        match filter {
            Some(filter) => seccompiler::apply_filter(filter).map_err(|_| rustix::io::Errno::PERM.into()),
            None => Ok(()),
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn confine(_: &mut Command, _: &Limits) -> io::Result<()> {
    Ok(())
}
