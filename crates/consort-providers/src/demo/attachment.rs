//! What the demo models see of an attachment: its name, type, size, and the measure of common images and sounds.
use super::ID;
use consort_core::{Error, ErrorKind, Media, MediaSource};
use std::fs::File;
use std::io::Read;

/// How much of a file is looked at.
const HEAD: u64 = 1 << 16;

/// One line on an attachment, such as `cat.png (image/png, 640 x 480 pixels, 1234 bytes)`.
pub(super) fn describe(media: &Media) -> Result<String, Error> {
    let kind = if media.mime.is_empty() { "unknown type" } else { &media.mime };
    let (name, facts) = match &media.source {
        MediaSource::Bytes(bytes) => ("a file".to_owned(), facts(bytes, bytes.len() as u64)),
        MediaSource::Path(path) => {
            let unreadable = |error: std::io::Error| {
                Error::new(ErrorKind::InvalidRequest, format!("{} cannot be read: {error}", path.display()))
                    .provider(ID)
            };
            let file = File::open(path).map_err(unreadable)?;
            let size = file.metadata().map_err(unreadable)?.len();
            let mut head = Vec::new();
            file.take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
            let name = path.file_name().unwrap_or(path.as_os_str());
            (name.to_string_lossy().into_owned(), facts(&head, size))
        }
        MediaSource::Url(url) => (url.clone(), vec!["not fetched".to_owned()]),
        MediaSource::File { id, .. } => (id.clone(), vec!["uploaded before".to_owned()]),
    };
    let name = media.name.as_deref().unwrap_or(&name);
    Ok(format!("{name} ({})", std::iter::once(kind.to_owned()).chain(facts).collect::<Vec<_>>().join(", ")))
}

fn facts(head: &[u8], size: u64) -> Vec<String> {
    let pixels = png(head).or_else(|| gif(head)).or_else(|| jpeg(head));
    let pixels = pixels.map(|(width, height)| format!("{width} x {height} pixels"));
    let seconds = wav_seconds(head, size).map(|seconds| format!("{seconds:.1} seconds"));
    let bytes = if size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") };
    pixels.into_iter().chain(seconds).chain([bytes]).collect()
}

fn png(head: &[u8]) -> Option<(u32, u32)> {
    let sizes = head.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(8..16)?;
    Some((u32::from_be_bytes(sizes[..4].try_into().ok()?), u32::from_be_bytes(sizes[4..].try_into().ok()?)))
}

fn gif(head: &[u8]) -> Option<(u32, u32)> {
    let sizes = head.strip_prefix(b"GIF8")?.get(2..6)?;
    Some((u16::from_le_bytes([sizes[0], sizes[1]]).into(), u16::from_le_bytes([sizes[2], sizes[3]]).into()))
}

/// Walks the segments of a JPEG up to the one that holds its size.
fn jpeg(head: &[u8]) -> Option<(u32, u32)> {
    let mut rest = head.strip_prefix(b"\xff\xd8")?;
    loop {
        let [0xff, marker, high, low, tail @ ..] = rest else { return None };
        let frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if frame {
            let [_, h1, h0, w1, w0, ..] = tail else { return None };
            return Some((u16::from_be_bytes([*w1, *w0]).into(), u16::from_be_bytes([*h1, *h0]).into()));
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
}

/// The length of a plain WAV file, by its header's bytes a second.
fn wav_seconds(head: &[u8], size: u64) -> Option<f64> {
    const HEADER: u64 = 44;
    if !head.starts_with(b"RIFF") || head.get(8..16)? != b"WAVEfmt " {
        return None;
    }
    let rate = u32::from_le_bytes(head.get(28..32)?.try_into().ok()?);
    (rate > 0).then(|| size.saturating_sub(HEADER) as f64 / f64::from(rate))
}
