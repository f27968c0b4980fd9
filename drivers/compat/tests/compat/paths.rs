//! Every documented name that is no member, by its path here: that this compiles is the test.

#![expect(unused_imports, reason = "that the names resolve is all that is wanted")]

use sanssh_compat::agent::Agent;
use sanssh_compat::channel::Channel;
use sanssh_compat::error_codes::{LIBSSH2_ERROR_EAGAIN, LIBSSH2_ERROR_TIMEOUT};
use sanssh_compat::exceptions::{
    AgentAuthenticationError, AgentConnectionError, AgentError, AgentGetIdentityError, AgentListIdentitiesError,
    AgentProtocolError, AuthenticationError, BadSocketError, BadUseError, BannerRecvError, BannerSendError,
    BufferTooSmallError, ChannelClosedError, ChannelEOFSentError, ChannelError, ChannelFailure, ChannelOutOfOrderError,
    ChannelPacketExceeded, ChannelRequestDenied, ChannelUnknownError, ChannelWindowExceeded, CompressError,
    DecryptError, EncryptError, FileError, HostkeyInitError, HostkeySignError, InvalidPollTypeError,
    InvalidRequestError, KeyExchangeError, KnownHostAddError, KnownHostCheckError, KnownHostCheckFailure,
    KnownHostCheckMismatchError, KnownHostCheckNotFoundError, KnownHostDeleteError, KnownHostError, KnownHostGetError,
    KnownHostReadFileError, KnownHostReadLineError, KnownHostWriteFileError, KnownHostWriteLineError, MethodNoneError,
    MethodNotSupported, OutOfBoundaryError, PasswordExpiredError, ProtocolError, PublicKeyError, PublicKeyInitError,
    PublicKeyProtocolError, PublickeyUnverifiedError, RequestDeniedError, SCPProtocolError, SFTPError, SFTPHandleError,
    SFTPProtocolError, SSH2Error, SessionError, SessionHandshakeError, SessionHostKeyError, SessionStartupError,
    SocketDisconnectError, SocketRecvError, SocketSendError, SocketTimeout, Timeout, UnknownError, ZlibError,
};
use sanssh_compat::fileinfo::FileInfo;
use sanssh_compat::knownhost::{
    KnownHost, KnownHostEntry, LIBSSH2_KNOWNHOST_KEY_SSHRSA, LIBSSH2_KNOWNHOST_KEYENC_RAW,
    LIBSSH2_KNOWNHOST_TYPE_PLAIN, LIBSSH2_KNOWNHOST_TYPE_SHA1,
};
use sanssh_compat::listener::Listener;
use sanssh_compat::pkey::PublicKey;
use sanssh_compat::session::{
    LIBSSH2_FLAG_COMPRESS, LIBSSH2_FLAG_SIGPIPE, LIBSSH2_HOSTKEY_HASH_MD5, LIBSSH2_HOSTKEY_HASH_SHA1,
    LIBSSH2_HOSTKEY_TYPE_DSS, LIBSSH2_HOSTKEY_TYPE_RSA, LIBSSH2_HOSTKEY_TYPE_UNKNOWN, LIBSSH2_METHOD_COMP_CS,
    LIBSSH2_METHOD_COMP_SC, LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC, LIBSSH2_METHOD_HOSTKEY,
    LIBSSH2_METHOD_KEX, LIBSSH2_METHOD_LANG_CS, LIBSSH2_METHOD_LANG_SC, LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC,
    LIBSSH2_SESSION_BLOCK_INBOUND, LIBSSH2_SESSION_BLOCK_OUTBOUND, Session,
};
use sanssh_compat::sftp::{
    LIBSSH2_FXF_APPEND, LIBSSH2_FXF_CREAT, LIBSSH2_FXF_EXCL, LIBSSH2_FXF_READ, LIBSSH2_FXF_TRUNC, LIBSSH2_FXF_WRITE,
    LIBSSH2_SFTP_S_IFBLK, LIBSSH2_SFTP_S_IFCHR, LIBSSH2_SFTP_S_IFDIR, LIBSSH2_SFTP_S_IFIFO, LIBSSH2_SFTP_S_IFLNK,
    LIBSSH2_SFTP_S_IFMT, LIBSSH2_SFTP_S_IFREG, LIBSSH2_SFTP_S_IFSOCK, LIBSSH2_SFTP_S_IRGRP, LIBSSH2_SFTP_S_IROTH,
    LIBSSH2_SFTP_S_IRUSR, LIBSSH2_SFTP_S_IRWXG, LIBSSH2_SFTP_S_IRWXO, LIBSSH2_SFTP_S_IRWXU, LIBSSH2_SFTP_S_IWOTH,
    LIBSSH2_SFTP_S_IWUSR, LIBSSH2_SFTP_S_IXOTH, LIBSSH2_SFTP_S_IXUSR, LIBSSH2_SFTP_ST_NOSUID, LIBSSH2_SFTP_ST_RDONLY,
    SFTP,
};
use sanssh_compat::sftp_handle::{SFTPAttributes, SFTPHandle, SFTPStatVFS};
use sanssh_compat::statinfo::StatInfo;
use sanssh_compat::utils::{handle_error_codes, ssh2_exit, version, wait_socket};
