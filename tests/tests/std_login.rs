//! The blocking client's logins at the blocking server: prompts, expired passwords, two factors; and how it connects:
//! address families, and servers without strict key exchange.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_std::core::algorithm::HostKey;
use sanssh_std::core::auth::{Method, MethodSet};
use sanssh_std::core::file::{Options as Permissions, SigningKey};
use sanssh_std::core::wire::transport::KexInit;
use sanssh_std::core::wire::{Message, Names, Writer};
use sanssh_std::core::{Error as Ssh, Violation};
use sanssh_std::{
    Attempt, Client, Credential, Error, Family, Handler, HostKeyError, Hosts, Login, Options, Server, ServerConfig,
    Session, Shutdown, Verdict,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread::{self, JoinHandle};

/// Trusts the one key that the servers here have.
struct Pinned(Vec<u8>);

impl Hosts for Pinned {
    fn order(&mut self, _: &str, _: u16, offer: &mut [HostKey]) {
        offer.sort_by_key(|algorithm| *algorithm != HostKey::Ed25519);
    }

    fn decide(&mut self, host: &str, _: u16, _: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        assert_eq!(key, self.0, "{host}");
        Ok(())
    }
}

fn host_key() -> SigningKey {
    SigningKey::ed25519(&[5; 32])
}

fn pinned() -> Pinned {
    Pinned(host_key().public().to_vec())
}

/// Lets in by two rounds of prompts, by a password that has to be changed, or by password and prompts together.
struct Judge;

impl Handler for Judge {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        false
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        let ask = |prompts: &[(&str, bool)]| Verdict::Ask {
            name: "Name".into(),
            instruction: "Say\nthis".into(),
            prompts: prompts.iter().map(|(text, echo)| ((*text).into(), *echo)).collect(),
        };
        let accept = || Verdict::Accept(Permissions::default());
        let by_password = attempt.earned.contains(Method::Password);
        match (attempt.user, attempt.credential) {
            ("prompted", Credential::Interactive) => ask(&[("One: ", true), ("Two: ", false)]),
            ("prompted", Credential::Answers(["1", "2"])) => ask(&[]),
            ("prompted", Credential::Answers([])) => accept(),
            ("expired", Credential::Password("old")) => Verdict::Expired("Too old".into()),
            ("expired", Credential::PasswordChange { old: "old", new: "new" }) => accept(),
            ("both", Credential::Password("right")) => {
                Verdict::More([Method::Interactive].into_iter().collect(), Permissions::default())
            }
            ("both", Credential::Interactive) if by_password => ask(&[("Code: ", false)]),
            ("both", Credential::Answers(["42"])) if by_password => accept(),
            _ => Verdict::Refuse,
        }
    }

    fn session(&self, session: Session) {
        // A client that went away is no fault of the test's.
        let _ = session.exit(0);
    }
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(address: impl ToSocketAddrs) -> Self {
        let mut config = ServerConfig { host_keys: vec![host_key()], ..ServerConfig::default() };
        config.core.login.methods = [Method::Password, Method::Interactive].into_iter().collect();
        let server = Server::bind(address, config).expect("a server");
        let (address, shutdown) = (server.local_addr().expect("its address"), server.shutdown());
        Self { address, shutdown, thread: Some(thread::spawn(move || server.serve(Judge))) }
    }

    fn connect(&self) -> Client {
        let options = Options { connect_timeout: Some(Duration::from_secs(30)), ..Options::default() };
        let host = self.address.ip().to_string();
        let client = Client::connect(&host, self.address.port(), &options, &mut pinned()).expect("a connection");
        client.set_timeout(Some(Duration::from_secs(30)));
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.thread.take().map(JoinHandle::join);
    }
}

#[test]
fn prompts_are_answered_round_by_round() {
    let server = Running::start("127.0.0.1:0");
    let client = server.connect();
    let mut seen = Vec::new();
    let login = client.login_interactive("prompted", |asked| {
        let texts: Vec<String> = asked.prompts.iter().map(|one| format!("{}{}", one.text, one.echo)).collect();
        seen.push((asked.name.to_owned(), asked.instruction.to_owned(), texts));
        (1..=asked.prompts.len()).map(|number| number.to_string()).collect()
    });
    assert_eq!(login.expect("an answer"), Login::Accepted { earned: true });
    let round = |texts: &[&str]| {
        ("Name".to_owned(), "Say\nthis".to_owned(), texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(seen, [round(&["One: true", "Two: false"]), round(&[])]);
    assert!(client.run("anything").is_ok());
}

#[test]
fn wrong_answers_are_refused_and_may_be_followed_by_right_ones() {
    let server = Running::start("127.0.0.1:0");
    let client = server.connect();
    let answer = |text: &str| {
        client.login_interactive("prompted", |asked| asked.prompts.iter().map(|_| text.to_owned()).collect())
    };
    assert!(matches!(answer("3").expect("an answer"), Login::Refused(_)));
    let mut number = 0;
    let login = client.login_interactive("prompted", |asked| {
        asked
            .prompts
            .iter()
            .map(|_| {
                number += 1;
                number.to_string()
            })
            .collect()
    });
    assert!(login.expect("an answer").is_accepted());
}

#[test]
fn an_expired_password_is_changed() {
    let server = Running::start("127.0.0.1:0");
    let client = server.connect();
    let login = client.login_password("expired", "old").expect("an answer");
    assert_eq!(login, Login::PasswordExpired("Too old".into()));
    let login = client.change_password("expired", "old", "new").expect("an answer");
    assert_eq!(login, Login::Accepted { earned: true });
}

#[test]
fn two_factors_are_both_wanted() {
    let server = Running::start("127.0.0.1:0");
    let code = |client: &Client, user: &str| {
        client
            .login_interactive(user, |asked| asked.prompts.iter().map(|_| "42".to_owned()).collect())
            .expect("an answer")
    };
    let client = server.connect();
    assert!(matches!(code(&client, "both"), Login::Refused(_)), "the second alone is not enough");
    let partial = client.login_password("both", "right").expect("an answer");
    let interactive: MethodSet = [Method::Interactive].into_iter().collect();
    assert_eq!(partial, Login::Partial(interactive));
    assert!(code(&client, "both").is_accepted());
    // What one user earned is nothing to another.
    let client = server.connect();
    assert_eq!(client.login_password("both", "right").expect("an answer"), Login::Partial(interactive));
    assert!(matches!(code(&client, "prompted"), Login::Refused(_)));
    assert!(matches!(code(&client, "both"), Login::Refused(_)));
}

#[test]
fn either_address_family() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        assert!(!sanssh_tests::peers::owed(), "this machine has no IPv6 loopback");
        eprintln!("SKIPPED: no IPv6 loopback");
        return;
    };
    drop(listener);
    let server = Running::start("[::1]:0");
    assert!(server.connect().login_password("expired", "old").is_ok());
    let port = server.address.port();
    let only = |family| {
        let options = Options { family, ..Options::default() };
        Client::connect("::1", port, &options, &mut pinned()).map(drop)
    };
    assert!(only(Family::V6).is_ok());
    assert!(matches!(only(Family::V4), Err(Error::Resolve { .. })));
}

/// Plays the beginning of a server that does not know strict key exchange: identification and KEXINIT. Returns the
/// client's list of ciphers.
fn lax(mut socket: TcpStream) -> String {
    let mut packet = [0; 1024];
    let mut writer = Writer::new(&mut packet[5..]);
    let names = |text: &'static str| Names::new(text.as_bytes());
    let offer = KexInit {
        cookie: [1; 16],
        kex: names("curve25519-sha256"),
        host_key: names("ssh-ed25519"),
        cipher_to_server: names("chacha20-poly1305@openssh.com"),
        cipher_to_client: names("chacha20-poly1305@openssh.com"),
        mac_to_server: names("hmac-sha2-256"),
        mac_to_client: names("hmac-sha2-256"),
        zip_to_server: names("none"),
        zip_to_client: names("none"),
        language_to_server: names(""),
        language_to_client: names(""),
        guess_follows: false,
        reserved: 0,
    };
    offer.encode(&mut writer);
    let payload = writer.written().expect("it fits");
    let padding = 8 - (payload + 5) % 8 + 8;
    packet[..4].copy_from_slice(&u32::try_from(1 + payload + padding).expect("small").to_be_bytes());
    packet[4] = u8::try_from(padding).expect("small");
    socket.write_all(b"SSH-2.0-lax\r\n").expect("the client listens");
    socket.write_all(&packet[..5 + payload + padding]).expect("the client listens");
    let mut said = Vec::new();
    // The client's KEXINIT comes before it sees ours; then it gives up, or waits for more until we hang up.
    let mut buffer = [0; 4096];
    while !said.windows(4).any(|four| four == b"none") {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => said.extend_from_slice(&buffer[..n]),
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn chacha_is_not_used_without_strict_key_exchange() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let server = thread::spawn(move || {
        let offers: Vec<String> = (0..2).map(|_| lax(listener.accept().expect("a connection").0)).collect();
        offers
    });
    let outcome = Client::connect("127.0.0.1", port, &Options::default(), &mut pinned()).map(drop);
    let offers = server.join().expect("the server ends");
    assert!(offers[0].contains("chacha20-poly1305@openssh.com") && offers[0].contains("aes128-ctr"));
    assert!(!offers[1].contains("chacha20-poly1305@openssh.com") && offers[1].contains("aes128-ctr"));
    assert!(outcome.is_err(), "this server has nothing else");
}

#[test]
fn strict_key_exchange_can_be_required() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let server = thread::spawn(move || lax(listener.accept().expect("a connection").0));
    let mut options = Options::default();
    options.core.require_strict = true;
    let outcome = Client::connect("127.0.0.1", port, &options, &mut pinned());
    assert!(matches!(outcome, Err(Error::Ssh(Ssh::Violation(Violation::NotStrict)))), "{outcome:?}");
    server.join().expect("the server ends");
}
