//! What a process showed before it was killed, and when the machine let it run.
use super::talk::BEAT;
use consort_store::TurnId;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

/// What was shown of an answer.
#[derive(Default)]
pub(super) struct Shown {
    /// When each piece was shown, in microseconds.
    pub(super) pieces: Vec<u64>,
    pub(super) finished: bool,
}

/// The life of one process.
#[derive(Default)]
pub(super) struct Life {
    pub(super) shown: HashMap<TurnId, Shown>,
    /// When it showed something for the last time.
    pub(super) last: u64,
    /// When it said that it runs.
    beats: Vec<u64>,
}

/// How many microseconds late is late: less is a machine at work.
const STALL: u64 = 5_000;

impl Life {
    /// Streams in a process of its own for a while, and kills it.
    pub(super) fn stream_and_kill(database: &Path, lives: Duration) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::talk::streams", "--ignored", "--nocapture"])
            .env("STORE_UNDER_TEST", database)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let reader = std::thread::spawn(move || Self::read(output));
        std::thread::sleep(lives);
        process.kill().unwrap();
        process.wait().unwrap();
        reader.join().unwrap()
    }

    fn read(output: ChildStdout) -> Self {
        let mut life = Self::default();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["beat", at] => life.beats.push(at.parse().unwrap()),
                [what @ ("shown" | "finished"), turn, number, at] => {
                    let at = at.parse().unwrap();
                    life.last = life.last.max(at);
                    let of = life.shown.entry(turn.parse().unwrap()).or_default();
                    assert_eq!(
                        of.pieces.len(),
                        number.parse::<usize>().unwrap(),
                        "pieces come in their order"
                    );
                    if what == "shown" { of.pieces.push(at) } else { of.finished = true }
                }
                // What the test program itself says.
                _ => {}
            }
        }
        life
    }

    /// When the process should have run between these moments, and did not: who was to be woken was woken later.
    fn stalls(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        let nap = BEAT.as_micros() as u64;
        // A process that was killed stands still no more.
        let ends = self.beats.iter().skip(1).copied().chain([to.min(self.last)]);
        let late = self.beats.iter().zip(ends).map(move |(beat, next)| (beat + nap, next));
        let late = late.filter(|(due, woke)| woke.saturating_sub(*due) > STALL);
        late.map(move |(due, woke)| (due.max(from), woke.min(to))).filter(|(due, woke)| due < woke)
    }
}

/// For how many microseconds between these moments one of these processes should have run, and did not. They write one
/// database: who stands still while it writes holds up the others.
pub(super) fn stalled(lives: &[Life], from: u64, to: u64) -> u64 {
    let mut stalls: Vec<_> = lives.iter().flat_map(|life| life.stalls(from, to)).collect();
    stalls.sort_unstable();
    let (mut sum, mut seen) = (0, from);
    for (due, woke) in stalls {
        sum += woke.saturating_sub(due.max(seen));
        seen = seen.max(woke);
    }
    sum
}
