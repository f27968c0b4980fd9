//! Messages of the connection protocol: RFC 4254, with what channel opens, channel requests and global requests hold
//! (RFC 4254 §6 and §7, RFC 4335, OpenSSH PROTOCOL §2).

use super::macros::{fields, messages};
use super::{Bytes, Rest};

messages! {
    /// RFC 4254 §4.
    80 GlobalRequest<'a> {
        /// Request name.
        name: Bytes<'a>,
        /// Whether an answer is due.
        want_reply: bool,
        /// What the request needs.
        fields: Rest<'a>,
    }
    /// RFC 4254 §4.
    81 RequestSuccess<'a> {
        /// What the request answers with.
        fields: Rest<'a>,
    }
    /// RFC 4254 §4.
    82 RequestFailure {}
    /// RFC 4254 §5.1.
    90 ChannelOpen<'a> {
        /// Channel type.
        kind: Bytes<'a>,
        /// The sender's number for the channel.
        sender: u32,
        /// Bytes the sender will take before an adjust.
        window: u32,
        /// Largest data field the sender will take.
        max_packet: u32,
        /// What the type needs.
        fields: Rest<'a>,
    }
    /// RFC 4254 §5.1.
    91 ChannelOpenConfirmation<'a> {
        /// The opener's number.
        recipient: u32,
        /// The accepter's number.
        sender: u32,
        /// Bytes the accepter will take before an adjust.
        window: u32,
        /// Largest data field the accepter will take.
        max_packet: u32,
        /// What the type needs.
        fields: Rest<'a>,
    }
    /// RFC 4254 §5.1.
    92 ChannelOpenFailure<'a> {
        /// The opener's number.
        recipient: u32,
        /// Why not.
        code: u32,
        /// For people; untrusted.
        description: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// RFC 4254 §5.2.
    93 ChannelWindowAdjust {
        /// The channel.
        recipient: u32,
        /// Bytes to add.
        bytes: u32,
    }
    /// RFC 4254 §5.2.
    94 ChannelData<'a> {
        /// The channel.
        recipient: u32,
        /// The data.
        data: Bytes<'a>,
    }
    /// RFC 4254 §5.2.
    95 ChannelExtendedData<'a> {
        /// The channel.
        recipient: u32,
        /// 1 is stderr.
        kind: u32,
        /// The data.
        data: Bytes<'a>,
    }
    /// RFC 4254 §5.3.
    96 ChannelEof {
        /// The channel.
        recipient: u32,
    }
    /// RFC 4254 §5.3.
    97 ChannelClose {
        /// The channel.
        recipient: u32,
    }
    /// RFC 4254 §5.4.
    98 ChannelRequest<'a> {
        /// The channel.
        recipient: u32,
        /// Request name.
        name: Bytes<'a>,
        /// Whether an answer is due.
        want_reply: bool,
        /// What the request needs.
        fields: Rest<'a>,
    }
    /// RFC 4254 §5.4.
    99 ChannelSuccess {
        /// The channel.
        recipient: u32,
    }
    /// RFC 4254 §5.4.
    100 ChannelFailure {
        /// The channel.
        recipient: u32,
    }
}

fields! {
    /// `pty-req` (RFC 4254 §6.2).
    PtyReq<'a> {
        /// `TERM`.
        term: Bytes<'a>,
        /// Width in characters.
        columns: u32,
        /// Height in characters.
        rows: u32,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Encoded terminal modes (RFC 4254 §8).
        modes: Bytes<'a>,
    }
    /// `env` (RFC 4254 §6.4).
    Env<'a> {
        /// Name of the variable; untrusted.
        name: Bytes<'a>,
        /// Its value; untrusted.
        value: Bytes<'a>,
    }
    /// `exec` (RFC 4254 §6.5).
    Exec<'a> {
        /// Command line; untrusted.
        command: Bytes<'a>,
    }
    /// `subsystem` (RFC 4254 §6.5).
    Subsystem<'a> {
        /// Name of the subsystem.
        name: Bytes<'a>,
    }
    /// `window-change` (RFC 4254 §6.7).
    WindowChange {
        /// Width in characters.
        columns: u32,
        /// Height in characters.
        rows: u32,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    }
    /// `xon-xoff` (RFC 4254 §6.8).
    XonXoff {
        /// Whether the client may do flow control.
        client_can_do: bool,
    }
    /// `signal` (RFC 4254 §6.9).
    Signal<'a> {
        /// Name without `SIG`.
        name: Bytes<'a>,
    }
    /// `exit-status` (RFC 4254 §6.10).
    ExitStatus {
        /// The command's status.
        status: u32,
    }
    /// `exit-signal` (RFC 4254 §6.10).
    ExitSignal<'a> {
        /// Name without `SIG`.
        name: Bytes<'a>,
        /// Whether a core was dumped.
        core_dumped: bool,
        /// For people; untrusted.
        message: Bytes<'a>,
        /// RFC 3066 tag.
        language: Bytes<'a>,
    }
    /// `direct-tcpip` and `forwarded-tcpip` (RFC 4254 §7.2).
    TcpipOpen<'a> {
        /// Host to connect to, or address that was connected to; untrusted.
        host: Bytes<'a>,
        /// Its port.
        port: u32,
        /// Address that the connection came from; untrusted.
        originator: Bytes<'a>,
        /// Its port.
        originator_port: u32,
    }
    /// `direct-streamlocal@openssh.com` (OpenSSH PROTOCOL §2.4).
    StreamlocalDirect<'a> {
        /// Path of the socket to connect to; untrusted.
        path: Bytes<'a>,
        /// Reserved.
        reserved: Bytes<'a>,
        /// Reserved.
        reserved_port: u32,
    }
    /// `forwarded-streamlocal@openssh.com` (OpenSSH PROTOCOL §2.4).
    StreamlocalForwarded<'a> {
        /// Path of the socket that was connected to; untrusted.
        path: Bytes<'a>,
        /// Reserved.
        reserved: Bytes<'a>,
    }
    /// `x11` (RFC 4254 §6.3.2).
    X11Open<'a> {
        /// Address that the connection came from; untrusted.
        originator: Bytes<'a>,
        /// Its port.
        originator_port: u32,
    }
    /// `tcpip-forward` and `cancel-tcpip-forward` (RFC 4254 §7.1).
    TcpipForward<'a> {
        /// Address to listen on; untrusted.
        address: Bytes<'a>,
        /// Port to listen on; 0 for any that is free.
        port: u32,
    }
    /// `streamlocal-forward@openssh.com` and `cancel-streamlocal-forward@openssh.com` (OpenSSH PROTOCOL §2.4).
    StreamlocalForward<'a> {
        /// Path of the socket to listen on; untrusted.
        path: Bytes<'a>,
    }
    /// What `tcpip-forward` with port 0 is answered with (RFC 4254 §7.1).
    ForwardedPort {
        /// The port that was found.
        port: u32,
    }
    /// `x11-req` (RFC 4254 §6.3.1).
    X11Req<'a> {
        /// Whether one connection only may come.
        single_connection: bool,
        /// Name of the authentication protocol.
        protocol: Bytes<'a>,
        /// Its cookie, in hexadecimal.
        cookie: Bytes<'a>,
        /// Number of the screen.
        screen: u32,
    }
    /// `break` (RFC 4335 §3).
    Break {
        /// Length in milliseconds; 0 leaves it to the server.
        milliseconds: u32,
    }
}
