//! The contract test: what keeps to the contract passes, and each way of breaking it is named.
use crate::support::{By, hello, plugin, stop, telling};
use consort_core::{
    BoxFuture, ConfigKey, Context, Delta, Error, ErrorKind, Event, EventStream, FinishReason, Model,
    ModelCard, PartKey, PartKind, Provider, ProviderCard, Signature, Support, events_of,
};
use consort_plugin::testing::{Check, check, in_order};
use consort_plugin::{Plugin, answer};
use serde_json::json;
use std::sync::Arc;

/// What the report says is wrong.
fn wrong(plugin: Plugin) -> String {
    let report = Check::new(plugin).key("acme", "sk-very-secret").run();
    let lines: Vec<String> = report
        .wrong()
        .map(|finding| format!("{}: {}", finding.what, finding.wrong.clone().unwrap_or_default()))
        .collect();
    lines.join(
        "
",
    )
}

#[test]
fn what_keeps_to_the_contract_passes() {
    check(hello()).assert();
}

#[test]
#[should_panic(
    expected = "WRONG  `m` answers a prompt, in order: the last event is `PartEnd`, not `Finished`"
)]
fn a_failure_is_readable() {
    check(plugin(|_, _| {
        let mut events = Event::text_answer("half");
        events.pop();
        events_of(events)
    }))
    .assert();
}

#[test]
fn each_way_of_breaking_it_is_named() {
    let leaky = telling(|_, context: Context, _| async move {
        let key = ConfigKey { name: "acme".into(), ..ConfigKey::default() };
        let key = context.credentials.resolve("zoo", &key).await?;
        let key = key.map(|key| key.expose().to_owned()).unwrap_or_default();
        Err(Error::new(ErrorKind::Auth, format!("the key {key} is wrong")))
    });
    assert!(wrong(leaky).contains("an error holds the key `acme`"));

    let deaf = telling(|_, _, mut say| async move {
        say.text("on").await;
        std::thread::sleep(std::time::Duration::from_secs(7));
        stop()
    });
    assert!(wrong(deaf).contains("stops when it is cancelled: after a cancel, it did not end within"));

    let marked = telling(|_, _, mut say| async move {
        say.text("hm").await;
        say.signature("elsewhere", "x").await;
        stop()
    });
    assert!(wrong(marked).contains("must be marked with the provider's id `zoo`"));

    let panics = telling(|_, _, _| async move { panic!("as asked") });
    let said = wrong(panics);
    assert!(said.contains("answers a prompt, in order: it panicked"), "{said}");
    assert!(said.contains("answers as a plugin, in order: the plugin panicked: as asked"), "{said}");
}

fn card(change: impl FnOnce(&mut ModelCard)) -> ModelCard {
    let mut card = ModelCard::new("zoo", "m");
    change(&mut card);
    card
}

#[test]
fn cards_are_looked_at() {
    let with = |card| {
        let stream =
            |_: Arc<consort_core::Request>, _| -> EventStream { events_of(Event::text_answer("hello")) };
        wrong(Plugin::new("Zoo").model(By::new(card, stream)))
    };
    assert!(with(card(|card| card.id = "m".into())).contains("not `zoo/m`"));
    assert!(with(card(|card| card.aliases = vec!["m".into()])).contains("twice: m"));
    assert!(
        with(card(|card| card.options = Arc::new(json!({"type": "string"}))))
            .contains("not that of an object")
    );
    assert!(with(card(|card| card.capabilities.schema = Support::Yes)).contains("keeps to a schema"));
    let options = json!({"type": "object", "properties": {"loud": {"type": "boolean"}}});
    assert_eq!(with(card(|card| card.options = Arc::new(options))), "");
    let limits = |card: &mut ModelCard| (card.limits.context, card.limits.output) = (Some(5), Some(9));
    assert!(with(card(limits)).contains("9 tokens in a context of 5"));
}

#[test]
fn the_order_of_events_is_looked_at() {
    let part = PartKey(0);
    let start = Event::Started { model: None, response_id: None };
    let begin = Event::PartStart { part, choice: 0, kind: PartKind::Text };
    let text = Event::PartDelta { part, delta: Delta::Text("x".into()) };
    let end = Event::PartEnd { part };
    let finish = Event::Finished(FinishReason::Stop.into());
    let media = Event::PartDelta { part, delta: Delta::Media(vec![1u8].into()) };
    let sign = Signature { wire: "zoo".into(), value: "s".into() };
    let signed = Event::PartDelta { part, delta: Delta::Signature(sign) };
    let say = |events: &[&Event]| {
        let events: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
        in_order(&events).err().unwrap_or_default()
    };
    assert_eq!(say(&[&start, &begin, &text, &signed, &end, &finish]), "");
    assert!(say(&[]).contains("no events"));
    assert!(say(&[&begin, &end, &finish]).contains("not `Started`"));
    assert!(say(&[&start, &text, &finish]).contains("not open"));
    assert!(say(&[&start, &begin, &finish]).contains("not ended"));
    assert!(say(&[&start, &begin, &media, &end, &finish]).contains("a piece of it"));
    assert!(say(&[&start, &begin, &begin]).contains("begun twice"));
    assert!(say(&[&start, &end]).contains("is not open"));
    assert!(say(&[&start, &finish, &finish]).contains("behind `Finished`"));
    assert!(say(&[&start, &begin, &end, &start, &finish]).contains("behind the first part"));
}

/// A provider as authors write one.
struct Acme {
    card: ProviderCard,
}

impl Provider for Acme {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        let key = self.card.keys[0].clone();
        let model = By::new(ModelCard::new("acme", "large"), move |_: Arc<_>, context: Context| {
            let key = key.clone();
            answer(move |mut say| async move {
                let found = context.credentials.resolve("acme", &key).await?;
                found
                    .ok_or_else(|| Error::new(ErrorKind::Setup, "ACME_API_KEY is not set").hint("set it"))?;
                say.text("hello").await;
                stop()
            })
        });
        Box::pin(async move { Ok(vec![Arc::new(model) as Arc<dyn Model>]) })
    }
}

#[test]
fn a_provider_with_a_key_is_checked_with_one() {
    let acme = || {
        let mut card = ProviderCard::new("acme", "Acme");
        let env = vec!["ACME_API_KEY_OF_A_TEST".to_owned()];
        card.keys = vec![ConfigKey {
            name: "acme".into(),
            env,
            secret: true,
            required: true,
            ..ConfigKey::default()
        }];
        Acme { card }
    };
    Check::new(acme()).key("acme", "sk-1").prompt("Hello?").run().assert();
    assert!(!check(acme()).is_good());
    Check::new(acme()).models([] as [&str; 0]).run().assert();
}
