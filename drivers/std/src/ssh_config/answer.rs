//! The answer: what a configuration says about one host, with the defaults for what it leaves open.

use super::choice::{Compression, YesNoAsk};
use super::error::{Error, Why};
use super::forward::{Forward, Listen, Target};
use super::lacking::{self, Lacking};
use super::query::Query;
use super::reader::{Reader, real, tilde, tokens};
use super::setting::{Algorithms, is_none};
use super::special::ForwardAgent;
use super::table::{Found, Settings};
use super::token::{For, MOST, PROXY, Tokens, variables};
use super::value::prefer;
use super::world::World;
use super::{Destination, Proxy, TunnelMode};
use crate::home;
use core::fmt;
use core::net::IpAddr;
use sanssh_core::algorithm::Preferences;
use std::path::PathBuf;

/// What is known of a host before one talks to it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostConfig {
    /// The host, as it was named.
    pub host: String,
    /// Each keyword's value.
    pub settings: Settings,
    /// The algorithms.
    pub preferences: Preferences,
    /// Where standard input and output lead to, in place of a session.
    pub stdio: Option<Target>,
    /// What tokens stand for.
    pub tokens: Tokens,
}

impl HostConfig {
    /// Reads what the query names.
    ///
    /// # Errors
    /// The first thing that is wrong, and where it stands.
    pub fn of(query: &Query<'_>, world: &mut dyn World) -> Result<Self, Error> {
        let mut reader = Reader::new(query, world);
        reader.read()?;
        let host = match reader.found.hostname.take() {
            Some(name) => real(&name, query.host).map_err(Error::given)?,
            None => query.host.to_owned(),
        };
        // An address with a zone has no other form.
        let is_address = host.contains('%') || host.parse::<IpAddr>().is_ok();
        reader.host = if is_address { host } else { host.to_ascii_lowercase() };
        if reader.wants_final {
            reader.found.hostname = Some(reader.host.clone());
            reader.is_final = true;
            reader.read()?;
        }
        let (found, host) = (reader.found, reader.host);
        settle(query, found, host, world).map_err(Error::given)
    }

    /// What was asked for and does nothing here.
    pub fn lacking(&self) -> Vec<Lacking> {
        lacking::of(&self.settings.changed())
    }

    /// Files with private keys that are named, by their paths.
    ///
    /// # Errors
    /// If there is no home, variable or token of that name.
    pub fn identities(&self, world: &dyn World) -> Result<Vec<PathBuf>, Error> {
        self.paths("identityfile", &self.settings.identity_file.0, world)
    }

    /// Files with certificates, by their paths.
    ///
    /// # Errors
    /// As [`identities`](Self::identities).
    pub fn certificates(&self, world: &dyn World) -> Result<Vec<PathBuf>, Error> {
        self.paths("certificatefile", &self.settings.certificate_file.0, world)
    }

    /// The system's lists of known hosts, by their paths. Only `~` stands for something in them.
    ///
    /// # Errors
    /// If there is no such home.
    pub fn system_lists(&self, world: &dyn World) -> Result<Vec<PathBuf>, Error> {
        let names = self.settings.global_known_hosts_file.0.iter();
        let paths = names.map(|name| at_home(name, world).map(PathBuf::from)).collect::<Result<_, _>>();
        paths.map_err(|what| Error::given(Why::Value("globalknownhostsfile".to_owned(), what)))
    }

    fn paths(&self, keyword: &str, names: &[String], world: &dyn World) -> Result<Vec<PathBuf>, Error> {
        let path = |name: &String| path(name, &self.tokens, world).map(PathBuf::from);
        let paths = names.iter().filter(|name| !is_none(name)).map(path).collect::<Result<_, _>>();
        paths.map_err(|what| Error::given(Why::Value(keyword.to_owned(), what)))
    }

    /// Where the user's agent listens; `None` if there is none, or none is wanted.
    pub fn agent(&self, world: &dyn World) -> Option<PathBuf> {
        match self.settings.identity_agent.0.as_deref() {
            None | Some("SSH_AUTH_SOCK") => named(world, "SSH_AUTH_SOCK"),
            Some(path) if is_none(path) => None,
            Some(path) => socket(world, path),
        }
    }

    /// Where the agent listens that the host is lent; `None` if there is none, or none is lent.
    pub fn lent_agent(&self, world: &dyn World) -> Option<PathBuf> {
        match &self.settings.forward_agent {
            ForwardAgent::No => None,
            ForwardAgent::Yes => self.agent(world),
            ForwardAgent::Socket(path) => socket(world, path),
        }
    }

    /// The command that leads to the host, for a shell.
    ///
    /// # Errors
    /// [`Why::Value`] if a token stands for something that the shell could misread.
    pub fn proxy_command(&self) -> Result<Option<String>, Error> {
        let Proxy::Command(command) = &self.settings.proxy else { return Ok(None) };
        self.command("proxycommand", command, PROXY).map(Some)
    }

    /// The command to run here once the login is through, for a shell.
    ///
    /// # Errors
    /// As [`proxy_command`](Self::proxy_command).
    pub fn local_command(&self) -> Result<Option<String>, Error> {
        let command = self.settings.local_command.0.as_ref().filter(|_| self.settings.permit_local_command);
        command.map(|command| self.command("localcommand", command, MOST)).transpose()
    }

    fn command(&self, keyword: &str, command: &str, letters: &str) -> Result<String, Error> {
        let expanded = self.tokens.expand(command, letters, For::Shell);
        expanded.map_err(|what| Error::given(Why::Value(keyword.to_owned(), what)))
    }
}

/// A path with its home, tokens and variables.
fn path(name: &str, tokens: &Tokens, world: &dyn World) -> Result<String, String> {
    let name = at_home(name, world)?;
    // What a token stands for is not looked through for variables, nor the other way round.
    let name = variables(&name, &|name| world.variable(name).map(|value| value.replace('%', "%%")))?;
    tokens.expand(&name, MOST, For::Program)
}

/// A path with its home.
fn at_home(name: &str, world: &dyn World) -> Result<String, String> {
    tilde(name, world).ok_or_else(|| format!("\"{name}\" names no home"))
}

/// Fills in the defaults, and expands what is wanted expanded.
fn settle(query: &Query<'_>, found: Found, host: String, world: &dyn World) -> Result<HostConfig, Why> {
    let updates = found.update_host_keys;
    let usual = found.user_known_hosts_file.as_ref().is_none_or(|files| files.0 == ["~/.ssh/known_hosts"]);
    let (clears, exits) = (found.clear_all_forwardings, found.exit_on_forward_failure);
    let alone = query.given.stdio.is_some();
    let mut settings = found.settle();
    settings.hostname = host;
    if settings.user.is_empty() {
        settings.user = world.user();
    }
    if settings.connection_attempts == 0 {
        return Err(Why::Value("connectionattempts".to_owned(), "there has to be one".to_owned()));
    }
    settings.host_key_alias = settings.host_key_alias.map(|alias| alias.to_ascii_lowercase());
    let usual = usual && settings.verify_host_key_dns == YesNoAsk::No;
    settings.update_host_keys = updates.unwrap_or(if usual { YesNoAsk::Yes } else { YesNoAsk::No });
    settings.clear_all_forwardings = clears.unwrap_or(alone);
    settings.exit_on_forward_failure = exits.unwrap_or(alone);
    settings.required_rsa_size = settings.required_rsa_size.max(Settings::default().required_rsa_size);
    if loops(&settings) {
        return Err(Why::Value("proxyjump".to_owned(), "the way to the host leads through itself".to_owned()));
    }
    if settings.clear_all_forwardings {
        clear(&mut settings);
    }
    let preferences = algorithms(&mut settings, &query.preferences)?;
    let alias = settings.host_key_alias.clone().unwrap_or_else(|| query.host.to_owned());
    let tokens =
        tokens(query.host, alias, settings.hostname.clone(), settings.user.clone(), Some(settings.port), world);
    expand(&mut settings, &tokens, world)?;
    Ok(HostConfig { host: query.host.to_owned(), settings, preferences, stdio: query.given.stdio.clone(), tokens })
}

/// Whether the last host on the way is the one that it leads to.
fn loops(settings: &Settings) -> bool {
    let Proxy::Jump(hops) = &settings.proxy else { return false };
    let is_same = |hop: &Destination| {
        let user = hop.user.as_ref().is_none_or(|user| *user == settings.user);
        user && hop.host == settings.hostname && hop.port.unwrap_or(22) == settings.port
    };
    hops.last().is_some_and(is_same)
}

fn clear(settings: &mut Settings) {
    settings.local_forward.0.clear();
    settings.remote_forward.0.clear();
    settings.dynamic_forward.0.clear();
    settings.tunnel = TunnelMode::No;
}

/// The lists that come of what was said, in the settings as well.
fn algorithms(settings: &mut Settings, base: &Preferences) -> Result<Preferences, Why> {
    let mut all = base.clone();
    let lists = [
        ("ciphers", &mut settings.ciphers),
        ("hostkeyalgorithms", &mut settings.host_key_algorithms),
        ("kexalgorithms", &mut settings.kex_algorithms),
        ("casignaturealgorithms", &mut settings.ca_signature_algorithms),
        ("macs", &mut settings.macs),
        ("pubkeyacceptedalgorithms", &mut settings.pubkey_accepted_algorithms),
    ];
    for (keyword, Algorithms(list)) in lists {
        if let Some(text) = list {
            prefer(&mut all, keyword, text).map_err(|what| Why::Value(keyword.to_owned(), what))?;
        }
        *list = Some(super::value::names(&all, keyword));
    }
    if settings.compression == Compression::Yes {
        prefer(&mut all, "compression", "yes").map_err(|what| Why::Value("compression".to_owned(), what))?;
    }
    Ok(all)
}

fn expand(settings: &mut Settings, tokens: &Tokens, world: &dyn World) -> Result<(), Why> {
    let wrong = |keyword: &'static str| move |what| Why::Value(keyword.to_owned(), what);
    if let Some(command) = &mut settings.remote_command.0 {
        *command = tokens.expand(command, MOST, For::Shell).map_err(wrong("remotecommand"))?;
    }
    if let Some(name) = &mut settings.control_path.0 {
        *name = path(name, tokens, world).map_err(wrong("controlpath"))?;
    }
    if let Some(name) = &mut settings.identity_agent.0 {
        *name = path(name, tokens, world).map_err(wrong("identityagent"))?;
    }
    if let ForwardAgent::Socket(name) = &mut settings.forward_agent {
        *name = path(name, tokens, world).map_err(wrong("forwardagent"))?;
    }
    for name in &mut settings.user_known_hosts_file.0 {
        *name = path(name, tokens, world).map_err(wrong("userknownhostsfile"))?;
    }
    for Forward { listen, target } in settings.local_forward.0.iter_mut().chain(&mut settings.remote_forward.0) {
        if let Listen::Path(name) = listen {
            *name = tokens.expand(name, MOST, For::Program).map_err(wrong("localforward"))?;
        }
        if let Target::Path(name) = target {
            *name = tokens.expand(name, MOST, For::Program).map_err(wrong("localforward"))?;
        }
    }
    Ok(())
}

/// As `ssh -G` shows it.
impl fmt::Display for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settings = self.settings.clone();
        if settings.identity_file.0.is_empty() {
            settings.identity_file.0 = home::IDENTITIES.map(|name| format!("~/.ssh/{name}")).to_vec();
        }
        let mut text = String::new();
        settings.show(&mut text);
        write!(f, "host {}\n{text}", self.host)
    }
}

/// A path, or what the variable holds that a `$` in front names.
fn socket(world: &dyn World, path: &str) -> Option<PathBuf> {
    path.strip_prefix('$').map_or_else(|| Some(path.into()), |name| named(world, name))
}

fn named(world: &dyn World, name: &str) -> Option<PathBuf> {
    world.variable(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}
