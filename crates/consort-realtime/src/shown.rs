//! Pictures that were shown in a conversation: which of them are kept, and what stands where others did. One rule for all who
//! keep any.
use consort_core::{Body, Media, MediaSource, Part};

/// Of how many turns that show pictures those are kept: the newest.
pub(crate) const TURNS: usize = 3;
/// How many pictures of one turn are kept, and how many bytes of them: the newest. The very newest, however large it is.
pub(crate) const PICTURES: usize = 16;
const BYTES: usize = 16 << 20;

/// The pictures of one turn.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shown {
    kept: Vec<Part>,
    /// How many more there were.
    gone: usize,
}

impl Shown {
    /// The pictures among these parts, which the others are left of.
    pub(crate) fn take(parts: &mut Vec<Part>) -> Self {
        let is_picture = |part: &mut Part| matches!(part.body, Body::Media(_));
        Self { kept: parts.extract_if(.., is_picture).collect(), gone: 0 }
    }

    pub(crate) fn push(&mut self, picture: Media) {
        self.kept.push(Part::media(picture));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.gone == 0
    }

    /// Those that are kept, behind a word on the others.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let note = match self.gone {
            0 => None,
            1 => Some("[a picture that is not kept any more]".to_owned()),
            more => Some(format!("[{more} pictures that are not kept any more]")),
        };
        note.map(Part::text).into_iter().chain(self.kept.iter().cloned()).collect()
    }

    /// Keeps what has room, or none. How many go.
    fn keep(&mut self, any: bool) -> usize {
        let picture = |part: &Part| match &part.body {
            Body::Media(media) => size(media),
            _ => 0,
        };
        let over = if any { over(&self.kept, picture) } else { self.kept.len() };
        self.kept.drain(..over);
        self.gone += over;
        over
    }
}

/// Lets go of all but the newest pictures of turns, of which the newest comes first. How many go.
pub(crate) fn fade<'a>(turns: impl Iterator<Item = &'a mut Shown>) -> usize {
    let shown = turns.filter(|shown| !shown.kept.is_empty());
    shown.enumerate().map(|(place, shown)| shown.keep(place < TURNS)).sum()
}

/// Lets the oldest pictures of one turn go that are too many or too large; how many that were.
pub(crate) fn bound(pictures: &mut Vec<Media>) -> usize {
    let over = over(pictures, size);
    pictures.drain(..over);
    over
}

fn over<T>(pictures: &[T], size: impl Fn(&T) -> usize) -> usize {
    let mut bytes = 0;
    let fits = |picture: &&T| {
        bytes += size(picture);
        bytes <= BYTES
    };
    let few = pictures.iter().rev().take(PICTURES).take_while(fits).count();
    pictures.len().saturating_sub(few.max(1))
}

fn size(picture: &Media) -> usize {
    match &picture.source {
        MediaSource::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pictures: usize, bytes: usize) -> usize {
        let mut all = vec![Media::bytes("image/png", vec![0; bytes]); pictures];
        let over = bound(&mut all);
        assert_eq!(over + all.len(), pictures);
        all.len()
    }

    #[test]
    fn pictures_are_bounded_by_their_number_and_by_their_bytes() {
        assert_eq!((kept(0, 1), kept(1, 1), kept(17, 1)), (0, 1, PICTURES));
        assert_eq!((kept(9, 3 << 20), kept(2, BYTES), kept(2, BYTES + 1)), (5, 1, 1));
    }
}
