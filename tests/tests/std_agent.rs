//! The blocking client and OpenSSH's agent; OpenSSH's tools and a keyring of ours; logins by agent at OpenSSH's server.

use core::time::Duration;
use sanssh_std::core::agent::{Constraints, Destination, Destinations, Hop, HopKey};
use sanssh_std::core::algorithm::HostKey;
use sanssh_std::core::crypto::fast::Fast;
use sanssh_std::core::crypto::signature::{PublicKey, verify};
use sanssh_std::core::file::{PublicKeyBuf, SigningKey};
use sanssh_std::core::wire::Sequence;
use sanssh_std::{Agent, Client, Error, KnownHosts, Login, Options, home};
use sanssh_tests::agents::{Foreign, Ours};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::process::Command;

const TOOLS: [&str; 4] = ["ssh-agent", "ssh-add", "ssh-keygen", "sshd"];

fn key(kind: Kind) -> SigningKey {
    home::read_key(&Keys::shared().client(kind), None).expect("a key")
}

fn blob(file: &std::path::Path) -> Vec<u8> {
    PublicKeyBuf::read(public(file).as_bytes()).expect("a public key").0.blob().to_vec()
}

/// A connection to a server, with its host key trusted.
fn connect(server: &Sshd) -> Client {
    let options = Options { connect_timeout: Some(Duration::from_secs(30)), ..Options::default() };
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).expect("a connection");
    client.set_timeout(Some(Duration::from_secs(30)));
    client
}

/// What `ssh-add` says, and whether it succeeds.
fn add(socket: &std::path::Path, arguments: &[&str]) -> (bool, String) {
    let mut tool = Command::new(peers::path("ssh-add"));
    let output = tool.env("SSH_AUTH_SOCK", socket).args(arguments).output().expect("ssh-add");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn every_kind_of_key_in_openssh_s_agent_signs() {
    if !peers::require(&TOOLS) {
        return;
    }
    let agent = Foreign::start();
    for kind in Kind::ALL {
        assert!(add(&agent.socket(), &["-q", Keys::shared().client(kind).to_str().expect("text")]).0);
    }
    let mut ours = Agent::connect(&agent.socket()).expect("an agent");
    let identities = ours.identities().expect("a list");
    assert_eq!(identities.len(), Kind::ALL.len());
    for identity in identities {
        let key = PublicKey::decode(&identity.key, 2048).expect("a key");
        assert_eq!(identity.comment, "sanssh test");
        for algorithm in HostKey::ALL.iter().copied().filter(|one| key.suits(*one) && *one != HostKey::RsaSha1) {
            let signature = ours.sign(&identity.key, algorithm, b"a message").expect("a signature");
            assert!(verify::<Fast>(algorithm, &key, b"a message", &signature).is_ok(), "{algorithm}");
        }
        // What it makes without being asked for an algorithm is not what was asked for.
        let other = if key.suits(HostKey::Ed25519) { HostKey::EcdsaP256 } else { HostKey::Ed25519 };
        assert!(matches!(ours.sign(&identity.key, other, b"a message"), Err(Error::AgentRefused)));
    }
}

#[test]
fn openssh_s_agent_takes_keys_and_forgets_them() {
    if !peers::require(&TOOLS) {
        return;
    }
    let agent = Foreign::start();
    let mut ours = Agent::connect(&agent.socket()).expect("an agent");
    let first = SigningKey::ed25519(&[1; 32]);
    ours.add(&first, "the first", &Constraints::default()).expect("a key added");
    for kind in [Kind::Ed25519, Kind::Ecdsa] {
        let constraints = Constraints { lifetime: Some(600), confirm: true, ..Constraints::default() };
        ours.add(&key(kind), "constrained", &constraints).expect("a key added");
    }
    let listed = add(&agent.socket(), &["-L"]).1;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.lines().any(|line| line.ends_with("the first")), "{listed}");
    ours.remove(first.public()).expect("a key removed");
    assert!(matches!(ours.remove(first.public()), Err(Error::AgentRefused)));
    assert_eq!(ours.identities().expect("a list").len(), 2);
    ours.lock("a secret").expect("a lock");
    assert!(ours.identities().expect("a list").is_empty());
    assert!(matches!(ours.unlock("another"), Err(Error::AgentRefused)));
    ours.unlock("a secret").expect("unlocked");
    ours.remove_all().expect("no keys");
    assert!(ours.identities().expect("a list").is_empty());
}

#[test]
fn openssh_s_tools_use_our_agent() {
    if !peers::require(&TOOLS) {
        return;
    }
    let agent = Ours::start();
    let socket = &agent.socket();
    assert_eq!(add(socket, &["-l"]), (false, "The agent has no identities.\n".to_owned()));
    for kind in Kind::ALL {
        let file = Keys::shared().client(kind);
        let (added, said) = add(socket, &["-t", "1h", file.to_str().expect("text")]);
        assert!(added && said.contains("Lifetime set to 3600 seconds"), "{said}");
        // ssh-add -T signs by the key and verifies; by an RSA key with SHA-1, for want of a flag.
        let tested = add(socket, &["-T", &format!("{}.pub", file.display())]).0;
        assert_eq!(tested, kind != Kind::Rsa, "{kind:?}");
    }
    let listed = add(socket, &["-L"]).1;
    for kind in Kind::ALL {
        assert!(listed.lines().any(|line| line == public(&Keys::shared().client(kind))), "{listed}");
    }
    assert_eq!(add(socket, &["-l"]).1.lines().count(), Kind::ALL.len());
    let first = format!("{}.pub", Keys::shared().client(Kind::Ed25519).display());
    assert!(add(socket, &["-d", &first]).0);
    assert!(!add(socket, &["-d", &first]).0);
    assert_eq!(add(socket, &["-l"]).1.lines().count(), Kind::ALL.len() - 1);
    assert!(add(socket, &["-D"]).0);
    assert!(!add(socket, &["-l"]).0);
}

/// From our key files to OpenSSH's agent, and by OpenSSH's tool to ours.
#[test]
fn keys_of_every_size_go_both_ways() {
    if !peers::require(&TOOLS) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (ours, foreign) = (Ours::start(), Foreign::start());
    for (kind, bits) in [("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048"), ("rsa", "2056")] {
        let file = directory.path().join(format!("{kind}{bits}"));
        let mut keygen = Command::new(peers::path("ssh-keygen"));
        run(keygen.args(["-q", "-t", kind, "-b", bits, "-N", "", "-f"]).arg(&file));
        assert!(add(&ours.socket(), &["-q", file.to_str().expect("text")]).0, "{kind} {bits}");
        let key = home::read_key(&file, None).expect("a key");
        let given = Agent::connect(&foreign.socket()).expect("an agent").add(&key, "", &Constraints::default());
        given.expect("a key added");
        for socket in [ours.socket(), foreign.socket()] {
            let mut agent = Agent::connect(&socket).expect("an agent");
            let public = PublicKey::decode(key.public(), 2048).expect("a key");
            let signature = agent.sign(key.public(), public.algorithm(), b"message").expect("a signature");
            assert!(verify::<Fast>(public.algorithm(), &public, b"message", &signature).is_ok(), "{kind} {bits}");
        }
    }
}

#[test]
fn openssh_s_tools_lock_and_unlock_our_agent() {
    if !peers::require(&TOOLS) {
        return;
    }
    let agent = Ours::start();
    let socket = &agent.socket();
    assert!(add(socket, &["-q", Keys::shared().client(Kind::Ed25519).to_str().expect("text")]).0);
    let secret = |flag: &str, secret: &str| {
        let mut tool = Command::new(peers::path("ssh-add"));
        sanssh_tests::openssh::answer(&mut tool, secret);
        tool.env("SSH_AUTH_SOCK", socket).arg(flag).output().expect("ssh-add").status.success()
    };
    assert!(secret("-x", "the word"));
    assert!(!add(socket, &["-l"]).0);
    assert!(!secret("-X", "another word"));
    agent.wait(Duration::from_secs(1));
    assert!(secret("-X", "the word"));
    assert!(add(socket, &["-l"]).0);
}

#[test]
fn our_agent_asks_before_it_signs_and_forgets_in_time() {
    if !peers::require(&TOOLS) {
        return;
    }
    let agent = Ours::start();
    let socket = &agent.socket();
    let file = Keys::shared().client(Kind::Ed25519);
    let shown = format!("{}.pub", file.display());
    assert!(add(socket, &["-q", "-c", "-t", "60", file.to_str().expect("text")]).0);
    assert!(!add(socket, &["-T", &shown]).0, "nobody agrees");
    agent.agree(true);
    assert!(add(socket, &["-T", &shown]).0);
    agent.wait(Duration::from_secs(61));
    assert!(!add(socket, &["-l"]).0);
}

#[test]
fn openssh_s_client_logs_in_by_our_agent() {
    if !peers::require(&TOOLS) {
        return;
    }
    let server = Sshd::start(&[]);
    let agent = Ours::start();
    for kind in Kind::ALL {
        let file = Keys::shared().client(kind);
        assert!(add(&agent.socket(), &["-q", file.to_str().expect("text")]).0);
        let agreed = format!("-oIdentityAgent={}", agent.socket().display());
        let public = std::path::PathBuf::from(format!("{}.pub", file.display()));
        let mut ssh = sanssh_tests::openssh::ssh_command(server.port(), &public, &server.known_hosts(), &[&agreed]);
        assert_eq!(run(ssh.arg("echo in")), "in\n", "{kind:?}");
        assert!(add(&agent.socket(), &["-D"]).0);
    }
}

/// `ssh-add` adds a key twice if a certificate lies beside it, as a server's authorities want it.
#[test]
fn certificates_are_held_beside_their_keys() {
    if !peers::require(&TOOLS) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for kind in Kind::ALL {
        let file = directory.path().join(kind.name());
        std::fs::copy(Keys::shared().client(kind), &file).expect("a copy");
        let beside = |suffix: &str| directory.path().join(format!("{}{suffix}", kind.name()));
        std::fs::write(beside(".pub"), public(&Keys::shared().client(kind))).expect("a public key");
        let mut keygen = Command::new(peers::path("ssh-keygen"));
        let authority = Keys::shared().host(Kind::Ed25519);
        run(keygen.args(["-q", "-I", "id", "-n", "somebody", "-s"]).arg(authority).arg(beside(".pub")));
        let (ours, foreign) = (Ours::start(), Foreign::start());
        for socket in [ours.socket(), foreign.socket()] {
            assert!(add(&socket, &["-q", file.to_str().expect("text")]).0);
            let mut agent = Agent::connect(&socket).expect("an agent");
            let identities = agent.identities().expect("a list");
            assert_eq!(identities.len(), 2, "{kind:?}");
            let plain = PublicKey::decode(&identities[0].key, 2048).expect("a key");
            let algorithm = plain.algorithm();
            let signature = agent.sign(&identities[1].key, algorithm.certified(), b"message").expect("a signature");
            assert!(verify::<Fast>(algorithm, &plain, b"message", &signature).is_ok(), "{kind:?}");
        }
    }
}

#[test]
fn openssh_s_client_is_held_to_destinations_by_our_agent() {
    if !peers::require(&TOOLS) {
        return;
    }
    let here = Sshd::start(&[]);
    let agent = Ours::start();
    let file = Keys::shared().client(Kind::Ed25519);
    constrain(&agent.socket(), &here, &file, "");
    let login = |user: &[&str]| {
        let agreed = format!("-oIdentityAgent={}", agent.socket().display());
        let public = std::path::PathBuf::from(format!("{}.pub", file.display()));
        let options: Vec<_> = [agreed.as_str()].into_iter().chain(user.iter().copied()).collect();
        let mut ssh = sanssh_tests::openssh::ssh_command(here.port(), &public, &here.known_hosts(), &options);
        ssh.arg("true").output().expect("ssh").status.success()
    };
    assert!(login(&[]));
    assert!(!add(&agent.socket(), &["-T", &format!("{}.pub", file.display())]).0, "that is no login");
    assert!(add(&agent.socket(), &["-D"]).0);
    constrain(&agent.socket(), &here, &file, "nobody@");
    assert!(!login(&[]), "for another user");
}

/// A destination may name the authority that certifies its hosts: by OpenSSH's client at either agent.
#[test]
fn destinations_are_known_by_their_authorities() {
    if !peers::require(&TOOLS) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    std::fs::write(file("host.pub"), public(&Keys::shared().host(Kind::Ed25519))).expect("a public key");
    let authority = Keys::shared().host(Kind::Ecdsa);
    let identity = Keys::shared().client(Kind::Ed25519);
    let mut keygen = Command::new(peers::path("ssh-keygen"));
    run(keygen.args(["-q", "-h", "-I", "id", "-n", "127.0.0.1", "-s"]).arg(&authority).arg(file("host.pub")));
    let server = Sshd::start(&[&format!("HostCertificate {}", file("host-cert.pub").display())]);
    let known = format!("@cert-authority 127.0.0.1,127.0.*,other {}\n", public(&authority));
    std::fs::write(file("known_hosts"), known).expect("a file");
    let hosts = file("known_hosts");
    for (target, admitted) in [("127.0.0.1", true), ("127.0.*", true), ("other", false)] {
        let (ours, foreign) = (Ours::start(), Foreign::start());
        for socket in [foreign.socket(), ours.socket()] {
            let arguments = ["-q", "-H", hosts.to_str().expect("text"), "-h", target];
            let (added, said) = add(&socket, &[&arguments[..], &[identity.to_str().expect("text")]].concat());
            assert!(added, "{said}");
            let agreed = format!("-oIdentityAgent={}", socket.display());
            let half = std::path::PathBuf::from(format!("{}.pub", identity.display()));
            let options = [agreed.as_str(), "-oHostKeyAlias=127.0.0.1"];
            let mut ssh = sanssh_tests::openssh::ssh_command(server.port(), &half, &hosts, &options);
            let output = ssh.arg("true").output().expect("ssh");
            assert_eq!(output.status.success(), admitted, "{target}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// `ssh-add -h`: the key is good for this server alone, whose keys its `known_hosts` file tells.
fn constrain(socket: &std::path::Path, server: &Sshd, key: &std::path::Path, user: &str) {
    let hosts = server.known_hosts();
    let target = format!("{user}[127.0.0.1]:{}", server.port());
    let arguments = ["-q", "-H", hosts.to_str().expect("text"), "-h", &target, key.to_str().expect("text")];
    let (added, said) = add(socket, &arguments);
    assert!(added, "{said}");
}

#[test]
fn logins_by_openssh_s_agent() {
    if !peers::require(&TOOLS) {
        return;
    }
    let server = Sshd::start(&["LogLevel DEBUG1"]);
    let agent = Foreign::start();
    // Keys that the server does not know come first.
    let mut ours = Agent::connect(&agent.socket()).expect("an agent");
    for seed in 1..=3 {
        ours.add(&SigningKey::ed25519(&[seed; 32]), "unknown", &Constraints::default()).expect("a key added");
    }
    for kind in Kind::ALL {
        let file = Keys::shared().client(kind);
        assert!(add(&agent.socket(), &["-q", file.to_str().expect("text")]).0);
        let client = connect(&server);
        let mut ours = Agent::connect(&agent.socket()).expect("an agent");
        let login = client.login_agent(server.user(), &mut ours).expect("an answer");
        assert_eq!(login, Login::Accepted { earned: true }, "{kind:?}");
        assert_eq!(client.run("echo in").expect("a command").stdout, b"in\n");
        ours.remove(&blob(&file)).expect("a key removed");
    }
    assert!(server.says("publickey-hostbound-v00@openssh.com"), "the server's key was signed along");
    let refused = connect(&server).login_agent(server.user(), &mut Agent::connect(&agent.socket()).expect("an agent"));
    assert!(matches!(refused, Ok(Login::Refused(_))), "{refused:?}");
}

/// The same for an agent of OpenSSH's and one of ours.
fn held_to_a_destination(socket: &std::path::Path) {
    let here = Sshd::start(&[]);
    let file = Keys::shared().client(Kind::Ed25519);
    let login = |server: &Sshd| {
        let mut agent = Agent::connect(socket).expect("an agent");
        connect(server).login_agent(server.user(), &mut agent)
    };
    constrain(socket, &here, &file, "");
    assert!(login(&here).expect("an answer").is_accepted());
    constrain(socket, &here, &file, "nobody@");
    assert!(matches!(login(&here), Err(Error::AgentRefused)), "not for this user");
    // The same demand, made by us, for a host that is another.
    let mut agent = Agent::connect(socket).expect("an agent");
    agent.remove_all().expect("no keys");
    let stranger = SigningKey::ed25519(&[9; 32]);
    let keys = [HopKey { key: stranger.public(), authority: false }];
    let to = Hop { user: b"", host: b"elsewhere", keys: Sequence::new(&keys) };
    let destinations = [Destination { from: Hop::ORIGIN, to }];
    let constraints = Constraints { destinations: Some(Destinations::new(&destinations)), ..Constraints::default() };
    agent.add(&key(Kind::Ed25519), "elsewhere", &constraints).expect("a key added");
    assert_eq!(agent.identities().expect("a list").len(), 1, "a local connection sees it");
    assert!(matches!(login(&here), Err(Error::NoSignature)), "one that is bound does not");
    assert!(matches!(agent.sign(key(Kind::Ed25519).public(), HostKey::Ed25519, b"anything"), Err(Error::AgentRefused)));
}

#[test]
fn logins_are_held_to_destinations_by_openssh_s_agent() {
    if peers::require(&TOOLS) {
        let agent = Foreign::start();
        held_to_a_destination(&agent.socket());
    }
}

#[test]
fn logins_are_held_to_destinations_by_our_agent() {
    if peers::require(&TOOLS) {
        let agent = Ours::start();
        held_to_a_destination(&agent.socket());
    }
}

/// K11 at the driver.
#[test]
fn comments_cannot_move_the_cursor() {
    let agent = Ours::start();
    let mut ours = Agent::connect(&agent.socket()).expect("an agent");
    ours.add(&SigningKey::ed25519(&[1; 32]), "a\x1b[2Jb", &Constraints::default()).expect("a key added");
    assert_eq!(ours.identities().expect("a list")[0].comment, "a\\u{1b}[2Jb");
    assert_eq!(ours.extensions().expect("a list"), ["query", "session-bind@openssh.com"]);
}

#[test]
fn an_agent_that_is_not_there_is_told() {
    let nowhere = std::env::temp_dir().join("sanssh-no-such-agent");
    assert!(matches!(Agent::connect(&nowhere), Err(Error::File { .. })));
}

#[test]
fn an_agent_that_says_nothing_is_given_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("agent");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let mut agent = Agent::connect(&path).expect("a connection");
    agent.set_timeout(Duration::from_millis(50));
    assert!(matches!(agent.identities(), Err(Error::TimedOut(_))));
    assert!(matches!(agent.identities(), Err(Error::Refused(_))), "the answer may still come");
}
