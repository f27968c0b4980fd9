//! Clients that mean harm, against files that are served: rows I01 to I20 of servers, in whole messages and byte by byte.
//! Whatever they try stays in their session, and nothing leaves the root.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::file::SigningKey;
use sanssh_std::core::file::public::PublicKeyBuf;
use sanssh_std::{
    Attempt, Channel, Client, Directory, Exit, Handler, KnownHosts, Options, Server, ServerConfig, Session, Share,
    Shutdown, Verdict,
};
use sanssh_tests::openssh::known_hosts_line;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;

const OK: u32 = 0;
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;
const BAD_MESSAGE: u32 = 5;
const OP_UNSUPPORTED: u32 = 8;

const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;

/// Open for reading, and for writing what may be new.
const READ: u32 = 1;
const WRITE: u32 = 2 | 8;

struct Files {
    root: PathBuf,
    share: Share,
}

impl Handler for Files {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(sanssh_std::Permissions::default())
    }

    fn session(&self, session: Session) {
        // What becomes of it is for the client to see.
        let _ = Directory::open(&self.root, &self.share).unwrap().serve_sftp(&session);
    }
}

/// A server of a directory, and a client that has logged in.
struct House {
    client: Client,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    house: TempDir,
}

impl House {
    fn open(read_only: bool) -> Self {
        let house = tempfile::tempdir().unwrap();
        let root = house.path().join("u1");
        fs::create_dir_all(root.join("dir")).unwrap();
        fs::create_dir(house.path().join("u10")).unwrap();
        fs::write(house.path().join("u10/x"), "secret").unwrap();
        fs::write(root.join("file"), "content").unwrap();
        let key = SigningKey::ed25519(&[7; 32]);
        let line = PublicKeyBuf::from_blob(key.public()).unwrap().line("");
        let config =
            ServerConfig { host_keys: vec![key], subsystems: vec!["sftp".to_owned()], ..ServerConfig::default() };
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let files = Files { root, share: Share { read_only, ..Share::default() } };
        let thread = thread::spawn(move || server.serve(files));
        let hosts = house.path().join("known_hosts");
        fs::write(&hosts, known_hosts_line(address.port(), &line)).unwrap();
        let mut hosts = KnownHosts::files([hosts]);
        let client = Client::connect("127.0.0.1", address.port(), &Options::default(), &mut hosts).unwrap();
        client.set_timeout(Some(Duration::from_secs(30)));
        client.login_key("somebody", &SigningKey::ed25519(&[8; 32])).unwrap().accepted().unwrap();
        Self { client, shutdown, thread: Some(thread), house }
    }

    fn root(&self) -> PathBuf {
        self.house.path().join("u1")
    }

    fn raw(&self, in_bytes: bool) -> Raw {
        let channel = self.client.session().unwrap();
        channel.subsystem("sftp").unwrap();
        channel.confirm().unwrap();
        Raw { channel, in_bytes, id: 0 }
    }

    /// A session that was greeted.
    fn greeted(&self, in_bytes: bool) -> Raw {
        let raw = self.raw(in_bytes);
        raw.send(&init(3));
        let greeting = raw.answer().unwrap();
        assert_eq!(greeting[..5], [2, 0, 0, 0, 3]);
        raw
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.client.disconnect();
        self.shutdown.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

/// A session with bytes of any kind in it.
struct Raw {
    channel: Channel,
    in_bytes: bool,
    id: u32,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn init(version: u32) -> Vec<u8> {
    string(&[&[1][..], &version.to_be_bytes()].concat())
}

impl Raw {
    fn send(&self, bytes: &[u8]) {
        let pieces = bytes.chunks(if self.in_bytes { 1 } else { bytes.len().max(1) });
        for piece in pieces {
            // One that was sent away needs no more.
            if (&self.channel).write_all(piece).is_err() {
                return;
            }
        }
    }

    /// The next packet; `None` at the end.
    fn answer(&self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        (&self.channel).read_exact(&mut length).ok()?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        (&self.channel).read_exact(&mut body).ok()?;
        Some(body)
    }

    /// Asks, and gives the kind of the answer and what follows its identifier.
    fn ask(&mut self, number: u8, fields: &[u8]) -> (u8, Vec<u8>) {
        self.id += 1;
        self.send(&string(&[&[number], &self.id.to_be_bytes()[..], fields].concat()));
        let answer = self.answer().expect("an answer");
        assert_eq!(answer[1..5], self.id.to_be_bytes());
        (answer[0], answer[5..].to_vec())
    }

    #[track_caller]
    fn status(&mut self, number: u8, fields: &[u8], wanted: u32) {
        let (kind, rest) = self.ask(number, fields);
        let words = String::from_utf8_lossy(&rest[4.min(rest.len())..]).into_owned();
        assert_eq!((kind, &rest[..4]), (STATUS, &wanted.to_be_bytes()[..]), "{words}");
    }

    fn open(&mut self, path: &[u8], access: u32) -> Result<Vec<u8>, u32> {
        let (kind, rest) = self.ask(3, &[&string(path)[..], &access.to_be_bytes(), &[0; 4]].concat());
        handle(kind, &rest)
    }

    fn opendir(&mut self, path: &[u8]) -> Result<Vec<u8>, u32> {
        let (kind, rest) = self.ask(11, &string(path));
        handle(kind, &rest)
    }

    fn extended(&mut self, name: &str, fields: &[u8], wanted: u32) {
        self.status(200, &[&string(name.as_bytes()), fields].concat(), wanted);
    }

    /// The path in an answer of one name.
    fn path(&mut self, number: u8, path: &[u8]) -> Option<Vec<u8>> {
        let (kind, rest) = self.ask(number, &string(path));
        (kind == NAME).then(|| rest[8..8 + word(&rest[4..]) as usize].to_vec())
    }

    /// It is sent away, as a client that breaks the protocol is.
    #[track_caller]
    fn ends_badly(self) {
        while self.answer().is_some() {}
        assert_eq!(self.channel.wait().unwrap(), Exit::Status(255));
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

fn handle(kind: u8, rest: &[u8]) -> Result<Vec<u8>, u32> {
    if kind == HANDLE { Ok(rest[4..].to_vec()) } else { Err(word(rest)) }
}

fn read(handle: &[u8], offset: u64, length: u32) -> Vec<u8> {
    [&string(handle)[..], &offset.to_be_bytes(), &length.to_be_bytes()].concat()
}

fn write(handle: &[u8], offset: u64, bytes: &[u8]) -> Vec<u8> {
    [string(handle), offset.to_be_bytes().to_vec(), string(bytes)].concat()
}

/// Each of them in whole messages, and byte by byte.
fn both(test: impl Fn(&House, bool)) {
    for in_bytes in [false, true] {
        test(&House::open(false), in_bytes);
    }
}

#[test]
fn i01_frames_that_are_none() {
    both(|house, in_bytes| {
        for bytes in [
            &[0, 0, 0, 0][..],
            &[0, 0, 0, 4, 3, 0, 0, 0],
            &[0, 4, 0, 1, 3, 0, 0, 0, 1],
            &[0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0, 1],
            // OPEN without flags, STAT with a path that is longer than the packet.
            &[0, 0, 0, 10, 3, 0, 0, 0, 1, 0, 0, 0, 1, b'x'],
            &[0, 0, 0, 10, 17, 0, 0, 0, 1, 0, 0, 0, 9, b'x'],
        ] {
            let raw = house.greeted(in_bytes);
            raw.send(bytes);
            // The length is looked at with what every packet begins with.
            raw.send(&[0; 9]);
            raw.ends_badly();
        }
        // Others in the same connection are none the wiser.
        assert_eq!(house.greeted(in_bytes).path(16, b"dir/.."), Some(b"/".to_vec()));
    });
}

#[test]
fn i02_greetings_out_of_place() {
    both(|house, in_bytes| {
        for bytes in [init(0), init(2), string(&[&[16, 0, 0, 0, 1][..], &string(b".")].concat())] {
            let raw = house.raw(in_bytes);
            raw.send(&bytes);
            raw.ends_badly();
        }
        let raw = house.greeted(in_bytes);
        raw.send(&init(3));
        raw.ends_badly();
        let raw = house.raw(in_bytes);
        raw.send(&init(99));
        assert_eq!(raw.answer().unwrap()[..5], [2, 0, 0, 0, 3]);
    });
}

#[test]
fn i04_reads_of_too_much() {
    both(|house, in_bytes| {
        fs::write(house.root().join("big"), vec![1; 1 << 20]).unwrap();
        let mut raw = house.greeted(in_bytes);
        let file = raw.open(b"big", READ).unwrap();
        let (kind, rest) = raw.ask(5, &read(&file, 0, u32::MAX));
        assert_eq!((kind, word(&rest), rest.len()), (DATA, 255 << 10, 4 + (255 << 10)));
        for offset in [1 << 20, i64::MAX as u64, 1 << 63, u64::MAX] {
            raw.status(5, &read(&file, offset, u32::MAX), EOF);
        }
    });
}

#[test]
fn i07_handles_that_are_none() {
    both(|house, in_bytes| {
        let mut raw = house.greeted(in_bytes);
        let (file, other) = (raw.open(b"file", READ).unwrap(), raw.open(b"file", READ).unwrap());
        let directory = raw.opendir(b"dir").unwrap();
        raw.status(4, &string(&other), OK);
        for handle in [&[][..], &[0; 3], &[0xff; 4], &[0; 257], &other, &directory] {
            raw.status(5, &read(handle, 0, 10), FAILURE);
        }
        for handle in [&file, &other] {
            raw.status(12, &string(handle), FAILURE);
            raw.status(6, &write(handle, 0, b"x"), FAILURE);
        }
        raw.status(4, &string(&other), FAILURE);
        // One that is longer than anything that is ever gathered is refused by its length.
        raw.in_bytes = false;
        raw.status(5, &read(&[0; 65_536], 0, 10), BAD_MESSAGE);
        assert_eq!(raw.ask(5, &read(&file, 0, 10)).0, DATA);
    });
}

#[test]
fn i08_more_handles_than_there_are() {
    let house = House::open(false);
    let mut raw = house.greeted(false);
    let mut open = Vec::new();
    let refused = loop {
        match if open.len() % 2 == 0 { raw.open(b"file", READ) } else { raw.opendir(b"dir") } {
            Ok(handle) => open.push(handle),
            Err(code) => break code,
        }
        assert!(open.len() <= 1000, "no end of handles");
    };
    assert_eq!((refused, open.len()), (FAILURE, 256));
    for _ in 0..1000 {
        assert_eq!((raw.open(b"file", READ), raw.opendir(b"dir")), (Err(FAILURE), Err(FAILURE)));
    }
    raw.status(4, &string(&open[17]), OK);
    assert!(raw.open(b"file", READ).is_ok());
}

#[test]
fn i09_paths_of_any_bytes() {
    both(|house, in_bytes| {
        let mut raw = house.greeted(in_bytes);
        for path in [&b"fi\0le"[..], b"\0", b"file\0", b"", b"\xff\xfe", &b"a/".repeat(2000)] {
            raw.status(17, &string(path), NO_SUCH_FILE);
        }
        let odd = raw.open(b"\xff\xfe\n", WRITE).unwrap();
        raw.status(4, &string(&odd), OK);
        raw.status(13, &string(b"\xff\xfe\n"), OK);
        raw.in_bytes = false;
        for length in [4097, 9000, 65_536] {
            raw.status(17, &string(&vec![b'x'; length]), BAD_MESSAGE);
        }
        assert_eq!(raw.path(16, b"file"), Some(b"/file".to_vec()));
    });
}

#[test]
fn i10_ways_out_of_the_root() {
    both(|house, in_bytes| {
        let (root, beside) = (house.root(), house.house.path().join("u10"));
        symlink(&beside, root.join("absolute")).unwrap();
        symlink("../u10", root.join("relative")).unwrap();
        symlink(root.join("file"), root.join("own")).unwrap();
        let mut raw = house.greeted(in_bytes);
        let bytes = |path: &Path| path.to_str().unwrap().as_bytes().to_vec();
        for path in [
            bytes(&beside.join("x")),
            b"/../u10/x".to_vec(),
            b"../u10/x".to_vec(),
            b"dir/../../u10/x".to_vec(),
            b"absolute/x".to_vec(),
            b"relative/x".to_vec(),
            [&bytes(&root)[..], b"0/x"].concat(),
        ] {
            assert_eq!(raw.open(&path, READ), Err(NO_SUCH_FILE));
            assert_eq!(raw.open(&path, WRITE), Err(NO_SUCH_FILE));
            raw.status(17, &string(&path), NO_SUCH_FILE);
            raw.status(13, &string(&path), NO_SUCH_FILE);
            raw.status(14, &[&string(&path)[..], &[0; 4]].concat(), NO_SUCH_FILE);
            raw.status(18, &[string(&path), string(b"here")].concat(), NO_SUCH_FILE);
            raw.extended("hardlink@openssh.com", &[string(&path), string(b"here")].concat(), NO_SUCH_FILE);
        }
        assert_eq!(raw.path(16, b"own"), Some(b"/file".to_vec()));
        assert_eq!(raw.path(19, b"own"), Some(b"/file".to_vec()));
        assert_eq!(raw.path(16, b"../../../.."), Some(b"/".to_vec()));
        assert_eq!(raw.path(16, b""), Some(b"/".to_vec()));
        // A link out may be made; it leads nowhere from here.
        raw.status(20, &[string(&bytes(&beside)), string(b"made")].concat(), OK);
        assert_eq!(raw.open(b"made/x", READ), Err(NO_SUCH_FILE));
        assert_eq!(fs::read(beside.join("x")).unwrap(), b"secret");
    });
}

#[test]
fn i11_writes_where_nothing_is_written() {
    for in_bytes in [false, true] {
        let house = House::open(true);
        let mut raw = house.greeted(in_bytes);
        for access in [2, 4, 8, 16, READ | 8, READ | 16, READ | 4, 63] {
            for path in [&b"file"[..], b"new"] {
                assert_eq!(raw.open(path, access), Err(PERMISSION_DENIED), "{access}");
            }
        }
        let file = raw.open(b"file", READ).unwrap();
        let (set, two) = ([&[0, 0, 0, 4][..], &[0; 4]].concat(), [string(b"file"), string(b"new")].concat());
        raw.status(6, &write(&file, 0, b"x"), PERMISSION_DENIED);
        raw.status(9, &[&string(b"file")[..], &set].concat(), PERMISSION_DENIED);
        raw.status(10, &[&string(&file)[..], &set].concat(), PERMISSION_DENIED);
        raw.status(13, &string(b"file"), PERMISSION_DENIED);
        raw.status(14, &[&string(b"new")[..], &[0; 4]].concat(), PERMISSION_DENIED);
        raw.status(15, &string(b"dir"), PERMISSION_DENIED);
        raw.status(18, &two, PERMISSION_DENIED);
        raw.status(20, &two, PERMISSION_DENIED);
        raw.extended("posix-rename@openssh.com", &two, PERMISSION_DENIED);
        raw.extended("hardlink@openssh.com", &two, PERMISSION_DENIED);
        raw.extended("lsetstat@openssh.com", &[&string(b"file")[..], &set].concat(), PERMISSION_DENIED);
        raw.extended("fsync@openssh.com", &string(&file), PERMISSION_DENIED);
        let names: Vec<_> = fs::read_dir(house.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(fs::read(house.root().join("file")).unwrap(), b"content");
    }
}

#[test]
fn i14_copies_onto_themselves() {
    both(|house, in_bytes| {
        let mut raw = house.greeted(in_bytes);
        let (one, other) = (raw.open(b"file", 3).unwrap(), raw.open(b"file", 3).unwrap());
        let to = raw.open(b"new", WRITE).unwrap();
        let copy = |from: &[u8], to: &[u8], length: u64| {
            let zero = 0_u64.to_be_bytes();
            [&string(from)[..], &zero, &length.to_be_bytes(), &string(to), &7_u64.to_be_bytes()].concat()
        };
        raw.extended("copy-data", &copy(&one, &one, 0), FAILURE);
        // The file would follow itself for ever.
        raw.extended("copy-data", &copy(&one, &other, 0), BAD_MESSAGE);
        raw.extended("copy-data", &copy(&one, &other, u64::MAX / 2 - 7), BAD_MESSAGE);
        raw.extended("copy-data", &copy(&one, &to, u64::MAX), FAILURE);
        assert_eq!(fs::read(house.root().join("file")).unwrap(), b"content");
        raw.extended("copy-data", &copy(&one, &to, 0), OK);
        assert_eq!(fs::read(house.root().join("new")).unwrap(), b"\0\0\0\0\0\0\0content");
    });
}

#[test]
fn i15_what_nobody_has_heard_of() {
    both(|house, in_bytes| {
        let mut raw = house.greeted(in_bytes);
        raw.extended("frobnicate@example.org", b"whatever", OP_UNSUPPORTED);
        raw.status(77, b"whatever", OP_UNSUPPORTED);
        raw.in_bytes = false;
        raw.extended("frobnicate@example.org", &vec![0; 200_000], BAD_MESSAGE);
        assert_eq!(raw.path(16, b"."), Some(b"/".to_vec()));
    });
}

#[test]
fn i19_writes_behind_the_end_of_all_files() {
    both(|house, in_bytes| {
        let mut raw = house.greeted(in_bytes);
        let file = raw.open(b"file", WRITE).unwrap();
        for offset in [1 << 63, u64::MAX, i64::MAX as u64] {
            raw.status(6, &write(&file, offset, b"x"), FAILURE);
        }
        assert_eq!(fs::read(house.root().join("file")).unwrap(), b"content");
        raw.status(6, &write(&file, 0, b""), OK);
        raw.status(6, &write(&file, 3, b"T"), OK);
        assert_eq!(fs::read(house.root().join("file")).unwrap(), b"conTent");
    });
}

#[test]
fn i20_the_end_inside_a_frame() {
    both(|house, in_bytes| {
        let raw = house.greeted(in_bytes);
        raw.send(&[0, 0, 0, 20, 17]);
        raw.channel.finish();
        raw.ends_badly();
        // Between frames it is the end that every session has.
        let raw = house.greeted(in_bytes);
        raw.channel.finish();
        assert_eq!(raw.channel.wait().unwrap(), Exit::Status(0));
    });
}
