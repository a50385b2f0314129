//! A certificate authority of a test's own: signs for any host, and is trusted only by who is told to.
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "An authority for one test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::self_signed(params, key))
            .map_err(io::Error::other)?;
        let mut file = tempfile::Builder::new().suffix(".pem").tempfile()?;
        file.write_all(issuer.pem().as_bytes())?;
        Ok(Self { issuer, file })
    }

    /// The authority's own certificate, in PEM form.
    pub(crate) fn file(&self) -> &Path {
        self.file.path()
    }

    /// A certificate for this host, and its key.
    fn sign(&self, host: &str) -> io::Result<(Certificate, KeyPair)> {
        let signed = || {
            let mut params = CertificateParams::new([host.to_owned()])?;
            params.distinguished_name.push(DnType::CommonName, "A server for one test");
            // Strict clients (Python's among them) want all of these.
            params.use_authority_key_identifier_extension = true;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let key = KeyPair::generate()?;
            Ok::<_, rcgen::Error>((params.signed_by(&key, &self.issuer)?, key))
        };
        signed().map_err(io::Error::other)
    }

    /// A server that proves to be this host.
    pub(crate) fn server(&self, host: &str) -> io::Result<Arc<ServerConfig>> {
        let (certificate, key) = self.sign(host)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        // By name: the process may have several providers of cryptography, or none that is the usual one.
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
            })
            .map_err(io::Error::other)?;
        Ok(Arc::new(config))
    }
}

/// Writes what a server proves with that it is this host, in PEM form: who vouches for it (`ca.pem`), its certificate
/// (`cert.pem`) and its key (`key.pem`).
pub fn certificate(folder: &Path, host: &str) -> io::Result<()> {
    let authority = Authority::new()?;
    let (certificate, key) = authority.sign(host)?;
    std::fs::write(folder.join("ca.pem"), authority.issuer.pem())?;
    std::fs::write(folder.join("cert.pem"), certificate.pem())?;
    std::fs::write(folder.join("key.pem"), key.serialize_pem())
}
