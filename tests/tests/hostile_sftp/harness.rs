//! A server of a few files, a client that is told lies, and every kind of request.

use sanssh_core::sftp::server::Settings;
use sanssh_core::sftp::{Access, Attributes, Code, Error, Extension, Owner, Request, Times};
use sanssh_tests::asker::{Asker, Told, framed};
use sanssh_tests::forger::{Feed, any};
use sanssh_tests::ramfs::RamServer;

pub(crate) const FILE: &[u8] = &[0, 0, 0, 0];
pub(crate) const DIRECTORY: &[u8] = &[0, 0, 0, 1];
pub(crate) const OTHER: &[u8] = &[0, 0, 0, 2];

pub(crate) const SET: Attributes<'static> = Attributes {
    size: Some(3),
    owner: Some(Owner { user: 1, group: 2 }),
    permissions: Some(0o600),
    times: Some(Times { accessed: 1, modified: 2 }),
    extended: Attributes::NONE.extended,
};

/// A server of a few files, and how bytes reach it.
pub(crate) struct Served {
    pub(crate) ram: RamServer,
    pub(crate) feed: Feed,
}

impl Served {
    pub(crate) fn silent(settings: Settings, feed: Feed) -> Self {
        let mut ram = RamServer::new(settings, 4);
        ram.fs.put("/file", b"0123456789");
        ram.fs.put("/other", b"");
        ram.fs.make_dir("/directory");
        Self { ram, feed }
    }

    /// Greeted, with [`FILE`], [`DIRECTORY`] and [`OTHER`] open.
    pub(crate) fn new(feed: Feed) -> Self {
        Self::with(Settings::default(), feed)
    }

    pub(crate) fn with(settings: Settings, feed: Feed) -> Self {
        let mut served = Self::silent(settings, feed);
        served.send(&init(3)).expect("a greeting");
        let access = if settings.read_only { Access::READ } else { Access::READ.and(Access::WRITE) };
        let open = |path: &'static [u8]| Request::Open { path, access, attributes: Attributes::NONE };
        for (request, handle) in
            [(open(b"/file"), FILE), (Request::Opendir { path: b"/directory" }, DIRECTORY), (open(b"/other"), OTHER)]
        {
            assert_eq!(served.ask(&request, b""), any(102).u32(0).string(handle).done());
        }
        served.ram.asked.clear();
        served
    }

    /// The answers to a packet.
    pub(crate) fn send(&mut self, content: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        self.send_bytes(&framed(content))
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let step = if self.feed == Feed::Bytes { 1 } else { bytes.len() };
        let mut answers = Vec::new();
        for piece in bytes.chunks(step) {
            answers.extend(self.ram.serve(piece)?);
        }
        Ok(packets(&answers))
    }

    /// The one answer to a sound packet.
    pub(crate) fn answer(&mut self, content: &[u8]) -> Vec<u8> {
        let answers = self.send(content).expect("a sound packet");
        let [answer] = &answers[..] else { panic!("one answer: {answers:?}") };
        answer.clone()
    }

    pub(crate) fn ask(&mut self, request: &Request<'_>, body: &[u8]) -> Vec<u8> {
        self.answer(&content(request, body))
    }

    /// The code of the status that answers a packet.
    pub(crate) fn code(&mut self, content: &[u8]) -> Code {
        code(&self.answer(content))
    }

    /// Whether it goes on as if nothing had been.
    pub(crate) fn is_well(&mut self) {
        assert_eq!(self.ask(&Request::Stat { path: b"/file" }, b"")[0], 105);
        self.ram.asked.pop();
    }
}

pub(crate) fn packets(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (packet, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        packets.push(packet.to_vec());
        bytes = rest;
    }
    assert!(bytes.is_empty(), "whole packets");
    packets
}

pub(crate) fn code(answer: &[u8]) -> Code {
    assert_eq!(answer[0], 101, "a status: {answer:?}");
    Code(u32::from_be_bytes(answer[5..9].try_into().expect("a code")))
}

pub(crate) fn init(version: u32) -> Vec<u8> {
    any(1).u32(version).done()
}

pub(crate) const EXTENSIONS: [(&str, &str); 11] = {
    let mut all = [("", ""); 11];
    let mut index = 0;
    while index < all.len() {
        all[index] = (Extension::ALL[index].name(), Extension::ALL[index].version());
        index += 1;
    }
    all
};

/// A request as a packet without its length, from the first place of a client that has every extension.
pub(crate) fn content(request: &Request<'_>, body: &[u8]) -> Vec<u8> {
    let (_, bytes) = Asker::greeted(1, &EXTENSIONS).ask(request, body).expect("a lawful request");
    bytes[4..].to_vec()
}

/// Every kind of request, those that change files last, with as many as do not in front.
pub(crate) fn requests() -> (Vec<Request<'static>>, usize) {
    let path = &b"/file"[..];
    let (old, new) = (path, &b"/new"[..]);
    let attributes = SET;
    let reading = [
        Request::Open { path, access: Access::READ, attributes },
        Request::Opendir { path: b"/" },
        Request::Read { handle: FILE, offset: 1, length: 3 },
        Request::Lstat { path },
        Request::Fstat { handle: FILE },
        Request::Readdir { handle: DIRECTORY },
        Request::Realpath { path },
        Request::Stat { path },
        Request::Readlink { path },
        Request::StatVfs { path },
        Request::FstatVfs { handle: FILE },
        Request::Limits {},
        Request::ExpandPath { path },
        Request::HomeDirectory { user: b"me" },
        Request::UsersGroupsById { users: &[0; 8], groups: &[0; 4] },
    ];
    let changing = [
        Request::Write { handle: FILE, offset: 1, length: 3 },
        Request::Setstat { path, attributes },
        Request::Fsetstat { handle: FILE, attributes },
        Request::Remove { path },
        Request::Mkdir { path: b"/made", attributes },
        Request::Rmdir { path: b"/directory" },
        Request::Rename { old, new },
        Request::Symlink { target: path, link: b"/link" },
        Request::PosixRename { old, new },
        Request::Hardlink { old, new },
        Request::Fsync { handle: FILE },
        Request::Lsetstat { path, attributes },
        Request::CopyData { from: FILE, from_offset: 0, length: 0, to: OTHER, to_offset: 0 },
    ];
    let mut all = reading.to_vec();
    all.extend(changing);
    (all, reading.len())
}

/// As many bytes as a request says will follow.
pub(crate) fn body(request: &Request<'_>) -> &'static [u8] {
    if let Request::Write { length, .. } = request { &b"abc"[..*length as usize] } else { b"" }
}

/// What a client makes of a packet, after this request.
pub(crate) fn told(request: &Request<'_>, content: &[u8], feed: Feed) -> Result<Vec<Told>, Error> {
    let mut asker = Asker::greeted(2, &EXTENSIONS);
    let (id, _) = asker.ask(request, body(request)).expect("a lawful request");
    hear(&mut asker, &framed(content), feed)?;
    assert!(asker.told.iter().all(|(told, _)| *told == id));
    Ok(asker.told.into_iter().map(|(_, told)| told).collect())
}

pub(crate) fn hear(asker: &mut Asker, bytes: &[u8], feed: Feed) -> Result<(), Error> {
    let step = if feed == Feed::Bytes { 1 } else { bytes.len() };
    bytes.chunks(step).try_for_each(|piece| asker.hear(piece))
}

pub(crate) fn status(id: u32, code: Code) -> Vec<u8> {
    any(101).u32(id).u32(code.0).string("words").string("en").done()
}
