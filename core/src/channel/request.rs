//! Channel requests of sessions (RFC 4254 §6, RFC 4335, RFC 9987, OpenSSH PROTOCOL §2.1), one row each: name, who may
//! send it, fields.

use super::Modes;
use super::slot::Flags;
use crate::crypto::schedule::Direction;
use crate::wire::connection::{
    Break, Env, Exec, ExitSignal, ExitStatus, PtyReq, Signal, Subsystem, WindowChange, X11Req, XonXoff,
};
use crate::wire::{Malformed, Sink, word};

/// Signal names that RFC 4254 §6.10 lists; others carry `@domain`.
pub const SIGNALS: [&str; 13] =
    ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"];

/// A pseudo-terminal (RFC 4254 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pty<'a> {
    /// `TERM`.
    pub term: &'a [u8],
    /// Its size.
    pub size: WindowChange,
    /// Its modes.
    pub modes: Modes<'a>,
}

/// A request on a session. From a peer, everything inside is untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// `pty-req`.
    Pty(Pty<'a>),
    /// `env`.
    Env {
        /// Name of the variable.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// `shell`.
    Shell,
    /// `exec`: the command line.
    Exec(&'a [u8]),
    /// `subsystem`: its name.
    Subsystem(&'a [u8]),
    /// `window-change`.
    WindowChange(WindowChange),
    /// `xon-xoff`: whether the client may do flow control.
    XonXoff(bool),
    /// `signal`: the name without `SIG`.
    Signal(&'a [u8]),
    /// `break`: milliseconds.
    Break(u32),
    /// `x11-req`: the session's programs want to show windows.
    X11(X11Req<'a>),
    /// `auth-agent-req@openssh.com`: the session's programs want to use the client's agent.
    Agent,
    /// `agent-req` (RFC 9987): the same.
    AgentStandard,
    /// `eow@openssh.com`: the sender reads no more data, but still sends.
    EndOfWrite,
    /// `exit-status`.
    ExitStatus(u32),
    /// `exit-signal`.
    ExitSignal {
        /// Name without `SIG`.
        name: &'a [u8],
        /// Whether a core was dumped.
        core_dumped: bool,
        /// For people.
        message: &'a [u8],
    },
}

impl<'a> Request<'a> {
    /// The name on the wire.
    pub const fn name(&self) -> &'static [u8] {
        match self {
            Self::Pty(_) => b"pty-req",
            Self::Env { .. } => b"env",
            Self::Shell => b"shell",
            Self::Exec(_) => b"exec",
            Self::Subsystem(_) => b"subsystem",
            Self::WindowChange(_) => b"window-change",
            Self::XonXoff(_) => b"xon-xoff",
            Self::Signal(_) => b"signal",
            Self::Break(_) => b"break",
            Self::X11(_) => b"x11-req",
            Self::Agent => b"auth-agent-req@openssh.com",
            Self::AgentStandard => b"agent-req",
            Self::EndOfWrite => b"eow@openssh.com",
            Self::ExitStatus(_) => b"exit-status",
            Self::ExitSignal { .. } => b"exit-signal",
        }
    }

    /// Whether a reply is asked for: never where RFC 4254 says `want_reply` is FALSE.
    pub(crate) const fn wants_reply(&self) -> bool {
        match self {
            Self::Pty(_)
            | Self::Env { .. }
            | Self::Shell
            | Self::Exec(_)
            | Self::Subsystem(_)
            | Self::Break(_)
            | Self::X11(_)
            | Self::Agent
            | Self::AgentStandard => true,
            Self::WindowChange(_)
            | Self::EndOfWrite
            | Self::XonXoff(_)
            | Self::Signal(_)
            | Self::ExitStatus(_)
            | Self::ExitSignal { .. } => false,
        }
    }

    /// Whether this starts the one program of the channel.
    pub(crate) const fn starts(&self) -> bool {
        matches!(self, Self::Shell | Self::Exec(_) | Self::Subsystem(_))
    }

    /// What the server may open once it has granted this.
    pub(crate) const fn permits(&self) -> Flags {
        match self {
            Self::X11(X11Req { single_connection: true, .. }) => Flags::X11_ONCE,
            Self::X11(_) => Flags::X11,
            Self::Agent | Self::AgentStandard => Flags::AGENT,
            Self::Pty(_)
            | Self::Env { .. }
            | Self::Shell
            | Self::Exec(_)
            | Self::Subsystem(_)
            | Self::Break(_)
            | Self::WindowChange(_)
            | Self::EndOfWrite
            | Self::XonXoff(_)
            | Self::Signal(_)
            | Self::ExitStatus(_)
            | Self::ExitSignal { .. } => Flags::NONE,
        }
    }

    /// Whether this is news, which wants no answer.
    pub(crate) const fn is_notice(&self) -> bool {
        matches!(self, Self::XonXoff(_) | Self::ExitStatus(_) | Self::ExitSignal { .. } | Self::EndOfWrite)
    }

    /// Reads a request that travels in `direction`; `None` for names that are not known there.
    pub(crate) fn decode(direction: Direction, name: &[u8], fields: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let request = match (direction, word(name)) {
            (Direction::ToServer, "pty-req") => {
                let PtyReq { term, columns, rows, width, height, modes } = PtyReq::decode(fields)?;
                Self::Pty(Pty { term, size: WindowChange { columns, rows, width, height }, modes: Modes(modes) })
            }
            (Direction::ToServer, "env") => {
                let Env { name, value } = Env::decode(fields)?;
                Self::Env { name, value }
            }
            (Direction::ToServer, "shell") if fields.is_empty() => Self::Shell,
            (Direction::ToServer, "shell") => return Err(Malformed),
            (Direction::ToServer, "exec") => Self::Exec(Exec::decode(fields)?.command),
            (Direction::ToServer, "subsystem") => Self::Subsystem(Subsystem::decode(fields)?.name),
            (Direction::ToServer, "window-change") => Self::WindowChange(WindowChange::decode(fields)?),
            (Direction::ToServer, "signal") => Self::Signal(Signal::decode(fields)?.name),
            (Direction::ToServer, "break") => Self::Break(Break::decode(fields)?.milliseconds),
            (Direction::ToServer, "x11-req") => Self::X11(X11Req::decode(fields)?),
            (Direction::ToServer, "auth-agent-req@openssh.com") if fields.is_empty() => Self::Agent,
            (Direction::ToServer, "agent-req") if fields.is_empty() => Self::AgentStandard,
            (Direction::ToServer, "auth-agent-req@openssh.com" | "agent-req") => return Err(Malformed),
            (_, "eow@openssh.com") if fields.is_empty() => Self::EndOfWrite,
            (_, "eow@openssh.com") => return Err(Malformed),
            (Direction::ToClient, "xon-xoff") => Self::XonXoff(XonXoff::decode(fields)?.client_can_do),
            (Direction::ToClient, "exit-status") => Self::ExitStatus(ExitStatus::decode(fields)?.status),
            (Direction::ToClient, "exit-signal") => {
                let ExitSignal { name, core_dumped, message, language: _ } = ExitSignal::decode(fields)?;
                Self::ExitSignal { name, core_dumped, message }
            }
            _ => return Ok(None),
        };
        Ok(Some(request))
    }

    /// Writes the fields behind `want_reply`.
    pub(crate) fn encode(&self, sink: &mut dyn Sink) {
        match *self {
            Self::Pty(Pty { term, size: WindowChange { columns, rows, width, height }, modes: Modes(modes) }) => {
                PtyReq { term, columns, rows, width, height, modes }.encode(sink);
            }
            Self::Env { name, value } => Env { name, value }.encode(sink),
            Self::Shell | Self::Agent | Self::AgentStandard | Self::EndOfWrite => {}
            Self::X11(request) => request.encode(sink),
            Self::Exec(command) => Exec { command }.encode(sink),
            Self::Subsystem(name) => Subsystem { name }.encode(sink),
            Self::WindowChange(size) => size.encode(sink),
            Self::XonXoff(client_can_do) => XonXoff { client_can_do }.encode(sink),
            Self::Signal(name) => Signal { name }.encode(sink),
            Self::Break(milliseconds) => Break { milliseconds }.encode(sink),
            Self::ExitStatus(status) => ExitStatus { status }.encode(sink),
            Self::ExitSignal { name, core_dumped, message } => {
                ExitSignal { name, core_dumped, message, language: b"" }.encode(sink);
            }
        }
    }
}
