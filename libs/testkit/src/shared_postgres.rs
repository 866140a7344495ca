//! One PostgreSQL server for a whole run of tests.
//!
//! Every test is a process of its own under `cargo nextest`, so the server outlives them. A run
//! that sets `TALLY_TEST_DATABASE_URL` brings its own server; otherwise the first test to need one
//! starts it, and a watchdog ends it after two minutes in which no test held it. To end it at once,
//! kill the process named in `tally-testkit-<user>/server/pid` under the temporary directory.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::installed::program;
use crate::postgres_server::Cluster;

/// The variable that names a server to use instead: a role that may create databases.
pub const VARIABLE: &str = "TALLY_TEST_DATABASE_URL";

/// Held for the life of the process: the watchdog leaves a server alone while anybody holds it.
static IN_USE: OnceLock<File> = OnceLock::new();

/// Ends the server when nobody has held it for twelve looks in a row. It looks only while it holds
/// the lock that starting takes, so no test can be on its way to a server that is ending.
const WATCHDOG: &str = r#"
home=$1 server=$2 idle=0
while kill -0 "$server" 2>/dev/null; do
    sleep 10
    exec 9>"$home/start.lock"
    flock 9
    if flock -n -x "$home/in-use.lock" true; then idle=$((idle + 1)); else idle=0; fi
    if [ "$idle" -ge 12 ]; then
        kill -INT "$server"
        for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$server" 2>/dev/null && sleep 0.5; done
        rm -rf "$home/server"
        exit 0
    fi
    exec 9>&-
done
"#;

/// The address of a database in which other databases can be created.
pub(crate) async fn options() -> PgConnectOptions {
    if let Ok(url) = std::env::var(VARIABLE) {
        let options: Result<PgConnectOptions, _> = url.parse();
        return options.unwrap_or_else(|err| panic!("{VARIABLE} is no PostgreSQL address: {err}"));
    }
    let home = home();
    let start = open(&home.join("start.lock"));
    start.lock().expect("locks work in the temporary directory");
    IN_USE.get_or_init(|| {
        let in_use = open(&home.join("in-use.lock"));
        in_use.lock_shared().expect("the watchdog lets go of it at once");
        in_use
    });
    match running(&home).await {
        Some(options) => options,
        None => serve(&home).await,
    }
}

fn home() -> PathBuf {
    let user = std::fs::metadata("/proc/self").expect("a Linux /proc").uid();
    let home = std::env::temp_dir().join(format!("tally-testkit-{user}"));
    std::fs::create_dir_all(&home).expect("the temporary directory is writable");
    home
}

fn open(path: &Path) -> File {
    let file = File::options().create(true).append(true).open(path);
    file.unwrap_or_else(|err| panic!("{} can be opened: {err}", path.display()))
}

async fn running(home: &Path) -> Option<PgConnectOptions> {
    let url = std::fs::read_to_string(home.join("server/url")).ok()?;
    let options: PgConnectOptions = url.parse().ok()?;
    let options = options.disable_statement_logging();
    let connection = PgConnection::connect_with(&options).await.ok()?;
    connection.close().await.ok()?;
    Some(options)
}

async fn serve(home: &Path) -> PgConnectOptions {
    let server = home.join("server");
    // What is left of a server that was killed.
    let _ = std::fs::remove_dir_all(&server);
    std::fs::create_dir(&server).expect("the directory is ours");
    let (cluster, process) = Cluster::create(&server, &[]).start().await;
    std::fs::write(server.join("pid"), process.id().to_string()).expect("the directory is ours");
    std::fs::write(server.join("url"), cluster.url()).expect("the directory is ours");
    watch(home, process.id());
    // It stays for the next test; the watchdog ends it.
    std::mem::forget(process);
    cluster.url().parse().expect("our own address")
}

fn watch(home: &Path, server: u32) {
    let watchdog = Command::new(program("setsid", "util-linux"))
        .args(["sh", "-c", WATCHDOG, "tally-testkit"])
        .arg(home)
        .arg(server.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    assert!(watchdog.is_ok(), "the watchdog starts: {watchdog:?}");
}
