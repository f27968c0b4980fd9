//! A keyring: the keys of an agent in memory, with what their owners demand of each (RFC 9987, OpenSSH PROTOCOL.agent).
//! It answers the requests that [`agent::server`](crate::agent::server) takes off the wire; time comes in, and whoever
//! has to be asked before a signature is the embedder's to ask.
//!
//! - [`Keyring`]: the keys, for all connections to the agent; lifetimes, the lock.
//! - [`Bindings`]: what one connection has been told of the sessions it serves, by which keys are held to destinations.

mod binding;
mod held;
mod lock;

pub use binding::Bindings;

use crate::Instant;
use crate::agent::server::{Request, Server};
use crate::agent::{Constraints, Identity, MAX_FRAME};
use crate::algorithm::HostKey;
use crate::crypto::Provider;
use crate::file::SigningKey;
use crate::seed::{Random, Seed};
use crate::{Output, Refused};
use alloc::vec::Vec;
use core::fmt;
use held::Held;
use lock::Lock;

/// The extensions that a keyring knows.
const EXTENSIONS: [&[u8]; 2] = [b"query", b"session-bind@openssh.com"];

/// The bytes of an answer around its identities.
const AROUND: usize = 5;
/// Bytes of the destinations of all keys together: hundreds of hops.
const LONGEST_PATHS: usize = 1 << 20;

/// Keys, and the lock before them.
#[derive(Debug)]
pub struct Keyring {
    held: Vec<Held>,
    lock: Lock,
    /// Of the key held last.
    serial: u64,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use = "a reply is to be given"]
pub enum Reply<'k> {
    /// These keys.
    Identities(Vec<Identity<'k>>),
    /// This signature blob.
    Signature(Vec<u8>),
    /// A person has to agree first; then [`Keyring::confirmed`] replies, otherwise `Refused` is the reply.
    Confirm(Confirm),
    /// These extensions.
    Extensions(&'static [&'static [u8]]),
    /// It is done.
    Done,
    /// It is not, and nothing of it was.
    Refused,
}

/// A signature that a person has to agree to.
pub struct Confirm {
    key: Vec<u8>,
    message: Vec<u8>,
    algorithm: HostKey,
    serial: u64,
    /// The key's comment: untrusted bytes.
    pub comment: Vec<u8>,
    /// The user whom the signature would log in; known for keys that are held to destinations.
    pub user: Option<Vec<u8>>,
}

/// A key that a keyring does not take: the certificate is not its own, or there is no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

impl Keyring {
    /// An empty keyring. The seed salts the lock.
    pub fn new(seed: &Seed) -> Self {
        Self { held: Vec::new(), lock: Lock::new(Random::new(seed)), serial: 0 }
    }

    /// Adds a key, perhaps with a certificate of it. The same key in its place takes the new demands.
    ///
    /// # Errors
    /// [`Unfit`], and nothing is added.
    pub fn add(
        &mut self,
        now: Instant,
        key: SigningKey,
        certificate: Option<&[u8]>,
        comment: &[u8],
        constraints: &Constraints<'_>,
    ) -> Result<(), Unfit> {
        self.put(Held::new(now, key, certificate, comment, constraints).ok_or(Unfit)?)
    }

    /// Answers a request of the connection that `bindings` belongs to.
    pub fn answer<P: Provider>(&mut self, now: Instant, bindings: &mut Bindings, request: &Request<'_>) -> Reply<'_> {
        self.tick(now);
        if self.lock.is_locked() {
            return self.answer_locked::<P>(now, bindings, request);
        }
        let outcome = match *request {
            Request::Identities => return Reply::Identities(self.visible(bindings)),
            Request::Sign { key, message, flags } => return self.sign(bindings, key, message, flags),
            Request::Query => return Reply::Extensions(&EXTENSIONS),
            Request::Add { key, comment, constraints } => self.take(now, bindings, key, comment, &constraints),
            Request::Remove { key } => self.remove(bindings, key),
            Request::RemoveAll => {
                self.held.clear();
                Some(())
            }
            Request::Lock { passphrase } => self.lock.lock(passphrase),
            Request::Unlock { .. } => None,
            Request::Bind(session) => bindings.note::<P>(session),
        };
        outcome.map_or(Reply::Refused, |()| Reply::Done)
    }

    /// A session that is bound meanwhile has to be known when the keys come back: without it they would be free.
    fn answer_locked<P: Provider>(
        &mut self,
        now: Instant,
        bindings: &mut Bindings,
        request: &Request<'_>,
    ) -> Reply<'_> {
        let outcome = match *request {
            Request::Identities => return Reply::Identities(Vec::new()),
            Request::Unlock { passphrase } => self.lock.unlock(now, passphrase),
            Request::Bind(session) => bindings.note::<P>(session),
            Request::Sign { .. }
            | Request::Add { .. }
            | Request::Remove { .. }
            | Request::RemoveAll
            | Request::Lock { .. }
            | Request::Query => None,
        };
        outcome.map_or(Reply::Refused, |()| Reply::Done)
    }

    /// The person agreed: signs, unless the key is gone by now, or held anew.
    pub fn confirmed(&mut self, now: Instant, confirm: &Confirm) -> Reply<'_> {
        self.tick(now);
        let same = |held: &&Held| held.serial == confirm.serial && held.blob() == confirm.key;
        let held = self.held.iter().find(same).filter(|_| !self.lock.is_locked());
        let signature = held.and_then(|held| held.key.sign(confirm.algorithm, &confirm.message).ok());
        signature.map_or(Reply::Refused, Reply::Signature)
    }

    /// Forgets the keys whose time is over.
    pub fn tick(&mut self, now: Instant) {
        self.held.retain(|held| held.until.is_none_or(|until| now < until));
    }

    /// When the next key's time is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.held.iter().filter_map(|held| held.until).min()
    }

    /// How many keys there are, locked away or not.
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn visible(&self, bindings: &Bindings) -> Vec<Identity<'_>> {
        let shown = self.held.iter().filter(|held| bindings.show(held));
        shown.map(|held| Identity { key: held.blob(), comment: &held.comment }).collect()
    }

    fn sign(&self, bindings: &Bindings, key: &[u8], message: &[u8], flags: u32) -> Reply<'_> {
        let Some(held) = self.held.iter().find(|held| held.blob() == key) else { return Reply::Refused };
        let Some(user) = bindings.admit(held, message) else { return Reply::Refused };
        let Some(algorithm) = held.algorithm(flags) else { return Reply::Refused };
        if held.confirm {
            return Reply::Confirm(Confirm {
                key: key.to_vec(),
                message: message.to_vec(),
                algorithm,
                serial: held.serial,
                comment: held.comment.clone(),
                user: user.map(<[u8]>::to_vec),
            });
        }
        held.key.sign(algorithm, message).map_or(Reply::Refused, Reply::Signature)
    }

    /// What a connection may not see it may not replace either.
    fn take(
        &mut self,
        now: Instant,
        bindings: &Bindings,
        key: &[u8],
        comment: &[u8],
        constraints: &Constraints<'_>,
    ) -> Option<()> {
        let fresh = Held::decode(now, key, comment, constraints)?;
        if self.held.iter().any(|held| held.blob() == fresh.blob() && !bindings.show(held)) {
            return None;
        }
        self.put(fresh).ok()
    }

    fn put(&mut self, mut fresh: Held) -> Result<(), Unfit> {
        let old = self.held.iter().position(|held| held.blob() == fresh.blob());
        let others = || self.held.iter().enumerate().filter(|(at, _)| Some(*at) != old).map(|(_, held)| held);
        let listed = others().map(Held::listed).fold(AROUND, usize::saturating_add);
        let paths = others().map(Held::path).fold(0, usize::saturating_add);
        let fits = listed.saturating_add(fresh.listed()) <= MAX_FRAME;
        if !fits || paths.saturating_add(fresh.path()) > LONGEST_PATHS {
            return Err(Unfit);
        }
        self.serial = self.serial.wrapping_add(1);
        fresh.serial = self.serial;
        match old.and_then(|at| self.held.get_mut(at)) {
            Some(place) => *place = fresh,
            None => self.held.push(fresh),
        }
        Ok(())
    }

    fn remove(&mut self, bindings: &Bindings, key: &[u8]) -> Option<()> {
        let at = self.held.iter().position(|held| held.blob() == key && bindings.show(held))?;
        self.held.remove(at);
        Some(())
    }
}

impl Reply<'_> {
    /// Gives the reply to the machine that took the request. `NoRoom` changes nothing: flush, and give it again. One
    /// that waits for a person is `NotYet`.
    pub fn give(&self, server: &mut Server, output: &mut Output<'_>) -> Result<(), Refused> {
        match self {
            Self::Identities(list) => server.identities(list.iter().copied(), output),
            Self::Signature(signature) => server.signature(signature, output),
            Self::Extensions(names) => server.extensions(names, output),
            Self::Done => server.done(),
            Self::Refused => server.refuse(),
            Self::Confirm(_) => Err(Refused::NotYet),
        }
    }
}

impl Confirm {
    /// The public key blob, or the certificate.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confirm({})", self.algorithm)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keyring does not take the key")
    }
}

impl core::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use super::{Bindings, Confirm, Keyring, Reply, Unfit};
    use crate::Instant;
    use crate::agent::server::Request;
    use crate::agent::{Constraints, MAX_FRAME};
    use crate::crypto::soft::Soft;
    use crate::file::SigningKey;
    use crate::seed::Seed;
    use alloc::format;
    use alloc::vec;
    use core::time::Duration;

    const SECOND: u64 = 1_000_000;

    fn keyring() -> Keyring {
        Keyring::new(&Seed::new([6; 32]))
    }

    fn key(number: u8) -> SigningKey {
        SigningKey::ed25519(&[number; 32])
    }

    fn listed(keyring: &mut Keyring, now: Instant) -> usize {
        let Reply::Identities(list) = keyring.answer::<Soft>(now, &mut Bindings::new(None), &Request::Identities)
        else {
            panic!("no list")
        };
        list.len()
    }

    fn sign(keyring: &mut Keyring, now: Instant) -> Reply<'_> {
        let held = key(1);
        let request = Request::Sign { key: held.public(), message: b"message", flags: 0 };
        keyring.answer::<Soft>(now, &mut Bindings::new(None), &request)
    }

    #[test]
    fn a_key_lives_as_long_as_it_may() {
        let mut keyring = keyring();
        for (number, lifetime) in [(1, Some(60)), (2, Some(30)), (3, None)] {
            let constraints = Constraints { lifetime, ..Constraints::default() };
            keyring.add(Instant(SECOND), key(number), None, b"", &constraints).unwrap();
        }
        assert_eq!(keyring.deadline(), Some(Instant(31 * SECOND)));
        assert_eq!(listed(&mut keyring, Instant(31 * SECOND - 1)), 3);
        assert_eq!(listed(&mut keyring, Instant(31 * SECOND)), 2);
        assert!(matches!(sign(&mut keyring, Instant(61 * SECOND)), Reply::Refused));
        assert_eq!((keyring.len(), keyring.deadline()), (1, None));
        // The same key again has its time again.
        keyring
            .add(Instant(0), key(3), None, b"", &Constraints { lifetime: Some(1), ..Constraints::default() })
            .unwrap();
        assert_eq!(keyring.deadline(), Some(Instant(0).after(Duration::from_secs(1))));
    }

    #[test]
    fn a_person_s_word_comes_too_late_for_a_key_that_is_gone() {
        let mut keyring = keyring();
        let asked = |keyring: &mut Keyring, lifetime| -> Confirm {
            let constraints = Constraints { lifetime, confirm: true, ..Constraints::default() };
            keyring.add(Instant(0), key(1), None, b"mine", &constraints).unwrap();
            let Reply::Confirm(confirm) = sign(keyring, Instant(0)) else { panic!("not asked") };
            confirm
        };
        let confirm = asked(&mut keyring, Some(10));
        assert_eq!((&confirm.comment[..], confirm.key()), (&b"mine"[..], key(1).public()));
        assert!(!format!("{confirm:?}").contains("mine"));
        assert!(matches!(keyring.confirmed(Instant(9 * SECOND), &confirm), Reply::Signature(_)));
        assert!(matches!(keyring.confirmed(Instant(10 * SECOND), &confirm), Reply::Refused));
        let confirm = asked(&mut keyring, None);
        let lock = Request::Lock { passphrase: b"word" };
        assert!(matches!(keyring.answer::<Soft>(Instant(0), &mut Bindings::new(None), &lock), Reply::Done));
        assert!(matches!(keyring.confirmed(Instant(0), &confirm), Reply::Refused));
    }

    #[test]
    fn what_cannot_be_listed_is_not_taken() {
        let mut keyring = keyring();
        let half = vec![b'x'; MAX_FRAME / 2];
        let mut add =
            |number, comment: &[u8]| keyring.add(Instant(0), key(number), None, comment, &Constraints::default());
        assert_eq!(add(1, &half), Ok(()));
        assert_eq!(add(2, &half), Err(Unfit));
        assert_eq!(add(2, b""), Ok(()));
        assert_eq!(add(1, b"shorter"), Ok(()));
        assert_eq!(add(2, &half), Ok(()));
        assert_eq!(keyring.len(), 2);
    }

    #[test]
    fn a_certificate_has_to_be_the_key_s() {
        let mut keyring = keyring();
        for certificate in [&b""[..], b"ssh-ed25519-cert-v01@openssh.com", key(2).public(), key(1).public()] {
            let added = keyring.add(Instant(0), key(1), Some(certificate), b"", &Constraints::default());
            assert_eq!(added, Err(Unfit));
        }
    }
}
