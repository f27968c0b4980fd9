//! What clients lend to sessions, and sessions find on the server: agents and displays, by the blocking client and the
//! blocking server.

use core::net::SocketAddr;
use core::time::Duration;
use sanssh_core::agent::Constraints;
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::SigningKey;
use sanssh_std::{
    Agent, Attempt, Channel, Client, Error, Handler, KnownHosts, Options, Permissions, Server, ServerConfig, Session,
    Shutdown, Unknown, Verdict, Wish, home,
};
use sanssh_tests::agents::Ours;
use sanssh_tests::keys::{Keys, Kind};
use std::io::{Read, Write};
use std::thread::{self, JoinHandle};

mod agent;
mod display;

/// Sessions say what they have been lent, a line for each of agent and display, then wait for the end of their input.
/// `sign` has the agent sign, by each of its keys.
struct Borrower {
    permissions: Permissions,
    generous: bool,
}

impl Handler for Borrower {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        true
    }

    /// Also by no credential at all.
    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Accept(self.permissions.clone())
    }

    fn may_forward(&self, _: SocketAddr, user: &str, wish: &Wish<'_>) -> bool {
        self.generous && user == "somebody" && matches!(wish, Wish::Agent | Wish::Display)
    }

    fn session(&self, mut session: Session) {
        let said = match session.start() {
            sanssh_std::Start::Exec(command) if command == b"sign" => sign(&session),
            _ => {
                let agent = session.agent().map(|path| path.display().to_string()).unwrap_or_default();
                let display = session
                    .display()
                    .map(|one| format!("{} {} {} {}", one.name(), one.entry(), one.protocol, *one.cookie));
                format!("{agent}\n{}\n", display.unwrap_or_default())
            }
        };
        session.write_all(said.as_bytes()).unwrap();
        let _ = session.read_to_end(&mut Vec::new());
        let _ = session.exit(0);
    }
}

/// As a program of the session: the keys that it sees, and whether each signs.
fn sign(session: &Session) -> String {
    let Some(path) = session.agent() else { return "no agent\n".to_owned() };
    let mut agent = Agent::connect(path).unwrap();
    let Ok(identities) = agent.identities() else { return "no answer\n".to_owned() };
    let signs = |agent: &mut Agent, key: &[u8]| agent.sign(key, HostKey::Ed25519, b"message").is_ok();
    let words = identities.iter().map(|one| format!("{} {}", one.comment, signs(&mut agent, &one.key)));
    words.collect::<Vec<_>>().join(",") + "\n"
}

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// One that forwards everything.
    fn generous() -> Self {
        Self::with(true, true, Permissions::default())
    }

    /// The switch of the core, the program's word, and the key's.
    fn with(forwarding: bool, generous: bool, permissions: Permissions) -> Self {
        let mut core = sanssh_core::Config { forwarding, ..ServerConfig::default().core };
        core.login.methods = core.login.methods.with(sanssh_core::auth::Method::None);
        let host_keys = vec![home::read_key(&Keys::shared().host(Kind::Ed25519), None).unwrap()];
        // Displays of tests that run beside this one are elsewhere.
        let config = ServerConfig { core, host_keys, first_display: 300, ..ServerConfig::default() };
        let server = Server::bind("127.0.0.1:0", config).unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown());
        let thread = thread::spawn(move || server.serve(Borrower { permissions, generous }));
        Self { address, shutdown, thread: Some(thread) }
    }

    /// A connection without a login.
    fn stranger(&self) -> Client {
        let mut hosts = KnownHosts::files(["/dev/null"]).unknown(Unknown::Trust);
        let client = Client::connect("127.0.0.1", self.address.port(), &Options::default(), &mut hosts).unwrap();
        client.set_timeout(Some(Duration::from_secs(60)));
        client
    }

    fn client(&self) -> Client {
        let client = self.stranger();
        let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
        client.login_key("somebody", &key).unwrap().accepted().unwrap();
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Runs a command, and gives the lines that it begins with.
fn said(channel: &Channel, command: &str, lines: usize) -> String {
    channel.exec(command).unwrap();
    let (mut text, mut byte) = (String::new(), [0]);
    while text.matches('\n').count() < lines && (&*channel).read(&mut byte).unwrap() > 0 {
        text.push(char::from(byte[0]));
    }
    text
}

#[test]
fn f02_nothing_is_lent_after_a_login_that_nothing_earned() {
    let server = Running::generous();
    let client = server.stranger();
    assert_eq!(client.methods("somebody").unwrap(), sanssh_std::Login::Accepted { earned: false });
    let channel = client.session().unwrap();
    let agent = Ours::start();
    assert!(matches!(channel.forward_agent(Some(&agent.socket())), Err(Error::Unearned)));
    let display = sanssh_std::Display::new(":0", [7; 16]).unwrap();
    assert!(matches!(channel.forward_x11(&display, false), Err(Error::Unearned)));
    assert_eq!(said(&channel, "look", 2), "\n\n");
}

#[test]
fn h21_nothing_is_lent_to_servers_that_do_not_want_it() {
    let (no_agent, no_display) = (
        Permissions { agent_forwarding: false, ..Permissions::default() },
        Permissions { x11_forwarding: false, ..Permissions::default() },
    );
    let agent = Ours::start();
    let display = sanssh_std::Display::new(":0", [7; 16]).unwrap();
    for (server, agents, displays) in [
        (Running::with(false, true, Permissions::default()), false, false),
        (Running::with(true, false, Permissions::default()), false, false),
        (Running::with(true, true, no_agent), false, true),
        (Running::with(true, true, no_display), true, false),
        (Running::generous(), true, true),
    ] {
        let client = server.client();
        let channel = client.session().unwrap();
        channel.forward_agent(Some(&agent.socket())).unwrap();
        channel.forward_x11(&display, false).unwrap();
        let text = said(&channel, "look", 2);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((!lines[0].is_empty(), !lines[1].is_empty()), (agents, displays), "{text}");
        channel.confirm().unwrap();
        assert_eq!((channel.agent_granted(), channel.x11_granted()), (Some(agents), Some(displays)));
        // Who did not ask has nothing, whatever others have.
        let other = client.session().unwrap();
        assert_eq!(said(&other, "look", 2), "\n\n");
        // Nor is anything had twice, or once a command runs.
        other.forward_agent(Some(&agent.socket())).unwrap();
        other.confirm().unwrap();
        assert_eq!(other.agent_granted(), Some(false));
    }
}

/// Gives an agent a key.
fn give(agent: &Ours, secret: u8, comment: &str, constraints: &Constraints<'_>) {
    let key = SigningKey::ed25519(&[secret; 32]);
    Agent::connect(&agent.socket()).unwrap().add(&key, comment, constraints).unwrap();
}
