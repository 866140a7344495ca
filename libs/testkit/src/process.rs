//! A server process that a test owns: it can be killed, frozen and thawed, and dies with its owner.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// It was waited for: its number may be another process's by now, and gets no signal.
    ended: bool,
}

impl Process {
    /// Starts `command`, in a process group of its own so that an interrupt at the terminal ends
    /// the test first.
    pub fn spawn(mut command: Command) -> Self {
        use std::os::unix::process::CommandExt;
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let child = child.unwrap_or_else(|err| panic!("{command:?} starts: {err}"));
        Self { child, ended: false }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// True while it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.ended = self.ended || !matches!(self.child.try_wait(), Ok(None));
        !self.ended
    }

    /// SIGKILL, and waits for the end: a dead process that nobody waited for still looks alive to
    /// others.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.ended = true;
    }

    /// Freezes it and all its children: their sockets stay open, and nobody answers.
    pub fn freeze(&self) {
        if self.ended {
            return;
        }
        // The parent first, so that it starts no child unseen.
        signal("STOP", &[self.id()]);
        signal("STOP", &children(self.id()));
    }

    /// Lets it and its children go on.
    pub fn thaw(&self) {
        if self.ended {
            return;
        }
        signal("CONT", &children(self.id()));
        signal("CONT", &[self.id()]);
    }

    /// Asks it to end by `name` and kills it when it has not within five seconds.
    pub fn end(&mut self, name: &str) {
        if !self.is_running() {
            return;
        }
        self.thaw();
        signal(name, &[self.id()]);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal by the shell's own `kill`; a process that has ended is no error.
fn signal(name: &str, ids: &[u32]) {
    if ids.is_empty() {
        return;
    }
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    let kill = format!("kill -{name} {} 2>/dev/null", ids.join(" "));
    let sent = Command::new("sh").arg("-c").arg(kill).status();
    assert!(sent.is_ok(), "this test needs `sh`: {sent:?}");
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("a Linux /proc");
    let children = processes.flatten().filter_map(|process| {
        let id: u32 = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // "id (name, which may hold anything) state parent …"
        let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        (after_name.nth(1)?.parse() == Ok(parent)).then_some(id)
    });
    children.collect()
}

/// A port that nobody listened on a moment ago. Another process may take it first: start again
/// then.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}
