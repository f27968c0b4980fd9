//! What is wrong in the documented library's releases, each by its row: here it is right.

use crate::rig::{Ours, Peer, call, drain, each, openssh};
use sanssh_compat::exceptions::*;
use sanssh_compat::session::*;
use sanssh_compat::utils;
use sanssh_std::core::file::PublicKeyBuf;
use sha2::{Digest, Sha256};

/// Digests are no C strings: a byte too many, or too few after a zero.
#[test]
fn hostkey_hash_has_the_length_of_its_digest() {
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let (key, _) = session.hostkey().unwrap();
        let lengths = [LIBSSH2_HOSTKEY_HASH_MD5, LIBSSH2_HOSTKEY_HASH_SHA1, LIBSSH2_HOSTKEY_HASH_SHA256]
            .map(|hash| session.hostkey_hash(hash).unwrap().len());
        assert_eq!(lengths, [16, 20, 32]);
        assert_eq!(session.hostkey_hash(LIBSSH2_HOSTKEY_HASH_SHA256).unwrap(), Sha256::digest(&key).to_vec());
        let known = PublicKeyBuf::from_blob(&key).unwrap();
        let md5 = session.hostkey_hash(LIBSSH2_HOSTKEY_HASH_MD5).unwrap();
        let shown: Vec<_> = md5.iter().map(|byte| format!("{byte:02x}")).collect();
        let fingerprint = sanssh_std::core::file::public::Hash::Md5.fingerprint(known.blob());
        assert_eq!(fingerprint.trim_start_matches("MD5:"), shown.join(":"));
        assert_eq!((session.hostkey_hash(0), session.hostkey_hash(9)), (None, None));
    });
}

#[test]
fn get_exit_signal_names_the_signal() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = call(&session, || session.open_session()).unwrap();
        call(&session, || channel.execute("kill -TERM $$")).unwrap();
        drain(&session, |space| channel.read(space));
        call(&session, || channel.close()).unwrap();
        assert_eq!(channel.get_exit_signal().unwrap().exit_signal, "TERM");
    });
}

#[test]
fn find_eol_does_not_lose_what_stands_before_a_later_return() {
    assert_eq!(utils::find_eol(b"line\nline2\r\n", 0), Some((4, 1)));
}

#[test]
fn writing_nothing_writes_nothing() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = call(&session, || session.open_session()).unwrap();
        assert_eq!((channel.write(b""), channel.write_stderr(b"")), (Ok(0), Ok(0)));
    });
}

#[test]
fn open_session_before_the_login_fails_at_once() {
    each(|peer, mode| {
        let session = peer.shaken(mode);
        for error in [
            session.open_session().unwrap_err(),
            session.direct_tcpip("127.0.0.1", 1).unwrap_err(),
            session.direct_streamlocal_ex("/nowhere", "", 0).unwrap_err(),
        ] {
            assert!(error.is(BadUseError) && error.code() == -39, "{error}");
        }
    });
}

#[test]
fn a_login_after_a_login_is_through_at_once() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let sign = |_, _: &[u8]| panic!("nobody asks for it");
        assert_eq!(session.userauth_password("other", "wrong"), Ok(()));
        assert_eq!(session.userauth_keyboardinteractive("other", "wrong"), Ok(()));
        assert_eq!(session.userauth_publickey_fromfile("other", "/nowhere", "", None), Ok(()));
        assert_eq!(session.userauth_publickey_frommemory("other", b"", "", None), Ok(()));
        assert_eq!(session.userauth_publickey("other", b"", sign), Ok(()));
        assert_eq!(session.userauth_hostbased_fromfile("other", "/nowhere", "", None, ""), Ok(()));
        assert_eq!(session.userauth_list("other"), Ok(None));
    });
}

/// It waits for the server's CLOSE, not for whatever comes next.
#[test]
fn close_waits_for_the_servers_close() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = call(&session, || session.open_session()).unwrap();
        call(&session, || channel.execute("head -c 300000 /dev/zero; exit 5")).unwrap();
        drain(&session, |space| channel.read(space));
        call(&session, || channel.close()).unwrap();
        // So nothing is left to wait for.
        assert_eq!(channel.wait_closed(), Ok(()));
        assert_eq!(channel.get_exit_status(), 5);
    });
}

/// That a call would wait is not mistaken for a login.
#[test]
fn userauth_list_tells_would_wait_from_logged_in() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.shaken(crate::rig::Mode::NonBlocking);
    assert_eq!(session.userauth_list("somebody"), Err(Error::Again));
    assert_eq!(session.last_errno(), -37);
    assert!(call(&session, || session.userauth_list("somebody")).unwrap().is_some());
}

/// The markers of a KEXINIT are never part of preferences, and never lost by them.
#[test]
fn method_pref_keeps_strict_key_exchange() {
    let Some(peer) = openssh(&["LogLevel DEBUG3"]) else { return };
    let Peer::OpenSsh(server) = &peer else { return };
    let session = Session::new();
    session.method_pref(LIBSSH2_METHOD_KEX, "curve25519-sha256").unwrap();
    session.handshake(peer.connect()).unwrap();
    let log = server.log();
    assert!(log.contains("kex-strict-c-v00@openssh.com"), "{log}");
}
