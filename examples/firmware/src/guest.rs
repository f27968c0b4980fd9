//! The SSH server of one connection: who may log in, and the programs of its channels.

use crate::keys::{AUTHORIZED, Pair};
use crate::shell::{self, Outcome, Text, Vitals};
use core::time::Duration;
use heapless::Vec;
use sanssh_core::algorithm::{self, Cipher, HostKey, Kex, Preferences, Zip};
use sanssh_core::auth::server::{self, Credential};
use sanssh_core::channel::{self, ChannelId, Request};
use sanssh_core::config::{Config, Deadlines, Keepalive, Login};
use sanssh_core::crypto::lean::Lean;
use sanssh_core::role::Server;
use sanssh_core::{Connection, Error, Event, Input, Instant, Output, Refused, Seed, Slot};

/// Channels at a time.
pub const CHANNELS: usize = 2;
/// The largest `packet_length` that is taken: clients' KEXINITs have up to two KiB.
pub const LARGEST: usize = 2560;
/// What waits to be dealt with, a channel.
const WINDOW: usize = 1024;
/// Besides, for what is thrown away as it comes.
const WIDE: u32 = 16 * 1024;

/// The configuration of a server in little memory.
fn config() -> Config {
    let preferences = Preferences {
        kex: algorithm::list(&[Kex::Curve25519, Kex::Curve25519LibSsh]),
        host_keys: algorithm::list(&[HostKey::Ed25519]),
        user_keys: algorithm::list(&[HostKey::Ed25519]),
        authorities: Vec::new(),
        ciphers: algorithm::list(&[Cipher::ChaCha20Poly1305]),
        macs: Vec::new(),
        zips: algorithm::list(&[Zip::None]),
    };
    Config {
        preferences,
        max_packet: LARGEST as u32,
        window: WINDOW as u32,
        max_data: 2048,
        deadlines: Deadlines {
            handshake: Duration::from_secs(10),
            login: Duration::from_secs(30),
            ..Deadlines::default()
        },
        keepalive: Keepalive { interval: Duration::from_secs(30), count: 2 },
        login: Login { max_attempts: 3, max_probes: 8, ..Login::default() },
        ..Config::default()
    }
}

/// What runs on a channel.
#[derive(Debug, Default)]
enum Program {
    #[default]
    None,
    /// Lines are run as they come.
    Shell,
    /// Bytes are counted.
    Count(u32),
    /// So many bytes are still to be sent.
    Bytes(u32),
    /// The text is all, and then this is the status.
    Ended(u32),
}

/// One channel.
#[derive(Debug, Default)]
struct Session {
    program: Program,
    /// There is a terminal at the other end: what is typed is shown.
    terminal: bool,
    /// Nothing more comes.
    ended: bool,
    typed: Vec<u8, WINDOW>,
    /// How much of it was looked at.
    line: heapless::String<80>,
    text: Text,
}

/// The server of one connection.
pub struct Guest<'k> {
    ssh: Connection<Server, Lean, [Slot; CHANNELS]>,
    sessions: [Session; CHANNELS],
    ids: [Option<ChannelId>; CHANNELS],
    host: &'k Pair,
}

impl<'k> Guest<'k> {
    /// A server for a client that has just connected.
    pub fn new(host: &'k Pair, seed: &Seed, now: Instant) -> Self {
        let ssh = Connection::new(config(), seed, [Slot::new(); CHANNELS], now);
        Self { ssh, sessions: Default::default(), ids: [None; CHANNELS], host }
    }

    /// Bytes of the connection.
    pub const CONNECTION: usize = size_of::<Connection<Server, Lean, [Slot; CHANNELS]>>();

    /// Whether the first keys are in use.
    pub fn is_keyed(&self) -> bool {
        self.ssh.session_id().is_some()
    }

    /// Deals with what came, and says what is to be said. An error ends the connection, once what is left is sent.
    pub fn turn(
        &mut self,
        now: Instant,
        input: &mut Input<'_>,
        output: &mut Output<'_>,
        vitals: &mut Vitals,
    ) -> Result<(), Error> {
        let heard = self.hear(now, input, output, vitals);
        for at in 0..CHANNELS {
            self.run(at, vitals, output);
        }
        self.ssh.flush(now, output);
        heard
    }

    fn hear(
        &mut self,
        now: Instant,
        input: &mut Input<'_>,
        output: &mut Output<'_>,
        vitals: &mut Vitals,
    ) -> Result<(), Error> {
        while let Some(event) = self.ssh.recv(now, input)? {
            match event {
                Event::Auth(event) => self.admit(event, output, vitals),
                Event::Open { kind: channel::OpenKind::Session, ask } => drop(self.ssh.accept(ask)),
                Event::Open { ask, .. } => self.ssh.decline(ask, channel::OpenFailure::PROHIBITED),
                Event::Listen { ask, .. } => self.ssh.refuse_forward(ask),
                Event::Channel(id, event) => self.channel(id, event, vitals),
                Event::Transport(_) | Event::Forward(..) => {}
            }
        }
        Ok(())
    }

    fn admit(&mut self, event: server::Event<'_>, output: &mut Output<'_>, vitals: &mut Vitals) {
        use server::Event::{Answers, Attempt, HostKey, Probe, Prove, Sign};
        match event {
            HostKey { ask, .. } => self.ssh.host_key(ask, &self.host.blob),
            Sign { ask, .. } => {
                let signature = self.host.sign(ask.message());
                let _ = self.ssh.sign(&ask, &self.host.blob, &signature, output);
            }
            Probe { algorithm, key, ask, .. } if key == AUTHORIZED => {
                let _ = self.ssh.acceptable(&ask, algorithm, key, output);
            }
            Probe { ask, .. } => self.ssh.unacceptable(ask),
            Attempt { credential: Credential::PublicKey { key, .. }, ask, .. } if key == AUTHORIZED => {
                vitals.logins += 1;
                self.ssh.grant(ask);
            }
            Attempt { ask, .. } | Answers { ask, .. } => self.ssh.refuse(ask),
            Prove { ask, .. } => drop(self.ssh.unproven(ask)),
        }
    }

    fn channel(&mut self, id: ChannelId, event: channel::Event<'_>, vitals: &Vitals) {
        let at = id.index();
        let session = &mut self.sessions[at];
        match event {
            channel::Event::Data(bytes) => match &mut session.program {
                Program::Count(counted) => {
                    *counted = counted.wrapping_add(bytes.len() as u32);
                    self.ssh.release(id, bytes.len());
                }
                _ => drop(session.typed.extend_from_slice(bytes)),
            },
            channel::Event::Extended(_, bytes) => self.ssh.release(id, bytes.len()),
            channel::Event::Request { what, ask } => {
                let granted = match what {
                    Request::Pty(_) => {
                        session.terminal = true;
                        true
                    }
                    Request::WindowChange(_) => true,
                    Request::Shell => {
                        session.program = Program::Shell;
                        session.prompt();
                        true
                    }
                    Request::Exec(command) => {
                        session.start(command, vitals);
                        if matches!(session.program, Program::Count(_)) {
                            self.ssh.widen(id, WIDE);
                        }
                        true
                    }
                    _ => false,
                };
                self.ids[at] = Some(id);
                self.ssh.reply(ask, granted);
            }
            channel::Event::Eof => session.ended = true,
            channel::Event::Closed => {
                *session = Session::default();
                self.ids[at] = None;
            }
            _ => {}
        }
    }

    /// Lets a channel's program go on.
    fn run(&mut self, at: usize, vitals: &Vitals, output: &mut Output<'_>) {
        let Some(id) = self.ids[at] else { return };
        let session = &mut self.sessions[at];
        loop {
            if !session.text.is_empty() {
                let Ok(written) = self.ssh.write(id, session.text.as_bytes(), output) else { return };
                if written < session.text.len() {
                    let rest = session.text[written..].try_into().unwrap_or_default();
                    session.text = rest;
                    return;
                }
                session.text.clear();
            }
            match &mut session.program {
                Program::Shell => {
                    if session.typed.is_empty() {
                        if !session.ended {
                            return;
                        }
                        session.program = Program::Ended(0);
                        continue;
                    }
                    let taken = session.edit(vitals);
                    self.ssh.release(id, taken);
                }
                Program::Count(counted) if session.ended => {
                    use core::fmt::Write;
                    let _ = writeln!(session.text, "{counted}");
                    session.program = Program::Ended(0);
                }
                Program::Bytes(left @ 1..) => {
                    let filled = self.ssh.fill(id, output, |space| {
                        let n = space.len().min(*left as usize);
                        space[..n].fill(b'.');
                        n
                    });
                    match filled {
                        Ok(0) | Err(_) => return,
                        Ok(n) => *left -= n as u32,
                    }
                }
                Program::Bytes(_) => session.program = Program::Ended(0),
                Program::Ended(status) => {
                    let told: Result<(), Refused> = self.ssh.request(id, Request::ExitStatus(*status), output);
                    if told.is_ok() {
                        self.ssh.finish(id);
                        self.ssh.close(id);
                        session.program = Program::None;
                    }
                    return;
                }
                Program::Count(_) | Program::None => return,
            }
        }
    }
}

impl Session {
    fn start(&mut self, command: &[u8], vitals: &Vitals) {
        let command = core::str::from_utf8(command).unwrap_or("?");
        self.program = match shell::run(command, vitals, &mut self.text) {
            Outcome::Done(status) => Program::Ended(status),
            Outcome::Exit => Program::Ended(0),
            Outcome::Count => Program::Count(0),
            Outcome::Bytes(number) => Program::Bytes(number),
        };
    }

    fn prompt(&mut self) {
        if self.terminal {
            let _ = self.text.push_str("> ");
        }
    }

    /// Takes what was typed up to the end of a line, and runs that; returns how much was taken.
    fn edit(&mut self, vitals: &Vitals) -> usize {
        let mut taken = 0;
        while let Some(byte) = self.typed.get(taken).copied() {
            taken += 1;
            match byte {
                b'\r' | b'\n' => {
                    if self.terminal {
                        let _ = self.text.push_str("\r\n");
                    }
                    let line = core::mem::take(&mut self.line);
                    let before = self.text.len();
                    self.start(line.as_bytes(), vitals);
                    let _ = before;
                    if let Program::Ended(_) = self.program {
                        if line.trim() != "exit" {
                            self.program = Program::Shell;
                            self.prompt();
                        }
                    }
                    break;
                }
                0x7f | 8 => {
                    if self.line.pop().is_some() && self.terminal {
                        let _ = self.text.push_str("\x08 \x08");
                    }
                }
                3 => {
                    self.line.clear();
                    let _ = self.text.push_str("^C\r\n");
                    self.prompt();
                    break;
                }
                4 if self.line.is_empty() => self.program = Program::Ended(0),
                b' '..=b'~' if self.line.push(char::from(byte)).is_ok() && self.terminal => {
                    let _ = self.text.push(char::from(byte));
                }
                _ => {}
            }
        }
        self.typed.drain(..taken);
        taken
    }
}
