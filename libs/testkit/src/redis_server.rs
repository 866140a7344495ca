//! A Redis server of a test's own, for tests that break it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::installed::program;
use crate::process::{Process, free_port};

const PACKAGE: &str = "redis-server";
const START: Duration = Duration::from_secs(10);

/// A throw-away server on a free port of 127.0.0.1 that keeps nothing on disk; gone when dropped.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let directory = TempDir::with_prefix("tally-redis-").expect("a temporary directory");
        for _ in 0..5 {
            let port = free_port();
            if let Some(process) = serve(port, &directory).await {
                return Self { process, port, directory };
            }
        }
        panic!("redis-server does not start on any of five free ports")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// SIGKILL, as when it crashes: everything it held is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, empty, on the same port, after [`Self::kill`] or while it runs.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = serve(self.port, &self.directory).await.expect("redis-server starts again");
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn stop(&self) {
        self.process.freeze();
    }

    /// SIGCONT: goes on where it stopped.
    pub fn cont(&self) {
        self.process.thaw();
    }
}

/// None when the process ended instead, as it does when the port is taken.
async fn serve(port: u16, directory: &TempDir) -> Option<Process> {
    let mut command = Command::new(program("redis-server", PACKAGE));
    command.current_dir(directory.path()).args(["--port", &port.to_string()]);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::spawn(command);
    let deadline = Instant::now() + START;
    while process.is_running() {
        if pongs(port) {
            return Some(process);
        }
        assert!(Instant::now() < deadline, "redis-server does not answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

fn pongs(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 5];
    let asked = stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .and_then(|()| stream.write_all(b"PING\r\n"))
        .and_then(|()| stream.read_exact(&mut answer));
    asked.is_ok() && &answer == b"+PONG"
}
