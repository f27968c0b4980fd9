//! What to do next: files before directories, what is under way before what waits.

use super::directory::{self, Directory};
use super::entry::{End, FileId, Found, Place, Queue, Skipped, Sort};
use super::file::{File, Stage, preserved};
use super::slab::Slab;
use super::{Action, Step, Tree, Way, Whom};
use crate::sftp::{Access, Attributes, FileKind, Request};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bytes of the longest path below a root; systems have no longer ones.
const MOST_PATH: usize = 4096;

impl Tree {
    /// What to do next, if anything may be done before more comes. Until it was answered, it stays the same.
    pub fn action(&mut self) -> Option<Action<'_>> {
        if self.step.is_none() {
            self.step = self.choose();
        }
        match self.step? {
            Step::File(index) => self.file_action(index),
            Step::Ahead(index) => Some(close(self.files.get(index)?.handle.as_deref())),
            Step::Stray => Some(close(self.strays.last().map(|handle| &**handle))),
            Step::Move { file, offset, length, .. } => self.move_action(file, offset, length),
            Step::Directory(index) => self.directory_action(index),
        }
    }

    fn choose(&mut self) -> Option<Step> {
        while !self.quiet {
            if !self.settings.brave && self.has_failed() {
                self.stop();
            }
            self.begin_files();
            self.begin_directories();
            let stray = (!self.strays.is_empty()).then_some(Step::Stray);
            if let Some(step) = stray.or_else(|| self.file_step()).or_else(|| self.directory_step()) {
                return Some(step);
            }
            self.quiet = true;
        }
        None
    }

    /// Whether anything under way has.
    fn has_failed(&self) -> bool {
        let files = self.files.iter().map(|(_, file)| file.end);
        files.chain(self.directories.iter().map(|(_, one)| one.end)).flatten().any(End::is_failure)
    }

    fn file_step(&mut self) -> Option<Step> {
        let reach = self.files.reach();
        for turn in 0..reach {
            let index = self.cursor.saturating_add(turn).checked_rem(reach)?;
            let Some(file) = self.files.get_mut(index) else { continue };
            file.settle(&self.settings);
            let wants = if file.stage == Stage::Move { file.wants(&self.window) } else { None };
            if let Some((part, offset, length)) = wants {
                self.cursor = index.saturating_add(1);
                return Some(Step::Move { file: index, part, offset, length });
            }
            if file.stage == Stage::Move && file.closes_ahead(&self.settings) {
                return Some(Step::Ahead(index));
            }
            if file.stage != Stage::Move && !file.waits {
                self.cursor = index.saturating_add(1);
                return Some(Step::File(index));
            }
        }
        None
    }

    fn directory_step(&mut self) -> Option<Step> {
        let waiting = self.waiting.0.saturating_add(self.waiting.1);
        let (settings, stopped) = (&self.settings, self.stopped);
        for (index, directory) in self.directories.iter_mut() {
            if stopped && directory.is_listing() && directory.due == 0 {
                directory.fail(End::Stopped);
            }
            directory.settle();
            directory.complete(settings);
            let due = match directory.stage {
                directory::Stage::List => directory.may_list(waiting, settings),
                directory::Stage::Wait => false,
                directory::Stage::Make
                | directory::Stage::Look
                | directory::Stage::Open
                | directory::Stage::Close
                | directory::Stage::Settle
                | directory::Stage::Over => directory.due == 0,
            };
            if due {
                return Some(Step::Directory(index));
            }
        }
        None
    }

    // What waits.

    fn queue(&mut self, parent: Option<usize>) -> Option<&mut Queue> {
        match parent {
            None => Some(&mut self.tops),
            Some(index) => self.directories.get_mut(index).map(|directory| &mut directory.queue),
        }
    }

    /// An entry waits from now on.
    pub(super) fn enqueue(&mut self, parent: Option<usize>, found: Found) {
        let is_directory = found.sort(self.way, self.settings.links) == Sort::Directory;
        let Some(queue) = self.queue(parent) else { return };
        if is_directory {
            queue.directories.push_back(found);
            self.waiting.1 = self.waiting.1.saturating_add(1);
        } else {
            queue.files.push_back(found);
            self.waiting.0 = self.waiting.0.saturating_add(1);
        }
        if let Some(index) = parent
            && let Some(directory) = self.directories.get_mut(index)
        {
            directory.busy = directory.busy.saturating_add(1);
            // What an entry is may turn out late.
            if !self.open.contains(&index) {
                self.open.push(index);
            }
        }
        self.quiet = false;
    }

    /// The newest directory with something that waits, or the roots.
    fn newest(&mut self, has: impl Fn(&Queue) -> bool) -> Option<Option<usize>> {
        // Those that have nothing more, and get nothing more.
        let directories = &self.directories;
        self.open.retain(|index| directories.get(*index).is_some_and(|one| one.is_listing() || !one.queue.is_empty()));
        let newest = self.open.iter().rev().find(|index| directories.get(**index).is_some_and(|one| has(&one.queue)));
        newest.copied().map(Some).or_else(|| has(&self.tops).then_some(None))
    }

    fn begin_files(&mut self) {
        while self.files.len() < self.settings.files.max(1) && self.waiting.0 > 0 {
            let Some(parent) = self.newest(|queue| !queue.files.is_empty()) else { return };
            let Some(found) = self.queue(parent).and_then(|queue| queue.files.pop_front()) else { return };
            self.waiting.0 = self.waiting.0.saturating_sub(1);
            let (mut stage, mut end) = (Stage::Over, None);
            match found.sort(self.way, self.settings.links) {
                Sort::File => stage = Stage::Open,
                Sort::Link => stage = Stage::Target,
                Sort::Unknown => stage = Stage::Look,
                Sort::Skipped(why) => end = Some(End::Skipped(why)),
                Sort::Directory => {}
            }
            if self.length(parent, &found.name) > MOST_PATH {
                (stage, end) = (Stage::Over, Some(End::Skipped(Skipped::Depth)));
            }
            let mut file = File::new(self.way, parent, found, stage);
            file.end = end;
            self.files.add(file);
        }
    }

    fn begin_directories(&mut self) {
        while self.waiting.1 > 0 {
            let listing = self.directories.iter().filter(|(_, one)| one.is_listing());
            let (count, due) = listing.fold((0_usize, false), |(count, due), (_, one)| {
                (count.saturating_add(1), due || one.due > 0 || one.stage != directory::Stage::List)
            });
            // Where all are full, and full of directories, there is no way but down.
            let full = !due && self.waiting.0 == 0 && self.waiting.1 >= self.settings.names;
            if count >= self.settings.directories.max(1) && !full {
                return;
            }
            let Some(parent) = self.newest(|queue| !queue.directories.is_empty()) else { return };
            let Some(found) = self.queue(parent).and_then(|queue| queue.directories.pop_front()) else { return };
            self.waiting.1 = self.waiting.1.saturating_sub(1);
            self.begin_directory(parent, found);
        }
    }

    fn begin_directory(&mut self, parent: Option<usize>, found: Found) {
        let above = parent.and_then(|index| self.directories.get(index));
        let depth = above.map_or(0, |above| above.depth.saturating_add(1));
        let mut below = above.map_or_else(Vec::new, |above| above.below.to_vec());
        join(&mut below, &found.name);
        let too_far = depth > self.settings.depth || below.len() > MOST_PATH;
        let mut directory = Directory::new(self.way, parent, found, below.into_boxed_slice(), depth);
        if too_far {
            directory.stage = directory::Stage::Over;
            directory.end = Some(End::Skipped(Skipped::Depth));
        }
        let index = self.directories.add(directory);
        self.open.push(index);
    }

    /// Forgets what waits. Roots are missed by nobody else, so they are counted.
    pub(super) fn drop_waiting(&mut self) {
        let tops = core::mem::take(&mut self.tops).len();
        self.report.failed = self.report.failed.saturating_add(u64::try_from(tops).unwrap_or(u64::MAX));
        for (_, directory) in self.directories.iter_mut() {
            let dropped = core::mem::take(&mut directory.queue).len();
            directory.busy = directory.busy.saturating_sub(dropped);
            if dropped > 0 {
                directory.end.get_or_insert(End::Stopped);
            }
        }
        self.waiting = (0, 0);
    }

    // What is done.

    fn length(&self, parent: Option<usize>, name: &[u8]) -> usize {
        let above = parent.and_then(|index| self.directories.get(index)).map_or(0, |above| above.below.len());
        above.saturating_add(name.len()).saturating_add(1)
    }

    fn file_action(&mut self, index: usize) -> Option<Action<'_>> {
        let over = self.files.get(index)?.stage == Stage::Over;
        if let Some(file) = over.then(|| self.files.remove(index)).flatten() {
            let kind = file.found.attributes.kind();
            let moved = if file.has_moved() { file.kept() } else { 0 };
            self.report.bytes = self.report.bytes.saturating_add(moved);
            if file.found.blind {
                self.forsake(index);
            }
            return Some(self.ended(file.parent, &file.found, kind, file.end));
        }
        let Self { files, path, directories, roots, settings, way, .. } = self;
        let file = files.get(index)?;
        let (path, place) = spell(path, roots, directories, file.parent, &file.found);
        let handle = file.handle.as_deref().unwrap_or_default();
        let mode = file.found.attributes.permissions.map(|mode| mode & 0o777);
        let id = FileId(index);
        Some(match (file.stage, *way) {
            (Stage::Look, _) if file.found.leads() => Action::Send(Request::Stat { path }),
            (Stage::Look, _) => Action::Send(Request::Lstat { path }),
            (Stage::Open, Way::Get) => {
                Action::Send(Request::Open { path, access: Access::READ, attributes: Attributes::NONE })
            }
            (Stage::Open, Way::Put) => Action::Open { place, file: id },
            (Stage::Create, Way::Get) => Action::Create { place, file: id, mode },
            (Stage::Create, Way::Put) => {
                let empty = if settings.resume { Access(0) } else { Access::TRUNCATE };
                let access = Access::WRITE.and(Access::CREATE).and(empty);
                let attributes = Attributes { permissions: mode, ..Attributes::NONE };
                Action::Send(Request::Open { path, access, attributes })
            }
            (Stage::Measure, _) => Action::Send(Request::Fstat { handle }),
            (Stage::Sync, _) => Action::Send(Request::Fsync { handle }),
            (Stage::Set, _) => Action::Send(Request::Fsetstat { handle, attributes: file.last(settings) }),
            (Stage::Close, _) => close(file.handle.as_deref()),
            (Stage::Finish, _) => {
                let whole = file.end.is_none();
                let attributes = (whole && settings.preserve).then(|| preserved(&file.found.attributes));
                Action::Finish { file: id, length: file.kept(), attributes, whole }
            }
            (Stage::Target, Way::Get) => Action::Send(Request::Readlink { path }),
            (Stage::Target, Way::Put) => Action::ReadLink { place },
            (Stage::Link, Way::Get) => Action::Link { place, target: &file.target },
            (Stage::Link, Way::Put) => Action::Send(Request::Symlink { target: &file.target, link: path }),
            (Stage::Move | Stage::Over, _) => return None,
        })
    }

    /// What a file was to be told is nobody's from now on.
    fn forsake(&mut self, index: usize) {
        let own = |whom: &&mut Whom| matches!(whom, Whom::File(of) | Whom::Ahead(of) if *of == index);
        self.asked.iter_mut().flatten().filter(own).for_each(|whom| *whom = Whom::Stray);
    }

    fn move_action(&self, index: usize, offset: u64, length: u32) -> Option<Action<'_>> {
        let handle = self.files.get(index)?.handle.as_deref().unwrap_or_default();
        Some(match self.way {
            Way::Get => Action::Send(Request::Read { handle, offset, length }),
            Way::Put => Action::Write { file: FileId(index), handle, offset, length },
        })
    }

    fn directory_action(&mut self, index: usize) -> Option<Action<'_>> {
        use directory::Stage;
        let over = self.directories.get(index)?.stage == Stage::Over;
        if let Some(directory) = over.then(|| self.directories.remove(index)).flatten() {
            self.open.retain(|open| *open != index);
            return Some(self.ended(directory.parent, &directory.found, Some(FileKind::Directory), directory.end));
        }
        let Self { path, directories, roots, .. } = self;
        let directory = directories.get(index)?;
        let (path, place) = spell(path, roots, directories, directory.parent, &directory.found);
        let handle = directory.handle.as_deref().unwrap_or_default();
        let attributes = preserved(&directory.found.attributes);
        Some(match (directory.stage, self.way) {
            (Stage::Make, Way::Get) => Action::MakeDirectory { place },
            (Stage::Make, Way::Put) => {
                // What has to be put into it must be possible.
                let permissions = attributes.permissions.map(|mode| mode | 0o700);
                Action::Send(Request::Mkdir { path, attributes: Attributes { permissions, ..Attributes::NONE } })
            }
            (Stage::Look, _) => Action::Send(Request::Stat { path }),
            (Stage::Open, _) => Action::Send(Request::Opendir { path }),
            (Stage::List, Way::Get) => Action::Send(Request::Readdir { handle }),
            (Stage::List, Way::Put) => Action::List { place, directory: index },
            (Stage::Close, _) => close(directory.handle.as_deref()),
            (Stage::Settle, Way::Get) => Action::Settle { place, attributes },
            (Stage::Settle, Way::Put) => Action::Send(Request::Setstat { path, attributes }),
            (Stage::Wait | Stage::Over, _) => return None,
        })
    }

    /// An entry is over.
    fn ended(&mut self, parent: Option<usize>, found: &Found, kind: Option<FileKind>, end: Option<End>) -> Action<'_> {
        self.step = None;
        let end = end.unwrap_or(End::Done);
        let count = match (end, kind) {
            (End::Done, Some(FileKind::Directory)) => &mut self.report.directories,
            (End::Done, Some(FileKind::Symlink)) => &mut self.report.links,
            (End::Done, Some(FileKind::Regular | FileKind::Special) | None) => &mut self.report.files,
            _ if end.is_failure() => &mut self.report.failed,
            _ => &mut self.report.skipped,
        };
        *count = count.saturating_add(1);
        if let Some(above) = parent.and_then(|index| self.directories.get_mut(index)) {
            above.busy = above.busy.saturating_sub(1);
        }
        let (_, place) = spell(&mut self.path, &self.roots, &self.directories, parent, found);
        Action::Ended { place, kind, end }
    }
}

/// Closes what is open on the server.
fn close(handle: Option<&[u8]>) -> Action<'_> {
    Action::Send(Request::Close { handle: handle.unwrap_or_default() })
}

/// Puts the path of an entry together as the server knows it, and says where it is here.
fn spell<'p>(
    path: &'p mut Vec<u8>,
    roots: &[Box<[u8]>],
    directories: &Slab<Directory>,
    parent: Option<usize>,
    found: &Found,
) -> (&'p [u8], Place<'p>) {
    path.clear();
    path.extend_from_slice(roots.get(found.root).map_or(&[], |root| root));
    let above = parent.and_then(|index| directories.get(index)).map_or(&[][..], |above| &above.below);
    join(path, above);
    let start = path.len().saturating_sub(above.len());
    join(path, &found.name);
    let start = if above.is_empty() { path.len().saturating_sub(found.name.len()) } else { start };
    let below = path.get(start..).unwrap_or_default();
    (path, Place { root: found.root, below })
}

/// Adds what is below, if anything.
fn join(path: &mut Vec<u8>, below: &[u8]) {
    if !below.is_empty() && !path.is_empty() && path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(below);
}
