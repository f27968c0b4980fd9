//! A file system in memory, and an SFTP server machine over it: what an embedder does, with nothing of the world in it.
//! It keeps to POSIX where it matters to clients: removed files live on in handles, names are apart from files.

use sanssh_core::sftp::path::{absolute, components};
use sanssh_core::sftp::server::{Event, Server, Settings};
use sanssh_core::sftp::{
    Access, Attributes, Code, Entry, Error, GATHER, Handle, HandleId, Owner, Piece, Request, StatVfs, Times,
};
use sanssh_core::{Output, Refused};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of a file, at most.
const LARGEST: usize = 1 << 26;
/// More links than that in a path are a circle.
const MOST_LINKS: usize = 8;

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes.
    File(Vec<u8>),
    /// Names, which are elsewhere.
    Directory,
    /// Where a symbolic link leads.
    Link(Vec<u8>),
}

/// A file with all that is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// Permissions, without the kind.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
    /// When it was used.
    pub times: Times,
}

impl Node {
    fn new(content: Content, mode: u32) -> Self {
        Self { content, mode, owner: Owner { user: 0, group: 0 }, times: Times { accessed: 0, modified: 0 } }
    }

    fn attributes(&self) -> Attributes<'static> {
        let (kind, size) = match &self.content {
            Content::File(bytes) => (0o100_000, bytes.len()),
            Content::Directory => (0o040_000, 0),
            Content::Link(target) => (0o120_000, target.len()),
        };
        Attributes {
            size: Some(size as u64),
            owner: Some(self.owner),
            permissions: Some(kind | self.mode),
            times: Some(self.times),
            ..Attributes::NONE
        }
    }

    fn set(&mut self, to: &Attributes<'_>) -> Result<(), Code> {
        if let Some(size) = to.size {
            let Content::File(bytes) = &mut self.content else { return Err(Code::FAILURE) };
            let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST).ok_or(Code::FAILURE)?;
            bytes.resize(size, 0);
        }
        self.mode = to.permissions.map_or(self.mode, |mode| mode & 0o7777);
        self.owner = to.owner.unwrap_or(self.owner);
        self.times = to.times.unwrap_or(self.times);
        Ok(())
    }
}

#[derive(Debug)]
enum Opened {
    File {
        node: u32,
        access: Access,
    },
    /// The directory, and names that were not given yet.
    Directory {
        node: u32,
        names: VecDeque<Vec<u8>>,
    },
}

/// Names, files, and what is open.
#[derive(Debug)]
pub struct RamFs {
    /// By absolute path; the root is empty.
    names: BTreeMap<Vec<u8>, u32>,
    nodes: BTreeMap<u32, Node>,
    next: u32,
    open: BTreeMap<usize, Opened>,
}

impl Default for RamFs {
    fn default() -> Self {
        let root = Node::new(Content::Directory, 0o755);
        Self { names: [(vec![], 0)].into(), nodes: [(0, root)].into(), next: 1, open: BTreeMap::new() }
    }
}

impl RamFs {
    /// The bytes of the file of that path.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        match &self.node(path.as_bytes(), true).ok()?.content {
            Content::File(bytes) => Some(bytes),
            Content::Directory | Content::Link(_) => None,
        }
    }

    /// Makes a file.
    ///
    /// # Panics
    /// If its directory is not there.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        let place = self.walk(path.as_bytes(), true).expect("the file's directory");
        self.add(place, Node::new(Content::File(bytes.to_vec()), 0o644));
    }

    /// Makes a directory.
    ///
    /// # Panics
    /// If the one it is to be in is not there.
    pub fn make_dir(&mut self, path: &str) {
        let place = self.walk(path.as_bytes(), true).expect("the directory's directory");
        self.add(place, Node::new(Content::Directory, 0o755));
    }

    /// Makes a symbolic link.
    ///
    /// # Panics
    /// If its directory is not there.
    pub fn link(&mut self, target: &str, path: &str) {
        let place = self.walk(path.as_bytes(), false).expect("the link's directory");
        self.add(place, Node::new(Content::Link(target.into()), 0o777));
    }

    /// Every path below the root, and what is there.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], &Node)> {
        self.names.iter().skip(1).map(|(path, node)| (&path[..], &self.nodes[node]))
    }

    /// Files and directories that are open.
    pub fn handles(&self) -> usize {
        self.open.len()
    }

    fn add(&mut self, place: Vec<u8>, node: Node) -> u32 {
        self.next += 1;
        self.names.insert(place, self.next);
        self.nodes.insert(self.next, node);
        self.next
    }

    /// The path without links in it. Its last component need not be there.
    fn walk(&self, path: &[u8], follow: bool) -> Result<Vec<u8>, Code> {
        let mut rest: VecDeque<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
        let (mut done, mut links) = (Vec::new(), 0);
        while let Some(part) = rest.pop_front() {
            if part == b".." {
                done.truncate(done.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
                continue;
            }
            let here = [&done[..], b"/", &part].concat();
            let content = self.names.get(&here).map(|node| &self.nodes[node].content);
            match content {
                Some(Content::Link(target)) if follow || !rest.is_empty() => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Code::FAILURE);
                    }
                    if target.first() == Some(&b'/') {
                        done.clear();
                    }
                    components(target).rev().for_each(|part| rest.push_front(part.to_vec()));
                }
                Some(Content::File(_)) | None if !rest.is_empty() => return Err(Code::NO_SUCH_FILE),
                _ => done = here,
            }
        }
        Ok(done)
    }

    fn number(&self, path: &[u8], follow: bool) -> Result<u32, Code> {
        self.names.get(&self.walk(path, follow)?).copied().ok_or(Code::NO_SUCH_FILE)
    }

    fn node(&self, path: &[u8], follow: bool) -> Result<&Node, Code> {
        self.number(path, follow).map(|number| &self.nodes[&number])
    }

    fn set(&mut self, number: u32, to: &Attributes<'_>) -> Result<(), Code> {
        self.nodes.get_mut(&number).ok_or(Code::FAILURE)?.set(to)
    }

    /// A place for something new.
    fn vacant(&self, path: &[u8]) -> Result<Vec<u8>, Code> {
        let place = self.walk(path, false)?;
        if self.names.contains_key(&place) { Err(Code::FAILURE) } else { Ok(place) }
    }

    fn is_empty_below(&self, place: &[u8]) -> bool {
        let inside = [place, b"/"].concat();
        self.names.range(inside.clone()..).next().is_none_or(|(path, _)| !path.starts_with(&inside))
    }

    fn opened(&self, handle: HandleId) -> u32 {
        match self.open[&handle.index()] {
            Opened::File { node, .. } | Opened::Directory { node, .. } => node,
        }
    }

    fn bytes(&mut self, handle: HandleId) -> &mut Vec<u8> {
        let number = self.opened(handle);
        match self.nodes.get_mut(&number).map(|node| &mut node.content) {
            Some(Content::File(bytes)) => bytes,
            other => panic!("the machine took {other:?} for a file"),
        }
    }

    fn open(&mut self, path: &[u8], access: Access, attributes: &Attributes<'_>) -> Result<Opened, Code> {
        let exclusive = access.has(Access::EXCLUSIVE) && access.has(Access::CREATE);
        let place = self.walk(path, !exclusive)?;
        let node = match self.names.get(&place) {
            Some(_) if exclusive => return Err(Code::FAILURE),
            Some(node) => *node,
            None if access.has(Access::CREATE) => {
                let mode = attributes.permissions.map_or(0o644, |mode| mode & 0o777);
                self.add(place, Node::new(Content::File(vec![]), mode))
            }
            None => return Err(Code::NO_SUCH_FILE),
        };
        match self.nodes.get_mut(&node).map(|node| &mut node.content) {
            Some(Content::File(bytes)) if access.has(Access::TRUNCATE) => bytes.clear(),
            Some(Content::File(_)) => {}
            _ => return Err(Code::FAILURE),
        }
        Ok(Opened::File { node, access })
    }

    fn open_dir(&self, path: &[u8]) -> Result<Opened, Code> {
        let place = self.walk(path, true)?;
        let node = *self.names.get(&place).ok_or(Code::NO_SUCH_FILE)?;
        if self.nodes[&node].content != Content::Directory {
            return Err(Code::FAILURE);
        }
        let inside = [&place[..], b"/"].concat();
        let below = self.names.range(inside.clone()..).map_while(|(path, _)| path.strip_prefix(&inside[..]));
        let own = [b".".to_vec(), b"..".to_vec()];
        let names = own.into_iter().chain(below.filter(|name| !name.contains(&b'/')).map(<[u8]>::to_vec));
        Ok(Opened::Directory { node, names: names.collect() })
    }

    fn rename(&mut self, old: &[u8], new: &[u8], replace: bool) -> Result<(), Code> {
        let (old, new) = (self.walk(old, false)?, self.walk(new, false)?);
        let moved = *self.names.get(&old).ok_or(Code::NO_SUCH_FILE)?;
        if let Some(there) = self.names.get(&new) {
            let directory = |number| self.nodes[number].content == Content::Directory;
            if *there == moved && replace {
                return Ok(());
            }
            if !replace || directory(there) != directory(&moved) || !self.is_empty_below(&new) {
                return Err(Code::FAILURE);
            }
        }
        let inside = [&old[..], b"/"].concat();
        if new.starts_with(&inside) || old.is_empty() {
            return Err(Code::FAILURE);
        }
        let concerns = |path: &[u8]| path == old || path.starts_with(&inside);
        let paths: Vec<_> = self.names.keys().filter(|path| concerns(path)).cloned().collect();
        for path in paths {
            let node = self.names.remove(&path).expect("a name that was there");
            self.names.insert([&new[..], &path[old.len()..]].concat(), node);
        }
        Ok(())
    }

    fn remove(&mut self, path: &[u8], directory: bool) -> Result<(), Code> {
        let place = self.walk(path, false)?;
        let node = self.names.get(&place).ok_or(Code::NO_SUCH_FILE)?;
        let is_directory = self.nodes[node].content == Content::Directory;
        if is_directory != directory || place.is_empty() || !self.is_empty_below(&place) {
            return Err(Code::FAILURE);
        }
        self.names.remove(&place);
        Ok(())
    }

    fn write(&mut self, handle: HandleId, offset: u64, piece: &[u8]) -> Result<(), Code> {
        let Opened::File { access, .. } = self.open[&handle.index()] else { return Err(Code::FAILURE) };
        let bytes = self.bytes(handle);
        let at = if access.has(Access::APPEND) { bytes.len() } else { offset as usize };
        let end = at.checked_add(piece.len()).filter(|end| *end <= LARGEST).ok_or(Code::FAILURE)?;
        if !piece.is_empty() {
            bytes.resize(bytes.len().max(end), 0);
            bytes[at..end].copy_from_slice(piece);
        }
        Ok(())
    }

    fn copy(&mut self, from: (HandleId, u64), length: u64, to: (HandleId, u64)) -> Result<(), Code> {
        if self.opened(from.0) == self.opened(to.0) {
            return Err(Code::FAILURE);
        }
        let bytes = self.bytes(from.0);
        let start = bytes.len().min(from.1 as usize);
        let most = if length == 0 { bytes.len() } else { length as usize };
        let copied = bytes[start..bytes.len().min(start.saturating_add(most))].to_vec();
        self.write(to.0, to.1, &copied)
    }

    /// What is answered by a status.
    fn change(&mut self, request: &Request<'_, HandleId>) -> Result<(), Code> {
        match *request {
            Request::Close { handle } => {
                self.open.remove(&handle.index());
                Ok(())
            }
            Request::Setstat { path, attributes } => {
                self.number(path, true).and_then(|number| self.set(number, &attributes))
            }
            Request::Lsetstat { path, attributes } => {
                self.number(path, false).and_then(|number| self.set(number, &attributes))
            }
            Request::Fsetstat { handle, attributes } => self.set(self.opened(handle), &attributes),
            Request::Remove { path } => self.remove(path, false),
            Request::Rmdir { path } => self.remove(path, true),
            Request::Mkdir { path, attributes } => {
                let mode = attributes.permissions.map_or(0o755, |mode| mode & 0o777);
                self.vacant(path).map(|place| {
                    self.add(place, Node::new(Content::Directory, mode));
                })
            }
            Request::Rename { old, new } => self.rename(old, new, false),
            Request::PosixRename { old, new } => self.rename(old, new, true),
            Request::Symlink { target, link } => self.vacant(link).map(|place| {
                self.add(place, Node::new(Content::Link(target.to_vec()), 0o777));
            }),
            Request::Hardlink { old, new } => {
                let (number, place) = (self.number(old, false)?, self.vacant(new)?);
                if self.nodes[&number].content == Content::Directory {
                    return Err(Code::FAILURE);
                }
                self.names.insert(place, number);
                Ok(())
            }
            Request::Fsync { .. } => Ok(()),
            Request::CopyData { from, from_offset, length, to, to_offset } => {
                self.copy((from, from_offset), length, (to, to_offset))
            }
            Request::Open { .. }
            | Request::Read { .. }
            | Request::Write { .. }
            | Request::Lstat { .. }
            | Request::Fstat { .. }
            | Request::Opendir { .. }
            | Request::Readdir { .. }
            | Request::Realpath { .. }
            | Request::Stat { .. }
            | Request::Readlink { .. }
            | Request::StatVfs { .. }
            | Request::FstatVfs { .. }
            | Request::Limits { .. }
            | Request::ExpandPath { .. }
            | Request::HomeDirectory { .. }
            | Request::UsersGroupsById { .. } => Err(Code::OP_UNSUPPORTED),
        }
    }
}

/// A server machine and its files.
#[derive(Debug)]
pub struct RamServer {
    /// The machine.
    pub server: Server<Vec<Handle>>,
    /// The files.
    pub fs: RamFs,
    /// Requests that came to the files, as text.
    pub asked: Vec<String>,
    /// Whether names come with their attributes, as most servers have it.
    pub tells: bool,
    gather: Vec<u8>,
    space: Vec<u8>,
    /// What is being written, where the next piece goes, and how it went so far.
    writing: Option<(HandleId, u64, Result<(), Code>)>,
}

impl RamServer {
    /// An empty file system, of which so many files and directories may be open.
    pub fn new(settings: Settings, handles: usize) -> Self {
        Self {
            server: Server::new(settings, vec![Handle::new(); handles]),
            fs: RamFs::default(),
            asked: Vec::new(),
            tells: false,
            gather: vec![0; GATHER],
            space: vec![0; 1 << 15],
            writing: None,
        }
    }

    /// Takes bytes, and gives the answers. Nothing is ever left to be taken.
    ///
    /// # Errors
    /// Where the machine ends.
    ///
    /// # Panics
    /// If the machine refuses a fitting answer.
    pub fn serve(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut answers = Vec::new();
        loop {
            // Taken out, because what it holds is borrowed while the rest is worked with.
            let mut gather = core::mem::take(&mut self.gather);
            let event = self.server.recv(&mut gather, &mut bytes);
            let done = match event {
                Ok(Some(Event::Request(request))) => {
                    self.asked.push(format!("{request:?}"));
                    self.answer(&request, &mut answers);
                    Ok(false)
                }
                Ok(Some(Event::Body(piece))) => {
                    self.body(piece, &mut answers);
                    Ok(false)
                }
                Ok(None) => Ok(!self.server.owes_output()),
                Err(error) => Err(error),
            };
            self.gather = gather;
            if done? {
                break;
            }
            self.put(&mut answers, |server, output| server.flush(output));
        }
        assert!(bytes.is_empty(), "all is taken");
        Ok(answers)
    }

    fn put<R>(
        &mut self,
        to: &mut Vec<u8>,
        with: impl FnOnce(&mut Server<Vec<Handle>>, &mut Output<'_>) -> Result<R, Refused>,
    ) -> R {
        let mut output = Output::new(&mut self.space);
        let done = with(&mut self.server, &mut output).expect("a fitting answer, and room for it");
        let filled = output.filled();
        to.extend_from_slice(&self.space[..filled]);
        done
    }

    fn give(
        &mut self,
        to: &mut Vec<u8>,
        with: impl FnOnce(&mut Server<Vec<Handle>>, &mut Output<'_>) -> Result<(), Refused>,
    ) -> Result<(), Code> {
        self.put(to, with);
        Ok(())
    }

    fn status(&mut self, code: Code, to: &mut Vec<u8>) {
        self.put(to, |server, output| server.status(code, b"", output));
    }

    fn body(&mut self, Piece { bytes, last }: Piece<'_>, to: &mut Vec<u8>) {
        let (handle, offset, mut went) = self.writing.take().expect("a WRITE before its body");
        went = went.and_then(|()| self.fs.write(handle, offset, bytes));
        if last {
            self.status(went.err().unwrap_or(Code::OK), to);
        } else {
            self.writing = Some((handle, offset + bytes.len() as u64, went));
        }
    }

    fn answer(&mut self, request: &Request<'_, HandleId>, to: &mut Vec<u8>) {
        let done = match *request {
            Request::Open { path, access, ref attributes } => {
                self.fs.open(path, access, attributes).map(|opened| self.opened(opened, to))
            }
            Request::Opendir { path } => self.fs.open_dir(path).map(|opened| self.opened(opened, to)),
            Request::Read { handle, offset, length } => self.read(handle, offset, length, to),
            Request::Readdir { handle } => self.names(handle, to),
            Request::Write { handle, offset, .. } => {
                self.writing = Some((handle, offset, Ok(())));
                Ok(())
            }
            Request::Stat { path } => self.fs.number(path, true).map(|number| self.attributes(number, to)),
            Request::Lstat { path } => self.fs.number(path, false).map(|number| self.attributes(number, to)),
            Request::Fstat { handle } => {
                self.attributes(self.fs.opened(handle), to);
                Ok(())
            }
            Request::Realpath { path } | Request::ExpandPath { path } => self.real_path(path, to),
            Request::HomeDirectory { .. } => self.real_path(b"/", to),
            Request::Readlink { path } => match self.fs.node(path, false).map(|node| node.content.clone()) {
                Ok(Content::Link(target)) => self.give(to, |server, output| server.name(&target, output)),
                Ok(Content::File(_) | Content::Directory) => Err(Code::FAILURE),
                Err(code) => Err(code),
            },
            Request::StatVfs { .. } | Request::FstatVfs { .. } => {
                let space = StatVfs { block_size: 512, blocks: 1 << 15, longest_name: 255, ..StatVfs::default() };
                self.give(to, |server, output| server.stat_vfs(&space, output))
            }
            Request::UsersGroupsById { users, groups } => {
                let nobody = |numbers: &[u8]| core::iter::repeat_n(&b""[..], numbers.len() / 4);
                self.give(to, |server, output| server.accounts(nobody(users), nobody(groups), output))
            }
            Request::Close { .. }
            | Request::Setstat { .. }
            | Request::Fsetstat { .. }
            | Request::Remove { .. }
            | Request::Mkdir { .. }
            | Request::Rmdir { .. }
            | Request::Rename { .. }
            | Request::Symlink { .. }
            | Request::PosixRename { .. }
            | Request::Hardlink { .. }
            | Request::Fsync { .. }
            | Request::Lsetstat { .. }
            | Request::Limits { .. }
            | Request::CopyData { .. } => self.fs.change(request).map(|()| self.status(Code::OK, to)),
        };
        if let Err(code) = done {
            self.status(code, to);
        }
    }

    fn opened(&mut self, opened: Opened, to: &mut Vec<u8>) {
        let handle = self.put(to, Server::handle);
        assert!(self.fs.open.insert(handle.index(), opened).is_none(), "the machine gave a place twice");
    }

    fn attributes(&mut self, number: u32, to: &mut Vec<u8>) {
        let attributes = self.fs.nodes[&number].attributes();
        self.put(to, |server, output| server.attributes(&attributes, output));
    }

    fn real_path(&mut self, path: &[u8], to: &mut Vec<u8>) -> Result<(), Code> {
        let mut space = [0; 4096];
        let real = absolute(b"/", path, &mut space).map_err(|_| Code::FAILURE)?;
        self.put(to, |server, output| server.name(real, output));
        Ok(())
    }

    fn read(&mut self, handle: HandleId, offset: u64, length: u32, to: &mut Vec<u8>) -> Result<(), Code> {
        let bytes = self.fs.bytes(handle);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let mut rest = bytes[start..bytes.len().min(start + length as usize)].to_vec();
        if rest.is_empty() {
            return Err(Code::EOF);
        }
        self.put(to, |server, output| server.data(rest.len() as u32, output));
        while self.server.body_due() > 0 {
            self.put(to, |server, output| {
                Ok(server.fill(output, |space| {
                    let n = space.len().min(rest.len());
                    rest.drain(..n).zip(space).for_each(|(byte, place)| *place = byte);
                    n
                }))
            });
        }
        Ok(())
    }

    fn names(&mut self, handle: HandleId, to: &mut Vec<u8>) -> Result<(), Code> {
        /// Few, so that there are several answers.
        const MOST: usize = 3;
        let Some(Opened::Directory { names, node }) = self.fs.open.get_mut(&handle.index()) else {
            return Err(Code::FAILURE);
        };
        let given: Vec<_> = names.drain(..names.len().min(MOST)).collect();
        let (tells, place) = (self.tells, self.fs.names.iter().find(|(_, number)| *number == node));
        let place = place.map(|(place, _)| place.clone()).unwrap_or_default();
        let said = |name: &[u8]| {
            let node = self.fs.names.get(&[&place, &b"/"[..], name].concat()).filter(|_| tells);
            node.map_or(Attributes::NONE, |node| self.fs.nodes[node].attributes())
        };
        let given: Vec<_> = given.into_iter().map(|name| (said(&name), name)).collect();
        if given.is_empty() {
            return Err(Code::EOF);
        }
        let count = self.put(to, |server, output| {
            server.names(output, |list| {
                for &(attributes, ref name) in &given {
                    assert!(list.push(&Entry { name, longname: name, attributes }), "room for a name");
                }
            })
        });
        assert_eq!(count as usize, given.len());
        Ok(())
    }
}
