//! SFTP by its documented names, and what is wrong with it in the documented library's releases.

use crate::rig::{MODES, Mode, Peer, call, drain, each, openssh, rest};
use sanssh_compat::Error;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use sanssh_compat::sftp::*;
use sanssh_compat::sftp_handle::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

pub(crate) fn start(peer: &Peer, mode: Mode) -> (Session, SFTP, TempDir) {
    let session = peer.session(mode);
    let sftp = call(&session, || session.sftp_init()).unwrap();
    (session, sftp, tempfile::tempdir().unwrap())
}

/// The bytes of a path in the directory.
pub(crate) fn at(directory: &TempDir, name: &str) -> Vec<u8> {
    directory.path().join(name).to_str().unwrap().as_bytes().to_vec()
}

/// Refused by the server with this code.
fn refused<T>(sftp: &SFTP, outcome: Result<T, Error>, code: u32) {
    let error = outcome.err().unwrap();
    assert!(error.is(SFTPProtocolError) && error.is(SFTPError), "{error:?}");
    assert_eq!((error.code(), error.status(), sftp.last_error()), (-31, Some(code), code), "{error}");
    assert_eq!(sftp.session().last_errno(), -31);
}

#[test]
fn sftp_init_needs_a_login() {
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let error = session.sftp_init().unwrap_err();
        assert!(error.is(InvalidRequestError) && error.code() == -34, "{error}");
        assert_eq!(session.last_error(), "session not authenticated yet");
        let (session, sftp, _) = start(peer, mode);
        assert!(*sftp.session() == session);
        assert_eq!(sftp.last_error(), 0);
    });
}

#[test]
fn open_open_ex_and_their_flags() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let name = at(&here, "a file");
        refused(&sftp, call(&session, || sftp.open(&name, LIBSSH2_FXF_READ, 0)), 2);
        let flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL;
        let handle = call(&session, || sftp.open(&name, flags, LIBSSH2_SFTP_S_IRUSR | LIBSSH2_SFTP_S_IWUSR)).unwrap();
        assert_eq!(sftp.last_error(), 0);
        assert_eq!(call(&session, || handle.write("hello")), Ok(5));
        call(&session, || handle.close()).unwrap();
        assert_eq!(fs::metadata(here.path().join("a file")).unwrap().mode() & 0o777, 0o600);
        refused(&sftp, call(&session, || sftp.open(&name, flags, 0o600)), 4);
        let appending = call(&session, || sftp.open(&name, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_APPEND, 0)).unwrap();
        call(&session, || appending.write("!")).unwrap();
        drop(appending);
        let flags = LIBSSH2_FXF_READ;
        let handle = call(&session, || sftp.open_ex(&name, flags, 0, LIBSSH2_SFTP_OPENFILE)).unwrap();
        assert_eq!(drain(&session, |space| handle.read(space)), b"hello!");
        let truncates = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_TRUNC;
        drop(call(&session, || sftp.open(&name, truncates, 0)).unwrap());
        assert_eq!(call(&session, || sftp.stat(&name)).unwrap().filesize, 0);
        assert!(sftp.open_ex(&name, 0, 0, 7).unwrap_err().is(InvalidRequestError));
        let directory = at(&here, "");
        call(&session, || sftp.open_ex(&directory, 0, 0, LIBSSH2_SFTP_OPENDIR)).unwrap();
    });
}

#[test]
fn open_without_flags_reads() {
    let Some(peer) = openssh(&[]) else { return };
    for mode in MODES {
        let (session, sftp, here) = start(&peer, mode);
        fs::write(here.path().join("f"), "text").unwrap();
        let handle = call(&session, || sftp.open(at(&here, "f"), 0, 0)).unwrap();
        assert_eq!(drain(&session, |space| handle.read(space)), b"text");
    }
}

#[test]
fn stat_lstat_setstat_and_statvfs() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let (file, name, link) = (here.path().join("f"), at(&here, "f"), at(&here, "l"));
        fs::write(&file, "12345").unwrap();
        symlink(&file, here.path().join("l")).unwrap();
        let told = call(&session, || sftp.stat(&link)).unwrap();
        let all = LIBSSH2_SFTP_ATTR_SIZE
            | LIBSSH2_SFTP_ATTR_UIDGID
            | LIBSSH2_SFTP_ATTR_PERMISSIONS
            | LIBSSH2_SFTP_ATTR_ACMODTIME;
        let real = file.metadata().unwrap();
        assert_eq!((told.flags, told.filesize, told.uid, told.gid), (all, 5, real.uid().into(), real.gid().into()));
        assert_eq!((told.permissions, told.mtime), (real.mode().into(), real.mtime().cast_unsigned()));
        let told = call(&session, || sftp.lstat(&link)).unwrap();
        assert_eq!(told.permissions & u64::from(LIBSSH2_SFTP_S_IFMT), u64::from(LIBSSH2_SFTP_S_IFLNK));
        let mut attrs = SFTPAttributes { permissions: 0o640, filesize: 1, mtime: 9, ..SFTPAttributes::default() };
        attrs.flags = LIBSSH2_SFTP_ATTR_PERMISSIONS;
        call(&session, || sftp.setstat(&name, &attrs)).unwrap();
        let changed = file.metadata().unwrap();
        // What the flags do not name was not set.
        assert_eq!((changed.mode() & 0o777, changed.len(), changed.mtime()), (0o640, 5, real.mtime()));
        attrs = SFTPAttributes { flags: LIBSSH2_SFTP_ATTR_ACMODTIME, mtime: 1_000, atime: 2_000, ..attrs };
        call(&session, || sftp.setstat(&name, &attrs)).unwrap();
        assert_eq!((file.metadata().unwrap().mtime(), file.metadata().unwrap().atime()), (1_000, 2_000));
        attrs = SFTPAttributes { uid: 1 << 32, flags: LIBSSH2_SFTP_ATTR_UIDGID, ..attrs };
        assert!(sftp.setstat(&name, &attrs).unwrap_err().is(OutOfBoundaryError));
        let space = call(&session, || sftp.statvfs(&name)).unwrap();
        assert!(space.f_bsize > 0 && space.f_blocks >= space.f_bfree && space.f_bfree >= space.f_bavail, "{space:?}");
        assert!(space.f_namemax >= 255 && space.f_frsize > 0 && space.f_files >= space.f_ffree, "{space:?}");
        assert_eq!(space.f_flag & LIBSSH2_SFTP_ST_RDONLY, 0);
        refused(&sftp, call(&session, || sftp.stat(at(&here, "none"))), 2);
    });
}

#[test]
fn mkdir_rmdir_unlink_rename_and_rename_ex() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let [directory, one, two] = ["d", "one", "two"].map(|name| at(&here, name));
        call(&session, || sftp.mkdir(&directory, 0o700)).unwrap();
        assert_eq!(fs::metadata(here.path().join("d")).unwrap().permissions().mode(), 0o40_700);
        refused(&sftp, call(&session, || sftp.mkdir(&directory, 0o700)), 4);
        call(&session, || sftp.rmdir(&directory)).unwrap();
        refused(&sftp, call(&session, || sftp.rmdir(&directory)), 2);
        fs::write(here.path().join("one"), "1").unwrap();
        call(&session, || sftp.rename(&one, &two)).unwrap();
        fs::write(here.path().join("one"), "1").unwrap();
        // It is no replacement: that is what version 3 has.
        refused(&sftp, call(&session, || sftp.rename_ex(&one, &two, 7)), 4);
        call(&session, || sftp.posix_rename(&one, &two)).unwrap();
        assert!(!Path::exists(&here.path().join("one")));
        call(&session, || sftp.unlink(&two)).unwrap();
        refused(&sftp, call(&session, || sftp.unlink(&two)), 2);
    });
}

#[test]
fn symlink_readlink_and_realpath() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        fs::write(here.path().join("f"), "there").unwrap();
        let [file, link] = ["f", "l"].map(|name| at(&here, name));
        // What is there comes first, and the new link second.
        call(&session, || sftp.symlink(&file, &link)).unwrap();
        assert_eq!(fs::read_link(here.path().join("l")).unwrap(), here.path().join("f"));
        assert_eq!(call(&session, || sftp.readlink(&link)).unwrap(), file);
        let real = fs::canonicalize(here.path()).unwrap().join("f");
        let real = real.to_str().unwrap().as_bytes();
        let turned = at(&here, "./f");
        assert_eq!(call(&session, || sftp.realpath(&turned, 256)).unwrap(), real);
        assert_eq!(call(&session, || sftp.realpath(&file, real.len())).unwrap(), real);
        for too_few in [0, real.len() - 1] {
            let error = call(&session, || sftp.realpath(&file, too_few)).unwrap_err();
            assert!(error.is(BufferTooSmallError) && error.code() == -38, "{error}");
        }
    });
}

/// The channel is lent: dropping it is not the end of SFTP.
#[test]
fn get_channel_is_borrowed() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let channel = sftp.get_channel().unwrap();
        assert!(*channel.session() == session && !channel.eof() && channel.window_write() > 0);
        assert!(channel.execute("true").unwrap_err().is(BadUseError));
        drop(channel);
        call(&session, || sftp.stat(at(&here, ""))).unwrap();
    });
}

#[test]
fn shutdown_ends_it() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let name = at(&here, "f");
        let handle = call(&session, || sftp.open(&name, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT, 0o600)).unwrap();
        sftp.shutdown().unwrap();
        assert!(sftp.stat(&name).unwrap_err().is(BadUseError));
        assert!(sftp.get_channel().unwrap_err().is(BadUseError));
        // Its handles stay.
        assert_eq!(call(&session, || handle.write("x")), Ok(1));
        drop((handle, sftp));
        let sftp = call(&session, || session.sftp_init()).unwrap();
        assert_eq!(call(&session, || sftp.stat(&name)).unwrap().filesize, 1);
    });
}

#[test]
fn a_server_that_stops_answering_ends_in_a_timeout() {
    let Some(peer) = openssh(&[]) else { return };
    let (session, sftp, here) = start(&peer, Mode::Blocking);
    let channel = sftp.get_channel().unwrap();
    // Nobody reads a FIFO's other end: the server waits when it opens that.
    let name = at(&here, "fifo");
    assert!(std::process::Command::new("mkfifo").arg(here.path().join("fifo")).status().unwrap().success());
    session.set_timeout(200);
    let error = sftp.open(&name, LIBSSH2_FXF_READ, 0).unwrap_err();
    assert!(error.is(Timeout) && error.code() == -9, "{error}");
    assert!(sftp.stat(&name).unwrap_err().is(Timeout));
    assert!(!channel.eof());
}

/// Calls of one dialogue, each pending while the others are made; those that are dropped leave it sound.
#[test]
fn pending_calls_interleave_and_can_be_dropped() {
    each(|peer, mode| {
        if mode == Mode::Blocking {
            return;
        }
        let (session, sftp, here) = start(peer, mode);
        let names: Vec<_> = (0..20).map(|n| at(&here, &format!("f{n}"))).collect();
        for name in &names {
            // Never asked for again.
            let _ = sftp.open(name, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT, 0o600);
            let _ = sftp.lstat(name);
        }
        let mut told = vec![None; names.len()];
        while told.iter().any(Option::is_none) {
            for (name, told) in names.iter().zip(&mut told).filter(|(_, told)| told.is_none()) {
                match sftp.stat(name) {
                    Err(Error::Again) => {}
                    outcome => *told = Some(outcome),
                }
            }
            if told.iter().any(Option::is_none) {
                rest(&session);
            }
        }
        // What nobody asked for again may have taken place, or not.
        assert!(told.iter().flatten().all(|told| match told {
            Ok(told) => told.filesize == 0,
            Err(error) => error.status() == Some(2),
        }));
    });
}
