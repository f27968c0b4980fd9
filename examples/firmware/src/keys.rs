//! What is baked in when an image is built, from the folder that `FIRMWARE_KEYS` names. Whoever has the image has its
//! secret keys: a product keeps them where they cannot be read out.

use ed25519_dalek::{Signer, SigningKey};
use sanssh_core::wire::{Sink, Writer};

/// The algorithm of all keys.
const NAME: &[u8] = b"ssh-ed25519";

/// A public key as it stands in messages: `string "ssh-ed25519", string key`.
pub type Blob = [u8; 51];

/// The server: the public key of its one user.
pub const AUTHORIZED: &Blob = include_bytes!(concat!(env!("FIRMWARE_KEYS"), "/authorized"));

/// The client: the public key of the host that it visits.
pub const KNOWN_HOST: &Blob = include_bytes!(concat!(env!("FIRMWARE_KEYS"), "/known_host"));

/// The client: whom it is there.
pub const ACCOUNT: &str = include_str!(concat!(env!("FIRMWARE_KEYS"), "/account"));

/// The client: what it runs there.
pub const COMMAND: &str = include_str!(concat!(env!("FIRMWARE_KEYS"), "/command"));

/// A secret key with its public half.
#[derive(Debug)]
pub struct Pair {
    key: SigningKey,
    /// The public half.
    pub blob: Blob,
}

impl Pair {
    /// The server's key.
    pub fn host() -> Self {
        Self::new(include_bytes!(concat!(env!("FIRMWARE_KEYS"), "/host")))
    }

    /// The client's key.
    pub fn user() -> Self {
        Self::new(include_bytes!(concat!(env!("FIRMWARE_KEYS"), "/user")))
    }

    fn new(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let mut blob = [0; 51];
        put(&mut blob, key.verifying_key().as_bytes());
        Self { key, blob }
    }

    /// The signature of a message, as it stands in messages.
    #[inline(never)]
    pub fn sign(&self, message: &[u8]) -> [u8; 83] {
        let mut blob = [0; 83];
        put(&mut blob, &self.key.sign(message).to_bytes());
        blob
    }
}

fn put(blob: &mut [u8], content: &[u8]) {
    let mut writer = Writer::new(blob);
    writer.string(NAME);
    writer.string(content);
}
