//! The blocking SFTP client against OpenSSH's server, over SSH and over pipes, and against GNU's: every request, whole files
//! both ways, trees, threads that share a dialogue, and lines that break.

mod begun;
mod trees;

use core::time::Duration;
use sanssh_std::core::sftp::{Attributes, Code, Extension, FileKind, Times};
use sanssh_std::{Client, Copy, Error, KnownHosts, OpenOptions, Options, Progress, Sftp, home};
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
    assert!(sftp.copy(&third_name, [&third_name[..], b"/."].concat()).is_err());
    assert!(sftp.copy(&third_name, &third_name).is_err());
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

#[test]
fn holes_stay_holes() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (source, name) = path(&here, "source");
    let file = fs::File::create(&source).unwrap();
    file.set_len(4 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &noise(M), (2 << 30) + 5).unwrap();
    let copy = Copy { sparse: true, ..Copy::default() };
    let (there, there_name) = path(&here, "there");
    bare.sftp().put(&source, &there_name, &copy, &mut quiet).unwrap();
    let (back, _) = path(&here, "back");
    bare.sftp().get(&name, &back, &copy, &mut quiet).unwrap();
    for copied in [there, back] {
        let metadata = copied.metadata().unwrap();
        assert_eq!(metadata.len(), 4 << 30);
        assert!(metadata.blocks() * 512 < 16 * M, "{}", metadata.blocks());
        let mut bytes = vec![0; 1 << 20];
        std::os::unix::fs::FileExt::read_exact_at(&fs::File::open(copied).unwrap(), &mut bytes, (2 << 30) + 5).unwrap();
        assert!(bytes == noise(M));
    }
}

#[test]
fn what_fails_is_told_as_it_is() {
    let Some(bare) = openssh() else { return };
    let here = tempfile::tempdir().unwrap();
    let (source, name) = path(&here, "source");
    fs::write(&source, noise(3 * M)).unwrap();
    let sftp = bare.sftp();
    let get = |local: &str| sftp.get(&name, local, &Copy::default(), &mut quiet).unwrap_err();
    let error = get("/dev/full");
    assert!(matches!(&error, Error::File { source, .. } if source.kind() == io::ErrorKind::StorageFull), "{error}");
    assert!(matches!(get("/nowhere/at/all"), Error::File { .. }));
    let error = sftp.get(b"/nowhere", here.path().join("x"), &Copy::default(), &mut quiet).unwrap_err();
    assert_eq!(code(&error), Some(Code::NO_SUCH_FILE));
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let put = |to: &str| sftp.put(&source, to, &Copy::default(), &mut quiet).unwrap_err();
    assert_eq!(code(&put("/nowhere/at/all")), Some(Code::NO_SUCH_FILE));
    assert_eq!(code(&put("/dev/full")), Some(Code::FAILURE));
    let mut full = sftp.open("/dev/full", OpenOptions { write: true, ..OpenOptions::READ }).unwrap();
    let written = (0..64).find_map(|_| full.write_all(&noise(M)).err());
    assert!(written.is_some() || full.flush().is_err());
    assert!(full.flush().is_err());
    assert!(full.close().is_err());
    let link = here.path().join("link");
    std::os::unix::fs::symlink(here.path().join("target"), &link).unwrap();
    let copy = Copy { no_follow: true, ..Copy::default() };
    assert!(sftp.get(&name, &link, &copy, &mut quiet).is_err());
    assert!(!here.path().join("target").exists());
    assert!(sftp.get(here.path().to_str().unwrap(), here.path().join("x"), &copy, &mut quiet).is_err());
    sftp.get(&name, here.path().join("x"), &copy, &mut quiet).unwrap();
}

#[test]
fn threads_share_a_dialogue() {
    everywhere(|sftp| {
        let here = tempfile::tempdir().unwrap();
        let bytes = noise(4 * M);
        let (source, _) = path(&here, "source");
        fs::write(&source, &bytes).unwrap();
        thread::scope(|scope| {
            for i in 0..8 {
                let (sftp, here, bytes, source) = (sftp.clone(), &here, &bytes, &source);
                scope.spawn(move || {
                    let (there, name) = path(here, &format!("there {i}"));
                    match i % 4 {
                        0 => {
                            sftp.put(source, &name, &Copy::default(), &mut quiet).unwrap();
                            let (back, _) = path(here, &format!("back {i}"));
                            sftp.get(&name, &back, &Copy::default(), &mut quiet).unwrap();
                            assert!(fs::read(&back).unwrap() == *bytes);
                        }
                        1 => {
                            let mut file = sftp.open(&name, OpenOptions::CREATE).unwrap();
                            file.write_all(bytes).unwrap();
                            file.close().unwrap();
                        }
                        2 => {
                            fs::write(&there, bytes).unwrap();
                            let mut back = Vec::new();
                            sftp.open(&name, OpenOptions::READ).unwrap().read_to_end(&mut back).unwrap();
                            assert!(back == *bytes);
                        }
                        _ => {
                            fs::write(&there, bytes).unwrap();
                            for _ in 0..200 {
                                assert_eq!(sftp.metadata(&name).unwrap().size, Some(bytes.len() as u64));
                            }
                        }
                    }
                    assert!(fs::read(&there).unwrap() == *bytes);
                });
            }
        });
    });
}

#[test]
fn a_line_that_breaks_says_how_far_it_came_and_the_next_goes_on() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let here = tempfile::tempdir().unwrap();
    let bytes = noise(20 * M);
    let (source, name) = path(&here, "source");
    fs::write(&source, &bytes).unwrap();
    let (there, there_name) = path(&here, "there");
    let line = Line { cut_down: Some(7 * M), ..Line::default() };
    let proxy = Proxy::start(server.address(), line).unwrap();
    let client = connect(&server, proxy.port());
    let mut last = 0;
    let error =
        client.sftp().unwrap().get(&name, &there, &Copy::default(), &mut |progress| last = progress.done).unwrap_err();
    let Error::Cut { done, .. } = error else { panic!("{error}") };
    assert!(done > 4 * M && done < 7 * M && last == done, "{done} {last}");
    assert_eq!(there.metadata().unwrap().len(), done);
    let resume = Copy { resume: true, ..Copy::default() };
    let again = connect(&server, server.port()).sftp().unwrap();
    let mut first = None;
    again
        .get(&name, &there, &resume, &mut |progress| {
            first.get_or_insert(progress.done);
        })
        .unwrap();
    assert!(first.unwrap() >= done && fs::read(&there).unwrap() == bytes);
    fs::remove_file(&there).unwrap();

    let line = Line { cut_up: Some(7 * M), ..Line::default() };
    let proxy = Proxy::start(server.address(), line).unwrap();
    let client = connect(&server, proxy.port());
    let error = client.sftp().unwrap().put(&source, &there_name, &Copy::default(), &mut quiet).unwrap_err();
    let Error::Cut { done, .. } = error else { panic!("{error}") };
    assert!(done < 7 * M && there.metadata().unwrap().len() >= done, "{done}");
    assert_ne!(
        io::Error::from(Error::Cut { path: String::new(), done, source: Error::NoAgent.into() }).to_string(),
        ""
    );
    again.put(&source, &there_name, &resume, &mut quiet).unwrap();
    assert!(fs::read(&there).unwrap() == bytes);
    let longer = again.get(&name, &there, &resume, &mut quiet);
    assert!(longer.is_ok());
    fs::write(&there, noise(21 * M)).unwrap();
    assert!(again.get(&name, &there, &resume, &mut quiet).is_err());
    fs::write(&source, b"").unwrap();
    assert!(again.get(&name, &there, &resume, &mut quiet).is_err());
    assert!(again.put(&source, &there_name, &resume, &mut quiet).is_err());
}

#[test]
fn a_silent_server_is_not_waited_for_longer_than_said() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let answering = thread::spawn(move || {
        let mut hello = [0; 9];
        (&theirs).read_exact(&mut hello).unwrap();
        (&theirs).write_all(&[0, 0, 0, 5, 2, 0, 0, 0, 3]).unwrap();
        theirs
    });
    let sftp = Sftp::over(ours.try_clone().unwrap(), ours).unwrap();
    let theirs = answering.join().unwrap();
    sftp.set_timeout(Some(Duration::from_millis(50)));
    assert!(matches!(sftp.metadata("x").unwrap_err(), Error::TimedOut(_)));
    drop(theirs);
    sftp.set_timeout(None);
    assert!(matches!(sftp.metadata("x").unwrap_err(), Error::SftpStream(_) | Error::Io(_)));
}

#[test]
fn a_subsystem_that_is_not_there_is_told() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&["Subsystem none /bin/false"]);
    let client = connect(&server, server.port());
    let session = client.session().unwrap();
    session.subsystem("nothing").unwrap();
    let error = Sftp::behind(session).unwrap_err();
    assert!(matches!(error, Error::RequestRefused("subsystem")), "{error}");
}
