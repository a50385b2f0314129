//! How a process is started.
use crate::cage;
use crate::group::{Group, adopt_orphans};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use tokio::process::{Child, Command};

/// What is started, with what, and where.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// All of its environment: nothing else is handed on.
    pub env: Vec<(OsString, OsString)>,
    /// Its working folder, and where it may write.
    pub folder: PathBuf,
    pub limits: Limits,
}

/// What one plugin may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of data: of each of its processes, and of all of them together.
    pub memory: u64,
    /// How many processes it may be, itself among them.
    pub processes: usize,
    pub files: u64,
    /// Bytes in one file.
    pub file_size: u64,
    /// How long it may take to answer the first message.
    pub start: Duration,
    /// After so long without a request it is ended.
    pub idle: Duration,
    /// Requests that it works on at once.
    pub concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            processes: 256,
            files: 1024,
            file_size: 1 << 30,
            start: Duration::from_secs(30),
            idle: Duration::from_mins(5),
            concurrency: 64,
        }
    }
}

/// A process that was started.
#[derive(Debug)]
pub struct Started {
    pub child: Child,
    pub group: Group,
    /// What guards it less than it should.
    pub lacks: Option<&'static str>,
}

/// What is missing where the kernel has no filter of system calls.
#[cfg(target_os = "linux")]
const NO_FILTER: &str = "this kernel has no filter of system calls (seccomp): a process that it starts can leave its \
                         group and outlive it, and it can send signals to this program";

type Job = Box<dyn FnOnce() + Send>;

/// The thread that starts processes. It lives as long as the program: the kernel ends a process when the thread that
/// started it ends, and a runtime's threads come and go.
fn starter() -> &'static mpsc::Sender<Job> {
    static STARTER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let (to, jobs) = mpsc::channel::<Job>();
        // Without the thread the channel is closed, and whoever starts something is told.
        let _ = std::thread::Builder::new().name("processes".into()).spawn(move || {
            for job in jobs {
                job();
            }
        });
        to
    })
}

impl Launch {
    /// The command without pipes and limits, for the user's own terminal.
    pub fn plain(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // Without the folder the command says so itself.
        if std::fs::create_dir_all(&self.folder).is_ok() {
            command.current_dir(&self.folder);
        }
        command
    }

    /// Starts it, on the thread that starts all of them.
    pub async fn start(&self) -> io::Result<Started> {
        let (to, started) = tokio::sync::oneshot::channel();
        let (launch, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let job = move || {
            let _entered = runtime.enter();
            // Whoever asked may be gone: then the process is ended with its handle.
            let _ = to.send(launch.start_here());
        };
        if starter().send(Box::new(job)).is_err() {
            return Err(io::Error::other("the thread that starts processes is gone"));
        }
        started.await.unwrap_or_else(|_| Err(io::Error::other("it was not started")))
    }

    fn start_here(&self) -> io::Result<Started> {
        adopt_orphans()?;
        std::fs::create_dir_all(&self.folder)?;
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear().current_dir(&self.folder);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        cage::confine(&mut command, &self.limits)?;
        let child = Command::from(command).kill_on_drop(true).spawn()?;
        let group = Group::of(child.id());
        #[cfg(target_os = "linux")]
        if let Some(process) = child.id() {
            // Where memory runs out, they go before their host. Without the mark the limits still hold.
            let _ = std::fs::write(format!("/proc/{process}/oom_score_adj"), "1000");
        }
        #[cfg(target_os = "linux")]
        let lacks = (!cage::is_filtered()).then_some(NO_FILTER);
        // Elsewhere there never is one, as the documentation says.
        #[cfg(not(target_os = "linux"))]
        let lacks = None;
        Ok(Started { child, group, lacks })
    }
}
