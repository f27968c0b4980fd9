//! Whether the host is the one it should be: known_hosts files, an alias, and the question to the person at the terminal.
//! Without a person there is no question, and an unknown host is refused.

use super::report::Reporter;
use sanssh_core::algorithm::HostKey;
use sanssh_std::ssh_config::{HostConfig, Local, StrictHostKey};
use sanssh_std::{Client, HostKeyError, Hosts, KnownHosts, Question, Unknown};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Lists of known hosts, with the name that the host goes by in them.
#[derive(Debug)]
pub(super) struct Aliased {
    list: KnownHosts,
    alias: Option<String>,
}

/// What the configuration says about trust. A person at the terminal is asked about hosts that nobody knows, if there is one.
pub(super) fn of(config: &HostConfig) -> Result<Aliased, String> {
    let settings = &config.settings;
    let mut list = KnownHosts::files(&settings.user_known_hosts_file.0);
    list.system = config.system_lists(&Local).map_err(|error| error.to_string())?;
    list.hashed = settings.hash_known_hosts;
    list.unknown = match settings.strict_host_key_checking {
        StrictHostKey::AcceptNew | StrictHostKey::No => Unknown::Record,
        StrictHostKey::Ask if !settings.batch_mode => asker(),
        StrictHostKey::Ask | StrictHostKey::Yes => Unknown::Refuse,
    };
    Ok(Aliased { list, alias: settings.host_key_alias.clone() })
}

fn asker() -> Unknown {
    match File::options().read(true).write(true).open("/dev/tty") {
        Ok(terminal) => Unknown::Ask(Box::new(move |question| ask(&terminal, question).unwrap_or(false))),
        Err(_) => Unknown::Refuse,
    }
}

/// Yes, no, or the fingerprint that the person has from elsewhere.
fn ask(mut terminal: &File, question: &Question<'_>) -> io::Result<bool> {
    let Question { host, port, algorithm, fingerprint, certificate } = question;
    writeln!(terminal, "The host {host} (port {port}) is not known. Its key is {algorithm} {fingerprint}.")?;
    if let Some(why) = certificate {
        writeln!(terminal, "It came with a certificate, but {why}.")?;
    }
    write!(terminal, "Connect and remember the key (yes/no/fingerprint)? ")?;
    let mut lines = BufReader::new(terminal).lines();
    loop {
        let Some(answer) = lines.next().transpose()? else { return Ok(false) };
        match answer.trim() {
            "no" => return Ok(false),
            "yes" => return Ok(true),
            answer if answer == *fingerprint => return Ok(true),
            _ => write!(terminal, "Please type yes, no, or the fingerprint: ")?,
        }
    }
}

impl Aliased {
    /// Says which lines were of no use.
    pub(super) fn tell(&self, reporter: Reporter) {
        for skipped in self.list.skipped() {
            reporter.detail(format_args!("{}:{}: {}", skipped.file.display(), skipped.line, skipped.why));
        }
    }

    /// Records the keys that the host will show one day, and forgets those that it will not.
    pub(super) fn update(&self, client: &Client, reporter: Reporter) {
        match self.list.update(client) {
            Ok(updated) => {
                for (what, keys) in [("learned", &updated.added), ("forgot", &updated.removed)] {
                    for key in keys {
                        reporter.detail(format_args!("{what} the host key {} {}", key.kind(), key.fingerprint()));
                    }
                }
                if let Some(why) = updated.unfit {
                    reporter.detail(format_args!("announced host keys are not recorded: {why}"));
                }
            }
            Err(error) => reporter.warn(format_args!("the host's other keys are not recorded: {error}")),
        }
    }

    /// An alias stands for itself, without a port.
    fn place<'a>(alias: Option<&'a str>, host: &'a str, port: u16) -> (&'a str, u16) {
        alias.map_or((host, port), |alias| (alias, 22))
    }
}

impl Hosts for Aliased {
    fn order(&mut self, host: &str, port: u16, offer: &mut [HostKey]) {
        let (host, port) = Self::place(self.alias.as_deref(), host, port);
        self.list.order(host, port, offer);
    }

    fn decide(&mut self, host: &str, port: u16, algorithm: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        let (host, port) = Self::place(self.alias.as_deref(), host, port);
        self.list.decide(host, port, algorithm, key)
    }
}
