//! The numbers of errors, `ssh2.error_codes`: what [`Error::code`](crate::Error::code) gives.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        $($(#[$doc])* pub const $name: i32 = $code;)*
    };
}

codes! {
    /// No error.
    LIBSSH2_ERROR_NONE = 0,
    /// No better number.
    LIBSSH2_ERROR_SOCKET_NONE = -1,
    /// The server's identification line is none.
    LIBSSH2_ERROR_BANNER_RECV = -2,
    /// Our identification line could not be sent.
    LIBSSH2_ERROR_BANNER_SEND = -3,
    /// A packet failed its integrity check.
    LIBSSH2_ERROR_INVALID_MAC = -4,
    /// Nothing in common with the server.
    LIBSSH2_ERROR_KEX_FAILURE = -5,
    /// No memory.
    LIBSSH2_ERROR_ALLOC = -6,
    /// The socket takes no more.
    LIBSSH2_ERROR_SOCKET_SEND = -7,
    /// The key exchange failed.
    LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE = -8,
    /// It took longer than it may.
    LIBSSH2_ERROR_TIMEOUT = -9,
    /// The host key is none.
    LIBSSH2_ERROR_HOSTKEY_INIT = -10,
    /// The host key did not sign.
    LIBSSH2_ERROR_HOSTKEY_SIGN = -11,
    /// A packet cannot be decrypted.
    LIBSSH2_ERROR_DECRYPT = -12,
    /// The server said goodbye.
    LIBSSH2_ERROR_SOCKET_DISCONNECT = -13,
    /// The server broke the protocol.
    LIBSSH2_ERROR_PROTO = -14,
    /// The password has expired.
    LIBSSH2_ERROR_PASSWORD_EXPIRED = -15,
    /// A file could not be read or written.
    LIBSSH2_ERROR_FILE = -16,
    /// No method was agreed on.
    LIBSSH2_ERROR_METHOD_NONE = -17,
    /// The login was refused.
    LIBSSH2_ERROR_AUTHENTICATION_FAILED = -18,
    /// The same under an older name.
    LIBSSH2_ERROR_PUBLICKEY_UNRECOGNIZED = -18,
    /// The server does not take the signature.
    LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED = -19,
    /// A call came before another that it needs.
    LIBSSH2_ERROR_CHANNEL_OUTOFORDER = -20,
    /// The channel was not opened.
    LIBSSH2_ERROR_CHANNEL_FAILURE = -21,
    /// A request on a channel was refused.
    LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED = -22,
    /// There is no such channel.
    LIBSSH2_ERROR_CHANNEL_UNKNOWN = -23,
    /// More data than the window takes.
    LIBSSH2_ERROR_CHANNEL_WINDOW_EXCEEDED = -24,
    /// More data than a packet of the channel takes.
    LIBSSH2_ERROR_CHANNEL_PACKET_EXCEEDED = -25,
    /// The channel is closed.
    LIBSSH2_ERROR_CHANNEL_CLOSED = -26,
    /// The end of the stream was sent already.
    LIBSSH2_ERROR_CHANNEL_EOF_SENT = -27,
    /// The protocol of scp failed, or its other end refuses.
    LIBSSH2_ERROR_SCP_PROTOCOL = -28,
    /// A packet cannot be expanded.
    LIBSSH2_ERROR_ZLIB = -29,
    /// The socket took longer than it may.
    LIBSSH2_ERROR_SOCKET_TIMEOUT = -30,
    /// The SFTP server refuses, or breaks its protocol.
    LIBSSH2_ERROR_SFTP_PROTOCOL = -31,
    /// The server refuses a request.
    LIBSSH2_ERROR_REQUEST_DENIED = -32,
    /// There is no such method here.
    LIBSSH2_ERROR_METHOD_NOT_SUPPORTED = -33,
    /// The call makes no sense now.
    LIBSSH2_ERROR_INVAL = -34,
    /// There is no such thing to poll for.
    LIBSSH2_ERROR_INVALID_POLL_TYPE = -35,
    /// The server of the publickey subsystem refuses, or breaks its protocol.
    LIBSSH2_ERROR_PUBLICKEY_PROTOCOL = -36,
    /// The call would wait: call it again later with the same arguments.
    LIBSSH2_ERROR_EAGAIN = -37,
    /// The same under the name that stands beside the others.
    LIBSSH2CHANNEL_EAGAIN = -37,
    /// There is no room for the result.
    LIBSSH2_ERROR_BUFFER_TOO_SMALL = -38,
    /// The call is wrong here.
    LIBSSH2_ERROR_BAD_USE = -39,
    /// A packet cannot be compressed.
    LIBSSH2_ERROR_COMPRESS = -40,
    /// A value beyond its limits.
    LIBSSH2_ERROR_OUT_OF_BOUNDARY = -41,
    /// The agent refuses, or breaks its protocol.
    LIBSSH2_ERROR_AGENT_PROTOCOL = -42,
    /// The socket gives no more.
    LIBSSH2_ERROR_SOCKET_RECV = -43,
    /// A packet cannot be encrypted.
    LIBSSH2_ERROR_ENCRYPT = -44,
    /// The descriptor is no socket.
    LIBSSH2_ERROR_BAD_SOCKET = -45,
    /// The list of known hosts refuses.
    LIBSSH2_ERROR_KNOWN_HOSTS = -46,
    /// The window is full.
    LIBSSH2_ERROR_CHANNEL_WINDOW_FULL = -47,
    /// The key from a file did not log in.
    LIBSSH2_ERROR_KEYFILE_AUTH_FAILED = -48,
    /// No entropy.
    LIBSSH2_ERROR_RANDGEN = -49,
    /// The server sent no text before the login.
    LIBSSH2_ERROR_MISSING_USERAUTH_BANNER = -50,
    /// There is no such algorithm here.
    LIBSSH2_ERROR_ALGO_UNSUPPORTED = -51,
    /// A MAC could not be made.
    LIBSSH2_ERROR_MAC_FAILURE = -52,
    /// A hash could not be begun.
    LIBSSH2_ERROR_HASH_INIT = -53,
    /// A hash could not be made.
    LIBSSH2_ERROR_HASH_CALC = -54,
}
