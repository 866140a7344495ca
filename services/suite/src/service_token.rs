//! The service credential of processes that share a data directory.
//!
//! Without TALLY_SERVICE_TOKEN the first process makes one up and keeps it beside the embedded databases,
//! readable by their owner only: `tally serve ingest` and `tally serve rollup` on one machine then find
//! each other without being told, and so does `tally workspace create`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use chassis::StartError;
use kernel::{IdSource, hex};
use secrecy::SecretString;

use crate::failure::Failure;
use crate::settings::Settings;

const FILE: &str = "service-token";

/// The token of `data_dir`, made when there is none.
pub(crate) fn of(data_dir: &Path, ids: &dyn IdSource) -> Result<SecretString, StartError> {
    let path = data_dir.join(FILE);
    let failed = |error: std::io::Error| {
        let what = format!(
            "the service token in {} cannot be kept; set TALLY_SERVICE_TOKEN",
            path.display()
        );
        StartError::new(what).because(error)
    };
    if let Some(token) = read(&path).map_err(failed)? {
        return Ok(token);
    }
    // Owner only, like the databases that will lie here: they hold the secrets of subscribers.
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    let token = hex(&bytes);
    // Written whole under another name, then linked: of processes that start together one wins, and
    // none reads half a token.
    let draft = data_dir.join(format!("{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    file.write_all(token.as_bytes()).map_err(failed)?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Ok(()) => Ok(token.into()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path)
            .map_err(failed)?
            .ok_or_else(|| StartError::new("the service token vanished")),
        Err(error) => Err(failed(error)),
    }
}

/// The token of `data_dir`, if processes there have made one. Commands make none.
fn find(data_dir: &Path) -> std::io::Result<Option<SecretString>> {
    read(&data_dir.join(FILE))
}

/// Gives `settings` the token of the operator, which `what` needs: no key will do.
pub(crate) fn require(settings: &mut Settings, what: &str) -> Result<(), Failure> {
    if settings.process.service_token.is_some() {
        return Ok(());
    }
    let dir = settings.data_dir();
    settings.process.service_token = find(&dir).ok().flatten();
    if settings.process.service_token.is_some() {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "{what} needs the service token: set TALLY_SERVICE_TOKEN, or run this where the services keep theirs ({} has \
         none)",
        dir.display()
    )))
}

fn read(path: &Path) -> std::io::Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(token) => Ok(Some(token.trim().to_owned().into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::PermissionsExt as _;
    use testkit::SeededIds;

    #[test]
    fn the_first_process_makes_the_token_and_the_others_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let first = of(&data, &SeededIds::new(1)).unwrap();
        let second = of(&data, &SeededIds::new(2)).unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        let mode = fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
