//! Commands about conversations: having them, finding them, watching them.
use super::key;
use clap::{Args, Subcommand, ValueEnum};

/// A conversation on the terminal.
#[derive(Debug, Default, Args)]
pub(crate) struct Chat {
    /// The model that answers
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Instructions for the model
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Go on with the newest conversation
    #[arg(short = 'c', long = "continue", conflicts_with = "cid")]
    pub(crate) go_on: bool,
    /// Go on with this conversation: its id, or the beginning of one
    #[arg(long, value_name = "ID", visible_alias = "conversation")]
    pub(crate) cid: Option<String>,
    /// Let the model use a tool: its name, PLUGIN:TOOL, PLUGIN:TOOLBOX, or SERVER[:TOOL]
    #[arg(short = 'T', long = "tool", value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// Ask before each call of a tool
    #[arg(long)]
    pub(crate) approve: bool,
    /// Keep nothing of this
    #[arg(short, long)]
    pub(crate) no_log: bool,
    /// Use this key instead of a stored one
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Logs {
    #[command(subcommand)]
    pub(crate) command: Option<LogsCommand>,
    #[command(flatten)]
    pub(crate) list: LogList,
}

#[derive(Debug, Default, Args)]
pub(crate) struct LogList {
    /// How many; 0 lists all [default: 10]
    #[arg(short, long, value_name = "COUNT")]
    pub(crate) number: Option<usize>,
    /// Only what holds all these words; `"in quotes"` they stand together
    #[arg(short, long, value_name = "WORDS")]
    pub(crate) query: Vec<String>,
    /// Only answers of this model
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Only this conversation: its id, or the beginning of one
    #[arg(short, long, visible_alias = "cid", value_name = "ID")]
    pub(crate) conversation: Option<String>,
    /// Show all that was said
    #[arg(short, long)]
    pub(crate) full: bool,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogsCommand {
    /// List questions and answers, newest first
    List(LogList),
    /// Show a conversation
    Show {
        #[arg(value_name = "ID")]
        id: String,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a conversation as Markdown, JSON or a page
    Export {
        #[arg(value_name = "ID")]
        id: String,
        /// As Markdown, which is the default
        #[arg(long, group = "format")]
        md: bool,
        /// As JSON, with all that is known
        #[arg(long, group = "format")]
        json: bool,
        /// As a page for a browser
        #[arg(long, group = "format")]
        html: bool,
    },
    /// List what stands for a conversation's old turns where not all fits; edit or delete one
    Summaries {
        #[arg(value_name = "ID")]
        id: String,
        /// Which of them, by its id
        #[arg(value_name = "SUMMARY")]
        summary: Option<String>,
        /// Put this in its place; `-` reads stdin
        #[arg(long, value_name = "TEXT", requires = "summary")]
        set: Option<String>,
        /// Delete it
        #[arg(long, requires = "summary", conflicts_with = "set")]
        delete: bool,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Delete a conversation for good; what it cost stays
    Delete {
        #[arg(value_name = "ID")]
        id: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Print where conversations are kept
    Path,
}

#[derive(Debug, Args)]
pub(crate) struct Cost {
    /// What the rows are
    #[arg(long, value_name = "WHAT", default_value = "day")]
    pub(crate) by: By,
    /// Only from this day on: 2026-11-01, or 7d for the last week
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Day,
    Month,
    Model,
    Conversation,
    Key,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Print each as a line of JSON
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Only of this conversation: its id, or the beginning of one
    #[arg(long, visible_alias = "cid", value_name = "ID")]
    pub(crate) conversation: Option<String>,
}
