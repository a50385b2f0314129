//! The page that is built into the program, and the browser that shows it.
use bytes::Bytes;
use consort_core::{Error, ErrorKind};
use consort_server::{Asset, Assets};
use consort_settings::files;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) struct Page;

impl Assets for Page {
    fn get(&self, path: &str, accepted: &str) -> Option<Asset> {
        let asset = consort_web::asset(path, accepted)?;
        Some(Asset {
            bytes: Bytes::from_static(asset.body),
            mime: asset.mime,
            encoding: asset.encoding,
            etag: asset.etag.to_owned(),
        })
    }
}

/// Opens an address in the user's browser.
pub(super) fn show(url: &str) -> io::Result<()> {
    start(url.as_ref())
}

/// Opens an address that holds a secret. All users of this machine can see how programs are started, so that the browser
/// is given a file that only this user can read, and that leads there.
pub(super) fn show_secretly(url: &str, folder: &Path) -> Result<(), Error> {
    // An address of ours, with a number and a token in hex: nothing in it means anything in HTML.
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Consort</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={url}\"><a href=\"{url}\">To the chat</a>\n"
    );
    let path = leads_there(folder);
    files::change(&path, files::Readers::OwnerOnly, |_| Ok(page))?;
    start(path.as_os_str()).map_err(|error| Error::new(ErrorKind::Setup, error.to_string()))
}

/// The file that leads the browser to the server, while that runs.
pub(super) fn leads_there(folder: &Path) -> PathBuf {
    folder.join("serve-open.html")
}

fn start(what: &OsStr) -> io::Result<()> {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("explorer", &[])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(before).arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}
