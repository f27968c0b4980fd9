//! The command line, with OpenSSH's flags where it has them.
//! As there, the first of several values counts, except that host keys add up.

use crate::setup::Settings;
use lexopt::{Arg, Parser, ValueExt};
use sanssh_std::ssh_config::value;

const HELP: &str = "\
Usage: sshd [-p PORT] [-b ADDRESS] [-h FILE]... [-o NAME=VALUE]... [--record FILE]

Serves the user who runs it: commands and shells on this machine, as this user. Stays in the foreground, and prints one
line on standard error when it listens. SIGTERM, SIGINT and SIGHUP end it, its connections and their commands.

  -p PORT         port to listen on (2222); 0 for any that is free
  -b ADDRESS      address to listen on (127.0.0.1: this machine only)
  -h FILE         private key that proves the host; may be given several times. Without one, a new key that is
                  forgotten at the end
  -o NAME=VALUE   an option, see below
  --record FILE   record the first connection in this new file, others in FILE.2 and so on, for replay: with their keys
                  and whatever clients log in with
  -D, -e          stay in the foreground, log to standard error: it always does
  -V              the version
  --help          this text

Options (names in any case; LIST also as +LIST, -LIST, ^LIST to append, remove, put first):
  AuthorizedKeysFile FILE (~/.ssh/authorized_keys)   keys that may log in, with all options
  TrustedUserCAKeys FILE                             authorities whose certificates log in
  AuthorizedPrincipalsFile FILE                      names that such certificates must hold, instead of the user's
  RevokedKeys FILE                                   public keys that do not log in, one a line
  AuthenticationMethods METHOD,METHOD...             methods that a login takes one after the other; several such
                                                     chains with blanks between, of which one is enough
  PasswordFile FILE                                  lines USER:PASSWORD; must be the user's own with mode 0600
  KexAlgorithms LIST, HostKeyAlgorithms LIST, PubkeyAcceptedAlgorithms LIST, Ciphers LIST, MACs LIST,
  Compression yes|no|LIST (no): whether clients may have it,
  RekeyLimit BYTES[K|M|G] [TIME], Port, HostKey FILE, MaxSessions, MaxStartups, MaxAuthTries, LoginGraceTime TIME,
  ClientAliveInterval TIME, ClientAliveCountMax, AcceptEnv NAMES (LANG LC_*), SetEnv NAME=VALUE..., Banner FILE,
  PidFile FILE.
  Subsystem NAME COMMAND (sftp internal-sftp)        what a subsystem runs; several add up, none for no subsystem.
                                                     The command internal-sftp [-R] [-d DIRECTORY], also of a key,
                                                     is this program's own server of files
  SftpRoot DIRECTORY                                 confines everybody to the files below, by SFTP and scp: no
                                                     commands, no shells; -R of a subsystem then counts for all
  SftpReadOnly yes|no (no)                           files are served for reading alone; without SftpRoot, commands
                                                     still can write
  AllowTcpForwarding yes|no|local|remote (no)        connections that clients have made from here or taken here, as
                                                     this user. Unlike OpenSSH's, this server forwards nothing unless
                                                     told to; what a key forbids stays forbidden
  AllowStreamLocalForwarding yes|no|local|remote (no)  the same of Unix sockets
  PermitOpen HOST:PORT..., PermitListen [HOST:]PORT...  where to and where from; any, or none (any)
  GatewayPorts clientspecified|no (no)               whether clients may have this machine listen for others
  AllowAgentForwarding yes|no (no)                   whether commands may use the client's agent, if it lends it
  X11Forwarding yes|no (no)                          the same of its display, from X11DisplayOffset N (10) on
  XAuthLocation FILE (/usr/bin/xauth)                what keeps the cookies of displays
  DisableForwarding yes|no (no)                      nothing, whatever else is said; so with SftpRoot

Exit status: 0 after a signal, 255 if it could not start.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A text to print.
    Text(String),
    /// A server.
    Serve(Box<Settings>),
}

pub(crate) fn read() -> Result<Asked, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked, String> {
    let mut settings = Settings::default();
    while let Some(argument) = parser.next().map_err(plain)? {
        let flag = match argument {
            Arg::Long("help") => return Ok(Asked::Text(HELP.to_owned())),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Short('D' | 'e') => continue,
            Arg::Long("record") => {
                settings.record(parser.value().map_err(plain)?.as_ref());
                continue;
            }
            Arg::Short(flag) => flag,
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
            Arg::Value(value) => return Err(format!("unexpected argument {}; see --help", value.display())),
        };
        let name = match flag {
            'p' => "Port",
            'b' => "ListenAddress",
            'h' => "HostKey",
            'o' => "",
            _ => return Err(format!("unknown flag -{flag}; see --help")),
        };
        let text = parser.value().and_then(ValueExt::string).map_err(plain)?;
        if flag == 'o' {
            let (name, value) = value::split(&text)?;
            settings.set(name, value)?;
        } else {
            settings.set(name, &text).map_err(|error| format!("-{flag}: {error}"))?;
        }
    }
    Ok(Asked::Serve(Box::new(settings)))
}

fn plain(error: lexopt::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};
    use crate::setup::Settings;
    use lexopt::Parser;

    fn settings(line: &[&str]) -> Result<Box<Settings>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Serve(settings) => Ok(settings),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_and_options() {
        let line = ["-p0", "-h", "a", "-h", "b", "-oMaxSessions=3", "-De", "-o", "PORT 4"];
        let settings = settings(&line).unwrap();
        assert_eq!((settings.port, settings.host_keys.len()), (0, 2));
        assert!(settings.address.is_loopback());
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            (&["-Z"][..], "-Z"),
            (&["-oFrobnicate=1"], "Frobnicate"),
            (&["-p", "x"], "-p"),
            (&["-b", "somewhere"], "somewhere"),
            (&["extra"], "extra"),
            (&["-oMACs=crc32"], "crc32"),
        ] {
            let error = settings(line).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{line:?}: {error}");
        }
    }
}
