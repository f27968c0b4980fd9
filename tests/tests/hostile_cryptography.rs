//! Table C, what lies under the exchange: secrets of every shape against an encoding that is not core's, and a provider that
//! fails at every call it may fail at (RFC 4251 §5, RFC 4253 §7.2 and §8).

use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use core::time::Duration;
use ring::digest;
use sanssh_core::algorithm::{Cipher, Hash, HostKey, Kex, Mac, Zip, list};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::group::Group;
use sanssh_core::crypto::schedule::{Direction, Transcript};
use sanssh_core::crypto::signature::PublicKey;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::crypto::{
    BadShare, Digest, DirectionKeys, Exchange, Forged, HashValue, Open, Provider, Secret, Shape,
};
use sanssh_core::{Config, Random, Seed};
use sanssh_tests::pair::{Pair, Told, server_config};

thread_local! {
    /// What was hashed, and what came of it.
    static HASHED: RefCell<Vec<(Vec<u8>, HashValue)>> = const { RefCell::new(Vec::new()) };
    /// How many calls succeed before one fails.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A digest that is overheard.
#[derive(Clone)]
struct Overheard<D>(D, Vec<u8>);

impl<D: Digest> Digest for Overheard<D> {
    fn new(hash: Hash) -> Option<Self> {
        D::new(hash).map(|digest| Self(digest, Vec::new()))
    }

    fn sha256() -> Self {
        Self(D::sha256(), Vec::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
        self.1.extend_from_slice(bytes);
    }

    fn finish(&mut self) -> HashValue {
        let value = self.0.finish();
        HASHED.with_borrow_mut(|hashed| hashed.push((core::mem::take(&mut self.1), value)));
        value
    }
}

fn hashed(hash: Hash, bytes: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
}

/// One exchange between both providers; gives the field of `K`, after the hash and all keys were computed anew.
fn exchange(kex: Kex, random: &mut Random) -> Vec<u8> {
    let client = <Fast as Provider>::Exchange::start(kex, random).expect("a method");
    let offer = client.offer();
    let (answer, theirs) = <Soft as Provider>::Exchange::respond(kex, random, &offer).expect("a sound share");
    let ours = client.finish(&answer).expect("a sound share");
    let parts = [&b"SSH-2.0-c"[..], b"SSH-2.0-s", b"offer", b"answer", b"key", &offer, &answer];
    let keys = |secret: &Secret| {
        HASHED.take();
        let transcript = Transcript::<Overheard<<Fast as Provider>::Digest>>::new(kex.hash(), parts[0], parts[1]);
        let transcript = parts[2..].iter().fold(transcript.expect("a hash"), |whole, part| whole.with_string(part));
        let (hash, schedule) = transcript.finish(secret, None);
        let overheard = HASHED.take();
        (hash, overheard, [Direction::ToServer, Direction::ToClient].map(|way| schedule.keys(way)))
    };
    let (hash, overheard, ours) = keys(&ours);
    let (same, _, theirs) = keys(&theirs);
    assert_eq!(hash, same, "both providers come to the same");
    let head: Vec<u8> = parts.iter().flat_map(|part| string(part)).collect();
    let secret = overheard[0].0.strip_prefix(&head[..]).expect("the parts in their order").to_vec();
    let hash = hashed(kex.hash(), &[&head[..], &secret].concat());
    assert_eq!(overheard[0].1.as_bytes(), hash);
    for (letters, keys) in [b"ACE", b"BDF"].iter().zip(ours.iter().zip(&theirs)) {
        let fields = |keys: &DirectionKeys| [keys.iv.to_vec(), keys.key.to_vec(), keys.mac.to_vec()];
        for (letter, (key, same)) in letters.iter().zip(fields(keys.0).iter().zip(fields(keys.1))) {
            let mut derived = hashed(kex.hash(), &[&secret[..], &hash, &[*letter], &hash].concat());
            while derived.len() < key.len() {
                let more = hashed(kex.hash(), &[&secret[..], &hash, &derived].concat());
                derived.extend(more);
            }
            assert_eq!((&derived[..key.len()], &same), (&key[..], key));
        }
    }
    secret
}

/// Whether a secret of `length` bytes is a number in its one form; whether it lacked leading bytes, or its top bit was set.
fn shape(field: &[u8], length: usize) -> (bool, bool) {
    let (head, number) = field.split_at(4);
    assert_eq!(u32::from_be_bytes(head.try_into().expect("four bytes")) as usize, number.len());
    assert!(number.len() <= length + 1 && number[0] < 0x80, "positive, and no longer than it may be");
    let padded = number[0] == 0;
    assert!(!padded || number[1] >= 0x80, "no zero but before a set top bit");
    let digits = number.len() - usize::from(padded);
    (digits < length, padded)
}

#[test]
fn c27_secrets_of_every_shape() {
    // Numbers: the seeds lead to some that begin with a zero byte, and some with a set bit.
    let numbers = [
        (Kex::Curve25519, 32, 1000),
        (Kex::EcdhP256, 32, 1000),
        (Kex::EcdhP384, 48, 50),
        (Kex::Group1Sha1, 128, 50),
        (Kex::Group14Sha256, 256, 5),
    ];
    for (kex, length, count) in numbers {
        let mut random = Random::new(&Seed::new([27; 32]));
        let shapes: Vec<_> = (0..count).map(|_| shape(&exchange(kex, &mut random), length)).collect();
        let plain = shapes.iter().filter(|shape| **shape == (false, false)).count();
        let short = shapes.iter().filter(|shape| shape.0).count();
        let high = shapes.iter().filter(|shape| shape.1).count();
        assert!(count < 1000 || (plain > 50 && short > 0 && high > 50), "{kex}: {plain}, {short} and {high}");
    }
    // Strings keep their length, whatever they begin with.
    for (kex, length) in [(Kex::MlKem768X25519, 32), (Kex::MlKem768P256, 32), (Kex::MlKem1024P384, 48)] {
        let mut random = Random::new(&Seed::new([27; 32]));
        let count = if kex == Kex::MlKem768X25519 { 1000 } else { 5 };
        let secrets: Vec<_> = (0..count).map(|_| exchange(kex, &mut random)).collect();
        assert!(secrets.iter().all(|secret| secret.len() == 4 + length && secret[..3] == [0; 3]), "{kex}");
        assert!(count < 1000 || secrets.iter().any(|secret| secret[4] == 0), "one begins with a zero byte");
    }
}

/// Whether this call may succeed.
fn works() -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    left > 0
}

/// A provider that fails once its calls are used up, and at every call from then on.
struct Failing<P>(PhantomData<P>);

/// A key or an exchange of its.
struct Fails<K>(K);

impl<P: Provider> Provider for Failing<P> {
    type Digest = P::Digest;
    type Seal = P::Seal;
    type Open = Fails<P::Open>;
    type Exchange = Fails<P::Exchange>;
    type Deflate = P::Deflate;
    type Inflate = P::Inflate;

    const KEX: &'static [Kex] = P::KEX;
    const CIPHERS: &'static [Cipher] = P::CIPHERS;
    const MACS: &'static [Mac] = P::MACS;
    const SIGNATURES: &'static [HostKey] = P::SIGNATURES;
    const ZIPS: &'static [Zip] = P::ZIPS;

    fn seal(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Seal> {
        P::seal(cipher, mac, keys).filter(|_| works())
    }

    fn open(cipher: Cipher, mac: Option<Mac>, keys: &DirectionKeys) -> Option<Self::Open> {
        P::open(cipher, mac, keys).filter(|_| works()).map(Fails)
    }

    fn verify(algorithm: HostKey, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        P::verify(algorithm, key, message, signature).and_then(|()| works().then_some(()).ok_or(Forged))
    }
}

impl<K: Open> Open for Fails<K> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn length(&mut self, sequence: u32, head: &mut [u8]) -> u32 {
        self.0.length(sequence, head)
    }

    fn open(&mut self, sequence: u32, packet: &mut [u8]) -> Result<(), Forged> {
        self.0.open(sequence, packet)?;
        works().then_some(()).ok_or(Forged)
    }
}

impl<K: Exchange> Exchange for Fails<K> {
    type Share = K::Share;

    fn start(kex: Kex, random: &mut Random) -> Option<Self> {
        K::start(kex, random).filter(|_| works()).map(Self)
    }

    fn offer(&self) -> K::Share {
        self.0.offer()
    }

    fn finish(self, answer: &[u8]) -> Result<Secret, BadShare> {
        self.0.finish(answer).and_then(|secret| works().then_some(secret).ok_or(BadShare))
    }

    fn respond(kex: Kex, random: &mut Random, offer: &[u8]) -> Result<(K::Share, Secret), BadShare> {
        K::respond(kex, random, offer).and_then(|both| works().then_some(both).ok_or(BadShare))
    }

    fn start_in(group: &Group, random: &mut Random) -> Option<Self> {
        K::start_in(group, random).filter(|_| works()).map(Self)
    }

    fn respond_in(group: &Group, random: &mut Random, offer: &[u8]) -> Result<(K::Share, Secret), BadShare> {
        K::respond_in(group, random, offer).and_then(|both| works().then_some(both).ok_or(BadShare))
    }
}

/// A login, a command and a rekey, until one end is over.
fn session<C: Provider, S: Provider>(kex: Kex) -> Pair<C, S> {
    let with = |mut config: Config| {
        config.preferences.kex = list(&[kex]);
        config
    };
    let mut pair = Pair::<C, S>::new(with(Config::default()), with(server_config()));
    pair.run();
    let _ = pair.password("right");
    pair.run();
    pair.server.ssh.rekey();
    pair.run();
    pair
}

/// Lets each call fail in turn: the end whose provider it was is over with an error, and did nothing behind it.
fn fails_everywhere<C: Provider, S: Provider>(kex: Kex) {
    LEFT.set(usize::MAX);
    let whole = session::<C, S>(kex);
    assert_eq!((whole.client.over, whole.server.over), (None, None));
    let calls = usize::MAX - LEFT.get();
    assert!(calls > 10, "{calls}");
    for call in 0..calls {
        LEFT.set(call);
        let mut pair = session::<C, S>(kex);
        // Keys that cannot be made are waited for until the exchange is given up.
        let late = pair.now.after(Duration::from_secs(200));
        let _ = (pair.client.ssh.tick(late), pair.server.ssh.tick(late));
        let fates = (pair.client.ssh.fate(), pair.server.ssh.fate());
        assert!(fates.0.is_some() && fates.1.is_some(), "{kex}: call {call} of {calls}: {fates:?}");
        let told = pair.client.told.iter().chain(&pair.server.told);
        let keyed = told.filter(|told| matches!(told, Told::Keyed(_))).count();
        assert!(keyed < 4, "not all there was to do was done");
        let logged_in = pair.client.ssh.is_logged_in() || pair.server.ssh.is_logged_in();
        assert!(keyed >= 2 || !logged_in, "nobody is let in without keys");
    }
}

#[test]
fn c31_a_provider_that_fails_at_any_call() {
    for kex in [Kex::Curve25519, Kex::MlKem768X25519, Kex::GroupExchangeSha256] {
        fails_everywhere::<Failing<Fast>, Fast>(kex);
        fails_everywhere::<Fast, Failing<Fast>>(kex);
    }
    fails_everywhere::<Failing<Soft>, Fast>(Kex::EcdhP256);
}
