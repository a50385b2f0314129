//! Every command and flag, declared once: help, completions and parsing follow from here.
mod conversation;
mod realtime;
mod serve;
mod talk;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use conversation::{By, Chat, Cost, Events, LogList, Logs, LogsCommand};
pub(crate) use realtime::{Realtime, Replay};
pub(crate) use serve::Serve;
use std::path::PathBuf;
pub(crate) use talk::Talk;

const EXAMPLES: &str = "\
Examples:
  consort \"why is the sky blue\"                ask the default model
  git diff | consort \"write a commit message\"  the piped text follows the prompt
  consort -m demo \"hello\"                      a model that needs no key
  consort -a photo.jpg \"what is this\"          show it a file, or a URL
  consort --json \"2+2\" | jq -r .text           one object: text, usage, cost
  consort -o temperature 0.2 \"name a colour\"   an option of the model
  consort -c \"and shorter?\"                    go on with the newest conversation
  consort                                      a chat, on a terminal

Exit codes:
  0 answered         1 other failure     2 usage           3 no key, or refused
  4 no such model    5 provider error    6 rate limited    7 network or timeout
  8 with --strict: declined or cut short                   130 interrupted

Start with `consort doctor`: what is set up, what is missing, and what to do.";

const ENVIRONMENT: &str = "\
Environment:
  CONSORT_HOME     one folder for settings, keys and data
  CONSORT_MODEL    the default model
  CONSORT_PLUGINS  more folders of plugins, as PATH lists folders
  CONSORT_PYTHON   the Python that plugins run on
  CONSORT_LOG      log to stderr, without keys: error, warn, info, debug, trace
  NO_COLOR         no colours";

/// Ask any language model.
#[derive(Debug, Parser)]
#[command(
    name = "consort",
    version,
    about = "Ask any language model.",
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{ENVIRONMENT}"),
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = false,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) ask: Ask,
    /// A folder of plugins, beside the usual ones
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugins: Vec<std::path::PathBuf>,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// One question.
#[derive(Debug, Default, Args)]
pub(crate) struct Ask {
    /// What to ask; text piped in follows it
    pub(crate) prompt: Vec<String>,
    /// The model to ask: an id, an alias, or a name that only one provider has
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Instructions for the model
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Put what a plugin loads, or a text file, before the prompt
    #[arg(short, long, value_name = "PREFIX:NAME|FILE")]
    pub(crate) fragment: Vec<String>,
    /// Start from a template that a plugin loads; the prompt fills its `$input`
    #[arg(short, long, value_name = "PREFIX:NAME")]
    pub(crate) template: Option<String>,
    /// Fill a place of the template: `$NAME` or `${NAME}` in its prompt or instructions
    #[arg(long, num_args = 2, value_names = ["NAME", "VALUE"], requires = "template", allow_hyphen_values = true)]
    pub(crate) param: Vec<String>,
    /// Set an option of the model (`consort models options MODEL` lists them)
    #[arg(short, long = "option", num_args = 2, value_names = ["NAME", "VALUE"], allow_hyphen_values = true)]
    pub(crate) option: Vec<String>,
    /// Attach a file, a URL, or stdin with `-`
    #[arg(short, long, value_name = "FILE|URL|-", allow_hyphen_values = true)]
    pub(crate) attachment: Vec<String>,
    /// Attach a file of a type that its content does not tell
    #[arg(long, visible_alias = "at", num_args = 2, value_names = ["FILE|URL|-", "MIME"], allow_hyphen_values = true)]
    pub(crate) attachment_type: Vec<String>,
    /// Go on with the newest conversation
    #[arg(short = 'c', long = "continue", conflicts_with = "cid")]
    pub(crate) go_on: bool,
    /// Go on with this conversation: its id, or the beginning of one
    #[arg(long, value_name = "ID", visible_alias = "conversation")]
    pub(crate) cid: Option<String>,
    /// Keep nothing of this
    #[arg(short, long)]
    pub(crate) no_log: bool,
    /// Let the model use a tool: its name, PLUGIN:TOOL, PLUGIN:TOOLBOX, or SERVER[:TOOL]
    #[arg(short = 'T', long = "tool", value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// Ask before each call of a tool
    #[arg(long, requires = "tool")]
    pub(crate) approve: bool,
    /// Answer with JSON that fits: a JSON Schema, a file that holds one, or fields as `name, age int`
    #[arg(long, value_name = "SCHEMA", conflicts_with = "tool")]
    pub(crate) schema: Option<String>,
    /// Use this key instead of a stored one
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) key: Option<String>,
    /// Ask for the whole answer at once
    #[arg(long)]
    pub(crate) no_stream: bool,
    /// Give up after this many seconds [default: what the provider's file says, mostly 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// Exit with 8 when the answer was refused or cut short
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print one JSON object: text, model, usage, cost, attempts, finish, tool calls, or the error
    #[arg(long, help_heading = "Output", conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Print each event as a line of JSON
    #[arg(long, help_heading = "Output")]
    pub(crate) jsonl: bool,
    /// Say what the answer used and cost
    #[arg(short, long, help_heading = "Output")]
    pub(crate) usage: bool,
    /// Print nothing but the answer and errors
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print the bytes as they come, terminal control codes included
    #[arg(long, help_heading = "Output")]
    pub(crate) raw: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Talk with a model, on the terminal
    Chat(Chat),
    /// Talk with a model: by microphone, with sound from and to WAV files, or in words
    Talk(Talk),
    /// Tools for live sessions: play recorded ones again
    #[command(subcommand, arg_required_else_help = true)]
    Realtime(Realtime),
    /// Serve the web chat and its API
    Serve(Serve),
    /// See what was asked and answered
    Logs(Logs),
    /// Say what was used and what it cost
    Cost(Cost),
    /// Watch what all running programs of yours ask and answer
    Events(Events),
    /// List, search and choose models
    Models(Models),
    /// Store keys
    #[command(subcommand, arg_required_else_help = true)]
    Keys(Keys),
    /// List providers, and show where each is described
    Providers(Providers),
    /// List routes: models made of others, with retry, fallback and limits
    Routes(Routes),
    /// See, check, install and make plugins
    Plugins(Plugins),
    /// See, try, add and remove MCP servers
    Mcp(Mcp),
    /// Say what is set up, what is missing, and what to do
    Doctor,
    /// Turn texts into vectors
    Embed(Embed),
    /// Print completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Models {
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
    #[command(flatten)]
    pub(crate) list: ModelList,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List models, those that can be used now first
    List(ModelList),
    /// List the models whose id, title or alias holds all the words
    Search {
        #[arg(required = true)]
        words: Vec<String>,
        #[command(flatten)]
        list: ModelList,
    },
    /// Show or set the model that answers when none is named
    Default { model: Option<String> },
    /// Show the options that a model takes
    Options {
        model: String,
        /// Print them as JSON Schema
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct ModelList {
    /// Only models whose id, title or alias holds all the words
    #[arg(short, long = "query", value_name = "WORDS")]
    pub(crate) query: Vec<String>,
    /// Only models that can do this
    #[arg(long, value_name = "WHAT")]
    pub(crate) can: Vec<Ability>,
    /// Ask the providers that are set up what they have now, and keep it
    #[arg(long, visible_alias = "refresh")]
    pub(crate) live: bool,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ability {
    #[value(alias = "vision", alias = "images")]
    Image,
    Audio,
    Pdf,
    Video,
    Tools,
    Schema,
    #[value(alias = "thinking")]
    Reasoning,
    #[value(alias = "embedding")]
    Embed,
    #[value(alias = "realtime", alias = "voice")]
    Live,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Store a key: typed unseen, or from stdin
    Set { name: String },
    /// Print a stored key
    Get { name: String },
    /// List the names of the stored keys
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Print where the keys are
    Path,
    /// Forget a key
    #[command(visible_alias = "rm")]
    Remove { name: String },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Providers {
    #[command(subcommand)]
    pub(crate) command: Option<ProvidersCommand>,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// List providers
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Show one provider: its state, its keys, and the file that describes it
    Show {
        provider: String,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the folder for your own provider files
    Path,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Routes {
    #[command(subcommand)]
    pub(crate) command: Option<RoutesCommand>,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoutesCommand {
    /// List routes
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Show one route: its targets, what is around them, or why it is broken
    Show {
        route: String,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Plugins {
    #[command(subcommand)]
    pub(crate) command: Option<PluginsCommand>,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginsCommand {
    /// List plugins, each with its state
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Say why a plugin is in its state, and what to do
    Why { name: String },
    /// Print what a plugin said last: its stderr and stray output
    Log { name: String },
    /// Test a plugin, or a file, against its contract
    Check {
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// What its models are asked
        #[arg(long, value_name = "TEXT", default_value = "Say hello in one word.")]
        prompt: String,
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Run a Python plugin in the foreground, and stop in the debugger where it fails
    Debug {
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// What it is asked
        #[arg(default_value = "Say hello in one word.")]
        prompt: String,
    },
    /// Test a Python plugin: by the contract of its dialect and its own tests, or by a file of tests
    Test {
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// Tests as they are written for pytest; the plugin's model is `CustomLLM` in them
        tests: Option<PathBuf>,
    },
    /// Write a plugin to start from
    New { dialect: Scaffold, name: String },
    /// Install plugins: packages of the `llm` ecosystem, each in an environment of its own, or copies of files and folders
    Install {
        #[arg(required = true, value_name = "PACKAGE|FILE")]
        names: Vec<String>,
        /// Replace files that are there already
        #[arg(long)]
        force: bool,
    },
    /// Remove an installed package and its environment
    Uninstall { name: String },
    /// Install what a plugin's file needs, into an environment of its own
    InstallDeps {
        name: String,
        /// More packages
        packages: Vec<String>,
    },
    /// Let the plugins of a folder run
    Trust {
        #[arg(value_name = "FOLDER")]
        folder: std::path::PathBuf,
    },
    /// No longer let them
    Untrust {
        #[arg(value_name = "FOLDER")]
        folder: std::path::PathBuf,
    },
    /// Forget what is known of plugins, and look at them again
    Reload { name: Option<String> },
    /// Let a plugin have keys, or variables of the environment
    Grant {
        name: String,
        #[arg(required = true, value_name = "KEY|VARIABLE")]
        keys: Vec<String>,
    },
    /// No longer let it
    Revoke {
        name: String,
        #[arg(required = true, value_name = "KEY|VARIABLE")]
        keys: Vec<String>,
    },
    /// List the tools that a plugin offers
    Tools { name: String },
    /// Run one of its tools, to try it
    Call {
        name: String,
        tool: String,
        /// The arguments, as a JSON object
        #[arg(default_value = "{}")]
        arguments: String,
    },
    /// Run a command that an installed package brings
    Run {
        /// The plugin, and what its command is given: flags behind its name are the command's
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_names = ["NAME", "ARGUMENTS"]
        )]
        line: Vec<String>,
    },
    /// Print the folder for your plugins
    Path,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Mcp {
    #[command(subcommand)]
    pub(crate) command: Option<McpCommand>,
    /// Print a JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// List MCP servers, without starting any
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
    /// List the tools that a server offers
    Tools {
        name: String,
        /// Print a JSON list, with the schemas
        #[arg(long)]
        json: bool,
    },
    /// Start a server, and say who it is and what it offers
    Check { name: String },
    /// Run one of its tools, to try it
    Call {
        name: String,
        tool: String,
        /// The arguments, as a JSON object
        #[arg(default_value = "{}")]
        arguments: String,
    },
    /// Print what a server said last: its stderr, stray output and messages
    Log { name: String },
    /// Put a server into your settings
    Add(McpAdd),
    /// Take a server out of your settings
    #[command(visible_alias = "rm")]
    Remove { name: String },
}

#[derive(Debug, Args)]
pub(crate) struct McpAdd {
    pub(crate) name: String,
    /// The address of a server that speaks streamable HTTP
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    pub(crate) url: Option<String>,
    /// A header for it; its value may name a key as ${secret:NAME}
    #[arg(long, value_name = "NAME: VALUE", requires = "url")]
    pub(crate) header: Vec<String>,
    /// A variable for the program; its value may name a key as ${secret:NAME}
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "url")]
    pub(crate) env: Vec<String>,
    /// Only this tool of it; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// The program to start, and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// What kind of plugin is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scaffold {
    /// A Python class with two methods
    DropIn,
    /// A Python file for the `llm` ecosystem
    Llm,
    /// A Python provider of bruno
    Bruno,
    /// A Python model of Vision Agents
    VisionAgents,
    /// A Python model of Vision Agents that listens and speaks
    VisionAgentsLive,
    /// A Python script that speaks the plugin protocol
    Python,
    /// A Node script that speaks the plugin protocol
    Node,
    /// A shell script that speaks the plugin protocol
    Shell,
    /// A Rust program
    Rust,
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// The texts; without any, each line of stdin is one
    pub(crate) texts: Vec<String>,
    /// The embedding model
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// How many numbers a vector has
    #[arg(short, long)]
    pub(crate) dimensions: Option<u32>,
    /// Use this key instead of a stored one
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(crate) key: Option<String>,
    /// Print one JSON object: vectors, model, usage
    #[arg(long)]
    pub(crate) json: bool,
}

impl Ask {
    /// A chat with the same flags.
    pub(crate) fn chat(&self) -> Chat {
        Chat {
            model: self.model.clone(),
            system: self.system.clone(),
            go_on: self.go_on,
            cid: self.cid.clone(),
            tool: self.tool.clone(),
            approve: self.approve,
            no_log: self.no_log,
            key: self.key.clone(),
        }
    }

    /// The attachments in the order of the two flags, each with its type if it was given.
    pub(crate) fn parameters(&self) -> Vec<(&str, &str)> {
        self.param.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
    }

    pub(crate) fn attachments(&self) -> Vec<(&str, Option<&str>)> {
        let plain = self.attachment.iter().map(|place| (place.as_str(), None));
        let typed =
            self.attachment_type.chunks_exact(2).map(|pair| (pair[0].as_str(), Some(pair[1].as_str())));
        plain.chain(typed).collect()
    }
}

/// A key, without the line end that `$(cat FILE)` or a paste may leave.
fn key(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the key is empty".to_owned()),
        key => Ok(key.to_owned()),
    }
}

/// Where the user's own files belong, for messages.
pub(crate) fn shown(path: &std::path::Path) -> String {
    let home = std::env::home_dir().unwrap_or_default();
    match path.strip_prefix(&home) {
        Ok(below) if !home.as_os_str().is_empty() => format!("~/{}", below.display()),
        _ => path.display().to_string(),
    }
}
