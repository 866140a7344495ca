//! Where webhooks may go: which URLs are taken, and which addresses are never dialled.
//!
//! A URL is judged when it is registered, an address every time before it is dialled: a name can
//! resolve to something else tomorrow, or at the second look.

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use url::{Host, Url};

const URL_BYTES_MAX: usize = 2_048;
/// Ports a public subscriber may listen on. Anything else smells of an internal service.
const PORTS: [u16; 2] = [443, 8443];

/// Networks no webhook reaches: ourselves, private and shared networks, and everything that is not an
/// ordinary public host, including every way to write an IPv4 address inside an IPv6 one.
const FORBIDDEN: [&str; 35] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // IPv4-compatible, and :: and ::1 with it
    "::/96",
    // IPv4-mapped
    "::ffff:0:0/96",
    // IPv4-translated
    "::ffff:0:0:0/96",
    // NAT64
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    // Teredo, ORCHID and what else IETF assigns
    "2001::/23",
    "2001:db8::/32",
    // 6to4
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

static FORBIDDEN_NETS: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    FORBIDDEN.iter().map(|net| net.parse().expect("the table is constant and tested")).collect()
});

/// A URL that deliveries can go to.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    reach: Reach,
}

/// Which addresses a URL may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// https on an ordinary port: any public address, and the networks the operator allowed.
    Public,
    /// Plain http or another port: only the networks the operator allowed.
    Allowed,
}

/// Why a URL is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitUrl {
    #[error("not a URL such as https://example.com/hook")]
    NotAUrl,
    #[error("at most {URL_BYTES_MAX} bytes, {0} sent")]
    TooLong(usize),
    #[error("{0} is not taken; use https")]
    Scheme(String),
    #[error(
        "a user or password in the URL would end up in logs; the signature says who is calling"
    )]
    Credentials,
    #[error("a fragment never reaches the server; leave out the part after #")]
    Fragment,
    #[error(
        "http and other ports than 443 and 8443 are for networks in TALLY_WEBHOOK_ALLOW_NETS only"
    )]
    OperatorOnly,
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

/// An address webhooks must not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is a private, local or reserved address that webhooks must not reach")]
pub struct Forbidden(pub IpAddr);

/// What the operator lets webhooks reach.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    allowed: Vec<IpNet>,
}

impl AddressPolicy {
    /// `allowed` networks are reachable whatever they are, by http and on any port too.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Judges an address before it is dialled.
    pub fn check(&self, reach: Reach, address: IpAddr) -> Result<(), Forbidden> {
        if self.allowed.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        let public = !FORBIDDEN_NETS.iter().any(|net| net.contains(&address));
        if public && reach == Reach::Public { Ok(()) } else { Err(Forbidden(address)) }
    }

    /// Judges a URL when it is registered. A name passes here and is judged by what it resolves to.
    pub fn admit(&self, text: &str) -> Result<Target, UnfitUrl> {
        let target = Target::parse(text)?;
        match target.literal() {
            Some(address) => self.check(target.reach, address)?,
            None if target.reach == Reach::Allowed && self.allowed.is_empty() => {
                return Err(UnfitUrl::OperatorOnly);
            }
            None => {}
        }
        Ok(target)
    }
}

impl Target {
    /// A well-formed URL, wherever it leads: what the store reads back, since the policy that admitted
    /// it may have changed and is asked again at every connection.
    pub fn parse(text: &str) -> Result<Self, UnfitUrl> {
        if text.len() > URL_BYTES_MAX {
            return Err(UnfitUrl::TooLong(text.len()));
        }
        let url = Url::parse(text).map_err(|_| UnfitUrl::NotAUrl)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(UnfitUrl::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UnfitUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UnfitUrl::Fragment);
        }
        let port = url.port_or_known_default().ok_or(UnfitUrl::NotAUrl)?;
        let reach = if https && PORTS.contains(&port) { Reach::Public } else { Reach::Allowed };
        Ok(Self { url, reach })
    }

    /// Which addresses it may lead to.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The address, where the URL holds one instead of a name: no resolver ever sees those.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// The whole URL, as it is stored and dialled.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Host name or address, without the port.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port, given or by the scheme.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// The URL as traces and logs may show it: paths and queries often hold a token, as Slack's do.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loopback() -> AddressPolicy {
        AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn the_table_is_well_formed() {
        assert_eq!(FORBIDDEN_NETS.len(), FORBIDDEN.len());
    }

    #[test]
    fn inner_addresses_are_refused_however_they_are_written() {
        let policy = AddressPolicy::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "192.0.0.8",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:10::1]",
            "[2001:20::1]",
            "[2001:db8::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
            "[3fff::1]",
            "[5f00::1]",
        ] {
            let admitted = policy.admit(&format!("https://{host}/hook"));
            assert!(matches!(admitted, Err(UnfitUrl::Forbidden(_))), "{host}: {admitted:?}");
        }
    }

    #[test]
    fn public_hosts_are_taken() {
        let policy = AddressPolicy::default();
        for url in [
            "https://example.com/hook?x=1",
            "https://example.com:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://bücher.example/",
        ] {
            assert_eq!(policy.admit(url).map(|target| target.reach()), Ok(Reach::Public), "{url}");
        }
    }

    #[test]
    fn what_a_url_must_not_have_is_named() {
        let policy = AddressPolicy::default();
        let refusal = |url: &str| policy.admit(url).unwrap_err();
        assert_eq!(refusal("example.com"), UnfitUrl::NotAUrl);
        assert_eq!(refusal("https://"), UnfitUrl::NotAUrl);
        assert_eq!(refusal("ftp://example.com/"), UnfitUrl::Scheme("ftp".into()));
        assert_eq!(refusal("https://me:pw@example.com/"), UnfitUrl::Credentials);
        assert_eq!(refusal("https://example.com/#part"), UnfitUrl::Fragment);
        assert_eq!(refusal("http://example.com/"), UnfitUrl::OperatorOnly);
        assert_eq!(refusal("https://example.com:6379/"), UnfitUrl::OperatorOnly);
        assert_eq!(
            refusal(&format!("https://e.com/{}", "x".repeat(2_048))),
            UnfitUrl::TooLong(2_062)
        );
        assert!(matches!(refusal("http://1.1.1.1/"), UnfitUrl::Forbidden(_)));
    }

    #[test]
    fn an_allowed_network_lifts_http_ports_and_the_ban_for_itself_only() {
        let policy = loopback();
        assert!(policy.admit("http://127.0.0.1:9000/hook").is_ok());
        assert!(policy.admit("http://localhost:9000/hook").is_ok(), "judged when it resolves");
        assert!(policy.admit("http://10.0.0.1/").is_err());
        assert!(policy.admit("http://1.1.1.1/").is_err());
        let (home, public) = ("127.0.0.1".parse().unwrap(), "1.1.1.1".parse().unwrap());
        assert_eq!(policy.check(Reach::Allowed, home), Ok(()));
        assert_eq!(policy.check(Reach::Public, public), Ok(()));
        assert_eq!(policy.check(Reach::Allowed, public), Err(Forbidden(public)));
    }

    #[test]
    fn traces_see_no_token() {
        let target =
            Target::parse("https://hooks.slack.com/services/T0/s3cret?token=s3cret").unwrap();
        assert_eq!(target.origin(), "https://hooks.slack.com");
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn no_url_text_reaches_a_forbidden_literal(text in "https?://\\PC{0,40}") {
            if let Ok(target) = AddressPolicy::default().admit(&text)
                && let Some(address) = target.literal()
            {
                prop_assert!(!FORBIDDEN_NETS.iter().any(|net| net.contains(&address)));
            }
        }

        #[test]
        fn an_ipv4_address_is_never_reached_through_an_ipv6_one(bits in any::<u32>()) {
            let inner = std::net::Ipv4Addr::from(bits);
            let policy = AddressPolicy::default();
            for outer in [inner.to_ipv6_mapped(), inner.to_ipv6_compatible()] {
                prop_assert!(policy.check(Reach::Public, IpAddr::V6(outer)).is_err());
            }
        }
    }
}
