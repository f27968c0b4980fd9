//! The command line, with the flags of OpenSSH's `ssh-keyscan`, and files of hosts.

use core::time::Duration;
use lexopt::{Arg, Parser, ValueExt};
use sanssh_core::algorithm::HostKey;
use sanssh_std::Family;
use sanssh_std::ssh_config::value;
use std::fs;
use std::io::Read;

const HELP: &str = "\
Usage: keyscan [-46cDHv] [-p PORT] [-T TIME] [-t TYPES] [-f FILE]... [HOST]...

Prints the host keys that servers show, as lines for known_hosts. Nothing says that they are right.

  -4, -6          use IPv4, IPv6 only
  -c              ask for certificates in place of bare keys
  -D              print SSHFP records for the DNS
  -H              hide the names of hosts behind a hash
  -f FILE         hosts, one a line: HOST[,HOST]... [NAME[,NAME]...], where the names are printed in place of the hosts,
                  and the hosts are tried in turn; - is standard input
  -p PORT         port of all hosts (22)
  -T TIME         how long one connection may take (5)
  -t TYPES        of rsa, ecdsa, ed25519, ecdsa-sk, ed25519-sk, separated by commas; without it all of them
  -v              say also why there is no key of a type
  -V              the version
  --help          this text

Exit status: 0 if there was a key, 1 if there was none, 255 if the command line was wrong.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A text to print.
    Text(String),
    /// Keys.
    Job(Job),
}

/// Which keys of which hosts.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) targets: Vec<Target>,
    pub(crate) types: Vec<Type>,
    pub(crate) port: u16,
    pub(crate) timeout: Duration,
    pub(crate) family: Family,
    pub(crate) certificates: bool,
    pub(crate) records: bool,
    pub(crate) hashed: bool,
    pub(crate) verbose: bool,
}

/// A host by its addresses, which are tried in turn, and the names to print for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) addresses: Vec<String>,
    pub(crate) names: Vec<String>,
}

/// A type of key: one connection asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Rsa,
    Ecdsa,
    Ed25519,
    EcdsaSk,
    Ed25519Sk,
}

impl Type {
    const ALL: [(&str, Self); 5] = [
        ("rsa", Self::Rsa),
        ("ecdsa", Self::Ecdsa),
        ("ed25519", Self::Ed25519),
        ("ecdsa-sk", Self::EcdsaSk),
        ("ed25519-sk", Self::Ed25519Sk),
    ];

    /// The bare algorithms of its keys.
    pub(crate) const fn algorithms(self) -> &'static [HostKey] {
        match self {
            Self::Rsa => &[HostKey::RsaSha512, HostKey::RsaSha256],
            Self::Ecdsa => &[HostKey::EcdsaP256, HostKey::EcdsaP384, HostKey::EcdsaP521],
            Self::Ed25519 => &[HostKey::Ed25519],
            Self::EcdsaSk => &[HostKey::SkEcdsaP256],
            Self::Ed25519Sk => &[HostKey::SkEd25519],
        }
    }

    fn list(text: &str) -> Result<Vec<Self>, String> {
        let find = |name: &str| Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        text.split(',').map(|name| find(name).ok_or_else(|| format!("\"{name}\" is no type of key"))).collect()
    }
}

impl Target {
    /// A line of a file, or an argument; `None` if nothing is in it but a comment.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let list = |word: &str| word.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let addresses = list(words.next()?);
        let names = words.next().map_or_else(|| addresses.clone(), list);
        Some(Self { addresses, names })
    }

    fn file(name: &str) -> Result<Vec<Self>, String> {
        let mut text = String::new();
        let read = match name {
            "-" => std::io::stdin().read_to_string(&mut text).map(|_| text),
            name => fs::read_to_string(name),
        };
        Ok(read.map_err(|error| format!("{name}: {error}"))?.lines().filter_map(Self::read).collect())
    }
}

pub(crate) fn read() -> Result<Asked, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked, String> {
    let mut job = Job {
        targets: Vec::new(),
        types: Type::ALL.map(|(_, kind)| kind).to_vec(),
        port: 22,
        timeout: Duration::from_secs(5),
        family: Family::Any,
        certificates: false,
        records: false,
        hashed: false,
        verbose: false,
    };
    while let Some(argument) = parser.next().map_err(plain)? {
        let flag = match argument {
            Arg::Long("help") => return Ok(Asked::Text(HELP.to_owned())),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Short(flag) => flag,
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
            Arg::Value(host) => {
                job.targets.extend(Target::read(&host.string().map_err(plain)?));
                continue;
            }
        };
        job.set(flag, || parser.value().and_then(ValueExt::string).map_err(plain))?;
    }
    if job.targets.is_empty() { Err("no host; see --help".to_owned()) } else { Ok(Asked::Job(job)) }
}

impl Job {
    fn set(&mut self, flag: char, value: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
        let named = |error| format!("-{flag}: {error}");
        match flag {
            '4' => self.family = Family::V4,
            '6' => self.family = Family::V6,
            'c' => self.certificates = true,
            'D' => self.records = true,
            'H' => self.hashed = true,
            'v' => self.verbose = true,
            'f' => self.targets.extend(Target::file(&value()?).map_err(named)?),
            'p' => self.port = value::number(&value()?).map_err(named)?,
            'T' => self.timeout = value::span(&value()?).map_err(named)?,
            't' => self.types = Type::list(&value()?).map_err(named)?,
            _ => return Err(format!("unknown flag -{flag}; see --help")),
        }
        Ok(())
    }
}

fn plain(error: lexopt::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Asked, Job, Target, Type, parse};
    use core::time::Duration;
    use lexopt::Parser;

    fn job(line: &[&str]) -> Result<Job, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(job) => Ok(job),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_and_hosts() {
        let job = job(&["-p2222", "-T", "1m", "-trsa,ed25519", "a", "-DH", "b"]).unwrap();
        assert_eq!((job.port, job.timeout), (2222, Duration::from_secs(60)));
        assert_eq!(job.types, [Type::Rsa, Type::Ed25519]);
        assert!(job.records && job.hashed && !job.certificates && job.targets.len() == 2);
    }

    #[test]
    fn lines_of_files() {
        let target = |addresses: &[&str], names: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
            Some(Target { addresses: owned(addresses), names: owned(names) })
        };
        assert_eq!(Target::read(" a.b "), target(&["a.b"], &["a.b"]));
        assert_eq!(Target::read("1.2.3.4,a"), target(&["1.2.3.4", "a"], &["1.2.3.4", "a"]));
        assert_eq!(Target::read("1.2.3.4 a,b # c"), target(&["1.2.3.4"], &["a", "b"]));
        assert_eq!((Target::read("# a"), Target::read("")), (None, None));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in
            [(&["-Z", "h"][..], "-Z"), (&["-tdsa", "h"], "dsa"), (&["-p", "x", "h"], "-p"), (&[], "no host")]
        {
            assert!(job(line).unwrap_err().contains(part), "{line:?}");
        }
    }
}
