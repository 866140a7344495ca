//! API keys: `tally_live_<id>_<secret>_<checksum>`.
//!
//! The checksum lets scanners and this service reject a mistyped key without looking it up. Stored are
//! the id and a digest; 160 random bits need no slow hash (RELIABILITY C).

use std::fmt::{self, Write as _};
use std::time::Duration;

use kernel::{IdSource, PARTITIONS, Partition, Timestamp, WorkspaceId, hex};
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

    /// The id of the key that takes `old`'s place by this request: asked again, it is found by its key.
    pub(crate) fn of_request(workspace: WorkspaceId, old: Self, request_id: &str) -> Self {
        let digest = Sha256::new()
            .chain_update("rotate\0")
            .chain_update(workspace.get().to_be_bytes())
            .chain_update(old.0.to_be_bytes())
            .chain_update(request_id)
            .finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(bytes))
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
    /// To the minute.
    pub(crate) last_used: Option<Timestamp>,
}

/// What a key that takes another's place has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Successor {
    pub(crate) id: KeyId,
    pub(crate) digest: [u8; 32],
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
        let mut id = [0; 8];
        ids.fill(&mut id);
        Self::issue_as(KeyId(u64::from_be_bytes(id)), ids)
    }

    /// A new key under a given id; its secret is as random as any.
    pub(crate) fn issue_as(id: KeyId, ids: &dyn IdSource) -> Self {
        let mut secret = [0; SECRET_BYTES];
        ids.fill(&mut secret);
        let mut text = format!("{PREFIX}{id}_{}", hex(&secret));
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
        self.stands(now)
    }

    fn stands(&self, now: Timestamp) -> Result<(), BadKey> {
        if self.revoked.is_some() {
            return Err(BadKey::Revoked);
        }
        if self.expires.is_some_and(|at| at <= now) {
            return Err(BadKey::Expired);
        }
        Ok(())
    }

    /// Gives way to a key that may do the same, as long as this one might have. This one ends when
    /// `overlap` is over, if it does not end before.
    pub(crate) fn give_way(
        &mut self,
        successor: Successor,
        now: Timestamp,
        overlap: Duration,
    ) -> Result<Self, BadKey> {
        self.stands(now)?;
        let Successor { id, digest } = successor;
        let next = Self { id, digest, created: now, last_used: None, ..self.clone() };
        let end = now.plus(overlap);
        self.expires = Some(self.expires.map_or(end, |own| own.min(end)));
        Ok(next)
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
            last_used: None,
        }
    }

    #[test]
    fn a_key_that_gives_way_never_lives_longer_for_it() {
        let (old, new) = (ApiKey::issue(&SeededIds::new(1)), ApiKey::issue(&SeededIds::new(2)));
        let successor = Successor { id: new.id, digest: new.digest() };
        let (now, hour) = (Timestamp::from_micros(10), Duration::from_secs(3_600));
        for own in [None, Some(now.plus(hour / 2)), Some(now.plus(hour * 2))] {
            let mut key = KeyRecord { expires: own, last_used: Some(now), ..record(&old) };
            let next = key.give_way(successor, now, hour).unwrap();
            assert_eq!(
                key.expires,
                Some(own.map_or(now.plus(hour), |own| own.min(now.plus(hour))))
            );
            let expected = KeyRecord { created: now, expires: own, ..record(&new) };
            assert_eq!(next, expected, "the same rights, the end it would have had");
        }
        let mut revoked = KeyRecord { revoked: Some(now), ..record(&old) };
        assert_eq!(revoked.give_way(successor, now, hour), Err(BadKey::Revoked));
        let mut expired = KeyRecord { expires: Some(now), ..record(&old) };
        assert_eq!(expired.give_way(successor, now, hour), Err(BadKey::Expired));
        let mut at_once = record(&old);
        at_once.give_way(successor, now, Duration::ZERO).unwrap();
        assert_eq!(at_once.admits(&old, now), Err(BadKey::Expired));
    }

    #[test]
    fn a_key_cut_anywhere_or_with_any_bit_flipped_is_malformed() {
        let key = ApiKey::issue(&SeededIds::new(4));
        let text = key.reveal();
        for cut in 0..text.len() {
            assert_eq!(ApiKey::parse(&text[..cut]).err(), Some(BadKey::Malformed), "{cut}");
            assert_eq!(ApiKey::parse(&text[cut + 1..]).err(), Some(BadKey::Malformed), "{cut}");
        }
        for bit in 0..text.len() * 8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // What is no text never gets as far as this.
            let Ok(flipped) = String::from_utf8(bytes) else { continue };
            assert_eq!(ApiKey::parse(&flipped).err(), Some(BadKey::Malformed), "{bit}");
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
