//! What was done here, in answer to an [`Action`](super::Action). Answers that do not fit it change nothing.

use super::directory;
use super::entry::{End, FileId, Found};
use super::file::{Mover, Stage};
use super::{Step, Tree, Way};
use crate::sftp::Attributes;
use crate::sftp::transfer::Write;

impl Tree {
    /// It is done.
    pub fn done(&mut self) {
        self.quiet = false;
        match self.step.take() {
            Some(Step::File(index)) => match self.files.get_mut(index) {
                Some(file) if file.stage == Stage::Finish => file.finished(),
                Some(file) if file.stage == Stage::Link && self.way == Way::Get => file.stage = Stage::Over,
                _ => {}
            },
            Some(Step::Directory(index)) => match self.directories.get_mut(index) {
                Some(directory) if directory.stage == directory::Stage::Make => directory.made(),
                Some(directory) if directory.stage == directory::Stage::Settle => {
                    directory.stage = directory::Stage::Over;
                }
                _ => {}
            },
            Some(Step::Ahead(_) | Step::Stray | Step::Move { .. }) | None => {}
        }
    }

    /// The file is open: with as many bytes that it keeps, in a get, or as its size, in a put.
    pub fn opened(&mut self, bytes: u64) {
        self.quiet = false;
        if let Some(Step::File(index)) = self.step.take()
            && let Some(file) = self.files.get_mut(index)
        {
            file.opened(bytes, &self.settings);
        }
    }

    /// The link leads there.
    pub fn target(&mut self, target: &[u8]) {
        self.quiet = false;
        if let Some(Step::File(index)) = self.step.take()
            && let Some(file) = self.files.get_mut(index)
        {
            file.leads_to(target);
        }
    }

    /// An entry of the directory that is listed.
    pub fn entry(&mut self, name: &[u8], attributes: &Attributes<'_>) {
        if let Some(Step::Directory(index)) = self.step
            && let Some(root) = self.directories.get(index).map(|directory| directory.found.root)
            && let Some(found) = Found::named(root, name, attributes)
        {
            self.enqueue(Some(index), found);
        }
    }

    /// That was the list, or some of it if there is `more`.
    pub fn listed(&mut self, more: bool) {
        self.quiet = false;
        if let Some(Step::Directory(index)) = self.step.take()
            && let Some(directory) = self.directories.get_mut(index)
        {
            directory.listed = !more;
            directory.settle();
        }
    }

    /// The bytes that a WRITE would have are all zero, and are not sent.
    pub fn hole(&mut self) {
        self.quiet = false;
        if let Some(Step::Move { file, part, offset, length }) = self.step.take()
            && let Some(Mover::Put(put)) = self.files.get_mut(file).map(|file| &mut file.mover)
        {
            put.skip(Write { part, offset, length });
        }
    }

    /// The file here has no more for a WRITE.
    pub fn end(&mut self) {
        self.quiet = false;
        if let Some(Step::Move { file, .. }) = self.step.take()
            && let Some(Mover::Put(put)) = self.files.get_mut(file).map(|file| &mut file.mover)
        {
            put.end();
        }
    }

    /// What came could not be kept at its [landing](super::Landing), or what a WRITE has promised cannot be had.
    pub fn lose(&mut self, file: FileId, at: u64) {
        self.reconsider();
        let Some(file) = self.files.get_mut(file.index()) else { return };
        file.end.get_or_insert(End::Local);
        match &mut file.mover {
            Mover::Get(get) => get.lose(at),
            Mover::Put(put) => put.lose(at),
            Mover::Idle => {}
        }
    }

    /// It cannot be done, or a request cannot be sent.
    pub fn failed(&mut self) {
        self.quiet = false;
        match self.step.take() {
            Some(Step::File(index)) => {
                let Some(file) = self.files.get_mut(index) else { return };
                file.end.get_or_insert(End::Local);
                match file.stage {
                    Stage::Finish => file.finished(),
                    Stage::Close => file.closed(),
                    Stage::Look
                    | Stage::Open
                    | Stage::Create
                    | Stage::Measure
                    | Stage::Move
                    | Stage::Sync
                    | Stage::Set
                    | Stage::Target
                    | Stage::Link
                    | Stage::Over => file.unwind(),
                }
            }
            Some(Step::Move { file, .. } | Step::Ahead(file)) => {
                let Some(file) = self.files.get_mut(file) else { return };
                file.end.get_or_insert(End::Local);
                file.stop();
            }
            Some(Step::Directory(index)) => {
                if let Some(directory) = self.directories.get_mut(index) {
                    directory.refused(End::Local);
                }
            }
            Some(Step::Stray) => drop(self.strays.pop()),
            None => {}
        }
    }
}
