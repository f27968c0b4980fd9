//! The constants of `ssh2.session`: numbers where the documentation has numbers, and types of their own for methods and
//! flags.

/// What a list of methods is about, for [`method_pref`](super::Session::method_pref) and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MethodType {
    /// Key exchange.
    Kex = 0,
    /// Host key.
    HostKey = 1,
    /// Cipher, client to server.
    CryptCs = 2,
    /// Cipher, server to client.
    CryptSc = 3,
    /// MAC, client to server.
    MacCs = 4,
    /// MAC, server to client.
    MacSc = 5,
    /// Compression, client to server.
    CompCs = 6,
    /// Compression, server to client.
    CompSc = 7,
    /// Language, client to server.
    LangCs = 8,
    /// Language, server to client.
    LangSc = 9,
    /// Signatures of users, which libssh2 has and the documentation does not name.
    SignAlgo = 10,
}

/// What [`flag`](super::Session::flag) sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlagType {
    /// Let SIGPIPE come from the socket.
    SigPipe,
    /// Ask for compression.
    Compress,
    /// Quote the paths of scp.
    QuotePaths,
    /// A security key must be touched: no flag of a session.
    SkPresenceRequired,
    /// A security key must verify its user: no flag of a session.
    SkVerificationRequired,
}

impl MethodType {
    /// The documented number.
    pub const fn value(self) -> i32 {
        self as i32
    }
}

impl FlagType {
    /// The documented number; those of security keys are numbered by themselves.
    pub const fn value(self) -> i32 {
        match self {
            Self::SigPipe | Self::SkPresenceRequired => 1,
            Self::Compress => 2,
            Self::QuotePaths => 3,
            Self::SkVerificationRequired => 4,
        }
    }
}

/// [`block_directions`](super::Session::block_directions): wait until the socket can be read.
pub const LIBSSH2_SESSION_BLOCK_INBOUND: i32 = 1;
/// [`block_directions`](super::Session::block_directions): wait until the socket can be written.
pub const LIBSSH2_SESSION_BLOCK_OUTBOUND: i32 = 2;

/// [`hostkey_hash`](super::Session::hostkey_hash): MD5, 16 bytes. Broken: to compare with what was written down long ago.
pub const LIBSSH2_HOSTKEY_HASH_MD5: i32 = 1;
/// [`hostkey_hash`](super::Session::hostkey_hash): SHA-1, 20 bytes. Broken as well.
pub const LIBSSH2_HOSTKEY_HASH_SHA1: i32 = 2;
/// [`hostkey_hash`](super::Session::hostkey_hash): SHA-256, 32 bytes.
pub const LIBSSH2_HOSTKEY_HASH_SHA256: i32 = 3;

/// [`hostkey`](super::Session::hostkey): none of the following.
pub const LIBSSH2_HOSTKEY_TYPE_UNKNOWN: i32 = 0;
/// [`hostkey`](super::Session::hostkey): RSA.
pub const LIBSSH2_HOSTKEY_TYPE_RSA: i32 = 1;
/// [`hostkey`](super::Session::hostkey): DSA, which is not spoken here.
pub const LIBSSH2_HOSTKEY_TYPE_DSS: i32 = 2;
/// [`hostkey`](super::Session::hostkey): ECDSA on P-256.
pub const LIBSSH2_HOSTKEY_TYPE_ECDSA_256: i32 = 3;
/// [`hostkey`](super::Session::hostkey): ECDSA on P-384.
pub const LIBSSH2_HOSTKEY_TYPE_ECDSA_384: i32 = 4;
/// [`hostkey`](super::Session::hostkey): ECDSA on P-521.
pub const LIBSSH2_HOSTKEY_TYPE_ECDSA_521: i32 = 5;
/// [`hostkey`](super::Session::hostkey): Ed25519.
pub const LIBSSH2_HOSTKEY_TYPE_ED25519: i32 = 6;

/// Declares constants that are members of a set.
macro_rules! members {
    ($set:ident: $($name:ident = $member:ident),* $(,)?) => {
        $(
            #[doc = concat!("[`", stringify!($set), "::", stringify!($member), "`].")]
            pub const $name: $set = $set::$member;
        )*
    };
}

members! { MethodType:
    LIBSSH2_METHOD_KEX = Kex,
    LIBSSH2_METHOD_HOSTKEY = HostKey,
    LIBSSH2_METHOD_CRYPT_CS = CryptCs,
    LIBSSH2_METHOD_CRYPT_SC = CryptSc,
    LIBSSH2_METHOD_MAC_CS = MacCs,
    LIBSSH2_METHOD_MAC_SC = MacSc,
    LIBSSH2_METHOD_COMP_CS = CompCs,
    LIBSSH2_METHOD_COMP_SC = CompSc,
    LIBSSH2_METHOD_LANG_CS = LangCs,
    LIBSSH2_METHOD_LANG_SC = LangSc,
    LIBSSH2_METHOD_SIGN_ALGO = SignAlgo,
}

members! { FlagType:
    LIBSSH2_FLAG_SIGPIPE = SigPipe,
    LIBSSH2_FLAG_COMPRESS = Compress,
    LIBSSH2_FLAG_QUOTE_PATHS = QuotePaths,
    LIBSSH2_SK_PRESENCE_REQUIRED = SkPresenceRequired,
    LIBSSH2_SK_VERIFICATION_REQUIRED = SkVerificationRequired,
}
