//! The command line, with OpenSSH's flags: those of `HELP`, the destination between or behind them, and the command.
//! As there, of several values for one thing the first counts, except for identities and variables, which add up.

use lexopt::{Arg, Parser, ValueExt};
use sanssh_examples::client::destination;
use sanssh_examples::client::flags::{self, Asked, OPTIONS, plain};
use sanssh_examples::client::options::Settings;
use sanssh_std::ssh_config::stdio;
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
  -F FILE         configuration file in place of the usual ones; none for none
  -G              show the configuration of the host, and do nothing
  -P TAG          what Match tagged asks for
  -t              a terminal even for a command; twice: even without one here
  -T              no terminal
  -C              compress, if the server will
  -n              nothing on the command's standard input
  -N              no command, only the connection
  -f              go to the background
  -s              the command is the name of a subsystem
  -J HOSTS        by way of these hosts, with commas between
  -W HOST:PORT    standard input and output lead there
  -L, -R, -D      forward: from here, from there, from here to wherever each connection says
  -g              forward from other hosts as well
  -A, -a          lend the agent, or not
  -X, -x, -Y      lend the display, or not, or with all rights
  -b ADDRESS      connect from this address
  -e CHARACTER    what talks to this program at a line's start
  -k              no credentials: there are none
  -4, -6          IPv4 or IPv6 only
  -v              say what is done, on standard error
  -q              say nothing but what the command says
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
    /// The configuration is shown, and that is all.
    pub(crate) shows: bool,
    terminals: u32,
}

pub(crate) fn read() -> Result<Asked<Job>, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked<Job>, String> {
    let mut job = Job::default();
    let mut place = None;
    while let Some(argument) = parser.next().map_err(plain)? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(format!("{HELP}\n{OPTIONS}"))),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Long("record") => job.settings.record = Some(parser.value().map_err(plain)?.into()),
            Arg::Short(flag) => short(&mut job, flag, &mut parser)?,
            Arg::Value(value) if place.is_none() => {
                place = Some(destination::read("ssh", &value.string().map_err(plain)?)?);
            }
            Arg::Value(first) => {
                job.command = Some(command(first, &mut parser)?);
                break;
            }
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
        }
    }
    let destination = place.ok_or("a host is missing; see --help")?;
    match job.terminals {
        0 => {}
        1 => job.settings.set("RequestTTY", "yes")?,
        _ => job.settings.set("RequestTTY", "force")?,
    }
    job.settings.aim(&destination)?;
    job.host = destination.host;
    Ok(Asked::Job(Box::new(job)))
}

fn short(job: &mut Job, flag: char, parser: &mut Parser) -> Result<(), String> {
    let settings = &mut job.settings;
    match flag {
        'G' => job.shows = true,
        't' => job.terminals += 1,
        'W' => settings.given.stdio = Some(stdio(&flags::text(parser)?).map_err(|error| format!("-W: {error}"))?),
        _ => {
            if let Some((_, keyword, value)) = FIXED.iter().find(|(short, ..)| *short == flag) {
                settings.set(keyword, value)?;
            } else if let Some((_, keyword)) = VALUED.iter().find(|(short, _)| *short == flag) {
                flags::named(settings, flag, keyword, parser)?;
            } else if !flags::take(settings, flag, parser)? {
                return Err(format!("unknown flag -{flag}; see --help"));
            }
        }
    }
    // Lent with all rights, it is lent.
    if flag == 'Y' { settings.set("ForwardX11", "yes") } else { Ok(()) }
}

/// Flags that are an option with its value.
const FIXED: [(char, &str, &str); 12] = [
    ('A', "ForwardAgent", "yes"),
    ('N', "SessionType", "none"),
    ('T', "RequestTTY", "no"),
    ('X', "ForwardX11", "yes"),
    ('Y', "ForwardX11Trusted", "yes"),
    ('a', "ForwardAgent", "no"),
    ('f', "ForkAfterAuthentication", "yes"),
    ('g', "GatewayPorts", "yes"),
    ('k', "GSSAPIDelegateCredentials", "no"),
    ('n', "StdinNull", "yes"),
    ('s', "SessionType", "subsystem"),
    ('x', "ForwardX11", "no"),
];

/// Flags that are an option.
const VALUED: [(char, &str); 9] = [
    ('D', "DynamicForward"),
    ('L', "LocalForward"),
    ('P', "Tag"),
    ('R', "RemoteForward"),
    ('b', "BindAddress"),
    ('e', "EscapeChar"),
    ('l', "User"),
    ('m', "MACs"),
    ('p', "Port"),
];

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
    use sanssh_examples::client::report::Verbosity;
    use sanssh_std::ssh_config::{RequestTty, SessionType, Sources};

    fn job(line: &[&str]) -> Result<Box<Job>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(mut job) => {
                // What files say is no part of this.
                if job.settings.sources == Sources::Usual {
                    job.settings.sources = Sources::None;
                }
                Ok(job)
            }
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_stand_together_and_apart() {
        let job =
            job(&["-Tn", "-p22", "-oUser=me", "-o", "Port 99", "-vi", "key", "host", "-q", "ls", "-l", "--"]).unwrap();
        let settings = job.settings.of(&job.host).unwrap().settings;
        assert_eq!((settings.port, settings.user.as_str()), (22, "me"));
        assert_eq!((settings.request_tty, settings.stdin_null), (RequestTty::No, true));
        assert_eq!(job.settings.verbosity(), Verbosity::Quiet);
        assert_eq!((job.host.as_str(), job.command.as_deref()), ("host", Some(&b"ls -l --"[..])));
    }

    #[test]
    fn flags_are_options() {
        let line = [
            "-AXgNtt",
            "-L",
            "1:a:2",
            "-L3:b:4",
            "-R",
            "0:c:5",
            "-D1080",
            "-J",
            "me@gate:2,inner",
            "-P",
            "tag",
            "-e",
            "none",
            "-4",
            "-C",
            "-W",
            "there:22",
            "host",
        ];
        let job = job(&line).unwrap();
        let config = job.settings.of(&job.host).unwrap();
        let said = config.to_string();
        for line in [
            "addressfamily inet",
            "forwardagent yes",
            "forwardx11 yes",
            "gatewayports yes",
            "sessiontype none",
            "requesttty force",
            "compression yes",
            "escapechar none",
            "proxyjump me@gate:2,inner",
            // As -W has it.
            "clearallforwardings yes",
            "exitonforwardfailure yes",
        ] {
            assert!(said.lines().any(|one| one == line), "{line}: {said}");
        }
        assert!(config.stdio.is_some() && config.settings.local_forward.0.is_empty());
        let mut settings = job.settings;
        settings.given.stdio = None;
        let settings = settings.of("host").unwrap().settings;
        assert_eq!(
            settings.local_forward.0.len() + settings.remote_forward.0.len() + settings.dynamic_forward.0.len(),
            4
        );
        assert_eq!(settings.session_type, SessionType::None);
    }

    #[test]
    fn flags_win_over_the_destination() {
        let job = job(&["-l", "you", "ssh://me@host:2222"]).unwrap();
        let settings = job.settings.of(&job.host).unwrap().settings;
        assert_eq!((settings.port, settings.user.as_str()), (2222, "you"));
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
            (&["-oFrobnicate=yes", "host"], "frobnicate"),
            (&["-p", "x", "host"], "-p"),
            (&["-p"], "-p"),
            (&["-c", "rot13", "host"], "rot13"),
            (&["-L", "1:2", "host"], "-L"),
            (&["-W", "x", "host"], "-W"),
            (&[], "host"),
        ] {
            let error = job(line).unwrap_err();
            assert!(error.contains(part), "{line:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let missing = job(&["-F", "/sanssh-no-such-file", "host"]).unwrap().settings.of("host").unwrap_err();
        assert!(missing.contains("/sanssh-no-such-file"), "{missing}");
    }

    #[test]
    fn help_names_every_flag() {
        let help = job(&["--help"]).unwrap_err();
        for flag in "plicmotTCns46vqaxkFVGPNfJWLRDgAXYbe".chars() {
            assert!(help.contains(&format!("-{flag}")), "-{flag}");
        }
    }
}
