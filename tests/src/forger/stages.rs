//! Forgers brought to the stages at which most cases begin, and the few messages and keys that they share.

use super::{Feed, Forger, Side, Suite, any};
use crate::pair::server_config;
use sanssh_core::algorithm::{Zip, list};
use sanssh_core::file::SigningKey;
use sanssh_core::role::Server;
use sanssh_core::{Config, Random, Seed};

/// The methods that [`served`] machines offer, as FAILURE lists them.
pub const METHODS: &str = "publickey,password,keyboard-interactive";
/// The signature algorithm of keys A and B.
pub const ED25519: &str = "ssh-ed25519";
/// IGNORE with nothing in it.
pub const IGNORE: &[u8] = &[2, 0, 0, 0, 0];

/// After both identifications.
pub fn greeted<R: Side>(feed: Feed) -> Forger<R> {
    quiet(Forger::new(feed).greeted())
}

/// After both KEXINITs. A machine that is the client has sent its share by now.
pub fn offered<R: Side>(feed: Feed) -> Forger<R> {
    quiet(Forger::new(feed).offered())
}

/// After both shares: NEWKEYS is due.
pub fn shared<R: Side>(feed: Feed) -> Forger<R> {
    quiet(Forger::new(feed).shared())
}

fn quiet<R: Side>(mut forger: Forger<R>) -> Forger<R> {
    forger.forget();
    forger
}

/// A machine that compresses by this method, where it expects the first compressed payload.
pub fn compressing<R: Side>(feed: Feed, zip: Zip) -> Forger<R> {
    let mut config = server_config();
    config.preferences.zips = list(&[zip]);
    // The same before and after the login.
    config.login.max_packet = config.max_packet;
    let forger = Forger::with(feed, config).proposing(&Suite::zip(zip));
    quiet(if zip == Zip::Zlib { forger.keyed() } else { forger.authenticated() })
}

/// A machine that has granted the service, and lets key A in.
pub fn served(feed: Feed) -> Forger<Server> {
    served_with(feed, server_config())
}

/// The same with another configuration.
pub fn served_with(feed: Feed, config: Config) -> Forger<Server> {
    let mut forger = Forger::with(feed, config).served();
    forger.machine.policy.authorized = vec![key_a().public().to_vec()];
    forger
}

/// Sends a login, which must fail without the embedder hearing of it.
pub fn fails(feed: Feed, message: &[u8]) {
    let mut config = server_config();
    // What counts here is what the packet holds, however long it is.
    config.login.max_packet = config.max_packet;
    let mut forger = served_with(feed, config);
    forger.send(message);
    assert_eq!(forger.machine.over, None);
    assert_eq!(forger.failure(), (METHODS.into(), false));
    forger.lives(&[], &[51]);
}

/// The key that [`served`] machines let in.
#[must_use]
pub fn key_a() -> SigningKey {
    SigningKey::ed25519(&[0xa; 32])
}

/// A key that they do not.
#[must_use]
pub fn key_b() -> SigningKey {
    SigningKey::ed25519(&[0xb; 32])
}

/// A key on P-256.
#[must_use]
pub fn p256() -> SigningKey {
    SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([8; 32])))
}

/// DEBUG.
#[must_use]
pub fn debug(text: &str) -> Vec<u8> {
    any(4).u8(1).string(text).string("").done()
}

/// PING.
#[must_use]
pub fn ping(data: &[u8]) -> Vec<u8> {
    any(192).string(data).done()
}
