//! The command line, with the flags of OpenSSH's `ssh-keygen`. One flag says what to do, the others how.

use crate::certify::Order;
use lexopt::{Arg, Parser, ValueExt};
use sanssh_core::file::private::ROUNDS;
use sanssh_core::file::public::Hash;
use sanssh_core::file::{Format, signing::KeyType};
use sanssh_std::home;
use sanssh_std::ssh_config::value::number;
use std::path::PathBuf;
use zeroize::Zeroizing;

const HELP: &str = "\
Usage: keygen [-q] [-t TYPE] [-b BITS] [-f FILE] [-C COMMENT] [-N PASSPHRASE] [-a ROUNDS] [-m FORMAT]
       keygen -p [-f FILE] [-P OLD] [-N NEW] [-a ROUNDS] [-m FORMAT]
       keygen -c [-f FILE] [-P PASSPHRASE] [-C COMMENT]
       keygen -y [-f FILE] [-P PASSPHRASE]
       keygen -l [-v] [-E md5|sha256] [-f FILE]
       keygen -e | -i [-m FORMAT] [-f FILE]
       keygen -L [-f FILE]
       keygen -s AUTHORITY -I ID -n NAMES [-h] [-V INTERVAL] [-O OPTION]... [-z SERIAL] [-P PASSPHRASE] FILE...
       keygen -F HOST [-l [-v]] [-H] [-f FILE]
       keygen -R HOST | -H [-f FILE]
       keygen -r HOST [-f FILE]

Makes, shows and converts keys, certificates and lists of host keys. Unless a flag says what to do, it makes a key.

  -t TYPE        ed25519 (the usual one), ecdsa or rsa
  -b BITS        ecdsa: 256, 384 or 521 (256); rsa: 2048 to 16384 (3072)
  -f FILE        the file; - is standard input where keys are shown or converted. The usual one is ~/.ssh/id_TYPE, for
                 -F, -R and -H ~/.ssh/known_hosts
  -C COMMENT     what is written beside the key (USER@HOST)
  -N PASSPHRASE  the passphrase of the key to come, '' for none; asked for on the terminal if not given. Others on this
                 machine can see what the command line says
  -P PASSPHRASE  the passphrase that the key has; asked for if needed and not given
  -a ROUNDS      what trying a passphrase shall cost, in rounds of bcrypt (24) of about 10 ms
  -m FORMAT      private keys: RFC4716 or OpenSSH (the usual one), PKCS8, PEM; public keys: RFC4716, PKCS8, PEM
  -q             say nothing but errors

  -p             change passphrase and format of a private key of any format, PuTTY's among them
  -c             change the comment
  -y             print the public key of a private one
  -l             print the fingerprints of a key, a certificate, or every line of a list of any kind; -v with a picture,
                 -E by this hash
  -e             print a public key in another format
  -i             print a public key of any format on one line
  -r HOST        print records for the DNS, of the key of FILE or of this machine's
  -L             print what certificates say

  -s AUTHORITY   certify the keys of FILEs by this private key, into FILE-cert.pub
  -I ID          what the certificate is called in logs
  -n NAMES       the users or hosts that it is for, separated by commas; a certificate names at least one
  -h             hosts', not users'
  -V INTERVAL    when it is valid (for ever): +TIME from now, or FROM:TO, each +TIME or -TIME from now, YYYYMMDD,
                 YYYYMMDDHHMM or YYYYMMDDHHMMSS in local time or with Z behind it in UTC; always:..., ...:forever
  -z SERIAL      its number (0); with + in front it grows from file to file
  -O OPTION      clear, [no-]agent-forwarding, [no-]port-forwarding, [no-]pty, [no-]user-rc, [no-]x11-forwarding (to
                 allow them: permit-...), no-touch-required, verify-required, force-command=COMMAND,
                 source-address=NETWORKS, critical:NAME[=VALUE], extension:NAME[=VALUE]

  -F HOST        print the lines of known_hosts about a host, or [host]:port; with -l fingerprints, with -H hashed
  -R HOST        take a host's keys out; the old list stays as FILE.old
  -H             hide the names of the list behind hashes; the old list stays as FILE.old
  --help         this text

Exit status: 0; 1 if there is nothing of the kind, or the command line is wrong; 255 if a file is not what it should be.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A text to print.
    Text(String),
    /// Something to do.
    Job(Box<Arguments>),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    Generate,
    Passphrase,
    Comment,
    Public,
    Fingerprint,
    Export,
    Import,
    Records(String),
    Certify(PathBuf),
    Detail,
    Find(String),
    Remove(String),
    HashHosts,
}

/// What to do, and how.
pub(crate) struct Arguments {
    pub(crate) task: Task,
    pub(crate) file: Option<PathBuf>,
    kind: Option<String>,
    bits: Option<usize>,
    pub(crate) comment: Option<String>,
    /// The passphrase that the key has.
    pub(crate) passphrase: Option<Zeroizing<String>>,
    /// The passphrase of the key to come; empty for none.
    pub(crate) new_passphrase: Option<Zeroizing<String>>,
    pub(crate) rounds: u32,
    pub(crate) format: Option<Format>,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) hash: Hash,
    /// With `-F`: fingerprints instead of lines.
    pub(crate) list: bool,
    /// With `-F`: names hashed.
    pub(crate) hashed: bool,
    pub(crate) order: Order,
    /// Files whose keys are to be certified.
    pub(crate) subjects: Vec<PathBuf>,
}

impl core::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Arguments").field("task", &self.task).field("file", &self.file).finish_non_exhaustive()
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            task: Task::Generate,
            file: None,
            kind: None,
            bits: None,
            comment: None,
            passphrase: None,
            new_passphrase: None,
            rounds: ROUNDS,
            format: None,
            quiet: false,
            verbose: false,
            hash: Hash::Sha256,
            list: false,
            hashed: false,
            order: Order::default(),
            subjects: Vec::new(),
        }
    }
}

pub(crate) fn read() -> Result<Asked, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked, String> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(HELP.to_owned())),
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
            Arg::Value(file) => arguments.subjects.push(file.into()),
            Arg::Short(flag) if arguments.switch(flag)? => {}
            Arg::Short(flag) if "FRrstbfCNPamEInVzO".contains(flag) => {
                // Moved, not copied: it may be a passphrase.
                let text = parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())?;
                arguments.set(flag, text).map_err(|error| format!("-{flag}: {error}"))?;
            }
            Arg::Short(flag) => return Err(format!("unknown flag -{flag}; see --help")),
        }
    }
    arguments.settle()?;
    Ok(Asked::Job(Box::new(arguments)))
}

impl Arguments {
    /// A flag without a value, if it is one.
    fn switch(&mut self, flag: char) -> Result<bool, String> {
        match flag {
            'q' => self.quiet = true,
            'v' => self.verbose = true,
            'h' => self.order.host = true,
            'l' => self.list = true,
            'H' => self.hashed = true,
            'p' => self.choose(Task::Passphrase)?,
            'c' => self.choose(Task::Comment)?,
            'y' => self.choose(Task::Public)?,
            'e' => self.choose(Task::Export)?,
            'i' => self.choose(Task::Import)?,
            'L' => self.choose(Task::Detail)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A flag with a value.
    fn set(&mut self, flag: char, text: String) -> Result<(), String> {
        match flag {
            'F' => self.choose(Task::Find(text))?,
            'R' => self.choose(Task::Remove(text))?,
            'r' => self.choose(Task::Records(text))?,
            's' => self.choose(Task::Certify(text.into()))?,
            't' => self.kind = Some(text),
            'b' => self.bits = Some(number(&text)?),
            'f' => self.file = Some(text.into()),
            'C' => self.comment = Some(text),
            'N' => self.new_passphrase = Some(Zeroizing::new(text)),
            'P' => self.passphrase = Some(Zeroizing::new(text)),
            'a' => self.rounds = number(&text)?,
            'm' => self.format = Some(format(&text)?),
            'E' => self.hash = hash(&text)?,
            _ => self.order.set(flag, &text)?,
        }
        Ok(())
    }

    fn choose(&mut self, task: Task) -> Result<(), String> {
        if self.task != Task::Generate && self.task != task {
            return Err("there is more than one thing to do; see --help".to_owned());
        }
        self.task = task;
        Ok(())
    }

    /// `-l` and `-H` are things to do unless they say how another is to be done.
    fn settle(&mut self) -> Result<(), String> {
        let finds = matches!(self.task, Task::Find(_));
        if self.list && !finds {
            self.choose(Task::Fingerprint)?;
        }
        if self.hashed && !finds {
            self.choose(Task::HashHosts)?;
        }
        if let (Some(extra), false) = (self.subjects.first(), matches!(self.task, Task::Certify(_))) {
            return Err(format!("unexpected argument {}; see --help", extra.display()));
        }
        self.key_type().map(drop)
    }

    /// The kind of key to make.
    pub(crate) fn key_type(&self) -> Result<KeyType, String> {
        match (self.kind.as_deref().unwrap_or("ed25519"), self.bits) {
            ("ed25519", _) => Ok(KeyType::Ed25519),
            ("ecdsa", None | Some(256)) => Ok(KeyType::EcdsaP256),
            ("ecdsa", Some(384)) => Ok(KeyType::EcdsaP384),
            ("ecdsa", Some(521)) => Ok(KeyType::EcdsaP521),
            ("ecdsa", Some(bits)) => Err(format!("-b: an ecdsa key has 256, 384 or 521 bits, not {bits}")),
            ("rsa", bits) => Ok(KeyType::Rsa(bits.unwrap_or(3072))),
            (other, _) => Err(format!("-t: \"{other}\" is none of ed25519, ecdsa, rsa")),
        }
    }

    /// The type as file names have it.
    pub(crate) fn type_name(&self) -> &str {
        self.kind.as_deref().unwrap_or("ed25519")
    }

    /// The file with the key: the one that is named, or the user's usual one of the type, or else the first there is.
    pub(crate) fn key_file(&self) -> Result<PathBuf, String> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let usual =
            |name: &str| home::ssh(name).ok_or_else(|| "no home to look for keys in; name a file by -f".to_owned());
        let there = || home::IDENTITIES.iter().filter_map(|name| home::ssh(name)).find(|file| file.exists());
        match there().filter(|_| self.kind.is_none() && self.task != Task::Generate) {
            Some(file) => Ok(file),
            None => usual(&format!("id_{}", self.type_name())),
        }
    }
}

fn format(text: &str) -> Result<Format, String> {
    match text.to_ascii_lowercase().as_str() {
        "rfc4716" => Ok(Format::Rfc4716),
        "openssh" => Ok(Format::OpenSsh),
        "pkcs8" => Ok(Format::Pkcs8),
        "pem" => Ok(Format::Pem),
        _ => Err(format!("\"{text}\" is none of RFC4716, OpenSSH, PKCS8, PEM")),
    }
}

fn hash(text: &str) -> Result<Hash, String> {
    let known = [Hash::Sha256, Hash::Md5].into_iter().find(|hash| hash.name().eq_ignore_ascii_case(text));
    known.ok_or_else(|| format!("\"{text}\" is none of md5, sha256"))
}

#[cfg(test)]
mod tests {
    use super::{Arguments, Asked, Task, parse};
    use lexopt::Parser;
    use sanssh_core::file::signing::KeyType;

    fn arguments(line: &[&str]) -> Result<Box<Arguments>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(arguments) => Ok(arguments),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_say_what_and_how() {
        let read = arguments(&["-lvf", "x", "-E", "MD5"]).unwrap();
        assert_eq!((&read.task, read.verbose), (&Task::Fingerprint, true));
        let read = arguments(&["-H", "-F", "host", "-l"]).unwrap();
        assert_eq!((&read.task, read.list, read.hashed), (&Task::Find("host".to_owned()), true, true));
        let read = arguments(&["-t", "ecdsa", "-b384", "-N", ""]).unwrap();
        assert_eq!((&read.task, read.key_type()), (&Task::Generate, Ok(KeyType::EcdsaP384)));
        assert!(read.new_passphrase.as_ref().is_some_and(|text| text.is_empty()));
        assert!(!format!("{:?}", arguments(&["-P", "secret"]).unwrap()).contains("secret"));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            (&["-Z"][..], "-Z"),
            (&["-t", "dsa"], "dsa"),
            (&["-t", "ecdsa", "-b", "1"], "521"),
            (&["-m", "DER"], "DER"),
            (&["-E", "crc"], "crc"),
            (&["-a", "x"], "-a"),
            (&["-y", "-L"], "more than one"),
            (&["-F", "a", "-R", "b"], "more than one"),
            (&["-y", "extra"], "extra"),
            (&["-s", "ca", "-O", "wizard", "x"], "wizard"),
            (&["-f"], "-f"),
        ] {
            let error = arguments(line).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{line:?}: {error}");
        }
    }
}
