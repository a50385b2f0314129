//! Servers on this machine: where they are looked for, and where a call goes.
use crate::support::{END, Place, SSE, chunk};
use consort_core::{ErrorKind, Request};
use consort_providers::Catalogue;
use consort_settings::{Env, Settings};
use consort_testkit::{FakeServer, Reply};
use std::io::Read;
use std::net::TcpListener;

/// A local server whose first usual port is dead and whose second is the fake's.
fn here(place: &Place, port: u16, base_url: &str) {
    let text = format!(
        "name = \"Here\"\nwire = \"openai-chat\"\nbase_url = \"{base_url}\"\nauth = \"none\"\nlocal = {{ ports = [1, {port}] }}\n"
    );
    place.write("providers/here.toml", &text);
}

#[tokio::test]
async fn local_servers_are_looked_for_by_discovery_and_never_by_a_listing() {
    let server = FakeServer::start([Reply::json(r#"{"data":[{"id":"tiny"}]}"#)]).await.unwrap();
    let place = Place::new();
    here(&place, server.port(), "http://127.0.0.1:1/v1");
    let env = Env::default();
    let provider = place.provider("here", &env);
    assert_eq!(provider.card().state.word(), "unchecked");
    assert!(provider.models().await.unwrap().is_empty());
    assert_eq!(server.connections(), 0);
    let found = provider.discover(place.context(&env)).await.unwrap();
    assert_eq!(found[0].card().id, "here/tiny");
}

#[tokio::test]
async fn a_call_goes_to_the_port_on_which_a_local_server_is() {
    let server = FakeServer::start([Reply::chunked(SSE, chunk("hello") + END, &[100])]).await.unwrap();
    let place = Place::new();
    here(&place, server.port(), "http://127.0.0.1:1/v1");
    let env = Env::default();
    let model = place.provider("here", &env).model("tiny").unwrap();
    for _ in 0..2 {
        let answer = model.generate(Request::ask("hi").into(), place.context(&env)).await.unwrap();
        assert_eq!(answer.text(), "hello");
    }
}

#[tokio::test]
async fn a_local_server_that_was_placed_elsewhere_is_not_looked_for() {
    let server = FakeServer::start([]).await.unwrap();
    let place = Place::new();
    here(&place, server.port(), "http://127.0.0.1:2/v1");
    let env = Env::default();
    let provider = place.provider("here", &env);
    let model = provider.model("tiny").unwrap();
    let error = model.generate(Request::ask("hi").into(), place.context(&env)).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:2"), "{error}");
    let error = provider.discover(place.context(&env)).await.err().unwrap();
    assert!(error.to_string().contains("127.0.0.1:2"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_address_that_the_user_wrote_is_the_only_one() {
    let server = FakeServer::start([Reply::json(r#"{"data":[{"id":"tiny"}]}"#)]).await.unwrap();
    let place = Place::new();
    here(&place, server.port(), "http://127.0.0.1:1/v1");
    // It is one of the usual places, and yet it is that one.
    let table = toml::from_str("base_url = \"http://127.0.0.1:1/v1\"\n").unwrap();
    let settings = Settings { providers: [("here".to_owned(), table)].into(), ..Settings::default() };
    let catalogue = Catalogue::load(&place.folders(), &Env::default(), &settings);
    let provider = catalogue.providers.iter().find(|provider| provider.card().id == "here").unwrap();
    let context = || place.context(&Env::default());
    let error = provider.discover(context()).await.err().unwrap();
    assert!(error.to_string().contains("127.0.0.1:1:"), "{error}");
    let model = provider.model("tiny").unwrap();
    let error = model.generate(Request::ask("hi").into(), context()).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1:"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_server_is_looked_for_at_its_own_host() {
    let list = [Reply::json(r#"{"data":[{"id":"tiny"}]}"#)];
    let discover = async |base_url: &str, port: u16| {
        let place = Place::new();
        here(&place, port, base_url);
        place.provider("here", &Env::default()).discover(place.context(&Env::default())).await
    };
    let server = FakeServer::start(list).await.unwrap();
    // Both addresses of the name are tried, and the one that answers is asked.
    assert_eq!(discover("http://localhost:1/v1", server.port()).await.unwrap().len(), 1);
    assert_eq!(server.asked()[0].host, format!("127.0.0.1:{}", server.port()));
    let connections = server.connections();
    let error = discover("http://[::1]:1/v1", server.port()).await.err().unwrap();
    assert!(error.message().starts_with("no server listens on port"), "{error}");
    assert_eq!(server.connections(), connections, "another address is another place");
}

#[tokio::test]
async fn a_prompt_is_not_sent_twice() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    // It reads the prompt, and dies.
    let dying = std::thread::spawn(move || {
        let (mut line, _) = gone.accept().unwrap();
        drop(gone);
        let _ = line.read(&mut [0; 4096]).unwrap();
    });
    let server = FakeServer::start([Reply::chunked(SSE, chunk("hello") + END, &[100])]).await.unwrap();
    let place = Place::new();
    let text = format!(
        "wire = \"openai-chat\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\nauth = \"none\"\n\
         local = {{ ports = [{port}, {}] }}\n",
        server.port()
    );
    place.write("providers/here.toml", &text);
    let model = place.provider("here", &Env::default()).model("tiny").unwrap();
    let asked = model.generate(Request::ask("hi").into(), place.context(&Env::default())).await;
    dying.join().unwrap();
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(server.connections(), 0);
}
