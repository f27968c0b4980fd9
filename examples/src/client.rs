//! What every client among the programs does first: reads where to go and how, connects, sees that the host is the one
//! it should be, and logs in.

pub mod destination;
pub mod flags;
pub mod options;
pub mod report;

mod hosts;
mod login;
mod offer;
mod way;

use core::time::Duration;
use hosts::Aliased;
use options::Settings;
use report::Reporter;
use sanssh_std::Client;
use sanssh_std::ssh_config::{HostConfig, YesNoAsk};
use std::thread;
use way::Way;

/// What OpenSSH's clients end with when they have no connection, or no command's status to pass on.
pub const FAILED: u8 = 255;

/// How long the server may have to wait for an answer that needs nobody here.
pub const TENDING: Duration = Duration::from_secs(2);

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

/// What moving files wants nothing of, nor going through a host to another, whatever the configuration says.
const APART: [(&str, &str); 6] = [
    ("ClearAllForwardings", "yes"),
    ("ForwardAgent", "no"),
    ("ForwardX11", "no"),
    ("ForkAfterAuthentication", "no"),
    ("PermitLocalCommand", "no"),
    ("RemoteCommand", "none"),
];

fn apart(mut settings: Settings) -> Result<Settings, String> {
    for (keyword, value) in APART {
        settings.set(keyword, value)?;
    }
    Ok(settings)
}

/// Connects to a host and logs in, to move files, as command line and files have it.
///
/// # Errors
/// In one line: what failed, and what to do where that helps.
pub fn connect(settings: &Settings, program: &'static str, host: &str) -> Result<Connected, String> {
    let settings = apart(settings.clone())?;
    let config = settings.of(host)?;
    let reporter = settings.reporter(program, &config);
    reach(&settings, config, reporter)
}

/// Connects to a host of which everything is known, and logs in, as the command line has it besides.
///
/// # Errors
/// As [`connect`].
pub fn reach(settings: &Settings, config: HostConfig, reporter: Reporter) -> Result<Connected, String> {
    Way { settings, reporter, length: 0 }.to(config)
}

impl Connected {
    /// Records what the host announced of its keys, if that is wanted, and says goodbye.
    pub fn end(self) {
        // Nobody is asked.
        if self.config.settings.update_host_keys == YesNoAsk::Yes && self.client.tend().is_ok() {
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
