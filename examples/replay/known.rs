//! The provider for hosts, which keeps the keys that it gives a connection on the thread that plays it: by them the
//! dialogue is read.

use core::cell::RefCell;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Zip};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::PublicKey;
use sanssh_core::crypto::{DirectionKeys, Forged, Provider};
use std::collections::VecDeque;

/// The keys of one direction, and what they are for.
pub(crate) struct Keys {
    pub(crate) cipher: Cipher,
    pub(crate) mac: Option<Mac>,
    pub(crate) keys: DirectionKeys,
}

thread_local! {
    /// Of what is sent, and of what is received.
    static GIVEN: RefCell<[VecDeque<Keys>; 2]> = const { RefCell::new([VecDeque::new(), VecDeque::new()]) };
}

/// The next keys of what is sent that nobody took.
pub(crate) fn sending() -> Option<Keys> {
    GIVEN.with_borrow_mut(|given| given[0].pop_front())
}

/// The next keys of what is received.
pub(crate) fn receiving() -> Option<Keys> {
    GIVEN.with_borrow_mut(|given| given[1].pop_front())
}

fn give(way: usize, cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) {
    let keys = Keys { cipher, mac, keys: DirectionKeys { iv: keys.iv, key: keys.key, mac: keys.mac } };
    GIVEN.with_borrow_mut(|given| given[way].push_back(keys));
}

/// [`Fast`], overheard.
#[derive(Debug)]
pub(crate) struct Known;

impl Provider for Known {
    type Digest = <Fast as Provider>::Digest;
    type Seal = <Fast as Provider>::Seal;
    type Open = <Fast as Provider>::Open;
    type Exchange = <Fast as Provider>::Exchange;
    type Deflate = <Fast as Provider>::Deflate;
    type Inflate = <Fast as Provider>::Inflate;

    const KEX: &'static [Kex] = Fast::KEX;
    const CIPHERS: &'static [Cipher] = Fast::CIPHERS;
    const MACS: &'static [Mac] = Fast::MACS;
    const SIGNATURES: &'static [HostKey] = Fast::SIGNATURES;
    const ZIPS: &'static [Zip] = Fast::ZIPS;

    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Seal> {
        give(0, cipher, mac, keys);
        Fast::seal(cipher, mac, keys)
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Open> {
        give(1, cipher, mac, keys);
        Fast::open(cipher, mac, keys)
    }

    fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        Fast::verify(algorithm, key, message, signature)
    }
}
