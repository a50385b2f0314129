//! Credentials: their order, AWS's ways, Google's ways.
use crate::support::Place;
use consort_core::{Context, Credentials, Error, Model, Request, Response, Secret};
use consort_providers::{KeyChain, TokioClock};
use consort_settings::{Env, KeyStore};
use consort_testkit::{FakeServer, Reply};
use std::sync::Arc;

const ANSWER: &str =
    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn keys_are_found_in_order() {
    let place = Place::new();
    let key = consort_core::ConfigKey {
        name: "acme".into(),
        env: vec!["ACME_KEY".into()],
        command: vec!["printf".into(), "%s\\n".into(), "from-command".into()],
        ..consort_core::ConfigKey::default()
    };
    let find = |explicit: Option<&str>, env: Env| {
        let stored = KeyStore::new(place.folders().keys_file());
        let chain = KeyChain::new(explicit.map(Secret::new), stored, env);
        let key = key.clone();
        async move { chain.resolve("acme", &key).await.unwrap().unwrap().expose().to_owned() }
    };
    let env = || Env::of([("ACME_KEY", " from-env\n")]);
    assert_eq!(find(None, Env::default()).await, "from-command");
    assert_eq!(find(None, env()).await, "from-env");
    place.write("keys.json", r#"{"acme": "stored"}"#);
    assert_eq!(find(None, env()).await, "stored");
    assert_eq!(find(Some("explicit"), env()).await, "explicit");
}

#[tokio::test]
async fn a_failing_command_is_told_without_its_output() {
    let place = Place::new();
    let chain = KeyChain::new(None, KeyStore::new(place.folders().keys_file()), Env::default());
    let check = |command: &[&str]| {
        let key = consort_core::ConfigKey {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..consort_core::ConfigKey::default()
        };
        let chain = chain.clone();
        async move { chain.resolve("acme", &key).await.unwrap_err() }
    };
    let error = check(&["sh", "-c", "echo secret; exit 3"]).await;
    assert!(error.message().contains("exit status: 3") && !error.message().contains("secret"), "{error}");
    assert!(check(&["/no/such/program"]).await.message().contains("cannot be run"));
    assert!(check(&["true"]).await.message().contains("printed nothing"));
}

/// A provider at the fake server that authenticates in this way.
fn model(place: &Place, server: &FakeServer, auth: &str, env: &Env) -> Arc<dyn Model> {
    let text = format!(
        "name = \"Cloud\"\nwire = \"openai-chat\"\nbase_url = \"{}\"\nauth = {auth}\nkey_env = [\"CLOUD_TOKEN\"]\n",
        server.url()
    );
    place.write("providers/cloud.toml", &text);
    place.provider("cloud", env).model("m-v1:0").unwrap()
}

async fn ask(model: &dyn Model, context: Context) -> Result<Response, Error> {
    let request = Request { stream: false, ..Request::ask("Hello") };
    model.generate(request.into(), context).await
}

fn context(place: &Place, env: &Env) -> Context {
    let chain = KeyChain::new(None, KeyStore::new(place.folders().keys_file()), env.clone());
    Context::new(Arc::new(TokioClock), Arc::new(chain))
}

async fn authorization(place: &Place, auth: &str, env: &Env) -> (Option<String>, Option<String>) {
    let server = FakeServer::start([Reply::json(ANSWER)]).await.unwrap();
    ask(model(place, &server, auth, env).as_ref(), context(place, env)).await.unwrap();
    let asked = server.asked().pop().unwrap();
    let header = |name: &str| asked.header(name).map(str::to_owned);
    (header("authorization"), header("x-amz-security-token"))
}

const SIGV4: &str = "{ sigv4 = \"bedrock\" }";

#[tokio::test]
async fn aws_signs_with_what_it_finds() {
    let place = Place::new();
    let home = place.0.display().to_string();
    let env = |more: &[(&str, &str)]| {
        let usual = [("HOME", home.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        Env::of(usual.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    };
    let (token, _) = authorization(&place, SIGV4, &env(&[("CLOUD_TOKEN", "t")])).await;
    assert_eq!(token.as_deref(), Some("Bearer t"));
    let static_keys = [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "session"),
        ("AWS_REGION", "eu-west-3"),
    ];
    let (signed, session) = authorization(&place, SIGV4, &env(&static_keys)).await;
    let signed = signed.unwrap();
    assert!(
        signed.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
            && signed.contains("/eu-west-3/bedrock/aws4_request"),
        "{signed}"
    );
    assert!(signed.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"), "{signed}");
    assert_eq!(session.as_deref(), Some("session"));

    std::fs::create_dir_all(place.0.join(".aws")).unwrap();
    place.write(".aws/credentials", "[dev]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n");
    place.write(".aws/config", "[profile dev]\nregion = ap-south-1\n");
    let (signed, _) = authorization(&place, SIGV4, &env(&[("AWS_PROFILE", "dev")])).await;
    let signed = signed.unwrap();
    assert!(signed.contains("Credential=FROMFILE/") && signed.contains("/ap-south-1/"), "{signed}");
}

#[tokio::test]
async fn aws_roles_are_asked() {
    let place = Place::new();
    let role =
        r#"{"AccessKeyId":"ROLE","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let container = FakeServer::start([Reply::json(role)]).await.unwrap();
    let full = container.url() + "/creds";
    let env = Env::of([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", full.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "auth"),
    ]);
    let (signed, session) = authorization(&place, SIGV4, &env).await;
    assert!(signed.unwrap().contains("Credential=ROLE/"));
    assert_eq!(session.as_deref(), Some("t"));
    assert_eq!(container.asked()[0].header("authorization"), Some("auth"));

    let machine = FakeServer::start([
        Reply::new(200, "text/plain", "imds-token"),
        Reply::new(200, "text/plain", "my-role\n"),
        Reply::json(role),
    ])
    .await
    .unwrap();
    let url = machine.url();
    let env = Env::of([("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())]);
    let (signed, _) = authorization(&place, SIGV4, &env).await;
    assert!(signed.unwrap().contains("Credential=ROLE/"));
    let asked = machine.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[2].path.as_str()),
        ("PUT", "/latest/meta-data/iam/security-credentials/my-role")
    );
    assert_eq!(asked[2].header("x-aws-ec2-metadata-token"), Some("imds-token"));
}

#[tokio::test]
async fn no_aws_credentials_is_told() {
    let place = Place::new();
    let server = FakeServer::start([Reply::json(ANSWER)]).await.unwrap();
    let env = Env::of([("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/no/such/home")]);
    let error = ask(model(&place, &server, SIGV4, &env).as_ref(), context(&place, &env)).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "setup");
    assert!(error.hints().iter().any(|hint| hint.contains("AWS_ACCESS_KEY_ID")), "{:?}", error.hints());
}

#[tokio::test]
async fn a_google_service_account_gets_a_token_once() {
    let place = Place::new();
    let tokens =
        FakeServer::start([Reply::json(r#"{"access_token":"ya29.fresh","expires_in":3600}"#)]).await.unwrap();
    let account = serde_json::json!({
        "type": "service_account", "project_id": "p", "client_email": "me@p.example", "private_key_id": "k",
        "private_key": consort_testkit::RSA_KEY, "token_uri": tokens.url() + "/token",
    });
    place.write("account.json", &account.to_string());
    let file = place.0.join("account.json").display().to_string();
    let env = Env::of([("GOOGLE_APPLICATION_CREDENTIALS", file.as_str())]);
    let server = FakeServer::start([Reply::json(ANSWER)]).await.unwrap();
    let model = model(&place, &server, "\"google\"", &env);
    for _ in 0..2 {
        ask(model.as_ref(), context(&place, &env)).await.unwrap();
    }
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer ya29.fresh")));
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .text()
            .starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey")
    );
    // A token that was given counts before the file.
    let given = Env::of([("GOOGLE_APPLICATION_CREDENTIALS", file.as_str()), ("CLOUD_TOKEN", "given")]);
    ask(model.as_ref(), context(&place, &given)).await.unwrap();
    assert_eq!(server.asked().last().unwrap().header("authorization"), Some("Bearer given"));
}

#[tokio::test]
async fn keys_go_where_the_vendor_wants_them() {
    let place = Place::new();
    let env = Env::of([("CLOUD_TOKEN", "k3y")]);
    let server = FakeServer::start([Reply::json(ANSWER)]).await.unwrap();
    for auth in
        ["{ header = \"X-Key\" }", "{ header = \"Authorization: Key\" }", "{ query = \"key\" }", "\"none\""]
    {
        ask(model(&place, &server, auth, &env).as_ref(), context(&place, &env)).await.unwrap();
    }
    let asked = server.asked();
    assert_eq!(asked[0].header("x-key"), Some("k3y"));
    assert_eq!(asked[1].header("authorization"), Some("Key k3y"));
    assert_eq!(asked[2].path, "/chat/completions?key=k3y");
    assert_eq!(asked[3].header("authorization"), None);
}
