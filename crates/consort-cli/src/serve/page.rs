//! The page that is built into the program, and the browser that shows it.
use bytes::Bytes;
use consort_core::Error;
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

/// A file that leads to an address which holds a secret. All users of this machine can see how programs are started, so
/// that the browser is given this file, which only this user can read.
pub(super) fn leading_to(url: &str, folder: &Path) -> Result<PathBuf, Error> {
    // An address of ours, with a number and a token in hex: nothing in it means anything in HTML.
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Consort</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={url}\"><a href=\"{url}\">To the chat</a>\n"
    );
    let path = leads_there(folder);
    files::change(&path, files::Readers::OwnerOnly, |_| Ok(page))?;
    Ok(path)
}

/// The file that leads the browser to the server, while that runs.
pub(super) fn leads_there(folder: &Path) -> PathBuf {
    folder.join("serve-open.html")
}

/// Opens an address or a file in the user's browser.
pub(super) fn show(what: &OsStr) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_browser_is_given_shows_no_token_and_only_its_user_may_read_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let url = "http://192.0.2.7:7878/?token=5ec4e7";
        let path = leading_to(url, folder.path()).unwrap();
        assert!(!path.to_string_lossy().contains("5ec4e7"));
        assert!(std::fs::read_to_string(&path).unwrap().contains(&format!("url={url}")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
