//! What `consort talk` takes.
use clap::Args;
use std::path::PathBuf;

/// A live session.
#[derive(Debug, Args)]
pub(crate) struct Talk {
    /// What to talk with: the id, alias or name of a live model (`consort models --can live` lists them), or of any chat
    /// model, which then hears and speaks by what [voice] in consort.toml names
    pub(crate) model: String,
    /// Talk by the microphone until Ctrl+C: the system's, or one by its name (--mic=NAME; --mic=list names all)
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, conflicts_with = "fast")]
    #[allow(clippy::option_option, reason = "given with a name, given without one, not given")]
    pub(crate) mic: Option<Option<String>>,
    /// Play the answers on a speaker, which --mic does too: the system's, or one by its name (--speaker=NAME)
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, conflicts_with = "fast")]
    #[allow(clippy::option_option, reason = "given with a name, given without one, not given")]
    pub(crate) speaker: Option<Option<String>>,
    /// Speak to it with the sound of a WAV file, as fast as it was spoken, behind all that --text says; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) wav_in: Option<PathBuf>,
    /// Write the sound of the answers into a WAV file; - writes it to stdout, and the transcript goes to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) wav_out: Option<PathBuf>,
    /// Record what goes over the network, both ways, as lines of JSON (`consort realtime replay` plays it again);
    /// for live models of hosted APIs; a file that is there is written anew
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Write this to it instead of speaking; may be given several times, each is a turn of its own, before --wav-in
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(crate) text: Vec<String>,
    /// Wait for no sound to be played: files are sent, and answers taken, as fast as possible
    #[arg(long)]
    pub(crate) fast: bool,
    /// Instructions for the model
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// The voice to speak with, by the name that the model has for it
    #[arg(long, value_name = "NAME")]
    pub(crate) voice: Option<String>,
    /// Set an option of the model
    #[arg(short, long = "option", num_args = 2, value_names = ["NAME", "VALUE"], allow_hyphen_values = true)]
    pub(crate) option: Vec<String>,
    /// Let the model use a tool: its name, PLUGIN:TOOL, PLUGIN:TOOLBOX, or SERVER[:TOOL]
    #[arg(short = 'T', long = "tool", value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// Go on with the newest conversation
    #[arg(short = 'c', long = "continue", conflicts_with = "cid")]
    pub(crate) go_on: bool,
    /// Go on with this conversation: its id, or the beginning of one
    #[arg(long, value_name = "ID", visible_alias = "conversation")]
    pub(crate) cid: Option<String>,
    /// Do not keep the conversation
    #[arg(short, long)]
    pub(crate) no_log: bool,
    /// How many samples a second the answers' sound has: 8000 to 192000
    #[arg(long, value_name = "HERTZ", default_value_t = 24_000, value_parser = clap::value_parser!(u32).range(8_000..=192_000))]
    pub(crate) rate: u32,
    /// End when an answer is waited for and nothing comes for so many seconds: 1 to 3600
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) wait: u64,
    /// Use this key instead of a stored one
    #[arg(long, value_name = "KEY", value_parser = super::key)]
    pub(crate) key: Option<String>,
    /// Print one JSON object: transcript, seconds said and heard, usage, tools, warnings
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print nothing but the transcript, at the end, and what failed
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// Words to say, which are more than blanks.
fn words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it says nothing".to_owned());
    }
    Ok(text.to_owned())
}
