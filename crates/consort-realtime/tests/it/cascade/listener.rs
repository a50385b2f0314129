//! Somebody who plays a session's answers at once: how much of them was heard, to judge by it what is said of that.
use consort_core::{Pcm, SessionEvent, Speaker, TranscriptMode};
use consort_realtime::audio::SpellingReader;
use std::collections::BTreeMap;
use std::time::Duration;

/// Somebody wanted the end of an answer.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) at: Duration,
    pub(crate) item: Option<String>,
    pub(crate) heard: Duration,
}

type Events = [(Duration, SessionEvent)];

/// The last that was shown of each answer up to a moment, one behind the other.
pub(crate) fn shown(events: &Events, until: Duration) -> String {
    let mut order: Vec<(&str, &str)> = Vec::new();
    for (at, event) in events {
        let SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text } = event else { continue };
        if *at > until || *mode != TranscriptMode::Final {
            continue;
        }
        match order.iter_mut().find(|(known, _)| known == item) {
            Some((_, known)) => *known = text,
            None => order.push((item, text)),
        }
    }
    order.iter().map(|(_, text)| *text).collect()
}

/// One answer, as it came.
#[derive(Default)]
struct Answer<'a> {
    began: Duration,
    clauses: Vec<&'a str>,
    sound: Vec<(Duration, &'a Pcm)>,
    /// The last that was shown.
    end: &'a str,
}

impl Answer<'_> {
    /// How much of it was heard by then.
    fn heard_by(&self, now: Duration) -> Duration {
        let (mut until, mut sounded) = (Duration::ZERO, Duration::ZERO);
        for (at, pcm) in self.sound.iter().filter(|(at, _)| *at <= now) {
            until = until.max(*at) + pcm.duration();
            sounded += pcm.duration();
        }
        sounded.saturating_sub(until.saturating_sub(now))
    }

    /// How many letters its sound spells up to there.
    fn letters(&self, heard: Duration) -> usize {
        let (mut reader, mut words, mut left) = (SpellingReader::new(), Vec::new(), heard);
        for (_, pcm) in &self.sound {
            let take = if left < pcm.duration() {
                (left.as_secs_f64() * f64::from(pcm.rate)).round() as usize
            } else {
                pcm.samples.len()
            };
            let take = take.min(pcm.samples.len());
            words.extend(reader.push(&Pcm::mono(pcm.samples[..take].to_vec(), pcm.rate)).unwrap());
            left = left.saturating_sub(pcm.duration());
        }
        words.extend(reader.finish());
        words.iter().map(|word| letters(word)).sum()
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// Whether what was shown of each answer in the end is what was heard of it, within a clause.
pub(crate) fn judge_heard(events: &Events, stops: &[Stop]) -> Result<(), String> {
    let (mut answers, mut cuts) =
        (BTreeMap::<&str, Answer<'_>>::new(), BTreeMap::<&str, Vec<Duration>>::new());
    for (at, event) in events {
        match event {
            SessionEvent::Transcript { item, by: Speaker::Assistant, mode, text } => {
                let answer =
                    answers.entry(item).or_insert_with(|| Answer { began: *at, ..Answer::default() });
                match mode {
                    TranscriptMode::Delta => answer.clauses.push(text),
                    _ => answer.end = text,
                }
            }
            SessionEvent::Audio { item, pcm, .. } => answers.entry(item).or_default().sound.push((*at, pcm)),
            SessionEvent::Interrupted { item: Some(item) } => cuts.entry(item).or_default().push(*at),
            _ => {}
        }
    }
    for (item, answer) in &answers {
        let mut heard: Vec<Duration> =
            cuts.get(item).into_iter().flatten().map(|at| answer.heard_by(*at)).collect();
        // A stop before its first word is none of it; at that moment it may be or not.
        for stop in stops.iter().filter(|stop| stop.at >= answer.began) {
            match &stop.item {
                Some(named) if named == item => heard.push(stop.heard),
                Some(_) => continue,
                None => heard.push(answer.heard_by(stop.at)),
            }
            heard.extend((stop.at == answer.began).then_some(Duration::MAX));
        }
        let all: String = answer.clauses.concat();
        if heard.is_empty() {
            if answer.end != all {
                return Err(format!("nothing cut {item}, and not all of it is shown"));
            }
            continue;
        }
        // Clauses that could not be spoken were shown at their place; how long they would have been nobody knows.
        let silent: usize =
            answer.clauses.iter().filter(|text| text.contains("ok")).map(|text| letters(text)).sum();
        let clause = answer.clauses.iter().map(|text| letters(text)).max().unwrap_or_default();
        let shown = letters(answer.end);
        let fits = |heard: &Duration| {
            let heard = answer.letters(*heard);
            shown <= heard + clause + silent && heard <= shown + clause
        };
        if !heard.iter().any(fits) && answer.end != all {
            return Err(format!("{item} was heard otherwise: {:?} of {all:?}; {heard:?}", answer.end));
        }
        if answer.end == all
            && !heard.iter().any(fits)
            && !stops.iter().any(|stop| stop.item.as_deref() == Some(item))
        {
            return Err(format!("of {item} more is shown than was heard: {all:?}; {heard:?}"));
        }
    }
    Ok(())
}
