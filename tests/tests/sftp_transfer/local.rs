//! Files here, in memory, and what a driver does with a tree: one loop, whatever is copied.

use crate::rig::Rig;
use sanssh_core::sftp::tree::{Action, End, FileId, Place, Tree};
use sanssh_core::sftp::{Attributes, FileKind, Request, RequestId, Times};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File(Vec<u8>),
    Directory,
    Link(Vec<u8>),
}

/// Files by their paths below the root, which is empty, and what they were given.
#[derive(Debug, Default)]
pub(crate) struct Local {
    pub(crate) nodes: BTreeMap<Vec<u8>, Node>,
    pub(crate) attributes: BTreeMap<Vec<u8>, Attributes<'static>>,
    /// Open files, by number.
    pub(crate) open: BTreeMap<usize, Vec<u8>>,
    /// How each entry ended, in that order.
    pub(crate) ends: Vec<(Vec<u8>, Option<FileKind>, End)>,
    /// What is done here so far, and the number of what fails.
    pub(crate) done: usize,
    pub(crate) fails: Option<usize>,
    pub(crate) sparse: bool,
    pub(crate) resume: bool,
    /// Names given at a time.
    pub(crate) names: usize,
    /// Names of each directory that were given.
    pub(crate) given: BTreeMap<usize, usize>,
}

/// What was done, or `None` if it could not be.
enum Did {
    Done,
    Opened(u64),
    Target(Vec<u8>),
    Listed(Vec<(Vec<u8>, Attributes<'static>)>, bool),
    Failed,
}

fn attributes(node: &Node) -> Attributes<'static> {
    let (mode, size) = match node {
        Node::File(bytes) => (0o100_640, bytes.len() as u64),
        Node::Directory => (0o040_750, 0),
        Node::Link(target) => (0o120_777, target.len() as u64),
    };
    let times = Some(Times { accessed: 11, modified: 12 });
    Attributes { size: Some(size), permissions: Some(mode), times, ..Attributes::NONE }
}

/// The path, which must be one of plain names.
fn path(place: Place<'_>) -> Vec<u8> {
    for name in place.below.split(|byte| *byte == b'/').filter(|_| !place.below.is_empty()) {
        assert_eq!(sanssh_core::sftp::path::name(name), Some(name), "{:?} leads out", place.below.escape_ascii());
    }
    place.below.to_vec()
}

impl Local {
    pub(crate) fn file(&mut self, path: &str, bytes: &[u8]) {
        self.nodes.insert(path.into(), Node::File(bytes.to_vec()));
    }

    pub(crate) fn directory(&mut self, path: &str) {
        self.nodes.insert(path.into(), Node::Directory);
    }

    pub(crate) fn of(&self, path: &[u8]) -> Attributes<'static> {
        attributes(&self.nodes[path])
    }

    fn bytes(&mut self, file: FileId) -> &mut Vec<u8> {
        match self.nodes.get_mut(&self.open[&file.index()]) {
            Some(Node::File(bytes)) => bytes,
            other => panic!("{other:?} is open"),
        }
    }

    /// Whether the directory that holds it is there, and no link.
    fn has_room(&self, path: &[u8]) -> bool {
        let above = path.iter().rposition(|byte| *byte == b'/').map_or(&path[..0], |at| &path[..at]);
        path.is_empty() || above.is_empty() || self.nodes.get(above) == Some(&Node::Directory)
    }

    fn list(&mut self, place: Place<'_>, directory: usize) -> Did {
        let at = path(place);
        let inside = if at.is_empty() { at } else { [&at[..], b"/"].concat() };
        let below = self.nodes.iter().filter_map(|(path, node)| Some((path.strip_prefix(&inside[..])?, node)));
        let names = below.filter(|(name, _)| !name.is_empty() && !name.contains(&b'/'));
        let all: Vec<_> = names.map(|(name, node)| (name.to_vec(), attributes(node))).collect();
        let from = self.given.entry(directory).or_default();
        let until = all.len().min(*from + self.names.max(1));
        let part = all[*from..until].to_vec();
        *from = until;
        if until == all.len() {
            self.given.remove(&directory);
        }
        Did::Listed(part, until < all.len())
    }

    fn create(&mut self, place: Place<'_>, file: FileId) -> Did {
        let path = path(place);
        if !self.has_room(&path) {
            return Did::Failed;
        }
        let keeps = self.resume;
        let node = self.nodes.entry(path.clone()).or_insert_with(|| Node::File(vec![]));
        let Node::File(bytes) = node else { return Did::Failed };
        if !keeps {
            bytes.clear();
        }
        let length = bytes.len() as u64;
        assert!(self.open.insert(file.index(), path).is_none(), "one file of a number");
        Did::Opened(length)
    }

    fn perform(&mut self, action: Action<'_>) -> Did {
        match action {
            Action::MakeDirectory { place } => {
                let path = path(place);
                let room = self.has_room(&path);
                let node = self.nodes.entry(path).or_insert(Node::Directory);
                if *node == Node::Directory && room { Did::Done } else { Did::Failed }
            }
            Action::List { place, directory } => self.list(place, directory),
            Action::Settle { place, attributes } => {
                self.attributes.insert(path(place), attributes);
                Did::Done
            }
            Action::Create { place, file, .. } => self.create(place, file),
            Action::Open { place, file } => {
                let path = path(place);
                let Some(Node::File(bytes)) = self.nodes.get(&path) else { return Did::Failed };
                let size = bytes.len() as u64;
                assert!(self.open.insert(file.index(), path).is_none(), "one file of a number");
                Did::Opened(size)
            }
            Action::ReadLink { place } => match self.nodes.get(&path(place)) {
                Some(Node::Link(target)) => Did::Target(target.clone()),
                _ => Did::Failed,
            },
            Action::Link { place, target } => {
                let path = path(place);
                if self.nodes.contains_key(&path) || !self.has_room(&path) {
                    return Did::Failed;
                }
                self.nodes.insert(path, Node::Link(target.to_vec()));
                Did::Done
            }
            Action::Send(_) | Action::Write { .. } | Action::Finish { .. } | Action::Ended { .. } => {
                panic!("{action:?} is done elsewhere")
            }
        }
    }

    fn finish(&mut self, file: FileId, length: u64, attributes: Option<Attributes<'static>>, gets: bool) {
        if gets {
            self.bytes(file).resize(length as usize, 0);
        }
        let path = self.open.remove(&file.index()).expect("an open file");
        if let Some(attributes) = attributes {
            self.attributes.insert(path, attributes);
        }
    }

    fn land(&mut self, file: FileId, at: u64, bytes: &[u8]) {
        let (sparse, all, at) = (self.sparse, self.bytes(file), at as usize);
        if sparse && bytes.iter().all(|byte| *byte == 0) {
            return;
        }
        all.resize(all.len().max(at + bytes.len()), 0);
        all[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// What is to be sent, taken out of the machine's hands.
enum Next {
    Sent(RequestId),
    Write(FileId, Vec<u8>, u64, u32),
    Did(Did),
    Nothing,
}

/// Does all that can be done at once; how many requests that were.
pub(crate) fn advance(tree: &mut Tree, rig: &mut Rig, local: &mut Local, gets: bool) -> usize {
    let before = rig.requests;
    while rig.client.outstanding() < 256 {
        let Some(action) = tree.action() else { break };
        let fails = local.fails == Some(local.done);
        local.done += usize::from(!matches!(action, Action::Send(_) | Action::Write { .. } | Action::Ended { .. }));
        let next = match action {
            Action::Send(request) => Next::Sent(rig.ask(&request, b"")),
            Action::Write { file, handle, offset, length } => Next::Write(file, handle.to_vec(), offset, length),
            Action::Ended { place, kind, end } => {
                local.ends.push((place.below.to_vec(), kind, end));
                Next::Nothing
            }
            Action::Finish { file, length, attributes, .. } => {
                local.finish(file, length, attributes, gets);
                Next::Did(if fails { Did::Failed } else { Did::Done })
            }
            Action::List { directory, .. } if fails => {
                local.given.remove(&directory);
                Next::Did(Did::Failed)
            }
            _ if fails => Next::Did(Did::Failed),
            Action::MakeDirectory { .. }
            | Action::List { .. }
            | Action::Settle { .. }
            | Action::Create { .. }
            | Action::Open { .. }
            | Action::ReadLink { .. }
            | Action::Link { .. } => Next::Did(local.perform(action)),
        };
        match next {
            Next::Sent(id) => tree.sent(id, rig.now()),
            Next::Write(file, handle, offset, length) => write(tree, rig, local, (file, &handle, offset, length)),
            Next::Did(Did::Done) => tree.done(),
            Next::Did(Did::Opened(bytes)) => tree.opened(bytes),
            Next::Did(Did::Target(target)) => tree.target(&target),
            Next::Did(Did::Failed) => tree.failed(),
            Next::Did(Did::Listed(names, more)) => {
                names.iter().for_each(|(name, attributes)| tree.entry(name, attributes));
                tree.listed(more);
            }
            Next::Nothing => {}
        }
    }
    rig.requests - before
}

fn write(tree: &mut Tree, rig: &mut Rig, local: &mut Local, (file, handle, offset, length): (FileId, &[u8], u64, u32)) {
    let bytes = local.bytes(file);
    let from = bytes.len().min(offset as usize);
    let body = bytes[from..bytes.len().min(from + length as usize)].to_vec();
    if body.is_empty() {
        tree.end();
    } else if local.sparse && body.iter().all(|byte| *byte == 0) {
        tree.hole();
    } else {
        let length = body.len() as u32;
        let id = rig.ask(&Request::Write { handle, offset, length }, &body);
        tree.wrote(id, length, rig.now());
    }
}

/// One answer arrives; `false` if none was on its way.
pub(crate) fn hear(tree: &mut Tree, rig: &mut Rig, local: &mut Local) -> bool {
    use sanssh_core::sftp::client::Event;
    rig.deliver(1000, |event, now| {
        if let (Some(landing), Event::Data(_, piece)) = (tree.answer(event, now), event) {
            local.land(landing.file, landing.at, piece.bytes);
        }
    })
}

/// To the end.
pub(crate) fn run(tree: &mut Tree, rig: &mut Rig, local: &mut Local, gets: bool) {
    loop {
        advance(tree, rig, local, gets);
        if !hear(tree, rig, local) {
            break;
        }
    }
    assert!(local.open.is_empty(), "files are closed here: {:?}", local.open);
}
