//! Where the protocol runs: over stdin and stdout of the process, or over any pair of pipes.
use crate::Plugin;
use crate::server::Server;
use consort_core::Provider;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// Serves one provider over stdin and stdout until the host is gone; the value is for `main`.
///
/// From here on stdout belongs to the protocol: what the process or its children print goes to stderr, which the
/// host keeps as the plugin's log.
///
/// ```no_run
/// # struct Acme;
/// # impl Acme { fn new() -> impl consort_core::Provider { consort_plugin::Plugin::new("Acme") } }
/// fn main() -> std::process::ExitCode {
///     consort_plugin::serve(Acme::new())
/// }
/// ```
pub fn serve(provider: impl Provider + 'static) -> ExitCode {
    let name = provider.card().name.clone();
    Plugin::new(name).provider(provider).serve()
}

/// Serves a plugin over any pair of pipes: for tests, and for hosts that run it in their own process.
///
/// Returns at the end of `from`, or when `to` is closed.
pub fn serve_on(plugin: Plugin, from: impl Read, to: impl Write + Send + 'static) -> io::Result<()> {
    Server::new(plugin, Box::new(to)).serve(from)
}

/// Takes stdin and stdout, and serves on them.
#[allow(clippy::print_stderr, reason = "stderr is where whoever starts a plugin by hand is told so")]
pub(crate) fn serve_stdio(plugin: Plugin) -> ExitCode {
    if io::IsTerminal::is_terminal(&io::stdin()) {
        eprintln!(
            "{} is a plugin: it speaks to a host, not to people. Put it into a plugin folder \
             (`consort plugins` says which), and ask its models by `consort -m NAME`.",
            plugin.name()
        );
    }
    let served = taken().and_then(|(from, to)| serve_on(plugin, from, to));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the plugin protocol broke off: {error}. Start the plugin through its host.");
            ExitCode::FAILURE
        }
    }
}

/// The two ends of the protocol, moved where no `print`, no C code and no child process can reach them.
#[cfg(unix)]
fn taken() -> io::Result<(std::fs::File, std::fs::File)> {
    use rustix::io::fcntl_dupfd_cloexec as moved;
    use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
    io::stdout().flush()?;
    let from = moved(stdin(), 3)?;
    let to = moved(stdout(), 3)?;
    dup2_stdout(stderr())?;
    dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok((from.into(), to.into()))
}

/// Without descriptors to move, the author's code must not print.
#[cfg(not(unix))]
fn taken() -> io::Result<(io::Stdin, io::Stdout)> {
    Ok((io::stdin(), io::stdout()))
}
