//! What opens a link: 256 bits that are shown once and kept nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use kernel::{IdSource, PARTITIONS, Partition};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// So that no hash of ours for another purpose can be this one.
const TOKEN: &[u8] = b"tally share token\0";
const PASSCODE: &[u8] = b"tally share passcode\0";

/// A capability. Neither printed nor compared: it has no `Debug` and no `PartialEq`.
#[derive(Clone)]
pub(crate) struct Token([u8; 32]);

/// What is kept of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenDigest(pub(crate) [u8; 32]);

/// What is kept of a passcode: a hash keyed with the token. Who reads the database alone cannot even try
/// passcodes, however short they are, for the key is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed(pub(crate) [u8; 32]);

impl Token {
    /// One whose link lies in `partition`: the digest names it, as it names a workspace's, so that
    /// opening a link reads one partition. One draw in 64 fits; the 250 bits that leaves are plenty.
    pub(crate) fn draw(partition: Partition, ids: &dyn IdSource) -> Self {
        loop {
            let mut secret = [0; 32];
            ids.fill(&mut secret);
            let token = Self(secret);
            if token.digest().partition() == partition {
                return token;
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn of(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// `None` for what cannot be a token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut secret = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut secret).ok()?;
        (length == secret.len()).then_some(Self(secret))
    }

    /// As it is shown, once: 43 characters.
    pub(crate) fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        let mut hash = Sha256::new();
        hash.update(TOKEN);
        hash.update(self.0);
        TokenDigest(hash.finalize().into())
    }

    pub(crate) fn seal(&self, passcode: &str) -> Sealed {
        let mut hash = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        hash.update(PASSCODE);
        hash.update(passcode.as_bytes());
        Sealed(hash.finalize().into_bytes().into())
    }

    pub(crate) fn unseals(&self, sealed: &Sealed, passcode: &str) -> bool {
        self.seal(passcode).0.ct_eq(&sealed.0).into()
    }
}

impl TokenDigest {
    pub(crate) fn partition(&self) -> Partition {
        Partition::new(i16::from(self.0[0]) % PARTITIONS).expect("a remainder of PARTITIONS")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_43_characters_and_comes_back() {
        let token = Token::of([0xab; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(Token::parse(&text).unwrap().digest(), token.digest());
        for nonsense in ["", "a", &text[1..], &format!("{text}A"), &format!("{text}="), "é"] {
            assert!(Token::parse(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn a_token_of_before_still_names_its_partition_and_its_digest() {
        // As first released: changing either would orphan every link there is.
        let digest = Token::of([1; 32]).digest();
        assert_eq!(digest.partition().get(), i16::from(digest.0[0]) % 64);
        let hex: String = digest.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3b3ca650");
    }
}
