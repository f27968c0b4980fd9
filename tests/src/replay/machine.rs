//! A connection that is driven by lines of text and tells its events in text. Recorder and player share it, so what a
//! call does when it is recorded is what it does when it is played.

use super::format::{Script, hex};
use super::settings::configure;
use super::sides::Side;
use crate::pair::{forward_words, inflate_memory, kind_words};
use sanssh_core::algorithm::Zip;
use sanssh_core::channel::{self, OpenFailure, OpenKind, Request, STDERR};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::{Digest, Provider};
use sanssh_core::event::{ChannelRequest, ForwardRequest, OpenRequest};
use sanssh_core::role::{Client, Server};
use sanssh_core::transport::{self, Suite};
use sanssh_core::{
    Ask, ChannelId, Connection, Error, Event, Input, Instant, Output, Reason, Refused, Seed, Slot, Waiting,
};
use std::collections::VecDeque;

/// Room for what one flush and the calls before it emit; part of the format, because it decides how much a write takes.
const OUTPUT: usize = 256 * 1024;
/// Longer data is told by its hash.
const LONGEST_SHOWN: usize = 64;

/// One end, whatever its role and its provider.
pub trait Driven {
    /// Takes bytes off the front of `input` until something is told.
    fn recv(&mut self, at: u64, input: &mut Vec<u8>) -> Option<String>;
    /// Flushes, and gives what was emitted since the flush before.
    fn flush(&mut self, at: u64) -> Vec<u8>;
    /// Makes a call; gives what it returned, or nothing where that says nothing.
    fn call(&mut self, line: &str) -> String;
    /// Whether something is to be flushed, calls' own output included.
    fn owes(&self) -> bool;
    /// What the next call of `sign` or `public-key` needs a signature on.
    fn to_sign(&self, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>>;
    /// When time alone changes something.
    fn deadline(&self) -> Option<u64>;
    /// What it waits for.
    fn waiting(&self) -> Option<Waiting>;
    /// How it ended.
    fn fate(&self) -> Option<Error>;
}

/// The end that a script describes, before its first step.
///
/// # Panics
/// If the script's role or configuration is not known.
#[must_use]
pub fn start<P: Provider>(script: &Script) -> Box<dyn Driven> {
    match script.role.as_str() {
        "client" => Box::new(Machine::<Client, P>::new(script)),
        "server" => Box::new(Machine::<Server, P>::new(script)),
        role => panic!("role: {role}"),
    }
}

pub(super) struct Machine<R: Side, P: Provider> {
    pub(super) ssh: Connection<R, P, Vec<Slot>>,
    pub(super) asks: R::Asks,
    opens: VecDeque<Ask<OpenRequest>>,
    forwards: VecDeque<Ask<ForwardRequest>>,
    requests: VecDeque<Ask<ChannelRequest>>,
    /// The channel that has each slot, or had it last.
    channels: Vec<Option<ChannelId>>,
    space: Vec<u8>,
    filled: usize,
    inflate: Vec<u8>,
}

impl<R: Side, P: Provider> Machine<R, P> {
    fn new(script: &Script) -> Self {
        let config = configure(&script.config);
        let inflate = inflate_memory(&config);
        let table = vec![Slot::new(); script.table];
        Self {
            ssh: Connection::new(config, &Seed::new(script.seed), table, Instant(0)),
            asks: R::Asks::default(),
            opens: VecDeque::new(),
            forwards: VecDeque::new(),
            requests: VecDeque::new(),
            channels: vec![None; script.table],
            space: vec![0; OUTPUT],
            filled: 0,
            inflate,
        }
    }

    /// Runs a command that writes.
    pub(super) fn emit<A>(&mut self, command: impl FnOnce(&mut Self, &mut Output<'_>) -> A) -> A {
        let mut space = core::mem::take(&mut self.space);
        let mut output = Output::new(&mut space[self.filled..]);
        let answer = command(self, &mut output);
        self.filled += output.filled();
        self.space = space;
        answer
    }

    fn channel(&self, index: &str) -> ChannelId {
        let index: usize = index.parse().expect("the number of a channel");
        self.channels[index].expect("a channel that was opened")
    }

    fn tell(&mut self, event: Event<'_, R>) -> String {
        match event {
            Event::Transport(event) => transport_words(&event),
            Event::Auth(event) => format!("auth {}", R::tell(&mut self.asks, event)),
            Event::Open { kind, ask } => {
                self.opens.push_back(ask);
                format!("open {}", kind_words(&kind))
            }
            Event::Listen { what, ask } => {
                self.forwards.push_back(ask);
                format!("listen {}", forward_words(&what))
            }
            Event::Forward(id, event) => format!("forward {} {event:?}", id.index()),
            Event::Channel(id, event) => {
                self.channels[id.index()] = Some(id);
                format!("channel {} {}", id.index(), self.channel_words(event))
            }
        }
    }

    fn channel_words(&mut self, event: channel::Event<'_>) -> String {
        match event {
            channel::Event::Opened => "opened".into(),
            channel::Event::Failed { reason: OpenFailure(code), message } => format!("failed {code} {}", show(message)),
            channel::Event::Data(data) => format!("data {}", digest(data)),
            channel::Event::Extended(kind, data) => format!("extended {kind} {}", digest(data)),
            channel::Event::Writable => "writable".into(),
            channel::Event::Request { what, ask } => {
                let words = format!("request {} wants-reply={}", request_words(&what), ask.wants_reply());
                self.requests.push_back(ask);
                words
            }
            channel::Event::Replied(granted) => format!("replied {granted}"),
            channel::Event::Notice(what) => format!("notice {}", request_words(&what)),
            channel::Event::Eof => "eof".into(),
            channel::Event::Closed => "closed".into(),
        }
    }

    /// Calls that both roles have; `None` for names that are not among them.
    fn common(&mut self, name: &str, arguments: &[&str]) -> Option<String> {
        let answer = match (name, arguments) {
            ("open", []) => {
                let id = self.emit(|it, output| it.ssh.open(OpenKind::Session, output));
                return Some(self.opened(id));
            }
            ("accept", []) => {
                let ask = self.opens.pop_front().expect("an open question");
                let id = self.ssh.accept(ask);
                return Some(self.opened(id));
            }
            ("decline", [code]) => {
                let ask = self.opens.pop_front().expect("an open question");
                self.ssh.decline(ask, OpenFailure(number(code)));
                Ok(None)
            }
            ("request", [index, what @ ..]) => {
                let id = self.channel(index);
                self.emit(|it, output| with_request(what, |what| it.ssh.request(id, what, output))).map(|()| None)
            }
            ("reply", [granted]) => {
                let ask = self.requests.pop_front().expect("a request");
                self.ssh.reply(ask, *granted == "yes");
                Ok(None)
            }
            ("write", [index, data]) => {
                let (id, data) = (self.channel(index), bytes(data));
                self.emit(|it, output| it.ssh.write(id, &data, output)).map(Some)
            }
            ("write-extended", [index, data]) => {
                let (id, data) = (self.channel(index), bytes(data));
                self.emit(|it, output| it.ssh.write_extended(id, STDERR, &data, output)).map(Some)
            }
            _ => {
                self.fact(name, arguments)?;
                Ok(None)
            }
        };
        Some(outcome(answer))
    }

    /// Calls that record a fact and return nothing.
    fn fact(&mut self, name: &str, arguments: &[&str]) -> Option<()> {
        match (name, arguments) {
            ("release", [index, count]) => self.ssh.release(self.channel(index), count.parse().expect("a count")),
            ("finish", [index]) => self.ssh.finish(self.channel(index)),
            ("close", [index]) => self.ssh.close(self.channel(index)),
            ("rekey", []) => self.ssh.rekey(),
            ("disconnect", [code]) => self.ssh.disconnect(Reason(number(code))),
            // What these two return is told by `end`.
            ("tick", [at]) => drop(self.ssh.tick(Instant(at.parse().expect("a time")))),
            ("hung-up", []) => drop(self.ssh.hung_up()),
            _ => return None,
        }
        Some(())
    }

    fn opened(&mut self, id: Result<ChannelId, Refused>) -> String {
        if let Ok(id) = id {
            self.channels[id.index()] = Some(id);
        }
        outcome(id.map(|id| Some(id.index())))
    }
}

impl<R: Side, P: Provider> Driven for Machine<R, P> {
    fn recv(&mut self, at: u64, input: &mut Vec<u8>) -> Option<String> {
        let (mut lent, mut inflate) = (core::mem::take(input), core::mem::take(&mut self.inflate));
        let mut taken = 0;
        let words = loop {
            let mut bytes = Input::new(&mut lent[taken..]).with_inflate(&mut inflate);
            let event = self.ssh.recv(Instant(at), &mut bytes).unwrap_or_default();
            taken += bytes.taken();
            let words = event.map(|event| self.tell(event));
            if words.is_some() || !bytes.is_cramped() {
                break words;
            }
        };
        lent.drain(..taken);
        (*input, self.inflate) = (lent, inflate);
        words
    }

    fn flush(&mut self, at: u64) -> Vec<u8> {
        self.emit(|it, output| it.ssh.flush(Instant(at), output));
        let emitted = self.space[..self.filled].to_vec();
        self.filled = 0;
        emitted
    }

    fn call(&mut self, line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, arguments @ ..] = &words[..] else { panic!("an empty call") };
        let answer = self.common(name, arguments).or_else(|| R::call(self, name, arguments));
        answer.unwrap_or_else(|| panic!("no such call: {line}"))
    }

    fn owes(&self) -> bool {
        self.filled > 0 || self.ssh.owes_output()
    }

    fn to_sign(&self, user: &str, algorithm: &str, key: &[u8]) -> Option<Vec<u8>> {
        R::to_sign(self, user, algorithm, key)
    }

    fn deadline(&self) -> Option<u64> {
        self.ssh.deadline().map(|Instant(at)| at)
    }

    fn waiting(&self) -> Option<Waiting> {
        self.ssh.waiting()
    }

    fn fate(&self) -> Option<Error> {
        self.ssh.fate()
    }
}

fn transport_words(event: &transport::Event<'_>) -> String {
    let suite = |Suite { cipher, mac, zip }: Suite| {
        let mac = mac.map_or_else(String::new, |mac| format!("+{mac}"));
        let zip = if zip == Zip::None { String::new() } else { format!("+{zip}") };
        format!("{cipher}{mac}{zip}")
    };
    match event {
        transport::Event::Text(line) => format!("text {}", show(line)),
        transport::Event::Keyed(summary) => format!(
            "keyed {} {} {} {} strict={} first={}",
            summary.kex,
            summary.host_key,
            suite(summary.to_server),
            suite(summary.to_client),
            summary.strict,
            summary.first
        ),
        transport::Event::Extensions => "extensions".into(),
        transport::Event::Debug { message, .. } => format!("debug {}", show(message)),
        transport::Event::Disconnected { reason, message } => format!("disconnected {} {}", reason.0, show(message)),
    }
}

/// The requests that recordings need, in words that [`with_request`] reads.
fn request_words(what: &Request<'_>) -> String {
    match what {
        Request::Env { name, value } => format!("env {} {}", show(name), show(value)),
        Request::Shell => "shell".into(),
        Request::Exec(command) => format!("exec {}", show(command)),
        Request::Subsystem(name) => format!("subsystem {}", show(name)),
        Request::Signal(name) => format!("signal {}", show(name)),
        Request::ExitStatus(status) => format!("exit-status {status}"),
        Request::Pty(_)
        | Request::X11(_)
        | Request::Agent
        | Request::AgentStandard
        | Request::EndOfWrite
        | Request::WindowChange(_)
        | Request::XonXoff(_)
        | Request::Break(_)
        | Request::ExitSignal { .. } => show(what.name()),
    }
}

fn with_request<A>(words: &[&str], with: impl FnOnce(Request<'_>) -> A) -> A {
    match words {
        ["shell"] => with(Request::Shell),
        ["exec", command] => with(Request::Exec(&bytes(command))),
        ["subsystem", name] => with(Request::Subsystem(&bytes(name))),
        ["signal", name] => with(Request::Signal(&bytes(name))),
        ["exit-status", status] => with(Request::ExitStatus(number(status))),
        ["env", name, value] => with(Request::Env { name: &bytes(name), value: &bytes(value) }),
        _ => panic!("request: {words:?}"),
    }
}

/// What a call returned, behind an arrow.
pub(super) fn outcome(answer: Result<Option<usize>, Refused>) -> String {
    match answer {
        Ok(None) => String::new(),
        Ok(Some(count)) => format!("-> {count}"),
        Err(refused) => format!("-> {refused:?}"),
    }
}

pub(super) fn number(word: &str) -> u32 {
    word.parse().expect("a number")
}

/// Length and contents of data, or the hash of much of it.
fn digest(data: &[u8]) -> String {
    if data.len() <= LONGEST_SHOWN {
        return format!("{} {}", data.len(), show(data));
    }
    let mut hash = <Fast as Provider>::Digest::sha256();
    hash.update(data);
    format!("{} sha256:{}", data.len(), hex(hash.finish().as_bytes()))
}

/// Bytes as one word: themselves if they make one, hexadecimal behind `0x` if not.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    let plain = bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') && !bytes.starts_with(b"0x");
    match core::str::from_utf8(bytes) {
        Ok(text) if plain && !text.is_empty() && text != "->" => text.to_owned(),
        _ => format!("0x{}", hex(bytes)),
    }
}

/// The bytes of a word that [`show`] gave.
pub(super) fn bytes(word: &str) -> Vec<u8> {
    match word.strip_prefix("0x") {
        Some(digits) => super::format::unhex(digits).expect("hexadecimal"),
        None => word.as_bytes().to_vec(),
    }
}

/// Names of methods, joined.
pub(super) fn method_words(set: sanssh_core::auth::MethodSet) -> String {
    let names: Vec<_> = set.iter().map(sanssh_core::auth::Method::name).collect();
    if names.is_empty() { "-".into() } else { names.join(",") }
}
