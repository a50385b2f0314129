//! Tells an address of the user's what happens: signed, and tried again a few times.
use crate::Http;
use consort_core::{Error, ErrorKind};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use ring::hmac;
use std::fmt::{self, Write};
use std::time::Duration;

/// Who signed, so that the receiver can tell.
const SIGNATURE: &str = "x-consort-signature";

/// How long one try may take, and how long it waits before each of the others.
const LIMIT: Duration = Duration::from_secs(10);
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// An address that is told.
pub struct Webhook {
    http: Http,
    url: String,
    secret: Option<String>,
}

impl Webhook {
    pub fn new(url: impl Into<String>, secret: Option<String>) -> Self {
        Self { http: Http::default(), url: url.into(), secret }
    }

    /// Sends JSON. What the receiver may take later is tried again.
    pub async fn tell(&self, body: Vec<u8>) -> Result<(), Error> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.once(body.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match pauses.next().filter(|_| error.retryable()) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(error),
            }
        }
    }

    async fn once(&self, body: Vec<u8>) -> Result<(), Error> {
        let client = self.http.client(LIMIT, self.url.starts_with("https:"))?;
        let mut request = client.post(&self.url).timeout(LIMIT).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, format!("sha256={}", signature(secret, &body)));
        }
        // The address itself may be a secret, so that it is in no message.
        let sent = request.body(body).send().await.map_err(|error| {
            let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
            Error::new(ErrorKind::Network, format!("the webhook {what}"))
        })?;
        let status = sent.status();
        if status.is_success() {
            return Ok(());
        }
        let later = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let kind = if later { ErrorKind::Server } else { ErrorKind::InvalidRequest };
        Err(Error::new(kind, format!("the webhook answered {status}")))
    }
}

/// HMAC-SHA256 in hex, as receivers compute it too.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing into a text does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("signed", &self.secret.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn the_signature_is_the_usual_one() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
