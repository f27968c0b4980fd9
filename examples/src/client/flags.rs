//! Flags of the command line that `ssh`, `sftp` and `scp` have alike, most of them another way to write an option.

use super::FAILED;
use super::options::Settings;
use super::report::{Reporter, Verbosity};
use lexopt::{Parser, ValueExt};
use sanssh_std::ssh_config::Sources;
use std::io::Write;
use std::process::ExitCode;

/// What the programs' help says of options.
pub const OPTIONS: &str = "\
Options are those of ssh_config(5), names in any case; `ssh -G host` shows what comes of them. What is not given is read
from ~/.ssh/config, then /etc/ssh/ssh_config. What does not exist here is named when it is asked for. Lists of algorithms
may be changes of the default ones: +LIST, -LIST and ^LIST append, remove, put first.

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
        '4' => settings.set("AddressFamily", "inet")?,
        '6' => settings.set("AddressFamily", "inet6")?,
        'c' => named(settings, flag, "Ciphers", parser)?,
        'i' => named(settings, flag, "IdentityFile", parser)?,
        'J' => named(settings, flag, "ProxyJump", parser)?,
        'o' => {
            let option = text(parser)?;
            settings.given.line(&option).map_err(|error| format!("-o {option}: {error}"))?;
        }
        'F' => {
            settings.sources = match text(parser)?.as_str() {
                "none" => Sources::None,
                file => Sources::File(file.into()),
            };
        }
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
