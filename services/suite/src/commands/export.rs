//! `tally export`: a report as a file.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use kernel::Clock as _;
use wire::rollup::v1 as api;
use wire::rollup::v1::export_request::Report;
use wire::rollup::v1::report_service_client::ReportServiceClient;

use super::asking;
use crate::cli::files::{Export, ExportFile, ExportWhat};
use crate::client::{Client, Peer};
use crate::failure::Failure;

pub(crate) async fn run(args: Export) -> Result<ExitCode, Failure> {
    let settings = super::settings()?;
    let client = Client::with_key(&settings)?;
    let mut reports = ReportServiceClient::new(client.to(Peer::Rollup));
    let (report, file) = asked(args.what)?;
    let format = if file.is_json() { api::ExportFormat::Json } else { api::ExportFormat::Csv };
    let request = api::ExportRequest { format: format.into(), report: Some(report) };
    let refused = Failure::call("the report was not exported");
    let mut pieces = reports.export(request).await.map_err(&refused)?.into_inner();
    let mut output = Output::open(file.output.as_deref())?;
    while let Some(piece) = pieces.message().await.map_err(&refused)? {
        output.write(&piece.chunk)?;
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn asked(what: ExportWhat) -> Result<(Report, ExportFile), Failure> {
    let now = chassis::SystemClock.now();
    Ok(match what {
        ExportWhat::Overview { report, file } => {
            (Report::Overview(asking::overview(report, now)?), file)
        }
        ExportWhat::Savings { report, file } => {
            (Report::Savings(asking::savings(report, now)?), file)
        }
        ExportWhat::Series { report, file } => {
            (Report::TimeSeries(asking::series(report, now)?), file)
        }
    })
}

/// Where the bytes go. A file comes to its name when it is whole: half a report looks like a report.
enum Output<'p> {
    Stdout,
    File { part: tempfile::NamedTempFile, path: &'p Path },
}

impl<'p> Output<'p> {
    fn open(path: Option<&'p Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout);
        };
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let part = tempfile::NamedTempFile::new_in(beside.unwrap_or(Path::new(".")));
        // The whole error names the temporary file, of which nobody knows.
        let kind = |error: std::io::Error| unwritten(path, &error.kind().into());
        part.map(|part| Self::File { part, path }).map_err(kind)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => std::io::stdout()
                .write_all(bytes)
                .map_err(|error| unwritten(Path::new("stdout"), &error)),
            Self::File { part, path } => {
                part.write_all(bytes).map_err(|error| unwritten(path, &error))
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let Self::File { part, path } = self else { return Ok(()) };
        readable(part.as_file()).map_err(|error| unwritten(path, &error))?;
        part.persist(path).map_err(|error| unwritten(path, &error.error))?;
        eprintln!("written: {}", path.display());
        Ok(())
    }
}

/// A temporary file is its owner's alone; a report is a file like any other.
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Other(format!("{} was not written: {error}", path.display()))
}
