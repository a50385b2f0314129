//! What a plugin's processes may take together: so many, and so much memory.
#![cfg(target_os = "linux")]
use super::support::{Place, ask_within, drop_in, has_python, model, none_left};
use std::time::Duration;

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
    if answer.is_err() {
        // Its children are ended with it, at once.
        none_left(&place.path(""), Duration::from_secs(5)).await;
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
async fn children_of_children_that_ended_do_not_count() {
    // Each helper is an orphan when it ends, and nobody of the plugin's waits for it.
    let helpers = "import os, time\nfor _ in range(60):\n    child = os.fork()\n    if child == 0:\n        if os.fork() == 0:\n            time.sleep(0.01)\n        os._exit(0)\n    os.waitpid(child, 0)\n    time.sleep(0.03)\ntime.sleep(0.5)\nreturn 'fine'";
    let Some(answer) = asked("processes = 40", helpers).await else { return };
    assert_eq!(answer.unwrap(), "fine");
}

#[tokio::test]
async fn memory_that_children_share_with_their_parent_counts_once() {
    let shares = "import os, time\nhoard = bytearray(os.urandom(1 << 20)) * 150\nchildren = []\nfor _ in range(4):\n    child = os.fork()\n    if child == 0:\n        time.sleep(2)\n        os._exit(0)\n    children.append(child)\nfor child in children:\n    os.waitpid(child, 0)\nreturn 'fine'";
    let Some(answer) = asked("memory_mb = 300", shares).await else { return };
    assert_eq!(answer.unwrap(), "fine");
}

/// Makes this thread, and what it starts, believe that the kernel has no filters.
fn hide_filters() {
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch, apply_filter};
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let rules = [(libc::SYS_seccomp, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, unknown, arch).unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

#[test]
fn where_the_kernel_has_no_filter_it_runs_all_the_same_and_says_so() {
    const CHILD: &str = "CONSORT_TEST_NO_FILTER";
    if !has_python() {
        return;
    }
    if std::env::var_os(CHILD).is_none() {
        // In a program of its own: the others have their filter.
        let name = "limits::where_the_kernel_has_no_filter_it_runs_all_the_same_and_says_so";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    hide_filters();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = Place::new();
        place.plugin("good.py", &drop_in("return 'good'"));
        let plugins = place.open();
        let plugin = plugins.find("good").unwrap();
        let model = model(&plugin).await.unwrap();
        let answer = ask_within(&model, "x", Duration::from_secs(20)).await;
        assert_eq!((answer.answer.text().as_str(), answer.error), ("good", None));
        let notes = plugin.learnt().unwrap().notes.join("\n");
        assert!(notes.contains("no filter of system calls"), "{notes}");
        assert!(plugin.log().lines().join("\n").contains("warning: this kernel has no filter"));
    });
}
