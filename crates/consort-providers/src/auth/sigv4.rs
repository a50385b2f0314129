//! AWS Signature Version 4.
//!
//! Written here and not taken from a library: it is one page over ring's HMAC and SHA-256, which TLS brings
//! already, where `aws-sigv4` would bring some fifty crates.
use super::aws::Credentials;
use super::moment;
use crate::transport::Outgoing;
use ring::{digest, hmac};
use std::fmt::Write;
use std::time::SystemTime;

/// Signs the request as it will be sent: it must not change after this.
pub(super) fn sign(
    outgoing: &mut Outgoing,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: SystemTime,
) {
    encode_path(outgoing);
    let time = moment::basic(now);
    outgoing.set("x-amz-date", time.clone());
    if let Some(token) = &credentials.session {
        outgoing.set("x-amz-security-token", token.expose().to_owned());
        outgoing.mask.add(token);
    }
    let host = outgoing.url.host_str().unwrap_or_default();
    let host = outgoing.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut headers = vec![("host".to_owned(), host)];
    let signed = |name: &str| name == "content-type" || name.starts_with("x-amz-");
    headers.extend(outgoing.headers.iter().filter(|(name, _)| signed(name)).cloned());
    let authorization = authorization(
        &Canonical {
            method: outgoing.method,
            path: outgoing.url.path(),
            query: outgoing.url.query().unwrap_or_default(),
            headers,
            body: &outgoing.body,
        },
        credentials,
        region,
        service,
        &time,
    );
    outgoing.set("authorization", authorization);
}

/// AWS counts a colon in a path as a character to be escaped, and URLs do not.
fn encode_path(outgoing: &mut Outgoing) {
    if outgoing.url.path().contains(':') {
        let path = outgoing.url.path().replace(':', "%3A");
        outgoing.url.set_path(&path);
    }
}

/// What of a request is signed.
struct Canonical<'a> {
    method: &'a str,
    /// As it is sent.
    path: &'a str,
    query: &'a str,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl Canonical<'_> {
    /// The names of the signed headers, and the request in the form that both sides hash.
    fn write(mut self) -> (String, String) {
        self.headers.sort();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let mut lines = String::new();
        for (name, value) in &self.headers {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(lines, "{name}:{value}");
        }
        let mut pairs: Vec<(&str, &str)> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        pairs.sort_unstable();
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = if self.path.is_empty() { "/".to_owned() } else { escape(self.path) };
        let text = format!(
            "{}\n{path}\n{}\n{lines}\n{names}\n{}",
            self.method,
            query.join("&"),
            hex(sha256(self.body))
        );
        (names, text)
    }
}

fn authorization(
    request: &Canonical<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    time: &str,
) -> String {
    let (names, canonical) = Canonical { headers: request.headers.clone(), ..*request }.write();
    let day = time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(sha256(canonical.as_bytes())));
    let secret = format!("AWS4{}", credentials.secret.expose());
    let mut key = mac(secret.as_bytes(), day);
    for step in [region, service, "aws4_request"] {
        key = mac(key.as_ref(), step);
    }
    let signature = hex(mac(key.as_ref(), &text));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        credentials.id
    )
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The path as sent, escaped once more: for all services but S3 it is signed so.
fn escape(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Secret;

    /// The credentials and the moment of AWS's published test suite.
    fn check(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &str, signature: &str) {
        let credentials = Credentials {
            id: "AKIDEXAMPLE".into(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: None,
            until: None,
        };
        let request = Canonical {
            method,
            path,
            query,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.as_bytes(),
        };
        let got = authorization(&request, &credentials, "us-east-1", "service", "20150830T123600Z");
        assert!(got.ends_with(&format!("Signature={signature}")), "{method} {path}?{query}: {got}");
        assert!(got.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
        ));
    }

    #[test]
    fn the_published_examples() {
        let usual = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        check("GET", "/", "", &usual, "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
        check(
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            &usual,
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        check(
            "POST",
            "/",
            "",
            &usual,
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
        let form = [usual[0], usual[1], ("content-type", "application/x-www-form-urlencoded")];
        check(
            "POST",
            "/",
            "",
            &form,
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
    }

    #[test]
    fn a_path_is_escaped_twice() {
        assert_eq!(escape("/model/a-v1%3A0/converse"), "/model/a-v1%253A0/converse");
    }
}
