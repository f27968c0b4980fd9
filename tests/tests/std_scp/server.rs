//! The scp at a server of ours: OpenSSH's client in its old form against it, and ours; and what it does not do.

use crate::tree::{ALL, NAMES, PLAIN, listing, name, sound, tree};
use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::scp::command;
use sanssh_std::scp::Copy;
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Directory, Error, Handler, KnownHosts, Options, Server, ServerConfig, Session,
    Share, Shutdown, Start, Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::known_hosts_line;
use sanssh_tests::peers;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use tempfile::{NamedTempFile, TempDir};

/// A server that has files and nothing else.
struct Files {
    keys: AuthorizedKeys,
    directory: Directory,
}

impl Handler for Files {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.keys.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.keys.verdict(attempt)
    }

    fn session(&self, session: Session) {
        let Start::Exec(line) = session.start() else { return };
        let mut path = vec![0; line.len()];
        // A client that went away is no fault of the test's.
        let _ = match command::Command::read(line, &mut path) {
            Ok(command) => self.directory.serve_scp(&session, &command),
            Err(_) => session.exit(127),
        };
    }
}

struct Running {
    port: u16,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    hosts: NamedTempFile,
    root: TempDir,
}

impl Running {
    fn start(read_only: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let keys = AuthorizedKeys::text(Keys::shared().authorized());
        let share = Share { read_only, ..Share::default() };
        let files = Files { keys, directory: Directory::open(root.path(), &share).unwrap() };
        let host = Keys::shared().host(Kind::Ed25519);
        let config = ServerConfig { host_keys: vec![home::read_key(&host, None).unwrap()], ..ServerConfig::default() };
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        let port = server.local_addr().unwrap().port();
        let mut hosts = NamedTempFile::new().unwrap();
        hosts.write_all(known_hosts_line(port, &public(&host)).as_bytes()).unwrap();
        let shutdown = server.shutdown();
        let thread = thread::spawn(move || server.serve(files));
        Self { port, shutdown, thread: Some(thread), hosts, root }
    }

    /// OpenSSH's client in its old form, with paths as they are given.
    fn scp(&self, options: &[&str], from: &[u8], to: &[u8]) -> Output {
        let mut scp = Command::new(peers::path("scp"));
        scp.stdin(Stdio::null()).args(["-O", "-B", "-F", "none", "-P", &self.port.to_string(), "-i"]);
        scp.arg(Keys::shared().client(Kind::Ed25519)).arg("-o");
        scp.arg(format!("UserKnownHostsFile={}", self.hosts.path().display())).args(options);
        scp.args([OsString::from_vec(from.to_vec()), OsString::from_vec(to.to_vec())]).output().unwrap()
    }

    fn client(&self) -> Client {
        let mut hosts = KnownHosts::files([self.hosts.path()]);
        let client = Client::connect("127.0.0.1", self.port, &Options::default(), &mut hosts).unwrap();
        client.set_timeout(Some(Duration::from_secs(30)));
        let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
        client.login_key("somebody", &key).unwrap().accepted().unwrap();
        client
    }

    fn path(&self, bytes: &[u8]) -> std::path::PathBuf {
        self.root.path().join(name(bytes))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

/// A remote path for OpenSSH's old form, which lets the server's shell have it, and takes a dash for a flag.
fn remote(path: &[u8]) -> Vec<u8> {
    let quoted: Vec<u8> =
        path.iter().flat_map(|byte| if *byte == b'\'' { b"'\\''".to_vec() } else { vec![*byte] }).collect();
    [b"127.0.0.1:'./", &quoted[..], b"'"].concat()
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn openssh_copies_every_name_both_ways() {
    if !peers::require(&["scp", "ssh"]) {
        return;
    }
    let server = Running::start(false);
    let here = tempfile::tempdir().unwrap();
    for bytes in NAMES.into_iter().chain([&b"line\nend"[..]]) {
        let (file, back) = (here.path().join("file"), here.path().join("back"));
        fs::write(&file, bytes).unwrap();
        done(&server.scp(&[], file.as_os_str().as_bytes(), &remote(bytes)));
        assert_eq!(fs::read(server.path(bytes)).unwrap(), bytes, "{}", bytes.escape_ascii());
        // Its own check of names takes the quotes for a part of them. A line's end it could not tell either.
        if bytes.contains(&b'\n') {
            assert!(!server.scp(&["-T"], &remote(bytes), back.as_os_str().as_bytes()).status.success());
        } else {
            done(&server.scp(&["-T"], &remote(bytes), back.as_os_str().as_bytes()));
            assert_eq!(fs::read(&back).unwrap(), bytes);
        }
    }
}

#[test]
fn openssh_copies_trees_both_ways() {
    if !peers::require(&["scp", "ssh"]) {
        return;
    }
    let server = Running::start(false);
    let (from, back) = (tree(), tempfile::tempdir().unwrap());
    let top = from.path().join("top");
    done(&server.scp(&["-r", "-p"], top.as_os_str().as_bytes(), b"127.0.0.1:"));
    assert_eq!(listing(&server.path(b"top")), listing(&top));
    done(&server.scp(&["-r", "-p"], b"127.0.0.1:top", back.path().as_os_str().as_bytes()));
    assert_eq!(listing(&back.path().join("top")), listing(&top));
}

#[test]
fn our_client_copies_trees_both_ways() {
    let server = Running::start(false);
    let client = server.client();
    let (from, back) = (tree(), tempfile::tempdir().unwrap());
    let top = from.path().join("top");
    let mut source = client.scp_source("", &ALL).unwrap();
    source.send(&top, &ALL, &mut sound).unwrap();
    source.finish().unwrap();
    assert_eq!(listing(&server.path(b"top")), listing(&top));
    client.scp_sink("top/", &ALL).unwrap().store(&back.path().join("new"), &ALL, &mut sound).unwrap();
    assert_eq!(listing(&back.path().join("new")), listing(&top));
}

#[test]
fn nothing_leaves_the_directory() {
    let server = Running::start(false);
    let client = server.client();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("secret"), "secret").unwrap();
    symlink(elsewhere.path(), server.path(b"out")).unwrap();
    symlink(elsewhere.path().join("secret"), server.path(b"link")).unwrap();
    fs::create_dir(server.path(b"in")).unwrap();
    symlink("../link", server.path(b"in/link")).unwrap();
    let put = |path: &str| -> Result<(), Error> {
        let mut source = client.scp_source(path, &PLAIN)?;
        source.file("x", 0o644, 1, None).and_then(|mut file| {
            file.write_all(b"x")?;
            file.finish()
        })
    };
    for path in ["out/x", "link", "in/link"] {
        put(path).unwrap_err();
    }
    put("../../../x").unwrap();
    put(&elsewhere.path().join("y").to_string_lossy()).unwrap_err();
    assert_eq!(fs::read(server.path(b"x")).unwrap(), b"x");
    let get =
        |path: &str, copy: &Copy| client.scp_sink(path, copy).unwrap().store(Path::new("/dev/null"), copy, &mut |_| ());
    for path in ["out/secret", "link", "in/link", "/etc/passwd", "../../etc/passwd"] {
        assert_eq!(get(path, &PLAIN).unwrap().files, 0, "{path}");
    }
    let names = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(
        (names(elsewhere.path()), fs::read(elsewhere.path().join("secret")).unwrap()),
        (vec!["secret".into()], b"secret".to_vec())
    );
    // What a tree holds of links is told, and not sent.
    let copy = Copy { recursive: true, ..PLAIN };
    let back = tempfile::tempdir().unwrap();
    let copied = client.scp_sink("in", &copy).unwrap().store(back.path(), &copy, &mut |_| ()).unwrap();
    assert_eq!((copied.files, copied.failures), (0, 1));
}

#[test]
fn what_is_there_for_reading_stays_as_it_is() {
    let server = Running::start(true);
    fs::write(server.path(b"file"), "as it was").unwrap();
    let client = server.client();
    let mut source = client.scp_source("file", &PLAIN).unwrap();
    let error = source.file("file", 0o644, 3, None).err().unwrap();
    assert!(matches!(&error, Error::ScpRefused(text) if text.contains("Read-only")), "{error:?}");
    let mut content = String::new();
    client.scp_sink("file", &PLAIN).unwrap().open().unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "as it was");
}

#[test]
fn other_commands_and_other_places_are_refused() {
    let server = Running::start(false);
    let client = server.client();
    for line in ["touch owned", "scp -t $(touch owned)", "scp -t x; touch owned", "scp -S touch -t owned", "sh"] {
        assert_eq!(client.run(line).unwrap().exit, sanssh_std::Exit::Status(127), "{line}");
    }
    // A directory that is to be there, and is none.
    let copy = Copy { directory: true, ..PLAIN };
    let mut source = client.scp_source("none", &copy).unwrap();
    assert!(matches!(source.file("x", 0o644, 0, None).err(), Some(Error::ScpRefused(_))));
    assert_eq!(fs::read_dir(server.root.path()).unwrap().count(), 0);
}
