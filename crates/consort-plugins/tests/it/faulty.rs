//! Twelve faulty plugins and good ones beside them: the good ones answer in their usual time, every fault has its row
//! with reason and line, no process is left, and the host's memory stays bounded.
#![cfg(target_os = "linux")]
use super::support::{Place, ask, ask_within, drop_in, has_python, model, none_left, processes, reason};
use consort_core::{ErrorKind, State};
use std::time::{Duration, Instant};

const SYNTAX: &str = "from llm_utils import LLMClient\n\n\nclass Client(LLMClient)\n    pass\n";
const MISSING: &str = "import no_such_module_here\nfrom llm_utils import LLMClient\n\n\nclass Client(LLMClient):\n    def generate_response(self, s, u, m, t):\n        return 'x'\n";
const RAISES_IN_INIT: &str = "from llm_utils import LLMClient\n\n\nclass Client(LLMClient):\n    def __init__(self):\n        raise ValueError('no good')\n\n    def generate_response(self, s, u, m, t):\n        return 'x'\n\n    def count_tokens(self, text):\n        return 1\n";
const HANGS_AT_IMPORT: &str = "# /// llm-plugin\n# limits = { start_s = 2 }\n# ///\nimport time\nfrom llm_utils import LLMClient\n\ntime.sleep(600)\n\n\nclass Client(LLMClient):\n    def generate_response(self, s, u, m, t):\n        return 'x'\n";
const FORKS: &str = "import os, sys, time\npid = os.fork()\nif pid == 0:\n    try:\n        os.setsid()\n    except OSError:\n        pass\n    if os.fork() == 0:\n        os.execvp(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', __file__])\n    os._exit(0)\nos.waitpid(pid, 0)\nreturn 'forked'";

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_faulty_plugins_hurt_nobody() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("good_one.py", &drop_in("return 'good ' + user_message"));
    place.plugin("good_two.py", &drop_in("return 'fine'"));
    place.plugin("f01_syntax.py", SYNTAX);
    place.plugin("f02_missing.py", MISSING);
    place.plugin("f03_init.py", RAISES_IN_INIT);
    place.plugin("f04_generate.py", &drop_in("raise KeyError('gone')"));
    place.plugin("f05_midstream.py", &drop_in("yield 'one '\nyield 'two '\nraise RuntimeError('cut')"));
    place.plugin("f06_hangs_import.py", HANGS_AT_IMPORT);
    place.plugin("f07_hangs.py", &drop_in("import time\ntime.sleep(600)"));
    place.plugin(
        "f08_hog.py",
        &format!(
            "# /// llm-plugin\n# limits = {{ memory_mb = 300 }}\n# ///\n{}",
            drop_in("hoard = []\nwhile True:\n    hoard.append(bytearray(16 << 20))")
        ),
    );
    place.plugin("f09_exits.py", &drop_in("import os\nos._exit(7)"));
    place.plugin(
        "f10_prints.py",
        &drop_in("import os\nwhile True:\n    os.write(1, b'noise ' * 1000 + b'\\n')"),
    );
    place.plugin("f11_forks.py", &drop_in(FORKS));
    place.plugin("f12_types.py", &drop_in("return 42"));
    let plugins = place.open();
    let before = resident();

    // All at once, as a server would meet them.
    plugins.check_all().await;
    let state = |id: &str| plugins.find(id).unwrap().state();
    let check = |id: &str, wanted: &str| {
        let reason = reason(&state(id));
        assert!(reason.contains(wanted), "{id}: {reason}");
    };
    check("f01_syntax", "f01_syntax.py:4");
    check("f02_missing", "no_such_module_here");
    check("f03_init", "f03_init.py:6");
    check("f06_hangs_import", "f06_hangs_import.py:7: it did not start within 2 s");
    assert_eq!(plugins.find("f02_missing").unwrap().place().as_deref(), Some("f02_missing.py:1"));
    for id in ["good_one", "good_two", "f04_generate", "f05_midstream", "f07_hangs", "f08_hog", "f09_exits"] {
        assert_eq!(state(id), State::Ready, "{id}");
    }

    let usual = {
        let good = model(&plugins.find("good_one").unwrap()).await.unwrap();
        let begun = Instant::now();
        ask(&good, "x").await;
        begun.elapsed()
    };
    let mut running = tokio::task::JoinSet::new();
    for id in [
        "f04_generate",
        "f05_midstream",
        "f07_hangs",
        "f08_hog",
        "f09_exits",
        "f10_prints",
        "f11_forks",
        "f12_types",
    ] {
        let plugin = plugins.find(id).unwrap();
        running.spawn(async move {
            let model = model(&plugin).await.unwrap();
            (id, ask_within(&model, "x", Duration::from_secs(4)).await)
        });
    }
    // The good ones meanwhile.
    let good = model(&plugins.find("good_one").unwrap()).await.unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..40 {
        let begun = Instant::now();
        assert_eq!(ask(&good, "x").await.answer.text(), "good User: x");
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(slowest < usual * 20 + Duration::from_millis(500), "usual {usual:?}, slowest {slowest:?}");

    while let Some(done) = running.join_next().await {
        let (id, outcome) = done.unwrap();
        let said = outcome.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let kind = outcome.error.as_ref().map(consort_core::Error::kind);
        match id {
            "f04_generate" => {
                assert!(said.contains("KeyError") && said.contains("f04_generate.py:6"), "{said}");
            }
            "f05_midstream" => {
                assert_eq!(outcome.answer.text(), "one two ");
                assert!(said.contains("RuntimeError: cut"), "{said}");
            }
            "f07_hangs" | "f10_prints" => {
                assert_eq!(kind, Some(ErrorKind::Timeout), "{id}: {said}");
                assert!(said.contains(&format!("it is at {id}.py:")), "{said}");
            }
            "f08_hog" => assert!(kind.is_some() && kind != Some(ErrorKind::Timeout), "{said}"),
            "f09_exits" => {
                assert_eq!(kind, Some(ErrorKind::PluginCrash), "{said}");
                assert!(said.contains("exited with code 7") && said.contains("f09_exits.py:7"), "{said}");
            }
            "f11_forks" => assert_eq!(outcome.answer.text(), "forked", "{said}"),
            "f12_types" => assert!(said.contains("int") && said.contains("f12_types.py"), "{said}"),
            other => panic!("{other}"),
        }
    }
    // Their rows are ready, and say what went wrong last.
    for (id, wanted) in
        [("f04_generate", "f04_generate.py:6"), ("f09_exits", "f09_exits.py:7"), ("f08_hog", "f08_hog.py:")]
    {
        let told = plugins.find(id).unwrap().last_failure().unwrap_or_default();
        assert!(told.contains(wanted), "{id}: {told}");
    }
    assert!(resident() < before + 100, "{} MiB, {before} before", resident());
    assert!(!processes(&place.path("")).is_empty());
    plugins.stop();
    none_left(&place.path(""), Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_crash_in_native_code_has_its_line_and_what_ends_without_one_has_none_of_another() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let answer = "import ctypes, os, signal, sys
from concurrent.futures import ThreadPoolExecutor
word = user_message.split()[-1]
yield 'so far'
if word == 'here':
    ctypes.string_at(0)
elif word == 'thread':
    ThreadPoolExecutor().submit(lambda: ctypes.string_at(0)).result()
elif word == 'fork':
    if os.fork() == 0:
        ctypes.string_at(0)
    os.wait()
    os.kill(os.getpid(), signal.SIGKILL)
elif word == 'mute':
    sys.stderr = None
    os._exit(7)
else:
    os.kill(os.getpid(), signal.SIGKILL)";
    place.plugin("größer.py", &drop_in(answer));
    let plugins = place.open();
    let plugin = plugins.find("größer").unwrap();
    for (word, wanted) in [
        ("here", "crashed (segmentation fault) at größer.py:11"),
        ("thread", "crashed (segmentation fault) at größer.py:13"),
        ("fork", "was killed"),
        ("mute", "exited with code 7; its last words: consort: os._exit(7) was called at größer.py:21"),
        ("kill", "was killed"),
    ] {
        let outcome = ask(&model(&plugin).await.unwrap(), word).await;
        assert_eq!(outcome.answer.text(), "so far", "{word}");
        let said = outcome.error.unwrap().to_string();
        assert!(said.contains(wanted), "{word}: {said}");
        assert!(word != "fork" && word != "kill" || !said.contains(" at "), "{word}: {said}");
        assert!(plugin.last_failure().unwrap().contains(wanted), "{word}");
    }
    plugins.stop();
}

#[tokio::test]
async fn a_worker_that_is_killed_keeps_its_text_and_the_next_call_works() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin(
        "slow.py",
        &drop_in("import time\nyield 'so '\nyield 'far'\ntime.sleep(1 if 'again' in user_message else 600)"),
    );
    let plugins = place.open();
    let model = model(&plugins.find("slow").unwrap()).await.unwrap();
    let asked = tokio::spawn({
        let model = model.clone();
        async move { ask(&model, "x").await }
    });
    tokio::time::sleep(Duration::from_millis(600)).await;
    for process in processes(&place.path("")) {
        let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
        assert!(killed.unwrap().success());
    }
    let outcome = asked.await.unwrap();
    assert_eq!(outcome.answer.text(), "so far");
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::PluginCrash);
    let again = ask(&model, "again").await;
    assert_eq!((again.answer.text().as_str(), again.error), ("so far", None));
}

/// Providers of bruno and models of Vision Agents that hold up their own loop, and one that answers beside them.
#[tokio::test]
async fn a_killed_worker_of_either_dialect_takes_nobody_with_it() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let bruno = "from bruno_core.interfaces import LLMInterface\nimport time\nclass A(LLMInterface):\n    \
                 async def stream(self, messages, **kwargs):\n        yield 'so far'\n        time.sleep(600)\n";
    let vision = "from vision_agents.core.llm.llm import LLM\nfrom vision_agents.core.llm.events import *\nimport time\n\
                  class A(LLM):\n    async def simple_response(self, text):\n        \
                  self.events.send(LLMResponseChunkEvent(delta='so far'))\n        time.sleep(600)\n";
    let other = "from bruno_core.interfaces import LLMInterface\nimport asyncio\nclass A(LLMInterface):\n    \
                 async def stream(self, messages, **kwargs):\n        for word in 'one two three'.split(' '):\n            \
                 await asyncio.sleep(1)\n            yield word + ' '\n";
    place.plugin("bruno.py", bruno).plugin("vision.py", vision).plugin("other.py", other);
    let plugins = place.open();
    let mut asked = Vec::new();
    for name in ["bruno", "vision", "other"] {
        let model = model(&plugins.find(name).unwrap()).await.unwrap();
        asked.push(tokio::spawn(async move { ask(&model, "x").await }));
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    // Each worker's working folder bears the plugin's name.
    for process in processes(&place.path("")) {
        let folder = std::fs::read_link(format!("/proc/{process}/cwd")).unwrap_or_default();
        if !folder.ends_with("other") {
            let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
            assert!(killed.unwrap().success());
        }
    }
    let other = asked.pop().unwrap();
    for killed in asked {
        let outcome = killed.await.unwrap();
        assert_eq!(outcome.answer.text(), "so far");
        assert_eq!(outcome.error.unwrap().kind(), ErrorKind::PluginCrash);
    }
    let outcome = other.await.unwrap();
    assert_eq!((outcome.answer.text().as_str(), outcome.error), ("one two three ", None));
}

#[tokio::test]
async fn a_plugin_cannot_end_its_host() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let tries = "import os, signal
tried = []
for name, kill in [('host', lambda: os.kill(os.getppid(), signal.SIGTERM)), ('all', lambda: os.kill(-1, 0)), ('group', lambda: os.killpg(os.getppid(), 0))]:
    try:
        kill()
        tried.append(name + ' allowed')
    except OSError as error:
        tried.append(name + ' ' + type(error).__name__)
return ', '.join(tried)";
    place.plugin("killer.py", &drop_in(tries));
    let plugins = place.open();
    let model = model(&plugins.find("killer").unwrap()).await.unwrap();
    let said = ask(&model, "x").await.answer.text();
    assert_eq!(said, "host PermissionError, all PermissionError, group PermissionError");
}

#[tokio::test]
async fn an_interpreter_that_is_slow_to_say_who_it_is_holds_up_nobody() {
    use std::os::unix::fs::PermissionsExt;
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("good.py", &drop_in("return 'good'"));
    let shim = place.path("python3");
    std::fs::write(&shim, "#!/bin/sh\nsleep 2\nexec python3 \"$@\"\n").unwrap();
    std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plugins = place.open_with(&[("CONSORT_PYTHON", &shim.display().to_string())]);
    let plugin = plugins.find("good").unwrap();
    let begun = Instant::now();
    let checked = tokio::spawn(async move { plugin.check().await });
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    while !checked.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    assert!(begun.elapsed() >= Duration::from_secs(2) && checked.await.is_ok());
    assert!(longest < Duration::from_secs(1), "others waited {longest:?}");
}
