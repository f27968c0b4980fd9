//! What a forger that plays a client needs of the authentication protocol: sound logins by key, and a look at failures
//! (RFC 4252).

use super::{Forger, signed, to_sign};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::Provider;
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::Server;

impl<P: Provider, Q: Provider> Forger<Server, P, Q> {
    /// The session identifier.
    ///
    /// # Panics
    /// Before the first exchange.
    pub fn session_bytes(&self) -> Vec<u8> {
        self.session.expect("a session").as_bytes().to_vec()
    }

    /// A sound login by an Ed25519 key.
    ///
    /// # Panics
    /// If the key is another.
    pub fn sound_login(&self, user: &str, key: &SigningKey) -> Vec<u8> {
        let name = HostKey::Ed25519.name();
        let message = to_sign(&self.session_bytes(), user, "ssh-connection", "publickey", name, key.public());
        let signature = key.sign(HostKey::Ed25519, &message).expect("an Ed25519 key");
        signed(user, name, key.public(), &signature)
    }

    /// The methods of the only message heard, which is a FAILURE, and whether it was partial.
    ///
    /// # Panics
    /// If something else was heard.
    pub fn failure(&self) -> (String, bool) {
        let [(_, payload)] = &self.heard[..] else { panic!("one answer, not {:?}", self.numbers()) };
        let [51, _, _, _, _, methods @ .., partial] = &payload[..] else { panic!("a FAILURE, not {payload:?}") };
        (String::from_utf8_lossy(methods).into_owned(), *partial != 0)
    }
}
