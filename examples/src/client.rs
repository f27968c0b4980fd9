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
use sanssh_std::ssh_config::{HostConfig, YesNoAsk};
use sanssh_std::{Client, Error};
use std::path::Path;
use std::thread;

/// What OpenSSH's clients end with when they have no connection, or no command's status to pass on.
pub const FAILED: u8 = 255;

/// How long the server may have to wait for an answer that needs nobody here.
pub const TENDING: Duration = Duration::from_secs(2);

/// Between one attempt to connect and the next.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection, logged in.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub client: Client,
    /// What is known of the host.
    pub config: HostConfig,
    hosts: Aliased,
    reporter: Reporter,
}

/// What moving files wants nothing of, whatever the configuration says.
const APART: [(&str, &str); 6] = [
    ("ClearAllForwardings", "yes"),
    ("ForwardAgent", "no"),
    ("ForwardX11", "no"),
    ("ForkAfterAuthentication", "no"),
    ("PermitLocalCommand", "no"),
    ("RemoteCommand", "none"),
];

/// Connects to a host and logs in, to move files, as command line and files have it.
///
/// # Errors
/// In one line: what failed, and what to do where that helps.
pub fn connect(settings: &Settings, program: &'static str, host: &str) -> Result<Connected, String> {
    let mut settings = settings.clone();
    for (keyword, value) in APART {
        settings.set(keyword, value)?;
    }
    let config = settings.of(host)?;
    let reporter = settings.reporter(program, &config);
    reach(config, settings.record.as_deref(), reporter)
}

/// Connects to a host of which everything is known, and logs in; recorded in a new file, if there is to be one.
///
/// # Errors
/// As [`connect`].
pub fn reach(config: HostConfig, record: Option<&Path>, reporter: Reporter) -> Result<Connected, String> {
    options::check(&config, reporter)?;
    let (host, port) = (&config.settings.hostname, config.settings.port);
    reporter.detail(format_args!("connecting to {host} port {port}"));
    let mut hosts = hosts::of(&config)?;
    let client = dial(&config, record, &mut hosts).map_err(|error| error.to_string())?;
    hosts.tell(reporter);
    tell(&client, reporter);
    login::run(&client, &config, reporter)?;
    Ok(Connected { client, config, hosts, reporter })
}

/// Connects, as often as it takes and is wanted.
fn dial(config: &HostConfig, record: Option<&Path>, hosts: &mut Aliased) -> Result<Client, Error> {
    let options = options::connection(config, record);
    let mut left = config.settings.connection_attempts;
    loop {
        left -= 1;
        match Client::connect(&config.settings.hostname, config.settings.port, &options, hosts) {
            Err(Error::Connect { .. }) if left > 0 => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

impl Connected {
    /// Records what the host announced of its keys, if that is wanted, and says goodbye.
    pub fn end(self) {
        // Nobody is asked.
        if self.config.settings.update_host_keys == YesNoAsk::Yes {
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

fn tell(client: &Client, reporter: Reporter) {
    if let Ok(address) = client.peer_addr() {
        reporter.detail(format_args!("connected to {address}"));
    }
    reporter.detail(format_args!("the server is {}", client.server_ident()));
    if let Some(agreed) = client.summary() {
        reporter.detail(format_args!("negotiated {}", crate::agreed(&agreed)));
    }
}
