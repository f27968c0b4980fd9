//! The closed sets of algorithms with their names on the wire, and the preference lists made of them.
//!
//! Adding an algorithm is a row here and a variant in the provider that has it. Unknown names in a peer's list are
//! skipped, never stored.

use heapless::Vec;

/// Declares a closed set: variant and wire name, one row an algorithm.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $set { $($(#[$vdoc])* $variant),* }

        impl $set {
            /// Every member, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The member of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }

        impl core::fmt::Display for $set {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names! {
    /// Key exchange methods.
    Kex {
        /// ML-KEM-768 with X25519 (draft-ietf-sshm-mlkem-hybrid-kex).
        MlKem768X25519 = "mlkem768x25519-sha256",
        /// X25519 (RFC 8731).
        Curve25519 = "curve25519-sha256",
        /// X25519 under its older name.
        Curve25519LibSsh = "curve25519-sha256@libssh.org",
        /// ECDH on P-256 (RFC 5656).
        EcdhP256 = "ecdh-sha2-nistp256",
    }
}

names! {
    /// Signature algorithms of host and user keys.
    HostKey {
        /// Ed25519 (RFC 8709).
        Ed25519 = "ssh-ed25519",
        /// ECDSA on P-256 (RFC 5656).
        EcdsaP256 = "ecdsa-sha2-nistp256",
        /// RSA with SHA-512 (RFC 8332).
        RsaSha512 = "rsa-sha2-512",
        /// RSA with SHA-256 (RFC 8332).
        RsaSha256 = "rsa-sha2-256",
    }
}

names! {
    /// Packet ciphers.
    Cipher {
        /// AES-128 in GCM (RFC 5647, negotiated as OpenSSH does).
        Aes128Gcm = "aes128-gcm@openssh.com",
        /// AES-256 in GCM (RFC 5647, negotiated as OpenSSH does).
        Aes256Gcm = "aes256-gcm@openssh.com",
        /// ChaCha20 and Poly1305 (draft-ietf-sshm-chacha20-poly1305).
        ChaCha20Poly1305 = "chacha20-poly1305@openssh.com",
        /// AES-128 in counter mode (RFC 4344).
        Aes128Ctr = "aes128-ctr",
        /// AES-256 in counter mode (RFC 4344).
        Aes256Ctr = "aes256-ctr",
    }
}

names! {
    /// Message authentication codes, for ciphers that do not authenticate by themselves.
    Mac {
        /// HMAC-SHA-256 over the encrypted packet (OpenSSH PROTOCOL §1.5).
        HmacSha256Etm = "hmac-sha2-256-etm@openssh.com",
        /// HMAC-SHA-512 over the encrypted packet (OpenSSH PROTOCOL §1.5).
        HmacSha512Etm = "hmac-sha2-512-etm@openssh.com",
        /// HMAC-SHA-256 over the plain packet (RFC 6668).
        HmacSha256 = "hmac-sha2-256",
        /// HMAC-SHA-512 over the plain packet (RFC 6668).
        HmacSha512 = "hmac-sha2-512",
    }
}

names! {
    /// Compression methods.
    Zip {
        /// None.
        None = "none",
    }
}

/// Hash functions that key exchanges name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Kex {
    /// The hash of the exchange and of the keys derived from it.
    pub const fn hash(self) -> Hash {
        match self {
            Self::MlKem768X25519 | Self::Curve25519 | Self::Curve25519LibSsh | Self::EcdhP256 => Hash::Sha256,
        }
    }
}

impl HostKey {
    /// The type name inside the public key blob, which RSA's algorithms share (RFC 8332 §3).
    pub const fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha512 | Self::RsaSha256 => "ssh-rsa",
            Self::Ed25519 | Self::EcdsaP256 => self.name(),
        }
    }
}

impl Cipher {
    /// Whether the cipher authenticates by itself, so that no MAC is negotiated for it.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305)
    }

    /// Bytes of key to derive.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ctr => 16,
            Self::Aes256Gcm | Self::Aes256Ctr => 32,
            Self::ChaCha20Poly1305 => 64,
        }
    }

    /// Bytes of initial vector to derive.
    pub const fn iv_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::ChaCha20Poly1305 => 0,
            Self::Aes128Ctr | Self::Aes256Ctr => 16,
        }
    }
}

impl Mac {
    /// Whether the MAC covers the encrypted packet, leaving the length in the clear.
    pub const fn is_etm(self) -> bool {
        matches!(self, Self::HmacSha256Etm | Self::HmacSha512Etm)
    }

    /// Bytes of the code, which is also what its key takes.
    pub const fn code_len(self) -> usize {
        match self {
            Self::HmacSha256Etm | Self::HmacSha256 => 32,
            Self::HmacSha512Etm | Self::HmacSha512 => 64,
        }
    }
}

/// How many algorithms a preference list can hold.
pub const LIST: usize = 16;

/// Algorithms, most wanted first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Key exchange methods.
    pub kex: Vec<Kex, LIST>,
    /// Host key algorithms.
    pub host_keys: Vec<HostKey, LIST>,
    /// Server: signature algorithms by which users may log in; a set, not an order.
    pub user_keys: Vec<HostKey, LIST>,
    /// Ciphers, the same both ways.
    pub ciphers: Vec<Cipher, LIST>,
    /// MACs, the same both ways.
    pub macs: Vec<Mac, LIST>,
}

impl Default for Preferences {
    /// Everything that is safe, best first. What the provider lacks is left out when offers are made.
    fn default() -> Self {
        Self {
            kex: list(Kex::ALL),
            host_keys: list(HostKey::ALL),
            user_keys: list(HostKey::ALL),
            ciphers: list(Cipher::ALL),
            macs: list(Mac::ALL),
        }
    }
}

/// An inline list of the first [`LIST`] of `items`.
pub fn list<T: Copy>(items: &[T]) -> Vec<T, LIST> {
    items.iter().copied().take(LIST).collect()
}
