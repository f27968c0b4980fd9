//! What the server says to what was [sent](Tree::sent).

use super::directory;
use super::entry::{End, FileId, Found, Skipped, Sort};
use super::file::{Mover, Stage};
use super::{Landing, Step, Tree, Way, Whom};
use crate::Instant;
use crate::sftp::client::Event;
use crate::sftp::{Attributes, Code, FileKind, Piece, RequestId};

/// An answer that is not contents.
#[derive(Debug, Clone, Copy)]
enum Came<'b> {
    Status(Code),
    Handle(&'b [u8]),
    Attributes(Attributes<'b>),
    /// A name; of a list, maybe the last.
    Name(&'b [u8], Attributes<'b>, bool),
}

impl Came<'_> {
    /// As a status: one that cannot be is as bad as a failure.
    const fn code(&self) -> Code {
        match self {
            Self::Status(code) => *code,
            Self::Handle(_) | Self::Attributes(_) | Self::Name(..) => Code::BAD_MESSAGE,
        }
    }

    /// The failure that it is, where a mere status is one.
    fn failure(&self) -> End {
        let code = self.code();
        End::Failed(if code == Code::OK { Code::BAD_MESSAGE } else { code })
    }
}

impl Tree {
    /// An answer of the server's: where its bytes belong, if it brings some that are wanted. Answers to what others have
    /// sent change nothing.
    pub fn answer(&mut self, event: &Event<'_>, now: Instant) -> Option<Landing> {
        let (id, came) = match *event {
            Event::Data(id, piece) => return self.data(id, piece, now),
            Event::Status(id, status) => (id, Came::Status(status.code)),
            Event::Handle(id, handle) => (id, Came::Handle(handle)),
            Event::Attributes(id, attributes) => (id, Came::Attributes(attributes)),
            Event::Name(id, entry, last) => (id, Came::Name(entry.name, entry.attributes, last)),
            Event::Extension(..) | Event::Ready | Event::Limits(..) | Event::StatVfs(..) | Event::Accounts(..) => {
                return None;
            }
        };
        let whom = self.whom(id, !matches!(came, Came::Name(_, _, false)))?;
        self.reconsider();
        match whom {
            Whom::File(index) => self.file_answer(index, &came),
            Whom::Ahead(index) => self.ahead_answer(index, &came),
            Whom::Stray => {
                if let Came::Handle(handle) = came {
                    self.strays.push(handle.into());
                }
            }
            Whom::Part(index, part) => self.part_answer(index, part, came.code(), now),
            Whom::Directory(index) => self.directory_answer(index, &came),
        }
        None
    }

    /// Something came: there may be something to do, and what was to be asked for may not be wanted any more.
    pub(super) const fn reconsider(&mut self) {
        self.quiet = false;
        if let Some(Step::Move { .. } | Step::Ahead(_)) = self.step {
            self.step = None;
        }
    }

    /// Who waits for the answer; nobody, once it was the last of it.
    fn whom(&mut self, id: RequestId, last: bool) -> Option<Whom> {
        let place = self.asked.get_mut(id.index())?;
        if last { place.take() } else { *place }
    }

    fn data(&mut self, id: RequestId, Piece { bytes, last }: Piece<'_>, now: Instant) -> Option<Landing> {
        let Whom::Part(index, part) = self.whom(id, last)? else { return None };
        self.reconsider();
        let Mover::Get(get) = &mut self.files.get_mut(index)?.mover else { return None };
        let at = get.arrived(part, bytes.len(), last, &mut self.window, now)?;
        (!bytes.is_empty()).then_some(Landing { file: FileId(index), at })
    }

    fn part_answer(&mut self, index: usize, part: usize, code: Code, now: Instant) {
        match self.files.get_mut(index).map(|file| &mut file.mover) {
            Some(Mover::Get(get)) => get.ended(part, code, &mut self.window, now),
            Some(Mover::Put(put)) => put.answered(part, code, &mut self.window, now),
            Some(Mover::Idle) | None => {}
        }
    }

    fn file_answer(&mut self, index: usize, came: &Came<'_>) {
        let (settings, stopped, way) = (&self.settings, self.stopped, self.way);
        let Some(file) = self.files.get_mut(index) else { return };
        file.waits = false;
        match (file.stage, *came) {
            (Stage::Look, Came::Attributes(attributes)) => self.looked(index, &attributes),
            (Stage::Open | Stage::Create, Came::Handle(handle)) => {
                file.handle = Some(handle.into());
                match way {
                    _ if stopped => file.fail(End::Stopped),
                    // What it is has to be told first.
                    Way::Get if file.ahead => file.waits = true,
                    Way::Get => file.stage = Stage::Create,
                    Way::Put if settings.resume => file.stage = Stage::Measure,
                    Way::Put => file.start(0, settings),
                }
            }
            (Stage::Measure, Came::Attributes(_)) if stopped => file.fail(End::Stopped),
            (Stage::Measure, Came::Attributes(Attributes { size: Some(size), .. })) => file.start(size, settings),
            (Stage::Target, Came::Name(target, ..)) => file.leads_to(target),
            (Stage::Sync, Came::Status(Code::OK)) => file.synced(settings),
            (Stage::Set, Came::Status(Code::OK)) => file.unwind(),
            (Stage::Link, Came::Status(Code::OK)) => file.stage = Stage::Over,
            (Stage::Close, _) => {
                if came.code() != Code::OK {
                    file.end.get_or_insert_with(|| came.failure());
                }
                file.closed();
            }
            _ => file.fail(came.failure()),
        }
    }

    fn ahead_answer(&mut self, index: usize, came: &Came<'_>) {
        let Some(file) = self.files.get_mut(index) else { return };
        let failure = match (self.way, *came) {
            (Way::Get, _) if self.stopped => Some(End::Stopped),
            (Way::Get, Came::Attributes(attributes)) => {
                file.found.attributes = attributes.plain();
                // A server that does not tell has it tried.
                let fits = matches!(attributes.kind(), None | Some(FileKind::Regular));
                (!fits).then_some(End::Skipped(Skipped::Kind))
            }
            (Way::Put, Came::Status(Code::OK)) => None,
            _ => Some(came.failure()),
        };
        file.caught_up(failure);
    }

    /// The server has said what an entry is.
    fn looked(&mut self, index: usize, attributes: &Attributes<'_>) {
        let (way, links) = (self.way, self.settings.links);
        let Some(file) = self.files.get_mut(index) else { return };
        file.found.followed |= file.found.leads();
        file.found.attributes = attributes.plain();
        file.stage = match file.found.sort(way, links) {
            Sort::Link => Stage::Target,
            // What it leads to, now.
            Sort::Unknown if attributes.kind() == Some(FileKind::Symlink) => Stage::Look,
            Sort::File | Sort::Unknown => Stage::Open,
            Sort::Skipped(why) => return file.fail(End::Skipped(why)),
            Sort::Directory => Stage::Over,
        };
        if file.found.attributes.kind() == Some(FileKind::Directory)
            && let Some(file) = self.files.remove(index)
        {
            self.enqueue(file.parent, file.found);
            if let Some(above) = file.parent.and_then(|parent| self.directories.get_mut(parent)) {
                above.busy = above.busy.saturating_sub(1);
            }
        }
    }

    fn directory_answer(&mut self, index: usize, came: &Came<'_>) {
        use directory::Stage;
        let Some(directory) = self.directories.get_mut(index) else { return };
        if !matches!(came, Came::Name(_, _, false)) {
            directory.due = directory.due.saturating_sub(1);
        }
        match (directory.stage, *came) {
            (Stage::Make, Came::Status(Code::OK)) => directory.made(),
            (Stage::Make, _) => {
                directory.end = Some(came.failure());
                directory.stage = Stage::Look;
            }
            (Stage::Look, Came::Attributes(attributes)) if attributes.kind() == Some(FileKind::Directory) => {
                directory.end = None;
                directory.made();
            }
            (Stage::Open, Came::Handle(handle)) => {
                directory.handle = Some(handle.into());
                directory.stage = Stage::List;
            }
            (Stage::List, Came::Name(name, attributes, last)) => {
                directory.answers = directory.answers.saturating_add(usize::from(last));
                let found = Found::named(directory.found.root, name, &attributes);
                if let Some(found) = found.filter(|_| !self.stopped) {
                    self.enqueue(Some(index), found);
                }
            }
            (Stage::List, Came::Status(Code::EOF)) => directory.listed = true,
            (Stage::Close, _) => {
                directory.handle = None;
                directory.stage = Stage::Wait;
            }
            (Stage::Settle, Came::Status(Code::OK)) => directory.stage = Stage::Over,
            _ => directory.refused(came.failure()),
        }
    }
}
