//! The command line of Consort: arguments in, an answer out.
//!
//! The answer alone goes to stdout; everything else goes to stderr. This crate must never know: a vendor, a
//! message format, HTTP. It knows the contract, the settings, and that providers come from a catalogue.
//!
//! Commands that need no network start no runtime and no HTTP client: they must feel like `ls`.
mod answer;
mod args;
mod ask;
mod chat;
mod commands;
mod engine;
mod exit;
mod export;
mod kept;
mod local;
mod log;
mod money;
mod place;
mod plugged;
mod seek;
mod serve;
mod setup;
mod stamps;
mod stop;
mod talk;
mod terminal;
mod time;
mod tools;
mod typo;
mod voices;
mod webhooks;

use args::{Cli, Command, Realtime};
use clap::Parser;
use consort_core::Provider;
use exit::Done;
use setup::Setup;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

/// Does what the arguments of the process say, with these providers beside what is built in and what the user dropped
/// in. Gives the exit code.
pub fn run(providers: Vec<Arc<dyn Provider>>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(exit::of_arguments(&error, std::env::args_os())),
    };
    terminal::set_color(cli.color);
    log::start();
    ExitCode::from(exit::settle(command(cli, providers)))
}

fn command(cli: Cli, providers: Vec<Arc<dyn Provider>>) -> Done {
    let read = || Setup::read(cli.plugins, providers);
    match cli.command {
        Some(Command::Models(models)) => commands::models::run(models, read()),
        Some(Command::Keys(keys)) => commands::keys::run(keys, read()),
        Some(Command::Plugins(plugins)) => commands::plugins::run(plugins, read()),
        Some(Command::Talk(talk)) => talk::run(talk, read()),
        Some(Command::Realtime(Realtime::Replay(replay))) => commands::realtime::replay(replay),
        Some(Command::Serve(serve)) => {
            log::of_server();
            serve::run(serve, read())
        }
        Some(Command::Mcp(mcp)) => commands::mcp::run(mcp, read()),
        Some(Command::Routes(routes)) => commands::routes::run(routes, read()),
        Some(Command::Providers(providers)) => commands::providers::run(providers, read()),
        Some(Command::Chat(chat)) => chat::run(&chat, read()),
        Some(Command::Logs(logs)) => commands::logs::run(logs, read()),
        Some(Command::Cost(cost)) => commands::cost::run(&cost, &read()),
        Some(Command::Events(events)) => commands::events::run(&events, &read()),
        Some(Command::Doctor) => commands::doctor::run(read()),
        Some(Command::Embed(embed)) => commands::embed::run(embed, read()),
        Some(Command::Completions { shell }) => commands::completions(shell),
        None => {
            let nothing = cli.ask.prompt.is_empty() && cli.ask.attachments().is_empty();
            if nothing && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
                return chat::run(&cli.ask.chat(), read());
            }
            typo::check(&cli.ask, std::env::args_os())?;
            ask::run(&cli.ask, read())
        }
    }
}
