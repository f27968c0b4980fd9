//! KEXINIT by hand (RFC 4253 §7.1): lists are strings, so that they can hold anything.
//!
//! A [`Suite`] names one algorithm of each kind, so the proposal decides what is negotiated.

use crate::suites;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Zip};

/// The markers of strict key exchange, the client's first.
pub const STRICT: [&str; 2] = ["kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"];
/// The markers of RFC 8308, the client's first.
pub const EXTENSIONS: [&str; 2] = ["ext-info-c", "ext-info-s"];

/// One algorithm of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Key exchange.
    pub kex: Kex,
    /// Host key.
    pub host_key: HostKey,
    /// Cipher, both ways.
    pub cipher: Cipher,
    /// MAC, both ways, unless the cipher authenticates by itself.
    pub mac: Option<Mac>,
    /// Compression, both ways.
    pub zip: Zip,
}

impl Default for Suite {
    fn default() -> Self {
        let (kex, host_key) = (Kex::Curve25519, HostKey::Ed25519);
        Self { kex, host_key, cipher: Cipher::Aes128Gcm, mac: None, zip: Zip::None }
    }
}

impl Suite {
    /// With this cipher, and the MAC that it needs if it needs one.
    pub fn cipher(cipher: Cipher, mac: Option<Mac>) -> Self {
        Self { cipher, mac, ..Self::default() }
    }

    /// With this key exchange.
    pub fn kex(kex: Kex) -> Self {
        Self { kex, ..Self::default() }
    }

    /// With this compression.
    pub fn zip(zip: Zip) -> Self {
        Self { zip, ..Self::default() }
    }

    /// Every construction of packets that tells at once what is wrong: GCM, ChaCha20 and Poly1305, counter mode with
    /// either kind of MAC, and CBC with the one over the encrypted packet.
    pub fn constructions() -> Vec<Self> {
        let aead = [Cipher::Aes128Gcm, Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305];
        let mut suites: Vec<_> = suites::of(&aead, &[]).chain(suites::of(&[Cipher::Aes256Ctr], Mac::ALL)).collect();
        suites.extend(suites::of(&[Cipher::Aes256Cbc, Cipher::TripleDesCbc], &[Mac::HmacSha256Etm, Mac::Umac64Etm]));
        suites.into_iter().map(|(cipher, mac)| Self::cipher(cipher, mac)).collect()
    }
}

/// What a KEXINIT says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Cookie.
    pub cookie: [u8; 16],
    /// `kex_algorithms`.
    pub kex: String,
    /// The nine other lists, in the order of the message.
    pub lists: [String; 9],
    /// `first_kex_packet_follows`.
    pub guess: bool,
    /// The reserved field.
    pub reserved: u32,
    /// The suite that it comes to, if the machine agrees.
    pub suite: Suite,
}

impl Proposal {
    /// Proposes a suite with both markers, as a client or as a server, and some MAC even if none is needed.
    pub fn new(client: bool, suite: &Suite) -> Self {
        let side = usize::from(!client);
        let [key, cipher, mac] =
            [suite.host_key.name(), suite.cipher.name(), suite.mac.unwrap_or(Mac::HmacSha256Etm).name()];
        let zip = suite.zip.name();
        Self {
            cookie: [0x5a; 16],
            kex: [suite.kex.name(), EXTENSIONS[side], STRICT[side]].join(","),
            lists: [key, cipher, cipher, mac, mac, zip, zip, "", ""].map(String::from),
            guess: false,
            reserved: 0,
            suite: *suite,
        }
    }

    /// The list at this place: 0 is `kex_algorithms`.
    pub fn list(&mut self, at: usize) -> &mut String {
        if at == 0 { &mut self.kex } else { &mut self.lists[at - 1] }
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let lists = core::iter::once(&self.kex).chain(&self.lists).map(String::as_bytes);
        super::message::kex_init(self.cookie, lists, self.guess, self.reserved)
    }
}
