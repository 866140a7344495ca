//! `tally config`.

use std::process::ExitCode;

use chassis::config::ProcessEnv;

use crate::cli::Config;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::sheet::sheet;

pub(crate) fn run(args: &Config) -> Result<ExitCode, Failure> {
    let (_, book) = Settings::read(&ProcessEnv, "tally")?;
    if args.markdown {
        print!("{}", book.markdown(|_| true));
    } else {
        print!("{}", sheet(&book, args.all));
    }
    Ok(ExitCode::SUCCESS)
}
