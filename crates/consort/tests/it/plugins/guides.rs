//! The plugin guide of another application: its examples, taken from the page itself where CONSORT_GUIDES names a folder
//! with the pages, with nothing faked but the library that they call.
use super::Plugged;
use super::blocks::blocks;

/// What the guide's example imports: a client whose methods are the ones that it calls.
const LIBRARY: &str = "class Client:
    def generate(self, system_prompt, user_input, max_length, temperature):
        class Response:
            text = f'{system_prompt}|{user_input}|{max_length}|{temperature}'
        return Response

    def count_tokens(self, text):
        return len(text.split())
";

#[test]
fn the_minimal_plugin() {
    let Some(blocks) = blocks("002") else { return };
    let Some(place) = Plugged::with_python() else { return };
    let minimal = blocks.iter().find(|block| block.contains("your_llm_library")).unwrap();
    place.plugin("your_llm_plugin.py", minimal);
    // Without the library its row says so.
    let lacks = place.ask("your_llm_plugin", "x");
    assert!(lacks.code == 3 && lacks.stderr.contains("the package `your_llm_library`"), "{lacks}");
    place.plugin("_helper.txt", "");
    place.place.file("home/data/plugins/your_llm_library.py", LIBRARY);
    let run = place.run(&["-m", "your_llm_plugin", "-s", "be kind", "-o", "max_tokens", "9", "hello"]);
    assert_eq!(run.stdout, "be kind|User: hello|9|0.7", "{run}");
    let check = place.run(&["plugins", "check", "your_llm_plugin"]);
    assert_eq!(check.code, 0, "{check}");
    assert!(check.stdout.contains("counts"), "{check}");
    let card = place.run(&["models", "-q", "your_llm_plugin", "--json"]).json();
    assert_eq!(card[0]["state"], "ready");
}

#[test]
fn the_skeleton_returns_nothing_and_is_told_so() {
    let Some(blocks) = blocks("002") else { return };
    let Some(place) = Plugged::with_python() else { return };
    let import =
        blocks.iter().find(|block| block.starts_with("from llm_utils") && !block.contains("class")).unwrap();
    let class = blocks.iter().find(|block| block.starts_with("class GPT4Client")).unwrap();
    place.plugin("gpt4_plugin.py", format!("{import}\n{class}"));
    let run = place.ask("gpt4_plugin", "hello");
    assert_eq!(run.code, 5, "{run}");
    assert!(run.stderr.contains("returned None, expected str (gpt4_plugin.py:"), "{run}");
    let check = place.run(&["plugins", "check", "gpt4_plugin"]);
    assert_eq!(check.code, 1, "{check}");
    assert!(check.stdout.contains("gpt4_plugin.py:9: "), "the line of the empty body: {check}");
}
