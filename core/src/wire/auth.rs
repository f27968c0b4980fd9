//! Messages of the authentication protocol: RFC 4252 and RFC 4256.

use super::macros::{fields, messages};
use super::{Bytes, Malformed, Names, Reader, Rest};

messages! {
    /// RFC 4252 §5.
    50 UserauthRequest<'a> {
        /// Who wants in.
        user: Bytes<'a>,
        /// `ssh-connection`.
        service: Bytes<'a>,
        /// `none`, `password`, `publickey`, ...
        method: Bytes<'a>,
        /// What the method needs.
        fields: Rest<'a>,
    }
    /// RFC 4252 §5.1.
    51 UserauthFailure<'a> {
        /// Methods that can continue.
        methods: Names<'a>,
        /// Whether the attempt was right and more is wanted.
        partial: bool,
    }
    /// RFC 4252 §5.1.
    52 UserauthSuccess {}
    /// RFC 4252 §5.4.
    53 UserauthBanner<'a> {
        /// For people; untrusted.
        message: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// RFC 4252 §7: the key would do.
    60 UserauthPkOk<'a> {
        /// The algorithm asked about.
        algorithm: Bytes<'a>,
        /// The key asked about.
        key: Bytes<'a>,
    }
    /// RFC 4252 §8: the password has expired.
    60 UserauthPasswdChangereq<'a> {
        /// For people; untrusted.
        prompt: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// RFC 4256 §3.2: `count` prompts follow.
    60 UserauthInfoRequest<'a> {
        /// Title; untrusted.
        name: Bytes<'a>,
        /// Text above the prompts; untrusted.
        instruction: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
        /// How many prompts the server says there are.
        count: u32,
        /// The prompts.
        prompts: Rest<'a>,
    }
    /// RFC 4256 §3.4: `count` strings follow.
    61 UserauthInfoResponse<'a> {
        /// How many answers the client says there are.
        count: u32,
        /// The answers.
        answers: Rest<'a>,
    }
}

fields! {
    /// The method fields of `password` (RFC 4252 §8).
    PasswordFields<'a> {
        /// FALSE.
        change: bool,
        /// In the clear inside the encrypted packet.
        password: Bytes<'a>,
    }
    /// The method fields of `password` when the client changes it (RFC 4252 §8).
    PasswordChangeFields<'a> {
        /// TRUE.
        change: bool,
        /// The password that expired.
        old: Bytes<'a>,
        /// The one to take its place.
        new: Bytes<'a>,
    }
    /// The method fields of `publickey` without a signature (RFC 4252 §7).
    ProbeFields<'a> {
        /// FALSE.
        signed: bool,
        /// Signature algorithm.
        algorithm: Bytes<'a>,
        /// Public key blob.
        key: Bytes<'a>,
    }
    /// The method fields of `publickey` with a signature (RFC 4252 §7).
    SignedFields<'a> {
        /// TRUE.
        signed: bool,
        /// Signature algorithm.
        algorithm: Bytes<'a>,
        /// Public key blob.
        key: Bytes<'a>,
        /// Signature blob.
        signature: Bytes<'a>,
    }
    /// The method fields of `hostbased` (RFC 4252 §9).
    HostFields<'a> {
        /// Signature algorithm.
        algorithm: Bytes<'a>,
        /// The client host's public key blob.
        key: Bytes<'a>,
        /// The client host's name, as it says.
        host: Bytes<'a>,
        /// The user's name on the client host, as it says.
        host_user: Bytes<'a>,
        /// Signature blob.
        signature: Bytes<'a>,
    }
    /// The method fields of `publickey-hostbound-v00@openssh.com` up to a signature (OpenSSH PROTOCOL §3.1).
    HostboundFields<'a> {
        /// Whether a signature follows.
        signed: bool,
        /// Signature algorithm.
        algorithm: Bytes<'a>,
        /// Public key blob.
        key: Bytes<'a>,
        /// The server's host key, as its public key blob.
        host_key: Bytes<'a>,
    }
    /// The method fields of `publickey-hostbound-v00@openssh.com` with a signature (OpenSSH PROTOCOL §3.1).
    HostboundSignedFields<'a> {
        /// TRUE.
        signed: bool,
        /// Signature algorithm.
        algorithm: Bytes<'a>,
        /// Public key blob.
        key: Bytes<'a>,
        /// The server's host key, as its public key blob.
        host_key: Bytes<'a>,
        /// Signature blob.
        signature: Bytes<'a>,
    }
    /// The method fields of `keyboard-interactive` (RFC 4256 §3.1).
    InteractiveFields<'a> {
        /// RFC 3066 tag, deprecated.
        language: Bytes<'a>,
        /// Hints the client may give.
        submethods: Names<'a>,
    }
}

/// One prompt of an INFO_REQUEST (RFC 4256 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// What to show; untrusted when it came from a peer.
    pub text: &'a [u8],
    /// Whether the answer may be seen as it is typed.
    pub echo: bool,
}

/// The prompts of an INFO_REQUEST, checked: exactly as many as were announced.
#[derive(Debug, Clone, Copy)]
pub struct Prompts<'a>(&'a [u8]);

impl<'a> Prompts<'a> {
    /// Checks that `count` prompts, and nothing else, stand in `bytes`.
    pub fn decode(count: u32, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        for _ in 0..count {
            reader.string()?;
            reader.u8()?;
        }
        reader.end()?;
        Ok(Self(bytes))
    }

    /// The prompts in order.
    pub fn iter(self) -> impl Iterator<Item = Prompt<'a>> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || Some(Prompt { text: reader.string().ok()?, echo: reader.u8().ok()? != 0 }))
    }
}

/// The answers of an INFO_RESPONSE, checked: exactly as many as were announced.
#[derive(Clone, Copy)]
pub struct Answers<'a>(&'a [u8]);

impl<'a> Answers<'a> {
    /// Checks that `count` strings, and nothing else, stand in `bytes`.
    pub fn decode(count: u32, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        for _ in 0..count {
            reader.string()?;
        }
        reader.end()?;
        Ok(Self(bytes))
    }

    /// The answers in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || reader.string().ok())
    }
}

impl core::fmt::Debug for Answers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Answers({})", self.iter().count())
    }
}
