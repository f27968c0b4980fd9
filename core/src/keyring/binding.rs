//! Which sessions of SSH a connection to an agent serves, and so where its keys may be used (OpenSSH PROTOCOL.agent:
//! `session-bind@openssh.com`, `restrict-destination-v00@openssh.com`).
//!
//! A connection that was never bound is a local one: it sees every key, and signs by those that are not held to
//! destinations. One that was bound has come along its sessions, each forwarding the agent to the next; a key that is
//! held to destinations needs one of them for every step, and for the user at the last.

use super::held::Held;
use crate::agent::{Destinations, Hop, SessionBind};
use crate::algorithm::HostKey;
use crate::crypto::{Provider, signature};
use crate::file::pattern;
use crate::wire::auth::{HostboundFields, ProbeFields, UserauthRequest};
use crate::wire::{Malformed, Message, Reader};
use alloc::vec::Vec;
use core::fmt;

/// The most sessions of one connection. OpenSSH's limit is the same.
const MOST: usize = 16;
/// The longest session identifier: a hash has at most half of it.
const LONGEST_ID: usize = 128;
/// The longest user name that a pattern is tried on; so the work is as long as the pattern.
const LONGEST_USER: usize = 255;
/// RSA host keys below this prove nothing.
const MIN_RSA_BITS: usize = 2048;

/// What one connection to the agent was told about its sessions.
#[derive(Default)]
pub struct Bindings {
    sessions: Vec<Session>,
    /// A session was to be bound, whether it was or not.
    tried: bool,
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
    /// Those of a new connection: none.
    pub const fn new() -> Self {
        Self { sessions: Vec::new(), tried: false }
    }

    /// Notes a session, once its host key's signature proves it. `None`: it is not noted.
    pub(super) fn note<P: Provider>(&mut self, session: Result<SessionBind<'_>, Malformed>) -> Option<()> {
        self.tried = true;
        let session = session.ok()?;
        if session.session.is_empty() || session.session.len() > LONGEST_ID || self.sessions.len() >= MOST {
            return None;
        }
        // Whoever logs in goes no further; and no session comes twice.
        let spent = |one: &Session| !one.forwarding || one.id == session.session;
        if self.sessions.iter().any(spent) || !proven::<P>(&session) {
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
        self.walk(destinations, None) && (!last.forwarding || permits(destinations, Some(last), None, None))
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
            if !onward || !permits(destinations, from, Some(session), user) {
                return false;
            }
            from = Some(session);
        }
        true
    }
}

/// Whether the host key has signed the identifier. Algorithms are those that a client would take of a host.
fn proven<P: Provider>(session: &SessionBind<'_>) -> bool {
    let name = Reader::new(session.signature).string().ok().and_then(|name| core::str::from_utf8(name).ok());
    let Some(algorithm) = name.and_then(HostKey::from_name) else { return false };
    let Ok(key) = signature::PublicKey::decode(session.host_key, MIN_RSA_BITS) else { return false };
    signature::verify::<P>(algorithm, &key, session.session, session.signature).is_ok()
}

fn destinations(held: &Held) -> Option<Destinations<'_>> {
    held.destinations.as_deref().and_then(|bytes| Destinations::read(bytes).ok())
}

/// Whether one of the destinations leads from here (`None`: from the agent's host) to there (`None`: to anywhere), for
/// this user (`None`: for any).
fn permits(all: Destinations<'_>, from: Option<&Session>, to: Option<&Session>, user: Option<&[u8]>) -> bool {
    all.iter().any(|one| {
        let begins = from.map_or_else(|| one.from.is_origin(), |session| leads(&one.from, session));
        let ends = to.is_none_or(|session| leads(&one.to, session));
        begins && ends && user.is_none_or(|user| takes(one.to.user, user))
    })
}

fn leads(hop: &Hop<'_>, session: &Session) -> bool {
    hop.keys.iter().any(|one| !one.authority && one.key == session.host_key)
}

fn takes(user_pattern: &[u8], user: &[u8]) -> bool {
    user_pattern.is_empty() || user.len() <= LONGEST_USER && pattern::takes_by(u8::eq, user_pattern, user)
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
