//! Flags of the command line that `ssh`, `sftp` and `scp` have alike, most of them another way to write an option.

use super::FAILED;
use super::options::Settings;
use super::report::{Reporter, Verbosity};
use crate::value;
use lexopt::{Parser, ValueExt};
use sanssh_std::Family;
use std::io::Write;
use std::process::ExitCode;

/// What the programs' help says of options.
pub const OPTIONS: &str = "\
Options (names in any case; LIST also as +LIST, -LIST, ^LIST to append, remove, put first):
  KexAlgorithms LIST, HostKeyAlgorithms LIST, Ciphers LIST, MACs LIST, Compression yes|no|LIST,
  RekeyLimit BYTES[K|M|G] [TIME],
  User, Port, HostKeyAlias, AddressFamily any|inet|inet6, ConnectTimeout TIME, ServerAliveInterval TIME,
  ServerAliveCountMax, IdentityFile, IdentitiesOnly, IdentityAgent PATH|SSH_AUTH_SOCK|none, PubkeyAuthentication,
  PasswordAuthentication,
  KbdInteractiveAuthentication, PreferredAuthentications, NumberOfPasswordPrompts, BatchMode, UserKnownHostsFile,
  GlobalKnownHostsFile, HashKnownHosts, UpdateHostKeys, StrictHostKeyChecking yes|ask|accept-new|no, RequestTTY,
  SendEnv, SetEnv, LogLevel. Forwardings, control sockets and the like can be given only as off.

A changed host key is refused whatever StrictHostKeyChecking says; with no, as with accept-new, new ones are recorded.
";

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked<J> {
    /// A text to print.
    Text(String),
    /// Something to do.
    Job(Box<J>),
}

/// What is to be done, if it is more than to print a text, or to say what is wrong with the command line.
///
/// # Errors
/// What the program ends with.
pub fn begin<J>(program: &'static str, asked: Result<Asked<J>, String>) -> Result<Box<J>, ExitCode> {
    match asked {
        Ok(Asked::Job(job)) => Ok(job),
        Ok(Asked::Text(text)) => {
            // Whoever asked may have left.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            Reporter::new(program, Verbosity::Normal).error(error);
            Err(FAILED.into())
        }
    }
}

/// Takes a flag, and its value from the parser. `Ok(false)`: it is none of these.
///
/// # Errors
/// If the value is missing or wrong; the error names the flag.
pub fn take(settings: &mut Settings, flag: char, parser: &mut Parser) -> Result<bool, String> {
    match flag {
        'C' => settings.set("Compression", "yes")?,
        'v' => settings.verbosity = Some(Verbosity::Verbose),
        'q' => settings.verbosity = Some(Verbosity::Quiet),
        '4' => settings.family = Some(Family::V4),
        '6' => settings.family = Some(Family::V6),
        'c' => named(settings, flag, "Ciphers", parser)?,
        'i' => named(settings, flag, "IdentityFile", parser)?,
        'o' => {
            let option = text(parser)?;
            let (name, value) = value::split(&option)?;
            settings.set(name, value)?;
        }
        'F' => match text(parser)?.as_str() {
            "none" | "/dev/null" => {}
            file => return Err(format!("-F {file}: configuration files are not read; give -o options")),
        },
        _ => return Ok(false),
    }
    Ok(true)
}

/// Sets an option to the flag's value.
///
/// # Errors
/// As [`take`].
pub fn named(settings: &mut Settings, flag: char, option: &str, parser: &mut Parser) -> Result<(), String> {
    settings.set(option, &text(parser)?).map_err(|error| format!("-{flag}: {error}"))
}

/// The flag's value.
///
/// # Errors
/// If there is none, or it is not text.
pub fn text(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(plain)
}

/// What is wrong with the line.
pub fn plain(error: lexopt::Error) -> String {
    error.to_string()
}
