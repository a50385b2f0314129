//! Records in memory.
use crate::rank::{Corpus, by_words, bytes, fuse, nearness, unit};
use crate::words::{Search, index};
use crate::{NewRecord, Record, RecordId, RecordQuery, Vector, growth};
use consort_core::Error;

#[derive(Debug, Default)]
pub(super) struct Records(Vec<One>);

#[derive(Debug)]
struct One {
    record: Record,
    words: Vec<String>,
    /// By which embedder, and its bytes.
    vector: Option<(String, Vec<u8>)>,
}

impl Records {
    pub(super) fn remember(&mut self, new: NewRecord) -> Result<Record, Error> {
        let vector = match new.vector {
            Some(vector) => Some((vector.embedder, bytes(&unit(&vector.values)?))),
            None => None,
        };
        let words = index(&new.text);
        let record = Record {
            id: RecordId::new(),
            scope: new.scope,
            text: new.text,
            data: new.data,
            created: growth::now(),
        };
        self.0.push(One { record: record.clone(), words, vector });
        Ok(record)
    }

    pub(super) fn forget(&mut self, id: RecordId) -> bool {
        let before = self.0.len();
        self.0.retain(|one| one.record.id != id);
        self.0.len() < before
    }

    pub(super) fn find(&self, query: &RecordQuery) -> Result<Vec<Record>, Error> {
        // Newest first, so that of equals the newer comes first.
        let newest: Vec<usize> =
            (0..self.0.len()).rev().filter(|&at| self.0[at].record.scope == query.scope).collect();
        let search = Search::read(query.search.as_deref(), true);
        let mut rankings = Vec::new();
        if let Some(search) = &search {
            rankings.push(self.by_words(search, &newest));
        }
        if let Some(vector) = &query.vector {
            rankings.push(self.by_vector(vector, &newest)?);
        }
        let found = if rankings.is_empty() { newest } else { fuse(&rankings) };
        let limit = query.limit.unwrap_or(usize::MAX);
        Ok(found.into_iter().take(limit).map(|at| self.0[at].record.clone()).collect())
    }

    fn by_words(&self, search: &Search, newest: &[usize]) -> Vec<usize> {
        let words = self.0.iter().map(|one| one.words.len()).sum();
        let corpus = Corpus { texts: self.0.len(), words };
        let holds = |words: &[String], phrase: &crate::words::Phrase| phrase.count(words) > 0;
        let holding: Vec<usize> = search
            .phrases
            .iter()
            .map(|phrase| self.0.iter().filter(|one| holds(&one.words, phrase)).count())
            .collect();
        let mut scored: Vec<(usize, f64)> = newest
            .iter()
            .filter(|&&at| search.phrases.iter().any(|phrase| holds(&self.0[at].words, phrase)))
            .map(|&at| (at, by_words(search, corpus, &self.0[at].words, &holding)))
            .collect();
        scored.sort_by(|one, other| other.1.total_cmp(&one.1));
        scored.into_iter().map(|(at, _)| at).collect()
    }

    fn by_vector(&self, wanted: &Vector, newest: &[usize]) -> Result<Vec<usize>, Error> {
        let direction = unit(&wanted.values)?;
        let mut scored: Vec<(usize, f32)> = newest
            .iter()
            .filter_map(|&at| {
                let (embedder, kept) = self.0[at].vector.as_ref()?;
                (*embedder == wanted.embedder)
                    .then(|| nearness(&direction, kept))
                    .flatten()
                    .map(|near| (at, near))
            })
            .collect();
        scored.sort_by(|one, other| other.1.total_cmp(&one.1));
        Ok(scored.into_iter().map(|(at, _)| at).collect())
    }
}
