//! Files by scp under their documented names, against OpenSSH's `scp` and our own.

use crate::rig::{MODES, call, drain, each, feed, openssh};
use crate::sftp::at;
use sanssh_compat::channel::Channel;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Names that a shell would do something with.
const NAMES: [&str; 4] = ["plain", "with 'quotes' and blanks", "$(touch hit); *?~", "-r"];

/// Exactly so many bytes.
fn contents(session: &Session, channel: &Channel, size: u64) -> Vec<u8> {
    let (mut all, mut space) = (Vec::new(), [0; 10_000]);
    while (all.len() as u64) < size {
        let most = space.len().min(usize::try_from(size).unwrap() - all.len());
        let n = call(session, || channel.read(&mut space[..most])).unwrap();
        assert_ne!(n, 0, "it ends early");
        all.extend_from_slice(&space[..n]);
    }
    all
}

fn finish(session: &Session, channel: &Channel) {
    call(session, || channel.send_eof()).unwrap();
    drain(session, |space| channel.read(space));
    call(session, || channel.wait_eof()).unwrap();
    call(session, || channel.close()).unwrap();
    call(session, || channel.wait_closed()).unwrap();
}

#[test]
fn scp_recv2_tells_what_comes_and_gives_it() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let here = tempfile::tempdir().unwrap();
        for name in NAMES {
            let (file, data) = (here.path().join(name), vec![7; 300_000]);
            fs::write(&file, &data).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
            let path = at(&here, name);
            let (channel, told) = call(&session, || session.scp_recv2(&path)).unwrap();
            let real = file.metadata().unwrap();
            assert_eq!((told.st_size, told.st_mode, told.st_mtime), (300_000, 0o640, real.mtime()));
            assert_eq!((told.st_atime > 0, told.st_uid, told.st_nlink), (true, 0, 0));
            assert!(contents(&session, &channel, told.st_size) == data);
            // The server's word that it could read all of it, and no more.
            let mut word = [1; 5];
            assert_eq!((call(&session, || channel.read(&mut word)), word[0]), (Ok(1), 0));
        }
        #[expect(deprecated, reason = "it is documented")]
        let (_, told) = call(&session, || session.scp_recv(at(&here, "plain"))).unwrap();
        assert_eq!(told.st_size, 300_000);
    });
}

#[test]
fn a_file_that_is_not_there_is_refused_with_the_servers_words() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let here = tempfile::tempdir().unwrap();
        let error = call(&session, || session.scp_recv2(at(&here, "none"))).unwrap_err();
        assert!(error.is(SCPProtocolError) && error.code() == -28, "{error:?}");
        assert!(error.to_string().contains("o such file"), "{error}");
        let error = call(&session, || session.scp_send64(at(&here, "none/f"), 0o644, 5, 0, 0)).map(drop).unwrap_err();
        assert!(error.is(SCPProtocolError), "{error:?}");
        assert!(session.scp_recv2(b"a\0b").unwrap_err().is(InvalidRequestError));
        // The session is as good as before.
        fs::write(here.path().join("f"), "text").unwrap();
        let (channel, told) = call(&session, || session.scp_recv2(at(&here, "f"))).unwrap();
        assert_eq!(contents(&session, &channel, told.st_size), b"text");
    });
    let Some(peer) = openssh(&[]) else { return };
    for mode in MODES {
        assert!(peer.shaken(mode).scp_recv2("f").unwrap_err().is(BadUseError));
    }
}

#[test]
fn scp_send64_stores_contents_mode_and_times() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let here = tempfile::tempdir().unwrap();
        for (name, length) in NAMES.into_iter().zip([300_000, 1, 0, 77]) {
            let (path, data) = (at(&here, name), vec![9; length]);
            let send = || session.scp_send64(&path, 0o640, length as u64, 1_000_000, 2_000_000);
            let channel = call(&session, send).unwrap();
            feed(&session, &data, |rest| channel.write(rest));
            finish(&session, &channel);
            assert_eq!(channel.get_exit_status(), 0);
            let file = here.path().join(name);
            let real = file.metadata().unwrap();
            assert_eq!((real.mode() & 0o777, real.mtime(), real.atime()), (0o640, 1_000_000, 2_000_000), "{name}");
            assert!(fs::read(&file).unwrap() == data);
        }
    });
}

#[test]
fn scp_send_has_no_times_and_takes_a_zero_byte_from_those_who_send_it() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let here = tempfile::tempdir().unwrap();
        let path = at(&here, "f");
        #[expect(deprecated, reason = "it is documented")]
        let channel = call(&session, || session.scp_send(&path, 0o600, 4)).unwrap();
        feed(&session, b"text", |rest| channel.write(rest));
        assert_eq!(channel.write(b"\0"), Ok(1));
        finish(&session, &channel);
        assert_eq!(channel.get_exit_status(), 0);
        assert_eq!(fs::read(here.path().join("f")).unwrap(), b"text");
        assert!(fs::metadata(here.path().join("f")).unwrap().mtime() > 1_000_000);
    });
}
