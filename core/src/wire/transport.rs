//! Messages of the transport layer: RFC 4253, RFC 8308, and OpenSSH's PING and PONG.

use super::macros::messages;
use super::{Bytes, Mpint, Names, Rest};

messages! {
    /// RFC 4253 §11.1.
    1 Disconnect<'a> {
        /// Why, by [`Reason`](crate::Reason)'s number.
        code: u32,
        /// For people; untrusted.
        description: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// RFC 4253 §11.2.
    2 Ignore<'a> {
        /// Meaningless.
        data: Bytes<'a>,
    }
    /// RFC 4253 §11.4.
    3 Unimplemented {
        /// Sequence number of the packet that was not understood.
        sequence: u32,
    }
    /// RFC 4253 §11.3.
    4 Debug<'a> {
        /// Whether to show it.
        always_display: bool,
        /// For people; untrusted.
        message: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// RFC 4253 §10.
    5 ServiceRequest<'a> {
        /// `ssh-userauth`; `ssh-connection` comes by logging in.
        service: Bytes<'a>,
    }
    /// RFC 4253 §10.
    6 ServiceAccept<'a> {
        /// The service asked for.
        service: Bytes<'a>,
    }
    /// RFC 8308 §2.3: `count` pairs of strings follow.
    7 ExtInfo<'a> {
        /// How many pairs the peer says there are.
        count: u32,
        /// The pairs.
        pairs: Rest<'a>,
    }
    /// RFC 4253 §7.1.
    20 KexInit<'a> {
        /// Random, so that neither side alone decides the exchange hash.
        cookie: [u8; 16],
        /// `kex_algorithms`, with the markers of RFC 8308 and strict key exchange among them.
        kex: Names<'a>,
        /// `server_host_key_algorithms`.
        host_key: Names<'a>,
        /// `encryption_algorithms_client_to_server`.
        cipher_to_server: Names<'a>,
        /// `encryption_algorithms_server_to_client`.
        cipher_to_client: Names<'a>,
        /// `mac_algorithms_client_to_server`.
        mac_to_server: Names<'a>,
        /// `mac_algorithms_server_to_client`.
        mac_to_client: Names<'a>,
        /// `compression_algorithms_client_to_server`.
        zip_to_server: Names<'a>,
        /// `compression_algorithms_server_to_client`.
        zip_to_client: Names<'a>,
        /// `languages_client_to_server`.
        language_to_server: Names<'a>,
        /// `languages_server_to_client`.
        language_to_client: Names<'a>,
        /// `first_kex_packet_follows`.
        guess_follows: bool,
        /// 0, for later.
        reserved: u32,
    }
    /// RFC 4253 §7.3.
    21 NewKeys {}
    /// RFC 4253 §8, RFC 5656 §4, RFC 8731 §3: the client's share.
    30 KexInitiate<'a> {
        /// `Q_C`; or `e`, for an `mpint` is a string of its digits.
        share: Bytes<'a>,
    }
    /// RFC 4253 §8, RFC 5656 §4, RFC 8731 §3: the server's host key, share and signature.
    31 KexReply<'a> {
        /// `K_S`.
        host_key: Bytes<'a>,
        /// `Q_S`, or `f`.
        share: Bytes<'a>,
        /// The signature on the exchange hash.
        signature: Bytes<'a>,
    }
    /// RFC 4419 §3: the group that the server chose.
    31 GroupOffer<'a> {
        /// `p`.
        prime: Mpint<'a>,
        /// `g`.
        generator: Mpint<'a>,
    }
    /// RFC 4419 §3: the client's share in that group.
    32 GroupInitiate<'a> {
        /// `e`.
        share: Bytes<'a>,
    }
    /// RFC 4419 §3: what [`KexReply`] holds.
    33 GroupReply<'a> {
        /// `K_S`.
        host_key: Bytes<'a>,
        /// `f`.
        share: Bytes<'a>,
        /// The signature on the exchange hash.
        signature: Bytes<'a>,
    }
    /// RFC 4419 §3: the size of group that the client wants, in bits.
    34 GroupRequest {
        /// At least.
        min: u32,
        /// Preferably.
        wanted: u32,
        /// At most.
        max: u32,
    }
    /// OpenSSH PROTOCOL §1.9.
    192 Ping<'a> {
        /// To be echoed.
        data: Bytes<'a>,
    }
    /// OpenSSH PROTOCOL §1.9.
    193 Pong<'a> {
        /// What the PING held.
        data: Bytes<'a>,
    }
}
