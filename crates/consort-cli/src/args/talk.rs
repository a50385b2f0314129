//! What `consort talk` takes.
use clap::Args;
use std::path::PathBuf;

/// A live session.
#[derive(Debug, Args)]
pub(crate) struct Talk {
    /// The live model: an id, an alias, or a name that only one provider has
    pub(crate) model: String,
    /// Play a WAV file to it, in the time that it takes
    #[arg(long, value_name = "FILE")]
    pub(crate) wav_in: Option<PathBuf>,
    /// Write what is heard into a WAV file
    #[arg(long, value_name = "FILE")]
    pub(crate) wav_out: Option<PathBuf>,
    /// Keep what goes over the network, both ways, as lines of JSON (`consort realtime replay` plays it)
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Say this in words; may be given several times, each is a turn
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Play and listen as fast as it goes
    #[arg(long)]
    pub(crate) fast: bool,
    /// Instructions for the model
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// The voice of the model
    #[arg(long, value_name = "NAME")]
    pub(crate) voice: Option<String>,
    /// Set an option of the model
    #[arg(short, long = "option", num_args = 2, value_names = ["NAME", "VALUE"], allow_hyphen_values = true)]
    pub(crate) option: Vec<String>,
    /// Let the model use a tool: its name, PLUGIN:TOOL, PLUGIN:TOOLBOX, or SERVER[:TOOL]
    #[arg(short = 'T', long = "tool", value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// Samples a second of what is heard
    #[arg(long, value_name = "HERTZ", default_value_t = 24_000, value_parser = clap::value_parser!(u32).range(8_000..=192_000))]
    pub(crate) rate: u32,
    /// Stop when nothing came for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) wait: u64,
    /// Use this key instead of a stored one
    #[arg(long, value_name = "KEY", value_parser = super::key)]
    pub(crate) key: Option<String>,
    /// Print one JSON object: transcript, seconds said and heard, usage, tools, warnings
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print nothing but the transcript at the end, and errors
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
}
