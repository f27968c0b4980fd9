//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use sanssh_core::algorithm::Kex;
use std::path::PathBuf;

const HELP: &str = "\
Usage: mio_many [LOAD]...
       mio_many load -k HOSTKEY.pub -i KEY [LOAD]... HOST:PORT
       mio_many serve -k HOSTKEY -a KEY.pub [-l ADDRESS] [-x KEX]

Many connections on one thread. The first form starts a server of its own, with new keys.

Load:
  -n COUNT        connections (1000)
  -m COUNT        commands on each, one after another, once all are logged in (1)
  -c COMMAND      the command (echo it works); it must print something, and 'echo' its text
  -w COUNT        connections on their way in at a time (200)
  -j COUNT        commands at a time (one on each connection)
  -b              one more connection that streams at full rate meanwhile
  -x KEX          the key exchange method
  -u USER         whom to log in as (user)
  -i KEY          file of the private key to log in by
  -k KEY          file of the host's public key; a server's private one
  --exchange      end each connection as soon as keys are exchanged

Server: knows the commands 'echo TEXT', 'stream BYTES' and 'memory', and ends with its standard input.
  -l ADDRESS      where to listen (127.0.0.1:0); the address is printed
  -a KEY          file of the public key that may log in

  --help          this text
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A text to print.
    Text(String),
    /// A server.
    Serve(Serve),
    /// A load on a server that there is.
    Load(Load),
    /// Both.
    Both(Load),
}

/// A server.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) address: String,
    pub(crate) host_key: PathBuf,
    pub(crate) authorized: PathBuf,
    pub(crate) kex: Option<Kex>,
}

/// A load.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) address: String,
    pub(crate) host_key: PathBuf,
    pub(crate) identity: PathBuf,
    pub(crate) user: String,
    pub(crate) connections: usize,
    pub(crate) commands: usize,
    pub(crate) command: String,
    pub(crate) at_a_time: usize,
    pub(crate) jobs: usize,
    pub(crate) bulk: bool,
    pub(crate) exchange: bool,
    pub(crate) kex: Option<Kex>,
}

/// All that can be said, whatever it is for.
#[derive(Debug)]
struct Line {
    words: Vec<String>,
    listen: String,
    authorized: PathBuf,
    load: Load,
}

pub(crate) fn read() -> Result<Asked, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked, String> {
    let mut line = Line {
        words: Vec::new(),
        listen: "127.0.0.1:0".to_owned(),
        authorized: PathBuf::new(),
        load: Load {
            address: String::new(),
            host_key: PathBuf::new(),
            identity: PathBuf::new(),
            user: "user".to_owned(),
            connections: 1000,
            commands: 1,
            command: "echo it works".to_owned(),
            at_a_time: 200,
            jobs: usize::MAX,
            bulk: false,
            exchange: false,
            kex: None,
        },
    };
    while let Some(argument) = parser.next().map_err(plain)? {
        let flag = match argument {
            Arg::Long("help") => return Ok(Asked::Text(HELP.to_owned())),
            Arg::Long("exchange") => {
                line.load.exchange = true;
                continue;
            }
            Arg::Short(flag) => flag,
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
            Arg::Value(word) => {
                line.words.push(word.string().map_err(plain)?);
                continue;
            }
        };
        line.set(flag, || parser.value().and_then(ValueExt::string).map_err(plain))?;
    }
    line.asked()
}

impl Line {
    fn set(&mut self, flag: char, value: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
        let number = |text: String| text.parse().map_err(|_| format!("-{flag}: \"{text}\" is no number"));
        match flag {
            'b' => self.load.bulk = true,
            'n' => self.load.connections = number(value()?)?,
            'm' => self.load.commands = number(value()?)?,
            'w' => self.load.at_a_time = number(value()?)?,
            'j' => self.load.jobs = number(value()?)?,
            'c' => self.load.command = value()?,
            'u' => self.load.user = value()?,
            'l' => self.listen = value()?,
            'i' => self.load.identity = value()?.into(),
            'k' => self.load.host_key = value()?.into(),
            'a' => self.authorized = value()?.into(),
            'x' => {
                let name = value()?;
                let kex = Kex::from_name(&name).ok_or_else(|| format!("\"{name}\" is no key exchange"))?;
                self.load.kex = Some(kex);
            }
            _ => return Err(format!("unknown flag -{flag}; see --help")),
        }
        Ok(())
    }

    fn asked(self) -> Result<Asked, String> {
        let Self { words, listen: address, authorized, mut load } = self;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => Ok(Asked::Both(load)),
            ["serve"] => Ok(Asked::Serve(Serve { address, host_key: load.host_key, authorized, kex: load.kex })),
            ["load", address] => {
                load.address = address.to_owned();
                Ok(Asked::Load(load))
            }
            _ => Err("serve, load HOST:PORT, or neither; see --help".to_owned()),
        }
    }
}

fn plain(error: lexopt::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};
    use lexopt::Parser;

    #[test]
    fn three_forms() {
        let parsed = |line: &[&str]| parse(Parser::from_args(line));
        assert!(matches!(parsed(&["-n5", "-b"]), Ok(Asked::Both(load)) if load.connections == 5 && load.bulk));
        let load = parsed(&["load", "-k", "a.pub", "-xcurve25519-sha256", "[::1]:22"]);
        assert!(matches!(load, Ok(Asked::Load(load)) if load.address == "[::1]:22" && load.kex.is_some()));
        assert!(matches!(parsed(&["serve", "-a", "a"]), Ok(Asked::Serve(serve)) if serve.address == "127.0.0.1:0"));
        assert!(parsed(&["load"]).is_err() && parsed(&["-n", "x"]).is_err() && parsed(&["-x", "none"]).is_err());
    }
}
