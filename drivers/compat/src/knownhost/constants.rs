//! The constants of `ssh2.knownhost`: what typemasks are put together from.

/// The bits of a typemask that say what the host is given as.
pub const LIBSSH2_KNOWNHOST_TYPE_MASK: i32 = 0xffff;
/// The host is a name.
pub const LIBSSH2_KNOWNHOST_TYPE_PLAIN: i32 = 1;
/// The host is a hash, by HMAC-SHA1, and the salt of it: both in Base64.
pub const LIBSSH2_KNOWNHOST_TYPE_SHA1: i32 = 2;
/// The host is whatever the program makes of names, and compared as it is.
pub const LIBSSH2_KNOWNHOST_TYPE_CUSTOM: i32 = 3;

/// The bits of a typemask that say what the key is given as.
pub const LIBSSH2_KNOWNHOST_KEYENC_MASK: i32 = 0x30000;
/// The key is a blob.
pub const LIBSSH2_KNOWNHOST_KEYENC_RAW: i32 = 0x10000;
/// The key is a blob in Base64.
pub const LIBSSH2_KNOWNHOST_KEYENC_BASE64: i32 = 0x20000;

/// The bits of a typemask that say of which type the key is.
pub const LIBSSH2_KNOWNHOST_KEY_MASK: i32 = 0x3c0000;
/// Where those begin.
pub const LIBSSH2_KNOWNHOST_KEY_SHIFT: i32 = 18;
/// A key of SSH-1, which no list here takes.
pub const LIBSSH2_KNOWNHOST_KEY_RSA1: i32 = 1 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ssh-rsa`.
pub const LIBSSH2_KNOWNHOST_KEY_SSHRSA: i32 = 2 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ssh-dss`.
pub const LIBSSH2_KNOWNHOST_KEY_SSHDSS: i32 = 3 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ecdsa-sha2-nistp256`.
pub const LIBSSH2_KNOWNHOST_KEY_ECDSA_256: i32 = 4 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ecdsa-sha2-nistp384`.
pub const LIBSSH2_KNOWNHOST_KEY_ECDSA_384: i32 = 5 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ecdsa-sha2-nistp521`.
pub const LIBSSH2_KNOWNHOST_KEY_ECDSA_521: i32 = 6 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// `ssh-ed25519`.
pub const LIBSSH2_KNOWNHOST_KEY_ED25519: i32 = 7 << LIBSSH2_KNOWNHOST_KEY_SHIFT;
/// Any other type.
pub const LIBSSH2_KNOWNHOST_KEY_UNKNOWN: i32 = 15 << LIBSSH2_KNOWNHOST_KEY_SHIFT;

/// The one form of files and lines there is: OpenSSH's. The calls that take it elsewhere do without here.
pub const LIBSSH2_KNOWNHOST_FILE_OPENSSH: i32 = 1;

/// The bits of `LIBSSH2_KNOWNHOST_KEY_` of a key type by its name.
pub(super) fn key_bits(kind: &str) -> i32 {
    match kind {
        "ssh-rsa" => LIBSSH2_KNOWNHOST_KEY_SSHRSA,
        "ssh-dss" => LIBSSH2_KNOWNHOST_KEY_SSHDSS,
        "ecdsa-sha2-nistp256" => LIBSSH2_KNOWNHOST_KEY_ECDSA_256,
        "ecdsa-sha2-nistp384" => LIBSSH2_KNOWNHOST_KEY_ECDSA_384,
        "ecdsa-sha2-nistp521" => LIBSSH2_KNOWNHOST_KEY_ECDSA_521,
        "ssh-ed25519" => LIBSSH2_KNOWNHOST_KEY_ED25519,
        _ => LIBSSH2_KNOWNHOST_KEY_UNKNOWN,
    }
}
