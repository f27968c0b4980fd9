//! The way to a host: straight, through a command, or by way of other hosts (ssh_config(5), `ProxyCommand`, `ProxyJump`).
//! Each host on the way is configured as if it had been asked for alone: of the command line it gets file and verbosity.

use super::hosts::{self, Aliased};
use super::options::{self, Settings};
use super::report::Reporter;
use super::{Connected, apart, login, tell};
use core::time::Duration;
use sanssh_std::ssh_config::{Destination, Given, HostConfig, Proxy};
use sanssh_std::{Client, Error, Options};
use std::thread;

/// Between one attempt to connect and the next.
const PAUSE: Duration = Duration::from_secs(1);
/// Most hosts on the way, however their configurations send one on.
const LONGEST: usize = 32;

/// A way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) settings: &'a Settings,
    pub(super) reporter: Reporter,
    /// Hosts that lie behind the one it leads to.
    pub(super) length: usize,
}

impl Way<'_> {
    /// Goes it, and logs in at its end.
    pub(super) fn to(self, config: HostConfig) -> Result<Connected, String> {
        let reporter = self.reporter;
        options::check(&config, reporter)?;
        let (host, port) = (&config.settings.hostname, config.settings.port);
        reporter.detail(format_args!("connecting to {host} port {port}"));
        let mut hosts = hosts::of(&config)?;
        let client = self.dial(&config, &mut hosts)?;
        hosts.tell(reporter);
        tell(&client, reporter);
        login::run(&client, &config, reporter)?;
        Ok(Connected { client, config, hosts, reporter })
    }

    fn dial(self, config: &HostConfig, hosts: &mut Aliased) -> Result<Client, String> {
        let options = options::connection(config, self.settings.record.as_deref());
        let (host, port) = (&config.settings.hostname, config.settings.port);
        let plain = |error: Error| error.to_string();
        match &config.settings.proxy {
            Proxy::None | Proxy::NoJump => straight(config, &options, hosts).map_err(plain),
            Proxy::Command(_) => {
                let command = config.proxy_command().map_err(|error| error.to_string())?.unwrap_or_default();
                Client::through_command(command, host, port, &options, hosts).map_err(plain)
            }
            Proxy::Jump(hops) => {
                let gate = self.gate(hops)?;
                // The next connection keeps the one that carries it.
                let jumped = gate.client.jump(host, port, &options, hosts);
                jumped.map_err(|error| format!("by way of {}: {error}", gate.config.host))
            }
        }
    }

    /// The last host before the end; the others come before it.
    fn gate(self, hops: &[Destination]) -> Result<Connected, String> {
        let Some((gate, before)) = hops.split_last().filter(|_| self.length < LONGEST) else {
            return Err(format!("the way leads through more than {LONGEST} hosts"));
        };
        let (sources, verbosity) = (self.settings.sources.clone(), self.settings.verbosity);
        let mut settings = apart(Settings { given: Given::default(), sources, verbosity, record: None })?;
        settings.aim(gate)?;
        if !before.is_empty() {
            let before: Vec<_> = before.iter().map(ToString::to_string).collect();
            settings.set("ProxyJump", &before.join(","))?;
        }
        let way = Way { settings: &settings, reporter: self.reporter, length: self.length + 1 };
        let reached = settings.of(&gate.host).and_then(|config| way.to(config));
        reached.map_err(|error| format!("by way of {}: {error}", gate.host))
    }
}

/// Connects, as often as it takes and is wanted.
fn straight(config: &HostConfig, options: &Options, hosts: &mut Aliased) -> Result<Client, Error> {
    let mut left = config.settings.connection_attempts;
    loop {
        left -= 1;
        match Client::connect(&config.settings.hostname, config.settings.port, options, hosts) {
            Err(Error::Connect { .. }) if left > 0 => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}
