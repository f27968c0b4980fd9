//! The blocking ends of scp: against each other, against OpenSSH's scp as a bare process, and through OpenSSH's server;
//! and ours as a server.

mod server;
mod tree;

use core::time::Duration;
use sanssh_std::core::scp::sink::Rules;
use sanssh_std::core::scp::{self, Stamp, Times};
use sanssh_std::scp::{Copied, Copy, Event, ScpSink, ScpSource};
use sanssh_std::{Client, Error, KnownHosts, Options, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{fs, thread};
use tree::{ALL, NAMES, PLAIN, listing, name, noise, sound, tree};

fn failures() -> (impl FnMut(Event<'_>), std::rc::Rc<core::cell::RefCell<Vec<String>>>) {
    let all = std::rc::Rc::new(core::cell::RefCell::new(Vec::new()));
    let mine = std::rc::Rc::clone(&all);
    let tell = move |event: Event<'_>| {
        if let Event::Failed { path, why } = event {
            mine.borrow_mut().push(format!("{}: {why}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    };
    (tell, all)
}

/// OpenSSH's scp without ssh, as its peer sees it.
#[derive(Debug)]
struct Bare {
    child: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
}

impl Bare {
    fn start(words: &[&OsStr]) -> Self {
        let mut scp = Command::new(peers::path("scp"));
        let mut child =
            scp.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, to, from }
    }

    fn ends(mut self) -> Option<i32> {
        drop(self.to.take());
        self.child.wait().unwrap().code()
    }
}

impl Read for Bare {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.from.read(buffer)
    }
}

impl Write for Bare {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.as_mut().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.as_mut().unwrap().flush()
    }
}

fn any(copy: &Copy) -> Rules<Vec<u8>> {
    Rules { name: None, recursive: copy.recursive, preserve: copy.preserve, ..Rules::default() }
}

/// What our source sends of `from`, our sink stores under `to`.
fn between(from: &Path, to: &Path, copy: Copy) -> (Copied, Copied, Vec<String>) {
    let (here, there) = UnixStream::pair().unwrap();
    let path = from.to_owned();
    let sender = thread::spawn(move || {
        let mut source = ScpSource::new(here);
        let copied = source.send(&path, &copy, &mut |_| ()).unwrap();
        source.finish().unwrap();
        copied
    });
    let (mut tell, failed) = failures();
    let stored = ScpSink::new(there, any(&copy)).store(to, &copy, &mut tell).unwrap();
    let failed = failed.borrow().clone();
    (sender.join().unwrap(), stored, failed)
}

/// A server's bytes without a server.
fn scripted(bytes: &[u8]) -> UnixStream {
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(bytes).unwrap();
    there.shutdown(std::net::Shutdown::Write).unwrap();
    // Nobody reads the replies; they fit into the socket.
    thread::spawn(move || drop(io::copy(&mut there, &mut io::sink())));
    here
}

#[test]
fn trees_come_over_with_modes_and_times() {
    let (from, to) = (tree(), tempfile::tempdir().unwrap());
    let (sent, stored, failed) = between(&from.path().join("top"), to.path(), ALL);
    assert_eq!(failed, [""; 0]);
    assert_eq!((sent.files, sent.failures, sent), (2 * NAMES.len() as u64, 0, stored));
    assert_eq!(listing(&to.path().join("top")), listing(&from.path().join("top")));
    // Under another name, without them.
    let plain = Copy { preserve: false, ..ALL };
    between(&from.path().join("top"), &to.path().join("other"), plain);
    let content =
        |top: PathBuf| listing(&top).into_iter().map(|(path, _, _, content)| (path, content)).collect::<Vec<_>>();
    assert_eq!(content(to.path().join("other")), content(from.path().join("top")));
    let mode = |file: &str| fs::metadata(to.path().join("other").join(file)).unwrap().mode() & 0o7777;
    assert_eq!((mode("plain"), mode("-rf"), mode("deep/er/plain"), mode("deep/er/est")), (0o600, 0o755, 0o444, 0o700));
}

#[test]
fn openssh_takes_what_we_send() {
    if !peers::require(&["scp"]) {
        return;
    }
    let (from, to) = (tree(), tempfile::tempdir().unwrap());
    let mut source = ScpSource::new(Bare::start(&["-r".as_ref(), "-p".as_ref(), "-t".as_ref(), to.path().as_ref()]));
    let copied = source.send(&from.path().join("top"), &ALL, &mut sound).unwrap();
    assert_eq!((copied.files, copied.failures), (2 * NAMES.len() as u64, 0));
    assert_eq!(source.finish().unwrap().ends(), Some(0));
    assert_eq!(listing(&to.path().join("top")), listing(&from.path().join("top")));
}

#[test]
fn we_take_what_openssh_sends() {
    if !peers::require(&["scp"]) {
        return;
    }
    let (from, to) = (tree(), tempfile::tempdir().unwrap());
    let top = from.path().join("top");
    let peer = Bare::start(&["-r".as_ref(), "-p".as_ref(), "-f".as_ref(), top.as_ref()]);
    let mut sink = ScpSink::new(peer, Rules { name: Some(b"top".to_vec()), ..any(&ALL) });
    let copied = sink.store(to.path(), &ALL, &mut sound).unwrap();
    assert_eq!((copied.files, copied.failures), (2 * NAMES.len() as u64, 0));
    assert_eq!(listing(&to.path().join("top")), listing(&top));
}

#[test]
fn what_openssh_refuses_is_told_and_the_rest_goes_on() {
    if !peers::require(&["scp"]) {
        return;
    }
    let (from, to) = (tree(), tempfile::tempdir().unwrap());
    // A directory where a file is to go, and a file where a directory is to go.
    fs::create_dir_all(to.path().join("top/plain")).unwrap();
    fs::write(to.path().join("top/deep"), "in the way").unwrap();
    let mut source = ScpSource::new(Bare::start(&["-r".as_ref(), "-t".as_ref(), to.path().as_ref()]));
    let (mut tell, failed) = failures();
    let copied = source.send(&from.path().join("top"), &Copy { recursive: true, ..PLAIN }, &mut tell).unwrap();
    assert_eq!((copied.files, copied.failures), (NAMES.len() as u64 - 1, 2));
    let failed = failed.borrow();
    assert!(failed[0].starts_with("deep: ") && failed[0].ends_with("Not a directory"), "{failed:?}");
    assert!(failed[1].starts_with("plain: ") && failed[1].ends_with("Is a directory"), "{failed:?}");
    assert_eq!(source.finish().unwrap().ends(), Some(1));
}

#[test]
fn from_one_host_to_another_nothing_is_stored_between() {
    if !peers::require(&["scp"]) {
        return;
    }
    let (from, to) = (tree(), tempfile::tempdir().unwrap());
    let top = from.path().join("top");
    let peer = Bare::start(&["-r".as_ref(), "-p".as_ref(), "-f".as_ref(), top.as_ref()]);
    let mut sink = ScpSink::new(peer, Rules { name: Some(b"top".to_vec()), ..any(&ALL) });
    let mut source = ScpSource::new(Bare::start(&["-r".as_ref(), "-p".as_ref(), "-t".as_ref(), to.path().as_ref()]));
    let copied = sink.relay(&mut source, &mut sound).unwrap();
    assert_eq!((copied.files, copied.failures), (2 * NAMES.len() as u64, 0));
    assert_eq!(source.finish().unwrap().ends(), Some(0));
    assert_eq!(listing(&to.path().join("top")), listing(&top));
    // What the far end refuses, the near end hears, and the rest goes on.
    fs::remove_dir_all(to.path().join("top/deep")).unwrap();
    fs::write(to.path().join("top/deep"), "in the way").unwrap();
    let mut sink = ScpSink::new(Bare::start(&["-r".as_ref(), "-f".as_ref(), top.as_ref()]), any(&ALL));
    let mut source = ScpSource::new(Bare::start(&["-r".as_ref(), "-t".as_ref(), to.path().as_ref()]));
    let (mut tell, failed) = failures();
    let copied = sink.relay(&mut source, &mut tell).unwrap();
    assert_eq!((copied.files, copied.failures), (NAMES.len() as u64, 1), "{failed:?}");
}

#[test]
fn a_file_is_a_stream() {
    if !peers::require(&["scp"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("a file");
    let mut source = ScpSource::new(Bare::start(&["-p".as_ref(), "-t".as_ref(), target.as_ref()]));
    let stamp = |seconds| Stamp { seconds, micros: 0 };
    let times = Times { modified: stamp(1_000_000_000), accessed: stamp(1_000_000_001) };
    let mut file = source.file("whatever", 0o640, 6, Some(times)).unwrap();
    file.write_all(b"abc").unwrap();
    assert!(file.write_all(b"defg").is_err(), "one byte more than announced");
    file.finish().unwrap();
    source.finish().unwrap().ends();
    let meta = fs::metadata(&target).unwrap();
    assert_eq!(
        (fs::read(&target).unwrap(), meta.mode() & 0o7777, meta.mtime()),
        (b"abcdef".to_vec(), 0o640, 1_000_000_000)
    );

    let peer = Bare::start(&["-p".as_ref(), "-f".as_ref(), target.as_ref()]);
    let mut file = ScpSink::new(peer, Rules { name: Some(b"a file".to_vec()), ..any(&ALL) }).open().unwrap();
    // The other time is that of the reading above.
    let modified = file.times().map(|found| found.modified);
    assert_eq!((file.name(), file.mode(), file.size(), modified), (&b"a file"[..], 0o640, 6, Some(times.modified)));
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    assert_eq!(content, b"abcdef");

    let peer = Bare::start(&["-f".as_ref(), directory.path().join("none").as_ref()]);
    let error = ScpSink::new(peer, Rules { name: Some(b"none".to_vec()), ..any(&PLAIN) }).open().unwrap_err();
    assert!(matches!(&error, Error::ScpRefused(text) if text.ends_with("No such file or directory")), "{error:?}");
}

#[test]
fn too_few_bytes_are_no_file() {
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(&[0, 0]).unwrap();
    let mut source = ScpSource::new(here);
    let mut file = source.file("x", 0o644, 3, None).unwrap();
    file.write_all(b"ab").unwrap();
    assert!(matches!(file.finish(), Err(Error::Refused(_))));
    assert!(source.file("y", 0o644, 0, None).is_err(), "the first one is not over");
}

#[test]
fn j02_a_server_stores_nothing_that_was_not_asked_for() {
    let to = tempfile::tempdir().unwrap();
    for (bytes, error) in [
        (&b"C0644 3 .bashrc\nbad\0"[..], scp::Error::NotAsked),
        (b"D0755 0 file\nC0644 3 x\nbad\0E\n", scp::Error::Directory),
        (b"C0644 3 ../file\nbad\0", scp::Error::Name),
    ] {
        let mut sink = ScpSink::new(scripted(bytes), Rules { name: Some(b"file".to_vec()), ..any(&PLAIN) });
        let result = sink.store(to.path(), &PLAIN, &mut sound);
        assert!(matches!(result, Err(Error::Scp(found)) if found == error), "{result:?}");
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    }
    let result = ScpSink::new(scripted(b""), Rules { name: Some(b"file".to_vec()), ..any(&PLAIN) });
    assert!(matches!({ result }.store(to.path(), &PLAIN, &mut sound), Err(Error::Scp(scp::Error::Cut))));
}

/// Its words are read though it takes no more.
#[test]
fn one_that_has_left_is_still_heard() {
    let (here, mut there) = UnixStream::pair().unwrap();
    there.write_all(b"\x02scp: x: gone\n").unwrap();
    drop(there);
    let error = ScpSink::new(here, any(&PLAIN)).open().unwrap_err();
    assert!(matches!(&error, Error::ScpRefused(text) if text == "x: gone"), "{error:?}");
}

#[test]
fn j05_modes_are_masked_unless_they_are_preserved() {
    let to = tempfile::tempdir().unwrap();
    let bytes = b"D7777 0 d\nC6755 0 x\n\0E\n";
    let mode = |file: &str| fs::metadata(to.path().join(file)).unwrap().mode() & 0o7777;
    let plain = Copy { recursive: true, ..PLAIN };
    ScpSink::new(scripted(bytes), any(&plain)).store(to.path(), &plain, &mut sound).unwrap();
    assert_eq!((mode("d") & 0o7000, mode("d/x")), (0, 0o755));
    ScpSink::new(scripted(bytes), any(&ALL)).store(to.path(), &ALL, &mut sound).unwrap();
    assert_eq!((mode("d"), mode("d/x")), (0o7777, 0o6755));
}

#[test]
fn j06_what_is_told_is_escaped() {
    let to = tempfile::tempdir().unwrap();
    let (mut tell, failed) = failures();
    let mut sink = ScpSink::new(scripted(b"\x01scp: a\x1b[2J\rb\n\x02\x1b]0;title\x07\n"), any(&PLAIN));
    let error = sink.store(to.path(), &PLAIN, &mut tell).unwrap_err();
    assert_eq!(*failed.borrow(), [": a\\u{1b}[2J\\rb"]);
    assert_eq!(error.to_string(), "\\u{1b}]0;title\\u{7}");
    let error = ScpSource::new(scripted(b"\x01scp: \x1b[1A\n")).file("x", 0o644, 0, None).err().unwrap();
    assert_eq!(error.to_string(), "\\u{1b}[1A");
}

#[test]
fn j09_links_are_not_followed_unless_asked() {
    let (to, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outside = elsewhere.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    symlink(&outside, to.path().join("file")).unwrap();
    symlink(elsewhere.path(), to.path().join("directory")).unwrap();
    symlink(elsewhere.path().join("new"), to.path().join("dangling")).unwrap();
    let bytes = b"C0644 3 file\nbadD0755 0 directory\nC0644 3 dangling\nbadC0644 4 good\ngood\0";
    // What is refused does not send its bytes.
    let bytes = String::from_utf8_lossy(bytes).replace("bad", "");
    let copy = Copy { recursive: true, ..PLAIN };
    let (mut tell, failed) = failures();
    let copied = ScpSink::new(scripted(bytes.as_bytes()), any(&copy)).store(to.path(), &copy, &mut tell).unwrap();
    assert_eq!((copied.files, copied.failures), (1, 3), "{failed:?}");
    assert!(failed.borrow().iter().take(1).all(|line| line.ends_with("it is a symbolic link")), "{failed:?}");
    assert_eq!((fs::read(&outside).unwrap(), fs::read_dir(elsewhere.path()).unwrap().count()), (b"mine".to_vec(), 1));
    // Nor where the caller names one, but for a directory.
    let (mut tell, failed) = failures();
    let one = b"C0644 3 x\n";
    ScpSink::new(scripted(one), any(&PLAIN)).store(&to.path().join("file"), &PLAIN, &mut tell).unwrap();
    assert_eq!(*failed.borrow(), ["file: it is a symbolic link"]);
    let bytes = b"C0644 3 x\nbad\0";
    ScpSink::new(scripted(bytes), any(&PLAIN)).store(&to.path().join("directory"), &PLAIN, &mut sound).unwrap();
    assert_eq!(fs::read(elsewhere.path().join("x")).unwrap(), b"bad");
    // Asked for, they are.
    let follow = Copy { follow: true, ..PLAIN };
    let bytes = b"C0644 3 file\nnew\0";
    ScpSink::new(scripted(bytes), any(&follow)).store(to.path(), &follow, &mut sound).unwrap();
    assert_eq!(fs::read(&outside).unwrap(), b"new");
}

#[test]
fn links_pipes_and_circles_are_not_sent() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let top = from.path().join("top");
    fs::create_dir(&top).unwrap();
    fs::write(top.join("file"), "x").unwrap();
    symlink("file", top.join("link")).unwrap();
    symlink(".", top.join("circle")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, top.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    fs::write(top.join("a\nb"), "x").unwrap();
    let copy = Copy { recursive: true, ..PLAIN };
    let (sent, stored, failed) = between(&top, to.path(), copy);
    assert_eq!((sent.files, sent.failures, stored.files, stored.failures), (1, 4, 1, 4));
    assert!(failed.iter().any(|line| line.ends_with("the protocol cannot say its name")), "{failed:?}");
    let (sent, ..) = between(&top, &to.path().join("again"), Copy { follow: true, ..copy });
    assert!(to.path().join("again/circle/circle/link").is_file() && sent.failures > 3);
}

#[test]
fn a_full_disk_is_told_and_the_rest_goes_on() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = from.path().join("big");
    fs::write(&file, noise(1 << 20)).unwrap();
    // The device that is always full is one that the caller may name.
    let (sent, stored, failed) = between(&file, Path::new("/dev/full"), PLAIN);
    assert_eq!((sent.files, sent.failures, stored.files, stored.failures), (0, 1, 0, 1), "{failed:?}");
    let (sent, ..) = between(&file, &to.path().join("there"), PLAIN);
    assert_eq!((sent.files, sent.bytes, sent.failures), (1, 1 << 20, 0));
}

fn login(server: &Sshd) -> Client {
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port(), &Options::default(), &mut hosts).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    client
}

#[test]
fn every_name_goes_to_a_server_and_back() {
    if !peers::require(&["sshd", "ssh-keygen", "scp"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let (from, there, back) = (tree(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for bytes in NAMES.into_iter().chain([&b"line\nend"[..], b"'", b"~", b"a\\b"]) {
        let path = there.path().join(name(bytes));
        let mut source = client.scp_source(path.as_os_str().as_bytes(), &PLAIN).unwrap();
        let mut file = source.file("file", 0o644, bytes.len() as u64, None).unwrap();
        file.write_all(bytes).unwrap();
        file.finish().unwrap();
        source.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes, "{}", bytes.escape_ascii());
        let mut content = Vec::new();
        let sink = client.scp_sink(path.as_os_str().as_bytes(), &PLAIN).unwrap();
        sink.open().unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, bytes);
    }
    assert_eq!(fs::read_dir(there.path()).unwrap().count(), NAMES.len() + 4);
    let top = from.path().join("top");
    let mut source = client.scp_source(there.path().as_os_str().as_bytes(), &ALL).unwrap();
    source.send(&top, &ALL, &mut sound).unwrap();
    source.finish().unwrap();
    let mut sink = client.scp_sink(there.path().join("top").as_os_str().as_bytes(), &ALL).unwrap();
    sink.store(back.path(), &ALL, &mut sound).unwrap();
    assert_eq!(listing(&back.path().join("top")), listing(&top));
}

#[test]
fn a_server_without_scp_says_so() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&[]);
    let client = login(&server);
    let scp = client.scp_command("no-such-scp -f x").unwrap();
    let error = ScpSink::new(scp, any(&PLAIN)).open().unwrap_err();
    assert!(matches!(&error, Error::ScpRefused(text) if text.contains("no-such-scp")), "{error:?}");
    let scp = client.scp_command("echo Welcome; exec scp -f x").unwrap();
    assert!(matches!(ScpSink::new(scp, any(&PLAIN)).open(), Err(Error::Scp(scp::Error::Malformed))));
    // By a line of one's own, a shell there finds files by patterns.
    let there = tempfile::tempdir().unwrap();
    for file in ["a.c", "b.c", "c.h"] {
        fs::write(there.path().join(file), file).unwrap();
    }
    let back = tempfile::tempdir().unwrap();
    let scp = client.scp_command(format!("scp -f {}/*.c", there.path().display())).unwrap();
    assert_eq!(ScpSink::new(scp, any(&PLAIN)).store(back.path(), &PLAIN, &mut sound).unwrap().files, 2);
}
