//! The command line, with OpenSSH's flags: those of `HELP`, the destination between or behind them, and the command.
//! As there, of several values for one thing the first counts, except for identities and variables, which add up.

use lexopt::{Arg, Parser, ValueExt};
use sanssh_examples::client::destination::Destination;
use sanssh_examples::client::flags::{self, Asked, OPTIONS, plain};
use sanssh_examples::client::options::{Settings, Tty};
use std::os::unix::ffi::OsStringExt;

const HELP: &str = "\
Usage: ssh [options] [user@]host [command [argument ...]]
       ssh [options] ssh://[user@]host[:port] [command [argument ...]]

Runs a command on another host, or a shell there.

  -p PORT         port of the host (22)
  -l USER         name to log in as
  -i FILE         private key, here or in the agent; may be given several times
  -c LIST         ciphers, best first
  -m LIST         MACs, best first
  -o NAME=VALUE   an option, see below
  -t              a terminal even for a command; twice: even without one here
  -T              no terminal
  -C              compress, if the server will
  -n              nothing on the command's standard input
  -s              the command is the name of a subsystem
  -4, -6          IPv4 or IPv6 only
  -v              say what is done, on standard error
  -q              say nothing but what the command says
  -a, -x, -k      no forwarding of agent, X11, credentials: there is none
  -F none         no configuration file: none is ever read
  --record FILE   record the connection in a new file, for replay: with its keys, and passwords as they were typed
  -V              the version
  --help          this text

Exit status: the command's; 255 if it ended by a signal, or if something failed before.
";

/// One run of the program.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) settings: Settings,
    pub(crate) host: String,
    /// None for a shell.
    pub(crate) command: Option<Vec<u8>>,
    pub(crate) is_subsystem: bool,
    /// Nothing on standard input.
    pub(crate) no_input: bool,
}

pub(crate) fn read() -> Result<Asked<Job>, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked<Job>, String> {
    let mut job = Job::default();
    let mut destination = None;
    while let Some(argument) = parser.next().map_err(plain)? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(format!("{HELP}\n{OPTIONS}"))),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Long("record") => job.settings.record = Some(parser.value().map_err(plain)?.into()),
            Arg::Short(flag) => short(&mut job, flag, &mut parser)?,
            Arg::Value(value) if destination.is_none() => {
                destination = Some(Destination::read("ssh", &value.string().map_err(plain)?)?);
            }
            Arg::Value(first) => {
                job.command = Some(command(first, &mut parser)?);
                break;
            }
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
        }
    }
    let destination = destination.ok_or("a host is missing; see --help")?;
    job.settings.port = job.settings.port.or(destination.port);
    job.settings.user = job.settings.user.take().or(destination.user);
    job.host = destination.host;
    if job.is_subsystem && job.command.is_none() {
        return Err("-s wants the name of a subsystem".to_owned());
    }
    Ok(Asked::Job(Box::new(job)))
}

fn short(job: &mut Job, flag: char, parser: &mut Parser) -> Result<(), String> {
    let settings = &mut job.settings;
    match flag {
        'T' => settings.tty = Some(Tty::No),
        't' => {
            settings.tty = Some(if matches!(settings.tty, Some(Tty::Yes | Tty::Force)) { Tty::Force } else { Tty::Yes })
        }
        'n' => job.no_input = true,
        's' => job.is_subsystem = true,
        'a' | 'x' | 'k' => {}
        'p' => flags::named(settings, flag, "Port", parser)?,
        'l' => flags::named(settings, flag, "User", parser)?,
        'm' => flags::named(settings, flag, "MACs", parser)?,
        _ if flags::take(settings, flag, parser)? => {}
        _ => return Err(format!("unknown flag -{flag}; see --help")),
    }
    Ok(())
}

/// The rest of the line, as one, whatever it looks like.
fn command(first: std::ffi::OsString, parser: &mut Parser) -> Result<Vec<u8>, String> {
    let mut line = first.into_vec();
    for word in parser.raw_args().map_err(plain)? {
        line.push(b' ');
        line.extend(word.into_vec());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::{Asked, Job, parse};
    use lexopt::Parser;
    use sanssh_examples::client::options::Tty;
    use sanssh_examples::client::report::Verbosity;

    fn job(line: &[&str]) -> Result<Box<Job>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(job) => Ok(job),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_stand_together_and_apart() {
        let job =
            job(&["-Tn", "-p22", "-oUser=me", "-o", "Port 99", "-vi", "key", "host", "-q", "ls", "-l", "--"]).unwrap();
        assert_eq!((job.settings.port, job.settings.user.as_deref()), (Some(22), Some("me")));
        assert_eq!((job.settings.tty, job.no_input), (Some(Tty::No), true));
        assert_eq!(job.settings.verbosity(), Verbosity::Quiet);
        assert_eq!((job.host.as_str(), job.command.as_deref()), ("host", Some(&b"ls -l --"[..])));
    }

    #[test]
    fn flags_win_over_the_destination() {
        let job = job(&["-l", "you", "ssh://me@host:2222"]).unwrap();
        assert_eq!((job.settings.port, job.settings.user.as_deref()), (Some(2222), Some("you")));
        assert_eq!(job.command, None);
    }

    #[test]
    fn two_dashes_end_the_flags() {
        let job = job(&["--", "host", "-x", "y"]).unwrap();
        assert_eq!(job.command.as_deref(), Some(&b"-x y"[..]));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            (&["-Z", "host"][..], "-Z"),
            (&["--frob", "host"], "--frob"),
            (&["-oFrobnicate=yes", "host"], "Frobnicate"),
            (&["-p", "x", "host"], "-p"),
            (&["-p"], "-p"),
            (&["-c", "rot13", "host"], "rot13"),
            (&["-F", "file", "host"], "-F"),
            (&[], "host"),
        ] {
            let error = job(line).unwrap_err();
            assert!(error.contains(part), "{line:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn help_names_every_flag() {
        let help = job(&["--help"]).unwrap_err();
        for flag in "plicmotTCns46vqaxkFV".chars() {
            assert!(help.contains(&format!("-{flag}")), "-{flag}");
        }
    }
}
