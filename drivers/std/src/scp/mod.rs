//! Files over scp's old protocol, for servers that have no SFTP: [`ScpSource`] sends and [`ScpSink`] takes, single files as
//! streams and directories with all that is in them. The protocol is [`sanssh_core::scp`]'s; here are files and waits.
//! [`Directory::serve_scp`](crate::Directory::serve_scp) is the scp at a server of ours.
//!
//! ```no_run
//! use sanssh_std::scp::Copy;
//! # fn example(client: &sanssh_std::Client) -> Result<(), sanssh_std::Error> {
//! let mut log = client.scp_sink("/var/log/a log", &Copy::default())?.open()?;
//! println!("{} bytes", log.size());
//! std::io::copy(&mut log, &mut std::io::stdout())?;
//!
//! let copy = Copy { recursive: true, preserve: true, ..Copy::default() };
//! let mut source = client.scp_source("backup", &copy)?;
//! source.send("photos".as_ref(), &copy, &mut |event| println!("{event:?}"))?;
//! source.finish()?;
//! # Ok(())
//! # }
//! ```

mod channel;
mod local;
mod relay;
mod serve;
mod sink;
mod source;
mod wire;

pub use channel::Scp;
pub use sink::{Incoming, ScpSink};
pub use source::{Outgoing, ScpSource};

use crate::directory::bare;
use crate::{Client, Error};
use sanssh_core::Output;
use sanssh_core::scp::command::{Command, Part};
use sanssh_core::scp::sink::Rules;
use std::path::Path;

/// How to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copy {
    /// Directories with all that is in them.
    pub recursive: bool,
    /// Times and modes, also setuid, setgid and sticky, as they were.
    pub preserve: bool,
    /// What is sent goes into a directory that is there.
    pub directory: bool,
    /// Symbolic links are followed: where a file is sent, to what they lead to; where one is stored, it goes there.
    /// Otherwise they are failures. Links in a path that the caller gives are followed but for the last part of a file's.
    pub follow: bool,
}

/// What a copy says as it goes.
#[derive(Debug)]
pub enum Event<'a> {
    /// So much of a file is there.
    Progress {
        /// The file, from what was to be copied.
        path: &'a Path,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        size: u64,
    },
    /// Something was not copied; the rest goes on.
    Failed {
        /// What; empty if only the other side knows.
        path: &'a Path,
        /// Why. The other side's words are escaped.
        why: Error,
    },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Files, with all their bytes.
    pub files: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Files and directories that were not copied, or not all of them.
    pub failures: u64,
}

impl Client {
    /// Starts an scp on the server that stores under `path`, a file's name or a directory.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is a zero byte in the path, [`Error::OpenRefused`] and [`Error::RequestRefused`] by the
    /// server, or what ended the connection.
    pub fn scp_source(&self, path: impl AsRef<[u8]>, copy: &Copy) -> Result<ScpSource<Scp>, Error> {
        Ok(ScpSource::new(self.scp_command(line(Part::Sink, path.as_ref(), copy)?)?))
    }

    /// Starts an scp on the server that sends what is at `path`. Whatever else it may send is refused here.
    ///
    /// # Errors
    /// As [`scp_source`](Self::scp_source).
    pub fn scp_sink(&self, path: impl AsRef<[u8]>, copy: &Copy) -> Result<ScpSink<Scp>, Error> {
        let channel = self.scp_command(line(Part::Source, path.as_ref(), copy)?)?;
        let rules = Rules { name: Some(base(path.as_ref()).to_vec()), ..rules(copy) };
        Ok(ScpSink::new(channel, rules))
    }

    /// Starts an scp on the server by a line of your own, which a shell there reads: for its patterns and variables. With
    /// [`ScpSink::new`] and no name in its rules the server then decides what the files are called.
    ///
    /// # Errors
    /// As [`scp_source`](Self::scp_source).
    pub fn scp_command(&self, line: impl AsRef<[u8]>) -> Result<Scp, Error> {
        let channel = self.session()?;
        channel.exec(line)?;
        Ok(Scp::new(channel))
    }
}

/// What a copy lets pass.
fn rules(copy: &Copy) -> Rules<Vec<u8>> {
    Rules { recursive: copy.recursive, preserve: copy.preserve, ..Rules::default() }
}

fn line(part: Part, path: &[u8], copy: &Copy) -> Result<Vec<u8>, Error> {
    let command = Command {
        part,
        recursive: copy.recursive,
        preserve: copy.preserve,
        directory: copy.directory,
        // OpenSSH's scp takes no path for the home, and does not start.
        path: if path.is_empty() { b"." } else { path },
    };
    // Each quote of the path becomes four bytes.
    let mut line = vec![0; path.len().saturating_mul(4).saturating_add(64)];
    let mut output = Output::new(&mut line);
    command.write(&mut output)?;
    let filled = output.filled();
    line.truncate(filled);
    Ok(line)
}

/// The last part of a path, which is what its source calls it.
fn base(path: &[u8]) -> &[u8] {
    let path = bare(path);
    path.iter().rposition(|byte| *byte == b'/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_last_part_is_a_paths_name() {
        for (path, name) in
            [("a", "a"), ("a/b", "b"), ("/a/b//", "b"), ("a\nb", "a\nb"), ("/", ""), ("", ""), (".", ".")]
        {
            assert_eq!(base(path.as_bytes()), name.as_bytes(), "{path}");
        }
    }
}
