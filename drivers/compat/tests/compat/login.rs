//! Every way to log in.

use crate::rig::{MODES, Mode, Ours, Peer, call, each, openssh};
use sanssh_compat::exceptions::*;
use sanssh_std::home;
use sanssh_tests::keys::{Keys, Kind, PASSPHRASE, public};
use sanssh_tests::user::PasswordUser;
use std::fs;

#[test]
fn keys_from_files_and_from_memory_log_in() {
    each(|peer, mode| {
        for kind in Kind::ALL {
            let file = Keys::shared().client(kind);
            let session = peer.shaken(mode);
            assert!(!session.userauth_authenticated());
            call(&session, || session.userauth_publickey_fromfile(peer.user(), &file, "not wanted", None)).unwrap();
            assert!(session.userauth_authenticated());
            let session = peer.shaken(mode);
            let (private, line) = (fs::read(&file).unwrap(), public(&file));
            let publickey = Some(line.as_bytes());
            call(&session, || session.userauth_publickey_frommemory(peer.user(), &private, "", publickey)).unwrap();
            assert!(session.userauth_authenticated());
        }
    });
}

#[test]
fn a_locked_key_wants_its_passphrase() {
    each(|peer, mode| {
        let (file, session) = (Keys::shared().locked(), peer.shaken(mode));
        let login =
            |passphrase| call(&session, || session.userauth_publickey_fromfile(peer.user(), &file, passphrase, None));
        assert!(login("").unwrap_err().is(FileError));
        let wrong = login("wrong").unwrap_err();
        assert!(wrong.is(KeyfileAuthFailedError), "{wrong}");
        login(PASSPHRASE).unwrap();
    });
}

#[test]
fn keys_that_are_refused_or_are_none() {
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let login = |file: &std::path::Path| {
            call(&session, || session.userauth_publickey_fromfile(peer.user(), file, "", None))
        };
        let refused = login(&Keys::shared().stranger()).unwrap_err();
        assert!(refused.is(AuthenticationError) && refused.code() == -18, "{refused}");
        assert_eq!(session.last_errno(), -18);
        let missing = login("/nowhere/at/all".as_ref()).unwrap_err();
        assert!(missing.is(FileError) && missing.to_string().contains("/nowhere/at/all"), "{missing}");
        let none = call(&session, || session.userauth_publickey_frommemory(peer.user(), b"no key", "", None));
        assert!(none.unwrap_err().is(FileError));
        assert!(!session.userauth_authenticated());
        login(&Keys::shared().client(Kind::Ed25519)).unwrap();
    });
}

#[test]
fn a_signature_can_come_from_elsewhere() {
    each(|peer, mode| {
        let file = Keys::shared().client(Kind::Rsa);
        let session = peer.shaken(mode);
        let line = public(&file);
        let sign = |file: &std::path::Path| {
            let key = home::read_key(file, None).unwrap();
            move |algorithm, message: &[u8]| key.sign(algorithm, message).ok()
        };
        let silent = call(&session, || session.userauth_publickey(peer.user(), line.as_bytes(), |_, _| None));
        assert!(silent.unwrap_err().is(AuthenticationError));
        let stranger = public(&Keys::shared().stranger());
        let asked = call(&session, || {
            session.userauth_publickey(peer.user(), stranger.as_bytes(), |_, _| panic!("nobody wants that signature"))
        });
        assert!(asked.unwrap_err().is(AuthenticationError));
        let none = call(&session, || session.userauth_publickey(peer.user(), b"nothing", |_, _| None));
        assert!(none.unwrap_err().is(FileError));
        call(&session, || session.userauth_publickey(peer.user(), line.as_bytes(), sign(&file))).unwrap();
        assert!(session.userauth_authenticated());
    });
}

#[test]
fn a_signature_that_is_refused_is_told_from_a_key_that_is() {
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = peer.shaken(mode);
        let file = Keys::shared().client(Kind::Ed25519);
        let error = call(&session, || {
            let key = home::read_key(&file, None).unwrap();
            session.userauth_publickey("picky", public(&file).as_bytes(), move |algorithm, message| {
                key.sign(algorithm, message).ok()
            })
        });
        let error = error.unwrap_err();
        assert!(error.is(PublickeyUnverifiedError) && error.code() == -19, "{error}");
    }
}

#[test]
fn passwords_that_are_right_wrong_expired_and_not_enough() {
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = peer.shaken(mode);
        let login = |password| call(&session, || session.userauth_password("somebody", password));
        assert!(login("wrong").unwrap_err().is(AuthenticationError));
        let expired = login("old").unwrap_err();
        assert!(expired.is(PasswordExpiredError) && expired.to_string().contains("it is old"), "{expired}");
        assert_eq!(session.userauth_partial(), None);
        assert!(login("more").unwrap_err().is(AuthenticationError));
        assert_eq!(session.userauth_partial(), Some(vec!["publickey"]));
        let session = peer.shaken(mode);
        call(&session, || session.userauth_password("somebody", "pass")).unwrap();
        assert!(session.userauth_authenticated());
    }
}

#[test]
fn the_systems_passwords() {
    let Some(user) = PasswordUser::create() else { return };
    let Some(peer) = openssh(&["PasswordAuthentication yes"]) else { return };
    for mode in MODES {
        let session = peer.shaken(mode);
        let list = call(&session, || session.userauth_list(user.name())).unwrap();
        assert_eq!(list, Some(vec!["publickey", "password"]));
        call(&session, || session.userauth_password(user.name(), "wrong")).unwrap_err();
        call(&session, || session.userauth_password(user.name(), user.password())).unwrap();
    }
}

#[test]
fn questions_are_answered_by_a_function_or_by_one_answer() {
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = peer.shaken(mode);
        let none = call(&session, || session.userauth_keyboardinteractive_callback("somebody", |_, _, _| Vec::new()));
        assert!(none.unwrap_err().is(AuthenticationError));
        call(&session, || {
            session.userauth_keyboardinteractive_callback("somebody", |name, instruction, prompts| {
                assert_eq!((name, instruction), ("title", "say"));
                assert_eq!((prompts[0].text.as_str(), prompts[0].echo, prompts[1].echo), ("one", false, true));
                vec!["red".to_owned(), "blue".to_owned()]
            })
        })
        .unwrap();
        let session = peer.shaken(mode);
        assert!(call(&session, || session.userauth_keyboardinteractive("somebody", "wrong")).is_err());
        call(&session, || session.userauth_keyboardinteractive("somebody", "pass")).unwrap();
    }
}

#[test]
fn a_host_can_vouch() {
    let peer = Peer::Ours(Ours::start());
    let file = Keys::shared().host(Kind::Ed25519);
    for mode in MODES {
        let session = peer.shaken(mode);
        let login = |host| call(&session, || session.userauth_hostbased_fromfile("somebody", &file, host, None, ""));
        assert!(login("other.example").unwrap_err().is(AuthenticationError));
        login("client.example").unwrap();
        let session = peer.shaken(mode);
        let none = call(&session, || session.userauth_hostbased_fromfile("somebody", "/nowhere", "h", None, ""));
        assert!(none.unwrap_err().is(FileError));
    }
}

#[test]
fn the_list_of_methods_and_none_once_logged_in() {
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let list = call(&session, || session.userauth_list(peer.user())).unwrap().unwrap();
        assert!(list.contains(&"publickey"), "{list:?}");
        let session = peer.session(mode);
        assert_eq!(session.userauth_list(peer.user()), Ok(None));
    });
}

/// Of a login that is not gone on with, nothing stays behind.
#[test]
fn a_login_that_is_given_up_does_not_stand_in_the_way() {
    each(|peer, mode| {
        if mode == Mode::Blocking {
            return;
        }
        let session = peer.shaken(mode);
        assert_eq!(session.userauth_list(peer.user()), Err(Error::Again));
        let stranger = Keys::shared().stranger();
        let begun = session.userauth_publickey_fromfile(peer.user(), &stranger, "", None);
        assert_eq!(begun, Err(Error::Again));
        let key = Keys::shared().client(Kind::Ecdsa);
        call(&session, || session.userauth_publickey_fromfile(peer.user(), &key, "", None)).unwrap();
        assert!(session.userauth_authenticated());
    });
}

#[test]
fn before_the_handshake_nobody_logs_in() {
    let session = sanssh_compat::session::Session::new();
    assert!(session.userauth_password("user", "password").unwrap_err().is(SocketRecvError));
    assert!(!session.userauth_authenticated());
    let peer = Peer::Ours(Ours::start());
    session.set_blocking(false);
    assert_eq!(session.handshake(peer.connect()), Err(Error::Again));
    assert!(session.userauth_password("user", "password").unwrap_err().is(BadUseError));
}
