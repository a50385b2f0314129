//! What a plugin's processes may take together: so many, and so much memory.
#![cfg(target_os = "linux")]
use super::support::{Place, ask_within, drop_in, has_python, model, processes};
use std::time::{Duration, Instant};

/// Asks a plugin with this limit, and gives its answer or its error.
async fn asked(limit: &str, answer: &str) -> Option<Result<String, String>> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    let head = format!("# /// llm-plugin\n# limits = {{ {limit} }}\n# ///\n");
    place.plugin("many.py", &(head + &drop_in(answer)));
    let plugins = place.open();
    let model = model(&plugins.find("many").unwrap()).await.unwrap();
    let outcome = ask_within(&model, "x", Duration::from_secs(20)).await;
    let answer = outcome.error.map_or_else(|| Ok(outcome.answer.text()), |error| Err(error.to_string()));
    if let Err(error) = &answer {
        // Its children are ended with it, at once.
        let begun = Instant::now();
        while !processes(&place.path("")).is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(5), "left after {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Some(answer)
}

#[tokio::test]
async fn a_fork_bomb_is_ended() {
    // It stops by itself at twice what it may: the test shall not hurt the machine either.
    let bomb = "import os, time\nfor _ in range(80):\n    if os.fork() == 0:\n        time.sleep(30)\n        os._exit(0)\ntime.sleep(30)";
    let Some(answer) = asked("processes = 40", bomb).await else { return };
    let error = answer.unwrap_err();
    assert!(error.contains("more than 40 processes"), "{error}");
}

#[tokio::test]
async fn the_memory_of_all_its_processes_counts_together() {
    // Each of the children holds less than one process may.
    let hogs = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        hoard = bytearray(os.urandom(1 << 20)) * 120\n        time.sleep(30)\n        os._exit(0)\ntime.sleep(30)";
    let Some(answer) = asked("memory_mb = 300", hogs).await else { return };
    let error = answer.unwrap_err();
    assert!(error.contains("MB of memory, more than 300"), "{error}");
}

#[tokio::test]
async fn memory_that_children_share_with_their_parent_counts_once() {
    let shares = "import os, time\nhoard = bytearray(os.urandom(1 << 20)) * 150\nchildren = []\nfor _ in range(4):\n    child = os.fork()\n    if child == 0:\n        time.sleep(2)\n        os._exit(0)\n    children.append(child)\nfor child in children:\n    os.waitpid(child, 0)\nreturn 'fine'";
    let Some(answer) = asked("memory_mb = 300", shares).await else { return };
    assert_eq!(answer.unwrap(), "fine");
}
