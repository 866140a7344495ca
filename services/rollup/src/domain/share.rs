//! Shared links: a token opens one saved report until it is revoked or its time is over.

mod token;

use std::fmt;
use std::str::FromStr;

use kernel::{IdSource, Malformed, Timestamp, WorkspaceId, base32};

pub(crate) use token::{Sealed, Token, TokenDigest};

const PREFIX: &str = "sh_";

/// The name of a link: it opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShareId(i64);

impl ShareId {
    pub(crate) fn draw(ids: &dyn IdSource) -> Self {
        Self(ids.next_i64())
    }

    pub(crate) const fn new(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }

    pub(crate) const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", base32::encode(self.0.unsigned_abs()))
    }
}

impl FromStr for ShareId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix(PREFIX)
            .and_then(base32::decode)
            .and_then(|number| i64::try_from(number).ok())
            .and_then(Self::new)
            .ok_or_else(|| Malformed::new("the id of a link, such as sh_0000000000001", text))
    }
}

/// One link. What it shows is kept as it was asked for, and as it was answered where it is frozen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) id: ShareId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) token: TokenDigest,
    pub(crate) title: String,
    /// The question, in the words of the contract.
    pub(crate) report: Vec<u8>,
    /// The answer of a frozen link; a live one is asked anew each time.
    pub(crate) frozen: Option<Vec<u8>>,
    pub(crate) passcode: Option<Sealed>,
    pub(crate) cells: SmallCells,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) revoked: Option<Timestamp>,
    pub(crate) opens: i64,
    pub(crate) last_opened: Option<Timestamp>,
}

impl Share {
    /// What becomes of an attempt to open it at `now` with the right token.
    pub(crate) fn opening(&self, token: &Token, passcode: &str, now: Timestamp) -> Opening {
        if self.revoked.is_some() {
            return Opening::Revoked;
        }
        if now >= self.expires {
            return Opening::Expired;
        }
        match &self.passcode {
            Some(sealed) if !token.unseals(sealed, passcode) => Opening::Passcode,
            Some(_) | None => Opening::Opened,
        }
    }
}

/// Whether rows of few tickets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SmallCells {
    Shown,
    Suppressed,
}

/// What became of an attempt to open a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Opened,
    Expired,
    Revoked,
    /// A wrong passcode, or none.
    Passcode,
}

impl Opening {
    pub(crate) const ALL: [Self; 4] = [Self::Opened, Self::Expired, Self::Revoked, Self::Passcode];

    /// As rows hold it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Passcode => "passcode",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|opening| opening.as_str() == word)
    }
}

/// A line of a link's access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Tells two at the same moment apart.
    pub(crate) number: i64,
    pub(crate) at: Timestamp,
    pub(crate) opening: Opening,
    pub(crate) reader: Reader,
}

/// Who tried, as far as the connection says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reader {
    /// Empty where it is not known.
    pub(crate) address: String,
    /// What the caller calls itself.
    pub(crate) agent: String,
}

impl Reader {
    const AGENT_BYTES_MAX: usize = 200;

    /// Of what a stranger sent, only so much is kept, and nothing that a terminal would obey.
    pub(crate) fn new(address: String, agent: &str) -> Self {
        let mut kept = String::new();
        for c in agent.chars().filter(|c| !c.is_control()) {
            if kept.len() + c.len_utf8() > Self::AGENT_BYTES_MAX {
                break;
            }
            kept.push(c);
        }
        Self { address, agent: kept }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    struct Ones;

    impl IdSource for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }

    fn share(passcode: Option<&str>) -> (Share, Token) {
        let workspace = WorkspaceId::new(7).unwrap();
        let token = Token::of([9; 32]);
        let share = Share {
            id: ShareId::draw(&Ones),
            workspace,
            token: token.digest(),
            title: "savings".to_owned(),
            report: Vec::new(),
            frozen: None,
            passcode: passcode.map(|passcode| token.seal(passcode)),
            cells: SmallCells::Shown,
            created: Timestamp::from_micros(10),
            expires: Timestamp::from_micros(20),
            revoked: None,
            opens: 0,
            last_opened: None,
        };
        (share, token)
    }

    #[test]
    fn a_link_opens_until_its_time_is_over_or_somebody_ends_it() {
        let (mut share, token) = share(None);
        let opening = |share: &Share, at| share.opening(&token, "", Timestamp::from_micros(at));
        assert_eq!(opening(&share, 19), Opening::Opened);
        assert_eq!(opening(&share, 20), Opening::Expired);
        share.revoked = Some(Timestamp::from_micros(15));
        assert_eq!(opening(&share, 19), Opening::Revoked);
    }

    #[test]
    fn a_passcode_opens_with_its_own_token_only() {
        let (share, token) = share(Some("correct horse"));
        let at = Timestamp::from_micros(11);
        assert_eq!(share.opening(&token, "correct horse", at), Opening::Opened);
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert_eq!(share.opening(&token, wrong, at), Opening::Passcode, "{wrong:?}");
        }
        let other = Token::of([8; 32]);
        assert_eq!(share.opening(&other, "correct horse", at), Opening::Passcode);
    }

    #[test]
    fn an_id_comes_back_and_nonsense_does_not() {
        let (share, _) = share(None);
        assert_eq!(share.id.to_string().parse(), Ok(share.id));
        for nonsense in ["", "sh_", "sh_0000000000000", "ws_0000000000001", "sh_zzzzzzzzzzzzz"] {
            assert!(nonsense.parse::<ShareId>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn of_what_a_reader_says_it_is_little_is_kept_and_no_control_character() {
        let reader = Reader::new(String::new(), &format!("curl\x1b[2J{}", "é".repeat(300)));
        assert!(reader.agent.starts_with("curl[2Jé") && reader.agent.len() <= 200);
    }
}
