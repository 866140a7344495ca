//! API keys: `tally_live_<id>_<secret>_<checksum>`.
//!
//! The checksum lets scanners and this service reject a mistyped key without looking it up. Stored are
//! the id and a digest; 160 random bits need no slow hash (RELIABILITY C).

use std::fmt::{self, Write as _};

use kernel::{IdSource, PARTITIONS, Partition, Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::scopes::Scopes;

const PREFIX: &str = "tally_live_";
const SECRET_BYTES: usize = 20;

/// The visible part of a key: 16 hexadecimal characters. The key's row lies in the partition its first
/// byte names, so that finding a key needs nothing but the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyId(u64);

impl KeyId {
    pub(crate) fn partition(self) -> Partition {
        let number = i16::from((self.0 >> 56) as u8) % PARTITIONS;
        Partition::new(number).expect("a remainder of PARTITIONS")
    }

    /// The bits a row holds.
    pub(crate) const fn to_row(self) -> i64 {
        self.0 as i64
    }

    pub(crate) const fn from_row(bits: i64) -> Self {
        Self(bits as u64)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (text.len() == 16 && lower).then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A key as its holder sends it.
#[derive(Clone)]
pub(crate) struct ApiKey {
    pub(crate) id: KeyId,
    text: String,
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) id: KeyId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) digest: [u8; 32],
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) revoked: Option<Timestamp>,
}

/// What must be left of a workspace's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// One that may administer: whoever revokes has nothing else to come in with.
    AnAdmin,
    /// The operator can always make another.
    Nothing,
}

/// Why a key does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadKey {
    Malformed,
    Unknown,
    Revoked,
    Expired,
}

impl ApiKey {
    /// A new key.
    pub(crate) fn issue(ids: &dyn IdSource) -> Self {
        let (mut id, mut secret) = ([0; 8], [0; SECRET_BYTES]);
        ids.fill(&mut id);
        ids.fill(&mut secret);
        let id = KeyId(u64::from_be_bytes(id));
        let mut text = format!("{PREFIX}{id}_");
        for byte in secret {
            let _ = write!(text, "{byte:02x}");
        }
        let checksum = crc32fast::hash(text.as_bytes());
        let _ = write!(text, "_{checksum:08x}");
        Self { id, text }
    }

    /// Reads a key and checks its checksum.
    pub(crate) fn parse(text: &str) -> Result<Self, BadKey> {
        let (body, checksum) = text.rsplit_once('_').ok_or(BadKey::Malformed)?;
        let rest = body.strip_prefix(PREFIX).ok_or(BadKey::Malformed)?;
        let (id, secret) = rest.split_once('_').ok_or(BadKey::Malformed)?;
        let id = KeyId::parse(id).ok_or(BadKey::Malformed)?;
        let sound = secret.len() == 2 * SECRET_BYTES
            && checksum == format!("{:08x}", crc32fast::hash(body.as_bytes()));
        if sound { Ok(Self { id, text: text.to_owned() }) } else { Err(BadKey::Malformed) }
    }

    /// What is shown once.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

impl KeyRecord {
    /// Whether `key` is this one and still valid at `now`. A wrong secret is as unknown as a wrong id.
    pub(crate) fn admits(&self, key: &ApiKey, now: Timestamp) -> Result<(), BadKey> {
        if !bool::from(self.digest.ct_eq(&key.digest())) {
            return Err(BadKey::Unknown);
        }
        if self.revoked.is_some() {
            return Err(BadKey::Revoked);
        }
        if self.expires.is_some_and(|at| at <= now) {
            return Err(BadKey::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scope;
    use testkit::SeededIds;

    fn record(key: &ApiKey) -> KeyRecord {
        KeyRecord {
            id: key.id,
            workspace: WorkspaceId::new(1).unwrap(),
            name: String::new(),
            scopes: [Scope::Track].into_iter().collect(),
            digest: key.digest(),
            created: Timestamp::EPOCH,
            expires: None,
            revoked: None,
        }
    }

    #[test]
    fn a_key_opens_its_own_record_and_no_other() {
        let ids = SeededIds::new(1);
        let (key, other) = (ApiKey::issue(&ids), ApiKey::issue(&ids));
        let parsed = ApiKey::parse(key.reveal()).ok().unwrap();
        assert_eq!(record(&key).admits(&parsed, Timestamp::EPOCH), Ok(()));
        assert_eq!(record(&key).admits(&other, Timestamp::EPOCH), Err(BadKey::Unknown));
    }

    #[test]
    fn a_key_with_any_character_changed_is_malformed() {
        let key = ApiKey::issue(&SeededIds::new(2));
        for place in 0..key.reveal().len() {
            let mut text = key.reveal().to_owned().into_bytes();
            text[place] = if text[place] == b'0' { b'1' } else { b'0' };
            let text = String::from_utf8(text).unwrap();
            assert_eq!(ApiKey::parse(&text).err(), Some(BadKey::Malformed), "{place}");
        }
        for cut in ["", "tally_live_", "Bearer", &key.reveal()[..40]] {
            assert_eq!(ApiKey::parse(cut).err(), Some(BadKey::Malformed), "{cut}");
        }
    }

    #[test]
    fn a_revoked_key_and_an_expired_one_say_so() {
        let key = ApiKey::issue(&SeededIds::new(3));
        let at = Timestamp::from_micros(10);
        let expired = KeyRecord { expires: Some(at), ..record(&key) };
        assert_eq!(expired.admits(&key, Timestamp::from_micros(9)), Ok(()));
        assert_eq!(expired.admits(&key, at), Err(BadKey::Expired));
        let revoked = KeyRecord { revoked: Some(at), ..record(&key) };
        assert_eq!(revoked.admits(&key, Timestamp::EPOCH), Err(BadKey::Revoked));
    }
}
