//! `consort providers`: where models come from, and which file says so.
use crate::args::{Providers, ProvidersCommand};
use crate::exit::{self, Done};
use crate::setup::{Setup, no_provider, state_short, state_words};
use crate::terminal::{Style, print_json, table};
use consort_core::{Provider, ProviderCard};
use serde_json::{Value, json};
use std::io::Write;

pub(crate) fn run(providers: Providers, mut setup: Setup) -> Done {
    if let Some(ProvidersCommand::Path) = providers.command {
        writeln!(anstream::stdout(), "{}", setup.folders.providers_dir().display())?;
        return Ok(exit::OK);
    }
    let host = setup.host();
    setup.tell_problems()?;
    let all: Vec<&ProviderCard> = host.providers().iter().map(|provider| provider.card()).collect();
    match providers.command {
        Some(ProvidersCommand::Show { provider, json }) => {
            let found = host
                .provider_by_id(&provider)
                .ok_or_else(|| setup.explain(no_provider(&host, &provider), &provider))?;
            show(found.as_ref(), &setup, json)
        }
        Some(ProvidersCommand::List { json }) => list(&all, &setup, json || providers.json),
        _ => list(&all, &setup, providers.json),
    }
}

fn list(all: &[&ProviderCard], setup: &Setup, as_json: bool) -> Done {
    if as_json {
        print_json(&all.iter().map(|card| to_json(card, setup)).collect())?;
        return Ok(exit::OK);
    }
    let mut to = anstream::stdout().lock();
    let head = ["PROVIDER", "NAME", "STATE", "KEY", "FROM"].map(str::to_owned).to_vec();
    let rows = all.iter().map(|card| {
        let key = card.keys.iter().find(|key| key.secret).map(|key| key.name.clone()).unwrap_or_default();
        vec![
            card.id.clone(),
            card.name.clone(),
            state_short(&card.state),
            key,
            source(card, setup).join(", "),
        ]
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    table(&mut to, &rows, &[None, None, None, None, Some(Style::Dim)])?;
    to.flush()?;
    let note = "consort keys set KEY stores a key; consort providers show ID, where to get it";
    writeln!(anstream::stderr(), "\n{}", Style::Dim.paint(note))?;
    Ok(exit::OK)
}

/// The files that describe a provider, those that count more last.
fn source(card: &ProviderCard, setup: &Setup) -> Vec<String> {
    let own = setup.folders.providers_dir().join(format!("{}.toml", card.id));
    let mut from = Vec::new();
    if own.exists() {
        from.push(own.display().to_string());
    }
    if setup.settings.providers.contains_key(&card.id) {
        from.push(setup.folders.settings_file().display().to_string());
    }
    if from.is_empty() {
        from.push("built in".to_owned());
    }
    from
}

fn to_json(card: &ProviderCard, setup: &Setup) -> Value {
    let keys: Vec<Value> = card
        .keys
        .iter()
        .map(|key| json!({"name": key.name, "env": key.env, "required": key.required, "help": key.help}))
        .collect();
    json!({
        "id": card.id,
        "name": card.name,
        "state": card.state.word(),
        "detail": state_words(&card.state),
        "keys": keys,
        "proved": card.proved,
        "docs": card.docs,
        "source": source(card, setup),
    })
}

fn show(provider: &dyn Provider, setup: &Setup, as_json: bool) -> Done {
    let card = provider.card();
    let models = pollster::block_on(provider.models()).unwrap_or_default().len();
    if as_json {
        let mut object = to_json(card, setup);
        object["models"] = models.into();
        print_json(&object)?;
        return Ok(exit::OK);
    }
    let mut to = anstream::stdout().lock();
    writeln!(to, "{} ({})", Style::Bold.paint(&card.name), card.id)?;
    let mut rows = vec![("state", state_words(&card.state)), ("from", source(card, setup).join(", "))];
    for key in &card.keys {
        let mut ways = vec![format!("consort keys set {}", key.name)];
        ways.extend(key.env.iter().cloned());
        let optional = if key.required { "" } else { " (optional)" };
        rows.push(("key", format!("{}{optional}", ways.join(" or "))));
        if !key.help.is_empty() {
            rows.push(("", key.help.clone()));
        }
    }
    rows.push(("models", format!("{models} known; consort models -q {}", card.id)));
    rows.push((
        "proved",
        if card.proved { "yes: checked against recorded traffic" } else { "not yet: no recorded traffic" }
            .to_owned(),
    ));
    rows.extend(card.docs.clone().map(|docs| ("docs", docs)));
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, what)| vec![name.to_owned(), what]).collect();
    table(&mut to, &rows, &[Some(Style::Dim), None])?;
    Ok(exit::OK)
}
