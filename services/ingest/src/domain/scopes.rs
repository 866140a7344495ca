//! What a key may do.

/// One thing a key may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Scope {
    Track = 2,
    Report = 3,
    Review = 4,
    Admin = 5,
    Backfill = 6,
}

/// A set of them, as the bits a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scopes(i16);

impl Scope {
    pub(crate) const ALL: [Self; 5] =
        [Self::Track, Self::Report, Self::Review, Self::Admin, Self::Backfill];

    /// Bits and wire numbers are the same numbers, and never change.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| i32::from(*scope as u8) == number)
    }

    pub(crate) const fn number(self) -> i32 {
        self as i32
    }
}

impl Scopes {
    pub(crate) const fn from_bits(bits: i16) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> i16 {
        self.0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & (1 << *scope as i16) != 0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as i16))
    }
}
