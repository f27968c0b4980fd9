//! `ssh`: a client that can stand in for OpenSSH's, for people, git, rsync and scripts.
//! Exit status: the command's; 255 if there was none, or if anything failed before it could end.

#![forbid(unsafe_code)]

mod arguments;
mod escape;
mod forwards;
mod keyboard;
mod lend;
mod session;
mod stdio;
mod streams;
mod window;

use arguments::Job;
use sanssh_examples::client::flags::begin;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::client::{self, FAILED};
use sanssh_examples::terminal;
use sanssh_std::ssh_config::HostConfig;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::guard();
    let job = match begin("ssh", arguments::read()) {
        Ok(job) => job,
        Err(status) => return status,
    };
    let config = match job.settings.of(&job.host) {
        Ok(config) if job.shows => {
            // Whoever asked may have left.
            let _ = write!(std::io::stdout(), "{config}");
            return ExitCode::SUCCESS;
        }
        Ok(config) => config,
        Err(error) => {
            Reporter::new("ssh", job.settings.verbosity()).error(error);
            return FAILED.into();
        }
    };
    let reporter = job.settings.reporter("ssh", &config);
    let outcome = run(&job, config, reporter);
    terminal::leave();
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            reporter.error(&error);
            FAILED.into()
        }
    }
}

/// Connects, logs in and runs what is asked for.
fn run(job: &Job, config: HostConfig, reporter: Reporter) -> Result<u8, String> {
    let connected = client::reach(&job.settings, config, reporter)?;
    let status = session::run(&connected, job, reporter);
    match status {
        Ok(_) => connected.end(),
        Err(_) => connected.client.disconnect(),
    }
    status
}
