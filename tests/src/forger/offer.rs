//! KEXINIT by hand (RFC 4253 §7.1): lists are strings, so that they can hold anything.
//!
//! A [`Suite`] names one algorithm of each kind, so the proposal decides what is negotiated.

use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;

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
    /// MAC, both ways.
    pub mac: Mac,
}

impl Default for Suite {
    fn default() -> Self {
        Self { kex: Kex::Curve25519, host_key: HostKey::Ed25519, cipher: Cipher::Aes128Gcm, mac: Mac::HmacSha256Etm }
    }
}

impl Suite {
    /// With this cipher, and this MAC if it needs one.
    pub fn cipher(cipher: Cipher, mac: Mac) -> Self {
        Self { cipher, mac, ..Self::default() }
    }

    /// With this key exchange.
    pub fn kex(kex: Kex) -> Self {
        Self { kex, ..Self::default() }
    }

    /// Every construction of packets: GCM, ChaCha20 and Poly1305, and counter mode with either kind of MAC.
    pub fn constructions() -> Vec<Self> {
        let gcm = [Cipher::Aes128Gcm, Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305];
        let gcm = gcm.into_iter().map(|cipher| Self::cipher(cipher, Mac::HmacSha256Etm));
        let ctr = Fast::MACS.iter().map(|mac| Self::cipher(Cipher::Aes256Ctr, *mac));
        gcm.chain(ctr).collect()
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
    /// Proposes a suite with both markers, as a client or as a server.
    pub fn new(client: bool, suite: &Suite) -> Self {
        let side = usize::from(!client);
        let [key, cipher, mac] = [suite.host_key.name(), suite.cipher.name(), suite.mac.name()];
        Self {
            cookie: [0x5a; 16],
            kex: [suite.kex.name(), EXTENSIONS[side], STRICT[side]].join(","),
            lists: [key, cipher, cipher, mac, mac, "none", "none", "", ""].map(String::from),
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
