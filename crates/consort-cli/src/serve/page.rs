//! The page that is built into the program, and the browser that shows it.
use bytes::Bytes;
use consort_server::{Asset, Assets};
use std::io;
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

/// Opens the address in the user's browser.
pub(super) fn show(url: &str) -> io::Result<()> {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("explorer", &[])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(before).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}
