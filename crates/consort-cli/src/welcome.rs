//! What `consort` alone says on a terminal.
use crate::exit::{self, Done};
use crate::setup::{Setup, cards};
use crate::terminal::{Style, table};
use consort_core::{ModelKind, State};
use std::io::Write;

/// What is ready, and how to ask.
pub(crate) fn show(mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let chosen = setup.choose(&host, None)?;
    let all = cards(&host);
    let ready =
        all.iter().filter(|(card, provider)| card.kind == ModelKind::Chat && provider.state == State::Ready);
    let waiting = host.providers().iter().filter(|one| matches!(one.card().state, State::NeedsSetup { .. }));
    let mut to = anstream::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    writeln!(to, "{} {version}: ask any language model\n", Style::Bold.paint("consort"))?;
    let (ready, waiting) = (ready.count(), waiting.count());
    writeln!(to, "  {ready} models ready {} {waiting} providers wait for a key", setup.signs.dot)?;
    writeln!(to, "  {} answers when no other is named\n", Style::Bold.paint(&chosen.model.card().id))?;
    let rows = [
        ("consort \"why is the sky blue\"", "ask"),
        ("git diff | consort \"review this\"", "ask about what is piped in"),
        ("consort models", "what there is"),
        ("consort doctor", "what is set up, what is missing, what to do"),
        ("consort --help", "everything else"),
    ];
    let rows: Vec<Vec<String>> =
        rows.iter().map(|(left, right)| vec![(*left).into(), (*right).into()]).collect();
    table(&mut to, &rows, &[None, Some(Style::Dim)])?;
    Ok(exit::OK)
}
