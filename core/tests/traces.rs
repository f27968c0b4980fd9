//! Row M10: what core tells a log at its finest level. Every line has one of two forms, in which no byte of a peer's and no
//! secret has a place.
#![cfg(feature = "log")]

use log::{LevelFilter, Log, Metadata, Record};
use sanssh_core::auth::{Method, client, server};
use sanssh_core::crypto::null::Null;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::auth::Prompt;
use sanssh_core::wire::{Sink, Writer};
use sanssh_core::{Config, Connection, Error, Event, Input, Instant, Output, Reason, Seed, Slot};
use std::sync::Mutex;

struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

type End<R> = Connection<R, Null, [Slot; 4]>;

/// What the client does: a wrong password, then the answer to a prompt.
fn answer(ssh: &mut End<Client>, event: Event<'_, Client>, output: &mut Output<'_>) {
    match event {
        Event::Auth(client::Event::HostKey { ask, .. }) => {
            ssh.trust(ask);
            ssh.password(b"somebody", b"hunter2", output).unwrap();
        }
        Event::Auth(client::Event::Refused { .. }) => ssh.interactive(b"somebody", output).unwrap(),
        Event::Auth(client::Event::Prompts { ask, .. }) => ssh.answer(&ask, &[b"swordfish"], output).unwrap(),
        Event::Auth(client::Event::Accepted { .. }) => ssh.disconnect(Reason(11)),
        Event::Auth(_)
        | Event::Transport(_)
        | Event::Channel(..)
        | Event::Open { .. }
        | Event::Listen { .. }
        | Event::Forward(..) => {}
    }
}

/// What the server does, with its key and its one signature.
fn judge(peer: &mut End<Server>, event: Event<'_, Server>, (key, signature): (&[u8], &[u8]), output: &mut Output<'_>) {
    match event {
        Event::Auth(server::Event::HostKey { ask, .. }) => peer.host_key(ask, key),
        Event::Auth(server::Event::Sign { ask, .. }) => peer.sign(&ask, key, signature, output).unwrap(),
        Event::Auth(server::Event::Attempt { credential: server::Credential::Interactive { .. }, ask, .. }) => {
            let prompts = [Prompt { text: b"what: ", echo: false }];
            peer.prompt(&ask, b"", b"", &prompts, output).unwrap();
        }
        Event::Auth(server::Event::Attempt { ask, .. }) => peer.refuse(ask),
        Event::Auth(server::Event::Answers { ask, .. }) => peer.grant(ask),
        Event::Auth(_)
        | Event::Transport(_)
        | Event::Channel(..)
        | Event::Open { .. }
        | Event::Listen { .. }
        | Event::Forward(..) => {}
    }
}

/// Logs in by a password that is wrong and by the answer to a prompt, and says goodbye.
fn session() {
    let mut config = Config::default();
    config.login.methods = [Method::Password, Method::Interactive].into_iter().collect();
    config.login.failure_delay = core::time::Duration::ZERO;
    let mut ssh =
        Connection::<Client, Null, _>::new(Config::default(), &Seed::new([1; 32]), [Slot::new(); 4], Instant(0));
    let mut peer = Connection::<Server, Null, _>::new(config, &Seed::new([2; 32]), [Slot::new(); 4], Instant(0));
    let (mut to_client, mut to_server, mut space) = (Vec::<u8>::new(), Vec::<u8>::new(), [0; 8192]);
    let (mut key, mut signature) = ([0; 51], [0; 83]);
    for (space, content) in [(&mut key[..], &[7; 32][..]), (&mut signature, &[7; 64])] {
        let mut writer = Writer::new(space);
        writer.string(b"ssh-ed25519");
        writer.string(content);
    }
    for _ in 0..40 {
        let (mut input, mut output) = (Input::new(&mut to_client), Output::new(&mut space));
        while let Ok(Some(event)) = ssh.recv(Instant(0), &mut input) {
            answer(&mut ssh, event, &mut output);
        }
        let taken = input.taken();
        ssh.flush(Instant(0), &mut output);
        let filled = output.filled();
        to_client.drain(..taken);
        to_server.extend_from_slice(&space[..filled]);
        let (mut input, mut output) = (Input::new(&mut to_server), Output::new(&mut space));
        while let Ok(Some(event)) = peer.recv(Instant(0), &mut input) {
            judge(&mut peer, event, (&key, &signature), &mut output);
        }
        let taken = input.taken();
        peer.flush(Instant(0), &mut output);
        let filled = output.filled();
        to_server.drain(..taken);
        to_client.extend_from_slice(&space[..filled]);
    }
    assert_eq!((ssh.fate(), peer.fate()), (Some(Error::Closed), Some(Error::Disconnected(Reason(11)))));
}

#[test]
fn m10_traces_hold_no_secret() {
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(LevelFilter::Trace);
    session();
    let lines = KEPT.0.lock().unwrap();
    assert!(lines.len() > 15, "{lines:?}");
    for line in lines.iter() {
        let words: Vec<_> = line.split(' ').collect();
        let plain = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || "()_".contains(letter));
        let received = matches!(words[..], ["received", number, "in", _] if number.parse::<u8>().is_ok());
        assert!(received || words.first() == Some(&"over:"), "{line}");
        assert!(words.len() <= 4 && words[1..].iter().all(|word| plain(word)), "{line}");
        assert!(["somebody", "hunter2", "swordfish", "what"].iter().all(|secret| !line.contains(secret)), "{line}");
    }
}
