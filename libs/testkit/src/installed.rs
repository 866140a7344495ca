//! Finding the programs a test needs, and the user a database server may run as.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of an installed program.
///
/// # Panics
/// When it is not installed, with the Debian package that brings it.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.extend(postgres_places());
    places
        .into_iter()
        .map(|place| place.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!("this test needs `{name}`. Install it: apt-get install -y {package}")
        })
}

/// Debian keeps the server's programs out of PATH, by version; the newest first.
fn postgres_places() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    let mut places: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .collect();
    places.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    places.into_iter().map(|(_, place)| place).collect()
}

/// A user and its group, by number.
#[derive(Debug, Clone, Copy)]
pub struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Whom a database server may run as: PostgreSQL refuses to run as root, so root lends it the
    /// user `postgres`, or `nobody`; anybody else needs no other user.
    pub fn for_servers() -> Option<Self> {
        let me = std::fs::metadata("/proc/self").expect("a Linux /proc").uid();
        if me != 0 {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let find = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut numbers = line.split(':').skip(2).map(str::parse);
            Some(Self { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
        };
        Some(find("postgres").or_else(|| find("nobody")).expect("a user `postgres` or `nobody`"))
    }

    /// Gives it a directory or file.
    pub fn own(self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .unwrap_or_else(|err| panic!("root gives {} away: {err}", path.display()));
    }
}

/// A command that runs `program` as `user`. The process id stays the same: `setpriv` replaces
/// itself.
pub fn command_as(user: Option<User>, program: &Path) -> Command {
    let Some(User { uid, gid }) = user else { return Command::new(program) };
    let mut command = Command::new(self::program("setpriv", "util-linux"));
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    command.arg("--").arg(program);
    command
}
