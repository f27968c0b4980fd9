//! Bytes between the channel and standard input, output and error, in large pieces and without further buffers.
//! These may have been set not to block by whoever shares them, so waiting is done here.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use sanssh_examples::terminal;
use sanssh_std::Kind;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

/// As much as one system call should move.
const PIECE: usize = 256 * 1024;
const NOTHING: &str = "/dev/null";

/// Why output ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// There is no more.
    AtEnd,
    /// Nobody here wants more.
    Unwanted,
}

/// Carries output here until its end.
pub(crate) fn output(mut read: impl FnMut(&mut [u8]) -> Result<(Kind, usize), String>) -> Result<Ended, String> {
    let mut piece = vec![0; PIECE];
    loop {
        let (kind, n) = read(&mut piece)?;
        let to = match kind {
            _ if n == 0 => return Ok(Ended::AtEnd),
            Kind::Data => stdout(),
            Kind::Stderr => stderr(),
        };
        match write_all(to, &piece[..n]) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Ended::Unwanted),
            Err(error) => return Err(format!("cannot write output: {error}")),
        }
    }
}

/// Carries input to whoever takes it, until its end, or until it is not taken. Whether it has ended.
pub(crate) fn input(mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let mut piece = vec![0; PIECE];
    // Input that cannot be read has ended; the command has to be told that, too.
    while let Ok(n @ 1..) = read_some(stdin(), &mut piece) {
        if !take(&piece[..n]) {
            end_input();
            return false;
        }
    }
    true
}

/// Whoever writes to standard input learns that nobody reads it. A terminal has other readers.
fn end_input() {
    if !terminal::is_here() {
        let _ = File::open(NOTHING).map(dup2_stdin);
    }
}

/// Whoever reads standard output learns that this is all.
pub(crate) fn end_output() {
    let _ = File::options().write(true).open(NOTHING).map(dup2_stdout);
}

fn read_some(from: BorrowedFd<'_>, space: &mut [u8]) -> io::Result<usize> {
    loop {
        match read(from, &mut *space) {
            Ok(n) => return Ok(n),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(from, PollFlags::IN)?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(to, PollFlags::OUT)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait(what: BorrowedFd<'_>, flags: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(&what, flags)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
