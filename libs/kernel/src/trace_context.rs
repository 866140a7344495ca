//! The W3C trace context of whoever caused something, as 25 bytes in a ledger row.

use std::fmt::Write as _;

/// Trace id, span id and flags. Never all zero: an absent context is an absent value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// Which trace.
    pub trace_id: [u8; 16],
    /// Which span in it.
    pub span_id: [u8; 8],
    /// W3C trace flags; bit 0 is "sampled".
    pub flags: u8,
}

impl TraceContext {
    /// Bytes it takes in a row.
    pub const LEN: usize = 25;

    /// Whether somebody keeps this trace.
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Trace id, span id, flags.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..16].copy_from_slice(&self.trace_id);
        bytes[16..24].copy_from_slice(&self.span_id);
        bytes[24] = self.flags;
        bytes
    }

    /// What [`Self::to_bytes`] wrote; `None` for another length or a zero id.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let trace_id = bytes[..16].try_into().ok()?;
        let span_id = bytes[16..24].try_into().ok()?;
        let zero = trace_id == [0; 16] || span_id == [0; 8];
        (!zero).then_some(Self { trace_id, span_id, flags: bytes[24] })
    }

    /// The header of W3C Trace Context, version 00.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        for byte in self.trace_id {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('-');
        for byte in self.span_id {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = write!(text, "-{:02x}", self.flags);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_header_agree() {
        let context = TraceContext { trace_id: [0x4b; 16], span_id: [0xf0; 8], flags: 1 };
        assert_eq!(TraceContext::from_bytes(&context.to_bytes()), Some(context));
        let header = format!("00-{}-{}-01", "4b".repeat(16), "f0".repeat(8));
        assert_eq!(context.traceparent(), header);
    }

    #[test]
    fn a_zero_id_is_no_context() {
        assert_eq!(TraceContext::from_bytes(&[0; 25]), None);
        assert_eq!(TraceContext::from_bytes(&[1; 24]), None);
    }
}
