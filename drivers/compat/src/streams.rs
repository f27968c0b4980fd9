//! A channel's stream 0 as the standard library has streams, for all that reads and writes those.

use crate::channel::Channel;
use std::io::{self, Read, Write};

impl Read for &Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(Channel::read(self, buffer)?)
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(Self::read(self, buffer)?)
    }
}

impl Write for &Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(Channel::write(self, data)?)
    }

    /// Waits until everything written has left for the socket, if calls wait.
    fn flush(&mut self) -> io::Result<()> {
        match self.inner()? {
            mut inner if self.session().get_blocking() => Write::flush(&mut inner),
            _ => Ok(()),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(Self::write(self, data)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut &*self)
    }
}
