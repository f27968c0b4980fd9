//! The blocking SFTP client against OpenSSH's server, over SSH and over pipes, and against GNU's: every request, whole files
//! both ways, threads that share a dialogue, and lines that break.

use core::time::Duration;
use sanssh_std::core::sftp::{Attributes, Code, Extension, FileKind, Times};
use sanssh_std::{Client, Copy, Error, File, KnownHosts, OpenOptions, Options, Progress, Sftp, home};
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{fs, io, thread};
use tempfile::TempDir;

const PEERS: [&str; 2] = ["sshd", "ssh-keygen"];
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));
/// A mebibyte.
const M: u64 = 1 << 20;

/// A connection to `port`, which leads to the server.
fn connect(server: &Sshd, port: u16) -> Client {
    let socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::from_stream(socket, "127.0.0.1", server.port(), &Options::default(), &mut hosts).unwrap();
    client.set_timeout(PATIENCE);
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    client
}

/// A server without SSH; it ends with its input.
struct Bare {
    child: Child,
    sftp: Option<Sftp>,
}

impl Bare {
    fn start(program: &Path) -> Self {
        let mut child =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (reader, writer) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let sftp = Sftp::over(reader, writer).unwrap();
        sftp.set_timeout(PATIENCE);
        Self { child, sftp: Some(sftp) }
    }

    fn sftp(&self) -> &Sftp {
        self.sftp.as_ref().unwrap()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.sftp = None;
        let _ = self.child.wait();
    }
}

fn openssh() -> Option<Bare> {
    peers::require(&["sftp-server"]).then(|| Bare::start(&peers::path("sftp-server")))
}

fn gnu() -> Option<Bare> {
    peers::require(&["gesftpserver"]).then(|| Bare::start(&peers::path("gesftpserver")))
}

/// Bytes that no block of which is like another.
fn noise(length: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap() + 8);
    while (bytes.len() as u64) < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(usize::try_from(length).unwrap());
    bytes
}

fn quiet(_: Progress<'_>) {}

fn path(directory: &TempDir, name: &str) -> (std::path::PathBuf, Vec<u8>) {
    let path = directory.path().join(name);
    let bytes = path.to_str().unwrap().as_bytes().to_vec();
    (path, bytes)
}

fn code(error: &Error) -> Option<Code> {
    if let Error::Sftp { code, .. } = error { Some(*code) } else { None }
}

/// Does with every server there is.
fn everywhere(test: impl Fn(&Sftp)) {
    if let Some(bare) = openssh() {
        test(bare.sftp());
    }
    if let Some(bare) = gnu() {
        test(bare.sftp());
    }
    if peers::require(&PEERS) {
        let server = Sshd::start(&[]);
        let client = connect(&server, server.port());
        test(&client.sftp().unwrap());
    }
}

#[test]
fn files_and_directories() {
    everywhere(|sftp| {
        let here = tempfile::tempdir().unwrap();
        let (file, name) = path(&here, "a file, ü\n");
        let mut handle = sftp.open(&name, OpenOptions { mode: Some(0o640), ..OpenOptions::CREATE }).unwrap();
        handle.write_all(b"hello").unwrap();
        handle.close().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"hello");
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
        let attributes = sftp.metadata(&name).unwrap();
        assert_eq!((attributes.size, attributes.kind()), (Some(5), Some(FileKind::Regular)));
        let times = Some(Times { accessed: 7, modified: 8 });
        sftp.set_attributes(&name, &Attributes { times, permissions: Some(0o600), ..Attributes::NONE }).unwrap();
        assert_eq!((file.metadata().unwrap().mtime(), sftp.metadata(&name).unwrap().times), (8, times));
        assert_eq!(sftp.metadata(&name).unwrap().permissions.unwrap() & 0o777, 0o600);
        let (link, link_name) = path(&here, "link");
        sftp.symlink(&name, &link_name).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), file);
        assert_eq!(sftp.read_link(&link_name).unwrap(), name);
        assert_eq!(sftp.symlink_metadata(&link_name).unwrap().kind(), Some(FileKind::Symlink));
        assert_eq!(sftp.metadata(&link_name).unwrap().kind(), Some(FileKind::Regular));
        let (directory, directory_name) = path(&here, "sub");
        sftp.create_dir(&directory_name, &Attributes { permissions: Some(0o700), ..Attributes::NONE }).unwrap();
        assert!(directory.is_dir());
        let inside = [&directory_name[..], b"/../sub/."].concat();
        assert_eq!(
            sftp.canonicalize(inside).unwrap(),
            fs::canonicalize(&directory).unwrap().to_str().unwrap().as_bytes()
        );
        let mut names: Vec<_> =
            sftp.read_dir(here.path().to_str().unwrap()).unwrap().map(|entry| entry.unwrap().name).collect();
        names.retain(|name| name != b"." && name != b"..");
        names.sort();
        assert_eq!(names, ["a file, ü\n".as_bytes(), b"link", b"sub"]);
        let (_, other) = path(&here, "other");
        sftp.rename_new(&name, &other).unwrap();
        assert_eq!(code(&sftp.metadata(&name).unwrap_err()), Some(Code::NO_SUCH_FILE));
        fs::write(&file, "again").unwrap();
        assert!(sftp.rename_new(&name, &other).is_err());
        assert_eq!(sftp.rename(&name, &other).is_ok(), sftp.has(Extension::PosixRename));
        sftp.remove_file(&other).unwrap();
        assert!(sftp.remove_dir(&other).is_err());
        sftp.remove_dir(&directory_name).unwrap();
        assert!(!directory.exists());
        let error = sftp.open(&directory_name, OpenOptions::READ).unwrap_err();
        assert_eq!(io::Error::from(error.clone()).kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(&format!("{}: ", directory.display())), "{error}");
    });
}

#[test]
fn extensions() {
    let Some(bare) = openssh() else { return };
    let sftp = bare.sftp();
    let here = tempfile::tempdir().unwrap();
    let (file, name) = path(&here, "file");
    fs::write(&file, "hello").unwrap();
    let (second, second_name) = path(&here, "second");
    sftp.hard_link(&name, &second_name).unwrap();
    assert_eq!(second.metadata().unwrap().nlink(), 2);
    assert!(sftp.stat_vfs(&name).unwrap().blocks > 0);
    let (third, third_name) = path(&here, "third");
    sftp.copy(&name, &third_name).unwrap();
    assert_eq!(fs::read(&third).unwrap(), b"hello");
    let handle = sftp.open(&third_name, OpenOptions { write: true, ..OpenOptions::READ }).unwrap();
    handle.sync().unwrap();
    assert!(handle.stat_vfs().unwrap().blocks > 0);
    handle.set_attributes(&Attributes { size: Some(2), ..Attributes::NONE }).unwrap();
    assert_eq!(handle.metadata().unwrap().size, Some(2));
    handle.close().unwrap();
    let (link, link_name) = path(&here, "link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let times = Some(Times { accessed: 5, modified: 6 });
    sftp.set_symlink_attributes(&link_name, &Attributes { times, ..Attributes::NONE }).unwrap();
    assert_eq!(link.symlink_metadata().unwrap().mtime(), 6);
    let home = sftp.home_directory("root").unwrap();
    assert_eq!(home, b"/root");
    assert_eq!(sftp.expand_path("~root/x").unwrap_or_default().split_last_chunk::<2>().unwrap().1, b"/x");
    assert_eq!(sftp.accounts(&[0], &[0]).unwrap(), (vec![b"root".to_vec()], vec![b"root".to_vec()]));
    let limits = sftp.limits().unwrap();
    assert_eq!((limits.read, limits.write), (261_120, 261_120));
}

#[test]
fn what_is_no_extension_of_the_server_is_told() {
    let Some(bare) = gnu() else { return };
    let error = bare.sftp().home_directory("root").unwrap_err();
    assert!(matches!(error, Error::Unsupported(Extension::HomeDirectory)), "{error}");
    assert_eq!(bare.sftp().limits().unwrap().read, 32 * 1024);
}

#[test]
fn streams_in_both_directions() {
    everywhere(|sftp| {
        let here = tempfile::tempdir().unwrap();
        let (file, name) = path(&here, "file");
        let bytes = noise(5 * M + 17);
        let mut target = sftp.open(&name, OpenOptions::CREATE).unwrap();
        assert_eq!(io::copy(&mut &bytes[..], &mut target).unwrap(), bytes.len() as u64);
        target.flush().unwrap();
        assert!(fs::read(&file).unwrap() == bytes);
        target.close().unwrap();
        let mut source = sftp.open(&name, OpenOptions::READ).unwrap();
        let mut back = Vec::new();
        io::copy(&mut source, &mut back).unwrap();
        assert!(back == bytes);
        assert_eq!(source.read(&mut [0]).unwrap(), 0);
        let mut some = [0; 1000];
        assert_eq!(source.seek(SeekFrom::Start(M)).unwrap(), M);
        source.read_exact(&mut some).unwrap();
        assert!(some == bytes[1 << 20..][..1000]);
        assert_eq!(source.seek(SeekFrom::Current(-1000)).unwrap(), M);
        source.read_exact(&mut some).unwrap();
        assert!(some == bytes[1 << 20..][..1000]);
        source.seek(SeekFrom::End(-17)).unwrap();
        back.clear();
        source.read_to_end(&mut back).unwrap();
        assert!(back == bytes[bytes.len() - 17..]);
        assert_eq!(source.read_at(&mut some, 5).unwrap(), 1000);
        assert!(some == bytes[5..1005]);
        assert!(source.seek(SeekFrom::Current(-(1 << 40))).is_err());
    });
}

#[test]
fn reads_see_what_was_written() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (file, name) = path(&here, "file");
    let options = OpenOptions { read: true, ..OpenOptions::CREATE };
    let mut handle = bare.sftp().open(&name, options).unwrap();
    handle.write_all(b"0123456789").unwrap();
    handle.seek(SeekFrom::Start(2)).unwrap();
    let mut some = [0; 3];
    handle.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"234");
    handle.write_all(b"xy").unwrap();
    handle.write_at(b"end", 10).unwrap();
    let mut rest = String::new();
    handle.read_to_string(&mut rest).unwrap();
    assert_eq!((&rest[..], &fs::read_to_string(&file).unwrap()[..]), ("789end", "01234xy789end"));
    drop(handle);
    let mut handle = bare.sftp().open(&name, OpenOptions { append: true, ..OpenOptions::READ }).unwrap();
    handle.write_all(b"!").unwrap();
    drop(handle);
    assert_eq!(bare.sftp().metadata(&name).unwrap().size, Some(14));
    assert!(fs::read(&file).unwrap().ends_with(b"end!"));
    let error = bare.sftp().open(&name, OpenOptions { create_new: true, ..OpenOptions::CREATE }).unwrap_err();
    assert!(matches!(error, Error::Sftp { .. }), "{error}");
}

#[test]
fn whole_files_both_ways() {
    everywhere(|sftp| {
        let here = tempfile::tempdir().unwrap();
        for length in [0, 1, 32 * 1024, 261_120, 261_121, 20 * M + 5] {
            let bytes = noise(length);
            let (source, _) = path(&here, "source");
            fs::write(&source, &bytes).unwrap();
            fs::set_permissions(&source, fs::Permissions::from_mode(0o640)).unwrap();
            let (there, name) = path(&here, "there");
            let copy = Copy { preserve: true, ..Copy::default() };
            let mut last = 0;
            sftp.put(&source, &name, &copy, &mut |progress| last = progress.done).unwrap();
            assert_eq!(last, length);
            assert!(fs::read(&there).unwrap() == bytes);
            assert_eq!(there.metadata().unwrap().mode() & 0o777, 0o640);
            assert_eq!(there.metadata().unwrap().mtime(), source.metadata().unwrap().mtime());
            let (back, _) = path(&here, "back");
            last = 0;
            sftp.get(&name, &back, &copy, &mut |progress| last = progress.done).unwrap();
            assert_eq!(last, length);
            assert!(fs::read(&back).unwrap() == bytes);
            assert_eq!(back.metadata().unwrap().mode() & 0o777, 0o640);
            for file in [source, there, back] {
                fs::remove_file(file).unwrap();
            }
        }
    });
}
