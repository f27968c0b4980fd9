//! The authentication protocol (RFC 4252, RFC 4256), one machine per role.
//!
//! The machines keep facts: which request is open, how many attempts there were, what is owed. Keys, passwords and
//! policies stay with the embedder.

pub mod client;
mod methods;
pub mod server;
mod signed;

pub use methods::{Method, MethodSet, MethodSetIter};
pub use signed::SigningMessage;

use crate::Waiting;
use crate::algorithm::HostKey;
use crate::config::Config;
use crate::crypto::{Fingerprint, HashValue, Provider};
use crate::error::{Error, Refused};
use crate::event::Serials;
use crate::role::Role;
use crate::time::Instant;
use crate::transport::Sender;
use crate::wire::Sink;
use crate::wire::legality::Phase;

/// What the connection needs of either role's login.
pub(crate) trait Login<R: Role>: Default {
    /// The keys are there; said again and again.
    fn start(&mut self);
    /// Service, Login or Connected.
    fn phase(&self) -> Phase;
    /// Whether the login succeeded.
    fn is_done(&self) -> bool;
    /// What must happen before more is read.
    fn waiting(&self) -> Option<Waiting>;
    /// Whether [`flush`](Self::flush) has something to write now.
    fn owes(&self, now: Instant) -> bool;
    /// When something withheld may go out.
    fn due(&self) -> Option<Instant>;
    /// Handles messages 5, 6 and 50 to 79.
    fn receive<'b, P: Provider>(&mut self, arrival: Arrival<'_, 'b>) -> Result<Option<R::Event<'b>>, Error>;
    /// Writes what is owed.
    fn flush<P: Provider>(&mut self, now: Instant, sender: &mut Sender<'_, '_, R, P>) -> Result<(), Refused>;
}

/// A message of the login and its circumstances.
pub(crate) struct Arrival<'c, 'b> {
    pub(crate) config: &'c Config,
    pub(crate) now: Instant,
    pub(crate) session: HashValue,
    /// The host key of the first exchange.
    pub(crate) host_key: Option<Fingerprint>,
    pub(crate) serials: &'c mut Serials,
    pub(crate) number: u8,
    pub(crate) body: &'b [u8],
}

/// The service that a login is for (RFC 4252 §5).
pub(crate) const CONNECTION: &[u8] = b"ssh-connection";
/// `publickey` with the server's host key among what is signed (OpenSSH PROTOCOL §3.1).
pub(crate) const HOSTBOUND: &[u8] = b"publickey-hostbound-v00@openssh.com";
/// The service that logins are done by (RFC 4252).
pub(crate) const USERAUTH: &[u8] = b"ssh-userauth";

/// Longest user name, in bytes.
pub const LONGEST_USER: usize = 255;
/// Longest name of a client's host, in bytes.
pub const LONGEST_HOST: usize = 255;

/// A client's host, which vouches for its user by its own key (RFC 4252 §9). Only the signature proves something: the
/// names are what the client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHost<'a> {
    /// The signature's algorithm.
    pub algorithm: HostKey,
    /// The host's public key blob.
    pub key: &'a [u8],
    /// The host's full name. OpenSSH puts a dot behind it.
    pub host: &'a [u8],
    /// The user's name on that host.
    pub user: &'a [u8],
}

impl ClientHost<'_> {
    /// Writes what stands in front of the signature.
    fn encode(&self, sink: &mut dyn Sink) {
        let parts = [self.algorithm.name().as_bytes(), self.key, self.host, self.user];
        parts.into_iter().for_each(|part| sink.string(part));
    }
}
