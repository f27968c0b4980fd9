//! A provider that works with another's keys and takes down the number of every message that is sealed or opened, on
//! the thread that does it. So a recorder can name the messages inside packets that nobody else can read, compressed ones
//! too.

use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Zip};
use sanssh_core::crypto::signature::PublicKey;
use sanssh_core::crypto::zip::{Corrupt, Deflate, Inflate, Stream};
use sanssh_core::crypto::{DirectionKeys, Forged, Open, Provider, Seal, Shape};

/// Where the payload starts: behind length field and padding length.
const PAYLOAD: usize = 5;

thread_local! {
    static SEEN: RefCell<[Vec<u8>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    /// What is sealed next was taken down before it was compressed.
    static DEFLATED: Cell<bool> = const { Cell::new(false) };
}

/// Numbers of the messages sealed on this thread since the last time.
pub(super) fn sealed() -> Vec<u8> {
    SEEN.with_borrow_mut(|seen| core::mem::take(&mut seen[0]))
}

/// Numbers of the messages opened on this thread since the last time.
pub(super) fn opened() -> Vec<u8> {
    SEEN.with_borrow_mut(|seen| core::mem::take(&mut seen[1]))
}

/// The provider `P`, watched.
#[derive(Debug)]
pub(super) struct Spy<P>(PhantomData<P>);

/// A key or a stream, watched.
#[derive(Debug)]
pub(super) struct Watched<K>(K);

impl<P: Provider> Provider for Spy<P> {
    type Digest = P::Digest;
    type Seal = Watched<P::Seal>;
    type Open = Watched<P::Open>;
    type Exchange = P::Exchange;
    type Deflate = Watched<P::Deflate>;
    type Inflate = Watched<P::Inflate>;

    const KEX: &'static [Kex] = P::KEX;
    const CIPHERS: &'static [Cipher] = P::CIPHERS;
    const MACS: &'static [Mac] = P::MACS;
    const SIGNATURES: &'static [HostKey] = P::SIGNATURES;
    const ZIPS: &'static [Zip] = P::ZIPS;

    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Seal> {
        P::seal(cipher, mac, keys).map(Watched)
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Open> {
        P::open(cipher, mac, keys).map(Watched)
    }

    fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        P::verify(algorithm, key, message, signature)
    }
}

impl<K: Seal> Seal for Watched<K> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn seal(&mut self, sequence: u32, packet: &mut [u8]) {
        if !DEFLATED.take() {
            SEEN.with_borrow_mut(|seen| seen[0].extend(packet.get(PAYLOAD)));
        }
        self.0.seal(sequence, packet);
    }
}

impl<K: Open> Open for Watched<K> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32 {
        self.0.length(sequence, head)
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        self.0.open(sequence, packet)?;
        SEEN.with_borrow_mut(|seen| seen[1].extend(packet.get(PAYLOAD)));
        Ok(())
    }
}

impl<Z: Stream> Stream for Watched<Z> {
    fn start() -> Option<Self> {
        Z::start().map(Self)
    }
}

impl<Z: Deflate> Deflate for Watched<Z> {
    fn bound(payload: usize) -> usize {
        Z::bound(payload)
    }

    fn space(&mut self, most: usize) -> &mut [u8] {
        self.0.space(most)
    }

    fn deflate(&mut self, payload: usize, out: &mut [u8]) -> usize {
        let number = self.0.space(payload).first().copied();
        SEEN.with_borrow_mut(|seen| seen[0].extend(number));
        DEFLATED.set(true);
        self.0.deflate(payload, out)
    }
}

impl<Z: Inflate> Inflate for Watched<Z> {
    fn inflate(&mut self, payload: &[u8], out: &mut [u8]) -> Result<usize, Corrupt> {
        let made = self.0.inflate(payload, out)?;
        SEEN.with_borrow_mut(|seen| {
            // What was taken down when the packet was opened was not the number yet.
            seen[1].pop();
            seen[1].extend(out.first().filter(|_| made > 0));
        });
        Ok(made)
    }
}
