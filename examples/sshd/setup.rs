//! The server's settings, as sshd_config(5) names them, and what they make of the driver's configuration.
//! Host keys are read here, or made.

use crate::files::{Files, INTERNAL};
use crate::forwarding::Forwarding;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use sanssh_core::Random;
use sanssh_core::auth::Method;
use sanssh_core::file::SigningKey;
use sanssh_core::file::public::fingerprint;
use sanssh_std::ssh_config::value::{flag, number, prefer, rekey, span, variable};
use sanssh_std::{Record, ServerConfig, home};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the user wants.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) host_keys: Vec<PathBuf>,
    pub(crate) authorized_keys: Vec<PathBuf>,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) principals: Option<PathBuf>,
    pub(crate) revoked: Option<PathBuf>,
    pub(crate) passwords: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    /// Variables that every session gets, whatever it asks for.
    pub(crate) variables: Vec<(String, String)>,
    /// Subsystems and their commands.
    pub(crate) subsystems: Vec<(String, String)>,
    pub(crate) files: Files,
    pub(crate) forwarding: Forwarding,
    banner: Option<PathBuf>,
    /// Everything that the driver takes as it is.
    config: ServerConfig,
    /// Options that were given; later ones do not count.
    chosen: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let environment = ["LANG", "LC_*"].map(str::to_owned).to_vec();
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 2222,
            host_keys: Vec::new(),
            authorized_keys: home::ssh("authorized_keys").into_iter().collect(),
            authorities: None,
            principals: None,
            revoked: None,
            passwords: None,
            pid_file: None,
            variables: Vec::new(),
            subsystems: vec![("sftp".to_owned(), INTERNAL.to_owned())],
            files: Files::default(),
            forwarding: Forwarding::default(),
            banner: None,
            config: ServerConfig { environment, ..ServerConfig::default() },
            chosen: Vec::new(),
        }
    }
}

impl Settings {
    /// Takes an option. Errors name it.
    pub(crate) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let key = name.to_ascii_lowercase();
        if key == "hostkey" {
            self.host_keys.push(text.into());
            return Ok(());
        }
        if key == "subsystem" {
            return self.add_subsystem(text).map_err(|error| format!("{name}: {error}"));
        }
        // What comes too late to count has to be well formed all the same.
        let mut late = Self::default();
        let target = if self.chosen.contains(&key) { &mut late } else { &mut *self };
        if !target.apply(&key, text).map_err(|error| format!("{name}: {error}"))? {
            return Err(format!("unknown option {name}; see --help"));
        }
        self.chosen.push(key);
        Ok(())
    }

    /// A name and a command; the first command of a name counts. Any takes the place of what there is unasked, and `none`
    /// adds nothing.
    fn add_subsystem(&mut self, text: &str) -> Result<(), String> {
        let key = "subsystem".to_owned();
        if !self.chosen.contains(&key) {
            self.subsystems.clear();
            self.chosen.push(key);
        }
        if text == "none" {
            return Ok(());
        }
        let (name, command) = text.split_once(|c: char| c.is_ascii_whitespace()).ok_or("NAME COMMAND is wanted")?;
        if self.subsystems.iter().all(|(known, _)| known != name) {
            self.subsystems.push((name.to_owned(), command.trim_ascii().to_owned()));
        }
        Ok(())
    }

    /// `Ok(false)`: there is no such option.
    fn apply(&mut self, key: &str, text: &str) -> Result<bool, String> {
        let file = || Some(PathBuf::from(text)).filter(|_| text != "none");
        let core = &mut self.config.core;
        match key {
            "port" => self.port = number(text)?,
            "listenaddress" => self.address = text.parse().map_err(|_| format!("\"{text}\" is not an IP address"))?,
            "authorizedkeysfile" => {
                self.authorized_keys = text.split_ascii_whitespace().filter(|one| *one != "none").map(path).collect();
            }
            "trustedusercakeys" => self.authorities = file(),
            "authorizedprincipalsfile" => self.principals = file(),
            "revokedkeys" => self.revoked = file(),
            "authenticationmethods" => self.config.chains = chains(text)?,
            "passwordfile" => self.passwords = file(),
            "pidfile" => self.pid_file = file(),
            "banner" => self.banner = file(),
            "setenv" => self.variables = text.split_ascii_whitespace().map(variable).collect::<Result<_, _>>()?,
            "sftproot" => self.files.root = file(),
            "sftpreadonly" => self.files.read_only = flag(text)?,
            "rekeylimit" => core.rekey = rekey(text)?,
            "logingracetime" => core.deadlines.login = grace(text)?,
            "maxauthtries" => core.login.max_attempts = number(text)?,
            "clientaliveinterval" => core.keepalive.interval = span(text)?,
            "clientalivecountmax" => core.keepalive.count = number(text)?,
            "maxsessions" => self.config.sessions = number(text)?,
            "maxstartups" => self.config.max_unauthenticated = number(text)?,
            "acceptenv" => self.config.environment = text.split_ascii_whitespace().map(str::to_owned).collect(),
            "gatewayports" => self.config.gateway_ports = gateway(text)?,
            "x11displayoffset" => self.config.first_display = number(text)?,
            _ => return Ok(self.forwarding.set(key, text)? || prefer(&mut core.preferences, key, text)?),
        }
        Ok(true)
    }

    /// Has connections recorded.
    pub(crate) fn record(&mut self, file: &Path) {
        self.config.record = Some(Record::file(file));
    }

    /// The driver's configuration, and what to say about the host keys.
    pub(crate) fn server(&self) -> Result<(ServerConfig, String), String> {
        let mut core = self.config.core.clone();
        core.forwarding = self.forwarding.is_any();
        core.login.methods = [Method::PublicKey].into_iter().collect();
        if self.passwords.is_some() {
            core.login.methods = core.login.methods.with(Method::Password);
        }
        let (host_keys, word) = match &self.host_keys[..] {
            [] => (vec![fresh()?], "host key for this run only"),
            files => (files.iter().map(|file| host_key(file)).collect::<Result<_, _>>()?, "host key"),
        };
        let prints: Vec<_> = host_keys.iter().map(|key| fingerprint(key.public())).collect();
        let banner = self.banner.as_deref().map(fs::read_to_string).transpose();
        let banner = banner.map_err(|error| format!("the banner cannot be read: {error}"))?;
        let config = ServerConfig {
            core,
            host_keys,
            chains: self.config.chains.clone(),
            sessions: self.config.sessions,
            max_unauthenticated: self.config.max_unauthenticated,
            environment: self.config.environment.clone(),
            subsystems: self.subsystems.iter().map(|(name, _)| name.clone()).collect(),
            banner,
            gateway_ports: self.config.gateway_ports,
            first_display: self.config.first_display,
            record: self.config.record.clone(),
            ..ServerConfig::default()
        };
        Ok((config, format!("{word} {}", prints.join(" "))))
    }
}

/// Chains of methods, with blanks between chains and commas between methods; `any` for none.
fn chains(text: &str) -> Result<Vec<Vec<Method>>, String> {
    if text == "any" {
        return Ok(Vec::new());
    }
    let method = |name: &str| match Method::from_name(name.as_bytes()) {
        Some(method @ (Method::PublicKey | Method::Password)) => Ok(method),
        _ => Err(format!("there is no method {name} here")),
    };
    if text.trim_ascii().is_empty() {
        return Err("there is no method".to_owned());
    }
    text.split_ascii_whitespace().map(|chain| chain.split(',').map(method).collect()).collect()
}

/// Whether clients may open ports to other machines. That all are open to them is not to be had.
fn gateway(text: &str) -> Result<bool, String> {
    match text {
        "clientspecified" => Ok(true),
        _ if flag(text)? => {
            Err("what is meant for this machine stays so; clientspecified leaves it to clients".to_owned())
        }
        _ => Ok(false),
    }
}

/// How long a login may take; zero is no limit, which is some years.
fn grace(text: &str) -> Result<Duration, String> {
    span(text).map(|span| if span.is_zero() { Duration::from_secs(u32::MAX.into()) } else { span })
}

/// A key that lasts as long as the process.
fn fresh() -> Result<SigningKey, String> {
    let seed = sanssh_std::seed().map_err(|error| error.to_string())?;
    let secret = zeroize::Zeroizing::new(Random::new(&seed).array());
    Ok(SigningKey::ed25519(&secret))
}

fn host_key(file: &Path) -> Result<SigningKey, String> {
    let meta = fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if meta.mode() & 0o077 != 0 {
        return Err(format!("{}: others can read this private key; run chmod 600 on it", file.display()));
    }
    home::read_key(file, None).map_err(|error| error.to_string())
}

/// `~/` and names without a directory in front are in the user's home.
fn path(text: &str) -> PathBuf {
    let rest = text.strip_prefix("~/").unwrap_or(text);
    let home = std::env::home_dir().unwrap_or_default();
    if rest.starts_with('/') { PathBuf::from(rest) } else { home.join(rest) }
}
