//! Packets under every cipher and MAC: what was sealed soundly arrives as it is, and of what was not, nothing arrives.
//!
//! The key exchange is the null provider's, which costs nothing; the keys made of its secret are used by real ciphers.
//!
//! ```text
//! byte 0   cipher and MAC
//! byte 1   role (1 bit)
//! rest     packets: what is done to each, and what that needs
//! ```

use super::choices::Choices;
use crate::forger::{Feed, Forger, Side, Suite, any};
use crate::suites;
use core::marker::PhantomData;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Zip};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::{Mix, Null, Sham};
use sanssh_core::crypto::signature::PublicKey;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{DirectionKeys, Forged, Provider, zip};
use sanssh_core::role::{Client, Server};

/// Ciphers of `P`, and everything else of the null provider.
#[derive(Debug)]
struct Hasty<P>(PhantomData<P>);

impl<P: Provider> Provider for Hasty<P> {
    type Digest = Mix;
    type Seal = P::Seal;
    type Open = P::Open;
    type Exchange = Sham;
    type Deflate = zip::Deflater;
    type Inflate = zip::Inflater;

    const KEX: &'static [Kex] = Null::KEX;
    const CIPHERS: &'static [Cipher] = P::CIPHERS;
    const MACS: &'static [Mac] = P::MACS;
    const SIGNATURES: &'static [HostKey] = Null::SIGNATURES;
    const ZIPS: &'static [Zip] = Null::ZIPS;

    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<P::Seal> {
        P::seal(cipher, mac, keys)
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<P::Open> {
        P::open(cipher, mac, keys)
    }

    fn verify(_: HostKey, _: &PublicKey<'_>, _: &[u8], _: &[u8]) -> Result<(), Forged> {
        Ok(())
    }
}

/// Packets of one case.
const MOST: usize = 24;

/// Packets for either role.
pub fn packet(bytes: &[u8]) {
    let role = bytes.get(1).copied().unwrap_or_default();
    if role & 1 == 0 {
        check::<Client>(bytes);
    } else {
        check::<Server>(bytes);
    }
}

fn check<R: Side>(bytes: &[u8]) {
    let whole = play::<R>(bytes, Feed::Whole);
    assert_eq!(whole, play::<R>(bytes, Feed::Bytes), "the same however the stream is cut");
}

/// What was told, and how it ended.
fn play<R: Side>(bytes: &[u8], feed: Feed) -> (Vec<String>, Option<sanssh_core::Error>) {
    let mut choices = Choices::new(bytes);
    let all: Vec<_> = suites::all().collect();
    let (cipher, mac) = all[choices.below(all.len())];
    choices.byte();
    let suite = Suite { cipher, mac, ..Suite::default() };
    let mut forger = Forger::<R, Hasty<Fast>, Hasty<Soft>>::new(feed).proposing(&suite).keyed();
    let mut expected = Vec::new();
    for _ in 0..MOST {
        if choices.is_empty() {
            break;
        }
        let (what, text) = (choices.byte(), choices.short());
        let payload = any(4).u8(1).string(text).string("").done();
        let mut frame = forger.line.frame_with(&payload, 4 + usize::from(what >> 3) * 3);
        match what & 7 {
            0..=3 => {
                let packet = forger.line.seal(&frame);
                forger.send_bytes(&packet);
                if forger.machine.over.is_none() {
                    expected.push(format!("debug {}", text.escape_ascii()));
                }
                assert_eq!(forger.machine.told, expected, "what was sealed arrives");
                continue;
            }
            4 | 5 => {
                let mut packet = forger.line.seal(&frame);
                let at = (choices.word() & 0xffff) as usize % packet.len();
                packet[at] ^= 1 << (what >> 3 & 7);
                forger.send_bytes(&packet);
            }
            6 => {
                frame.length = if what & 8 == 0 { frame.length ^ choices.word() } else { frame.length };
                frame.padding ^= choices.byte();
                let packet = forger.line.seal(&frame);
                forger.send_bytes(&packet);
                forger.send_bytes(text);
                // A frame that was cut otherwise may be another sound one.
                return (forger.machine.told, forger.machine.over);
            }
            _ => forger.send_bytes(text),
        }
        if what & 7 != 7 || !text.is_empty() {
            // Whatever follows what nobody sealed is not read, not even when it is sound.
            let packet = forger.line.seal(&frame);
            forger.send_bytes(&packet);
            assert_eq!(forger.machine.told, expected, "nothing arrives that was not sealed");
            break;
        }
    }
    (forger.machine.told, forger.machine.over)
}
