//! `ssh`: a client that can stand in for OpenSSH's, for people, git, rsync and scripts.
//! Exit status: the command's; 255 if there was none, or if anything failed before it could end.

#![forbid(unsafe_code)]

mod arguments;
mod session;
mod streams;
mod window;

use arguments::{Asked, Job};
use sanssh_examples::client;
use sanssh_examples::client::report::{Reporter, Verbosity};
use sanssh_examples::terminal;
use std::io::Write;
use std::process::ExitCode;

/// What OpenSSH's client ends with when it has no command's status to pass on.
const FAILED: u8 = 255;

fn main() -> ExitCode {
    terminal::guard();
    let job = match arguments::read() {
        Ok(Asked::Text(text)) => {
            // Whoever asked may have left.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Job(job)) => job,
        Err(error) => {
            Reporter::new("ssh", Verbosity::Normal).error(error);
            return FAILED.into();
        }
    };
    let reporter = Reporter::new("ssh", job.settings.verbosity());
    let outcome = run(&job, reporter);
    terminal::restore();
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            reporter.error(&error);
            FAILED.into()
        }
    }
}

/// Connects, logs in and runs what is asked for.
fn run(job: &Job, reporter: Reporter) -> Result<u8, String> {
    let connected = client::connect(&job.settings, &job.host, reporter)?;
    let status = session::run(&connected.client, job, reporter);
    match status {
        Ok(_) => connected.end(),
        Err(_) => connected.client.disconnect(),
    }
    status
}
