//! The end that is asked (draft-ietf-secsh-filexfer-02): it takes requests apart, keeps the table of handles and puts
//! answers together; the files are the embedder's.
//!
//! ```text
//! Greeting -- INIT --> Owed(VERSION) -- flush --> Idle -- recv: a request --> Open -- an answer --> Idle
//!                                                  |                            ^
//!                                                  |-- recv: WRITE --> Body ----+ (its last piece)
//!                                                  +-- what is refused here --> Owed -- flush --> Idle
//! ```
//!
//! One request is open at a time, and the next is not read before its answer was written: so nothing piles up, and
//! answers come in order.

use super::attributes::Attributes;
use super::extension::{Extension, Extensions};
use super::frame::{self, Body};
use super::handle::{self, Handle, HandleId, Use};
use super::message::{self, Access, Answer, Request, SymlinkOrder};
use super::name::{Entry, Listing};
use super::status::Code;
use super::stream::{Head, Stream, fields_extent};
use super::value::{Limits, StatVfs};
use super::{Error, Piece};
use crate::wire::{Field, Length, Reader, Sink, Writer};
use crate::{Output, Refused};

/// What the client wants. Paths are its bytes: not empty, without NUL, and otherwise anything.
#[derive(Debug, Clone, Copy)]
pub enum Event<'b> {
    /// A request to answer; handles are valid, and of the kind that it takes. After a [`Request::Write`] come its bytes,
    /// and it is answered after the last.
    Request(Request<'b, HandleId>),
    /// The next bytes of a WRITE.
    Body(Piece<'b>),
}

/// What a server does and does not; the rest by struct update from the default.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Requests that change anything are refused, and never come as events.
    pub read_only: bool,
    /// How the client means SYMLINK.
    pub symlink_order: SymlinkOrder,
    /// The extensions that are announced, and understood.
    pub extensions: Extensions,
    /// Bytes that one READ gives, at most, and never more than a packet holds; more is asked for in vain.
    pub max_read: u32,
    /// Bytes of a WRITE that clients are told to keep to. More is taken, as long as it fits into a packet.
    pub max_write: u32,
}

impl Default for Settings {
    /// Everything, with OpenSSH's sizes.
    fn default() -> Self {
        Self {
            read_only: false,
            symlink_order: SymlinkOrder::TargetFirst,
            extensions: Extension::ALL.iter().copied().collect(),
            max_read: 255 * 1024,
            max_write: 255 * 1024,
        }
    }
}

/// An answer that the machine gives by itself.
#[derive(Debug, Clone, Copy)]
enum Owed {
    Version,
    Status(u32, Code),
    Limits(u32),
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// INIT is due.
    Greeting,
    /// A packet begins.
    Idle,
    /// The fields of a request.
    Fields(u8, u32),
    /// The rest of a packet is dropped, and this is owed then.
    Skip(Owed),
    /// The bytes of a WRITE pass.
    Body(Asked),
    /// A request waits for its answer.
    Open(Asked),
    Owed(Owed),
}

/// The request that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    id: u32,
    answer: Answer,
    /// For a handle: its place, and its use.
    place: (usize, Use),
    /// For data: so many bytes at most.
    most: u32,
}

/// A server whose client has just come. The table's length is how many files and directories may be open.
#[derive(Debug)]
pub struct Server<T> {
    settings: Settings,
    table: T,
    stage: Stage,
    stream: Stream,
    body: Body,
    fate: Option<Error>,
}

impl<T: AsMut<[Handle]> + AsRef<[Handle]>> Server<T> {
    /// A server that waits for the greeting.
    pub fn new(mut settings: Settings, table: T) -> Self {
        settings.max_read = settings.max_read.clamp(1, MOST_READ);
        settings.max_write = settings.max_write.clamp(1, MOST_WRITTEN);
        let (stream, body) = (Stream::default(), Body::default());
        Self { settings, table, stage: Stage::Greeting, stream, body, fate: None }
    }

    // Bytes.

    /// Takes the next event off the front of `input`; `None` if more has to come, if a request waits for its answer, or
    /// if output [is owed](Self::owes_output). `gather` is the same memory each time. After an error there is no more.
    pub fn recv<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        if self.body.due() > 0 {
            return Ok(None);
        }
        let event = self.begin(gather, input).and_then(|()| self.go_on(gather, input));
        self.fate = event.as_ref().err().copied();
        event
    }

    /// Writes what the machine owes by itself.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        let Stage::Owed(owed) = self.stage else { return Ok(()) };
        match owed {
            Owed::Version => frame::put(output, 0, |sink| self.greet(sink))?,
            Owed::Status(id, code) => put_status(output, id, code, b"")?,
            Owed::Limits(id) => frame::put(output, 0, |sink| {
                sink.u8(message::EXTENDED_REPLY);
                sink.u32(id);
                self.limits().write(sink);
            })?,
        }
        self.stage = Stage::Idle;
        Ok(())
    }

    /// Whether [`flush`](Self::flush) has something to write.
    pub const fn owes_output(&self) -> bool {
        matches!(self.stage, Stage::Owed(_))
    }

    /// The stream has ended: an error inside a packet. Handles that are open are the embedder's to close.
    pub const fn hung_up(&self) -> Result<(), Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let quiet = matches!(self.stage, Stage::Greeting | Stage::Idle | Stage::Open(_) | Stage::Owed(_));
        if quiet && self.stream.is_whole() { Ok(()) } else { Err(Error::HungUp) }
    }

    // Answers to the open request. Each is written at once, or is refused and changes nothing: `NoRoom` in the output,
    // `NotYet` before the last bytes of a WRITE, `Moot` if the request takes no such answer, or none is open.

    /// How it went, with words for people where there are any.
    pub fn status(&mut self, code: Code, words: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        let Asked { id, .. } = self.open(None)?;
        put_status(output, id, code, words)?;
        self.stage = Stage::Idle;
        Ok(())
    }

    /// The file or directory is open, and this is its handle.
    pub fn handle(&mut self, output: &mut Output<'_>) -> Result<HandleId, Refused> {
        let Asked { id, place: (index, purpose), .. } = self.open(Some(Answer::Handle))?;
        let handle = handle::take(self.table.as_mut(), index, purpose).ok_or(Refused::Moot)?;
        let put = frame::put(output, 0, |sink| {
            sink.u8(message::HANDLE);
            sink.u32(id);
            sink.string(&handle.bytes());
        });
        match put {
            Ok(()) => self.stage = Stage::Idle,
            Err(_) => handle::free(self.table.as_mut(), handle),
        }
        put.map(|()| handle)
    }

    /// As many bytes were read, at least one, and follow by [`fill`](Self::fill). More than were asked for are
    /// [`Refused::TooLong`]; the end of the file is a [status](Code::EOF).
    pub fn data(&mut self, length: u32, output: &mut Output<'_>) -> Result<(), Refused> {
        let Asked { id, most, .. } = self.open(Some(Answer::Data))?;
        if length == 0 || length > most {
            return Err(Refused::TooLong);
        }
        frame::put(output, length, |sink| {
            sink.u8(message::DATA);
            sink.u32(id);
            sink.u32(length);
        })?;
        self.body.start(length);
        self.stage = Stage::Idle;
        Ok(())
    }

    /// As [`data`](Self::data) and [`fill`](Self::fill) in one: `with` is lent as much space as was asked for, where the
    /// answer will lie, and returns how much of it is read. If that is nothing, nothing is written, and the request is
    /// still to be answered.
    pub fn data_with(
        &mut self,
        output: &mut Output<'_>,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, Refused> {
        let Asked { most, .. } = self.open(Some(Answer::Data))?;
        let end = usize::try_from(most).map_err(|_| Refused::NoRoom)?.saturating_add(DATA_HEAD);
        let space = output.vacant().get_mut(DATA_HEAD..end).ok_or(Refused::NoRoom)?;
        let read = with(space);
        if read > 0 {
            self.data(u32::try_from(read).map_err(|_| Refused::TooLong)?, output)?;
            // They lie there already.
            self.fill(output, |space| space.len());
        }
        Ok(read)
    }

    /// Bytes that an answer still needs, before anything else can be sent or read.
    pub const fn body_due(&self) -> usize {
        self.body.due()
    }

    /// Lets `with` write the next bytes of an answer where they will lie; it is given the space there is, and returns how
    /// much it used.
    pub fn fill(&mut self, output: &mut Output<'_>, with: impl FnOnce(&mut [u8]) -> usize) -> usize {
        self.body.fill(output, with)
    }

    /// The next names of a directory, those that `with` adds; how many. None is [`Refused::NoRoom`]; the end is a
    /// [status](Code::EOF).
    pub fn names(&mut self, output: &mut Output<'_>, with: impl FnOnce(&mut Listing<'_>)) -> Result<u32, Refused> {
        let Asked { id, .. } = self.open(Some(Answer::Names))?;
        let (head, space) = output.vacant().split_first_chunk_mut::<NAMES_HEAD>().ok_or(Refused::NoRoom)?;
        let mut listing = Listing::new(space);
        with(&mut listing);
        let (count, written) = (listing.count(), listing.written().ok_or(Refused::NoRoom)?);
        if count == 0 {
            return Err(Refused::NoRoom);
        }
        let whole = written.saturating_add(NAMES_HEAD);
        let mut writer = Writer::new(head);
        writer.u32(u32::try_from(whole.saturating_sub(4)).map_err(|_| Refused::TooLong)?);
        writer.u8(message::NAME);
        writer.u32(id);
        writer.u32(count);
        output.advance(whole);
        self.stage = Stage::Idle;
        Ok(count)
    }

    /// The one path that was asked for.
    pub fn name(&mut self, path: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        let entry = Entry { name: path, longname: path, attributes: Attributes::NONE };
        self.give(Answer::Name, output, |id, sink| {
            sink.u8(message::NAME);
            sink.u32(id);
            sink.u32(1);
            entry.write(sink);
        })
    }

    /// Attributes.
    pub fn attributes(&mut self, attributes: &Attributes<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        self.give(Answer::Attributes, output, |id, sink| {
            sink.u8(message::ATTRS);
            sink.u32(id);
            attributes.encode(sink);
        })
    }

    /// The space of a file system.
    pub fn stat_vfs(&mut self, space: &StatVfs, output: &mut Output<'_>) -> Result<(), Refused> {
        self.give(Answer::StatVfs, output, |id, sink| {
            sink.u8(message::EXTENDED_REPLY);
            sink.u32(id);
            space.write(sink);
        })
    }

    /// The names of users and groups, one for each number that was asked for, empty where there is none. `users` and
    /// `groups` run twice, and must give the same names.
    pub fn accounts<'n, U, G>(&mut self, users: U, groups: G, output: &mut Output<'_>) -> Result<(), Refused>
    where
        U: Iterator<Item = &'n [u8]> + Clone,
        G: Iterator<Item = &'n [u8]> + Clone,
    {
        self.give(Answer::Accounts, output, |id, sink| {
            sink.u8(message::EXTENDED_REPLY);
            sink.u32(id);
            put_names(sink, users);
            put_names(sink, groups);
        })
    }

    fn give(
        &mut self,
        kind: Answer,
        output: &mut Output<'_>,
        with: impl FnOnce(u32, &mut Writer<'_>),
    ) -> Result<(), Refused> {
        let Asked { id, .. } = self.open(Some(kind))?;
        frame::put(output, 0, |sink| with(id, sink))?;
        self.stage = Stage::Idle;
        Ok(())
    }

    /// The open request, if it may have such an answer.
    fn open(&self, kind: Option<Answer>) -> Result<Asked, Refused> {
        match self.stage {
            Stage::Open(asked) if kind.is_none_or(|kind| kind == asked.answer) => Ok(asked),
            Stage::Body(_) => Err(Refused::NotYet),
            Stage::Greeting | Stage::Idle | Stage::Fields(..) | Stage::Skip(_) | Stage::Open(_) | Stage::Owed(_) => {
                Err(Refused::Moot)
            }
        }
    }

    // Packets, in the order of their parts.

    /// Reads on to where something can come of it.
    fn begin(&mut self, gather: &mut [u8], input: &mut &[u8]) -> Result<(), Error> {
        let greeted = match self.stage {
            Stage::Greeting => false,
            Stage::Idle => true,
            Stage::Fields(..) | Stage::Skip(_) | Stage::Body(_) | Stage::Open(_) | Stage::Owed(_) => return Ok(()),
        };
        let Some(Head { number, word }) = self.stream.head(gather, input)? else { return Ok(()) };
        self.stage = match (number, greeted) {
            // What a client says besides has never meant anything.
            (message::INIT, false) if word >= super::VERSION => Stage::Skip(Owed::Version),
            (message::INIT, false) => return Err(Error::Version(word)),
            (message::INIT, true) | (_, false) => return Err(Error::Unexpected(number)),
            (_, true) => Stage::Fields(number, word),
        };
        Ok(())
    }

    fn go_on<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'b>>, Error> {
        match self.stage {
            Stage::Fields(number, id) => self.fields(number, id, gather, input),
            Stage::Body(asked) => {
                let empty = self.stream.left() == 0;
                let bytes = self.stream.pass(input);
                if bytes.is_empty() && !empty {
                    return Ok(None);
                }
                let last = self.stream.left() == 0;
                if last {
                    self.stage = Stage::Open(asked);
                }
                Ok(Some(Event::Body(Piece { bytes, last })))
            }
            Stage::Skip(owed) => {
                self.skip(owed, input);
                Ok(None)
            }
            Stage::Greeting | Stage::Idle | Stage::Open(_) | Stage::Owed(_) => Ok(None),
        }
    }

    fn skip(&mut self, owed: Owed, input: &mut &[u8]) {
        self.stream.pass(input);
        self.stage = if self.stream.left() == 0 { Stage::Owed(owed) } else { Stage::Skip(owed) };
    }

    fn fields<'a: 'b, 'b>(
        &mut self,
        number: u8,
        id: u32,
        gather: &'b mut [u8],
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'b>>, Error> {
        let left = self.stream.left();
        let bytes = match self.stream.part(number, gather, input, |bytes| fields_extent(number, left, bytes)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(Error::TooLong) => {
                self.stream.forsake();
                self.skip(Owed::Status(id, Code::BAD_MESSAGE), input);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut reader = Reader::new(bytes);
        let request = Request::read(number, &mut reader).map_err(|_| Error::Malformed(number))?;
        let judged = match request {
            None => Err(Owed::Status(id, Code::OP_UNSUPPORTED)),
            Some(request) => {
                reader.end().map_err(|_| Error::Malformed(number))?;
                if usize::try_from(request.body()) != Ok(self.stream.left()) {
                    return Err(Error::Malformed(number));
                }
                self.judge(id, request)
            }
        };
        match judged {
            Ok((request, asked)) => {
                let writes = matches!(request, Request::Write { .. });
                self.stage = if writes { Stage::Body(asked) } else { Stage::Open(asked) };
                Ok(Some(Event::Request(request)))
            }
            Err(owed) => {
                self.skip(owed, input);
                Ok(None)
            }
        }
    }

    /// Whether the embedder is to hear of a request, and what may answer it.
    fn judge<'b>(&mut self, id: u32, request: Request<'b>) -> Result<(Request<'b, HandleId>, Asked), Owed> {
        let refuse = |code| Owed::Status(id, code);
        if request.extension().is_some_and(|extension| !self.settings.extensions.has(extension)) {
            return Err(refuse(Code::OP_UNSUPPORTED));
        }
        if request == (Request::Limits {}) {
            return Err(Owed::Limits(id));
        }
        if self.settings.read_only && changes(&request) {
            return Err(refuse(Code::PERMISSION_DENIED));
        }
        if !request.is_sound() {
            return Err(refuse(Code::NO_SUCH_FILE));
        }
        if let Request::UsersGroupsById { users, groups } = &request
            && (users.len() % 4 != 0 || groups.len() % 4 != 0)
        {
            return Err(refuse(Code::BAD_MESSAGE));
        }
        let table = self.table.as_ref();
        let resolved = request.resolve(|bytes| handle::find(table, bytes).ok_or_else(|| refuse(Code::FAILURE)))?;
        check(&resolved).map_err(refuse)?;
        let mut asked = Asked { id, answer: resolved.answer(), place: (0, Use::Nothing), most: 0 };
        if asked.answer == Answer::Handle {
            asked.place.0 = handle::vacancy(table).ok_or_else(|| refuse(Code::FAILURE))?;
        }
        let mut request = resolved.resolve(|(handle, _)| Ok::<_, Owed>(handle))?;
        if let Request::Open { access, .. } = request {
            asked.place.1 = Use::File(access);
        } else if let Request::Opendir { .. } = request {
            asked.place.1 = Use::Directory;
        } else if let Request::Read { length, .. } = &mut request {
            *length = self.settings.max_read.min(*length);
            asked.most = *length;
        } else if let Request::Close { handle } = request {
            handle::free(self.table.as_mut(), handle);
        }
        request.exchange(self.settings.symlink_order);
        Ok((request, asked))
    }

    fn limits(&self) -> Limits {
        Limits {
            packet: frame::LONGEST.into(),
            read: self.settings.max_read.into(),
            write: self.settings.max_write.into(),
            handles: self.table.as_ref().len() as u64,
        }
    }

    fn greet(&self, sink: &mut impl Sink) {
        sink.u8(message::VERSION);
        sink.u32(super::VERSION);
        for extension in self.settings.extensions.iter() {
            sink.string(extension.name().as_bytes());
            sink.string(extension.version().as_bytes());
        }
    }
}

/// What is left of a packet for data behind type, identifier and length.
const MOST_READ: u32 = frame::LONGEST - 9;
/// The same behind the fields of a WRITE, which has a handle of ours, and an offset.
const MOST_WRITTEN: u32 = MOST_READ - 16;
/// Length, type, identifier and count in front of names.
const NAMES_HEAD: usize = 13;

/// Length, type, identifier and count in front of data.
const DATA_HEAD: usize = 13;

fn put_status(output: &mut Output<'_>, id: u32, code: Code, words: &[u8]) -> Result<(), Refused> {
    let words = if words.is_empty() { code.text().as_bytes() } else { words };
    frame::put(output, 0, |sink| {
        sink.u8(message::STATUS);
        sink.u32(id);
        sink.u32(code.0);
        sink.string(words);
        sink.string(b"");
    })
}

/// A string that holds strings.
fn put_names<'n>(sink: &mut impl Sink, names: impl Iterator<Item = &'n [u8]> + Clone) {
    let mut length = Length::default();
    names.clone().for_each(|name| length.string(name));
    sink.u32(u32::try_from(length.0).unwrap_or(u32::MAX));
    names.for_each(|name| sink.string(name));
}

/// Whether a request changes files, or opens one for that.
const fn changes(request: &Request<'_>) -> bool {
    if let Request::Open { access, .. } = request { access.writes() } else { request.changes() }
}

/// Whether handles are of the kind that a request takes, and places in files are ones that there can be.
fn check(request: &Request<'_, (HandleId, Use)>) -> Result<(), Code> {
    let to_write = Access::WRITE.and(Access::APPEND);
    // Who asks for neither is let read, as open(2) has it.
    let reads =
        |purpose: &Use| matches!(purpose, Use::File(access) if access.has(Access::READ) || !access.has(to_write));
    let writes = |purpose: &Use| matches!(purpose, Use::File(access) if access.has(to_write));
    // Files end before 2^63 everywhere.
    let within = |offset: u64, length: u64| offset.checked_add(length).is_some_and(|end| i64::try_from(end).is_ok());
    let mut sound = true;
    if let Request::Read { handle: (_, purpose), offset, .. } = request {
        sound = reads(purpose);
        if sound && i64::try_from(*offset).is_err() {
            return Err(Code::EOF);
        }
    } else if let Request::Write { handle: (_, purpose), offset, length } = request {
        sound = writes(purpose) && within(*offset, u64::from(*length));
    } else if let Request::CopyData { from, from_offset, length, to, to_offset } = request {
        sound = from.0 != to.0 && reads(&from.1) && writes(&to.1);
        sound = sound && within(*from_offset, *length) && within(*to_offset, *length);
    } else if let Request::Readdir { handle: (_, purpose) } = request {
        sound = *purpose == Use::Directory;
    } else if let Request::Fsync { handle: (_, purpose) } = request {
        sound = matches!(purpose, Use::File(_));
    }
    if sound { Ok(()) } else { Err(Code::FAILURE) }
}
