//! Clouds that serve other vendors' models: the address that they make of a project, a region or a resource, and
//! the ways to their tokens. Behind a proxy that answers for every host, nothing is pointed elsewhere.
use super::support::{Place, Proxy, Run, Vendor};
use super::vendors::{Case, ODD, check_answer, check_asked, clouds, reply};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consort_testkit::{Asked, RSA_KEY, Reply};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

const TOKEN: &str = "ya29.fresh-5ecret-token";

/// What each cloud's body says of the model, the version and the question.
#[track_caller]
fn check_body(case: &Case, asked: &Asked) {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let (provider, model) = case.model.split_once('/').unwrap();
    let said = match (provider, model) {
        ("vertex", _) => &body["contents"],
        (_, "gpt-5") => &body["input"],
        _ => &body["messages"],
    };
    assert!(said.to_string().contains("hello"), "{body}");
    // Where the path names the model, the body must not.
    let named = provider == "azure-openai";
    assert_eq!(body["model"].as_str(), named.then_some(model), "{body}");
    let version = (provider == "vertex-anthropic").then_some("vertex-2023-10-16");
    assert_eq!(body["anthropic_version"].as_str(), version, "{body}");
    assert_eq!(asked.header("anthropic-version"), None);
    assert_eq!(asked.header("content-type"), Some("application/json"));
}

/// Asks a cloud, with the variables that say how to reach it.
fn ask(place: &Place, case: &Case, streaming: bool, env: &[(&str, &str)]) -> Run {
    let env: Vec<(&str, &str)> = env.iter().copied().chain([("CONSORT_LOG", "trace")]).collect();
    let mut args = vec!["--json", "-m", case.model, "hello"];
    args.extend((!streaming).then_some("--no-stream"));
    let run = place.run_with(&env, &args);
    assert!(!run.to_string().contains("5ecret"), "{run}");
    run
}

#[test]
fn an_address_is_made_of_a_project_a_region_or_a_resource() {
    let settings: [&[(&str, &str)]; 4] = [
        &[("GOOGLE_CLOUD_PROJECT", "p-7"), ("GOOGLE_CLOUD_LOCATION", "us-central1")],
        &[("ANTHROPIC_VERTEX_PROJECT_ID", "p-8"), ("CLOUD_ML_REGION", "europe-west1")],
        &[("AZURE_OPENAI_RESOURCE", "acme-eu")],
        &[("AZURE_OPENAI_RESOURCE", "acme-eu")],
    ];
    let addresses = [
        (
            "us-central1-aiplatform.googleapis.com:443",
            "/v1/projects/p-7/locations/us-central1/publishers/google",
        ),
        (
            "europe-west1-aiplatform.googleapis.com:443",
            "/v1/projects/p-8/locations/europe-west1/publishers/anthropic",
        ),
        ("acme-eu.openai.azure.com:443", ""),
        ("acme-eu.openai.azure.com:443", ""),
    ];
    for ((case, settings), (host, start)) in clouds().into_iter().zip(settings).zip(addresses) {
        for streaming in [true, false] {
            let proxy = Proxy::new([reply(&case, streaming, ODD[1])]);
            let env = [settings, case.keys, &proxy.env()].concat();
            let run = ask(&Place::new(), &case, streaming, &env);
            check_answer(&case, &run);
            let mut asked = proxy.server.asked().pop().unwrap();
            assert_eq!(asked.host, host);
            asked.path = asked.path.strip_prefix(start).unwrap().to_owned();
            check_asked(&case, &asked, streaming);
            check_body(&case, &asked);
        }
    }
}

#[test]
fn without_a_region_the_global_one_is_asked() {
    let case = &clouds()[0];
    let proxy = Proxy::new([reply(case, true, ODD[2])]);
    let env = [&[("GOOGLE_CLOUD_PROJECT", "p-7")], case.keys, &proxy.env()].concat();
    check_answer(case, &ask(&Place::new(), case, true, &env));
    let asked = &proxy.server.asked()[0];
    assert_eq!(asked.host, "aiplatform.googleapis.com:443");
    assert!(asked.path.starts_with("/v1/projects/p-7/locations/global/publishers/google/"), "{}", asked.path);
    // Without a project there is no address.
    let run = ask(&Place::new(), case, true, &[case.keys, &proxy.env()].concat());
    assert_eq!((run.code, run.json()["error"]["code"].as_str()), (3, Some("setup")), "{run}");
    assert!(run.stderr.contains("GOOGLE_CLOUD_PROJECT"), "{run}");
}

#[test]
fn a_command_prints_the_token() {
    use std::os::unix::fs::PermissionsExt;
    for case in &clouds()[..2] {
        for streaming in [true, false] {
            let vendor = Vendor::new([reply(case, streaming, ODD[1])]);
            let place = Place::new();
            let script = format!("#!/bin/sh\necho \"$@\" > asked\necho {TOKEN}\n");
            let program = place.file("bin/gcloud", script);
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let path = program.parent().unwrap().to_str().unwrap();
            let run = ask(&place, case, streaming, &[(case.place.0, &vendor.url()), ("PATH", path)]);
            check_answer(case, &run);
            assert_eq!(std::fs::read_to_string(place.path("asked")).unwrap(), "auth print-access-token\n");
            let asked = &vendor.server.asked()[0];
            assert_eq!(asked.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
            check_asked(&Case { shown: ("authorization", "Bearer ya29."), ..case.clone() }, asked, streaming);
            check_body(case, asked);
        }
    }
}

/// A service account's file, whose tokens come from here.
fn account(place: &Place, token_uri: Option<&str>) -> String {
    let mut account = json!({
        "type": "service_account", "project_id": "p-of-the-file", "private_key_id": "k1", "private_key": RSA_KEY,
        "client_email": "robot@p-of-the-file.example", "client_id": "1",
    });
    if let Some(token_uri) = token_uri {
        account["token_uri"] = token_uri.into();
    }
    place.file("account.json", account.to_string()).display().to_string()
}

fn token() -> Reply {
    Reply::json(&json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).to_string())
}

/// The form in which a token is asked for, by name.
fn form(asked: &Asked, name: &str) -> String {
    let text = asked.text();
    let pair = text.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    pair.unwrap_or_default().to_owned()
}

/// The claim is signed with the account's key, for this audience.
#[track_caller]
fn check_claim(asked: &Asked, audience: &str) {
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(form(asked, "grant_type"), "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer");
    let claim = form(asked, "assertion");
    let (text, signature) = claim.rsplit_once('.').unwrap();
    let der: String = RSA_KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key())
        .verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let read = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (head, body) = text.split_once('.').unwrap();
    assert_eq!(read(head), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let body = read(body);
    assert_eq!(body["iss"], "robot@p-of-the-file.example");
    assert_eq!(body["aud"], audience);
    assert_eq!(body["scope"], "https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(body["exp"].as_u64().unwrap() - body["iat"].as_u64().unwrap(), 3600);
}

#[test]
fn a_service_account_signs_for_its_token() {
    for case in &clouds()[..2] {
        for streaming in [true, false] {
            let tokens = Vendor::new([token()]);
            let vendor = Vendor::new([reply(case, streaming, ODD[0])]);
            let place = Place::new();
            let token_uri = tokens.url() + "/token";
            let file = account(&place, Some(&token_uri));
            let env = [(case.place.0, vendor.url()), ("GOOGLE_APPLICATION_CREDENTIALS", file)];
            let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
            check_answer(case, &ask(&place, case, streaming, &env));
            check_claim(&tokens.server.asked()[0], &token_uri);
            assert_eq!(tokens.server.asked().len(), 1);
            let asked = &vendor.server.asked()[0];
            assert_eq!(asked.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
            check_asked(&Case { shown: ("authorization", "Bearer ya29."), ..case.clone() }, asked, streaming);
            check_body(case, asked);
        }
    }
}

#[test]
fn a_file_alone_says_project_and_token() {
    let case = &clouds()[0];
    let place = Place::new();
    let service = account(&place, None);
    let user = json!({"type": "authorized_user", "client_id": "c1", "client_secret": "client-5ecret",
        "refresh_token": "refresh-5ecret", "quota_project_id": "p-of-the-file"});
    place.file(".config/gcloud/application_default_credentials.json", user.to_string());
    // A service account's file where it is named, else the user's where Google's own tool leaves it.
    for named in [true, false] {
        let proxy = Proxy::new([token(), reply(case, true, ODD[1])]);
        let mut env = proxy.env().to_vec();
        env.extend(named.then_some(("GOOGLE_APPLICATION_CREDENTIALS", service.as_str())));
        check_answer(case, &ask(&place, case, true, &env));
        let asked = proxy.server.asked();
        assert_eq!((asked[0].host.as_str(), asked[0].path.as_str()), ("oauth2.googleapis.com:443", "/token"));
        if named {
            check_claim(&asked[0], "https://oauth2.googleapis.com/token");
        } else {
            assert_eq!(form(&asked[0], "grant_type"), "refresh_token");
            assert_eq!(form(&asked[0], "refresh_token"), "refresh-5ecret");
        }
        assert_eq!(asked[1].host, "aiplatform.googleapis.com:443");
        assert!(
            asked[1].path.starts_with("/v1/projects/p-of-the-file/locations/global/"),
            "{}",
            asked[1].path
        );
        assert_eq!(asked[1].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
}

#[test]
fn a_token_that_is_not_to_be_had_is_told() {
    let case = &clouds()[0];
    let place = Place::new();
    let refusal =
        Reply::error(400, &[], r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#);
    let proxy = Proxy::new([refusal]);
    let file = account(&place, None);
    let credentials = [("GOOGLE_APPLICATION_CREDENTIALS", file.as_str())];
    let run = ask(&place, case, true, &[&credentials[..], &proxy.env()].concat());
    assert_eq!((run.code, run.json()["error"]["code"].as_str()), (3, Some("auth")), "{run}");
    assert!(run.stderr.contains("Invalid JWT Signature."), "{run}");
    // What holds of the call's own connection holds of the token's: here nothing is trusted, there nobody serves.
    let run = ask(&place, case, true, &[&credentials[..], &proxy.env()[..1]].concat());
    assert_eq!((run.code, run.json()["error"]["code"].as_str()), (7, Some("network")), "{run}");
    assert!(run.stderr.contains("token service") && run.stderr.contains("SSL_CERT_FILE"), "{run}");
    let refusing = Vendor::new([Reply::error(407, &[], "")]);
    let run = ask(&place, case, true, &[&credentials[..], &[("HTTPS_PROXY", &refusing.url())]].concat());
    assert_eq!((run.code, run.json()["error"]["code"].as_str()), (7, Some("network")), "{run}");
    assert!(run.stderr.contains("token service") && run.stderr.contains("the proxy 127.0.0.1:"), "{run}");
}
