//! Proxies and the trust store, as the usual variables name them: what goes through, what goes past, and what is
//! told when it fails. Nothing but the proxy reaches `api.acme.test`.
use super::support::{Place, Proxy, Run, Vendor};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_testkit::Reply;

const KEY: &str = "key-5ecret-of-the-user";
const ASK: [&str; 3] = ["-m", "acme/brain", "hi"];
/// The name and the password of a user of the proxy, as they stand in its URL and as they are.
const USER: &str = "me:p%40ss-5ecret";
const USER_PLAIN: &str = "me:p@ss-5ecret";

/// A vendor at this address.
fn place(base_url: &str) -> Place {
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        format!(
            "name = 'Acme'\nwire = 'openai-chat'\nbase_url = '{base_url}'\nkey_env = ['ACME_KEY']\n\
             timers = {{ connect = 1, first_event = 3, idle = 2, deadline = 9 }}\n"
        ),
    );
    place
}

/// Asks it with these variables. Neither the key nor a proxy's password is anywhere in the output.
#[track_caller]
fn ask(base_url: &str, env: &[(&str, &str)]) -> Run {
    let place = place(base_url);
    let all: Vec<(&str, &str)> =
        env.iter().copied().chain([("ACME_KEY", KEY), ("CONSORT_LOG", "trace")]).collect();
    let run = place.run_with(&all, &ASK);
    assert!(!run.to_string().contains("5ecret"), "{run}");
    run
}

fn hello() -> Reply {
    let chunk = |text: &str, end: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":{end}}}]}}\n\n"
        )
    };
    let body = format!("{}{}data: [DONE]\n\n", chunk("Grüße", "null"), chunk("", "\"stop\""));
    Reply::chunked("text/event-stream", body, &[7, 1, 3])
}

#[track_caller]
fn check_answer(run: &Run) {
    assert_eq!((run.code, run.stdout.trim_end()), (0, "Grüße"), "{run}");
}

/// No answer, and a message and a line of help that say these words.
#[track_caller]
fn check_failure(run: &Run, says: &[&str], helps: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (7, ""), "{run}");
    let lines = |start: &str| -> String {
        run.stderr.lines().filter(|line| line.trim_start().starts_with(start)).collect()
    };
    let (error, help) = (lines("error:"), lines("help:"));
    assert!(says.iter().all(|word| error.contains(word)), "{says:?} of: {run}");
    assert!(helps.iter().all(|word| help.contains(word)), "{helps:?} of: {run}");
}

/// The name was looked for without the proxy, and is nowhere.
#[track_caller]
fn check_unreached(run: &Run) {
    check_failure(run, &["api.acme.test"], &["check the network"]);
    assert!(!run.stderr.contains("the proxy 127"), "{run}");
}

fn host_and_port(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// An address at which nothing listens.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn plain_requests_go_through_the_proxy() {
    let vendor = Vendor::new([hello()]);
    let url = vendor.url();
    for (variable, value) in [
        ("HTTP_PROXY", url.as_str()),
        ("http_proxy", &url),
        ("ALL_PROXY", &url),
        ("HTTP_PROXY", host_and_port(&url)),
    ] {
        check_answer(&ask("http://api.acme.test/v9", &[(variable, value)]));
        let asked = vendor.server.asked().pop().unwrap();
        assert_eq!(asked.path, "http://api.acme.test/v9/chat/completions", "{variable}");
        assert_eq!(asked.host, "api.acme.test");
        assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        assert_eq!(asked.header("proxy-authorization"), None);
    }
    assert_eq!(vendor.server.connections(), 4);
    // The other scheme's variable is not meant, and without a proxy there is no such host.
    check_unreached(&ask("http://api.acme.test/v9", &[("HTTPS_PROXY", &url)]));
    assert_eq!(vendor.server.connections(), 4);
}

#[test]
fn encrypted_requests_go_through_a_tunnel() {
    let proxy = Proxy::new([hello()]);
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let run =
            ask("https://api.acme.test/v9", &[(variable, proxy.url()), ("SSL_CERT_FILE", proxy.ca_file())]);
        check_answer(&run);
        let asked = proxy.server.asked().pop().unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v9/chat/completions"));
        assert_eq!(asked.host, "api.acme.test:443");
        assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        // What is for the vendor is not for the proxy.
        let tunnel = proxy.server.tunnels().pop().unwrap();
        assert_eq!(tunnel.path, "api.acme.test:443");
        assert_eq!((tunnel.header("authorization"), tunnel.header("proxy-authorization")), (None, None));
    }
    // Another port, and an address in place of a name.
    for (base, host) in
        [("https://api.acme.test:8443", "api.acme.test:8443"), ("https://192.0.2.7", "192.0.2.7:443")]
    {
        check_answer(&ask(base, &proxy.env()));
        assert_eq!(proxy.server.asked().pop().unwrap().host, host);
    }
}

#[test]
fn a_folder_of_trusted_certificates_will_do() {
    let proxy = Proxy::new([hello()]);
    let place = place("https://api.acme.test");
    let file = place.file("trusted/company.pem", std::fs::read(proxy.ca_file()).unwrap());
    let folder = file.parent().unwrap().to_str().unwrap();
    let env = [("HTTPS_PROXY", proxy.url()), ("SSL_CERT_DIR", folder), ("ACME_KEY", KEY)];
    check_answer(&place.run_with(&env, &ASK));
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let proxy = Proxy::new([hello()]);
    let another = Proxy::new([]);
    // The system's own store, then a file with the certificate of somebody else.
    for env in [&[][..], &[("SSL_CERT_FILE", another.ca_file())]] {
        let env = [env, &proxy.env()[..1]].concat();
        let run = ask("https://api.acme.test", &env);
        check_failure(&run, &["acme: ", "api.acme.test", "certificate"], &["not trusted", "SSL_CERT_FILE"]);
        let object = place("https://api.acme.test")
            .run_with(&[&env[..], &[("ACME_KEY", KEY)]].concat(), &["--json", ASK[0], ASK[1], ASK[2]]);
        assert_eq!((object.code, object.json()["error"]["code"].as_str()), (7, Some("network")), "{object}");
    }
    assert!(proxy.server.tunnels().len() >= 4);
    assert_eq!(proxy.server.asked(), []);
}

#[test]
fn a_file_of_trusted_certificates_that_holds_none_is_told() {
    let place = place("https://api.acme.test");
    let empty = place.file("empty.pem", "").display().to_string();
    for file in ["/no/such/file.pem", &empty] {
        let run = place.run_with(&[("SSL_CERT_FILE", file), ("ACME_KEY", KEY)], &ASK);
        assert_eq!(run.code, 3, "{run}");
        assert!(run.stderr.contains("certificate") && run.stderr.contains("SSL_CERT_FILE"), "{run}");
    }
}

#[test]
fn some_hosts_need_no_proxy() {
    let nobody = closed();
    let vendor = Vendor::new([hello()]);
    let proxy = Proxy::new([hello()]);
    for exempt in ["127.0.0.1", "localhost, 127.0.0.0/8", "*"] {
        check_answer(&ask(&vendor.url(), &[("HTTP_PROXY", &nobody), ("NO_PROXY", exempt)]));
    }
    check_answer(&ask(&vendor.url(), &[("ALL_PROXY", &nobody), ("no_proxy", "127.0.0.1")]));
    assert_eq!(vendor.server.asked().last().unwrap().path, "/chat/completions");
    // As with curl, this machine's own addresses are no exception unless it is said.
    let run = ask(&vendor.url(), &[("HTTP_PROXY", &nobody)]);
    check_failure(&run, &["proxy", host_and_port(&nobody)], &["HTTP_PROXY", "NO_PROXY"]);

    let asked = |exempt| ask("https://api.acme.test", &[&proxy.env()[..], &[("NO_PROXY", exempt)]].concat());
    for exempt in ["acme.test", ".acme.test", "elsewhere.test,api.acme.test"] {
        check_unreached(&asked(exempt));
    }
    assert_eq!(proxy.server.connections(), 0);
    for other in ["me.test", "i.acme.test", "elsewhere.test", "127.0.0.1"] {
        check_answer(&asked(other));
    }
}

#[test]
fn the_proxy_gets_its_password_and_nobody_else() {
    let expected = format!("Basic {}", STANDARD.encode(USER_PLAIN));
    let vendor = Vendor::new([hello()]);
    let with_user = |url: &str| url.replace("http://", &format!("http://{USER}@"));
    check_answer(&ask("http://api.acme.test", &[("HTTP_PROXY", &with_user(&vendor.url()))]));
    assert_eq!(vendor.server.asked()[0].header("proxy-authorization"), Some(expected.as_str()));

    let proxy = Proxy::new([hello()]);
    let url = with_user(proxy.url());
    let run = ask("https://api.acme.test", &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", proxy.ca_file())]);
    check_answer(&run);
    assert_eq!(proxy.server.tunnels()[0].header("proxy-authorization"), Some(expected.as_str()));
    assert_eq!(proxy.server.asked()[0].header("proxy-authorization"), None);
}

#[test]
fn a_proxy_that_wants_another_password_is_named() {
    let refusal = Reply::error(407, &[("proxy-authenticate", "Basic realm=\"company\"")], "");
    for scheme in ["http", "https"] {
        let vendor = Vendor::new([refusal.clone()]);
        for user in ["", "me:wr0ng-5ecret@", "me:wr0ng@5ecret@"] {
            let url = vendor.url().replace("http://", &format!("http://{user}"));
            let run = ask(&format!("{scheme}://api.acme.test"), &[("ALL_PROXY", &url)]);
            let address = host_and_port(&vendor.server.url()).to_owned();
            check_failure(&run, &["the proxy", &address, "407"], &["USER:PASSWORD@"]);
        }
        let asked = vendor.server.asked();
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|asked| asked.header("proxy-authorization").is_none()
            || scheme == "http"
            || asked.method == "CONNECT"));
    }
}

#[test]
fn a_proxy_that_does_not_serve_is_named() {
    let nobody = closed();
    for scheme in ["http", "https"] {
        let base = format!("{scheme}://api.acme.test");
        let with_user = nobody.replace("http://", &format!("http://{USER}@"));
        for url in [&nobody, &with_user] {
            let run = ask(&base, &[("ALL_PROXY", url)]);
            check_failure(
                &run,
                &["the proxy", host_and_port(&nobody), "refused"],
                &["HTTPS_PROXY", "NO_PROXY"],
            );
        }
        let run = ask(&base, &[("ALL_PROXY", "socks5://me:p4ss-5ecret@127.0.0.1:1080")]);
        check_failure(&run, &["the proxy 127.0.0.1:1080", "SOCKS"], &["HTTP"]);
        let run = ask(&base, &[("ALL_PROXY", "http://no-such-proxy.invalid:3128")]);
        check_failure(&run, &["the proxy no-such-proxy.invalid:3128"], &["HTTPS_PROXY"]);
    }
    // Whoever may not go there, whoever is hung up on, and whoever gets no answer.
    let refused = Vendor::new([Reply::error(403, &[], "no chatting at work")]);
    let run = ask("https://api.acme.test", &[("HTTPS_PROXY", &refused.url())]);
    check_failure(&run, &["the proxy", host_and_port(&refused.url()), "api.acme.test"], &["NO_PROXY"]);
    for scheme in ["http", "https"] {
        let cut = Vendor::new([]);
        let run = ask(&format!("{scheme}://api.acme.test"), &[("ALL_PROXY", &cut.url())]);
        check_failure(&run, &["the proxy", host_and_port(&cut.url())], &[]);
    }
    let silent = Vendor::new([Reply::silence()]);
    let run = ask("https://api.acme.test", &[("HTTPS_PROXY", &silent.url())]);
    check_failure(&run, &["the proxy", host_and_port(&silent.url()), "in time"], &["HTTPS_PROXY"]);
}

#[test]
fn a_server_of_ones_own_is_trusted_by_its_authority() {
    let server = Proxy::new([hello()]);
    let base = server.server.secure_url();
    check_answer(&ask(&base, &[("SSL_CERT_FILE", server.ca_file())]));
    let run = ask(&base, &[]);
    check_failure(
        &run,
        &[base.trim_start_matches("https://"), "certificate"],
        &["not trusted", "SSL_CERT_FILE"],
    );
    assert!(!run.stderr.contains("(through the proxy"), "{run}");
    assert_eq!(server.server.asked().len(), 1);
}

#[test]
fn the_way_to_the_proxy_may_be_encrypted_too() {
    let proxy = Proxy::new([hello()]);
    let url = proxy.server.secure_url();
    let run = ask("https://api.acme.test", &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", proxy.ca_file())]);
    check_answer(&run);
    assert_eq!(proxy.server.asked()[0].host, "api.acme.test:443");
    let run = ask("https://api.acme.test", &[("HTTPS_PROXY", &url)]);
    check_failure(&run, &["certificate", "proxy", url.trim_start_matches("https://")], &["not trusted"]);
    let run = ask("http://api.acme.test", &[("HTTP_PROXY", &url), ("SSL_CERT_FILE", proxy.ca_file())]);
    check_answer(&run);
}

#[test]
fn a_proxy_that_was_not_asked_is_not_blamed() {
    let role = format!("{}/role", closed());
    let env = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.as_str()), ("HTTP_PROXY", &closed())];
    let run = Place::new().run_with(&env, &["-m", "bedrock/amazon.nova-lite-v1:0", "hi"]);
    check_failure(&run, &["the container's role", "refused"], &[]);
    assert!(!run.stderr.contains("the proxy"), "{run}");
}
