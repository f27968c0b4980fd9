//! The options of `-o`, as ssh_config(5) names them: one row each. Of several values the first counts, except where
//! that says they add up. What could be given only as off, because it does not exist here, may be given as off.

use super::report::Verbosity;
use crate::value::{flag, number, prefer, rekey, span, variable};
use core::time::Duration;
use sanssh_core::algorithm::Preferences;
use sanssh_core::auth::Method;
use sanssh_core::config::Rekey;
use sanssh_std::Family;
use std::path::PathBuf;

/// What the user wants; `None` is the default.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub port: Option<u16>,
    pub user: Option<String>,
    pub alias: Option<String>,
    pub family: Option<Family>,
    pub connect_timeout: Option<Duration>,
    pub alive_interval: Option<Duration>,
    pub alive_count: Option<u32>,
    pub preferences: Preferences,
    pub rekey: Option<Rekey>,
    pub identities: Vec<PathBuf>,
    /// Of an agent's keys only those that are named.
    pub identities_only: Option<bool>,
    pub agent: Option<IdentityAgent>,
    pub public_key: Option<bool>,
    pub password: Option<bool>,
    pub interactive: Option<bool>,
    pub preferred: Option<Vec<Method>>,
    pub password_prompts: Option<u32>,
    pub batch: Option<bool>,
    pub known_hosts: Option<Vec<PathBuf>>,
    pub global_known_hosts: Option<Vec<PathBuf>>,
    pub hash_known_hosts: Option<bool>,
    pub strict: Option<Strict>,
    pub update_host_keys: Option<bool>,
    pub tty: Option<Tty>,
    pub send_env: Vec<String>,
    pub set_env: Vec<(String, String)>,
    pub verbosity: Option<Verbosity>,
    /// A new file for a recording of the connection.
    pub record: Option<PathBuf>,
    /// Options of algorithms that were given; later ones do not count.
    chosen: Vec<String>,
}

/// What becomes of hosts that are not known. Changed keys are always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strict {
    Refuse,
    Ask,
    Record,
}

/// Whose keys are offered besides those of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityAgent {
    /// Nobody's.
    None,
    /// The agent's behind this socket, if there is one.
    Socket(Option<PathBuf>),
}

/// Whether to ask for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tty {
    No,
    /// For a shell.
    Auto,
    /// If there is one here.
    Yes,
    Force,
}

/// Options that exist here only in their value for nothing.
const OFF: [(&str, &[&str]); 13] = [
    ("addkeystoagent", &["no"]),
    ("clearallforwardings", &["yes", "no"]),
    ("controlmaster", &["no"]),
    ("controlpath", &["none"]),
    ("controlpersist", &["no"]),
    ("forwardagent", &["no"]),
    ("forwardx11", &["no"]),
    ("forwardx11trusted", &["no"]),
    ("gssapiauthentication", &["no"]),
    ("permitlocalcommand", &["no"]),
    ("proxycommand", &["none"]),
    ("proxyjump", &["none"]),
    ("remotecommand", &["none"]),
];

impl Settings {
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity.unwrap_or(Verbosity::Normal)
    }

    /// Whether announced host keys are recorded: as in OpenSSH by default only in the user's usual files.
    pub fn updates_host_keys(&self) -> bool {
        self.update_host_keys.unwrap_or_else(|| self.known_hosts.is_none())
    }

    /// Where the agent listens; the user's, unless they say otherwise.
    pub fn agent(&self) -> Option<PathBuf> {
        match self.agent.clone().unwrap_or_else(|| agent("SSH_AUTH_SOCK")) {
            IdentityAgent::None => None,
            IdentityAgent::Socket(path) => path,
        }
    }

    pub fn is_batch(&self) -> bool {
        self.batch.unwrap_or(false)
    }

    /// Takes an option. Errors name it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let key = name.to_ascii_lowercase();
        if self.chosen.contains(&key) {
            // Still has to be well formed.
            return prefer(&mut Preferences::default(), &key, text).map(drop).map_err(|e| format!("{name}: {e}"));
        }
        let known = self.apply(&key, text).map_err(|error| format!("{name}: {error}"))?;
        if known { Ok(()) } else { Err(format!("unknown option {name}; see --help")) }
    }

    /// `Ok(false)`: there is no such option.
    fn apply(&mut self, key: &str, text: &str) -> Result<bool, String> {
        match key {
            "port" => first(&mut self.port, port(text)?),
            "user" => first(&mut self.user, text.to_owned()),
            "hostkeyalias" => first(&mut self.alias, text.to_owned()),
            "addressfamily" => first(&mut self.family, family(text)?),
            "connecttimeout" => first(&mut self.connect_timeout, span(text)?),
            "serveraliveinterval" => first(&mut self.alive_interval, span(text)?),
            "serveralivecountmax" => first(&mut self.alive_count, number(text)?),
            "rekeylimit" => first(&mut self.rekey, rekey(text)?),
            "requesttty" => first(&mut self.tty, tty(text)?),
            "sendenv" => self.send_env.extend(text.split_ascii_whitespace().map(str::to_owned)),
            "setenv" => self.set_env.extend([variable(text)?]),
            "loglevel" => first(&mut self.verbosity, Verbosity::from_level(text)?),
            "batchmode" => first(&mut self.batch, flag(text)?),
            // Nothing is listened to but the connection.
            "tcpkeepalive" | "exitonforwardfailure" | "checkhostip" | "visualhostkey" => flag(text).map(drop)?,
            _ => return self.apply_trust(key, text),
        }
        Ok(true)
    }

    /// Login and host keys.
    fn apply_trust(&mut self, key: &str, text: &str) -> Result<bool, String> {
        match key {
            "identityfile" => self.identities.push(path(text)),
            "identitiesonly" => first(&mut self.identities_only, flag(text)?),
            "identityagent" => first(&mut self.agent, agent(text)),
            "pubkeyauthentication" => first(&mut self.public_key, flag(text)?),
            "passwordauthentication" => first(&mut self.password, flag(text)?),
            "kbdinteractiveauthentication" | "challengeresponseauthentication" => {
                first(&mut self.interactive, flag(text)?);
            }
            "preferredauthentications" => first(&mut self.preferred, methods(text)?),
            "numberofpasswordprompts" => first(&mut self.password_prompts, number(text)?),
            "userknownhostsfile" => first(&mut self.known_hosts, paths(text)),
            "globalknownhostsfile" => first(&mut self.global_known_hosts, paths(text)),
            "hashknownhosts" => first(&mut self.hash_known_hosts, flag(text)?),
            "stricthostkeychecking" => first(&mut self.strict, strict(text)?),
            "updatehostkeys" => first(&mut self.update_host_keys, flag(text)?),
            _ if prefer(&mut self.preferences, key, text)? => self.chosen.push(key.to_owned()),
            _ => return off(key, text),
        }
        Ok(true)
    }
}

fn first<T>(place: &mut Option<T>, value: T) {
    place.get_or_insert(value);
}

fn off(key: &str, text: &str) -> Result<bool, String> {
    match OFF.iter().find(|(name, _)| *name == key) {
        Some((_, values)) if values.contains(&text.to_ascii_lowercase().as_str()) => Ok(true),
        Some((_, values)) => Err(format!("only \"{}\" is supported", values.join("\" or \""))),
        None => Ok(false),
    }
}

/// The socket by its path, or by the variable that names it.
fn agent(text: &str) -> IdentityAgent {
    let named = |variable| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    match text {
        "none" => IdentityAgent::None,
        "SSH_AUTH_SOCK" => IdentityAgent::Socket(named("SSH_AUTH_SOCK")),
        _ => IdentityAgent::Socket(text.strip_prefix('$').map_or_else(|| Some(path(text)), named)),
    }
}

fn port(text: &str) -> Result<u16, String> {
    let wrong = || format!("\"{text}\" is not a port");
    text.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)
}

fn family(text: &str) -> Result<Family, String> {
    match text.to_ascii_lowercase().as_str() {
        "any" => Ok(Family::Any),
        "inet" => Ok(Family::V4),
        "inet6" => Ok(Family::V6),
        _ => Err(format!("\"{text}\" is none of any, inet, inet6")),
    }
}

fn strict(text: &str) -> Result<Strict, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(Strict::Refuse),
        "ask" => Ok(Strict::Ask),
        "accept-new" | "no" | "false" | "off" => Ok(Strict::Record),
        _ => Err(format!("\"{text}\" is none of yes, ask, accept-new, no")),
    }
}

fn tty(text: &str) -> Result<Tty, String> {
    match text.to_ascii_lowercase().as_str() {
        "no" => Ok(Tty::No),
        "auto" => Ok(Tty::Auto),
        "yes" => Ok(Tty::Yes),
        "force" => Ok(Tty::Force),
        _ => Err(format!("\"{text}\" is none of no, auto, yes, force")),
    }
}

/// Methods that do not exist here are passed over, as scripts list every one they can think of.
fn methods(text: &str) -> Result<Vec<Method>, String> {
    let methods: Vec<_> = text.split(',').filter_map(|name| Method::from_name(name.trim().as_bytes())).collect();
    if methods.is_empty() {
        return Err(format!(
            "no method in \"{text}\" is supported; there are publickey, password, keyboard-interactive"
        ));
    }
    Ok(methods)
}

/// Files by name, none for `none`.
fn paths(text: &str) -> Vec<PathBuf> {
    text.split_ascii_whitespace().filter(|name| *name != "none").map(path).collect()
}

/// `~/` is the user's home.
fn path(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, Strict};
    use sanssh_core::algorithm::Cipher;

    #[test]
    fn the_first_value_counts() {
        let mut settings = Settings::default();
        for (name, text) in [("port", "1"), ("PORT", "2"), ("Ciphers", "aes128-ctr"), ("ciphers", "aes256-ctr")] {
            settings.set(name, text).unwrap();
        }
        assert_eq!(settings.port, Some(1));
        assert_eq!(settings.preferences.ciphers, [Cipher::Aes128Ctr]);
        assert!(settings.set("Ciphers", "rot13").is_err());
    }

    #[test]
    fn files_and_variables_add_up() {
        let mut settings = Settings::default();
        settings.set("IdentityFile", "a").unwrap();
        settings.set("IdentityFile", "b").unwrap();
        settings.set("SendEnv", "LANG LC_*").unwrap();
        settings.set("SendEnv", "GIT_PROTOCOL").unwrap();
        assert_eq!((settings.identities.len(), settings.send_env.len()), (2, 3));
    }

    #[test]
    fn agents_are_named_in_four_ways() {
        let socket = |text: &str| {
            let mut settings = Settings::default();
            settings.set("IdentityAgent", text).unwrap();
            settings.agent()
        };
        assert_eq!(socket("none"), None);
        assert_eq!(socket("/run/agent"), Some("/run/agent".into()));
        assert_eq!(socket("$SANSSH_NO_SUCH_VARIABLE"), None);
        assert_eq!(socket("SSH_AUTH_SOCK"), std::env::var_os("SSH_AUTH_SOCK").map(Into::into));
    }

    #[test]
    fn no_is_no_weaker_than_accept_new() {
        let mut settings = Settings::default();
        settings.set("StrictHostKeyChecking", "no").unwrap();
        assert_eq!(settings.strict, Some(Strict::Record));
    }

    #[test]
    fn what_does_not_exist_can_only_be_off() {
        let mut settings = Settings::default();
        settings.set("ForwardAgent", "no").unwrap();
        assert!(settings.set("ForwardAgent", "yes").unwrap_err().contains("ForwardAgent"));
        assert!(settings.set("LocalForward", "1 2:3").unwrap_err().contains("LocalForward"));
    }
}
