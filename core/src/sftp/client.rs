//! The end that asks (draft-ietf-secsh-filexfer-02): requests leave as they are made, answers are told by what was asked.

use super::attributes::{Attributes, string_extent};
use super::extension::{Extension, Extensions};
use super::frame::{self, Body};
use super::message::{self, Answer, Request, SymlinkOrder};
use super::name::Entry;
use super::status::{Code, Status};
use super::stream::{Head, Stream};
use super::value::{Accounts, Limits, StatVfs};
use super::{Error, Piece};
use crate::wire::{Malformed, Reader, Sink};
use crate::{Output, Refused};
use core::fmt;

/// Names a request until its answer is through: `generation << 16 | index` on the wire, so that an answer that comes
/// twice, or to nothing, is known as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u32);

impl RequestId {
    /// The place, which no other outstanding request has: an index for the embedder's own tables.
    pub const fn index(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.0 >> 16)
    }
}

/// What comes from the server. An answer ends its request, but for data and names that are not the last.
#[derive(Debug, Clone, Copy)]
pub enum Event<'b> {
    /// The server has an extension: its name, and its version mostly. All of them come before `Ready`.
    Extension(&'b [u8], &'b [u8]),
    /// Requests may be made. The extensions known here are [`Client::extensions`].
    Ready,
    /// It went so, well or not.
    Status(RequestId, Status<'b>),
    /// The handle of what was opened, for later requests: at most [`MAX_HANDLE`] bytes.
    Handle(RequestId, &'b [u8]),
    /// The next bytes of what was read.
    Data(RequestId, Piece<'b>),
    /// The next name, and whether it is the last of the answer.
    Name(RequestId, Entry<'b>, bool),
    /// Attributes.
    Attributes(RequestId, Attributes<'b>),
    /// How large requests may be.
    Limits(RequestId, Limits),
    /// The space of a file system.
    StatVfs(RequestId, StatVfs),
    /// Names of users and groups.
    Accounts(RequestId, Accounts<'b>),
}

/// The longest handle that a server may give (§6.3).
pub const MAX_HANDLE: usize = 256;

/// The answer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    answer: Answer,
    /// Bytes of data, or numbers of users and groups, that were asked for.
    most: (u32, u32),
}

impl Due {
    fn of(request: &Request<'_>) -> Self {
        let mut due = Self { answer: request.answer(), most: (0, 0) };
        if let Request::Read { length, .. } = request {
            due.most.0 = *length;
        }
        if let Request::UsersGroupsById { users, groups } = request {
            let count = |list: &[u8]| u32::try_from(list.len() / 4).unwrap_or(u32::MAX);
            due.most = (count(users), count(groups));
        }
        due
    }
}

/// A place in a client's table of outstanding requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pending {
    generation: u16,
    due: Option<Due>,
}

impl Pending {
    /// A free place.
    pub const fn new() -> Self {
        Self { generation: 0, due: None }
    }
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The greeting has to leave.
    Silent,
    /// A packet begins, VERSION first of all.
    Between { greeted: bool },
    /// Extensions in VERSION.
    Greeting,
    /// An answer whose fields are gathered.
    Fields(u8, RequestId, Due),
    /// How long the data is, at most so many bytes.
    Length(RequestId, u32),
    /// Data that passes.
    Body(RequestId),
    /// How many names there are.
    Count(RequestId, Answer),
    /// So many more names.
    Names(RequestId, u32),
}

/// A client of a server that has just been started. The table's length is how many requests may be outstanding.
#[derive(Debug)]
pub struct Client<T> {
    table: T,
    /// Where the search for a free place begins.
    next: usize,
    outstanding: usize,
    stage: Stage,
    stream: Stream,
    body: Body,
    extensions: Extensions,
    symlink_order: SymlinkOrder,
    fate: Option<Error>,
}

impl<T: AsMut<[Pending]> + AsRef<[Pending]>> Client<T> {
    /// A client that owes its greeting.
    pub fn new(table: T) -> Self {
        Self {
            table,
            next: 0,
            outstanding: 0,
            stage: Stage::Silent,
            stream: Stream::default(),
            body: Body::default(),
            extensions: Extensions::NONE,
            symlink_order: SymlinkOrder::TargetFirst,
            fate: None,
        }
    }

    // Bytes.

    /// Takes the next event off the front of `input`; `None` if more has to come. `gather` is the same memory each time.
    /// After an error there is no more.
    pub fn recv<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'b>>, Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let event = self.begin(gather, input).and_then(|()| self.go_on(gather, input));
        self.fate = event.as_ref().err().copied();
        event
    }

    /// Writes the greeting.
    pub fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        if !self.owes_output() {
            return Ok(());
        }
        frame::put(output, 0, |sink| {
            sink.u8(message::INIT);
            sink.u32(super::VERSION);
        })?;
        self.stage = Stage::Between { greeted: false };
        Ok(())
    }

    /// Whether the greeting has not left.
    pub const fn owes_output(&self) -> bool {
        matches!(self.stage, Stage::Silent)
    }

    /// The stream has ended: an error where more was due.
    pub const fn hung_up(&self) -> Result<(), Error> {
        if let Some(error) = self.fate {
            return Err(error);
        }
        let quiet = matches!(self.stage, Stage::Between { greeted: true });
        if quiet && self.stream.is_whole() && self.outstanding == 0 { Ok(()) } else { Err(Error::HungUp) }
    }

    // Where it stands.

    /// The extensions that the server has, of those known here.
    pub const fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Requests that wait for their answers.
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Bytes that a WRITE still needs, before anything else can be sent.
    pub const fn body_due(&self) -> usize {
        self.body.due()
    }

    // Commands.

    /// Writes a request at once, or is refused and changes nothing: `NotYet` before `Ready` or with an extension that the
    /// server has not, `Busy` while a WRITE needs its bytes, `NoRoom` in the output or in the table, `BadPath` where a
    /// server could take a path for another.
    pub fn send(&mut self, request: &Request<'_>, output: &mut Output<'_>) -> Result<RequestId, Refused> {
        if self.body.due() > 0 && self.fate.is_none() {
            return Err(Refused::Busy);
        }
        self.send_behind(request, output)
    }

    /// The same while a WRITE needs its bytes, for output that leaves behind the last of them. Only another WRITE is `Busy`.
    pub fn send_behind(&mut self, request: &Request<'_>, output: &mut Output<'_>) -> Result<RequestId, Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        let lacking = request.extension().is_some_and(|extension| !self.extensions.has(extension));
        if lacking || matches!(self.stage, Stage::Silent | Stage::Greeting | Stage::Between { greeted: false }) {
            return Err(Refused::NotYet);
        }
        let is_behind = self.body.due() > 0;
        if is_behind && request.body() > 0 {
            return Err(Refused::Busy);
        }
        if !request.is_sound() {
            return Err(Refused::BadPath);
        }
        let mut request = *request;
        request.exchange(self.symlink_order);
        let (id, place) = vacancy(self.table.as_mut(), self.next).ok_or(Refused::NoRoom)?;
        frame::put(output, request.body(), |sink| request.write(id.0, sink))?;
        place.due = Some(Due::of(&request));
        if !is_behind {
            self.body.start(request.body());
        }
        self.next = id.index().saturating_add(1);
        self.outstanding = self.outstanding.saturating_add(1);
        Ok(id)
    }

    /// Lets `with` write the next bytes of a WRITE where they will lie; it is given the space there is, and returns how
    /// much it used.
    pub fn fill(&mut self, output: &mut Output<'_>, with: impl FnOnce(&mut [u8]) -> usize) -> usize {
        self.body.fill(output, with)
    }

    // Packets, in the order of their parts.

    /// Reads on to where something can come of it.
    fn begin(&mut self, gather: &mut [u8], input: &mut &[u8]) -> Result<(), Error> {
        if let Stage::Between { greeted } = self.stage {
            let Some(head) = self.stream.head(gather, input)? else { return Ok(()) };
            self.stage = if greeted { self.answer(head)? } else { greeting(head)? };
        }
        match self.stage {
            Stage::Length(id, most) => {
                let Some(length) = self.number(message::DATA, gather, input)? else { return Ok(()) };
                if length > most || usize::try_from(length) != Ok(self.stream.left()) {
                    return Err(Error::Malformed(message::DATA));
                }
                self.stage = Stage::Body(id);
            }
            Stage::Count(id, answer) => {
                let Some(count) = self.number(message::NAME, gather, input)? else { return Ok(()) };
                // Three words are the least that a name takes.
                let fits = u64::from(count).saturating_mul(12) <= self.stream.left() as u64;
                if count == 0 || !fits || (answer == Answer::Name && count != 1) {
                    return Err(Error::Malformed(message::NAME));
                }
                self.stage = Stage::Names(id, count);
            }
            Stage::Silent
            | Stage::Between { .. }
            | Stage::Greeting
            | Stage::Fields(..)
            | Stage::Body(_)
            | Stage::Names(..) => {}
        }
        Ok(())
    }

    fn number(&mut self, number: u8, gather: &mut [u8], input: &mut &[u8]) -> Result<Option<u32>, Error> {
        let bytes = self.stream.part(number, gather, input, |_| 4)?;
        bytes.map(|bytes| Reader::new(bytes).u32().map_err(|_| Error::Malformed(number))).transpose()
    }

    /// What the head of an answer leads to: a kind that was asked for, or that says why there is none.
    fn answer(&mut self, Head { number, word }: Head) -> Result<Stage, Error> {
        let id = RequestId(word);
        let place = self.table.as_mut().get_mut(id.index());
        let place = place.filter(|place| u32::from(place.generation) == word >> 16);
        let due = place.and_then(|place| place.due).ok_or(Error::Unexpected(number))?;
        match (number, due.answer) {
            (message::DATA, Answer::Data) => Ok(Stage::Length(id, due.most.0)),
            (message::NAME, answer @ (Answer::Names | Answer::Name)) => Ok(Stage::Count(id, answer)),
            (message::STATUS, _)
            | (message::HANDLE, Answer::Handle)
            | (message::ATTRS, Answer::Attributes)
            | (message::EXTENDED_REPLY, Answer::Limits | Answer::StatVfs | Answer::Accounts) => {
                Ok(Stage::Fields(number, id, due))
            }
            _ => Err(Error::Unexpected(number)),
        }
    }

    fn go_on<'a: 'b, 'b>(&mut self, gather: &'b mut [u8], input: &mut &'a [u8]) -> Result<Option<Event<'b>>, Error> {
        match self.stage {
            Stage::Silent | Stage::Between { .. } | Stage::Length(..) | Stage::Count(..) => Ok(None),
            Stage::Greeting => self.extension(gather, input),
            Stage::Fields(number, id, due) => {
                let left = self.stream.left();
                let Some(bytes) = self.stream.part(number, gather, input, |_| left)? else { return Ok(None) };
                let event = fields(number, id, due, bytes).map_err(|Malformed| Error::Malformed(number))?;
                self.end(id);
                Ok(Some(event))
            }
            Stage::Body(id) => {
                let empty = self.stream.left() == 0;
                let bytes = self.stream.pass(input);
                if bytes.is_empty() && !empty {
                    return Ok(None);
                }
                let last = self.stream.left() == 0;
                if last {
                    self.end(id);
                }
                Ok(Some(Event::Data(id, Piece { bytes, last })))
            }
            Stage::Names(id, count) => {
                let Some(bytes) = self.stream.part(message::NAME, gather, input, Entry::extent)? else {
                    return Ok(None);
                };
                let entry = Entry::read(bytes).map_err(|Malformed| Error::Malformed(message::NAME))?;
                let last = count == 1;
                self.stage = Stage::Names(id, count.saturating_sub(1));
                if last {
                    if self.stream.left() > 0 {
                        return Err(Error::Malformed(message::NAME));
                    }
                    self.end(id);
                }
                Ok(Some(Event::Name(id, entry, last)))
            }
        }
    }

    /// The next pair in VERSION, or its end.
    fn extension<'a: 'b, 'b>(
        &mut self,
        gather: &'b mut [u8],
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'b>>, Error> {
        if self.stream.left() == 0 {
            self.stage = Stage::Between { greeted: true };
            return Ok(Some(Event::Ready));
        }
        let extent = |bytes: &[u8]| match string_extent(bytes, 0) {
            name if name > bytes.len() => name,
            name => string_extent(bytes, name),
        };
        let Some(bytes) = self.stream.part(message::VERSION, gather, input, extent)? else { return Ok(None) };
        let mut reader = Reader::new(bytes);
        let (Ok(name), Ok(value)) = (reader.string(), reader.string()) else {
            return Err(Error::Malformed(message::VERSION));
        };
        let known = Extension::named(name).filter(|one| one.version().as_bytes() == value);
        self.extensions = known.map_or(self.extensions, |one| self.extensions.with(one));
        self.symlink_order = SymlinkOrder::announced(name, value).unwrap_or(self.symlink_order);
        Ok(Some(Event::Extension(name, value)))
    }

    /// The answer is through.
    fn end(&mut self, id: RequestId) {
        if let Some(place) = self.table.as_mut().get_mut(id.index()) {
            place.due = None;
            place.generation = place.generation.wrapping_add(1);
        }
        self.outstanding = self.outstanding.saturating_sub(1);
        self.stage = Stage::Between { greeted: true };
    }
}

/// A free place, searched for from `next` on.
fn vacancy(table: &mut [Pending], next: usize) -> Option<(RequestId, &mut Pending)> {
    let table = table.get_mut(..table.len().min(1 << 16))?;
    let free = |place: &Pending| place.due.is_none();
    let later = table.get(next..).and_then(|rest| rest.iter().position(free));
    let index = match later {
        Some(index) => index.saturating_add(next),
        None => table.iter().position(free)?,
    };
    let place = table.get_mut(index)?;
    Some((RequestId(u32::from(place.generation) << 16 | u32::try_from(index).ok()?), place))
}

fn greeting(Head { number, word }: Head) -> Result<Stage, Error> {
    match (number, word) {
        (message::VERSION, super::VERSION) => Ok(Stage::Greeting),
        (message::VERSION, other) => Err(Error::Version(other)),
        _ => Err(Error::Unexpected(number)),
    }
}

/// An answer that was gathered; its type fits what was asked for.
fn fields(number: u8, id: RequestId, due: Due, bytes: &[u8]) -> Result<Event<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let event = match (number, due.answer) {
        (message::STATUS, answer) => {
            let status = Status::read(bytes)?;
            // That it went well says nothing of what was asked for.
            let hollow = status.code == Code::OK && answer != Answer::Status;
            return if hollow { Err(Malformed) } else { Ok(Event::Status(id, status)) };
        }
        (message::HANDLE, _) => {
            Event::Handle(id, Some(reader.string()?).filter(|handle| handle.len() <= MAX_HANDLE).ok_or(Malformed)?)
        }
        (message::ATTRS, _) => Event::Attributes(id, reader.read()?),
        (_, Answer::Limits) => return Limits::read(bytes).map(|limits| Event::Limits(id, limits)),
        (_, Answer::StatVfs) => return StatVfs::read(bytes).map(|space| Event::StatVfs(id, space)),
        _ => {
            let [users, groups] = [due.most.0, due.most.1].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            return Accounts::read(bytes, users, groups).map(|accounts| Event::Accounts(id, accounts));
        }
    };
    reader.end()?;
    Ok(event)
}
