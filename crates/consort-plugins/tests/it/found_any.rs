//! Whatever bytes stand in a file, a scan ends and gives a row.
use crate::place::{DROP_IN, Place};
use proptest::prelude::*;

/// What files are made of, the parts that nobody would write in this order too.
const PIECES: [&str; 43] = [
    "\"\"\"",
    "'''",
    "'",
    "\"",
    "f'{",
    "rb\"",
    "\\",
    "\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ";",
    ":",
    "#",
    "=",
    "import llm",
    "from os import environ as e, getenv",
    "import llm_utils",
    "@llm.hookimpl",
    "class A(LLMClient):",
    "needs_key = 'x'",
    "os.environ['A']",
    "os.getenv(",
    "'A' in os.environ",
    "e['B']",
    "def f():",
    "é",
    "\u{feff}",
    "# /// llm-plugin\n",
    "# /// script\n",
    "# protocol = 1\n",
    "# run = ['{file}', '-x']\n",
    "# ///\n",
    "run = ['x']\n",
    "init = { a = [1, {}] }\n",
    "dependencies = [",
];

/// Bytes as they come, or pieces in any order, which reach deeper.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        pieces.prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_scan_takes_any_bytes(bytes in bytes(), toml in bytes()) {
        let place = Place::with(&[("other.py", DROP_IN)]);
        place.write("any.py", &bytes);
        place.write("script.js", &bytes);
        place.write("alone.toml", &bytes);
        place.write("any.toml", &toml);
        place.write("folder/plugin.toml", &toml);
        let found = place.scan().found;
        let rows = |id: &str| found.iter().filter(|row| row.id == id).count();
        prop_assert_eq!((rows("any"), rows("folder"), rows("other")), (1, 1, 1));
        for row in &found {
            if let Some(problem) = &row.problem {
                prop_assert!(!problem.message.contains(char::is_control), "{problem:?}");
                prop_assert!(problem.help.is_some(), "{problem}");
            }
            prop_assert!(row.env.iter().all(|name| !name.is_empty() && name.is_ascii()));
        }
    }
}
