//! The chat, on a real terminal: a pseudo terminal that answers as one.
use super::support::{NOBODY_HOME, Place};
use consort::store::{ConversationChange, ConversationQuery, SqliteStore, Store};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A program on a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    /// All that was shown, without control codes.
    shown: Arc<Mutex<String>>,
    /// How much of it was looked at.
    seen: usize,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn open(place: &Place, args: &[&str], env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 40, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_consort"));
        command.args(args);
        command.env_clear();
        command.cwd(place.path(""));
        let home = (place.path(""), place.path("home"));
        command.env("HOME", &home.0);
        command.env("CONSORT_HOME", &home.1);
        command.env("PATH", "/usr/bin:/bin");
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        for (name, value) in NOBODY_HOME.iter().chain(env) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let shown = Arc::new(Mutex::new(String::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (answers, screen) = (keys.clone(), shown.clone());
        std::thread::spawn(move || {
            let (mut bytes, mut cut) = ([0; 4096], String::new());
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let text = std::mem::take(&mut cut) + &String::from_utf8_lossy(&bytes[..count]);
                // A question may come in two pieces.
                let begun = ["\x1b[6", "\x1b[", "\x1b"].into_iter().find(|begun| text.ends_with(begun));
                let (text, rest) = text.split_at(text.len() - begun.map_or(0, str::len));
                rest.clone_into(&mut cut);
                // A terminal says where its cursor is.
                for _ in text.matches("\x1b[6n") {
                    let _ = answers.lock().unwrap().write_all(b"\x1b[20;1R");
                }
                screen.lock().unwrap().push_str(&plain(text));
            }
        });
        Self { child, keys, shown, seen: 0, _master: pair.master }
    }

    fn press(&mut self, keys: &str) {
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, once the prompt is there.
    fn say(&mut self, line: &str) {
        self.sees("› ");
        self.press(line);
        // The editor shows what was typed before it takes the end of the line.
        self.press("\r");
    }

    /// Waits until this is shown, behind what was looked at.
    fn sees(&mut self, text: &str) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let shown = self.shown.lock().unwrap();
            if let Some(at) = shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            drop(shown);
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("`{text}` is not shown:\n{}", &self.shown.lock().unwrap()[self.seen..]);
    }

    fn ends_with(mut self, code: u32) {
        assert_eq!(self.child.wait().unwrap().exit_code(), code, "{}", self.shown.lock().unwrap());
    }
}

/// A text without control codes.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' if letters.peek() == Some(&'[') => {
                letters.next();
                while letters.next().is_some_and(|letter| !('@'..='~').contains(&letter)) {}
            }
            '\x1b' => drop(letters.next()),
            letter if letter.is_control() && letter != '\n' => {}
            letter => plain.push(letter),
        }
    }
    plain
}

const QUICK: &str = "[models.demo.options]\ndelay_ms = 0\n";

#[test]
fn a_conversation_with_branches_files_and_models() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    place.file("edit.sh", "#!/bin/sh\necho 'changed words' > \"$1\"\n");
    place.file("note.txt", "a note");
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo"], &[("EDITOR", "sh edit.sh")]);
    chat.sees("/help for commands");
    chat.say("first words");
    chat.sees(" out ·");
    chat.say("/attach note.txt");
    chat.sees("goes with the next message: text/plain");
    chat.say("second words");
    chat.sees(" out ·");
    chat.say("/retry");
    chat.sees(" out ·");
    chat.say("/edit");
    chat.sees("You said: \"changed words\"");
    chat.sees(" out ·");
    chat.say("/branches");
    chat.sees("3*");
    chat.say("/branches 1");
    chat.sees("on branch 1");
    chat.say("/model demo/text");
    chat.sees("demo/text answers now");
    chat.say("/system Be kind.");
    chat.sees("instructions: Be kind.");
    chat.say("/tools time");
    chat.sees("tools: time");
    chat.say("/tools -");
    chat.sees("no tools");
    chat.say("/cost");
    chat.sees("$0 for");
    chat.say("/save out.md");
    chat.sees("saved to out.md");
    chat.say("/save out.md");
    chat.sees("cannot be written");
    chat.say("/modle");
    chat.sees("did you mean `/model`?");
    chat.say("/conversations");
    chat.sees("first words");
    chat.say("/new");
    chat.sees("a new conversation");
    chat.say("/help");
    chat.sees("/branches");
    chat.say("/quit");
    chat.ends_with(0);
    let saved = std::fs::read_to_string(place.path("out.md")).unwrap();
    assert!(saved.starts_with("# first words") && saved.contains("second words"), "{saved}");
    assert!(!saved.contains("changed words"), "{saved}");
    let history = std::fs::read_to_string(place.path("home/data/history")).unwrap();
    assert!(history.contains("first words"), "{history}");
}

#[test]
fn what_the_page_set_in_a_conversation_survives_the_terminal() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    let asked = place.run(&["-m", "demo", "hello"]);
    assert_eq!(asked.code, 0, "{asked}");
    let store = SqliteStore::open(place.path("home/data/conversations.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let newest = || {
        let found = runtime.block_on(store.conversations(ConversationQuery::default())).unwrap();
        found.into_iter().next().unwrap()
    };
    let mut settings = newest().settings;
    settings.insert("allowed".into(), vec!["time"].into());
    settings.insert("system".into(), "Be kind.".into());
    let change = ConversationChange { settings: Some(settings), ..ConversationChange::default() };
    assert!(runtime.block_on(store.change(newest().id, change)).unwrap());
    let mut chat = Terminal::open(&place, &["chat", "-c"], &[]);
    chat.say("/model demo/text");
    chat.sees("demo/text answers now");
    chat.say("/quit");
    chat.ends_with(0);
    let kept = serde_json::Value::Object(newest().settings);
    assert_eq!(kept["model"], "demo/text", "{kept}");
    assert_eq!(kept["allowed"], serde_json::json!(["time"]), "{kept}");
    assert_eq!(kept["system"], "Be kind.", "{kept}");
}

#[test]
fn ctrl_c_stops_the_answer_and_then_leaves() {
    let place = Place::new();
    let mut chat = Terminal::open(&place, &["-m", "demo"], &[]);
    chat.say("[demo words=500 delay_ms=30]");
    chat.sees("word3 ");
    std::thread::sleep(Duration::from_millis(200));
    chat.press("\x03");
    chat.sees("(stopped: the answer is not whole)");
    chat.sees("› ");
    chat.press("\x03");
    chat.ends_with(130);
    let all = place.run(&["logs", "--json"]).json();
    assert_eq!(all[0]["status"], "interrupted");
    assert!(all[0]["response"].as_str().unwrap().starts_with("word1 word2 word3"));
    // It goes on where it was.
    let mut chat = Terminal::open(&place, &["chat", "-c"], &[]);
    chat.say("/branches");
    chat.sees("1*");
    chat.sees("› ");
    chat.press("\x04");
    chat.ends_with(0);
}

#[test]
fn tools_ask_when_they_should() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo", "-T", "time", "--approve"], &[]);
    chat.say("what time is it");
    chat.sees("may it run?");
    chat.sees("[n] ");
    chat.press("y\n");
    chat.sees("The tool `time` answered: 20");
    chat.sees(" out ·");
    chat.say("what time is it");
    chat.sees("[n] ");
    chat.press("\n");
    chat.sees("the user said no");
    chat.sees(" out ·");
    chat.say("/quit");
    chat.ends_with(0);
}

#[test]
fn a_retry_of_what_was_cut_goes_on_with_its_tools() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo", "-T", "time", "--approve"], &[]);
    chat.say("what time is it");
    chat.sees("[n] ");
    chat.press("\x03");
    chat.say("/retry");
    chat.sees("[n] ");
    chat.press("y\n");
    chat.sees("The tool `time` answered: 20");
    chat.say("/branches");
    chat.sees("1*");
    // Once all is answered, it is the question that is answered anew: a branch.
    chat.say("/retry");
    chat.sees("[n] ");
    chat.press("y\n");
    chat.sees("The tool `time` answered: 20");
    chat.say("/branches");
    chat.sees("2*");
    chat.say("/quit");
    chat.ends_with(0);
    // The call that was cut was not made again: a question, its call, the result, the words.
    let id = place.run(&["logs", "--json"]).json()[0]["conversation"].as_str().unwrap().to_owned();
    let database = rusqlite::Connection::open(place.path("home/data/conversations.db")).unwrap();
    let turns: i64 = database.query_row("SELECT count(*) FROM turns", [], |row| row.get(0)).unwrap();
    assert_eq!(turns, 7, "{}", place.run(&["logs", "show", &id]));
}

#[test]
fn a_stop_at_a_question_leaves_the_next_line_to_the_chat() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo", "-T", "time", "--approve"], &[]);
    chat.say("what time is it");
    chat.sees("[n] ");
    chat.press("\x03");
    chat.say("/help");
    chat.sees("/retry");
    chat.say("/quit");
    chat.ends_with(0);
}

#[test]
fn plugins_that_appear_are_models_at_once() {
    let place = Place::new();
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo"], &[]);
    chat.sees("› ");
    let plugin = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shell/echo.sh");
    std::fs::create_dir_all(place.path("home/data/plugins")).unwrap();
    std::fs::copy(plugin, place.path("home/data/plugins/shout.sh")).unwrap();
    // It is looked at while the user does something else.
    std::thread::sleep(Duration::from_secs(7));
    chat.press("/model shout\r");
    chat.sees("answers now");
    chat.say("hello");
    chat.sees("price unknown");
    chat.say("/quit");
    chat.ends_with(0);
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo"], &[]);
    chat.sees("› ");
    let lines: String =
        (0..300).flat_map(|number| ["line ".to_owned(), number.to_string(), "\n".to_owned()]).collect();
    chat.press(&format!("\x1b[200~{lines}the end\x1b[201~"));
    chat.press("\r");
    chat.sees("You said: \"line 0");
    chat.sees(" out ·");
    chat.say("/quit");
    chat.ends_with(0);
    let all = place.run(&["logs", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert!(all[0]["prompt"].as_str().unwrap().ends_with("line 299\nthe end"));
}

#[test]
fn a_broken_database_does_not_stop_a_chat() {
    let place = Place::new();
    place.file("home/consort.toml", QUICK);
    place.file("home/data/conversations.db", "this is no database at all");
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo"], &[]);
    chat.sees("is no database of Consort");
    chat.sees("this conversation is not kept");
    chat.say("first words");
    chat.sees("You said: \"first words\"");
    chat.sees(" out ·");
    chat.say("/retry");
    chat.sees("You said: \"first words\"");
    chat.sees(" out ·");
    chat.say("/quit");
    chat.ends_with(0);
}

#[cfg(unix)]
#[test]
fn a_chat_ends_with_its_terminal() {
    let place = Place::new();
    let mut chat = Terminal::open(&place, &["chat", "-m", "demo"], &[]);
    // The first answer listens to signals from there on.
    chat.say("hello");
    chat.sees("You said");
    chat.sees("› ");
    let process = chat.child.process_id().unwrap().to_string();
    std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap();
    chat.ends_with(130);
}
