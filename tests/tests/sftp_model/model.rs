//! What a file system is, as plainly as it can be said: a map of names, and byte vectors that several may share.

use core::cell::RefCell;
use sanssh_core::sftp::{Access, Code};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

#[derive(Debug, Clone)]
pub(crate) enum Thing {
    File(Rc<RefCell<Vec<u8>>>),
    /// By which request it was made, and where it leads.
    Link(usize, &'static str),
    Directory,
}

#[derive(Debug)]
pub(crate) enum Opened {
    File(Rc<RefCell<Vec<u8>>>, Access),
    Directory,
}

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Code(Code),
    Handle,
    Data(Vec<u8>),
    /// Bytes of a file, or that it is none.
    Size(Option<usize>),
    Leads(&'static str),
    /// The next names of what this request opened, or their end.
    Names(usize),
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) names: BTreeMap<&'static str, Thing>,
    /// By the number of the request that opened it.
    pub(crate) open: BTreeMap<usize, Opened>,
    /// As many may be open.
    pub(crate) most: usize,
    /// Names that were not given yet, of every directory that was ever opened.
    pub(crate) listed: BTreeMap<usize, VecDeque<String>>,
}

type Done<T> = Result<T, Code>;

impl Model {
    pub(crate) fn new(most: usize) -> Self {
        Self { names: BTreeMap::new(), open: BTreeMap::new(), most, listed: BTreeMap::new() }
    }

    fn parent(&self, path: &str) -> Done<()> {
        let (parent, _) = path.rsplit_once('/').expect("an absolute path");
        let there = parent.is_empty() || matches!(self.names.get(parent), Some(Thing::Directory));
        if there { Ok(()) } else { Err(Code::NO_SUCH_FILE) }
    }

    fn follow(&self, path: &'static str) -> Done<&'static str> {
        let mut path = path;
        for _ in 0..=8 {
            self.parent(path)?;
            let Some(Thing::Link(_, target)) = self.names.get(path) else { return Ok(path) };
            path = target;
        }
        Err(Code::FAILURE)
    }

    fn thing(&self, path: &'static str, follow: bool) -> Done<&Thing> {
        let path = if follow { self.follow(path)? } else { path };
        self.names.get(path).ok_or(Code::NO_SUCH_FILE)
    }

    fn vacant(&self, path: &str) -> Done<()> {
        self.parent(path)?;
        if self.names.contains_key(path) { Err(Code::FAILURE) } else { Ok(()) }
    }

    pub(crate) fn open(&mut self, number: usize, path: &'static str, access: Access) -> Done<Wanted> {
        if self.open.len() == self.most {
            return Err(Code::FAILURE);
        }
        let exclusive = access.has(Access::CREATE) && access.has(Access::EXCLUSIVE);
        let path = if exclusive { path } else { self.follow(path)? };
        self.parent(path)?;
        let bytes = match self.names.get(path) {
            Some(Thing::File(bytes)) if !exclusive => Rc::clone(bytes),
            Some(_) => return Err(Code::FAILURE),
            None if access.has(Access::CREATE) => {
                let bytes = Rc::default();
                self.names.insert(path, Thing::File(Rc::clone(&bytes)));
                bytes
            }
            None => return Err(Code::NO_SUCH_FILE),
        };
        if access.has(Access::TRUNCATE) {
            bytes.borrow_mut().clear();
        }
        self.open.insert(number, Opened::File(bytes, access));
        Ok(Wanted::Handle)
    }

    pub(crate) fn open_dir(&mut self, number: usize, path: &'static str) -> Done<Wanted> {
        if self.open.len() == self.most {
            return Err(Code::FAILURE);
        }
        if !path.is_empty() {
            self.thing(path, true)?;
        }
        let below = self.names.keys().filter_map(|name| name.strip_prefix(path)?.strip_prefix('/'));
        let names = below.filter(|name| !name.contains('/')).map(str::to_owned);
        let names = [".".to_owned(), "..".to_owned()].into_iter().chain(names).collect();
        self.listed.insert(number, names);
        self.open.insert(number, Opened::Directory);
        Ok(Wanted::Handle)
    }

    pub(crate) fn read_dir(&self, handle: usize) -> Done<Wanted> {
        if let Some(Opened::Directory) = self.open.get(&handle) {
            Ok(Wanted::Names(handle))
        } else {
            Err(Code::FAILURE)
        }
    }

    fn file(&self, handle: usize, wanted: Access) -> Done<&Rc<RefCell<Vec<u8>>>> {
        let Some(Opened::File(bytes, access)) = self.open.get(&handle) else { return Err(Code::FAILURE) };
        let writes = access.has(Access::WRITE) || access.has(Access::APPEND);
        let fits = if wanted == Access::READ { access.has(Access::READ) || !writes } else { writes };
        if fits { Ok(bytes) } else { Err(Code::FAILURE) }
    }

    pub(crate) fn read(&self, handle: usize, offset: usize, length: usize) -> Done<Wanted> {
        let bytes = self.file(handle, Access::READ)?.borrow();
        let read: Vec<u8> = bytes.iter().skip(offset).take(length).copied().collect();
        if read.is_empty() { Err(Code::EOF) } else { Ok(Wanted::Data(read)) }
    }

    pub(crate) fn write(&self, handle: usize, offset: usize, written: &[u8]) -> Done<Wanted> {
        let mut bytes = self.file(handle, Access::WRITE)?.borrow_mut();
        let appends = matches!(self.open[&handle], Opened::File(_, access) if access.has(Access::APPEND));
        let offset = if appends { bytes.len() } else { offset };
        for (at, byte) in written.iter().enumerate() {
            while bytes.len() <= offset + at {
                bytes.push(0);
            }
            bytes[offset + at] = *byte;
        }
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn copy(&self, from: usize, at: usize, length: usize, to: usize, place: usize) -> Done<Wanted> {
        let (source, sink) = (self.file(from, Access::READ)?, self.file(to, Access::WRITE)?);
        if Rc::ptr_eq(source, sink) {
            return Err(Code::FAILURE);
        }
        let length = if length == 0 { usize::MAX } else { length };
        let copied: Vec<u8> = source.borrow().iter().skip(at).take(length).copied().collect();
        self.write(to, place, &copied)
    }

    pub(crate) fn resize(&self, handle: usize, size: usize) -> Done<Wanted> {
        let Some(Opened::File(bytes, _)) = self.open.get(&handle) else { return Err(Code::FAILURE) };
        bytes.borrow_mut().resize(size, 0);
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn resize_path(&self, path: &'static str, size: usize) -> Done<Wanted> {
        let Thing::File(bytes) = self.thing(path, true)? else { return Err(Code::FAILURE) };
        bytes.borrow_mut().resize(size, 0);
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn stat(&self, path: &'static str, follow: bool) -> Done<Wanted> {
        Ok(Wanted::Size(match self.thing(path, follow)? {
            Thing::File(bytes) => Some(bytes.borrow().len()),
            Thing::Link(..) | Thing::Directory => None,
        }))
    }

    pub(crate) fn stat_open(&self, handle: usize) -> Done<Wanted> {
        Ok(Wanted::Size(match self.open.get(&handle).ok_or(Code::FAILURE)? {
            Opened::File(bytes, _) => Some(bytes.borrow().len()),
            Opened::Directory => None,
        }))
    }

    pub(crate) fn close(&mut self, handle: usize) -> Done<Wanted> {
        self.open.remove(&handle).map(|_| Wanted::Code(Code::OK)).ok_or(Code::FAILURE)
    }

    pub(crate) fn rename(&mut self, old: &'static str, new: &'static str, replace: bool) -> Done<Wanted> {
        self.parent(old)?;
        self.parent(new)?;
        let moved = self.names.get(old).ok_or(Code::NO_SUCH_FILE)?.clone();
        match (self.names.get(new), &moved) {
            (Some(_), _) if !replace => return Err(Code::FAILURE),
            // One file under two names stays as it is.
            (Some(Thing::File(there)), Thing::File(bytes)) if Rc::ptr_eq(there, bytes) => {}
            (Some(Thing::Link(there, _)), Thing::Link(made, _)) if there == made => {}
            _ => {
                self.names.remove(old);
                self.names.insert(new, moved);
            }
        }
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn hard_link(&mut self, old: &'static str, new: &'static str) -> Done<Wanted> {
        self.parent(old)?;
        let thing = self.thing(old, false)?.clone();
        self.vacant(new)?;
        self.names.insert(new, thing);
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn make(&mut self, path: &'static str, thing: Thing) -> Done<Wanted> {
        self.vacant(path)?;
        self.names.insert(path, thing);
        Ok(Wanted::Code(Code::OK))
    }

    pub(crate) fn remove_file(&mut self, path: &'static str) -> Done<Wanted> {
        self.thing(path, false)?;
        self.remove(path)
    }

    fn remove(&mut self, path: &'static str) -> Done<Wanted> {
        self.names.remove(path).map(|_| Wanted::Code(Code::OK)).ok_or(Code::NO_SUCH_FILE)
    }

    pub(crate) fn remove_dir(&mut self, path: &'static str) -> Done<Wanted> {
        let inside = self.names.keys().any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')));
        if inside { Err(Code::FAILURE) } else { self.remove(path) }
    }

    pub(crate) fn read_link(&self, path: &'static str) -> Done<Wanted> {
        let Thing::Link(_, target) = self.thing(path, false)? else { return Err(Code::FAILURE) };
        Ok(Wanted::Leads(target))
    }
}
