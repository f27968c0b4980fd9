//! What every client among the programs does first: reads where to go and how, connects, sees that the host is the one
//! it should be, and logs in.

pub mod destination;
pub mod flags;
pub mod options;
pub mod report;

mod hosts;
mod login;
mod offer;

use core::time::Duration;
use hosts::Aliased;
use options::Settings;
use report::Reporter;
use sanssh_std::{Client, Options, Record};
use std::thread;

/// What OpenSSH's clients end with when they have no connection, or no command's status to pass on.
pub const FAILED: u8 = 255;

/// How long the server may have to wait for an answer that needs nobody here.
const TENDING: Duration = Duration::from_secs(2);

/// A connection, logged in.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub client: Client,
    hosts: Aliased,
    /// Whether the host's announced keys are recorded.
    updates: bool,
    reporter: Reporter,
}

/// Connects to a host and logs in.
///
/// # Errors
/// In one line: what failed, and what to do where that helps.
pub fn connect(settings: &Settings, host: &str, reporter: Reporter) -> Result<Connected, String> {
    let port = settings.port.unwrap_or(22);
    reporter.detail(format_args!("connecting to {host} port {port}"));
    let mut hosts = hosts::of(settings, host, port)?;
    let client = Client::connect(host, port, &connection(settings), &mut hosts).map_err(|error| error.to_string())?;
    hosts.tell(reporter);
    tell(&client, reporter);
    let user = match &settings.user {
        Some(user) => user.clone(),
        None => crate::user::current()?.name,
    };
    login::run(&client, settings, &user, host, reporter)?;
    Ok(Connected { client, hosts, updates: settings.updates_host_keys(), reporter })
}

impl Connected {
    /// Records what the host announced of its keys, if that is wanted, and says goodbye.
    pub fn end(self) {
        if self.updates {
            self.hosts.update(&self.client, self.reporter);
        }
        self.client.disconnect();
    }
}

/// Answers the server from time to time while nobody here waits for it, for as long as there is a connection.
pub fn tend(client: &Client) {
    let client = client.clone();
    // Why the connection failed is for those who wait for something.
    thread::spawn(move || {
        while client.tend().is_ok() {
            thread::sleep(TENDING);
        }
    });
}

fn connection(settings: &Settings) -> Options {
    let mut options = Options {
        // Zero is no limit.
        connect_timeout: settings.connect_timeout.filter(|span| !span.is_zero()),
        family: settings.family.unwrap_or_default(),
        channels: 1,
        record: settings.record.as_ref().map(Record::file),
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
        reporter.detail(format_args!("negotiated {}", crate::agreed(&agreed)));
    }
}
