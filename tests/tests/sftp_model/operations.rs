//! Random operations, each as a request and as the model has it.

use crate::model::Thing;
use crate::{Run, below, pick};
use sanssh_core::sftp::{Access, Attributes, Request};

/// Where files and links are; directories are elsewhere, and may not be there.
const FILES: [&str; 9] = ["/a", "/b", "/c", "/d/a", "/d/b", "/d/c", "/e/a", "/link", "/d/link"];
const DIRECTORIES: [&str; 2] = ["/d", "/e"];
const WRITING: Access = Access::WRITE.and(Access::CREATE);
const ACCESS: [Access; 8] = [
    Access::READ,
    WRITING,
    WRITING.and(Access::READ),
    WRITING.and(Access::READ),
    WRITING.and(Access::APPEND),
    WRITING.and(Access::TRUNCATE),
    WRITING.and(Access::EXCLUSIVE).and(Access::READ),
    Access::READ.and(Access::WRITE),
];

impl Run {
    fn below(&mut self, most: usize) -> usize {
        below(&mut self.random[0], most)
    }

    fn file(&mut self) -> &'static str {
        pick(&mut self.random[0], &FILES)
    }

    fn directory(&mut self) -> &'static str {
        pick(&mut self.random[0], &DIRECTORIES)
    }

    /// A handle that was given: mostly one that is still open when the request comes.
    fn handle(&mut self) -> Option<(usize, Vec<u8>)> {
        let open = self.below(8) > 0;
        let fits = |number: &usize| self.model.open.contains_key(number) == open;
        let numbers: Vec<_> = self.handles.keys().copied().filter(fits).collect();
        let newest = &numbers[numbers.len().saturating_sub(8)..];
        if newest.is_empty() {
            return None;
        }
        let number = pick(&mut self.random[0], newest);
        Some((number, self.handles[&number].clone()))
    }

    /// One more request.
    pub(crate) fn operate(&mut self) {
        self.count += 1;
        match self.below(100) {
            0..65 => self.with_handle(),
            65..77 => self.open(),
            _ => self.with_path(),
        }
    }

    fn open(&mut self) {
        let number = self.count;
        if self.below(4) == 0 {
            let path = if self.below(3) == 0 { "" } else { self.directory() };
            let wanted = self.model.open_dir(number, path);
            let path = if path.is_empty() { b"/" } else { path.as_bytes() };
            return self.ask(&Request::Opendir { path }, b"", wanted);
        }
        let (path, access) = (self.file(), pick(&mut self.random[0], &ACCESS));
        let wanted = self.model.open(number, path, access);
        self.ask(&Request::Open { path: path.as_bytes(), access, attributes: Attributes::NONE }, b"", wanted);
    }

    fn with_handle(&mut self) {
        let (Some((number, handle)), Some((other, second))) = (self.handle(), self.handle()) else {
            return self.open();
        };
        let (handle, second) = (&handle[..], &second[..]);
        let (offset, length) = (self.below(60), self.below(40));
        let (at, most) = (offset as u64, length as u32);
        let size = Attributes { size: Some(at), ..Attributes::NONE };
        match self.below(16) {
            0..4 => {
                let wanted = self.model.read(number, offset, length);
                self.ask(&Request::Read { handle, offset: at, length: most }, b"", wanted);
            }
            4..8 => {
                let body: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
                let wanted = self.model.write(number, offset, &body);
                self.ask(&Request::Write { handle, offset: at, length: most }, &body, wanted);
            }
            8 => {
                let wanted = self.model.resize(number, offset);
                self.ask(&Request::Fsetstat { handle, attributes: size }, b"", wanted);
            }
            9 => {
                let wanted = self.model.stat_open(number);
                self.ask(&Request::Fstat { handle }, b"", wanted);
            }
            10 => {
                let place = self.below(50);
                let wanted = self.model.copy(number, offset, length, other, place);
                let (length, to_offset) = (length as u64, place as u64);
                let copy = Request::CopyData { from: handle, from_offset: at, length, to: second, to_offset };
                self.ask(&copy, b"", wanted);
            }
            11..14 => {
                let wanted = self.model.read_dir(number);
                self.ask(&Request::Readdir { handle }, b"", wanted);
            }
            _ => {
                let wanted = self.model.close(number);
                self.ask(&Request::Close { handle }, b"", wanted);
            }
        }
    }

    fn with_path(&mut self) {
        let (file, second, directory) = (self.file(), self.file(), self.directory());
        let (path, new, made) = (file.as_bytes(), second.as_bytes(), directory.as_bytes());
        let attributes = Attributes { size: Some(self.below(50) as u64), ..Attributes::NONE };
        let size = attributes.size.unwrap_or(0) as usize;
        let (number, model) = (self.count, &mut self.model);
        let (request, wanted) = match below(&mut self.random[0], 14) {
            0 => (Request::Rename { old: path, new }, model.rename(file, second, false)),
            1 => (Request::PosixRename { old: path, new }, model.rename(file, second, true)),
            2 => (Request::Hardlink { old: path, new }, model.hard_link(file, second)),
            3 => (Request::Remove { path }, model.remove_file(file)),
            4 | 5 => {
                (Request::Mkdir { path: made, attributes: Attributes::NONE }, model.make(directory, Thing::Directory))
            }
            6 => (Request::Rmdir { path: made }, model.remove_dir(directory)),
            7 | 8 => (Request::Symlink { target: path, link: new }, model.make(second, Thing::Link(number, file))),
            9 => (Request::Readlink { path }, model.read_link(file)),
            10 => (Request::Setstat { path, attributes }, model.resize_path(file, size)),
            11 => (Request::Lstat { path }, model.stat(file, false)),
            12 => (Request::Readlink { path: b"/link" }, model.read_link("/link")),
            _ => (Request::Stat { path }, model.stat(file, true)),
        };
        self.ask(&request, b"", wanted);
    }
}
