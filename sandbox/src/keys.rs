//! An RSA key shared by the stand-ins: generating one per test would take longer than most tests.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::RsaKeyPair,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::EncodingKey;

static PEM: LazyLock<String> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its bytes");
    let text = BASE64_STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
});

pub(crate) fn pem() -> &'static str {
    &PEM
}

pub(crate) fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(PEM.as_bytes()).expect("a key")
}
