//! `ssh`: a client that can stand in for OpenSSH's, for people, git, rsync and scripts.
//! Exit status: the command's; 255 if there was none, or if anything failed before it could end.

#![forbid(unsafe_code)]

mod arguments;
mod destination;
mod hosts;
mod login;
mod offer;
mod options;
mod report;
mod session;
mod streams;
mod window;

use arguments::{Asked, Job};
use options::Settings;
use report::{Reporter, Verbosity};
use sanssh_examples::terminal;
use sanssh_std::{Client, Options};
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
            Reporter::new(Verbosity::Normal).error(error);
            return FAILED.into();
        }
    };
    let reporter = Reporter::new(job.settings.verbosity());
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
    let settings = &job.settings;
    let (host, port) = (&job.host, settings.port.unwrap_or(22));
    reporter.detail(format_args!("connecting to {host} port {port}"));
    let mut hosts = hosts::of(settings, host, port)?;
    let client = Client::connect(host, port, &connection(settings), &mut hosts).map_err(|error| error.to_string())?;
    hosts.tell(reporter);
    tell(&client, reporter);
    let user = match &settings.user {
        Some(user) => user.clone(),
        None => sanssh_examples::user::current()?.name,
    };
    login::run(&client, settings, &user, host, reporter)?;
    let status = session::run(&client, job, reporter);
    if status.is_ok() && settings.updates_host_keys() {
        hosts.update(&client, reporter);
    }
    client.disconnect();
    status
}

fn connection(settings: &Settings) -> Options {
    let mut options = Options {
        // Zero is no limit.
        connect_timeout: settings.connect_timeout.filter(|span| !span.is_zero()),
        family: settings.family.unwrap_or_default(),
        channels: 1,
        ..Options::default()
    };
    options.core.preferences = settings.preferences.clone();
    options.core.rekey = settings.rekey.unwrap_or_default();
    options.core.keepalive.interval = settings.alive_interval.unwrap_or_default();
    options.core.keepalive.count = settings.alive_count.unwrap_or(options.core.keepalive.count);
    options
}

fn tell(client: &Client, reporter: Reporter) {
    if let Ok(address) = client.peer_addr() {
        reporter.detail(format_args!("connected to {address}"));
    }
    reporter.detail(format_args!("the server is {}", client.server_ident()));
    if let Some(agreed) = client.summary() {
        reporter.detail(format_args!("negotiated {}", sanssh_examples::agreed(&agreed)));
    }
}
