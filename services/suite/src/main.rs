//! `tally`: every service of the suite in one process or one each, and the command line.

mod bars;
mod basis;
mod bench;
mod channel;
mod cli;
mod client;
mod commands;
mod demo;
mod event_lines;
mod failure;
mod fields;
mod hosting;
mod print;
mod rebuilds;
mod restated;
mod service_token;
mod settings;
mod sheet;
mod warnings;

use std::process::ExitCode;

use crate::cli::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::typed();
    if !matches!(cli.command, Command::Serve(_) | Command::Demo(_) | Command::Bench(_)) {
        // `tally overview | head` ends quietly, as other tools do; a server keeps Rust's default.
        sigpipe::reset();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => commands::serve::run(args).await,
            Command::Demo(args) => commands::demo::run(args).await,
            Command::Track(args) => commands::track::run(args).await,
            Command::Events(args) => commands::events::run(args).await,
            Command::Revise(args) => commands::correct::revise(args).await,
            Command::Retract(args) => commands::correct::retract(args).await,
            Command::Catalog(args) => commands::catalog::run(args).await,
            Command::Overview(args) => commands::overview::run(args).await,
            Command::Savings(args) => commands::savings::run(args).await,
            Command::Series(args) => commands::series::run(args).await,
            Command::Export(args) => commands::export::run(args).await,
            Command::Share(args) => commands::share::run(args).await,
            Command::Check(args) => commands::check::run(args).await,
            Command::Rebuild(args) => commands::rebuild::run(args).await,
            Command::Workspace(args) => commands::workspace::run(args).await,
            Command::Key(args) => commands::key::run(args).await,
            Command::Migrate(args) => commands::migrate::run(args).await,
            Command::Config(args) => commands::config::run(&args),
            Command::Bench(args) => commands::bench::run(args).await,
        }
    });
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_code()
        }
    }
}
