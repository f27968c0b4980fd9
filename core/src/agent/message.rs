//! Messages of the agent protocol: RFC 9987 §5 and §6, and what OpenSSH's PROTOCOL.agent puts into extensions.

use crate::wire::macros::{fields, messages};
use crate::wire::{Bytes, Rest};

messages! {
    /// RFC 9987 §5.1: the request was refused, or not understood.
    5 Failure {}
    /// RFC 9987 §5.1.
    6 Success {}
    /// RFC 9987 §5.4.
    11 RequestIdentities {}
    /// RFC 9987 §5.4: `count` identities follow.
    12 IdentitiesAnswer<'a> {
        /// How many identities the agent says there are.
        count: u32,
        /// The identities.
        identities: Rest<'a>,
    }
    /// RFC 9987 §5.5.
    13 SignRequest<'a> {
        /// The public key blob, or the certificate.
        key: Bytes<'a>,
        /// What to sign.
        message: Bytes<'a>,
        /// Which algorithm, where a key has several.
        flags: u32,
    }
    /// RFC 9987 §5.5.
    14 SignResponse<'a> {
        /// The signature blob.
        signature: Bytes<'a>,
    }
    /// RFC 9987 §5.2.
    17 AddIdentity<'a> {
        /// The private key, whose type decides its fields, and a comment.
        rest: Rest<'a>,
    }
    /// RFC 9987 §5.3.
    18 RemoveIdentity<'a> {
        /// The public key blob, or the certificate.
        key: Bytes<'a>,
    }
    /// RFC 9987 §5.3.
    19 RemoveAllIdentities {}
    /// RFC 9987 §5.7.
    22 Lock<'a> {
        /// In the clear.
        passphrase: Bytes<'a>,
    }
    /// RFC 9987 §5.7.
    23 Unlock<'a> {
        /// In the clear.
        passphrase: Bytes<'a>,
    }
    /// RFC 9987 §5.2.7.
    25 AddIdConstrained<'a> {
        /// As for [`AddIdentity`], and constraints to the end.
        rest: Rest<'a>,
    }
    /// RFC 9987 §5.8.
    27 Extension<'a> {
        /// Which.
        name: Bytes<'a>,
        /// What it needs.
        contents: Rest<'a>,
    }
    /// RFC 9987 §5.8: the extension is known, and failed.
    28 ExtensionFailure {}
    /// RFC 9987 §5.8.
    29 ExtensionResponse<'a> {
        /// Which.
        name: Bytes<'a>,
        /// What it gives.
        contents: Rest<'a>,
    }
}

fields! {
    /// `session-bind@openssh.com`: which session of SSH this connection to the agent serves.
    SessionBind<'a> {
        /// The server's host key in the session's first exchange.
        host_key: Bytes<'a>,
        /// The session identifier.
        session: Bytes<'a>,
        /// The host key's signature on it.
        signature: Bytes<'a>,
        /// Whether the agent is forwarded through the session, rather than used to log in to it.
        forwarding: bool,
    }
}

/// The extension that lists the extensions (RFC 9987 §5.8.1).
pub(super) const QUERY: &[u8] = b"query";
/// The extension whose contents are a [`SessionBind`].
pub(super) const SESSION_BIND: &[u8] = b"session-bind@openssh.com";
