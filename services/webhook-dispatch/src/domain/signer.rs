//! Standard Webhooks v1 signatures: HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use kernel::{IdSource, Timestamp};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
const SCHEME: &str = "v1,";
const NEW_SECRET_BYTES: usize = 32;
const SECRET_BYTES_MAX: usize = 64;

/// How far a request's clock may be from ours, either way: the reference libraries' five minutes.
const TOLERANCE: Duration = Duration::from_secs(300);

/// A key both sides hold, written `whsec_` and base64. Never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// A text that is no secret. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret: expected whsec_ and the base64 of 1 to {SECRET_BYTES_MAX} bytes")]
pub struct UnfitSecret;

/// Why a request is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("webhook-timestamp is not a number of seconds")]
    NoTimestamp,
    #[error("webhook-timestamp is more than five minutes away")]
    TooFarAway,
    #[error("no v1 signature fits")]
    NoneFits,
}

impl Secret {
    /// 32 fresh random bytes.
    pub fn generate(ids: &dyn IdSource) -> Self {
        let mut bytes = vec![0; NEW_SECRET_BYTES];
        ids.fill(&mut bytes);
        Self(bytes)
    }

    /// From stored bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, UnfitSecret> {
        if bytes.is_empty() || bytes.len() > SECRET_BYTES_MAX {
            Err(UnfitSecret)
        } else {
            Ok(Self(bytes))
        }
    }

    /// From the text a subscriber keeps.
    pub fn parse(text: &str) -> Result<Self, UnfitSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(UnfitSecret)?;
        Self::from_bytes(STANDARD.decode(encoded).map_err(|_| UnfitSecret)?)
    }

    /// The text to show once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn mac(&self, id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(id.as_bytes());
        mac.update(format!(".{seconds}.").as_bytes());
        mac.update(body);
        mac
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The value of `webhook-signature`: one token for each secret, so that a rotation needs no downtime.
/// `at` is the time of the attempt, in whole seconds.
pub fn sign(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let seconds = at.parts().0;
    let tokens: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let mac = secret.mac(id, seconds, body).finalize().into_bytes();
            format!("{SCHEME}{}", STANDARD.encode(mac))
        })
        .collect();
    tokens.join(" ")
}

/// What a subscriber does with the three headers and the raw body before it believes them.
pub fn verify(
    secret: &Secret,
    (id, timestamp, signature): (&str, &str, &str),
    body: &[u8],
    now: Timestamp,
) -> Result<(), BadSignature> {
    let seconds: i64 = timestamp.parse().map_err(|_| BadSignature::NoTimestamp)?;
    let sent = Timestamp::from_parts(seconds, 0);
    if now.since(sent) > TOLERANCE || sent.since(now) > TOLERANCE {
        return Err(BadSignature::TooFarAway);
    }
    let fits = signature
        .split(' ')
        .filter_map(|token| token.strip_prefix(SCHEME))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        // verify_slice compares in constant time
        .any(|mac| secret.mac(id, seconds, body).verify_slice(&mac).is_ok());
    if fits { Ok(()) } else { Err(BadSignature::NoneFits) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 999_000)
    }

    fn check(signature: &str, now: i64) -> Result<(), BadSignature> {
        verify(&Secret::parse(KEY).unwrap(), (ID, TIME, signature), BODY, at(now))
    }

    #[test]
    fn the_published_vectors_come_out() {
        let vectors = [
            (KEY, ID, 1_614_265_330, std::str::from_utf8(BODY).unwrap(), SIGNATURE),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_plJ3nmyCDGBKInavdOK15jsl",
                "msg_loFOjxBNrRLzqYUf",
                1_731_705_121,
                r#"{"event_type":"ping","data":{"success":true}}"#,
                "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
            ),
        ];
        for (key, id, seconds, body, signature) in vectors {
            let secret = Secret::parse(key).unwrap();
            assert_eq!(secret.reveal(), key);
            assert_eq!(sign(&[secret], id, at(seconds), body.as_bytes()), signature);
        }
    }

    #[test]
    fn one_fitting_token_among_several_will_do() {
        assert_eq!(check(SIGNATURE, 1_614_265_330), Ok(()));
        let mixed = format!("v1a,AAAA v1,AAAA {SIGNATURE}");
        assert_eq!(check(&mixed, 1_614_265_330), Ok(()));
        let old = Secret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let both = sign(&[old, Secret::parse(KEY).unwrap()], ID, at(1_614_265_330), BODY);
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(check(&both, 1_614_265_330), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        let bare = SIGNATURE.trim_start_matches("v1,");
        for signature in [
            "",
            "v1,",
            bare,
            &SIGNATURE[..20],
            &SIGNATURE.replace("v1,", "v1a,"),
            &SIGNATURE.replace("g0hM", "g0hN"),
        ] {
            assert_eq!(check(signature, 1_614_265_330), Err(BadSignature::NoneFits), "{signature}");
        }
        let secret = Secret::parse(KEY).unwrap();
        let now = at(1_614_265_330);
        assert!(verify(&secret, (ID, TIME, SIGNATURE), b"{}", now).is_err());
        assert!(verify(&secret, ("msg_other", TIME, SIGNATURE), BODY, now).is_err());
        assert_eq!(
            verify(&secret, (ID, "soon", SIGNATURE), BODY, now),
            Err(BadSignature::NoTimestamp)
        );
    }

    #[test]
    fn five_minutes_either_way_are_tolerated() {
        assert_eq!(check(SIGNATURE, 1_614_265_330 + 299), Ok(()));
        assert_eq!(check(SIGNATURE, 1_614_265_330 + 301), Err(BadSignature::TooFarAway));
        assert_eq!(check(SIGNATURE, 1_614_265_330 - 302), Err(BadSignature::TooFarAway));
    }

    #[test]
    fn a_secret_is_never_empty_and_never_printed() {
        for bad in ["", "whsec_", "whsec_!", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(Secret::parse(bad), Err(UnfitSecret), "{bad}");
        }
        assert_eq!(format!("{:?}", Secret::parse(KEY).unwrap()), "Secret(…)");
    }
}
