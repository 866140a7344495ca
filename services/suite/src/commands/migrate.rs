//! `tally migrate`.

use std::process::ExitCode;

use crate::cli::Migrate;
use crate::failure::Failure;
use crate::hosting;

pub(crate) async fn run(args: Migrate) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    for name in hosting::migrate(&settings, args.which).await? {
        println!("{name} is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
