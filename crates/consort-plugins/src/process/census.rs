//! What the processes of a plugin hold together: how many there are, and their memory.
//!
//! The limits that the kernel keeps are for one process each. This is the sum, read from `/proc` in passing: numbers that
//! the kernel has at hand for all processes, and the exact ones only of a group that seems to hold too much.
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One process of a group.
#[derive(Debug, Clone, Copy)]
struct Member {
    process: u32,
    /// Bytes in memory, those that it shares with others and those of mapped files too.
    resident: u64,
    /// It ended, and its parent did not hear of it yet.
    ended: bool,
}

/// The members of each group on this machine, by its leader.
type Groups = BTreeMap<u32, Vec<Member>>;

/// What one group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) processes: usize,
    /// Bytes, where they are more than was asked about.
    pub(super) too_much: Option<u64>,
}

/// What the group of this leader holds, where it may hold so many bytes.
pub(super) fn of(leader: u32, bytes: u64) -> Held {
    let groups = groups();
    let members = groups.get(&leader).map(Vec::as_slice).unwrap_or_default();
    collect(leader, members);
    Held { processes: members.len(), too_much: beyond(members, bytes) }
}

/// Collects those that ended and whose parents are gone: they became this program's children. The leader is its guardian's.
fn collect(leader: u32, members: &[Member]) {
    use rustix::process::{Pid, WaitOptions, waitpid};
    for member in members.iter().filter(|member| member.ended && member.process != leader) {
        // An error means that it is another's child.
        let _ = waitpid(Pid::from_raw(member.process.cast_signed()), WaitOptions::NOHANG);
    }
}

/// Their memory, where it is more than this: each way of counting costs more than the one before, and finds less.
fn beyond(members: &[Member], bytes: u64) -> Option<u64> {
    let sum =
        |of: &dyn Fn(&Member) -> u64| Some(members.iter().map(of).sum()).filter(|sum: &u64| *sum > bytes);
    sum(&|member| member.resident)?;
    sum(&|member| own(member.process).unwrap_or(0))?;
    sum(&|member| fair(member.process).or_else(|| own(member.process)).unwrap_or(0))
}

/// Bytes of its own or shared with other processes: no mapped files.
fn own(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(field(&status, "RssAnon:")? + field(&status, "RssShmem:")?)
}

/// The same, with what several processes share counted once among them.
fn fair(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    Some(field(&rollup, "Pss_Anon:")? + field(&rollup, "Pss_Shmem:")?)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// All groups, as they are or were a moment ago: one look serves all plugins.
fn groups() -> Arc<Groups> {
    const FRESH: Duration = Duration::from_millis(100);
    static LAST: Mutex<Option<(Instant, Arc<Groups>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((when, groups)) = &*last
        && when.elapsed() < FRESH
    {
        return groups.clone();
    }
    let groups = Arc::new(count());
    *last = Some((Instant::now(), groups.clone()));
    groups
}

fn count() -> Groups {
    let mut groups = Groups::new();
    let page = rustix::param::page_size() as u64;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ended meanwhile holds nothing.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some((ended, group, pages)) = read(&stat) {
            groups.entry(group).or_default().push(Member { process, resident: pages * page, ended });
        }
    }
    groups
}

/// Whether it ended, the group and the pages in memory of a `stat` line. The name in it may hold anything, also spaces and brackets.
fn read(stat: &str) -> Option<(bool, u32, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let ended = fields.next()? == "Z";
    let group = fields.nth(1)?.parse().ok()?;
    Some((ended, group, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_by_its_last_bracket() {
        let line =
            "7 (a) b) S 1 42 42 0 -1 4194560 1 0 0 0 1 0 0 0 20 0 1 0 100 9000 321 18446744073709551615";
        assert_eq!(read(line), Some((false, 42, 321)));
        assert_eq!(read("nonsense"), None);
    }

    #[test]
    fn the_memory_of_this_process_is_found_each_way() {
        let me = std::process::id();
        let (own, fair) = (own(me).unwrap(), fair(me).unwrap());
        assert!(own >= 1 << 16 && fair >= 1 << 16 && fair <= own + (1 << 20), "{own} {fair}");
        let group = rustix::process::getpgrp().as_raw_nonzero().get().cast_unsigned();
        assert!(of(group, u64::MAX).processes >= 1);
        assert!(of(group, 1).too_much.is_some());
    }
}
