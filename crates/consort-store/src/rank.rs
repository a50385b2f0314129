//! Which records are nearest: by words, by vectors, and by both.
use crate::words::Search;
use consort_core::{Error, ErrorKind};
use std::collections::HashMap;
use std::hash::Hash;

/// What is known of all records that are searched by words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corpus {
    pub(crate) texts: usize,
    pub(crate) words: usize,
}

/// How well texts answer a search: Okapi BM25, as full-text engines count it.
///
/// `found` are the texts that hold any of the phrases, `holding` how many of all texts hold each phrase.
pub(crate) fn by_words(search: &Search, corpus: Corpus, words: &[String], holding: &[usize]) -> f64 {
    const K: f64 = 1.2;
    const B: f64 = 0.75;
    let average = corpus.words.max(1) as f64 / corpus.texts.max(1) as f64;
    let length = 1.0 - B + B * words.len() as f64 / average;
    let scores = search.phrases.iter().zip(holding).map(|(phrase, &holding)| {
        let often = phrase.count(words) as f64;
        let rare = (corpus.texts as f64 - holding as f64 + 0.5) / (holding as f64 + 0.5);
        // A word that most texts hold still counts a little.
        rare.ln().max(1e-6) * often * (K + 1.0) / (often + K * length)
    });
    scores.sum()
}

/// The vector with the length 1, so that the nearness of two is their product. An error where it has no direction.
pub(crate) fn unit(values: &[f32]) -> Result<Vec<f32>, Error> {
    let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        let what = "a vector must have a direction: its numbers are all zero, or not all of them are numbers";
        return Err(Error::new(ErrorKind::InvalidRequest, what));
    }
    Ok(values.iter().map(|value| (f64::from(*value) / length) as f32).collect())
}

/// A vector as it is kept: little end first.
pub(crate) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// How near two vectors of length 1 are, from -1 to 1; nothing where they are not of one kind. Eight sums run side by
/// side, since a processor adds eight at once.
pub(crate) fn nearness(one: &[f32], kept: &[u8]) -> Option<f32> {
    if kept.len() != one.len() * 4 {
        return None;
    }
    let (mine, rest) = one.as_chunks::<8>();
    let (theirs, other_rest) = kept.as_chunks::<32>();
    let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
    let mut sums = [0.0f32; 8];
    for (mine, theirs) in mine.iter().zip(theirs) {
        let theirs = theirs.as_chunks::<4>().0;
        for ((sum, mine), theirs) in sums.iter_mut().zip(mine).zip(theirs) {
            *sum += mine * number(theirs);
        }
    }
    let rest = rest.iter().zip(other_rest.as_chunks::<4>().0).map(|(mine, theirs)| mine * number(theirs));
    Some(sums.iter().sum::<f32>() + rest.sum::<f32>())
}

/// One ranking out of several, best first: reciprocal rank fusion. What is equal keeps the order of the first rankings.
pub(crate) fn fuse<T: Copy + Eq + Hash>(rankings: &[Vec<T>]) -> Vec<T> {
    const K: f64 = 60.0;
    let mut order = Vec::new();
    let mut scores: HashMap<T, f64> = HashMap::new();
    for ranking in rankings {
        for (rank, &item) in ranking.iter().enumerate() {
            let score = scores.entry(item).or_insert_with(|| {
                order.push(item);
                0.0
            });
            *score += 1.0 / (K + 1.0 + rank as f64);
        }
    }
    order.sort_by(|one, other| scores[other].total_cmp(&scores[one]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_rankings_like_comes_first() {
        assert_eq!(fuse(&[vec!['a', 'b', 'c'], vec!['c', 'b', 'd']]), ['c', 'b', 'a', 'd']);
        assert_eq!(fuse::<char>(&[]), []);
    }

    #[test]
    fn nearness_is_the_cosine() {
        let (one, other) = (unit(&[3.0, 4.0]).unwrap(), unit(&[4.0, 3.0]).unwrap());
        assert!((nearness(&one, &bytes(&other)).unwrap() - 0.96).abs() < 1e-6);
        let long = unit(&(0..19).map(|n| n as f32).collect::<Vec<_>>()).unwrap();
        assert!((nearness(&long, &bytes(&long)).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(nearness(&one, &bytes(&long)), None);
        assert!(unit(&[0.0, 0.0]).is_err() && unit(&[f32::NAN]).is_err() && unit(&[]).is_err());
    }
}
