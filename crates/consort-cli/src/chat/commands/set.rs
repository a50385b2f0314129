//! `/model`, `/system`, `/tools`: what the next answer is made with.
use super::super::session::Session;
use super::tell;
use crate::exit::Failure;
use crate::tools as found;
use consort_engine::Tools;

pub(super) fn model(session: &mut Session, name: &str) -> Result<(), Failure> {
    if !name.is_empty() {
        session.set_model(name)?;
    }
    let card = session.model.card();
    let window = card.limits.context.or(session.setup.settings.context.window);
    let window = window
        .map_or("window unknown".to_owned(), |window| format!("window {}", crate::terminal::tokens(window)));
    let price = if card.price.is_some() { "" } else { ", price unknown" };
    let word = if name.is_empty() { "answers" } else { "answers now" };
    Ok(tell(format!("{} {word} ({window}{price})", card.id))?)
}

pub(super) fn system(session: &mut Session, text: &str) -> Result<(), Failure> {
    match text {
        "" => {}
        "-" => session.system = None,
        text => session.system = Some(text.to_owned()),
    }
    if !text.is_empty() {
        session.keep_settings()?;
    }
    match &session.system {
        Some(text) => tell(format!("instructions: {text}"))?,
        None => tell("no instructions")?,
    }
    Ok(())
}

pub(super) fn tools(session: &mut Session, names: &str) -> Result<(), Failure> {
    match names {
        "" => {}
        "-" => session.tools = Tools::default(),
        names => {
            let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
            session.tools = found::named(&names, session.approve, &session.setup, &session.runtime)?;
        }
    }
    let names: Vec<&str> = session.tools.names().collect();
    let list = if names.is_empty() { "no tools".to_owned() } else { format!("tools: {}", names.join(", ")) };
    Ok(tell(list)?)
}
