//! The line in which people type: history, several lines, completion.
use super::complete::Names;
use super::session::Session;
use crate::terminal::Signs;
use reedline::{
    ColumnarMenu, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    default_emacs_keybindings,
};
use std::borrow::Cow;
use std::io;
use std::path::Path;

/// How many prompts are remembered.
const REMEMBERED: usize = 1000;

const MENU: &str = "names";

pub(super) struct Line(Reedline);

/// What was typed.
pub(super) enum Typed {
    Text(String),
    CtrlC,
    End,
}

impl Line {
    pub(super) fn open(session: &Session) -> Self {
        let mut keys = default_emacs_keybindings();
        let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
        keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline.clone());
        keys.add_binding(KeyModifiers::SHIFT, KeyCode::Enter, newline);
        let menu =
            ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, menu);
        keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
        let names = ColumnarMenu::default().with_name(MENU).with_columns(1);
        let mut editor = Reedline::create()
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_completer(Box::new(Names::of(session)))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(names)))
            .with_partial_completions(true)
            .with_ansi_colors(anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never)
            // A paste is one text, whatever line ends are in it.
            .use_bracketed_paste(true)
            .with_history_exclusion_prefix(Some(" ".to_owned()));
        if let Some(history) = session.history_file().and_then(|file| remembered(&file)) {
            editor = editor.with_history(Box::new(history));
        }
        Self(editor)
    }

    pub(super) fn read(&mut self, model: &str, signs: Signs) -> io::Result<Typed> {
        let signal = self.0.read_line(&Question { model, signs }).map_err(io::Error::other)?;
        // A history that cannot be written is no reason to stop a chat.
        let _ = self.0.sync_history();
        Ok(match signal {
            Signal::Success(text) => Typed::Text(text),
            Signal::CtrlC => Typed::CtrlC,
            _ => Typed::End,
        })
    }
}

/// The history in a file that only its user can read.
fn remembered(file: &Path) -> Option<FileBackedHistory> {
    std::fs::create_dir_all(file.parent()?).ok()?;
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).ok()?;
    FileBackedHistory::with_file(REMEMBERED, file.to_owned()).ok()
}

/// What stands before the line.
struct Question<'a> {
    model: &'a str,
    signs: Signs,
}

impl Prompt for Question<'_> {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        self.model.into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        format!(" {} ", self.signs.prompt).into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "  ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!(" (search: {}) ", search.term).into()
    }
}
