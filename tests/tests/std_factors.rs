//! The blocking server's logins by several methods and by the word of a host, and the blocking client's plan of keys,
//! with both ends and with OpenSSH's.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::algorithm::{HostKey, list};
use sanssh_std::core::auth::Method;
use sanssh_std::core::file::{PublicKeyBuf, SigningKey};
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Credential, Handler, HostAttempt, HostKeyError, Hosts, KnownHosts, Login, Options,
    Outcome, Permissions, Plan, Server, ServerConfig, Session, Skip, Start, Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Config, Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::user::PasswordUser;
use std::fs;
use std::io::Write;
use std::thread;

fn host_key() -> SigningKey {
    SigningKey::ed25519(&[5; 32])
}

fn key(n: u8) -> SigningKey {
    SigningKey::ed25519(&[n; 32])
}

fn line(n: u8) -> String {
    PublicKeyBuf::from_blob(key(n).public()).unwrap().line("")
}

/// Lets in by keys, by the password `right` with no limits, and by the word of a host that has key 9.
struct Judge(AuthorizedKeys);

impl Handler for Judge {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        if matches!(attempt.credential, Credential::Password("right")) {
            return Verdict::Accept(Permissions::default());
        }
        self.0.verdict(attempt)
    }

    fn host_login(&self, attempt: &HostAttempt<'_>) -> Verdict {
        let known = attempt.host.key == key(9).public() && attempt.host.host == b"client.example.";
        let same = attempt.host.user == attempt.user.as_bytes();
        if known && same { Verdict::Accept(Permissions::default()) } else { Verdict::Refuse }
    }

    fn session(&self, session: Session) {
        let said = match session.start() {
            Start::Exec(command) => String::from_utf8_lossy(command).into_owned(),
            Start::Shell | Start::Subsystem(_) => "nothing".to_owned(),
        };
        // A client that went away is no fault of the test's.
        let _ = writeln!(&session, "{said}").and_then(|()| Ok(session.exit(0)?));
    }
}

/// A handler that says nothing about hosts.
struct Silent;

impl Handler for Silent {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        false
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(Permissions::default())
    }

    fn session(&self, session: Session) {
        drop(session);
    }
}

/// Knows the one host key.
struct Pinned;

impl Hosts for Pinned {
    fn order(&mut self, _: &str, _: u16, _: &mut [HostKey]) {}

    fn decide(&mut self, _: &str, _: u16, _: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        assert_eq!(key, host_key().public());
        Ok(())
    }
}

/// Runs `work` against a server, which ends with it.
fn with(config: ServerConfig, handler: impl Handler, work: impl FnOnce(u16)) {
    let config = ServerConfig { host_keys: vec![host_key()], ..config };
    let server = Server::bind("127.0.0.1:0", config).unwrap();
    let (port, shutdown) = (server.local_addr().unwrap().port(), server.shutdown());
    thread::scope(|scope| {
        scope.spawn(|| server.serve(handler));
        let done = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| work(port)));
        shutdown.stop();
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
}

fn connect(port: u16) -> Client {
    let client = Client::connect("127.0.0.1", port, &Options::default(), &mut Pinned).unwrap();
    client.set_timeout(Some(Duration::from_secs(30)));
    client
}

fn partial(methods: &[Method]) -> Login {
    Login::Partial(methods.iter().copied().collect())
}

fn refused(methods: &[Method]) -> Login {
    Login::Refused(methods.iter().copied().collect())
}

const BOTH: &[Method] = &[Method::PublicKey, Method::Password];

#[test]
fn e17_a_chain_wants_all_its_methods_and_keeps_their_limits() {
    let config = ServerConfig { chains: vec![BOTH.to_vec()], ..ServerConfig::default() };
    let authorized = format!("command=\"forced\" {}\nfrom=\"10.0.0.1\" {}\n{}", line(1), line(2), line(3));
    with(config, Judge(AuthorizedKeys::text(authorized)), |port| {
        let client = connect(port);
        // The second factor alone is not even looked at.
        assert_eq!(client.login_password("user", "right").unwrap(), refused(&[Method::PublicKey]));
        assert_eq!(client.login_key("user", &key(2)).unwrap(), refused(&[Method::PublicKey]), "from elsewhere");
        assert_eq!(client.login_key("user", &key(1)).unwrap(), partial(&[Method::Password]));
        assert_eq!(client.login_key("user", &key(3)).unwrap(), refused(&[Method::Password]));
        // Another user begins at the beginning, and so does the first after that.
        assert_eq!(client.login_password("other", "right").unwrap(), refused(&[Method::PublicKey]));
        let client = connect(port);
        assert_eq!(client.login_key("user", &key(1)).unwrap(), partial(&[Method::Password]));
        assert_eq!(client.login_password("user", "wrong").unwrap(), refused(&[Method::Password]));
        assert!(client.login_password("user", "right").unwrap().is_accepted());
        assert_eq!(client.run("wanted").unwrap().stdout, b"forced\n", "the key's command is forced");
    });
}

#[test]
fn e17_two_keys_are_two_keys() {
    let config = ServerConfig { chains: vec![vec![Method::PublicKey; 2]], ..ServerConfig::default() };
    with(config, Judge(AuthorizedKeys::text(format!("{}\n{}", line(1), line(2)))), |port| {
        let client = connect(port);
        assert_eq!(client.login_key("user", &key(1)).unwrap(), partial(&[Method::PublicKey]));
        assert_eq!(client.login_key("user", &key(1)).unwrap(), refused(&[Method::PublicKey]), "the same again");
        assert!(client.login_key("user", &key(2)).unwrap().is_accepted());
    });
}

#[test]
fn a_chain_without_methods_is_none() {
    let config =
        ServerConfig { host_keys: vec![host_key()], chains: vec![BOTH.to_vec(), vec![]], ..ServerConfig::default() };
    assert!(Server::bind("127.0.0.1:0", config).is_err());
}

#[test]
fn openssh_goes_through_a_chain() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let config = ServerConfig { chains: vec![BOTH.to_vec()], ..ServerConfig::default() };
    let identity = Keys::shared().client(Kind::Ed25519);
    with(config, Judge(AuthorizedKeys::text(public(&identity))), |port| {
        let directory = tempfile::tempdir().unwrap();
        let hosts = directory.path().join("known_hosts");
        let shown = PublicKeyBuf::from_blob(host_key().public()).unwrap().line("");
        fs::write(&hosts, known_hosts_line(port, &shown)).unwrap();
        for (word, status) in [("right", 0), ("wrong", 255)] {
            let mut ssh = ssh_command(port, &identity, &hosts, &["-oBatchMode=no", "-oNumberOfPasswordPrompts=1"]);
            sanssh_tests::openssh::answer(&mut ssh, word);
            assert_eq!(ssh.arg("hello").status().unwrap().code(), Some(status), "{word}");
        }
        // Without the second factor there is no login.
        let mut ssh = ssh_command(port, &identity, &hosts, &[]);
        assert_eq!(ssh.arg("hello").status().unwrap().code(), Some(255));
    });
}

#[test]
fn e26_a_host_is_believed_if_the_program_says_so() {
    let mut config = ServerConfig::default();
    config.core.login.methods = [Method::HostBased].into_iter().collect();
    let only = refused(&[Method::HostBased]);
    with(config, Judge(AuthorizedKeys::default()), |port| {
        let client = connect(port);
        for (key, host, host_user) in [
            (key(8), "client.example.", "user"),
            (key(9), "other.example.", "user"),
            (key(9), "client.example.", "root"),
        ] {
            assert_eq!(client.login_host("user", &key, host, host_user).unwrap(), only, "{host} {host_user}");
        }
        assert!(client.login_host("user", &key(9), "client.example.", "user").unwrap().is_accepted());
    });
    // By default nobody is, though everything else is granted.
    let mut config = ServerConfig::default();
    config.core.login.methods = [Method::HostBased].into_iter().collect();
    with(config, Silent, |port| {
        assert_eq!(connect(port).login_host("user", &key(9), "client.example.", "user").unwrap(), only);
    });
}

#[test]
fn openssh_believes_a_host() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let Some(user) = PasswordUser::create() else { return };
    let options = [
        "HostbasedAuthentication yes",
        "HostbasedUsesNameFromPacketOnly yes",
        "IgnoreRhosts no",
        "IgnoreUserKnownHosts no",
    ];
    let server = Sshd::with(Config { options: &options, host_keys: &[Kind::Ed25519], ..Config::default() });
    for kind in Kind::ALL {
        let client_host = Keys::shared().client(kind);
        let shosts = user.home().join(".shosts");
        fs::write(&shosts, "client.example somebody\n").unwrap();
        fs::create_dir_all(user.home().join(".ssh")).unwrap();
        let known = user.home().join(".ssh/known_hosts");
        fs::write(&known, format!("client.example {}\n", public(&client_host))).unwrap();
        [&user.home().join(".ssh"), &shosts, &known].into_iter().for_each(|file| user.own(file));
        let mut hosts = KnownHosts::files([server.known_hosts()]);
        let client = Client::connect("127.0.0.1", server.port(), &Options::default(), &mut hosts).unwrap();
        let key = home::read_key(&client_host, None).unwrap();
        let login = |host: &str, host_user: &str| client.login_host(user.name(), &key, host, host_user).unwrap();
        assert!(!login("client.example.", "another").is_accepted());
        assert!(!login("other.example.", "somebody").is_accepted());
        assert!(login("client.example.", "somebody").is_accepted(), "{kind:?}: {}", server.log());
        assert_eq!(client.run("echo hello").unwrap().stdout, b"hello\n");
    }
}

#[test]
fn f10_a_key_without_an_algorithm_of_the_servers_is_left_out() {
    let mut config = ServerConfig::default();
    config.core.preferences.user_keys = list(&[HostKey::EcdsaP256]);
    with(config, Judge(AuthorizedKeys::text(line(1))), |port| {
        let client = connect(port);
        let mut plan = Plan::new(None);
        plan.key(key(1), "the first");
        plan.key(key(1), "the same");
        assert_eq!(client.login_next("user", &mut plan, None).unwrap(), None, "nothing was offered");
        let outcomes: Vec<_> = plan.entries().iter().map(|entry| entry.outcome.clone()).collect();
        assert_eq!(outcomes, [Outcome::Skipped(Skip::NoAlgorithm), Outcome::Skipped(Skip::Repeated)]);
        assert!(!plan.goes_on() && plan.to_string().contains("the server takes no algorithm of it"));
    });
}

/// Wants more, whatever is given.
struct Endless;

impl Handler for Endless {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::More([Method::PublicKey].into_iter().collect(), Permissions::default())
    }

    fn session(&self, session: Session) {
        drop(session);
    }
}

#[test]
fn f09_a_plan_never_starts_again() {
    with(ServerConfig::default(), Endless, |port| {
        let client = connect(port);
        let mut plan = Plan::new(None);
        for n in 1..=4 {
            plan.key(key(n), format!("key {n}"));
        }
        for _ in 0..4 {
            assert_eq!(client.login_next("user", &mut plan, None).unwrap(), Some(partial(&[Method::PublicKey])));
        }
        assert_eq!(client.login_next("user", &mut plan, None).unwrap(), None);
        assert!(plan.entries().iter().all(|entry| entry.outcome == Outcome::Partial));
    });
}

#[test]
fn a_locked_key_is_asked_for_once_the_server_wants_it() {
    if !peers::require(&["ssh-keygen"]) {
        return;
    }
    let locked = Keys::shared().locked();
    with(ServerConfig::default(), Judge(AuthorizedKeys::text(public(&locked))), |port| {
        let mut plan = Plan::new(None);
        plan.file(&locked);
        let mut words = ["wrong", sanssh_tests::keys::PASSPHRASE].into_iter();
        let mut told = Vec::new();
        let mut unlock = |_: &std::path::Path, error: Option<&sanssh_std::Error>| {
            told.push(error.map(ToString::to_string));
            words.next().map(|word| word.to_owned().into())
        };
        let login = connect(port).login_next("user", &mut plan, Some(&mut unlock)).unwrap();
        assert!(login.is_some_and(|login| login.is_accepted()));
        assert!(
            told[0].is_none() && told[1].as_ref().is_some_and(|error| error.contains("wrong passphrase")),
            "{told:?}"
        );
    });
    with(ServerConfig::default(), Judge(AuthorizedKeys::default()), |port| {
        let mut plan = Plan::new(None);
        plan.file(&locked);
        let mut unlock =
            |_: &std::path::Path, _: Option<&sanssh_std::Error>| panic!("the server does not want the key");
        let login = connect(port).login_next("user", &mut plan, Some(&mut unlock)).unwrap();
        assert_eq!(login, Some(refused(&[Method::PublicKey])));
        assert_eq!(plan.entries()[0].outcome, Outcome::Refused);
    });
}
