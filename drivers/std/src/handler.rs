//! What a program decides for its server: who may log in, and what a session does. Each is called on a thread of its
//! connection or session, and may take its time.

use crate::{Endpoint, Session};
use core::fmt;
use core::net::SocketAddr;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{ClientHost, MethodSet};
use sanssh_core::crypto::signature::Presence;
use sanssh_core::file;

/// What may be done in a session, as [`authorized_keys`](sanssh_core::file::authorized_keys) says it: the server
/// enforces `pty`, `command`, `environment` and those of forwarding. From where and until when a key may be used is
/// judged at the login, by [`AuthorizedKeys`](crate::AuthorizedKeys).
pub type Permissions = file::Options;

/// A program's part of a server. A panic ends the connection or session it happens in, and nothing else.
pub trait Handler: Send + Sync + 'static {
    /// Whether it makes sense that the client signs with this key, a public key blob. Nothing is proven yet.
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool;

    /// Decides about an attempt to log in.
    fn login(&self, attempt: &Attempt<'_>) -> Verdict;

    /// Decides about an attempt by `hostbased`: whether the client is that host, the key is that host's, and its users are
    /// believed. No host is, unless the program says so.
    fn host_login(&self, _: &HostAttempt<'_>) -> Verdict {
        Verdict::Refuse
    }

    /// Whether a client may have this forwarded, which the permissions of its login do not forbid. Nothing is, unless the
    /// program says so, and [`Config::forwarding`](sanssh_core::Config::forwarding) lets it be asked for.
    fn may_forward(&self, _: SocketAddr, _: &str, _: &Wish<'_>) -> bool {
        false
    }

    /// Serves a session; it is closed when dropped, at the latest.
    fn session(&self, session: Session);
}

/// What a client wants forwarded. The server does it as the user that it runs as itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// A connection to this, from here. A host is as the client wrote it: a name may stand for any address, this machine's
    /// among them.
    Connect(&'a Endpoint),
    /// Connections that come in at this, here; as the client wrote it, too.
    Listen(&'a Endpoint),
    /// The use of its agent by programs of a session, which find it by [`Session::agent`].
    Agent,
    /// The use of its display by programs of a session, which find it by [`Session::display`].
    Display,
}

/// An attempt to log in.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Where from.
    pub peer: SocketAddr,
    /// As whom; untrusted. Names that are not UTF-8 are refused without asking.
    pub user: &'a str,
    /// By what.
    pub credential: Credential<'a>,
    /// The methods that this user was right by before, in this connection, where more was wanted.
    pub earned: MethodSet,
}

/// An attempt to log in that rests on the word of the client's host (RFC 4252 §9).
#[derive(Debug)]
pub struct HostAttempt<'a> {
    /// Where from.
    pub peer: SocketAddr,
    /// As whom; untrusted.
    pub user: &'a str,
    /// The host as it calls itself, the user as it calls them, and its key, whose signature has been verified. The key may
    /// be a certificate for hosts, of which nothing else has been looked at than the signatures.
    pub host: ClientHost<'a>,
    /// As [`Attempt::earned`].
    pub earned: MethodSet,
}

/// What an attempt rests on.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// A password.
    Password(&'a str),
    /// A new password in place of an expired one.
    PasswordChange {
        /// The old one.
        old: &'a str,
        /// The new one.
        new: &'a str,
    },
    /// A key, whose signature has been verified.
    Key {
        /// The signature's algorithm.
        algorithm: HostKey,
        /// The public key blob, which may be a certificate.
        key: &'a [u8],
        /// What a security key says of its holder. Unless the user's entry says otherwise, it must have been touched.
        presence: Option<Presence>,
    },
    /// The wish to be asked; [`Verdict::Ask`] is the answer.
    Interactive,
    /// The answers to what was asked, as many as there were questions.
    Answers(&'a [&'a str]),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password",
            Self::PasswordChange { .. } => "PasswordChange",
            Self::Key { .. } => "Key",
            Self::Interactive => "Interactive",
            Self::Answers(_) => "Answers",
        })
    }
}

/// The answer to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a verdict is to be returned"]
pub enum Verdict {
    /// Logged in, with these permissions; unless [`ServerConfig::chains`](crate::ServerConfig) want more besides.
    Accept(Permissions),
    /// Not so.
    Refuse,
    /// Right, and one of these methods is wanted besides. In the end no more is permitted than by each of them.
    More(MethodSet, Permissions),
    /// Only after [`Credential::Interactive`] and [`Credential::Answers`]: questions, and whether the answers may be seen.
    Ask {
        /// A title.
        name: String,
        /// What to show above the questions.
        instruction: String,
        /// The questions.
        prompts: Vec<(String, bool)>,
    },
    /// Only after [`Credential::Password`] and [`Credential::PasswordChange`]: right, but expired; what to say about it.
    Expired(String),
}
