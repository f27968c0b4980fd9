//! The client machine alone, in a plain loop over pipes, against servers of others: OpenSSH's and the Green End's. What
//! they announce, and of which kind each answer is.

use sanssh_core::sftp::{Access, Attributes, Code, Extension, Owner, Request, Times};
use sanssh_tests::asker::{Asker, Told};
use sanssh_tests::peers;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// A server at the other end of two pipes, over a directory of its own.
struct Served {
    asker: Asker,
    child: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
    directory: TempDir,
}

impl Served {
    fn start(program: &str) -> Option<Self> {
        if !peers::require(&[program]) {
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(peers::path(program));
        command.current_dir(&directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a server");
        let (to, from) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let (asker, greeting) = Asker::new(64);
        let mut served = Self { asker, child, to, from, directory };
        served.write(&greeting);
        while !served.asker.ready {
            served.listen();
        }
        Some(served)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to.as_mut().expect("an open pipe").write_all(bytes).expect("a server that reads");
    }

    /// Waits for bytes, and takes what has come.
    fn listen(&mut self) {
        // Of an odd length, so that answers are cut anywhere.
        let mut space = [0; 4099];
        let n = self.from.read(&mut space).expect("a server that writes");
        assert!(n > 0, "the server has ended");
        self.asker.hear(&space[..n]).expect("sound answers");
    }

    fn ask(&mut self, request: &Request<'_>, body: &[u8]) -> Told {
        let (id, bytes) = self.asker.ask(request, body).expect("a lawful request");
        self.write(&bytes);
        while self.asker.told.is_empty() {
            self.listen();
        }
        let (answered, told) = self.asker.told.remove(0);
        assert_eq!(answered, id);
        told
    }

    fn code(&mut self, request: &Request<'_>) -> Code {
        let told = self.ask(request, b"");
        told.status().unwrap_or_else(|| panic!("a status for {request:?}: {told:?}"))
    }

    fn handle(&mut self, request: &Request<'_>) -> Vec<u8> {
        let told = self.ask(request, b"");
        let Told::Handle(handle) = told else { panic!("a handle for {request:?}: {told:?}") };
        handle
    }

    fn has(&self, extension: Extension) -> bool {
        self.asker.client.extensions().has(extension)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// The server ends with its input, and has nothing more to say.
    fn end(mut self) {
        assert_eq!(self.asker.client.outstanding(), 0);
        drop(self.to.take());
        let mut rest = Vec::new();
        self.from.read_to_end(&mut rest).expect("the end");
        assert_eq!((rest.len(), self.asker.client.hung_up()), (0, Ok(())));
        assert!(self.child.wait().expect("an end").success());
    }
}

const SERVERS: [&str; 2] = ["sftp-server", "gesftpserver"];

fn everywhere(test: impl Fn(Served)) {
    SERVERS.iter().filter_map(|program| Served::start(program)).for_each(test);
}

const READ_WRITE: Access = Access::READ.and(Access::WRITE).and(Access::CREATE);

#[test]
fn every_request() {
    everywhere(|mut served| {
        let attributes = Attributes { permissions: Some(0o640), ..Attributes::NONE };
        let file = served.handle(&Request::Open { path: b"file", access: READ_WRITE, attributes });
        let write = Request::Write { handle: &file[..], offset: 2, length: 5 };
        assert_eq!(served.ask(&write, b"hello").status(), Some(Code::OK));
        let read = Request::Read { handle: &file[..], offset: 0, length: 100 };
        assert_eq!(served.ask(&read, b""), Told::Data(b"\0\0hello".to_vec()));
        assert_eq!(served.code(&Request::Read { handle: &file[..], offset: 7, length: 100 }), Code::EOF);
        let Told::Attributes(seen) = served.ask(&Request::Fstat { handle: &file[..] }, b"") else {
            panic!("attributes")
        };
        assert_eq!((seen.size, seen.permissions.map(|mode| mode & 0o777)), (Some(7), Some(0o640)));
        let times = Some(Times { accessed: 1_000_000_000, modified: 2_000_000_000 });
        assert_eq!(
            served.code(&Request::Fsetstat { handle: &file[..], attributes: Attributes { times, ..attributes } }),
            Code::OK
        );
        assert_eq!(served.code(&Request::Close { handle: &file[..] }), Code::OK);
        let Told::Attributes(seen) = served.ask(&Request::Stat { path: b"file" }, b"") else { panic!("attributes") };
        assert_eq!(seen.times, times);
        let shorter = Attributes { size: Some(4), ..Attributes::NONE };
        assert_eq!(served.code(&Request::Setstat { path: b"file", attributes: shorter }), Code::OK);
        assert_eq!(std::fs::read(served.path("file")).expect("the file"), b"\0\0he");
        assert_eq!(served.code(&Request::Symlink { target: b"file", link: b"link" }), Code::OK);
        assert_eq!(std::fs::read_link(served.path("link")).expect("a link"), Path::new("file"));
        let Told::Names(names) = served.ask(&Request::Readlink { path: b"link" }, b"") else { panic!("a name") };
        assert_eq!(names[0].0, b"file");
        let Told::Attributes(seen) = served.ask(&Request::Lstat { path: b"link" }, b"") else { panic!("attributes") };
        assert_eq!(seen.kind(), Some(sanssh_core::sftp::FileKind::Symlink));
        assert_eq!(served.code(&Request::Mkdir { path: b"directory", attributes: Attributes::NONE }), Code::OK);
        assert_eq!(served.code(&Request::Rename { old: b"file", new: b"directory/new" }), Code::OK);
        assert_eq!(served.code(&Request::Stat { path: b"link" }), Code::NO_SUCH_FILE);
        assert_eq!(served.code(&Request::Rmdir { path: b"directory" }), Code::FAILURE);
        assert_eq!(served.code(&Request::Remove { path: b"directory/new" }), Code::OK);
        assert_eq!(served.code(&Request::Rmdir { path: b"directory" }), Code::OK);
        let Told::Names(names) = served.ask(&Request::Realpath { path: b"." }, b"") else { panic!("a name") };
        let here = served.directory.path().canonicalize().expect("a path");
        assert_eq!(Path::new(core::str::from_utf8(&names[0].0).expect("text")), here);
        served.end();
    });
}

#[test]
fn directories_of_many_names() {
    everywhere(|mut served| {
        let mut made: Vec<_> = (0..700).map(|number| format!("a name that is not short, number {number}")).collect();
        made.iter().for_each(|name| std::fs::write(served.path(name), name).expect("a file"));
        let directory = served.handle(&Request::Opendir { path: b"." });
        let (mut names, mut answers) = (Vec::new(), 0);
        loop {
            let told = served.ask(&Request::Readdir { handle: &directory[..] }, b"");
            let Told::Names(some) = told else {
                assert_eq!(told.status(), Some(Code::EOF));
                break;
            };
            answers += 1;
            for (name, _, attributes) in some {
                let name = String::from_utf8(name).expect("text");
                assert!(name.starts_with('.') || attributes.size == Some(name.len() as u64), "{name}");
                names.push(name);
            }
        }
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        made.sort();
        assert!(answers > 1 && names == made, "{answers} answers");
        assert_eq!(served.code(&Request::Close { handle: &directory[..] }), Code::OK);
        served.end();
    });
}

/// Sixty-four requests are on their way at a time, and no answer is taken for another's.
#[test]
fn many_at_a_time() {
    everywhere(|mut served| {
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(|number| number.to_le_bytes()).collect();
        let access = READ_WRITE;
        let file = served.handle(&Request::Open { path: b"file", access, attributes: Attributes::NONE });
        let mut chunks = bytes.chunks(30_011).zip((0_u64..).map(|number| number * 30_011));
        let mut written = 0;
        while written < bytes.len() {
            for (chunk, offset) in chunks.by_ref().take(8) {
                let write = Request::Write { handle: &file[..], offset, length: chunk.len() as u32 };
                let (_, sent) = served.asker.ask(&write, chunk).expect("a place");
                served.write(&sent);
                written += chunk.len();
            }
            while served.asker.client.outstanding() > 0 {
                served.listen();
            }
        }
        assert!(served.asker.told.drain(..).all(|(_, told)| told.status() == Some(Code::OK)));
        let mut read = vec![0; bytes.len()];
        let mut asked = std::collections::BTreeMap::<_, usize>::new();
        let mut offsets = (0..bytes.len()).step_by(20_021);
        loop {
            for (id, told) in core::mem::take(&mut served.asker.told) {
                let (Told::Data(piece), Some(at)) = (&told, asked.remove(&id.index())) else { panic!("{told:?}") };
                assert_eq!(piece.len(), (bytes.len() - at).min(20_021), "as the file is");
                read[at..at + piece.len()].copy_from_slice(piece);
            }
            while served.asker.client.outstanding() < 64
                && let Some(offset) = offsets.next()
            {
                let request = Request::Read { handle: &file[..], offset: offset as u64, length: 20_021 };
                let (id, sent) = served.asker.ask(&request, b"").expect("a place");
                served.write(&sent);
                asked.insert(id.index(), offset);
            }
            if asked.is_empty() {
                break;
            }
            served.listen();
        }
        assert!(read == bytes);
        assert_eq!(served.code(&Request::Close { handle: &file[..] }), Code::OK);
        served.end();
    });
}

/// What they announce is had, and answers as it should.
#[test]
fn extensions() {
    everywhere(|mut served| {
        let announced = |one: &Extension| served.asker.announced.iter().any(|(name, _)| name == one.name().as_bytes());
        let had: Vec<_> = Extension::ALL.iter().copied().filter(|one| served.has(*one)).collect();
        println!("has {had:?}, announces {:?}", texts(&served.asker.announced));
        assert_eq!(had, Extension::ALL.iter().copied().filter(announced).collect::<Vec<_>>(), "in the version spoken");
        std::fs::write(served.path("file"), "0123456789").expect("a file");
        let file = served.handle(&Request::Open { path: b"file", access: READ_WRITE, attributes: Attributes::NONE });
        let other = served.handle(&Request::Open { path: b"other", access: READ_WRITE, attributes: Attributes::NONE });
        for extension in had {
            answers(&mut served, extension, &file, &other);
        }
        served.end();
    });
}

fn texts(announced: &[(Vec<u8>, Vec<u8>)]) -> Vec<String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    announced.iter().map(|(name, value)| text(name) + " " + &text(value)).collect()
}

fn answers(served: &mut Served, extension: Extension, file: &[u8], other: &[u8]) {
    let me = rustix::process::getuid().as_raw();
    let (path, link) = (&b"file"[..], &b"dangling"[..]);
    match extension {
        Extension::PosixRename => {
            std::fs::write(served.path("over"), "").expect("a file");
            std::fs::write(served.path("under"), "x").expect("a file");
            assert_eq!(served.code(&Request::PosixRename { old: b"under", new: b"over" }), Code::OK);
            assert_eq!(std::fs::read(served.path("over")).expect("the file"), b"x");
        }
        Extension::StatVfs | Extension::FstatVfs => {
            let request = if extension == Extension::StatVfs {
                Request::StatVfs { path }
            } else {
                Request::FstatVfs { handle: file }
            };
            let Told::StatVfs(space) = served.ask(&request, b"") else { panic!("space") };
            assert!(space.blocks >= space.free && space.fragment_size > 0 && space.longest_name > 0, "{space:?}");
        }
        Extension::Hardlink => {
            assert_eq!(served.code(&Request::Hardlink { old: path, new: b"second" }), Code::OK);
            assert_eq!(std::fs::read(served.path("second")).expect("the file"), b"0123456789");
        }
        Extension::Fsync => assert_eq!(served.code(&Request::Fsync { handle: file }), Code::OK),
        Extension::Lsetstat => {
            assert_eq!(served.code(&Request::Symlink { target: b"nothing", link }), Code::OK);
            let owner = Some(Owner { user: me, group: rustix::process::getgid().as_raw() });
            let attributes = Attributes { owner, ..Attributes::NONE };
            assert_eq!(served.code(&Request::Lsetstat { path: link, attributes }), Code::OK);
        }
        Extension::Limits => {
            let Told::Limits(limits) = served.ask(&Request::Limits {}, b"") else { panic!("limits") };
            assert!(limits.packet >= limits.read && limits.read >= 32_768 && limits.write >= 32_768, "{limits:?}");
        }
        Extension::ExpandPath => {
            let Told::Names(names) = served.ask(&Request::ExpandPath { path: b"file" }, b"") else { panic!("a name") };
            assert!(names[0].0.ends_with(b"/file"));
        }
        Extension::CopyData => {
            let copy = Request::CopyData { from: file, from_offset: 3, length: 4, to: other, to_offset: 1 };
            assert_eq!(served.code(&copy), Code::OK);
            assert_eq!(std::fs::read(served.path("other")).expect("the file"), b"\x003456");
        }
        Extension::HomeDirectory => {
            let Told::Names(names) = served.ask(&Request::HomeDirectory { user: b"root" }, b"") else {
                panic!("a name")
            };
            assert_eq!(names[0].0.first(), Some(&b'/'));
        }
        Extension::UsersGroupsById => {
            let numbers = [[0; 4], [0xff, 0xff, 0xff, 0xf0]].concat();
            let request = Request::UsersGroupsById { users: &numbers, groups: &numbers[..4] };
            let wanted = Told::Accounts(vec![b"root".to_vec(), vec![]], vec![b"root".to_vec()]);
            assert_eq!(served.ask(&request, b""), wanted);
        }
    }
}

/// What is wrong is said by a status, and they go on.
#[test]
fn refusals() {
    everywhere(|mut served| {
        std::fs::write(served.path("file"), "").expect("a file");
        assert_eq!(served.code(&Request::Stat { path: b"none" }), Code::NO_SUCH_FILE);
        let exclusive = Access::CREATE.and(Access::EXCLUSIVE).and(Access::WRITE);
        let open = Request::Open { path: b"file", access: exclusive, attributes: Attributes::NONE };
        assert_eq!(served.code(&open), Code::FAILURE);
        for request in [
            Request::Read { handle: &b"none"[..], offset: 0, length: 1 },
            Request::Fstat { handle: &b"none"[..] },
            Request::Readdir { handle: b"" },
            Request::Close { handle: &[0xff; 256] },
        ] {
            assert!(!matches!(served.code(&request), Code::OK | Code::EOF), "{request:?}");
        }
        assert!(matches!(served.ask(&Request::Stat { path: b"file" }, b""), Told::Attributes(_)));
        served.end();
    });
}
