//! Runs a tool that installs packages. It may run a package's own build, so it is held as a plugin is: a group of its own
//! that ends with it, an environment without the user's secrets, and a time by which it is done.
use consort_core::{Error, ErrorKind};
use consort_process::{Launch, Limits, Started};
use consort_settings::Env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long one step of an installation may take: large packages over slow lines, and builds.
const LIMIT: Duration = Duration::from_mins(30);

/// Builds and large wheels take more than a plugin may.
fn limits() -> Limits {
    Limits { memory: 32 << 30, files: 65536, file_size: 64 << 30, ..Limits::default() }
}

/// What package tools and compilers go by: places, proxies, certificates, indexes and caches. A token for an index is in
/// there, where the user has one, and no other key.
fn env_of(env: &Env) -> Vec<(OsString, OsString)> {
    const BEGINNINGS: [&str; 4] = ["PIP_", "UV_", "LC_", "XDG_"];
    const NAMES: [&str; 37] = [
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "TZ",
        "TMPDIR",
        "TMP",
        "TEMP",
        "SystemRoot",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "PROGRAMDATA",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NETRC",
        "PYENV_ROOT",
        "PYENV_VERSION",
        "CC",
        "CXX",
        "CFLAGS",
        "CXXFLAGS",
        "LDFLAGS",
        "LD_LIBRARY_PATH",
        "PKG_CONFIG_PATH",
        "CARGO_HOME",
        "RUSTUP_HOME",
    ];
    let is_for = |name: &str| NAMES.contains(&name) || BEGINNINGS.iter().any(|begin| name.starts_with(begin));
    let all = env.iter().filter(|(name, _)| is_for(name));
    all.map(|(name, value)| (name.into(), value.into())).collect()
}

/// Runs it to its end and gives what it printed; its last words are the error's. Whatever it started and left is ended.
pub(super) fn run(program: &Path, arguments: Vec<OsString>, env: &Env) -> Result<String, Error> {
    let wrong = |error: std::io::Error| {
        super::venv::failed(&format!("`{}` cannot be run: {error}", program.display()), "")
    };
    let launch = Launch {
        program: program.to_owned(),
        arguments,
        env: env_of(env),
        // What the user names by a relative path is found from here.
        folder: std::env::current_dir().map_err(wrong)?,
        limits: limits(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    runtime.block_on(async {
        let Started { mut child, group, .. } = launch.start().await.map_err(wrong)?;
        drop(child.stdin.take());
        let printed = tokio::spawn(last_words(child.stdout.take()));
        let complained = tokio::spawn(last_words(child.stderr.take()));
        let status = tokio::time::timeout(LIMIT, child.wait()).await;
        // What it left behind would hold its pipes open.
        group.end_all().await;
        let (printed, complained) = (printed.await.unwrap_or_default(), complained.await.unwrap_or_default());
        match status {
            Ok(Ok(status)) if status.success() => Ok(printed),
            Ok(Err(error)) => Err(wrong(error)),
            Ok(Ok(_)) => {
                let words = if complained.trim().is_empty() { printed } else { complained };
                Err(super::venv::failed("the installation failed", &words))
            }
            Err(_) => {
                let message = format!(
                    "the installation took longer than {} minutes and was ended",
                    LIMIT.as_secs() / 60
                );
                Err(Error::new(ErrorKind::Setup, message))
            }
        }
    })
}

/// What is written, and of much the end.
async fn last_words(from: Option<impl AsyncRead + Unpin>) -> String {
    const MOST: usize = 4 << 20;
    let Some(mut from) = from else { return String::new() };
    let (mut all, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        all.extend_from_slice(&piece[..read]);
        if all.len() > MOST {
            all.drain(..MOST / 2);
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}
