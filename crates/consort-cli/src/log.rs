//! The debug log on stderr, when `CONSORT_LOG` asks for it; and what a server warns of, where nothing does.
use std::io::Write;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// Starts the log. A level that is none counts as `debug`: whoever sets the variable wants to see something.
pub(crate) fn start() {
    let Some(level) = std::env::var("CONSORT_LOG").ok().filter(|level| !level.is_empty()) else { return };
    let level: LevelFilter = level.parse().unwrap_or_else(|_| {
        let levels = "off, error, warn, info, debug, trace";
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(
            anstream::stderr(),
            "warning: CONSORT_LOG=`{level}` is no level ({levels}); taken as debug"
        );
        LevelFilter::DEBUG
    });
    // The library that speaks with MCP servers logs what is said, keys and all.
    let stderr = std::io::stderr.with_filter(|from| !from.target().starts_with("rmcp"));
    tracing_subscriber::fmt().with_max_level(level).with_writer(stderr).with_ansi(false).init();
}

/// Where nobody asked for a log: what models warn of in live sessions that other programs' clients hold, whom nobody else tells.
pub(crate) fn of_server() {
    if std::env::var("CONSORT_LOG").is_ok_and(|level| !level.is_empty()) {
        return;
    }
    let stderr = std::io::stderr.with_filter(|from| from.target().starts_with("consort_realtime::serve"));
    let log =
        tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(stderr).with_ansi(false);
    // Where there is a log already, that is the one.
    let _ = log.without_time().with_target(false).try_init();
}
