//! `handshake`, what came of it, and how it fails.

use crate::rig::{MODES, Mode, Ours, Peer, call, each, openssh, says};
use rustix::fs::{OFlags, fcntl_getfl};
use sanssh_compat::exceptions::*;
use sanssh_compat::session::*;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Config, EVERY_CIPHER, EVERY_KEX, Sshd};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs::File;
use std::net::TcpStream;
use std::process::Command;

#[test]
fn the_host_key_is_the_servers_and_its_type_and_hashes_are_told() {
    each(|peer, mode| {
        let session = Session::new();
        assert!(session.hostkey().unwrap_err().is(SessionHostKeyError));
        assert_eq!(session.hostkey_hash(LIBSSH2_HOSTKEY_HASH_SHA256), None);
        session.method_pref(LIBSSH2_METHOD_HOSTKEY, "ssh-ed25519").unwrap();
        session.set_blocking(mode == Mode::Blocking);
        let socket = peer.connect();
        call(&session, || session.handshake(&socket)).unwrap();
        let (key, kind) = session.hostkey().unwrap();
        assert_eq!(kind, LIBSSH2_HOSTKEY_TYPE_ED25519);
        let (ours, _) =
            sanssh_core::file::PublicKeyBuf::from_text(public(&Keys::shared().host(Kind::Ed25519)).as_bytes()).unwrap();
        assert_eq!(key, ours.blob());
        assert_eq!(session.methods(LIBSSH2_METHOD_HOSTKEY), Some("ssh-ed25519"));
    });
}

#[test]
fn every_type_of_host_key_has_its_number() {
    let Some(peer) = openssh(&["HostKeyAlgorithms +ssh-rsa"]) else { return };
    let types = [
        ("ssh-ed25519", LIBSSH2_HOSTKEY_TYPE_ED25519),
        ("ecdsa-sha2-nistp256", LIBSSH2_HOSTKEY_TYPE_ECDSA_256),
        ("ecdsa-sha2-nistp384", LIBSSH2_HOSTKEY_TYPE_ECDSA_384),
        ("ecdsa-sha2-nistp521", LIBSSH2_HOSTKEY_TYPE_ECDSA_521),
        ("rsa-sha2-512", LIBSSH2_HOSTKEY_TYPE_RSA),
        ("ssh-rsa", LIBSSH2_HOSTKEY_TYPE_RSA),
    ];
    for (name, number) in types {
        let session = Session::new();
        session.method_pref(LIBSSH2_METHOD_HOSTKEY, name).unwrap();
        session.handshake(peer.connect()).unwrap();
        assert_eq!(session.hostkey().unwrap().1, number, "{name}");
        assert_eq!(session.methods(LIBSSH2_METHOD_HOSTKEY), Some(name));
    }
}

#[test]
fn preferences_are_what_is_negotiated_and_old_methods_have_to_be_named() {
    let Some(peer) = openssh(&[EVERY_CIPHER, EVERY_KEX, "MACs +hmac-sha1"]) else { return };
    let rows = [
        (LIBSSH2_METHOD_KEX, "diffie-hellman-group14-sha1"),
        (LIBSSH2_METHOD_KEX, "curve25519-sha256"),
        (LIBSSH2_METHOD_CRYPT_CS, "aes128-cbc"),
        (LIBSSH2_METHOD_CRYPT_SC, "3des-cbc"),
        (LIBSSH2_METHOD_CRYPT_SC, "aes256-ctr"),
        (LIBSSH2_METHOD_CRYPT_CS, "chacha20-poly1305@openssh.com"),
    ];
    for (method, name) in rows {
        let session = Session::new();
        session.method_pref(method, &format!("nonsense,{name}")).unwrap();
        session.handshake(peer.connect()).unwrap();
        assert_eq!(session.methods(method), Some(name));
        let late = session.method_pref(method, name).unwrap_err();
        assert!(late.is(BadUseError), "{late}");
    }
    let session = Session::new();
    session.method_pref(LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr").unwrap();
    session.method_pref(LIBSSH2_METHOD_MAC_SC, "hmac-sha1").unwrap();
    session.flag(LIBSSH2_FLAG_COMPRESS, true).unwrap();
    session.handshake(peer.connect()).unwrap();
    assert_eq!(session.methods(LIBSSH2_METHOD_MAC_CS), Some("hmac-sha1"));
    assert_eq!(session.methods(LIBSSH2_METHOD_COMP_SC), Some("zlib@openssh.com"));
    assert_eq!(session.methods(LIBSSH2_METHOD_LANG_CS), Some(""));
    assert_eq!(session.methods(LIBSSH2_METHOD_CRYPT_SC), Some("aes128-ctr"));
}

#[test]
fn a_cipher_that_authenticates_names_no_mac_of_its_own() {
    let peer = Peer::Ours(Ours::start());
    for (cipher, mac) in [
        ("aes256-gcm@openssh.com", "INTEGRATED-AES-GCM"),
        ("chacha20-poly1305@openssh.com", "INTEGRATED-CHACHA20-POLY1305"),
    ] {
        let session = Session::new();
        session.method_pref(LIBSSH2_METHOD_CRYPT_CS, cipher).unwrap();
        session.handshake(peer.connect()).unwrap();
        assert_eq!(session.methods(LIBSSH2_METHOD_MAC_CS), Some(mac));
    }
}

#[test]
fn a_host_key_of_1024_bits_is_taken() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("short");
    run(Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "1024", "-m", "PEM", "-N", "", "-f"]).arg(&file));
    let option = format!("HostKey {}", file.display());
    let server = Sshd::with(Config { options: &[&option], host_keys: &[], ..Config::default() });
    for mode in MODES {
        let session = Session::new();
        session.set_blocking(mode == Mode::Blocking);
        let socket = TcpStream::connect(server.address()).unwrap();
        call(&session, || session.handshake(&socket)).unwrap();
        assert_eq!(session.hostkey().unwrap().1, LIBSSH2_HOSTKEY_TYPE_RSA);
    }
}

/// Which error for which way to fail.
#[test]
fn handshakes_fail_as_documented() {
    let rows: [(&'static [u8], Exception); 4] = [
        (b"", SocketRecvError),
        (b"junk\r\nmore junk\r\n", SocketRecvError),
        (b"SSH-2.0-thing\r\n", SSH2Error),
        (b"SSH-1.5-thing\r\n", SSH2Error),
    ];
    for (words, exception) in rows {
        for mode in MODES {
            let session = Session::new();
            session.set_blocking(mode == Mode::Blocking);
            let socket = says(words, false);
            let error = call(&session, || session.handshake(&socket)).unwrap_err();
            let Error::Raised(raised) = &error else { panic!("{error}") };
            assert_eq!(raised.exception, exception, "{} {mode:?}: {error}", words.escape_ascii());
            assert_eq!(session.last_errno(), error.code());
            assert_eq!(session.last_error(), error.to_string());
            // It stays so.
            assert!(call(&session, || session.handshake(&socket)).is_err());
        }
    }
}

#[test]
fn a_silent_server_ends_in_a_timeout_and_what_is_no_socket_in_a_socket_error() {
    let session = Session::new();
    session.set_timeout(50);
    let error = session.handshake(says(b"", true)).unwrap_err();
    assert!(error.is(Timeout) && session.last_errno() == -9, "{error}");
    assert_eq!(session.last_error(), "Timed out waiting on socket");
    let session = Session::new();
    let error = session.handshake(File::open("/dev/null").unwrap()).unwrap_err();
    assert!(error.is(SocketRecvError), "{error}");
}

#[test]
fn nothing_in_common_is_a_failure_of_the_exchange() {
    let Some(peer) = openssh(&["KexAlgorithms curve25519-sha256"]) else { return };
    let session = Session::new();
    session.method_pref(LIBSSH2_METHOD_KEX, "ecdh-sha2-nistp256").unwrap();
    let error = session.handshake(peer.connect()).unwrap_err();
    assert!(error.is(KexFailureError) && error.code() == -5, "{error}");
}

#[test]
fn a_session_has_one_connection() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.shaken(Mode::Blocking);
    assert!(session.handshake(peer.connect()).unwrap_err().is(BadUseError));
    assert!(session.flag(LIBSSH2_FLAG_COMPRESS, true).unwrap_err().is(BadUseError));
    let session = Session::new();
    #[expect(deprecated, reason = "the name is there")]
    session.startup(peer.connect()).unwrap();
}

#[test]
fn the_socket_stays_the_callers() {
    let Some(peer) = openssh(&[]) else { return };
    let Peer::OpenSsh(server) = &peer else { return };
    for nonblocking in [false, true] {
        let socket = peer.connect();
        socket.set_nonblocking(nonblocking).unwrap();
        let session = Session::new();
        assert!(session.sock().is_none());
        session.handshake(&socket).unwrap();
        assert!(session.sock().is_some());
        drop(session);
        // Nobody has said goodbye, and it takes bytes still.
        assert_eq!(fcntl_getfl(&socket).unwrap().contains(OFlags::NONBLOCK), nonblocking);
        std::io::Write::write_all(&mut &socket, &[0; 64]).unwrap();
        assert!(!server.log().contains("Received disconnect"), "{}", server.log());
    }
}

#[test]
fn disconnect_says_so_and_leaves_the_socket_open() {
    let Some(peer) = openssh(&["LogLevel DEBUG1"]) else { return };
    let Peer::OpenSsh(server) = &peer else { return };
    let socket = peer.connect();
    let session = Session::new();
    session.disconnect().unwrap();
    session.handshake(&socket).unwrap();
    session.disconnect().unwrap();
    session.disconnect().unwrap();
    assert!(server.says("Received disconnect from 127.0.0.1"), "{}", server.log());
    let error = session.userauth_password("user", "password").unwrap_err();
    assert!(error.is(SocketSendError) || error.is(SocketRecvError), "{error}");
    socket.local_addr().unwrap();
}
