//! The command line, with OpenSSH's flags: those of `HELP`, what to copy, and where to.
//! As there, a colon before any slash means another host; `./` in front of it does not.

use lexopt::{Arg, Parser};
use sanssh_examples::client::destination;
use sanssh_examples::client::flags::{self, OPTIONS, plain};
use sanssh_examples::client::options::Settings;
use sanssh_examples::client::report::Verbosity;
use sanssh_std::ssh_config::{Destination, value};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const HELP: &str = "\
Usage: scp [options] source ... target

Copies files between hosts, by SFTP. Each source and the target is a path here, [user@]host:path, or
scp://[user@]host[:port][/path]. From one other host to another, files pass through here.

  -r              directories with all that is in them
  -p              keep times and modes
  -P PORT         port of the hosts (22)
  -i FILE         private key, here or in the agent; may be given several times
  -c LIST         ciphers, best first
  -o NAME=VALUE   an option, see below
  -l KBITS        most kilobits a second
  -B              ask nobody
  -O              the old form of scp, for servers without SFTP: paths there are taken as they are written
  -T              with -O: a shell there reads the paths, and what they are called here is the server's choice
  -C              compress, if the server will
  -4, -6          IPv4 or IPv6 only
  -v              say what is done, on standard error
  -q              no progress, and nothing but errors
  -3, -A, -s      as it is anyway: through here, without an agent there, by SFTP
  -J HOSTS        by way of these hosts, with commas between
  -F FILE         configuration file in place of the usual ones; none for none
  -V              the version
  --help          this text
";

const ENDING: &str = "\
Exit status: 0; 1 if anything was not copied.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A text to print.
    Text(String),
    /// Files to copy.
    Job(Box<Job>),
}

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) settings: Settings,
    pub(crate) flags: Flags,
    pub(crate) sources: Vec<Place>,
    pub(crate) target: Place,
}

/// How to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    pub(crate) recursive: bool,
    pub(crate) preserve: bool,
    pub(crate) quiet: bool,
    /// Not by SFTP.
    pub(crate) old: bool,
    /// A shell there reads the paths.
    pub(crate) raw: bool,
    /// Most bytes a second.
    pub(crate) limit: Option<u64>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Here(PathBuf),
    There(Destination, Vec<u8>),
}

pub(crate) fn read() -> Result<Asked, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked, String> {
    let (mut settings, mut flags) = (Settings::default(), Flags::default());
    let mut places = Vec::new();
    while let Some(argument) = parser.next().map_err(plain)? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(format!("{HELP}\n{OPTIONS}{ENDING}"))),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Short(flag) => short(&mut settings, &mut flags, flag, &mut parser)?,
            Arg::Value(value) => places.push(place(value)?),
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
        }
    }
    let target = places.pop().filter(|_| !places.is_empty());
    let target = target.ok_or("what to copy and where to is missing; see --help")?;
    if flags.raw && !flags.old {
        return Err("-T is for -O: by SFTP, no shell reads the paths".to_owned());
    }
    if flags.old && flags.limit.is_some() {
        return Err("-l is for SFTP: the old form has no limit".to_owned());
    }
    Ok(Asked::Job(Box::new(Job { settings, flags, sources: places, target })))
}

fn short(settings: &mut Settings, to: &mut Flags, flag: char, parser: &mut Parser) -> Result<(), String> {
    match flag {
        'r' => to.recursive = true,
        'p' => to.preserve = true,
        'O' => to.old = true,
        's' => to.old = false,
        'T' => to.raw = true,
        '3' | 'A' => {}
        'q' => {
            to.quiet = true;
            settings.verbosity = Some(Verbosity::Errors);
        }
        // Nobody is there to be asked.
        'B' => settings.set("BatchMode", "yes")?,
        'P' => flags::named(settings, flag, "Port", parser)?,
        'l' => {
            let kilobits: u64 = value::number(&flags::text(parser)?).map_err(|error| format!("-l: {error}"))?;
            // Zero is no limit.
            to.limit = Some(kilobits.saturating_mul(1000) / 8).filter(|limit| *limit > 0);
        }
        _ if flags::take(settings, flag, parser)? => {}
        _ => return Err(format!("unknown flag -{flag}; see --help")),
    }
    Ok(())
}

fn place(word: OsString) -> Result<Place, String> {
    Ok(match destination::with_path("scp", word.as_bytes())? {
        Some((to, path)) => Place::There(to, path),
        None if word.is_empty() => return Err("an empty path names no file".to_owned()),
        None => Place::Here(word.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Asked, Flags, Job, Place, parse};
    use lexopt::Parser;

    fn job(line: &[&str]) -> Result<Box<Job>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(job) => Ok(job),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_stand_together_and_apart() {
        let job = job(&["-rpqP22", "-O3", "-oUser=me", "a", "-T", "b", "host:c"]).unwrap();
        let wanted = Flags { recursive: true, preserve: true, quiet: true, old: true, raw: true, limit: None };
        assert_eq!((job.flags, job.settings.given.port(), job.settings.given.user()), (wanted, Some(22), Some("me")));
        assert_eq!(job.sources, [Place::Here("a".into()), Place::Here("b".into())]);
    }

    #[test]
    fn colons_name_hosts_unless_a_slash_comes_first() {
        let job = job(&["./a:b", "/c:d", "me@h:e f", "h:", "scp://h:99/x%20y", "[::1]:z"]).unwrap();
        assert_eq!(job.sources[..2], [Place::Here("./a:b".into()), Place::Here("/c:d".into())]);
        let there = |place: &Place| match place {
            Place::There(to, path) => {
                (to.user.clone(), to.host.clone(), to.port, String::from_utf8(path.clone()).unwrap())
            }
            Place::Here(path) => panic!("{path:?}"),
        };
        assert_eq!(there(&job.sources[2]), (Some("me".to_owned()), "h".to_owned(), None, "e f".to_owned()));
        assert_eq!(there(&job.sources[3]), (None, "h".to_owned(), None, String::new()));
        assert_eq!(there(&job.sources[4]), (None, "h".to_owned(), Some(99), "x y".to_owned()));
        assert_eq!(there(&job.target), (None, "::1".to_owned(), None, "z".to_owned()));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            (&["a"][..], "missing"),
            (&[], "missing"),
            (&["-Z", "a", "b"], "-Z"),
            (&["-lx", "a", "b"], "-l"),
            (&["-T", "a", "b"], "-T"),
            (&["-O", "-l8", "a", "b"], "-l"),
            (&["", "b"], "empty"),
            (&["-oX", "a", "b"], "X"),
            (&["a@-b:c", "d"], "a@-b:c"),
        ] {
            let error = job(line).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{line:?}: {error}");
        }
    }

    #[test]
    fn help_names_every_flag() {
        let help = job(&["--help"]).unwrap_err();
        for flag in "rpPicolBOTC46vq3AsFVJ".chars() {
            assert!(help.contains(&format!("-{flag}")), "-{flag}");
        }
    }
}
