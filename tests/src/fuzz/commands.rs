//! Two connections that talk to each other while commands of any kind are given to either, in any order, with bytes of a
//! third between theirs: whatever an embedder and a peer may do together.
//!
//! The first byte is the stage at which the commands begin, and the traits of both; then follow the commands, a byte each
//! with what they need.

use super::choices::Choices;
use super::duet::{Duet, ROOMS, Stage, Traits, packet};
use super::sides::{Acts, HOST_KEY, How};
use super::subject::{Place, Subject};
use core::time::Duration;
use sanssh_core::channel::{Forward, Modes, OpenKind, Pty, Request, STDERR, Tcpip};
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::connection::{WindowChange, X11Req};
use sanssh_core::{Reason, Seed};

/// Commands of one case; more show nothing that fewer do not.
const MOST: usize = 400;

/// Two connections, and what is done to them.
pub fn commands(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let head = choices.byte();
    let mut duet = Duet::at(Stage::of(head), Traits(head >> 2 & 7));
    duet.client.patient = head & 0x20 != 0;
    duet.server.patient = head & 0x40 != 0;
    for _ in 0..MOST {
        if choices.is_empty() {
            break;
        }
        let command = choices.byte();
        match command {
            0..=0x0f => drop(duet.carry_to_server(portion(command))),
            0x10..=0x1f => drop(duet.carry_to_client(portion(command))),
            0x20 => duet.settle_some(),
            0x21..=0x7f => {
                either(&mut duet.client, command, &mut choices);
                as_client(&mut duet.client, command, &mut choices);
            }
            _ => {
                either(&mut duet.server, command & 0x7f, &mut choices);
                as_server(&mut duet.server, command & 0x7f, &mut choices);
            }
        }
    }
    duet.client.finish();
    duet.server.finish();
}

/// All, or so many bytes.
const fn portion(command: u8) -> usize {
    match command & 15 {
        0 => usize::MAX,
        few => 1 << few,
    }
}

impl Duet {
    /// Carries over what there is a few times; two ends that were lied to need not come to rest.
    fn settle_some(&mut self) {
        for _ in 0..8 {
            self.client.flush();
            self.server.flush();
            self.carry_to_server(usize::MAX);
            self.carry_to_client(usize::MAX);
        }
    }
}

/// Commands of both roles.
fn either<R: Acts>(subject: &mut Subject<R>, command: u8, choices: &mut Choices<'_>) {
    let at = |choices: &mut Choices<'_>, subject: &Subject<R>| choices.below(subject.channels.len().max(1));
    match command {
        0x21 => drop(subject.flush()),
        0x22 => subject.receive(choices.short()),
        0x23 | 0x24 => {
            let keyed = subject.ssh.session_id().is_some();
            subject.receive(&packet(choices.short(), keyed));
        }
        0x25 | 0x26 => {
            let how = [How::Fit, How::No, How::Yes, How::Ask][choices.below(4)];
            if let Some(question) = subject.held.pop_front() {
                subject.answer(question, how);
            }
        }
        0x27 => drop(subject.held.pop_back()),
        0x28 => subject.room = ROOMS[choices.below(ROOMS.len())],
        0x29 => {
            let span = Duration::from_micros(1 << choices.below(40));
            subject.tick(subject.now.after(span));
        }
        0x2a => {
            if let Some(deadline) = subject.ssh.deadline() {
                subject.tick(deadline);
            }
        }
        0x2b => subject.ssh.rekey(),
        0x2c => {
            subject.ssh.disconnect(Reason(choices.word()));
            subject.fated();
        }
        0x2d => subject.ssh.reseed(&Seed::new([choices.byte(); 32])),
        0x2e => subject.open(OpenKind::Session),
        0x2f => {
            let kind = kind(subject, choices);
            subject.open(kind);
        }
        0x30..=0x37 => {
            let at = at(choices, subject);
            on_channel(subject, command, at, choices);
        }
        0x38 => {
            let at = at(choices, subject);
            request(subject, at, choices);
        }
        _ => {}
    }
}

/// Kinds of channels that carry connections of others.
fn kind<'a, R: Acts>(subject: &Subject<R>, choices: &mut Choices<'a>) -> OpenKind<'a> {
    let (which, place) = (choices.below(7), choices.below(4));
    let (host, port) = (choices.bytes(4), u16::from(choices.byte()));
    let tcpip = Tcpip { host, port, originator: b"::1", originator_port: 9 };
    match (which, subject.forwards.get(place)) {
        (0, _) => OpenKind::DirectTcpip(tcpip),
        (1, _) => OpenKind::DirectStreamlocal(host),
        (2, Some(place)) => OpenKind::ForwardedTcpip(place.id, tcpip),
        (3, Some(place)) => OpenKind::ForwardedStreamlocal(place.id, host),
        (4, _) => OpenKind::Agent,
        (5, _) => OpenKind::AgentStandard,
        _ => OpenKind::X11 { originator: host, originator_port: port },
    }
}

/// What a client asks servers to listen on.
const FORWARDS: [Forward<'static>; 5] = [
    Forward::Tcpip { address: b"", port: 0 },
    Forward::Tcpip { address: b"", port: 8022 },
    Forward::Tcpip { address: b"localhost", port: 8022 },
    Forward::Streamlocal(b"/run/a"),
    Forward::Streamlocal(b""),
];

/// Commands on a channel.
fn on_channel<R: Acts>(subject: &mut Subject<R>, command: u8, at: usize, choices: &mut Choices<'_>) {
    let Some(id) = subject.channels.get(at).map(|channel| channel.id) else { return };
    let may = subject.ssh.writable(id);
    let length = choices.below(256) << (command & 3);
    let data = vec![command; length];
    match command {
        0x30 | 0x31 => {
            if let Ok(written) = subject.command(length, |ssh, output| ssh.write(id, &data, output)) {
                assert!(written <= may.min(length), "{written} of {length} in a window of {may}");
            }
        }
        0x32 => drop(subject.command(length, |ssh, output| ssh.write_extended(id, STDERR, &data, output))),
        0x33 => {
            let done = subject.command(4096, |ssh, output| ssh.fill(id, output, |space| space.len().min(length)));
            assert!(done.is_err() || done.is_ok_and(|written| written <= may.min(length)));
        }
        0x34 => subject.release(id, length),
        0x35 => subject.widen(id, choices.word()),
        0x36 => subject.ssh.finish(id),
        _ => subject.ssh.close(id),
    }
}

fn request<R: Acts>(subject: &mut Subject<R>, at: usize, choices: &mut Choices<'_>) {
    let size = WindowChange { columns: 80, rows: 24, width: 0, height: 0 };
    let text = choices.bytes(16);
    let what = match choices.below(15) {
        0 => Request::Pty(Pty { term: text, size, modes: Modes(b"\0") }),
        1 => Request::Env { name: text, value: text },
        2 => Request::Shell,
        3 => Request::Exec(text),
        4 => Request::Subsystem(text),
        5 => Request::WindowChange(size),
        6 => Request::Signal(text),
        7 => Request::Break(choices.word()),
        8 => Request::ExitStatus(choices.word()),
        9 => Request::XonXoff(choices.flag()),
        10 => Request::Agent,
        11 => Request::AgentStandard,
        12 => Request::EndOfWrite,
        13 => Request::X11(X11Req { single_connection: choices.flag(), protocol: text, cookie: text, screen: 0 }),
        _ => Request::ExitSignal { name: text, core_dumped: choices.flag(), message: text },
    };
    subject.request(at, what);
}

fn as_client(subject: &mut Subject<Client>, command: u8, choices: &mut Choices<'_>) {
    match command {
        0x40..=0x47 => drop(Client::log_in(subject, usize::from(command & 7))),
        0x48 => drop(subject.command(1024, |ssh, output| ssh.prove(&[&HOST_KEY, choices.bytes(20)], output))),
        0x49 => Client::act(subject, choices.below(7)),
        0x4a => {
            let which = choices.below(FORWARDS.len());
            if let Ok(id) = subject.command(512, |ssh, output| ssh.forward(FORWARDS[which], output)) {
                subject.forwards(id, which, false);
            }
        }
        0x4b => cancel(subject, choices.below(4)),
        0x4c => drop(subject.command(512, |ssh, output| ssh.forgo_sessions(output))),
        _ => {}
    }
}

/// Takes back a forward that was granted.
fn cancel(subject: &mut Subject<Client>, at: usize) {
    let Some(&Place { id, which, granted }) = subject.forwards.get(at) else { return };
    let granted_or_not = subject.command(512, |ssh, output| ssh.cancel(id, FORWARDS[which], output));
    if granted_or_not.is_ok() {
        assert!(granted, "cancelled before it was granted");
        subject.forwards.swap_remove(at);
    }
}

fn as_server(subject: &mut Subject<Server>, command: u8, choices: &mut Choices<'_>) {
    match command {
        0x40 => drop(subject.command(512, |ssh, output| ssh.banner(choices.bytes(30), output))),
        0x41 => drop(subject.command(512, |ssh, output| ssh.announce(&[&HOST_KEY, choices.bytes(20)], output))),
        0x42 => Server::act(subject, choices.below(2)),
        _ => {}
    }
}
