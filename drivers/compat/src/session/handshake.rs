//! The beginning and the end of a session: `handshake` on a socket of the caller's, the host key that came of it, and
//! `disconnect`.

use super::{
    LIBSSH2_HOSTKEY_HASH_MD5, LIBSSH2_HOSTKEY_HASH_SHA1, LIBSSH2_HOSTKEY_HASH_SHA256, LIBSSH2_HOSTKEY_TYPE_ECDSA_256,
    LIBSSH2_HOSTKEY_TYPE_ECDSA_384, LIBSSH2_HOSTKEY_TYPE_ECDSA_521, LIBSSH2_HOSTKEY_TYPE_ED25519,
    LIBSSH2_HOSTKEY_TYPE_RSA, LIBSSH2_HOSTKEY_TYPE_UNKNOWN, Session,
};
use crate::Error;
use crate::exceptions::{BadUseError, KeyExchangeError, SSH2Error, SessionHostKeyError, SocketRecvError};
use core::time::Duration;
use md5::Md5;
use sanssh_core::algorithm::HostKey;
use sanssh_core::config::Deadlines;
use sanssh_core::wire::Reader;
use sanssh_core::{Choice, Config, Error as Ssh, Violation};
use sanssh_std::{Client, Error as Below, HostKeyError, Hosts, Options, Socket};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

/// Channels that a session can have at a time.
const CHANNELS: usize = 256;

/// Fewest bits of an RSA host key: such servers are out there, and who calls this has the key to judge anyhow.
const MIN_RSA_BITS: usize = 1024;

/// As long as it takes, unless [`Session::set_timeout`] says otherwise: the documented calls know no other limit.
const EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Where the host key is kept for the caller to judge: the first exchange cannot wait for that.
#[derive(Debug)]
struct Noted(Arc<OnceLock<Vec<u8>>>);

impl Hosts for Noted {
    fn order(&mut self, _: &str, _: u16, _: &mut [HostKey]) {}

    fn decide(&mut self, _: &str, _: u16, _: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        self.0.get_or_init(|| key.to_vec());
        Ok(())
    }
}

impl Session {
    /// Exchanges keys with the server at the other end of a connected stream socket. It stays the caller's: whether it
    /// blocks does not matter and does not change, and it is never closed. From here on only the session may read or
    /// write it.
    ///
    /// **The handshake does not judge the host key.** The server has proved that it holds the key it shows, but whose key
    /// that is, is for the caller to find out before it says anything to the server: by
    /// [`hostkey`](Self::hostkey) and [`KnownHost::checkp`](crate::knownhost::KnownHost::checkp), or by
    /// [`hostkey_hash`](Self::hostkey_hash). Who does not may well tell a stranger the password.
    ///
    /// # Errors
    /// `SocketRecvError` if the server leaves before it says what it is, or the descriptor is no socket; `SSH2Error` if
    /// it leaves later or speaks SSH-1; `KexFailureError` if there is no algorithm in common; `KeyExchangeError` if the
    /// exchange fails; `MethodNotSupported` if two [`method_pref`](Self::method_pref) exclude each other; `BadUseError`
    /// if there was a handshake.
    pub fn handshake(&self, socket: impl AsFd) -> Result<(), Error> {
        self.note(self.connect(socket.as_fd()))?;
        let (client, key) = (self.client()?, Arc::clone(&self.shared.host_key));
        let begin = || client.begin_handshake("", 0, Noted(key));
        let outcome = self.pending().handshake.run(client, self.waits(), "", begin);
        let outcome = outcome.map_or(Err(Error::Again), |below| below.map_err(|error| self.handshake_error(error)));
        self.note(outcome)
    }

    /// Deprecated; as [`handshake`](Self::handshake).
    ///
    /// # Errors
    /// As [`handshake`](Self::handshake).
    #[deprecated = "use handshake"]
    pub fn startup(&self, socket: impl AsFd) -> Result<(), Error> {
        self.handshake(socket)
    }

    /// Takes the socket at the first call.
    fn connect(&self, socket: BorrowedFd<'_>) -> Result<(), Error> {
        let wishes = self.wishes();
        if let Some(client) = self.shared.client.get() {
            let done = client.summary().is_some() && self.pending().handshake.is_empty();
            let twice = || Error::new(BadUseError, "the session has a connection already");
            return if done { Err(twice()) } else { Ok(()) };
        }
        let config = Config {
            preferences: wishes.preferences()?,
            min_rsa_bits: MIN_RSA_BITS,
            deadlines: Deadlines { handshake: EVER, login: EVER, rekey: EVER, close: EVER },
            keepalive: self.keepalive(),
            ..Config::default()
        };
        let options = Options { core: config, channels: CHANNELS, leaves_quietly: true, ..Options::default() };
        let socket = Socket::lent(socket).map_err(Below::from)?;
        let client = Client::over(socket, &options)?;
        client.set_timeout(self.patience());
        // The wishes are locked: nobody else has come in between.
        let _ = self.shared.client.set(client);
        Ok(())
    }

    /// What callers know the failures of a handshake by.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most errors mean the same in a handshake as elsewhere")]
    fn handshake_error(&self, error: Below) -> Error {
        let named = self.client().is_ok_and(|client| !client.server_ident().is_empty());
        let exception = match &error {
            Below::Ssh(Ssh::Incompatible(Choice::Version)) => Some(SSH2Error),
            Below::Ssh(Ssh::HungUp) if named => Some(SSH2Error),
            Below::Ssh(Ssh::Violation(Violation::NotStrict)) => None,
            Below::Ssh(Ssh::Malformed(_) | Ssh::Violation(_)) if named => Some(KeyExchangeError),
            Below::Ssh(Ssh::Malformed(_) | Ssh::Violation(_)) => Some(SocketRecvError),
            _ => None,
        };
        let error = Error::from(error);
        match exception {
            Some(exception) => error.raised_as(exception),
            None => error,
        }
    }

    /// The socket, to be polled: a duplicate of the descriptor that the handshake was given. `None` before.
    pub fn sock(&self) -> Option<BorrowedFd<'_>> {
        self.shared.client.get().map(AsFd::as_fd)
    }

    /// Tells the server that this was it; the socket stays open. Calls after this raise `SocketSendError`, but for
    /// another `disconnect`.
    ///
    /// # Errors
    /// None; it has the documented form.
    pub fn disconnect(&self) -> Result<(), Error> {
        if let Some(client) = self.shared.client.get() {
            client.disconnect();
        }
        Ok(())
    }

    /// The server's host key as a blob (RFC 4253 §6.6), and its `LIBSSH2_HOSTKEY_TYPE_`.
    ///
    /// # Errors
    /// `SessionHostKeyError` before the handshake.
    pub fn hostkey(&self) -> Result<(Vec<u8>, i32), Error> {
        let none = || Error::new(SessionHostKeyError, "there is no host key before the handshake");
        let key = self.note(self.shared.host_key.get().ok_or_else(none))?;
        Ok((key.clone(), host_key_type(key)))
    }

    /// The digest of the server's host key by `LIBSSH2_HOSTKEY_HASH_`: 16, 20 or 32 bytes. `None` before the handshake,
    /// and for other hashes.
    pub fn hostkey_hash(&self, hash: i32) -> Option<Vec<u8>> {
        let key = self.shared.host_key.get()?;
        match hash {
            LIBSSH2_HOSTKEY_HASH_MD5 => Some(Md5::digest(key).to_vec()),
            LIBSSH2_HOSTKEY_HASH_SHA1 => Some(Sha1::digest(key).to_vec()),
            LIBSSH2_HOSTKEY_HASH_SHA256 => Some(Sha256::digest(key).to_vec()),
            _ => None,
        }
    }
}

/// The documented number of a key's type.
fn host_key_type(blob: &[u8]) -> i32 {
    match Reader::new(blob).string().unwrap_or_default() {
        b"ssh-rsa" => LIBSSH2_HOSTKEY_TYPE_RSA,
        b"ecdsa-sha2-nistp256" => LIBSSH2_HOSTKEY_TYPE_ECDSA_256,
        b"ecdsa-sha2-nistp384" => LIBSSH2_HOSTKEY_TYPE_ECDSA_384,
        b"ecdsa-sha2-nistp521" => LIBSSH2_HOSTKEY_TYPE_ECDSA_521,
        b"ssh-ed25519" => LIBSSH2_HOSTKEY_TYPE_ED25519,
        _ => LIBSSH2_HOSTKEY_TYPE_UNKNOWN,
    }
}
