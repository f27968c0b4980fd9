//! The scp that a server is itself, for files below a directory: what `scp -t` and `scp -f` would do there as processes.
//! Links in the path that the client gives stay below the directory; others are not followed.

use super::sink::{Place, ScpSink};
use super::source::{ScpSource, words};
use super::{Copied, Copy, base, local, rules};
use crate::{Directory, Error, Session};
use sanssh_core::scp::command::{Command, Part};
use std::os::fd::AsFd;

/// What an scp that could not do all of it ends with.
const FAILED: u32 = 1;

impl Directory {
    /// Serves an scp in a session, until it has ended: a handler calls this for a command line that
    /// [`Command::read`] takes.
    ///
    /// # Errors
    /// [`Error::Scp`] if the client breaks the protocol, [`Error::ScpRefused`] if it gives up, or what ended the connection.
    /// What becomes of single files is the client's to know.
    pub fn serve_scp(&self, session: &Session, command: &Command<'_>) -> Result<(), Error> {
        let Command { part, recursive, preserve, directory, path } = *command;
        let copy = Copy { recursive, preserve, directory, follow: false };
        let path = if path.is_empty() { b"." } else { path };
        let outcome = match part {
            Part::Source => self.send(session, path, &copy),
            Part::Sink => self.store(session, path, &copy),
        };
        let sound = outcome.as_ref().is_ok_and(|copied| copied.failures == 0);
        session.exit(if sound { 0 } else { FAILED })?;
        outcome.map(|_| ())
    }

    fn send(&self, session: &Session, path: &[u8], copy: &Copy) -> Result<Copied, Error> {
        let found = self.place(path).and_then(|(at, name)| local::find(at.as_fd(), local::path(&name), false));
        let mut source = ScpSource::new(session);
        let copied = source.send_found(found, base(path), local::path(path), copy, &mut |_| ())?;
        source.finish()?;
        Ok(copied)
    }

    fn store(&self, session: &Session, path: &[u8], copy: &Copy) -> Result<Copied, Error> {
        let place = self.check_writable().and_then(|()| self.place(path));
        let place = place.and_then(|(at, name)| match local::enter(at.as_fd(), &name) {
            Ok(found) => Ok(Place::In(found)),
            Err(_) if !copy.directory => Ok(Place::As(at, name)),
            Err(error) => Err(error),
        });
        let mut sink = ScpSink::new(session, rules(copy));
        match place {
            Ok(place) => sink.store_at(&place, local::path(path), copy, &mut |_| ()),
            Err(error) => {
                sink.abort(&words(local::path(path), &error))?;
                Ok(Copied { failures: 1, ..Copied::default() })
            }
        }
    }
}
