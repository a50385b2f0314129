//! A signed claim (JWT, RS256), as a Google service account shows it for an access token.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consort_core::{Error, ErrorKind};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::Value;

/// Signs the claims with a private key in PEM form.
pub(super) fn sign(claims: &Value, private_key: &str, key_id: Option<&str>) -> Result<String, Error> {
    let wrong =
        |what: &str| Error::new(ErrorKind::Setup, format!("the service account's private key {what}"));
    let mut header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let der = der(private_key).ok_or_else(|| wrong("is not in PEM form"))?;
    let key = RsaKeyPair::from_pkcs8(&der).map_err(|_| wrong("is not an RSA key in PKCS #8 form"))?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| wrong("cannot sign"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The bytes between the lines `-----BEGIN ...` and `-----END ...`.
fn der(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let text: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_testkit::RSA_KEY as KEY;
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    #[test]
    fn a_claim_is_signed() {
        let jwt = sign(&serde_json::json!({"iss": "me"}), KEY, Some("k1")).unwrap();
        let (text, signature) = jwt.rsplit_once('.').unwrap();
        let public = RsaKeyPair::from_pkcs8(&der(KEY).unwrap()).unwrap().public_key().as_ref().to_vec();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(text.as_bytes(), &signature)
            .unwrap();
        let (header, claims) = text.split_once('.').unwrap();
        let read = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(header), serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(read(claims)["iss"], "me");
    }

    #[test]
    fn a_bad_key_is_told_and_not_shown() {
        let error = sign(&Value::Null, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END", None).unwrap_err();
        assert!(error.message().contains("PKCS #8") && !error.message().contains("c2VjcmV0"));
        assert!(sign(&Value::Null, "nonsense", None).is_err());
    }
}
