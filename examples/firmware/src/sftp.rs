//! The service of files on a channel: requests in, answers composed where they will be sent from.

use crate::files::{Files, Number, Trouble};
use crate::guest::Turn;
use core::fmt::Write;
use heapless::String;
use sanssh_core::channel::ChannelId;
use sanssh_core::sftp::server::{Event, Settings};
use sanssh_core::sftp::{Access, Attributes, Code, Entry, Error, Extensions, Handle, HandleId, Request, Server, path};
use sanssh_core::{Output, Refused};

/// Files and directories open at a time.
const HANDLES: usize = 4;
/// Room for the fields of any request that makes sense here: two paths and attributes.
const GATHER: usize = 512;
/// Room for any answer but data, which comes in pieces.
const ANSWER: usize = 384;

const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_644;

/// A handle's file, or how far a directory has been listed.
type Place = Number;

/// What goes through in pieces.
#[derive(Debug, Clone, Copy)]
struct Passing {
    file: Number,
    offset: usize,
    code: Code,
}

impl Passing {
    fn new(file: Number, offset: u64) -> Self {
        Self { file, offset: usize::try_from(offset).unwrap_or(usize::MAX), code: Code::OK }
    }

    /// Bytes of the file from there on.
    fn left(&self, files: &Files) -> u32 {
        u32::try_from(files.size(self.file).saturating_sub(self.offset)).unwrap_or(u32::MAX)
    }
}

/// The service of one channel.
#[derive(Debug)]
pub struct Service {
    server: Server<[Handle; HANDLES]>,
    gather: [u8; GATHER],
    places: [Place; HANDLES],
    passing: Passing,
}

impl Service {
    /// One whose client has just come.
    pub fn new() -> Self {
        let settings = Settings { extensions: Extensions::default(), max_read: 32 * 1024, ..Settings::default() };
        Self {
            server: Server::new(settings, [Handle::new(); HANDLES]),
            gather: [0; GATHER],
            places: [0; HANDLES],
            passing: Passing::new(0, 0),
        }
    }

    /// Deals with as much of `input` as there is room for answers; how much. An error: the client has lost the thread.
    pub fn run(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: ChannelId,
        input: &[u8],
        files: &mut Files,
    ) -> Result<(usize, usize), Error> {
        let mut rest = input;
        let mut fate = Ok(());
        let filled = turn.send(|ssh, output| {
            let mut cramped = false;
            let filled = ssh.fill(id, output, |space| {
                let mut answers = Output::new(space);
                fate = self.answer(&mut rest, &mut answers, files);
                cramped = answers.filled() == 0 && answers.room() < ANSWER;
                answers.filled()
            })?;
            if cramped { Err(Refused::NoRoom) } else { Ok(filled) }
        });
        fate.map(|()| (input.len() - rest.len(), filled.unwrap_or(0)))
    }

    fn answer(&mut self, input: &mut &[u8], output: &mut Output<'_>, files: &mut Files) -> Result<(), Error> {
        loop {
            if self.server.body_due() > 0 {
                let Passing { file, offset, .. } = &mut self.passing;
                let read = self.server.fill(output, |space| {
                    let read = files.read(*file, *offset, space);
                    // What was promised is sent, even if the file has become shorter.
                    space[read..].fill(0);
                    space.len()
                });
                *offset += read;
                if self.server.body_due() > 0 {
                    return Ok(());
                }
            }
            if output.room() < ANSWER {
                return Ok(());
            }
            let Self { server, gather, places, passing } = self;
            let answered = match server.recv(gather, input)? {
                Some(Event::Request(request)) => act(server, places, passing, &request, output, files),
                Some(Event::Body(piece)) => {
                    let written = files.write(passing.file, passing.offset, piece.bytes);
                    passing.offset = passing.offset.saturating_add(piece.bytes.len());
                    passing.code = written.err().map_or(passing.code, code);
                    if piece.last { server.status(passing.code, b"", output) } else { Ok(()) }
                }
                None if server.owes_output() => server.flush(output),
                None => return Ok(()),
            };
            // There is room, and each answer is one that its request takes.
            debug_assert_eq!(answered, Ok(()));
        }
    }
}

impl Default for Service {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers a request; of data, only how much there will be.
fn act(
    server: &mut Server<[Handle; HANDLES]>,
    places: &mut [Place; HANDLES],
    passing: &mut Passing,
    request: &Request<'_, HandleId>,
    output: &mut Output<'_>,
    files: &mut Files,
) -> Result<(), Refused> {
    let place = |handle: HandleId| places[handle.index()];
    let code = match *request {
        Request::Open { path, access, .. } => match open(files, path, access) {
            Ok(file) => return server.handle(output).map(|handle| places[handle.index()] = file),
            Err(trouble) => code(trouble),
        },
        Request::Opendir { path } if is_root(path) => {
            return server.handle(output).map(|handle| places[handle.index()] = 0);
        }
        Request::Read { handle, offset, length } => {
            *passing = Passing::new(place(handle), offset);
            match length.min(passing.left(files)) {
                0 => Code::EOF,
                length => return server.data(length, output),
            }
        }
        Request::Write { handle, offset, .. } => {
            *passing = Passing::new(place(handle), offset);
            return Ok(());
        }
        Request::Readdir { handle } if files.next(place(handle)).is_some() => {
            return list(server, &mut places[handle.index()], output, files);
        }
        Request::Readdir { .. } => Code::EOF,
        Request::Stat { path } | Request::Lstat { path } if is_root(path) => {
            return server.attributes(&attributes(DIRECTORY, 0), output);
        }
        Request::Stat { path } | Request::Lstat { path } => match files.find(path) {
            Ok(file) => return server.attributes(&attributes(REGULAR, files.size(file)), output),
            Err(trouble) => code(trouble),
        },
        Request::Fstat { handle } => {
            return server.attributes(&attributes(REGULAR, files.size(place(handle))), output);
        }
        Request::Setstat { path, attributes } => match (files.find(path), attributes.size) {
            (Ok(file), size) => resize(files, file, size),
            (Err(trouble), _) => code(trouble),
        },
        Request::Fsetstat { handle, attributes } => resize(files, place(handle), attributes.size),
        Request::Realpath { path } => {
            let mut space = [0; ANSWER / 4];
            match path::absolute(b"/", path, &mut space) {
                Ok(path) => return server.name(path, output),
                Err(_) => Code::FAILURE,
            }
        }
        Request::Remove { path } => files.remove(path).map_or_else(code, |()| Code::OK),
        Request::Rename { old, new } => files.rename(old, new).map_or_else(code, |()| Code::OK),
        Request::Close { .. } => Code::OK,
        Request::Opendir { .. } => Code::NO_SUCH_FILE,
        _ => Code::OP_UNSUPPORTED,
    };
    server.status(code, b"", output)
}

/// The names from `next` on for which there is room.
fn list(
    server: &mut Server<[Handle; HANDLES]>,
    next: &mut Place,
    output: &mut Output<'_>,
    files: &Files,
) -> Result<(), Refused> {
    let listed = server.names(output, |listing| {
        while let Some((number, name, size)) = files.next(*next) {
            let line = longname(name, size);
            let attributes = attributes(REGULAR, size);
            if !listing.push(&Entry { name, longname: line.as_bytes(), attributes }) {
                break;
            }
            *next = number + 1;
        }
    });
    listed.map(|_| ())
}

fn open(files: &mut Files, path: &[u8], access: Access) -> Result<Number, Trouble> {
    match files.find(path) {
        Ok(_) if access.has(Access::EXCLUSIVE) => Err(Trouble::Name),
        Ok(file) => {
            if access.has(Access::TRUNCATE) {
                files.truncate(file, 0);
            }
            Ok(file)
        }
        Err(Trouble::Missing) if access.has(Access::CREATE) => files.make(path),
        Err(trouble) => Err(trouble),
    }
}

/// Only the size can be set; the rest is as it is.
fn resize(files: &mut Files, file: Number, size: Option<u64>) -> Code {
    if let Some(size) = size {
        let Ok(size) = usize::try_from(size) else { return Code::FAILURE };
        files.truncate(file, size);
    }
    Code::OK
}

fn is_root(file: &[u8]) -> bool {
    path::components(file).all(|part| part == b"..")
}

fn attributes(mode: u32, size: usize) -> Attributes<'static> {
    Attributes { size: u64::try_from(size).ok(), permissions: Some(mode), ..Attributes::NONE }
}

/// A line as `ls -l` has it.
fn longname(name: &[u8], size: usize) -> String<80> {
    let mut line = String::new();
    let _ = write!(line, "-rw-r--r--    1 0        0        {size:>8} Jan  1  1970 ");
    let _ = line.push_str(core::str::from_utf8(name).unwrap_or("?"));
    line
}

fn code(trouble: Trouble) -> Code {
    match trouble {
        Trouble::Missing => Code::NO_SUCH_FILE,
        Trouble::Name | Trouble::Full => Code::FAILURE,
    }
}
