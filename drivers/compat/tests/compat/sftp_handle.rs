//! Open files and directories by their documented names, and what is wrong with them in the documented library's releases.

use crate::rig::{MODES, Mode, call, drain, each, feed, openssh, rest};
use crate::sftp::{at, start};
use sanssh_compat::Error;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use sanssh_compat::sftp::*;
use sanssh_compat::sftp_handle::*;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

const CREATES: u32 = LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT;

fn open(session: &Session, sftp: &SFTP, name: &[u8], flags: u32) -> SFTPHandle {
    call(session, || sftp.open(name, flags, 0o600)).unwrap()
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

#[test]
fn write_read_and_close() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let (name, data) = (at(&here, "f"), noise(3_000_000));
        let handle = open(&session, &sftp, &name, CREATES);
        assert_eq!(handle.write(b""), Ok(0));
        // All of it is written when the call is over.
        assert_eq!(call(&session, || handle.write(&data)), Ok(data.len()));
        assert_eq!(fs::read(here.path().join("f")).unwrap(), data);
        handle.rewind();
        assert_eq!(handle.tell64(), 0);
        assert!(drain(&session, |space| handle.read(space)) == data);
        assert_eq!(call(&session, || handle.read(&mut [0; 9])), Ok(0));
        assert!(!handle.closed());
        call(&session, || handle.close()).unwrap();
        assert!(handle.closed());
        assert_eq!(handle.close(), Ok(()));
        for outcome in [handle.read(&mut [0]), handle.write("x")] {
            assert!(outcome.unwrap_err().is(BadUseError));
        }
        assert!(handle.fstat().unwrap_err().is(BadUseError) && handle.fsync().unwrap_err().is(BadUseError));
    });
}

#[test]
fn iterating_gives_all_of_a_file() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let data = noise(1_000_000);
        fs::write(here.path().join("f"), &data).unwrap();
        let handle = open(&session, &sftp, &at(&here, "f"), LIBSSH2_FXF_READ);
        let mut all = Vec::new();
        for piece in &handle {
            match piece {
                Ok(piece) => all.extend(piece),
                Err(Error::Again) => rest(&session),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(all == data);
    });
}

#[test]
fn readdir_and_readdir_ex_list_everything() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let wanted: BTreeSet<_> = (0..300).map(|n| format!("file {n}").into_bytes()).collect();
        for name in &wanted {
            fs::write(here.path().join(str::from_utf8(name).unwrap()), name).unwrap();
        }
        let directory = at(&here, "");
        let handle = call(&session, || sftp.opendir(&directory)).unwrap();
        let mut listed = BTreeSet::new();
        for entry in handle.readdir() {
            match entry {
                Ok((name, attrs)) if wanted.contains(&name) => {
                    assert_eq!(attrs.filesize, name.len() as u64);
                    assert!(listed.insert(name), "twice");
                }
                Ok((name, _)) => assert!(name == b"." || name == b".."),
                Err(Error::Again) => rest(&session),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(listed, wanted);
        assert!(handle.read(&mut [0]).unwrap_err().is(BadUseError));
        match call(&session, || handle.fstat()) {
            Ok(told) => assert_eq!(told.permissions & 0o170_000, 0o40_000),
            // OpenSSH's server has no answer to that.
            Err(error) => assert_eq!(error.status(), Some(4)),
        }
        call(&session, || handle.close()).unwrap();
        assert!(handle.readdir().next().unwrap().is_err());
        let file = open(&session, &sftp, &at(&here, "file 1"), LIBSSH2_FXF_READ);
        assert!(file.readdir().next().unwrap().unwrap_err().is(BadUseError));
    });
}

/// Each name has its own line, not that of the first.
#[test]
fn readdir_ex_has_the_line_of_each_entry() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        for name in ["one", "two", "three"] {
            fs::write(here.path().join(name), "").unwrap();
        }
        let directory = at(&here, "");
        let handle = call(&session, || sftp.opendir(&directory)).unwrap();
        let mut seen = 0;
        for entry in handle.readdir_ex() {
            match entry {
                Ok((name, line, _)) => {
                    assert!(line.ends_with(&name), "{}", line.escape_ascii());
                    seen += 1;
                }
                Err(Error::Again) => rest(&session),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(seen >= 3);
    });
}

#[test]
fn fstat_fsetstat_fstat_ex_fstatvfs_and_fsync() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let (file, name) = (here.path().join("f"), at(&here, "f"));
        let handle = open(&session, &sftp, &name, CREATES);
        call(&session, || handle.write("12345")).unwrap();
        assert_eq!(call(&session, || handle.fstat()).unwrap().filesize, 5);
        let attrs =
            SFTPAttributes { flags: LIBSSH2_SFTP_ATTR_PERMISSIONS, permissions: 0o640, ..SFTPAttributes::default() };
        call(&session, || handle.fsetstat(&attrs)).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
        let mut attrs = SFTPAttributes { flags: LIBSSH2_SFTP_ATTR_SIZE, filesize: 2, ..attrs };
        call(&session, || handle.fstat_ex(&mut attrs, true)).unwrap();
        call(&session, || handle.fstat_ex(&mut attrs, false)).unwrap();
        assert_eq!((attrs.filesize, attrs.permissions & 0o777), (2, 0o640));
        assert!(call(&session, || handle.fstatvfs()).unwrap().f_blocks > 0);
        call(&session, || handle.fsync()).unwrap();
    });
}

/// Offsets have 64 bits.
#[test]
fn tell64_tells_what_seek64_was_given() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let handle = open(&session, &sftp, &at(&here, "f"), CREATES);
        for offset in [5 << 32, (1 << 31) + 1, (1 << 32) - 1, u64::MAX] {
            handle.seek64(offset);
            assert_eq!((handle.tell64(), handle.tell()), (offset, offset));
        }
        handle.seek(5 << 32);
        assert_eq!(call(&session, || handle.write("end")), Ok(3));
        assert_eq!(handle.tell64(), (5 << 32) + 3);
        assert_eq!(call(&session, || handle.fstat()).unwrap().filesize, (5 << 32) + 3);
        handle.seek64(5 << 32);
        let mut end = [0; 3];
        assert_eq!(call(&session, || handle.read(&mut end)), Ok(3));
        assert_eq!(&end, b"end");
        handle.rewind();
        assert_eq!(handle.tell(), 0);
    });
}

/// A write on a handle that was just read from works, or fails; it never spins.
#[test]
fn a_write_after_a_read_works_or_fails() {
    each(|peer, mode| {
        let (session, sftp, here) = start(peer, mode);
        let name = at(&here, "f");
        fs::write(here.path().join("f"), noise(500_000)).unwrap();
        let handle = open(&session, &sftp, &name, LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE);
        let mut start = [0; 100];
        assert_eq!(call(&session, || handle.read(&mut start)), Ok(100));
        assert_eq!(call(&session, || handle.write("here")), Ok(4));
        assert_eq!(fs::read(here.path().join("f")).unwrap()[100..104], *b"here");
        let handle = open(&session, &sftp, &name, LIBSSH2_FXF_READ);
        assert_eq!(call(&session, || handle.read(&mut start)), Ok(100));
        let error = call(&session, || handle.write("here")).unwrap_err();
        assert!(error.is(SFTPProtocolError) && error.status().is_some(), "{error:?}");
        assert_ne!(sftp.last_error(), 0);
        // It is as good as before.
        assert_eq!(handle.tell64(), 100);
        assert_eq!(drain(&session, |space| handle.read(space)).len(), 499_900);
    });
}

#[test]
fn read_write_and_seek_as_std_has_them() {
    let Some(peer) = openssh(&[]) else { return };
    let (_, sftp, here) = start(&peer, Mode::Blocking);
    let data = noise(2_000_000);
    let mut handle = sftp.open(at(&here, "f"), CREATES, 0o600).unwrap();
    for piece in data.chunks(1000) {
        handle.write_all(piece).unwrap();
    }
    handle.flush().unwrap();
    assert_eq!(Seek::seek(&mut handle, SeekFrom::End(-10)).unwrap(), 1_999_990);
    let mut end = Vec::new();
    Read::read_to_end(&mut handle, &mut end).unwrap();
    assert_eq!(end, data[1_999_990..]);
    assert!(Seek::seek(&mut handle, SeekFrom::Current(-3_000_000)).is_err());
    assert_eq!(Seek::seek(&mut handle, SeekFrom::Start(7)).unwrap(), 7);
    let mut one = [0];
    Read::read_exact(&mut handle, &mut one).unwrap();
    assert_eq!(one[0], data[7]);
}

/// Handles go on side by side, each from where it was.
#[test]
fn handles_interleave_without_a_wait() {
    each(|peer, mode| {
        if mode == Mode::Blocking {
            return;
        }
        let (session, sftp, here) = start(peer, mode);
        let data = noise(700_000);
        fs::write(here.path().join("from"), &data).unwrap();
        let sources: Vec<_> = (0..3).map(|_| open(&session, &sftp, &at(&here, "from"), LIBSSH2_FXF_READ)).collect();
        let targets: Vec<_> = (0..3).map(|n| open(&session, &sftp, &at(&here, &format!("to{n}")), CREATES)).collect();
        let (mut read, mut written) = (vec![Vec::new(); 3], [false; 3]);
        let mut space = vec![0; 50_000];
        while read.iter().any(|read| read.len() < data.len()) || written.contains(&false) {
            // Whoever has got on may have more at once.
            let mut stuck = true;
            for at in 0..3 {
                match sources[at].read(&mut space) {
                    Ok(n) => {
                        stuck &= n == 0;
                        read[at].extend_from_slice(&space[..n]);
                    }
                    Err(error) => assert_eq!(error, Error::Again),
                }
                if !written[at] {
                    match targets[at].write(&data) {
                        Ok(n) => {
                            (stuck, written[at]) = (false, n == data.len());
                        }
                        Err(error) => assert_eq!(error, Error::Again),
                    }
                }
            }
            if stuck {
                rest(&session);
            }
        }
        assert!(read.iter().all(|read| *read == data));
        assert!((0..3).all(|n| fs::read(here.path().join(format!("to{n}"))).unwrap() == data));
    });
}

#[test]
fn what_was_dropped_is_closed_and_written() {
    for mode in MODES {
        let Some(peer) = openssh(&[]) else { return };
        let (session, sftp, here) = start(&peer, mode);
        let name = at(&here, "f");
        // More than a server has handles for.
        for _ in 0..1500 {
            drop(open(&session, &sftp, &name, CREATES));
        }
        let handle = open(&session, &sftp, &name, CREATES);
        feed(&session, b"text", |rest| handle.write(rest));
        drop(handle);
        assert_eq!(call(&session, || sftp.stat(&name)).unwrap().filesize, 4);
    }
}
