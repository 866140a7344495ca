//! A PostgreSQL server of a test's own, for tests that break it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::installed::{User, command_as, program};
use crate::process::{Process, free_port};

const PACKAGE: &str = "postgresql";
/// After a kill, the old server's children hold its shared memory for a moment.
const START: Duration = Duration::from_secs(30);

/// A throw-away server on a free port of 127.0.0.1. Durable (`fsync` is on); gone when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    /// Ends before the directory below goes.
    process: Process,
    cluster: Cluster,
    _directory: TempDir,
}

impl PostgresServer {
    /// Makes a new cluster and waits until the server answers.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with settings of its own, such as `("fsync", "off")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::with_prefix("tally-postgres-").expect("a temporary directory");
        let cluster = Cluster::create(directory.path(), settings);
        let (cluster, process) = cluster.start().await;
        Self { process, cluster, _directory: directory }
    }

    /// Its database `postgres`.
    pub fn url(&self) -> String {
        self.cluster.url()
    }

    /// SIGKILL to the postmaster, as when it crashes. Its children notice and end by themselves.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again on the same port and data, after [`Self::kill`] or while it runs.
    pub async fn restart(&mut self) {
        self.process.end("INT");
        let deadline = Instant::now() + START;
        loop {
            let mut process = self.cluster.spawn();
            if self.cluster.answers(&mut process, deadline).await {
                self.process = process;
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL starts again: {}", self.cluster.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it, keeps a copy of its files as they are and starts it again.
    pub async fn keep_files(&mut self) {
        self.process.end("INT");
        self.cluster.copy_files("data", "kept");
        self.restart().await;
    }

    /// Ends it and starts it on the files that [`Self::keep_files`] kept: all since then is gone.
    pub async fn put_files_back(&mut self) {
        self.process.end("INT");
        self.cluster.copy_files("kept", "data");
        self.restart().await;
    }

    /// SIGSTOP to the server and every session: connections stay open and nothing answers.
    pub fn stop(&self) {
        self.process.freeze();
    }

    /// SIGCONT: goes on where it stopped.
    pub fn cont(&self) {
        self.process.thaw();
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // At once, without a checkpoint, but with its children, so that the directory can go.
        self.process.end("QUIT");
    }
}

/// A data directory and how to serve it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    home: PathBuf,
    user: Option<User>,
    port: u16,
    settings: Vec<String>,
}

impl Cluster {
    /// `initdb` in `home`, which becomes the server user's.
    pub(crate) fn create(home: &Path, settings: &[(&str, &str)]) -> Self {
        let user = User::for_servers();
        if let Some(user) = user {
            user.own(home);
        }
        // Who may connect is decided by the loopback address: the data is worthless.
        let made = command_as(user, &program("initdb", PACKAGE))
            .current_dir(home)
            .args(["--auth=trust", "--username=tally", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "--pgdata=data"])
            .output()
            .expect("initdb runs");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb in {}: {said}", home.display());
        let settings = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self { home: home.into(), user, port: free_port(), settings }
    }

    /// Serves it, on another port when somebody took this one.
    pub(crate) async fn start(mut self) -> (Self, Process) {
        for _ in 0..5 {
            let mut process = self.spawn();
            if self.answers(&mut process, Instant::now() + START).await {
                return (self, process);
            }
            self.port = free_port();
        }
        panic!("PostgreSQL does not start: {}", self.log())
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://tally@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server without waiting for it.
    fn spawn(&self) -> Process {
        Process::spawn(self.command())
    }

    fn command(&self) -> Command {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.home.join("log"))
            .expect("the directory is ours");
        let mut command = command_as(self.user, &program("postgres", PACKAGE));
        command.current_dir(&self.home).args(["-D", "data", "-p", &self.port.to_string()]);
        let ours = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=32MB",
            "max_connections=200",
            "fsync=on",
        ];
        for setting in ours.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::null()).stderr(log);
        command
    }

    /// False when the process ended instead.
    async fn answers(&self, process: &mut Process, deadline: Instant) -> bool {
        let options: PgConnectOptions = self.url().parse().expect("our own address");
        let options = options.disable_statement_logging();
        while process.is_running() {
            if let Ok(connection) = PgConnection::connect_with(&options).await {
                // A failed goodbye changes nothing.
                let _ = connection.close().await;
                return true;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Puts `to` in the place of what is there.
    fn copy_files(&self, from: &str, to: &str) {
        let copy = format!("rm -rf {to} && cp -a {from} {to}");
        let copied = Command::new("sh").current_dir(&self.home).args(["-c", &copy]).status();
        assert!(copied.is_ok_and(|status| status.success()), "{copy} in {}", self.home.display());
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
