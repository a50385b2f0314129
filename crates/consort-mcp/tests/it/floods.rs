//! Servers that flood: they cost themselves, not the host.
use crate::support::{Place, within};
use std::time::Duration;

/// The processor time and the memory of this process.
fn used() -> (Duration, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    (Duration::from_millis(ticks * 10), fields[21].parse::<u64>().unwrap() * 4096)
}

/// All in one test: it measures the process, which other tests share.
#[tokio::test(flavor = "current_thread")]
#[ignore = "measures the whole process: run alone, as `floods_cost_their_writer` of this suite does"]
async fn measured() {
    for tool in ["flood", "endless_line", "notify", "pester"] {
        let (servers, tools) = Place::odd(&[]).tools().await;
        let (time, memory) = used();
        let error = tools.call_in(tool, "", within(Duration::from_secs(2))).await.unwrap_err();
        let (time_after, memory_after) = used();
        let (cost, grown) = (time_after.saturating_sub(time), memory_after.saturating_sub(memory) >> 20);
        eprintln!("{tool}: {error}; {} ms of processor time in 2 s, {grown} MiB", cost.as_millis());
        assert!(cost < Duration::from_millis(700), "{tool} cost {cost:?}");
        assert!(grown < 80, "{tool} took {grown} MiB");
        // Other servers are served meanwhile, and this one can be ended.
        let (_others, other) = Place::odd(&[]).tools().await;
        assert_eq!(other.text("echo", "x").await, "x");
        servers.stop().await;
    }
}

#[test]
fn floods_cost_their_writer() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "floods::measured", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    eprintln!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
