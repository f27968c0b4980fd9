//! From one host to another through here: what a sink is told, a source says on, and the answers go back. Nothing is stored
//! here, and of a file there is never more than a piece.

use super::sink::{Head, ScpSink, Told};
use super::source::ScpSource;
use super::{Copied, Event, local};
use crate::Error;
use sanssh_core::scp;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

impl<S: Read + Write> ScpSink<S> {
    /// Passes whatever comes on to another scp, until the end. What one of them refuses is told, and the rest goes on.
    ///
    /// # Errors
    /// Those of [`store`](Self::store), of either end.
    pub fn relay<T: Read + Write>(
        &mut self,
        to: &mut ScpSource<T>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Copied, Error> {
        let mut relay = Relay { from: self, to, tell, copied: Copied::default(), path: PathBuf::new() };
        relay.all()?;
        Ok(relay.copied)
    }
}

/// One call of [`ScpSink::relay`].
struct Relay<'a, S, T> {
    from: &'a mut ScpSink<S>,
    to: &'a mut ScpSource<T>,
    tell: &'a mut dyn FnMut(Event<'_>),
    copied: Copied,
    path: PathBuf,
}

impl<S: Read + Write, T: Read + Write> Relay<'_, S, T> {
    fn all(&mut self) -> Result<(), Error> {
        while let Some(told) = self.from.next()? {
            match told {
                Told::File(head) => self.file(&head)?,
                Told::Directory(head) => {
                    let path = self.path.join(local::path(&head.name));
                    let there = self.to.directory(&head.name, head.mode, head.times);
                    if self.answer(&path, there)? {
                        self.path = path;
                    }
                }
                Told::Leave => {
                    let path = self.path.clone();
                    self.path.pop();
                    let left = self.to.leave();
                    self.answer(&path, left)?;
                }
                Told::Warning(why) => self.told(Path::new(""), why),
                // They are only told of a file that comes.
                Told::Body(_) | Told::End(_) | Told::Abort(_) => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, head: &Head) -> Result<(), Error> {
        let path = self.path.join(local::path(&head.name));
        let mut file = match self.to.file(&head.name, head.mode, head.size, head.times) {
            Ok(file) => file,
            Err(why) => return self.answer(&path, Err(why)).map(drop),
        };
        self.from.accept()?;
        let mut done = 0;
        let fault = loop {
            (self.tell)(Event::Progress { path: &path, done, size: head.size });
            match self.from.next()? {
                Some(Told::Body(length)) => {
                    file.put(self.from.taken(length))?;
                    done += length as u64;
                }
                Some(Told::End(fault)) => break fault,
                _ => return Err(scp::Error::Cut.into()),
            }
        };
        let stored = match &fault {
            None => file.finish(),
            Some(why) => file.spoil(&why.to_string()),
        };
        if self.answer(&path, stored)? {
            self.copied.bytes += head.size;
            match fault {
                None => self.copied.files += 1,
                Some(why) => self.told(&path, why),
            }
        }
        Ok(())
    }

    /// What one end says, for the other: whether it was yes.
    fn answer(&mut self, path: &Path, said: Result<(), Error>) -> Result<bool, Error> {
        match said {
            Ok(()) => self.from.accept()?,
            Err(Error::ScpRefused(why)) => {
                self.from.refuse(why.as_bytes())?;
                self.told(path, Error::ScpRefused(why));
                return Ok(false);
            }
            Err(other) => return Err(other),
        }
        Ok(true)
    }

    fn told(&mut self, path: &Path, why: Error) {
        self.copied.failures += 1;
        (self.tell)(Event::Failed { path, why });
    }
}
