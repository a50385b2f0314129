//! What a listing of fifty plugins costs before anything is printed. `cargo bench -p consort-plugins`.
#![allow(clippy::expect_used, reason = "a benchmark stops where a test would fail")]
use consort_core::ModelCard;
use consort_plugins::found::{Cache, Checked, Folder, Learnt, Origin, StateFile, scan};
use divan::Bencher;

const PLUGINS: usize = 50;

/// A plugin of the usual size: a page and a half.
fn source(number: usize) -> String {
    let body = "    def count_tokens(self, text):\n        \"\"\"Counts, more or less.\"\"\"\n        return len(text) // 4  # enough\n\n";
    format!(
        "# /// script\n# dependencies = [\"httpx>=0.27\"]\n# ///\n\"\"\"Model {number}.\"\"\"\nimport os\nimport httpx\n\
         from llm_utils import LLMClient\n\nKEY = os.environ.get(\"ACME_{number}_KEY\")\n\n\nclass Client{number}(LLMClient):\n{}",
        body.repeat(20)
    )
}

fn main() {
    divan::main();
}

struct Place {
    _root: tempfile::TempDir,
    folders: Vec<Folder>,
    cache: Cache,
    state: StateFile,
}

fn place() -> Place {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("plugins");
    std::fs::create_dir(&path).expect("a folder");
    for number in 0..PLUGINS {
        std::fs::write(path.join(format!("plugin {number}.py")), source(number)).expect("a file");
        if number % 10 == 0 {
            std::fs::write(
                path.join(format!("plugin {number}.toml")),
                "name = \"Acme\"\nsecrets = [\"acme\"]\n",
            )
            .expect("a file");
        }
    }
    let folders = vec![Folder { path, origin: Origin::Data, trusted: true }];
    let cache = Cache::new(root.path().join("cache"));
    let state = StateFile::new(root.path().join("plugins.toml"));
    let mut learnt = Learnt::now(Checked::Ready);
    learnt.models = vec![ModelCard::new("plugin", "one"), ModelCard::new("plugin", "two")];
    for found in scan(&folders, "1").found {
        assert!(found.problem.is_none(), "{found:?}");
        cache.write(&found, learnt.clone()).expect("kept");
        state.grant(&found, "ACME_KEY").expect("granted");
    }
    Place { _root: root, folders, cache, state }
}

#[divan::bench]
fn scan_only(bencher: Bencher<'_, '_>) {
    let place = place();
    bencher.bench(|| scan(&place.folders, "1").found.len());
}

#[divan::bench]
fn scan_grants_and_cache(bencher: Bencher<'_, '_>) {
    let place = place();
    bencher.bench(|| {
        let (allowed, _) = place.state.read();
        let rows = scan(&place.folders, "1").found;
        let known = rows
            .iter()
            .filter(|found| !allowed.granted(&found.file).is_empty() && place.cache.read(found).is_some());
        assert_eq!(known.count(), PLUGINS);
    });
}
