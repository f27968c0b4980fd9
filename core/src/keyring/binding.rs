//! Which sessions of SSH a connection to an agent serves, and so where its keys may be used (OpenSSH PROTOCOL.agent:
//! `session-bind@openssh.com`, `restrict-destination-v00@openssh.com`).
//!
//! A connection that was never bound is a local one: it sees every key, and signs by those that are not held to
//! destinations. One that was bound has come along its sessions, each forwarding the agent to the next; a key that is
//! held to destinations needs one of them for every step, and for the user at the last.

use super::held::Held;
use crate::agent::{Destinations, Hop, SessionBind};
use crate::algorithm::{Grade, HostKey};
use crate::crypto::Provider;
use crate::crypto::certificate::{Certificate, Kind};
use crate::crypto::signature::{self, Presented, PublicKey};
use crate::file::pattern;
use crate::wire::auth::{HostboundFields, ProbeFields, UserauthRequest};
use crate::wire::{Malformed, Message, Reader};
use alloc::vec::Vec;
use core::fmt;

/// The most sessions of one connection. OpenSSH's limit is the same.
const MOST: usize = 16;
/// The longest session identifier: a hash has at most half of it.
const LONGEST_ID: usize = 128;
/// The longest host key or certificate, which each hop of each key is held against.
const LONGEST_KEY: usize = 7168;
/// The longest name of a user or host that a pattern is tried on; so the work is as long as the pattern.
const LONGEST_NAME: usize = 255;
/// RSA host keys below this prove nothing.
const MIN_RSA_BITS: usize = 2048;

/// What one connection to the agent was told about its sessions.
#[derive(Default)]
pub struct Bindings {
    sessions: Vec<Session>,
    /// A session was to be bound, whether it was or not.
    tried: bool,
    /// Seconds since 1970 when the connection was made.
    made: Option<u64>,
}

struct Session {
    id: Vec<u8>,
    host_key: Vec<u8>,
    forwarding: bool,
}

/// A login that a signature is for.
struct Login<'a> {
    session: &'a [u8],
    user: &'a [u8],
    host_key: Option<&'a [u8]>,
}

impl Bindings {
    /// Those of a new connection: none. `made` is when that was, in seconds since 1970; without it no certificate of a
    /// host is valid.
    pub const fn new(made: Option<u64>) -> Self {
        Self { sessions: Vec::new(), tried: false, made }
    }

    /// Notes a session, once its host key's signature proves it. `None`: it is not noted.
    pub(super) fn note<P: Provider>(&mut self, session: Result<SessionBind<'_>, Malformed>) -> Option<()> {
        self.tried = true;
        let session = session.ok()?;
        if session.session.is_empty() || session.session.len() > LONGEST_ID || session.host_key.len() > LONGEST_KEY {
            return None;
        }
        // Whoever logs in goes no further; and no session comes twice.
        let spent = |one: &Session| !one.forwarding || one.id == session.session;
        if self.sessions.len() >= MOST || self.sessions.iter().any(spent) || !proven::<P>(&session) {
            return None;
        }
        self.sessions.push(Session {
            id: session.session.to_vec(),
            host_key: session.host_key.to_vec(),
            forwarding: session.forwarding,
        });
        Some(())
    }

    /// Whether the connection may see the key.
    pub(super) fn show(&self, held: &Held) -> bool {
        let Some(destinations) = destinations(held) else { return held.destinations.is_none() };
        let Some(last) = self.sessions.last() else { return !self.tried };
        // A key that leads to this host and no further is nothing to it.
        self.walk(destinations, None) && (!last.forwarding || self.permits(destinations, Some(last), None, None))
    }

    /// Whether the connection may have this signed by the key: for a key that is held to destinations, the request of a
    /// login to the last session. Gives its user.
    pub(super) fn admit<'m>(&self, held: &Held, message: &'m [u8]) -> Option<Option<&'m [u8]>> {
        if held.destinations.is_none() {
            return Some(None);
        }
        let (destinations, last) = (destinations(held)?, self.sessions.last()?);
        let login = login(held, message).ok()?;
        // At the first hop an older server may leave its key out; further on it could be any that the session's was not.
        let bound = match login.host_key {
            Some(key) => key == last.host_key,
            None => self.sessions.len() == 1,
        };
        let here = login.session == last.id && bound && !last.forwarding;
        (here && self.walk(destinations, Some(login.user))).then_some(Some(login.user))
    }

    /// Whether there is a destination for each step, from the agent's own host to the last session's.
    fn walk(&self, destinations: Destinations<'_>, user: Option<&[u8]>) -> bool {
        let mut from = None;
        for (left, session) in (0..self.sessions.len()).rev().zip(&self.sessions) {
            let user = user.filter(|_| left == 0);
            let onward = session.forwarding || left == 0;
            if !onward || !self.permits(destinations, from, Some(session), user) {
                return false;
            }
            from = Some(session);
        }
        true
    }

    /// Whether one of the destinations leads from here (`None`: from the agent's host) to there (`None`: to anywhere),
    /// for this user (`None`: for any).
    fn permits(
        &self,
        all: Destinations<'_>,
        from: Option<&Session>,
        to: Option<&Session>,
        user: Option<&[u8]>,
    ) -> bool {
        all.iter().any(|one| {
            let begins = from.map_or_else(|| one.from.is_origin(), |session| self.leads(&one.from, session));
            let ends = to.is_none_or(|session| self.leads(&one.to, session));
            let anybody = one.to.user.is_empty();
            begins && ends && user.is_none_or(|user| anybody || takes(one.to.user, user))
        })
    }

    /// Whether the session's host is the hop's: by its own key, or by a certificate of one of the hop's authorities for
    /// a name that the hop's is a pattern of.
    fn leads(&self, hop: &Hop<'_>, session: &Session) -> bool {
        let presented = shown(&session.host_key);
        let Some(certificate) = presented.as_ref().and_then(Presented::certificate) else {
            return hop.keys.iter().any(|one| !one.authority && one.key == session.host_key);
        };
        let authority = hop.keys.iter().any(|one| one.authority && one.key == certificate.authority);
        authority && certificate.check(Kind::Host, self.made, |principal| takes(hop.host, principal)).is_ok()
    }
}

/// A host key, or a host's certificate.
fn shown(blob: &[u8]) -> Option<Presented<'_>> {
    let key = PublicKey::decode(blob, MIN_RSA_BITS).map(Presented::Key);
    key.or_else(|Malformed| Certificate::decode(blob, MIN_RSA_BITS).map(Presented::Certificate)).ok()
}

/// Whether the host key has signed the identifier, and its authority the certificate if it is one. Algorithms are those
/// that a client takes of a host.
fn proven<P: Provider>(session: &SessionBind<'_>) -> bool {
    let safe = HostKey::up_to(Grade::Safe);
    let name = Reader::new(session.signature).string().ok().and_then(|name| core::str::from_utf8(name).ok());
    let algorithm = name.and_then(HostKey::from_name).filter(|name| safe.contains(name));
    let (Some(algorithm), Some(presented)) = (algorithm, shown(session.host_key)) else { return false };
    let signed = |certificate: &Certificate<'_>| certificate.is_signed::<P>(&safe).is_ok();
    presented.certificate().is_none_or(signed)
        && signature::verify::<P>(algorithm, presented.key(), session.session, session.signature).is_ok()
}

fn destinations(held: &Held) -> Option<Destinations<'_>> {
    held.destinations.as_deref().and_then(|bytes| Destinations::read(bytes).ok())
}

fn takes(pattern: &[u8], name: &[u8]) -> bool {
    name.len() <= LONGEST_NAME && pattern::takes_exactly(pattern, name)
}

/// What a login signs (RFC 4252 §7), by this key and for this very service.
fn login<'m>(held: &Held, message: &'m [u8]) -> Result<Login<'m>, Malformed> {
    let mut reader = Reader::new(message);
    let session = reader.string()?;
    if reader.u8()? != UserauthRequest::NUMBER {
        return Err(Malformed);
    }
    let UserauthRequest { user, service, method, fields } = UserauthRequest::decode(reader.rest())?;
    let (algorithm, key, host_key) = match method {
        b"publickey" => {
            let ProbeFields { algorithm, key, .. } = ProbeFields::decode(fields.0)?;
            (algorithm, key, None)
        }
        b"publickey-hostbound-v00@openssh.com" => {
            let HostboundFields { algorithm, key, host_key, .. } = HostboundFields::decode(fields.0)?;
            (algorithm, key, Some(host_key))
        }
        _ => return Err(Malformed),
    };
    let algorithm = core::str::from_utf8(algorithm).ok().and_then(HostKey::from_name).ok_or(Malformed)?;
    let suits = Reader::new(key).string()? == algorithm.key_type().as_bytes();
    let sound = service == b"ssh-connection" && fields.0.first() == Some(&1) && suits && key == held.blob();
    if sound && !session.is_empty() { Ok(Login { session, user, host_key }) } else { Err(Malformed) }
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bindings({})", self.sessions.len())
    }
}
