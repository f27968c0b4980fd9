//! Agents on Unix sockets: OpenSSH's own, and one that serves a keyring of ours, whose clock and whose person the test
//! plays.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use sanssh_core::agent::MAX_FRAME;
use sanssh_core::agent::server::Server;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::keyring::{Bindings, Keyring, Reply};
use sanssh_core::{Instant, Output, Rx, Seed};
use tempfile::TempDir;

use crate::peers;
use crate::process::Daemon;

/// OpenSSH's agent; it ends when dropped.
#[derive(Debug)]
pub struct Foreign {
    _daemon: Daemon,
    directory: TempDir,
}

impl Foreign {
    /// Starts it, and returns when it listens.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(peers::path("ssh-agent"));
        // In the foreground, and with every step in its log: that it starts is one of them.
        let daemon = Daemon::spawn(command.args(["-d", "-a"]).arg(directory.path().join("agent"))).expect("ssh-agent");
        let agent = Self { _daemon: daemon, directory };
        while UnixStream::connect(agent.socket()).is_err() {
            thread::yield_now();
        }
        agent
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }
}

/// A keyring of ours behind a socket.
#[derive(Debug)]
pub struct Ours {
    directory: TempDir,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    keyring: Mutex<Keyring>,
    /// The time, which only the test moves.
    now: AtomicU64,
    agrees: AtomicBool,
}

impl Ours {
    /// Starts an agent without keys. Its threads end with their connections, and the last with the test program.
    ///
    /// # Panics
    /// If there can be no socket.
    #[must_use]
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(directory.path().join("agent")).expect("a socket");
        let keyring = Mutex::new(Keyring::new(&Seed::new([5; 32])));
        let state = Arc::new(State { keyring, now: AtomicU64::new(0), agrees: AtomicBool::new(false) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(socket));
            }
        });
        Self { directory, state }
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }

    /// Lets so much time pass for it.
    ///
    /// # Panics
    /// If that is longer than there is time.
    pub fn wait(&self, span: Duration) {
        let micros = u64::try_from(span.as_micros()).expect("a short time");
        self.state.now.fetch_add(micros, Ordering::SeqCst);
    }

    /// Whether the person at it agrees to signatures.
    pub fn agree(&self, agrees: bool) {
        self.state.agrees.store(agrees, Ordering::SeqCst);
    }
}

impl State {
    /// A whole agent: what a program does around the machines.
    fn serve(&self, mut socket: UnixStream) {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map(|age| age.as_secs()).ok();
        let (mut server, mut bindings) = (Server::new(), Bindings::new(made));
        let mut received = Rx::new(vec![0; MAX_FRAME + 4]);
        let mut space = vec![0; MAX_FRAME + 4];
        loop {
            let mut output = Output::new(&mut space);
            let mut input = received.input();
            let Ok(request) = server.recv(&mut input) else { return };
            if let Some(request) = request {
                let now = Instant(self.now.load(Ordering::SeqCst));
                let mut keyring = self.keyring.lock().unwrap_or_else(PoisonError::into_inner);
                let mut reply = keyring.answer::<Fast>(now, &mut bindings, &request);
                if let Reply::Confirm(confirm) = reply {
                    let agrees = self.agrees.load(Ordering::SeqCst);
                    reply = if agrees { keyring.confirmed(now, &confirm) } else { Reply::Refused };
                }
                reply.give(&mut server, &mut output).expect("room for any reply");
            }
            let taken = input.taken();
            received.wipe(taken);
            server.flush(&mut output).expect("room for any reply");
            let filled = output.filled();
            if socket.write_all(&space[..filled]).is_err() {
                return;
            }
            if taken == 0 {
                match socket.read(received.space()) {
                    Ok(n @ 1..) => received.received(n),
                    _ => return,
                }
            }
        }
    }
}
