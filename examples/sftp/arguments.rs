//! The command line, with OpenSSH's flags: those of `HELP`, and where to go. As there, flags that a command has, too,
//! stand for it at every command.

use crate::line;
use lexopt::{Arg, Parser, ValueExt};
use sanssh_examples::client::destination;
use sanssh_examples::client::flags::{self, Asked, OPTIONS, plain};
use sanssh_examples::client::options::Settings;
use sanssh_examples::client::report::Verbosity;
use sanssh_std::ssh_config::value;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

const HELP: &str = "\
Usage: sftp [options] [user@]host[:path [local]]
       sftp [options] sftp://[user@]host[:port][/path] [local]
       sftp [options] -D COMMAND

Moves files to and from another host, by commands typed or read from a file. A path that is a directory is where it
begins; a file is fetched, and that is all.

  -P PORT         port of the host (22)
  -i FILE         private key, here or in the agent; may be given several times
  -c LIST         ciphers, best first
  -o NAME=VALUE   an option, see below
  -b FILE         read commands from here, - for standard input; ask nobody, and end at the first error
  -a              resume transfers of files that are there in part
  -f              have files written to the disk before the next
  -p              keep times and permissions
  -r              directories with all that is in them
  -B BYTES        most that one request may carry
  -R COUNT        most requests under way
  -l KBITS        most kilobits a second
  -s SUBSYSTEM    name of the subsystem, or the path of a program there (sftp)
  -D COMMAND      no host, but this server here, over a pipe
  -C              compress, if the server will
  -4, -6          IPv4 or IPv6 only
  -v              say what is done, on standard error
  -q              no progress, and nothing but errors
  -N              not quiet although it reads a file
  -A              no forwarding of an agent: there is none
  -J HOSTS        by way of these hosts, with commas between
  -F FILE         configuration file in place of the usual ones; none for none
  -V              the version
  --help          this text
";

const ENDING: &str = "\
Exit status: 0; 1 if a command of a batch, or the fetch, failed; 255 if there was no connection, or no longer.
";

/// One run of the program.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) settings: Settings,
    pub(crate) place: Place,
    /// Where commands come from, if not from standard input as it is.
    pub(crate) batch: Option<PathBuf>,
    pub(crate) flags: Flags,
    /// Most bytes of a request.
    pub(crate) buffer: Option<u32>,
    /// Most requests under way.
    pub(crate) requests: Option<u16>,
    /// Most bytes a second.
    pub(crate) limit: Option<u64>,
    pub(crate) subsystem: Option<String>,
    pub(crate) quiet: bool,
}

/// What every transfer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    pub(crate) resume: bool,
    pub(crate) sync: bool,
    pub(crate) preserve: bool,
    pub(crate) recursive: bool,
}

/// Where the files are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Host {
        host: String,
        path: Option<Vec<u8>>,
        local: Option<OsString>,
    },
    /// A server here, and its words.
    Program(Vec<OsString>),
}

impl Default for Place {
    fn default() -> Self {
        Self::Program(Vec::new())
    }
}

pub(crate) fn read() -> Result<Asked<Job>, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked<Job>, String> {
    let mut job = Job::default();
    let mut words = Vec::new();
    let mut loud = false;
    while let Some(argument) = parser.next().map_err(plain)? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(format!("{HELP}\n{OPTIONS}{ENDING}"))),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Short('N') => loud = true,
            Arg::Short(flag) => short(&mut job, flag, &mut parser)?,
            Arg::Value(value) => words.push(value),
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
        }
    }
    job.quiet |= job.batch.is_some();
    job.quiet &= !loud;
    aim(&mut job, words)?;
    Ok(Asked::Job(Box::new(job)))
}

fn short(job: &mut Job, flag: char, parser: &mut Parser) -> Result<(), String> {
    let wrong = |error: String| format!("-{flag}: {error}");
    match flag {
        'a' => job.flags.resume = true,
        'f' => job.flags.sync = true,
        'p' => job.flags.preserve = true,
        'r' => job.flags.recursive = true,
        'A' => {}
        'q' => {
            job.quiet = true;
            job.settings.verbosity = Some(Verbosity::Errors);
        }
        'b' => {
            job.batch = Some(parser.value().map_err(plain)?.into());
            // Nobody is there to be asked.
            job.settings.set("BatchMode", "yes")?;
        }
        'P' => flags::named(&mut job.settings, flag, "Port", parser)?,
        'B' => job.buffer = Some(positive(&flags::text(parser)?).map_err(wrong)?),
        'R' => job.requests = Some(positive(&flags::text(parser)?).map_err(wrong)?),
        'l' => job.limit = Some(positive::<u64>(&flags::text(parser)?).map_err(wrong)?.saturating_mul(1024 / 8)),
        's' => job.subsystem = Some(flags::text(parser)?),
        'D' => job.place = Place::Program(program(&parser.value().map_err(plain)?.into_vec())?),
        _ if flags::take(&mut job.settings, flag, parser)? => {}
        _ => return Err(format!("unknown flag -{flag}; see --help")),
    }
    Ok(())
}

fn positive<T: core::str::FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    let number = value::number(text)?;
    if number == T::default() { Err(format!("\"{text}\" is too little")) } else { Ok(number) }
}

/// The words of a command, split as those of commands are.
fn program(text: &[u8]) -> Result<Vec<OsString>, String> {
    let words = line::words(text);
    if words.open.is_some() || words.words.is_empty() {
        return Err("-D wants a command".to_owned());
    }
    Ok(words.words.into_iter().map(|one| OsString::from_vec(one.word.plain())).collect())
}

/// Takes the words that are no flags.
fn aim(job: &mut Job, words: Vec<OsString>) -> Result<(), String> {
    let direct = matches!(&job.place, Place::Program(words) if !words.is_empty());
    let mut words = words.into_iter();
    let Some(first) = words.next() else {
        return if direct { Ok(()) } else { Err("a host is missing; see --help".to_owned()) };
    };
    let local = words.next();
    if direct || words.next().is_some() {
        return Err("there are too many words; see --help".to_owned());
    }
    let (to, path) = match destination::with_path("sftp", first.as_bytes())? {
        Some((to, path)) => (to, Some(path).filter(|path| !path.is_empty())),
        None => (destination::read("sftp", &first.string().map_err(plain)?)?, None),
    };
    if local.is_some() && path.is_none() {
        return Err("no file is named to fetch; write host:path".to_owned());
    }
    job.settings.aim(&to)?;
    job.place = Place::Host { host: to.host, path, local };
    Ok(())
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

    fn host(path: Option<&str>, local: Option<&str>) -> Place {
        Place::Host { host: "host".to_owned(), path: path.map(Into::into), local: local.map(Into::into) }
    }

    #[test]
    fn flags_stand_together_and_apart() {
        let job = job(&["-afpr", "-P22", "-B", "1024", "-R8", "-l80", "-s/bin/x", "me@host:/a", "b"]).unwrap();
        assert_eq!(job.flags, Flags { resume: true, sync: true, preserve: true, recursive: true });
        assert_eq!((job.settings.given.port(), job.settings.given.user()), (Some(22), Some("me")));
        assert_eq!((job.buffer, job.requests, job.limit), (Some(1024), Some(8), Some(10_240)));
        assert_eq!((job.place, job.subsystem.as_deref()), (host(Some("/a"), Some("b")), Some("/bin/x")));
    }

    #[test]
    fn places_have_three_forms() {
        assert_eq!(job(&["host"]).unwrap().place, host(None, None));
        assert_eq!(job(&["host:"]).unwrap().place, host(None, None));
        let uri = job(&["sftp://host:2222/a%20b"]).unwrap();
        assert_eq!((uri.place, uri.settings.given.port()), (host(Some("a b"), None), Some(2222)));
        let direct = job(&["-D", "/x/sftp-server -e 'a b'"]).unwrap();
        assert_eq!(direct.place, Place::Program(vec!["/x/sftp-server".into(), "-e".into(), "a b".into()]));
    }

    #[test]
    fn a_batch_is_quiet_and_asks_nobody() {
        let batch = job(&["-b", "-", "host"]).unwrap();
        assert!(batch.quiet && batch.settings.of("host").unwrap().settings.batch_mode);
        assert!(!job(&["-Nb-", "host"]).unwrap().quiet);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            (&["-Z", "host"][..], "-Z"),
            (&["-R0", "host"], "-R"),
            (&["-Bx", "host"], "-B"),
            (&["-D", "'"], "-D"),
            (&["-D", "x", "host"], "too many"),
            (&["host", "b"], "host:path"),
            (&["a b:c"], "a b:c"),
            (&[], "host"),
        ] {
            let error = job(line).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{line:?}: {error}");
        }
    }

    #[test]
    fn help_names_every_flag() {
        let help = job(&["--help"]).unwrap_err();
        for flag in "PicobafprBRlsDC46vqNAFVJ".chars() {
            assert!(help.contains(&format!("-{flag}")), "-{flag}");
        }
    }
}
