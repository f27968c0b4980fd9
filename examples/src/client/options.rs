//! What the command line gives, and what comes of it with the configuration files: flags are another way to write options,
//! and all of them go through the driver's table of keywords.

use super::report::{Reporter, Verbosity};
use core::time::Duration;
use sanssh_core::auth::Method;
use sanssh_std::ssh_config::{self, Destination, Given, HostConfig, Local, LogLevel, Query, Sources, Weight};
use sanssh_std::{Options, Record};
use std::path::{Path, PathBuf};

/// Forwards, and connections that are forwarded at a time; more wait until others end.
const MOST_FORWARDED: usize = 4096;

/// What the command line gives.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub given: Given,
    /// Where the rest is from.
    pub sources: Sources,
    /// What the flags say, if they do.
    pub verbosity: Option<Verbosity>,
    /// A new file for a recording of the connection.
    pub record: Option<PathBuf>,
}

impl Settings {
    /// Takes a value that is one word. Errors name the option.
    pub fn set(&mut self, keyword: &str, value: &str) -> Result<(), String> {
        self.given.set(keyword, value).map_err(|error| error.to_string())
    }

    /// Takes what the name of a host brought along, where nothing else says.
    pub fn aim(&mut self, to: &Destination) -> Result<(), String> {
        if let Some(user) = &to.user {
            self.set("User", user)?;
        }
        to.port.map_or(Ok(()), |port| self.set("Port", &port.to_string()))
    }

    /// What the flags say, before any file is read.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity.unwrap_or(Verbosity::Normal)
    }

    /// What there is to say about a host.
    pub fn of(&self, host: &str) -> Result<HostConfig, String> {
        let query = Query::new(host, &self.given).map(|query| Query { sources: self.sources.clone(), ..query });
        query.and_then(|query| HostConfig::of(&query, &mut Local)).map_err(|error| error.to_string())
    }

    /// A reporter that says as much as flags or files want.
    pub fn reporter(&self, program: &'static str, config: &HostConfig) -> Reporter {
        let level = match config.settings.log_level {
            LogLevel::Quiet => Verbosity::Quiet,
            LogLevel::Fatal | LogLevel::Error => Verbosity::Errors,
            LogLevel::Info => Verbosity::Normal,
            LogLevel::Verbose | LogLevel::Debug | LogLevel::Debug2 | LogLevel::Debug3 => Verbosity::Verbose,
        };
        Reporter::new(program, self.verbosity.unwrap_or(level))
    }
}

/// Says what of the configuration does nothing here; fails if it would not be what was asked for.
///
/// # Errors
/// Names the keyword.
pub fn check(config: &HostConfig, reporter: Reporter) -> Result<(), String> {
    for lacking in config.lacking() {
        let keyword = lacking.keyword;
        match lacking.weight {
            Weight::Light => reporter.detail(format_args!("{keyword} has no effect")),
            Weight::Heavy => reporter.warn(format_args!("{keyword} is not supported")),
            Weight::Fatal => return Err(format!("{keyword} is not supported")),
        }
    }
    Ok(())
}

/// How to connect, and where to record it.
pub fn connection(config: &HostConfig, record: Option<&Path>) -> Options {
    let settings = &config.settings;
    let mut options = Options {
        record: record.map(Record::file),
        // Zero is no limit.
        connect_timeout: settings.connect_timeout.0.filter(|span| !span.is_zero()),
        family: settings.address_family,
        channels: channels(settings),
        ..Options::default()
    };
    options.core.preferences = config.preferences.clone();
    options.core.rekey = settings.rekey_limit.limit();
    options.core.keepalive.interval = settings.server_alive_interval.0.unwrap_or(Duration::ZERO);
    options.core.keepalive.count = settings.server_alive_count_max;
    options.core.min_rsa_bits = usize::try_from(settings.required_rsa_size).unwrap_or(usize::MAX);
    options
}

/// A session or a tunnel, and what is forwarded beside it.
fn channels(settings: &ssh_config::Settings) -> usize {
    let lists = [&settings.local_forward.0, &settings.remote_forward.0, &settings.dynamic_forward.0];
    let lends = settings.forward_x11 || settings.forward_agent != ssh_config::ForwardAgent::No;
    if !lends && lists.iter().all(|list| list.is_empty()) { 1 } else { MOST_FORWARDED }
}

/// Methods of logging in, in the order in which they are tried. Those that do not exist here are passed over, as scripts
/// list every one they can think of.
///
/// # Errors
/// If none is left.
pub fn methods(config: &HostConfig) -> Result<Vec<Method>, String> {
    let Some(text) = &config.settings.preferred_authentications else {
        return Ok(vec![Method::PublicKey, Method::Interactive, Method::Password]);
    };
    let methods: Vec<_> = text.split(',').filter_map(|name| Method::from_name(name.trim().as_bytes())).collect();
    if methods.is_empty() {
        return Err(format!(
            "no method in \"{text}\" is supported; there are publickey, password, keyboard-interactive"
        ));
    }
    Ok(methods)
}
