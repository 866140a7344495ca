//! The program itself, as a process that can be killed.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http::Uri;
use testkit::process::Process;

use crate::address::on;
use crate::settings::{Storage, vars};
use crate::{Addresses, patience};

/// The variable that names the program; `tests/run.sh` sets it to the one it has just built.
const VARIABLE: &str = "TALLY_BIN";

/// A running `tally serve …`; killed when dropped.
pub struct Program {
    process: Process,
    log: PathBuf,
}

impl Program {
    /// Starts `tally serve <which>` on the embedded databases in `data_dir`. The credential of the
    /// services is the one it finds, or makes, in the directory.
    pub fn serve(which: &str, addresses: &Addresses, data_dir: &Path) -> Self {
        Self::serve_with(which, addresses, data_dir, &[])
    }

    /// The same, with variables of the test's own.
    pub fn serve_with(
        which: &str,
        addresses: &Addresses,
        data_dir: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        let log = data_dir.join(format!("{which}.log"));
        std::fs::create_dir_all(data_dir).expect("a directory of the test's own");
        let stderr = File::options().create(true).append(true).open(&log).expect("a log file");
        let mut command = Command::new(tally());
        // Nothing of the environment this test happens to run in.
        command.env_clear().args(["serve", which]);
        command.envs(vars(addresses, data_dir, &Storage::default()));
        command.env("TALLY_SUITE_LISTEN", "127.0.0.1:0").env("TALLY_LOG", "info");
        command.envs(more.iter().copied());
        command.stdout(Stdio::null()).stderr(stderr);
        Self { process: Process::spawn(command), log }
    }

    /// Waits until all five services say SERVING, whichever of the programs run them.
    ///
    /// # Panics
    /// When one of the programs ends instead, with what it said.
    pub async fn all_serving(programs: &mut [Self], addresses: &Addresses) {
        for (_, port) in addresses.ports() {
            patience::serving(&on(port), || programs.iter_mut().for_each(Self::must_run)).await;
        }
    }

    /// Waits until the service at `uri`, which this program runs, says SERVING.
    ///
    /// # Panics
    /// When the program ends instead, with what it said.
    pub async fn serving(&mut self, uri: &Uri) {
        patience::serving(uri, || self.must_run()).await;
    }

    /// SIGKILL: no drain, no last commit, nothing said.
    pub fn kill(&mut self) {
        self.must_run();
        self.process.kill();
    }

    /// SIGSTOP: its connections stay open, and it does nothing until [`Self::resume`].
    pub fn pause(&mut self) {
        self.must_run();
        self.process.freeze();
    }

    /// SIGCONT: it goes on in the middle of whatever it was at, and takes no notice of the time.
    pub fn resume(&mut self) {
        self.must_run();
        self.process.thaw();
    }

    fn must_run(&mut self) {
        assert!(self.process.is_running(), "a program ended by itself: {}", self.said());
    }

    /// What it wrote to its log.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} says:\n{}", self.log.display(), self.said());
        }
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs `tally <arguments>` beside the services at `addresses`, until it ends.
pub fn command(
    arguments: &[&str],
    addresses: &Addresses,
    data_dir: &Path,
    more: &[(&str, &str)],
    stdin: &str,
) -> Said {
    let mut command = told(arguments, addresses, data_dir);
    let mut child = command.envs(more.iter().copied()).spawn().expect("tally starts");
    // A command that does not read what it is given has ended: how, the test sees.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("tally ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The same for a reader who is gone before the first line.
pub fn command_unread(arguments: &[&str], addresses: &Addresses, data_dir: &Path) -> Said {
    let mut child = told(arguments, addresses, data_dir).spawn().expect("tally starts");
    drop((child.stdin.take(), child.stdout.take()));
    let output = child.wait_with_output().expect("tally ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Said { code: output.status.code(), out: String::new(), err }
}

fn told(arguments: &[&str], addresses: &Addresses, data_dir: &Path) -> Command {
    let mut command = Command::new(tally());
    command.env_clear().args(arguments).envs(vars(addresses, data_dir, &Storage::default()));
    command.env("TALLY_SUITE_LISTEN", "127.0.0.1:0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the services of this directory show each other.
pub(crate) fn service_token(data_dir: &Path) -> String {
    let path = data_dir.join("service-token");
    let token = std::fs::read_to_string(&path);
    token.unwrap_or_else(|error| panic!("{} holds no token: {error}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests names the program")]
fn tally() -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "{VARIABLE} names {}, where there is no program", path.display());
        return path;
    }
    let test = std::env::current_exe().expect("a running program has a file");
    let beside = test.ancestors().nth(2).map(|directory| directory.join("tally"));
    let found = beside.filter(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "no `tally` beside {}: run `cargo build -p suite`, or set {VARIABLE}",
            test.display()
        )
    })
}
