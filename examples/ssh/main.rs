//! `ssh`: a client that can stand in for OpenSSH's, for people, git, rsync and scripts.
//! Exit status: the command's; 255 if there was none, or if anything failed before it could end.

#![forbid(unsafe_code)]

mod arguments;
mod session;
mod streams;
mod window;

use arguments::Job;
use sanssh_examples::client::flags::begin;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::client::{self, FAILED};
use sanssh_examples::terminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::guard();
    let job = match begin("ssh", arguments::read()) {
        Ok(job) => job,
        Err(status) => return status,
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
