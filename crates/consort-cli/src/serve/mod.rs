//! `consort serve`: the web chat and its API, on the user's own models.
mod house;
mod live;
mod page;
mod rows;
mod tools;

use crate::args::Serve;
use crate::engine::Told;
use crate::exit::{self, Done};
use crate::kept;
use crate::setup::{Setup, runtime_of_many};
use crate::stop;
use crate::terminal::Style;
use consort_core::{Error, ErrorKind, Secret};
use consort_server::{Guard, Server, Tls};
use consort_store::{MemoryStore, SqliteStore, Store};
use house::LiveHouse;
use ring::rand::{SecureRandom, SystemRandom};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

pub(crate) fn run(args: Serve, mut setup: Setup) -> Done {
    setup.tell_problems()?;
    if args.no_log {
        setup.without_log();
    }
    let runtime = runtime_of_many()?;
    let done = runtime.block_on(serve(args, setup));
    runtime.shutdown_background();
    done
}

async fn serve(args: Serve, setup: Setup) -> Done {
    let folder = setup.folders.data.clone();
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
        _ => None,
    };
    let store = store(&setup)?;
    // Behind a proxy with a name, whoever reaches the proxy reaches the server.
    let alone = args.listen.ip().is_loopback() && args.host.is_empty();
    let token = if alone { None } else { Some(token(&folder)?) };
    let listener =
        TcpListener::bind(args.listen).await.map_err(|error| cannot_listen(args.listen, &error))?;
    let address = listener.local_addr()?;
    let told = Told::start(store, &setup);
    let house = LiveHouse::open(setup);
    let guard = Guard { hosts: args.host, token: token.clone() };
    let server = Server::new(house.clone(), told.engine.clone(), &folder, guard, Arc::new(page::Page));
    let url = url(address, tls.is_some(), token.as_ref());
    greet(&url, token.is_some(), tls.is_some())?;
    if args.open {
        open(&url, token.is_some(), &folder)?;
    }
    let served = server.serve(listener, tls, stop::asked()).await;
    // There may be none.
    let _ = std::fs::remove_file(page::leads_there(&folder));
    told.finish().await;
    house.close().await;
    served?;
    Ok(exit::OK)
}

/// Opens the browser. Where there is none, the address was told.
fn open(url: &str, is_secret: bool, folder: &Path) -> io::Result<()> {
    let what = if is_secret { page::leading_to(url, folder).map(Into::into) } else { Ok(url.into()) };
    let opened = what.map_err(|error| error.to_string());
    let opened = opened.and_then(|what: OsString| page::show(&what).map_err(|error| error.to_string()));
    if let Err(error) = opened {
        let warning = Style::Warning.paint("warning:");
        writeln!(anstream::stderr(), "{warning} no browser could be opened: {error}")?;
    }
    Ok(())
}

/// Where conversations are kept. A server that cannot keep them says so before it starts.
fn store(setup: &Setup) -> Result<Arc<dyn Store>, Error> {
    if !setup.settings.keeps_log() {
        return Ok(Arc::new(MemoryStore::new()));
    }
    let store = SqliteStore::open(kept::database(setup))
        .map_err(|error| error.hint("consort serve --no-log serves without keeping anything"))?;
    Ok(Arc::new(store))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Error {
    let words = format!("nothing can listen on {address}: {error}");
    let error_ = Error::new(ErrorKind::Setup, words);
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            error_.hint("another program is there; choose another port: --listen 127.0.0.1:7879")
        }
        _ => error_.hint("choose another address: --listen 127.0.0.1:7878"),
    }
}

/// The token that a browser on another machine must know: made once, and kept for the user alone.
fn token(folder: &Path) -> Result<Secret, Error> {
    let path = folder.join("serve-token");
    if let Ok(token) = std::fs::read_to_string(&path)
        && !token.trim().is_empty()
    {
        return Ok(Secret::new(token.trim()));
    }
    let cannot = |what: String| Error::new(ErrorKind::Setup, format!("a token cannot be made: {what}"));
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).map_err(|error| cannot(error.to_string()))?;
    let mut token = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    consort_settings::files::change(
        &path,
        consort_settings::files::Readers::OwnerOnly,
        |_| Ok(token.clone()),
    )
    .map_err(|error| cannot(error.to_string()))?;
    Ok(Secret::new(token))
}

fn url(address: SocketAddr, secured: bool, token: Option<&Secret>) -> String {
    let scheme = if secured { "https" } else { "http" };
    match token {
        Some(token) => format!("{scheme}://{address}/?token={}", token.expose()),
        None => format!("{scheme}://{address}/"),
    }
}

fn greet(url: &str, has_token: bool, secured: bool) -> io::Result<()> {
    let mut to = anstream::stderr().lock();
    writeln!(to, "Consort is at {url}")?;
    if has_token {
        let more = if secured { "" } else { "; the connection is not encrypted" };
        let words = "whoever has this address may use your models";
        writeln!(to, "{} {words}{more}", Style::Warning.paint("warning:"))?;
    }
    if !consort_web::is_built() {
        writeln!(
            to,
            "{} this program was built without the page; its API works",
            Style::Warning.paint("warning:")
        )?;
    }
    writeln!(to, "{}", Style::Dim.paint("Ctrl+C ends it; answers that are on their way are kept"))
}
