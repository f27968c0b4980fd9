//! Agents and their keys by their documented names.

use crate::rig::{MODES, Mode, Ours, Peer, call, each, openssh};
use sanssh_compat::Error;
use sanssh_compat::agent::Agent;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use sanssh_core::agent::Constraints;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_std::{Agent as Inner, home};
use sanssh_tests::agents::{Foreign, Ours as OurAgent};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::peers;
use std::path::Path;
use std::process::Command;

/// OpenSSH's agent, with a key that opens nothing and one that does.
fn filled() -> Option<Foreign> {
    if !peers::require(&["ssh-agent", "ssh-add", "sshd", "ssh-keygen"]) {
        return None;
    }
    let agent = Foreign::start();
    let mut inner = Inner::connect(&agent.socket()).unwrap();
    for file in [Keys::shared().stranger(), Keys::shared().client(Kind::Ed25519)] {
        inner.add(&home::read_key(&file, None).unwrap(), "a comment", &Constraints::default()).unwrap();
    }
    Some(agent)
}

fn agent(session: &Session, socket: &Path) -> Agent {
    let agent = session.agent_init();
    agent.set_identity_path(socket);
    agent.connect().unwrap();
    agent
}

fn blob(file: &Path) -> Vec<u8> {
    PublicKeyBuf::read(public(file).as_bytes()).unwrap().0.blob().to_vec()
}

#[test]
fn connect_get_identities_userauth_and_disconnect() {
    let Some(socket) = filled() else { return };
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let agent = agent(&session, &socket.socket());
        assert_eq!(agent.list_identities(), Ok(()));
        let keys = agent.get_identities().unwrap();
        let [stranger, known] = &keys[..] else { panic!("two keys") };
        assert_eq!(known.blob(), blob(&Keys::shared().client(Kind::Ed25519)));
        assert_eq!((known.blob_len(), known.comment(), known.magic()), (51, &b"a comment"[..], 0x3bde_fed2));
        let error = call(&session, || agent.userauth(peer.user(), stranger)).unwrap_err();
        assert!(error.is(AgentAuthenticationError) && error.code() == -18, "{error:?}");
        assert!(error.is(AuthenticationError) && !session.userauth_authenticated());
        call(&session, || agent.userauth(peer.user(), known)).unwrap();
        assert!(session.userauth_authenticated());
        assert_eq!(agent.userauth(peer.user(), stranger), Ok(()));
        assert_eq!((agent.disconnect(), agent.disconnect()), (Ok(()), Ok(())));
        let error = agent.get_identities().unwrap_err();
        assert!(error.is(AgentListIdentitiesError) && error.is(AgentError), "{error:?}");
        assert_eq!(session.last_errno(), error.code());
        agent.connect().unwrap();
        assert_eq!(agent.get_identities().unwrap(), keys);
    });
}

#[test]
fn every_kind_of_key_logs_in() {
    let Some(peer) = openssh(&[]) else { return };
    let Some(socket) = filled() else { return };
    let mut inner = Inner::connect(&socket.socket()).unwrap();
    for kind in Kind::ALL {
        let key = home::read_key(&Keys::shared().client(kind), None).unwrap();
        inner.add(&key, "", &Constraints::default()).unwrap();
        for mode in MODES {
            let session = peer.shaken(mode);
            let agent = agent(&session, &socket.socket());
            let keys = agent.get_identities().unwrap();
            let found = keys.iter().find(|one| one.blob() == key.public()).unwrap();
            call(&session, || agent.userauth(peer.user(), found)).unwrap();
        }
    }
}

#[test]
fn set_identity_path_says_where_the_agent_is() {
    let session = Session::new();
    let agent = session.agent_init();
    assert_eq!(agent.get_identity_path(), None);
    agent.set_identity_path("/nowhere/agent");
    assert_eq!(agent.get_identity_path().as_deref(), Some(Path::new("/nowhere/agent")));
    let error = agent.connect().unwrap_err();
    assert!(error.is(AgentConnectionError) && error.to_string().contains("/nowhere/agent"), "{error:?}");
    assert!(agent.get_identities().unwrap_err().is(AgentListIdentitiesError));
    let ours = OurAgent::start();
    agent.set_identity_path(ours.socket());
    agent.connect().unwrap();
    assert_eq!(agent.get_identities(), Ok(vec![]));
}

#[test]
fn an_agent_that_does_not_sign_does_not_log_in() {
    let ours = OurAgent::start();
    let mut inner = Inner::connect(&ours.socket()).unwrap();
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    inner.add(&key, "", &Constraints { confirm: true, ..Constraints::default() }).unwrap();
    ours.agree(false);
    each(|peer, mode| {
        let session = peer.shaken(mode);
        let agent = agent(&session, &ours.socket());
        let keys = agent.get_identities().unwrap();
        let error = call(&session, || agent.userauth(peer.user(), &keys[0])).unwrap_err();
        assert!(error.is(AgentAuthenticationError), "{error:?}");
        agent.disconnect().unwrap();
        assert!(call(&session, || agent.userauth(peer.user(), &keys[0])).unwrap_err().is(AgentConnectionError));
    });
}

/// A signature by the agent takes as long as it takes; what is pending with the server does not stand in the way.
#[test]
fn a_login_that_is_given_up_is_followed_by_another() {
    let Some(socket) = filled() else { return };
    let peer = Peer::Ours(Ours::start());
    let session = peer.shaken(Mode::NonBlocking);
    let agent = agent(&session, &socket.socket());
    let keys = agent.get_identities().unwrap();
    assert_eq!(agent.userauth(peer.user(), &keys[0]), Err(Error::Again));
    call(&session, || agent.userauth(peer.user(), &keys[1])).unwrap();
}

/// [`Session::agent_auth`] finds the agent by a variable, so it has a process of its own.
#[test]
fn agent_auth_tries_every_key() {
    if std::env::var_os("TEST_EXPECTED").is_some() {
        return agent_auth_by_the_variable();
    }
    let Some(socket) = filled() else { return };
    let empty = OurAgent::start();
    each(|peer, mode| {
        for (socket, expected) in [(Some(socket.socket()), "in"), (Some(empty.socket()), "refused"), (None, "no agent")]
        {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "agent::agent_auth_tries_every_key", "--nocapture"]);
            child.env("TEST_SERVER", peer.address().to_string()).env("TEST_USER", peer.user());
            child.env("TEST_BLOCKING", if mode == Mode::Blocking { "1" } else { "0" }).env("TEST_EXPECTED", expected);
            child.env_remove("SSH_AUTH_SOCK").envs(socket.map(|socket| ("SSH_AUTH_SOCK", socket)));
            let output = child.output().unwrap();
            assert!(output.status.success(), "{expected}: {}", String::from_utf8_lossy(&output.stdout));
        }
    });
}

fn agent_auth_by_the_variable() {
    let given = |name: &str| std::env::var(name).unwrap();
    let session = Session::new();
    session.set_blocking(given("TEST_BLOCKING") == "1");
    let socket = std::net::TcpStream::connect(given("TEST_SERVER")).unwrap();
    call(&session, || session.handshake(&socket)).unwrap();
    let outcome = call(&session, || session.agent_auth(&given("TEST_USER")));
    let (fits, expected) = match outcome {
        Ok(()) => (session.userauth_authenticated(), "in"),
        Err(error) if error.is(AgentConnectionError) => (true, "no agent"),
        Err(error) => (error.is(AgentAuthenticationError), "refused"),
    };
    assert!(fits);
    assert_eq!(expected, given("TEST_EXPECTED"));
}

/// Keys may be held to destinations, which the agent can only follow if it is told of the server.
#[test]
fn an_agent_keeps_keys_for_other_servers_to_itself() {
    let Some(peer) = openssh(&[]) else { return };
    let ours = OurAgent::start();
    let mut inner = Inner::connect(&ours.socket()).unwrap();
    inner.add(&SigningKey::ed25519(&[3; 32]), "anywhere", &Constraints::default()).unwrap();
    let keys = [sanssh_core::agent::HopKey { key: &blob(&Keys::shared().stranger()), authority: false }];
    let to = sanssh_core::agent::Hop { user: b"", host: b"elsewhere", keys: sanssh_core::wire::Sequence::new(&keys) };
    let destinations = [sanssh_core::agent::Destination { from: sanssh_core::agent::Hop::ORIGIN, to }];
    let destinations = Some(sanssh_core::wire::Sequence::new(&destinations));
    let bound = Constraints { destinations, ..Constraints::default() };
    inner.add(&SigningKey::ed25519(&[4; 32]), "elsewhere", &bound).unwrap();
    let session = peer.shaken(Mode::Blocking);
    let comments =
        |agent: &Agent| agent.get_identities().unwrap().iter().map(|key| key.comment().to_vec()).collect::<Vec<_>>();
    assert_eq!(comments(&agent(&session, &ours.socket())), [b"anywhere"]);
    assert_eq!(comments(&agent(&Session::new(), &ours.socket())).len(), 2);
}
