//! Connections by way of something else, which has one end of a pair of sockets where the link has the other: of a command
//! (ssh_config(5), `ProxyCommand`) by its standard input and output, or of another connection (`ProxyJump`).

use crate::socket::Socket;
use crate::trust::Hosts;
use crate::{Client, Error, Options};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

/// How long a command may take to end, first of itself, then once it was asked to.
const GRACE: Duration = Duration::from_millis(500);

/// Starts `command` by the user's shell, which it takes the place of; it shares our standard error.
fn start(command: &OsStr) -> io::Result<(Child, UnixStream)> {
    let (socket, other) = UnixStream::pair()?;
    let output = OwnedFd::from(other.try_clone()?);
    let shell = env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    let mut line = OsString::from("exec ");
    line.push(command);
    let child = Command::new(shell).arg("-c").arg(line).stdin(OwnedFd::from(other)).stdout(output).spawn()?;
    Ok((child, socket))
}

/// Ends a command that has all of its input, kindly at first.
pub(crate) fn end(command: &mut Child, socket: BorrowedFd<'_>) {
    let span = Timespec::try_from(GRACE).ok();
    for signal in [Signal::HUP, Signal::KILL] {
        // Until nobody has the other end any more, or for a while. However that ends, the command is looked at next.
        let _ = poll(&mut [PollFd::from_borrowed_fd(socket, PollFlags::empty())], span.as_ref());
        if matches!(command.try_wait(), Ok(Some(_))) {
            return;
        }
        // It was not waited for, so nobody else has its number.
        let _ = kill_process(Pid::from_child(command), signal);
    }
    let _ = command.wait();
}

impl Client {
    /// Connects by a command, as [`connect`](Self::connect) does by itself: the command is to carry its standard input
    /// to the server and the server's answer to its standard output. The user's shell runs it; its standard error is
    /// ours. It is ended with the connection. `host` and `port` are what the host key is looked up by, nothing is
    /// filled into the command.
    ///
    /// # Errors
    /// [`Error::Io`] if the shell does not start, [`Error::HostKey`], or why the handshake failed.
    pub fn through_command(
        command: impl AsRef<OsStr>,
        host: &str,
        port: u16,
        options: &Options,
        hosts: &mut dyn Hosts,
    ) -> Result<Self, Error> {
        Self::by(host, port, options, hosts, |_| {
            let (child, socket) = start(command.as_ref())?;
            Ok(Socket::to(child, socket))
        })
    }

    /// Connects to another host, to which this connection's server carries the bytes. This connection stays as long as the
    /// other one does, whoever else lets go of it. The server is asked to connect for as long as calls of this connection
    /// may take; the time of `options` counts as well, from the same start.
    ///
    /// # Errors
    /// As [`direct`](Self::direct); [`Error::HostKey`] of the other host's, or why the handshake failed.
    pub fn jump(&self, host: &str, port: u16, options: &Options, hosts: &mut dyn Hosts) -> Result<Self, Error> {
        Self::by(host, port, options, hosts, |_| {
            let (socket, other) = UnixStream::pair()?;
            self.direct((host, port))?.join(other)?;
            Ok(socket.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::test_kill_process;
    use std::io::{Read, Write};

    fn start(command: &str) -> (Socket, Pid) {
        let (child, socket) = super::start(OsStr::new(command)).unwrap();
        let id = Pid::from_child(&child);
        (Socket::to(child, socket), id)
    }

    #[test]
    fn a_command_carries_both_ways_and_ends_with_its_input() {
        let (socket, id) = start("cat");
        (&socket).write_all(b"there and back").unwrap();
        let mut back = [0; 14];
        (&socket).read_exact(&mut back).unwrap();
        assert_eq!(&back, b"there and back");
        drop(socket);
        assert!(test_kill_process(id).is_err());
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let (socket, id) = start("sh -c 'trap \"\" HUP; echo; while :; do sleep 1; done'");
        (&socket).read_exact(&mut [0]).unwrap();
        drop(socket);
        assert!(test_kill_process(id).is_err());
    }

    #[test]
    fn a_command_that_is_not_there_hangs_up() {
        let (socket, _) = start("/nowhere/at/all 2>/dev/null");
        assert_eq!((&socket).read(&mut [0]).unwrap(), 0);
    }
}
