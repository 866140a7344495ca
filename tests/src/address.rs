//! Where the five services of one suite listen, and a second replica of one of them.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use chassis::{Channel, Transport, connect_with_key};
use http::Uri;
use secrecy::SecretString;

use crate::PATIENCE;

/// Below the ports the system lends to outgoing connections, so that none of those is in the way.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 2_200;
const BLOCK: u16 = 10;

/// One port a service. The services must know each other's address before any of them listens, so
/// that port 0 would not do.
#[derive(Debug, Clone)]
pub struct Addresses {
    first: u16,
    /// Held so that no other test takes the same ports before anybody listens on them.
    _ours: Arc<File>,
}

impl Addresses {
    /// Six free ports. Tests that run side by side are processes of their own: what one has taken,
    /// a locked file tells the others.
    pub fn free() -> Self {
        let start = std::process::id() % u32::from(BLOCKS);
        let start = u16::try_from(start).expect("less than BLOCKS");
        let mut blocks = (0..BLOCKS).map(|block| FIRST + (start + block) % BLOCKS * BLOCK);
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let found = blocks.find_map(|first| {
            let ours = take(first)?;
            (first..first + 6).all(free).then(|| Self { first, _ours: Arc::new(ours) })
        });
        found.expect("six free ports of this machine lie together")
    }

    pub fn ingest(&self) -> Uri {
        self.uri(0)
    }

    pub fn catalog(&self) -> Uri {
        self.uri(1)
    }

    pub fn rollup(&self) -> Uri {
        self.uri(2)
    }

    /// Where a second replica of rollup listens. Nobody but the test knows that there is one.
    pub fn second_rollup(&self) -> Uri {
        self.uri(5)
    }

    pub fn audit(&self) -> Uri {
        self.uri(3)
    }

    pub fn webhook(&self) -> Uri {
        self.uri(4)
    }

    /// Whoever serves the RPC of this path, `/tally.rollup.v1.ReportService/GetOverview`.
    pub fn serving(&self, path: &str) -> Uri {
        match path.split('.').nth(1) {
            Some("ingest") => self.ingest(),
            Some("catalog") => self.catalog(),
            Some("rollup") => self.rollup(),
            Some("audit") => self.audit(),
            Some("webhook") => self.webhook(),
            _ => panic!("{path} belongs to no service"),
        }
    }

    /// The services by the prefix of their variables, with their ports.
    pub(crate) fn ports(&self) -> [(&'static str, u16); 5] {
        let prefixes = ["INGEST", "CATALOG", "ROLLUP", "AUDIT", "WEBHOOK"];
        let mut port = self.first;
        prefixes.map(|prefix| {
            port += 1;
            (prefix, port - 1)
        })
    }

    fn uri(&self, place: u16) -> Uri {
        on(self.first + place)
    }
}

/// The address of a port of the loopback.
pub(crate) fn on(port: u16) -> Uri {
    format!("http://127.0.0.1:{port}").parse().expect("an address is a URI")
}

/// Takes the ports from `first` on, unless another test has them.
fn take(first: u16) -> Option<File> {
    let user = std::fs::metadata("/proc/self").expect("a Linux /proc").uid();
    let ports = std::env::temp_dir().join(format!("tally-tests-ports-{user}"));
    std::fs::create_dir_all(&ports).expect("the temporary directory is writable");
    let file = File::options().create(true).append(true).open(ports.join(first.to_string()));
    let file = file.expect("the directory is ours");
    file.try_lock().ok().map(|()| file)
}

/// A channel of its own connection; `credential` is an API key, the service credential, or nothing.
pub(crate) fn channel(uri: &Uri, credential: Option<&str>) -> Channel {
    let credential = credential.map(SecretString::from);
    // A loaded machine is slow, not broken.
    let transport = Transport { call_timeout: PATIENCE, ..Transport::default() };
    connect_with_key(uri, "tests", credential.as_ref(), &transport)
}
