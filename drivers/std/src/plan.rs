//! Which keys a client logs in with, in which order, and what became of each: a list that only ever goes forward, and that
//! can be shown when nobody understands why a login failed.

use crate::{Agent, Client, Error, Identity, Login, home};
use core::fmt;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::MethodSet;
use sanssh_core::file::public::fingerprint;
use sanssh_core::file::{KeyError, PublicKeyBuf, SigningKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Passphrases that are asked for before a key is left out.
const TRIES: u32 = 3;

/// Keys to log in with, in their order.
#[derive(Debug, Default)]
pub struct Plan {
    entries: Vec<Entry>,
    agent: Option<Agent>,
}

/// A key of a plan.
#[derive(Debug)]
pub struct Entry {
    /// Where it is from.
    pub source: Source,
    /// The public key blob, or the certificate; empty if it is not known.
    pub key: Vec<u8>,
    /// The signature algorithm that it was offered with.
    pub algorithm: Option<HostKey>,
    /// What became of it.
    pub outcome: Outcome,
    signer: Signer,
}

/// Where a key is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file with a private key.
    File(PathBuf),
    /// A file with a certificate beside its private key's.
    Certificate(PathBuf),
    /// The agent; what it says beside the key.
    Agent(String),
    /// The program itself; its word for the key.
    Program(String),
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Waiting,
    /// It was not offered.
    Skipped(Skip),
    /// The server does not want it.
    Refused,
    /// It was right, and more was wanted.
    Partial,
    /// It logged in.
    Accepted,
}

/// Why a key was not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// Its file gives no key; why, in a line.
    Unreadable(String),
    /// Others can read the file of the private key.
    Exposed,
    /// It needs a passphrase, and there is nobody to ask.
    Encrypted,
    /// Its passphrase was not given.
    Locked,
    /// The certificate is for another key than the private one beside it.
    OtherKey,
    /// The same key stands further up.
    Repeated,
    /// The server takes no algorithm that the key can sign by.
    NoAlgorithm,
    /// Logins by key were not wanted, or not any more.
    NotWanted,
    /// It did not sign; why, in a line.
    Unsigned(String),
}

/// Who signs.
enum Signer {
    Nobody,
    /// The private key in a file, which is locked.
    Locked(PathBuf),
    Key(SigningKey),
    /// The private key of the entry behind this one.
    Next,
    Agent,
}

/// Gives a passphrase for a file, or `None` to leave its key out; told what was wrong with the last, if there was one.
pub type Unlock<'a> = &'a mut dyn FnMut(&Path, Option<&Error>) -> Option<Zeroizing<String>>;

impl Plan {
    /// A plan without keys. Those of the agent are added one by one, and the agent is to be
    /// [bound](Client::bind) before.
    pub const fn new(agent: Option<Agent>) -> Self {
        Self { entries: Vec::new(), agent }
    }

    /// The keys, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether a key waits to be offered.
    pub fn goes_on(&self) -> bool {
        self.entries.iter().any(|entry| entry.outcome == Outcome::Waiting)
    }

    /// Adds a key that the program has.
    pub fn key(&mut self, key: SigningKey, word: impl Into<String>) {
        let public = key.public().to_vec();
        self.add(Source::Program(word.into()), Ok((public, Signer::Key(key))));
    }

    /// Adds a key of the agent.
    pub fn held(&mut self, identity: Identity) {
        self.add(Source::Agent(identity.comment), Ok((identity.key, Signer::Agent)));
    }

    /// Adds the key of a file, and before it the certificate that lies beside as `FILE-cert.pub`. Files that give no key
    /// stand in the plan as well, with the reason.
    pub fn file(&mut self, file: &Path) {
        let key = open(file);
        let certificate = home::beside(file, "-cert.pub");
        if let (Ok((public, _)), true) = (&key, certificate.exists()) {
            let read = read_certificate(&certificate, public);
            self.add(Source::Certificate(certificate), read.map(|blob| (blob, Signer::Next)));
        }
        self.add(Source::File(file.to_owned()), key);
    }

    fn add(&mut self, source: Source, found: Result<(Vec<u8>, Signer), Skip>) {
        let known = |key: &Vec<u8>| !key.is_empty() && self.entries.iter().any(|entry| entry.key == *key);
        let entry = match found {
            // A certificate before it may still want its signature.
            Ok((key, signer)) if known(&key) => Entry { signer, ..Entry::skipped(source, key, Skip::Repeated) },
            Ok((key, signer)) => Entry { source, key, algorithm: None, outcome: Outcome::Waiting, signer },
            Err(why) => Entry::skipped(source, Vec::new(), why),
        };
        self.entries.push(entry);
    }

    /// The server does not want keys (any more): what waits is left out.
    pub fn end(&mut self) {
        for entry in &mut self.entries {
            if entry.outcome == Outcome::Waiting {
                entry.skip(Skip::NotWanted);
            }
        }
    }

    /// The private key of an entry, for which a passphrase may be asked.
    fn unlock(&mut self, at: usize, unlock: Option<Unlock<'_>>) -> Result<(), Skip> {
        let Some(Entry { signer: Signer::Locked(file), .. }) = self.entries.get(at) else { return Ok(()) };
        let (file, ask) = (file.clone(), unlock.ok_or(Skip::Encrypted)?);
        let mut wrong = None;
        for _ in 0..TRIES {
            let passphrase = ask(&file, wrong.as_ref()).ok_or(Skip::Locked)?;
            match home::read_key(&file, Some(&passphrase)) {
                Ok(key) => {
                    let Some(entry) = self.entries.get_mut(at) else { break };
                    entry.key = key.public().to_vec();
                    entry.signer = Signer::Key(key);
                    return Ok(());
                }
                Err(error) => wrong = Some(error),
            }
        }
        Err(Skip::Locked)
    }

    /// Where the private key of an entry stands.
    fn holder(&self, at: usize) -> usize {
        let next = self.entries.get(at).is_some_and(|entry| matches!(entry.signer, Signer::Next));
        at + usize::from(next)
    }

    fn signing_key(&self, at: usize) -> Option<&SigningKey> {
        match &self.entries.get(self.holder(at))?.signer {
            Signer::Key(key) => Some(key),
            Signer::Nobody | Signer::Locked(_) | Signer::Next | Signer::Agent => None,
        }
    }
}

impl Entry {
    const fn skipped(source: Source, key: Vec<u8>, why: Skip) -> Self {
        Self { source, key, algorithm: None, outcome: Outcome::Skipped(why), signer: Signer::Nobody }
    }

    fn skip(&mut self, why: Skip) {
        self.outcome = Outcome::Skipped(why);
        self.signer = Signer::Nobody;
    }
}

impl Client {
    /// Offers the next key of a plan that can be offered. A key that is locked is offered without a signature first, so
    /// that nobody is asked for the passphrase of one that the server does not want; without `unlock` it is left out.
    /// `None` if there was none left.
    ///
    /// # Errors
    /// What ended the connection; whatever is wrong with a key stands in the plan.
    pub fn login_next(
        &self,
        user: &str,
        plan: &mut Plan,
        mut unlock: Option<Unlock<'_>>,
    ) -> Result<Option<Login>, Error> {
        while let Some(at) = plan.entries.iter().position(|entry| entry.outcome == Outcome::Waiting) {
            let tried = self.offer(user, plan, at, unlock.as_mut().map(|ask| &mut **ask as Unlock<'_>));
            let Some(entry) = plan.entries.get_mut(at) else { break };
            match tried? {
                Ok(login) => {
                    entry.outcome = match &login {
                        Login::Accepted { .. } => Outcome::Accepted,
                        Login::Partial(_) => Outcome::Partial,
                        Login::Refused(_) | Login::PasswordExpired(_) => Outcome::Refused,
                    };
                    entry.signer = Signer::Nobody;
                    return Ok(Some(login));
                }
                Err(why) => entry.skip(why),
            }
        }
        Ok(None)
    }

    fn offer(
        &self,
        user: &str,
        plan: &mut Plan,
        at: usize,
        unlock: Option<Unlock<'_>>,
    ) -> Result<Result<Login, Skip>, Error> {
        let Some(entry) = plan.entries.get_mut(at) else { return Ok(Err(Skip::NotWanted)) };
        entry.algorithm = self.best_for(&entry.key);
        let algorithm = entry.algorithm;
        if !entry.key.is_empty() && algorithm.is_none() {
            return Ok(Err(Skip::NoAlgorithm));
        }
        if matches!(entry.signer, Signer::Agent) {
            return self.offer_held(user, plan, at);
        }
        let holder = plan.holder(at);
        let locked = plan.entries.get(holder).is_some_and(|entry| matches!(entry.signer, Signer::Locked(_)));
        if let (Some(algorithm), true, true) = (algorithm, locked, unlock.is_some()) {
            let key = plan.entries.get(at).map(|entry| entry.key.clone()).unwrap_or_default();
            if !self.probe_key(user, algorithm, &key)? {
                return Ok(Ok(Login::Refused(MethodSet::PUBLIC_KEY)));
            }
        }
        if let Err(why) = plan.unlock(holder, unlock) {
            return Ok(Err(why));
        }
        self.sign_and_offer(user, plan, at)
    }

    fn sign_and_offer(&self, user: &str, plan: &mut Plan, at: usize) -> Result<Result<Login, Skip>, Error> {
        let Some(entry) = plan.entries.get_mut(at) else { return Ok(Err(Skip::NotWanted)) };
        // What was locked may not have been known before.
        entry.algorithm = self.best_for(&entry.key);
        let Some(algorithm) = entry.algorithm else { return Ok(Err(Skip::NoAlgorithm)) };
        let public = entry.key.clone();
        let Some(key) = plan.signing_key(at) else { return Ok(Err(Skip::Unsigned("its key is gone".to_owned()))) };
        let sign = |message: &[u8]| key.sign(algorithm.plain(), message).map_err(Error::Sign);
        match self.login_signed(user, algorithm, &public, sign) {
            Ok(login) => Ok(Ok(login)),
            Err(Error::Sign(why)) => Ok(Err(Skip::Unsigned(why.to_string()))),
            Err(error) => Err(error),
        }
    }

    fn offer_held(&self, user: &str, plan: &mut Plan, at: usize) -> Result<Result<Login, Skip>, Error> {
        let gone = || Skip::Unsigned("the agent is gone".to_owned());
        let Plan { entries, agent } = plan;
        let (Some(entry), Some(held)) = (entries.get(at), agent.as_mut()) else { return Ok(Err(gone())) };
        let identity = Identity { key: entry.key.clone(), comment: String::new() };
        match self.login_identity(user, held, &identity) {
            Ok(login) => Ok(Ok(login)),
            Err(Error::NoSignature) => Ok(Err(Skip::NoAlgorithm)),
            Err(error @ Error::AgentRefused) => Ok(Err(Skip::Unsigned(error.to_string()))),
            // If it was the server that failed, the next call tells.
            Err(error @ (Error::Agent(_) | Error::Io(_) | Error::TimedOut(_))) => {
                *agent = None;
                Ok(Err(Skip::Unsigned(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }
}

/// The key of a file; only its public half if it is locked.
fn open(file: &Path) -> Result<(Vec<u8>, Signer), Skip> {
    if home::is_exposed(file) {
        return Err(Skip::Exposed);
    }
    match home::read_key(file, None) {
        Ok(key) => Ok((key.public().to_vec(), Signer::Key(key))),
        Err(Error::Key { why: KeyError::Encrypted, .. }) => {
            Ok((home::public(file).unwrap_or_default(), Signer::Locked(file.to_owned())))
        }
        Err(Error::Key { why, .. }) => Err(Skip::Unreadable(why.to_string())),
        Err(error) => Err(Skip::Unreadable(error.to_string())),
    }
}

fn read_certificate(file: &Path, key: &[u8]) -> Result<Vec<u8>, Skip> {
    let text = home::read(file).map_err(|error| Skip::Unreadable(error.to_string()))?;
    let (certificate, _) = PublicKeyBuf::read(&text).map_err(|error| Skip::Unreadable(error.to_string()))?;
    let certified = certificate.certificate().map_err(|_| Skip::Unreadable("not a certificate".to_owned()))?;
    if PublicKeyBuf::new(&certified.key).blob() == key { Ok(certificate.blob().to_vec()) } else { Err(Skip::OtherKey) }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Locked(_) => "Locked",
            Self::Key(_) => "Key",
            Self::Next => "Next",
            Self::Agent => "Agent",
        })
    }
}

impl fmt::Display for Plan {
    /// A line for each key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if !self.key.is_empty() {
            let of_key = sanssh_core::wire::Reader::new(&self.key).string().unwrap_or_default();
            let name = self.algorithm.map_or(of_key, |algorithm| algorithm.name().as_bytes());
            write!(f, " ({} {})", name.escape_ascii(), fingerprint(&self.key))?;
        }
        write!(f, ": {}", self.outcome)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Certificate(file) => write!(f, "the certificate {}", file.display()),
            Self::Agent(comment) => write!(f, "{comment} of the agent"),
            Self::Program(word) => f.write_str(word),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("not offered yet"),
            Self::Skipped(why) => write!(f, "not offered: {why}"),
            Self::Refused => f.write_str("refused"),
            Self::Partial => f.write_str("right, and more was wanted"),
            Self::Accepted => f.write_str("accepted"),
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(why) | Self::Unsigned(why) => why,
            Self::Exposed => "others can read it; run chmod 600 on it",
            Self::Encrypted => "it needs a passphrase, and there is nobody to ask",
            Self::Locked => "its passphrase was not given",
            Self::OtherKey => "it is for another key",
            Self::Repeated => "the same key stands further up",
            Self::NoAlgorithm => "the server takes no algorithm of it",
            Self::NotWanted => "the server did not ask for more keys",
        })
    }
}
