//! Bytes between a session and its process, in large pieces. Every wait can be called off, because a process that is gone
//! may have left others behind who hold on to its pipes.

use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};
use sanssh_std::Session;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// As much as one system call should move.
const PIECE: usize = 256 * 1024;
/// How long a terminal has to be silent after the end of its process to count as read to the end, where others still
/// have it open. What the process wrote is on its way for microseconds.
const SILENCE: Duration = Duration::from_millis(100);

/// Something that happens once, and that waits can look out for.
#[derive(Debug)]
pub(crate) struct Once {
    teller: UnixStream,
    ear: UnixStream,
}

impl Once {
    pub(crate) fn new() -> io::Result<Self> {
        let (teller, ear) = UnixStream::pair()?;
        Ok(Self { teller, ear })
    }

    /// It has happened.
    pub(crate) fn happen(&self) {
        // The ear reads the end from now on; a second time changes nothing.
        let _ = self.teller.shutdown(Shutdown::Both);
    }
}

/// What ends the carrying of output, besides its own end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends<'a> {
    /// The session is over: nobody wants it.
    pub(crate) gone: &'a Once,
    /// The process is over, and others may keep its terminal open for ever: silence is the end, then.
    pub(crate) exited: Option<&'a Once>,
}

/// Makes reads and writes return at once; waiting is done here.
pub(crate) fn unblock(fd: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

/// Carries what a process says to the session.
pub(crate) fn output(from: BorrowedFd<'_>, mut to: impl Write, ends: Ends<'_>) {
    let mut piece = vec![0; PIECE];
    loop {
        match read(from, &mut piece[..]) {
            Ok(n @ 1..) => {
                if to.write_all(&piece[..n]).is_err() {
                    return;
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if wait_to_read(from, ends) => {}
            // A terminal whose other side is closed is not at its end, but in error.
            Ok(_) | Err(_) => return,
        }
    }
}

/// Whether there is, or may be, something to read.
fn wait_to_read(from: BorrowedFd<'_>, ends: Ends<'_>) -> bool {
    let gone = PollFd::new(&ends.gone.ear, PollFlags::IN);
    let source = PollFd::new(&from, PollFlags::IN);
    let Some(exited) = ends.exited else {
        let mut fds = [source, gone];
        let _ = poll(&mut fds, None);
        return fds[1].revents().is_empty();
    };
    let mut fds = [source, gone, PollFd::new(&exited.ear, PollFlags::IN)];
    let _ = poll(&mut fds, None);
    if fds[0].revents().is_empty() && !fds[2].revents().is_empty() {
        let silence = Timespec::try_from(SILENCE).ok();
        let _ = poll(&mut fds[..2], silence.as_ref());
        return !fds[0].revents().is_empty();
    }
    fds[1].revents().is_empty()
}

/// Carries what the client says to a process, until its end. Whether it came to that.
pub(crate) fn input(mut from: &Session, to: BorrowedFd<'_>, gone: &Once) -> bool {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return true,
            Ok(n) if write_all(to, &piece[..n], gone) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Whether all was taken.
pub(crate) fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8], gone: &Once) -> bool {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&to, PollFlags::OUT), PollFd::new(&gone.ear, PollFlags::IN)];
                let _ = poll(&mut fds, None);
                if !fds[1].revents().is_empty() {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
    true
}
