//! The web chat as files: what to send for a path, compressed as the browser likes it.
//!
//! The page is built by `build.rs` and stands in the program; nothing is read at run time. Where it was left out
//! (`CONSORT_WEB=none`), there are no files, and [`is_built`] says so.
//!
//! This crate must never know: HTTP servers, the API that the page calls, a model.

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    pub body: &'static [u8],
    /// For `Content-Type`.
    pub mime: &'static str,
    /// For `Content-Encoding`; none where the body is plain.
    pub encoding: Option<&'static str>,
    /// For `ETag`, with its quotes; weak, since the forms of one file share it.
    pub etag: &'static str,
}

struct File {
    path: &'static str,
    mime: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Whether the page is in this program.
pub fn is_built() -> bool {
    !FILES.is_empty()
}

/// The file at a path (`index.html`, `assets/index-1a2b.js`), in the smallest form that the `Accept-Encoding` header allows.
pub fn asset(path: &str, accept_encoding: &str) -> Option<Asset> {
    let file = FILES.iter().find(|file| file.path == path)?;
    let forms = [("br", file.brotli), ("gzip", file.gzip)];
    let packed = forms
        .into_iter()
        .filter(|(name, _)| accepts(accept_encoding, name))
        .find_map(|(name, body)| Some((Some(name), body?)));
    let (encoding, body) = packed.unwrap_or((None, file.plain));
    Some(Asset { body, mime: file.mime, encoding, etag: file.tag })
}

/// Whether a header such as `gzip, br;q=0.5, *;q=0` allows a coding.
fn accepts(header: &str, coding: &str) -> bool {
    let weight = |wanted: &str| {
        header.split(',').find_map(|item| {
            let mut pieces = item.split(';').map(str::trim);
            if !pieces.next()?.eq_ignore_ascii_case(wanted) {
                return None;
            }
            let q = pieces.find_map(|piece| piece.strip_prefix("q=")).unwrap_or("1");
            Some(q.trim().parse().unwrap_or(0.0_f32))
        })
    };
    weight(coding).or_else(|| weight("*")).unwrap_or(0.0) > 0.0
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn a_coding_is_allowed_by_name_or_star_and_forbidden_by_zero() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("GZIP;q=0.5", "gzip"));
        assert!(accepts("*", "br"));
        assert!(!accepts("br;q=0, *", "br"));
        assert!(!accepts("", "gzip"));
        assert!(!accepts("x-gzip", "gzip"));
        assert!(!accepts("gzip;q=nonsense", "gzip"));
    }
}
