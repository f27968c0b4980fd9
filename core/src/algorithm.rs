//! The closed sets of algorithms with their names on the wire, and the preference lists made of them.
//!
//! Adding an algorithm is a row here and a variant in the provider that has it. Unknown names in a peer's list are
//! skipped, never stored.

use heapless::Vec;

/// How far a method is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nobody has anything against it: what a server offers by default. What is recorded today must stay closed to a
    /// quantum computer, so of the key exchanges only the hybrid ones are here.
    Modern,
    /// No attack is known, though some would do without it: what a client offers besides by default.
    Safe,
    /// Broken or on the way there, and for talking to old devices only: never offered unless asked for.
    Legacy,
}

/// Declares a closed set: variant, wire name and grade, one row an algorithm, best first.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal $grade:ident),* $(,)? }) => {
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

            /// How far it is trusted.
            pub const fn grade(self) -> Grade {
                match self { $(Self::$variant => Grade::$grade),* }
            }

            /// The member of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.name() == name)
            }

            /// The members of this grade and better ones, best first.
            pub fn up_to(grade: Grade) -> Vec<Self, LIST> {
                graded(Self::ALL, Self::grade, grade)
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
        MlKem768X25519 = "mlkem768x25519-sha256" Modern,
        /// Streamlined NTRU Prime with X25519 (RFC 9941).
        Sntrup761X25519 = "sntrup761x25519-sha512" Modern,
        /// Streamlined NTRU Prime with X25519 under its older name.
        Sntrup761X25519OpenSsh = "sntrup761x25519-sha512@openssh.com" Modern,
        /// ML-KEM-1024 with P-384 (draft-ietf-sshm-mlkem-hybrid-kex).
        MlKem1024P384 = "mlkem1024nistp384-sha384" Safe,
        /// ML-KEM-768 with P-256 (draft-ietf-sshm-mlkem-hybrid-kex).
        MlKem768P256 = "mlkem768nistp256-sha256" Safe,
        /// X25519 (RFC 8731).
        Curve25519 = "curve25519-sha256" Safe,
        /// X25519 under its older name.
        Curve25519LibSsh = "curve25519-sha256@libssh.org" Safe,
        /// ECDH on P-256 (RFC 5656).
        EcdhP256 = "ecdh-sha2-nistp256" Safe,
        /// ECDH on P-384 (RFC 5656).
        EcdhP384 = "ecdh-sha2-nistp384" Safe,
        /// ECDH on P-521 (RFC 5656).
        EcdhP521 = "ecdh-sha2-nistp521" Safe,
        /// Diffie-Hellman in a group that the server chooses (RFC 4419).
        GroupExchangeSha256 = "diffie-hellman-group-exchange-sha256" Safe,
        /// Diffie-Hellman in the group of 4096 bits (RFC 8268).
        Group16Sha512 = "diffie-hellman-group16-sha512" Safe,
        /// Diffie-Hellman in the group of 8192 bits (RFC 8268).
        Group18Sha512 = "diffie-hellman-group18-sha512" Safe,
        /// Diffie-Hellman in the group of 6144 bits (RFC 8268).
        Group17Sha512 = "diffie-hellman-group17-sha512" Safe,
        /// Diffie-Hellman in the group of 3072 bits (RFC 8268).
        Group15Sha512 = "diffie-hellman-group15-sha512" Safe,
        /// Diffie-Hellman in the group of 2048 bits (RFC 8268).
        Group14Sha256 = "diffie-hellman-group14-sha256" Safe,
        /// Diffie-Hellman in a group that the server chooses, with SHA-1 (RFC 4419).
        GroupExchangeSha1 = "diffie-hellman-group-exchange-sha1" Legacy,
        /// Diffie-Hellman in the group of 2048 bits, with SHA-1 (RFC 4253 §8.2).
        Group14Sha1 = "diffie-hellman-group14-sha1" Legacy,
        /// Diffie-Hellman in the group of 1024 bits, with SHA-1 (RFC 4253 §8.1).
        Group1Sha1 = "diffie-hellman-group1-sha1" Legacy,
    }
}

names! {
    /// Signature algorithms of host and user keys, bare and under a certificate (draft-miller-ssh-cert). The bare ones
    /// come first, since a certificate is worth nothing to those who know no authority; those who do move it up.
    HostKey {
        /// Ed25519 (RFC 8709).
        Ed25519 = "ssh-ed25519" Modern,
        /// ECDSA on P-256 (RFC 5656).
        EcdsaP256 = "ecdsa-sha2-nistp256" Safe,
        /// ECDSA on P-384 (RFC 5656).
        EcdsaP384 = "ecdsa-sha2-nistp384" Safe,
        /// ECDSA on P-521 (RFC 5656).
        EcdsaP521 = "ecdsa-sha2-nistp521" Safe,
        /// Ed25519 in a security key (OpenSSH PROTOCOL.u2f).
        SkEd25519 = "sk-ssh-ed25519@openssh.com" Modern,
        /// ECDSA on P-256 in a security key (OpenSSH PROTOCOL.u2f).
        SkEcdsaP256 = "sk-ecdsa-sha2-nistp256@openssh.com" Safe,
        /// RSA with SHA-512 (RFC 8332).
        RsaSha512 = "rsa-sha2-512" Modern,
        /// RSA with SHA-256 (RFC 8332).
        RsaSha256 = "rsa-sha2-256" Modern,
        /// Ed25519, certified.
        Ed25519Cert = "ssh-ed25519-cert-v01@openssh.com" Modern,
        /// ECDSA on P-256, certified.
        EcdsaP256Cert = "ecdsa-sha2-nistp256-cert-v01@openssh.com" Safe,
        /// ECDSA on P-384, certified.
        EcdsaP384Cert = "ecdsa-sha2-nistp384-cert-v01@openssh.com" Safe,
        /// ECDSA on P-521, certified.
        EcdsaP521Cert = "ecdsa-sha2-nistp521-cert-v01@openssh.com" Safe,
        /// Ed25519 in a security key, certified.
        SkEd25519Cert = "sk-ssh-ed25519-cert-v01@openssh.com" Modern,
        /// ECDSA on P-256 in a security key, certified.
        SkEcdsaP256Cert = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" Safe,
        /// RSA with SHA-512, certified.
        RsaSha512Cert = "rsa-sha2-512-cert-v01@openssh.com" Modern,
        /// RSA with SHA-256, certified.
        RsaSha256Cert = "rsa-sha2-256-cert-v01@openssh.com" Modern,
        /// RSA with SHA-1 (RFC 4253 §6.6).
        RsaSha1 = "ssh-rsa" Legacy,
        /// RSA with SHA-1, certified.
        RsaSha1Cert = "ssh-rsa-cert-v01@openssh.com" Legacy,
    }
}

names! {
    /// Packet ciphers.
    Cipher {
        /// AES-128 in GCM (RFC 5647, negotiated as OpenSSH does).
        Aes128Gcm = "aes128-gcm@openssh.com" Modern,
        /// AES-256 in GCM (RFC 5647, negotiated as OpenSSH does).
        Aes256Gcm = "aes256-gcm@openssh.com" Modern,
        /// ChaCha20 and Poly1305 (draft-ietf-sshm-chacha20-poly1305).
        ChaCha20Poly1305 = "chacha20-poly1305@openssh.com" Modern,
        /// AES-128 in counter mode (RFC 4344).
        Aes128Ctr = "aes128-ctr" Modern,
        /// AES-192 in counter mode (RFC 4344).
        Aes192Ctr = "aes192-ctr" Modern,
        /// AES-256 in counter mode (RFC 4344).
        Aes256Ctr = "aes256-ctr" Modern,
        /// AES-128 in CBC (RFC 4253 §6.3).
        Aes128Cbc = "aes128-cbc" Legacy,
        /// AES-192 in CBC (RFC 4253 §6.3).
        Aes192Cbc = "aes192-cbc" Legacy,
        /// AES-256 in CBC (RFC 4253 §6.3).
        Aes256Cbc = "aes256-cbc" Legacy,
        /// Three-key triple DES in CBC (RFC 4253 §6.3).
        TripleDesCbc = "3des-cbc" Legacy,
    }
}

names! {
    /// Message authentication codes, for ciphers that do not authenticate by themselves.
    Mac {
        /// HMAC-SHA-256 over the encrypted packet (OpenSSH PROTOCOL §1.5).
        HmacSha256Etm = "hmac-sha2-256-etm@openssh.com" Modern,
        /// HMAC-SHA-512 over the encrypted packet (OpenSSH PROTOCOL §1.5).
        HmacSha512Etm = "hmac-sha2-512-etm@openssh.com" Modern,
        /// UMAC of 128 bits over the encrypted packet (OpenSSH PROTOCOL §1.5).
        Umac128Etm = "umac-128-etm@openssh.com" Modern,
        /// UMAC of 64 bits over the encrypted packet (OpenSSH PROTOCOL §1.5).
        Umac64Etm = "umac-64-etm@openssh.com" Safe,
        /// HMAC-SHA-256 over the plain packet (RFC 6668).
        HmacSha256 = "hmac-sha2-256" Safe,
        /// HMAC-SHA-512 over the plain packet (RFC 6668).
        HmacSha512 = "hmac-sha2-512" Safe,
        /// UMAC of 128 bits over the plain packet (draft-miller-secsh-umac).
        Umac128 = "umac-128@openssh.com" Safe,
        /// UMAC of 64 bits over the plain packet (draft-miller-secsh-umac).
        Umac64 = "umac-64@openssh.com" Safe,
        /// HMAC-SHA-1 over the encrypted packet (OpenSSH PROTOCOL §1.5).
        HmacSha1Etm = "hmac-sha1-etm@openssh.com" Legacy,
        /// HMAC-SHA-1 over the plain packet (RFC 4253 §6.4).
        HmacSha1 = "hmac-sha1" Legacy,
    }
}

names! {
    /// Compression methods.
    Zip {
        /// None.
        None = "none" Modern,
        /// Deflate, from the end of the login on (draft-miller-secsh-compression-delayed).
        ZlibDelayed = "zlib@openssh.com" Safe,
        /// Deflate from the first keys on (RFC 4253 §6.2), which lets strangers feed it.
        Zlib = "zlib" Legacy,
    }
}

/// Hash functions that key exchanges name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Kex {
    /// Whether the server chooses a group first (RFC 4419).
    pub const fn has_group_exchange(self) -> bool {
        matches!(self, Self::GroupExchangeSha256 | Self::GroupExchangeSha1)
    }

    /// The hash of the exchange and of the keys derived from it.
    pub const fn hash(self) -> Hash {
        match self {
            Self::MlKem768X25519
            | Self::MlKem768P256
            | Self::Curve25519
            | Self::Curve25519LibSsh
            | Self::EcdhP256
            | Self::GroupExchangeSha256
            | Self::Group14Sha256 => Hash::Sha256,
            Self::MlKem1024P384 | Self::EcdhP384 => Hash::Sha384,
            Self::Sntrup761X25519
            | Self::Sntrup761X25519OpenSsh
            | Self::EcdhP521
            | Self::Group15Sha512
            | Self::Group16Sha512
            | Self::Group17Sha512
            | Self::Group18Sha512 => Hash::Sha512,
            Self::GroupExchangeSha1 | Self::Group14Sha1 | Self::Group1Sha1 => Hash::Sha1,
        }
    }
}

impl HostKey {
    /// The algorithm that signs: under a certificate the subject's, otherwise the algorithm itself.
    pub const fn plain(self) -> Self {
        match self {
            Self::Ed25519Cert => Self::Ed25519,
            Self::EcdsaP256Cert => Self::EcdsaP256,
            Self::EcdsaP384Cert => Self::EcdsaP384,
            Self::EcdsaP521Cert => Self::EcdsaP521,
            Self::SkEd25519Cert => Self::SkEd25519,
            Self::SkEcdsaP256Cert => Self::SkEcdsaP256,
            Self::RsaSha512Cert => Self::RsaSha512,
            Self::RsaSha256Cert => Self::RsaSha256,
            Self::RsaSha1Cert => Self::RsaSha1,
            Self::Ed25519
            | Self::EcdsaP256
            | Self::EcdsaP384
            | Self::EcdsaP521
            | Self::SkEd25519
            | Self::SkEcdsaP256
            | Self::RsaSha512
            | Self::RsaSha256
            | Self::RsaSha1 => self,
        }
    }

    /// Whether the key comes in a certificate.
    pub const fn is_certified(self) -> bool {
        self as u8 != self.plain() as u8
    }

    /// The same algorithm under a certificate.
    pub fn certified(self) -> Self {
        Self::ALL.iter().copied().find(|other| other.is_certified() && other.plain() == self.plain()).unwrap_or(self)
    }

    /// The type name inside the public key blob, which RSA's algorithms share (RFC 8332 §3).
    pub const fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha512 | Self::RsaSha256 => Self::RsaSha1.name(),
            Self::RsaSha512Cert | Self::RsaSha256Cert => Self::RsaSha1Cert.name(),
            Self::RsaSha1
            | Self::RsaSha1Cert
            | Self::Ed25519
            | Self::Ed25519Cert
            | Self::EcdsaP256
            | Self::EcdsaP256Cert
            | Self::EcdsaP384
            | Self::EcdsaP384Cert
            | Self::EcdsaP521
            | Self::EcdsaP521Cert
            | Self::SkEd25519
            | Self::SkEd25519Cert
            | Self::SkEcdsaP256
            | Self::SkEcdsaP256Cert => self.name(),
        }
    }
}

impl Cipher {
    /// Whether the cipher authenticates by itself, so that no MAC is negotiated for it.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305)
    }

    /// Whether packets are chained (CBC), so that an early answer to a damaged one would tell what it decrypts to.
    pub const fn is_cbc(self) -> bool {
        matches!(self, Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc | Self::TripleDesCbc)
    }

    /// Bytes of key to derive.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Ctr | Self::Aes128Cbc => 16,
            Self::Aes192Ctr | Self::Aes192Cbc | Self::TripleDesCbc => 24,
            Self::Aes256Gcm | Self::Aes256Ctr | Self::Aes256Cbc => 32,
            Self::ChaCha20Poly1305 => 64,
        }
    }

    /// Bytes of initial vector to derive.
    pub const fn iv_len(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::ChaCha20Poly1305 => 0,
            Self::TripleDesCbc => 8,
            Self::Aes128Ctr
            | Self::Aes192Ctr
            | Self::Aes256Ctr
            | Self::Aes128Cbc
            | Self::Aes192Cbc
            | Self::Aes256Cbc => 16,
        }
    }
}

impl Mac {
    /// Whether the MAC covers the encrypted packet, leaving the length in the clear.
    pub const fn is_etm(self) -> bool {
        matches!(
            self,
            Self::HmacSha256Etm | Self::HmacSha512Etm | Self::Umac128Etm | Self::Umac64Etm | Self::HmacSha1Etm
        )
    }

    /// Bytes of the code.
    pub const fn code_len(self) -> usize {
        match self {
            Self::Umac64Etm | Self::Umac64 => 8,
            Self::Umac128Etm | Self::Umac128 => 16,
            Self::HmacSha1Etm | Self::HmacSha1 => 20,
            Self::HmacSha256Etm | Self::HmacSha256 => 32,
            Self::HmacSha512Etm | Self::HmacSha512 => 64,
        }
    }

    /// Bytes of key to derive: as many as the code has (RFC 4253 §6.4), but 16 for both forms of UMAC.
    pub const fn key_len(self) -> usize {
        if matches!(self, Self::Umac64Etm | Self::Umac64) { 16 } else { self.code_len() }
    }
}

/// How many algorithms a preference list can hold: as many as the longest table has.
pub const LIST: usize = 20;

/// Algorithms, most wanted first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Key exchange methods.
    pub kex: Vec<Kex, LIST>,
    /// Host key algorithms.
    pub host_keys: Vec<HostKey, LIST>,
    /// Signature algorithms by which users may log in: for a server a set, for a client with an agent an order.
    pub user_keys: Vec<HostKey, LIST>,
    /// Signature algorithms by which certificates may be signed; a set, not an order.
    pub authorities: Vec<HostKey, LIST>,
    /// Ciphers, the same both ways.
    pub ciphers: Vec<Cipher, LIST>,
    /// MACs, the same both ways.
    pub macs: Vec<Mac, LIST>,
    /// Compression methods, the same both ways. Only [`Zip::None`] unless asked for: what is compressed tells of itself by
    /// its length, and costs more than fast lines do. A client that wants it names [`Zip::ZlibDelayed`] first, a server
    /// that grants it names it anywhere.
    pub zips: Vec<Zip, LIST>,
}

impl Preferences {
    /// Everything of this grade and better ones, best first, and no compression. What the provider lacks is left out when offers are made.
    pub fn up_to(grade: Grade) -> Self {
        Self {
            kex: Kex::up_to(grade),
            host_keys: HostKey::up_to(grade),
            user_keys: HostKey::up_to(grade),
            authorities: HostKey::up_to(grade),
            ciphers: Cipher::up_to(grade),
            macs: Mac::up_to(grade),
            zips: list(&[Zip::None]),
        }
    }

    /// Everything there is, with what is broken at the end of each list: for old devices that know nothing better.
    pub fn legacy() -> Self {
        Self::up_to(Grade::Legacy)
    }
}

impl Default for Preferences {
    /// Everything that is safe.
    fn default() -> Self {
        Self::up_to(Grade::Safe)
    }
}

/// Those of a table that have this grade or a better one. Apart, because the optimiser takes minutes over a loop whose
/// table it knows.
#[inline(never)]
fn graded<T: Copy>(all: &[T], of: fn(T) -> Grade, grade: Grade) -> Vec<T, LIST> {
    all.iter().copied().filter(|member| of(*member) <= grade).collect()
}

/// An inline list of the first [`LIST`] of `items`.
pub fn list<T: Copy>(items: &[T]) -> Vec<T, LIST> {
    items.iter().copied().take(LIST).collect()
}

#[cfg(test)]
mod tests {
    use super::{Cipher, Grade, HostKey, Kex, LIST, Mac, Preferences, Zip};

    #[test]
    fn every_table_fits_a_list() {
        for rows in [Kex::ALL.len(), HostKey::ALL.len(), Cipher::ALL.len(), Mac::ALL.len()] {
            assert!(rows <= LIST);
        }
        assert_eq!(Preferences::legacy().kex, Kex::ALL);
    }

    /// No list but the one that says so names SHA-1, CBC or a group of 1024 bits.
    #[test]
    fn nothing_broken_is_a_default() {
        let Preferences { kex, host_keys, user_keys, authorities, ciphers, macs, zips } = Preferences::default();
        let keys = host_keys.iter().chain(&user_keys).chain(&authorities).map(|key| key.name());
        let names = kex.iter().map(|kex| kex.name()).chain(keys).chain(ciphers.iter().map(|cipher| cipher.name()));
        for name in names.chain(macs.iter().map(|mac| mac.name())) {
            for broken in ["sha1", "cbc", "group1-"] {
                assert!(!name.contains(broken), "{name}");
            }
            assert!(!name.starts_with("ssh-rsa"), "{name}");
        }
        assert_eq!([&zips, &Preferences::legacy().zips], [&[Zip::None]; 2]);
        let hybrid = |kex: &Kex| ["mlkem", "sntrup"].iter().any(|name| kex.name().starts_with(name));
        assert!(Kex::up_to(Grade::Modern).iter().all(|kex| hybrid(kex) && !kex.name().contains("nistp")));
    }

    #[test]
    fn every_algorithm_has_one_form_under_a_certificate() {
        for key in HostKey::ALL {
            assert_eq!(key.certified().plain(), key.plain());
            assert!(key.certified().is_certified() && !key.plain().is_certified());
            assert!(key.certified().key_type().ends_with("-cert-v01@openssh.com"));
        }
    }
}
