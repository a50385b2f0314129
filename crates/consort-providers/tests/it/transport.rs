//! The good path: any chunking, pooling, cancellation, attachments, listing, counting.
use crate::support::{Acme, END, KEY, Place, SSE, chunk, next};
use consort_core::{ErrorKind, Event, Media, Modality, Part, Request};
use consort_settings::Env;
use consort_testkit::{FakeServer, Reply};
use std::time::Duration;

#[tokio::test]
async fn an_answer_comes_in_pieces_of_any_size() {
    let body = format!("{}{}{END}", chunk("Hel"), chunk("lo \u{1f600}"));
    for sizes in [&[1][..], &[7, 1, 3], &[4096], &[2, 511]] {
        let server = FakeServer::start([Reply::chunked(SSE, &body, sizes)]).await.unwrap();
        let answer = Acme::new(&server).ask().await.unwrap();
        assert_eq!(answer.text(), "Hello \u{1f600}");
        assert_eq!(answer.resolved_model.as_deref(), Some("brain-1"));
        let asked = server.asked();
        assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/v9/chat/completions"));
        assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert!(asked[0].header("user-agent").unwrap().starts_with("consort/"));
        assert!(asked[0].text().contains("\"model\":\"brain\""));
    }
}

#[tokio::test]
async fn a_single_body_gives_the_same() {
    let body = r#"{"id":"c1","model":"brain-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#;
    let server = FakeServer::start([Reply::json(body)]).await.unwrap();
    let acme = Acme::new(&server);
    let request = Request { stream: false, ..Request::ask("Hello") };
    let answer = acme.model.generate(request.into(), acme.context()).await.unwrap();
    assert_eq!(answer.text(), "Hello");
    assert!(!server.asked()[0].text().contains("\"stream\":true"));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = FakeServer::start([Reply::chunked(SSE, chunk("Hi") + END, &[100])]).await.unwrap();
    let acme = Acme::new(&server);
    for _ in 0..3 {
        acme.ask().await.unwrap();
        // The end of the bytes is read aside.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn cancelling_and_dropping_close_the_connection() {
    async fn closed(server: &FakeServer) {
        for _ in 0..100 {
            if server.closed_by_client() > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the connection is still open");
    }
    let start = || FakeServer::start([Reply::open(SSE).piece(chunk("Hel")).hang()]);

    let server = start().await.unwrap();
    let acme = Acme::new(&server);
    let context = acme.context();
    let mut stream = acme.model.stream(Request::ask("Hello").into(), context.clone());
    assert!(matches!(next(&mut stream).await, Some(Ok(Event::Started { .. }))));
    context.cancel.cancel();
    let error = consort_core::collect(stream).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    closed(&server).await;

    let server = start().await.unwrap();
    let acme = Acme::new(&server);
    let mut stream = acme.stream();
    assert!(next(&mut stream).await.unwrap().is_ok());
    drop(stream);
    closed(&server).await;
}

#[tokio::test]
async fn nothing_happens_before_the_first_poll() {
    let server = FakeServer::start([Reply::silence()]).await.unwrap();
    let acme = Acme::new(&server);
    let stream = acme.stream();
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(server.connections(), 0);
    drop(stream);
}

#[tokio::test]
async fn files_are_read_and_what_a_model_cannot_read_is_refused() {
    let server = FakeServer::start([Reply::chunked(SSE, chunk("A cat") + END, &[50])]).await.unwrap();
    let more =
        "models = [{ name = \"brain\", input = [\"image\"] }, { name = \"ears\", input = [\"audio\"] }]";
    let acme = Acme::with(&server, more);
    let file = acme.place.0.join("cat.png");
    std::fs::write(&file, b"\x89PNG....").unwrap();
    let with = |media: Media| {
        let mut request = Request::ask("What is this?");
        request.messages[0].parts.push(Part::media(media));
        request.into()
    };
    let answer = acme.model.generate(with(Media::path("image/png", &file)), acme.context()).await.unwrap();
    assert_eq!(answer.text(), "A cat");
    assert!(server.asked()[0].text().contains("data:image/png;base64,iVBORy4uLi4="));
    let missing = with(Media::path("image/png", acme.place.0.join("no.png")));
    let error = acme.model.generate(missing, acme.context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("no.png"), "{error}");
    let sound = with(Media::bytes("audio/mpeg", &b"ID3"[..]));
    let error = acme.model.generate(sound, acme.context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hints()[0].contains("ears"), "{:?}", error.hints());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_missing_key_says_where_to_put_one() {
    let server = FakeServer::start([Reply::silence()]).await.unwrap();
    let acme = Acme::new(&server);
    let context = acme.place.context(&Env::default());
    let error = acme.model.generate(Request::ask("Hello").into(), context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setup);
    assert!(error.hints()[0].contains("consort keys set acme") && error.hints()[0].contains("ACME_KEY"));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_live_list_is_kept() {
    let list = r#"{"object":"list","data":[{"id":"brain"},{"id":"brain-2","context_length":9000}]}"#;
    let server = FakeServer::start([Reply::json(list)]).await.unwrap();
    let acme = Acme::with(&server, "models = [{ name = \"brain\", context = 7, input = [] }]");
    let provider = acme.place.provider("acme", &acme.env);
    let names = |models: Vec<std::sync::Arc<dyn consort_core::Model>>| {
        models.iter().map(|model| model.card().id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(provider.models().await.unwrap()), ["acme/brain"]);
    assert_eq!(names(provider.discover(acme.context()).await.unwrap()), ["acme/brain", "acme/brain-2"]);
    // Another process sees the kept list, and the file's facts count before it.
    let again = acme.place.provider("acme", &acme.env).models().await.unwrap();
    assert_eq!(server.asked().len(), 1);
    assert_eq!(again[0].card().limits.context, Some(7));
    assert_eq!(again[0].card().capabilities.reads(Modality::Image), consort_core::Support::No);
    assert_eq!(names(again), ["acme/brain", "acme/brain-2"]);
}

#[tokio::test]
async fn a_list_is_believed_within_bounds() {
    let names: Vec<String> = (0..10_500).map(|at| format!("{{\"id\":\"m{at}\"}}")).collect();
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(201));
    let odd = r#"{"id":""},{"id":"a\u001b[2J"},{"id":"a\nb"},{"id":"a\u202eb"}"#;
    let fair = r#"{"id":"meta/\u6587-1:8b@q4","name":"a\u0007"}"#;
    let list = format!("{{\"data\":[{fair},{odd},{long},{}]}}", names.join(","));
    let server = FakeServer::start([Reply::json(&list)]).await.unwrap();
    let acme = Acme::new(&server);
    let models = acme.place.provider("acme", &acme.env).discover(acme.context()).await.unwrap();
    assert_eq!(models.len(), 10_000);
    assert_eq!((models[0].card().name.as_str(), &models[0].card().title), ("meta/\u{6587}-1:8b@q4", &None));
    assert_eq!(models[1].card().name, "m0");
}

#[test]
fn tokens_are_counted_without_a_runtime() {
    let place = Place::new();
    let file = place.0.join("note.txt");
    std::fs::write(&file, "a note").unwrap();
    let mut request = Request::ask("hello world");
    request.messages[0].parts.push(Part::media(Media::path("text/plain", &file)));
    // One that counts itself, one whose vocabulary we have, and one of which nothing is known.
    for (id, name) in [("openai", "gpt-4o-mini"), ("azure-openai", "gpt-4o-mini"), ("groq", "llama-3.3-70b")]
    {
        let env = Env::of([("OPENAI_API_KEY", "k"), ("AZURE_OPENAI_RESOURCE", "r")]);
        let model = place.provider(id, &env).model(name).unwrap();
        let counted = pollster::block_on(model.count_tokens(&request, place.context(&env))).unwrap();
        assert!(counted.tokens > 4, "{id}: {counted:?}");
    }
}
