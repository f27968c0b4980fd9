//! Payloads by hand, field by field, and the few whole messages that most cases need.
//!
//! [`encode`] writes one of core's own messages; [`any`] starts a message of any number and any fields.

use sanssh_core::wire::{Message, Sink};

/// A payload that grows.
#[derive(Debug, Clone, Default)]
pub struct Encode(Vec<u8>);

impl Sink for Encode {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Encode {
    /// A `byte`, or a `boolean`.
    #[must_use]
    pub fn u8(mut self, value: u8) -> Self {
        Sink::u8(&mut self, value);
        self
    }

    /// A `uint32`.
    #[must_use]
    pub fn u32(mut self, value: u32) -> Self {
        Sink::u32(&mut self, value);
        self
    }

    /// A `string`.
    #[must_use]
    pub fn string(mut self, value: impl AsRef<[u8]>) -> Self {
        Sink::string(&mut self, value.as_ref());
        self
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The payload.
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Starts a message of this number.
pub fn any(number: u8) -> Encode {
    Encode(vec![number])
}

/// Fields without a number: blobs inside messages.
pub const fn blob() -> Encode {
    Encode(Vec::new())
}

/// The payload of one of core's messages.
pub fn encode<'a>(message: &impl Message<'a>) -> Vec<u8> {
    let mut bytes = Encode::default();
    message.encode(&mut bytes);
    bytes.done()
}

/// KEXINIT.
pub fn kex_init<'a>(cookie: [u8; 16], lists: impl Iterator<Item = &'a [u8]>, guess: bool, reserved: u32) -> Vec<u8> {
    let lists = lists.fold(any(20).raw(&cookie), Encode::string);
    lists.u8(u8::from(guess)).u32(reserved).done()
}

/// SERVICE_REQUEST from a client, SERVICE_ACCEPT from a server.
pub(super) fn service(client: bool) -> Vec<u8> {
    any(if client { 5 } else { 6 }).string("ssh-userauth").done()
}

/// The head of a USERAUTH_REQUEST, up to the method's name.
pub fn login(user: &str, method: &str) -> Encode {
    any(50).string(user).string("ssh-connection").string(method)
}

/// A login by `none`.
pub fn user(user: &str) -> Vec<u8> {
    login(user, "none").done()
}

/// A login by password.
pub fn password(user: &str, password: &str) -> Vec<u8> {
    login(user, "password").u8(0).string(password).done()
}

/// The question whether a key would do.
pub fn probe(user: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
    login(user, "publickey").u8(0).string(algorithm).string(key).done()
}

/// A login by key.
pub fn signed(user: &str, algorithm: &str, key: &[u8], signature: &[u8]) -> Vec<u8> {
    login(user, "publickey").u8(1).string(algorithm).string(key).string(signature).done()
}

/// What a login by key signs (RFC 4252 §7).
pub fn to_sign(session: &[u8], user: &str, service: &str, method: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
    let head = blob().string(session).u8(50).string(user).string(service).string(method);
    head.u8(1).string(algorithm).string(key).done()
}

/// CHANNEL_OPEN of a session.
pub fn channel_open(sender: u32, window: u32, max_packet: u32) -> Vec<u8> {
    any(90).string("session").u32(sender).u32(window).u32(max_packet).done()
}

/// `exec` on a channel, with an answer wanted.
pub fn exec(channel: u32, command: &str) -> Vec<u8> {
    any(98).u32(channel).string("exec").u8(1).string(command).done()
}
