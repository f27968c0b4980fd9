//! An SFTP client machine with memory of its own, which keeps every answer whole: for tests that look at answers rather
//! than at how they come.

use sanssh_core::sftp::client::{Client, Event, Pending, RequestId};
use sanssh_core::sftp::{Attributes, Code, Error, GATHER, Limits, Piece, Request, StatVfs};
use sanssh_core::{Output, Refused};
use std::collections::BTreeMap;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A status and its words.
    Status(Code, Vec<u8>),
    /// A handle.
    Handle(Vec<u8>),
    /// What was read.
    Data(Vec<u8>),
    /// Names, lines for people, attributes.
    Names(Vec<(Vec<u8>, Vec<u8>, Attributes<'static>)>),
    /// Attributes.
    Attributes(Attributes<'static>),
    /// How large requests may be.
    Limits(Limits),
    /// The space of a file system.
    StatVfs(StatVfs),
    /// Names of users and of groups.
    Accounts(Vec<Vec<u8>>, Vec<Vec<u8>>),
}

impl Told {
    /// A status, without its words.
    pub fn status(&self) -> Option<Code> {
        if let Self::Status(code, _) = self { Some(*code) } else { None }
    }
}

/// The machine and what it was told.
#[derive(Debug)]
pub struct Asker {
    /// The machine.
    pub client: Client<Vec<Pending>>,
    /// The extensions that were announced.
    pub announced: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether requests may be made.
    pub ready: bool,
    /// Whole answers, in the order in which they came.
    pub told: Vec<(RequestId, Told)>,
    /// Answers of which more is to come.
    partial: BTreeMap<usize, Told>,
    /// The memory lent to the machine: [`GATHER`] bytes at first.
    pub gather: Vec<u8>,
    space: Vec<u8>,
}

impl Asker {
    /// A machine that may have so many requests outstanding, and its greeting.
    ///
    /// # Panics
    /// Never: there is room for a greeting.
    pub fn new(places: usize) -> (Self, Vec<u8>) {
        let mut asker = Self {
            client: Client::new(vec![Pending::new(); places]),
            announced: Vec::new(),
            ready: false,
            told: Vec::new(),
            partial: BTreeMap::new(),
            gather: vec![0; GATHER],
            space: vec![0; 1 << 15],
        };
        let mut output = Output::new(&mut asker.space);
        asker.client.flush(&mut output).expect("room for a greeting");
        let filled = output.filled();
        let greeting = asker.space[..filled].to_vec();
        (asker, greeting)
    }

    /// A machine that was greeted by a server with these extensions.
    ///
    /// # Panics
    /// If the greeting is not taken.
    pub fn greeted(places: usize, extensions: &[(&str, &str)]) -> Self {
        let (mut asker, _) = Self::new(places);
        let pairs = extensions.iter().flat_map(|(name, value)| [name, value]);
        let version = pairs.fold(crate::forger::any(2).u32(3), crate::forger::Encode::string).done();
        asker.hear(&framed(&version)).expect("a sound greeting");
        assert!(asker.ready);
        asker
    }

    /// The bytes of a request, the body of a WRITE among them.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub fn ask(&mut self, request: &Request<'_>, mut body: &[u8]) -> Result<(RequestId, Vec<u8>), Refused> {
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut self.space);
        let id = self.client.send(request, &mut output)?;
        loop {
            self.client.fill(&mut output, |space| {
                let (now, later) = body.split_at(space.len().min(body.len()));
                space[..now.len()].copy_from_slice(now);
                body = later;
                now.len()
            });
            let filled = output.filled();
            bytes.extend_from_slice(&self.space[..filled]);
            if self.client.body_due() == 0 || filled == 0 {
                return Ok((id, bytes));
            }
            output = Output::new(&mut self.space);
        }
    }

    /// Takes bytes from the server.
    ///
    /// # Errors
    /// Where the machine ends.
    ///
    /// # Panics
    /// If the machine leaves bytes, or tells of an answer's parts what cannot be.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let Self { client, announced, ready, told, partial, gather, .. } = self;
        while let Some(event) = client.recv(gather, &mut bytes)? {
            match event {
                Event::Extension(name, value) => announced.push((name.to_vec(), value.to_vec())),
                Event::Ready => *ready = true,
                Event::Status(id, status) => told.push((id, Told::Status(status.code, status.message.to_vec()))),
                Event::Handle(id, handle) => told.push((id, Told::Handle(handle.to_vec()))),
                Event::Data(id, Piece { bytes, last }) => {
                    let Told::Data(all) = partial.entry(id.index()).or_insert_with(|| Told::Data(vec![])) else {
                        panic!("data among something else")
                    };
                    all.extend_from_slice(bytes);
                    if last {
                        told.push((id, partial.remove(&id.index()).expect("what was put there")));
                    }
                }
                Event::Name(id, entry, last) => {
                    let Told::Names(all) = partial.entry(id.index()).or_insert_with(|| Told::Names(vec![])) else {
                        panic!("names among something else")
                    };
                    all.push((entry.name.to_vec(), entry.longname.to_vec(), entry.attributes.plain()));
                    if last {
                        told.push((id, partial.remove(&id.index()).expect("what was put there")));
                    }
                }
                Event::Attributes(id, attributes) => told.push((id, Told::Attributes(attributes.plain()))),
                Event::Limits(id, limits) => told.push((id, Told::Limits(limits))),
                Event::StatVfs(id, space) => told.push((id, Told::StatVfs(space))),
                Event::Accounts(id, names) => {
                    let [users, groups] = [names.users, names.groups].map(|list| list.map(<[u8]>::to_vec).collect());
                    told.push((id, Told::Accounts(users, groups)));
                }
            }
        }
        assert!(bytes.is_empty(), "all is taken");
        Ok(())
    }
}

/// A packet of these contents.
///
/// # Panics
/// If it is of 4 GiB.
pub fn framed(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).expect("a length").to_be_bytes()[..], content].concat()
}
