//! `sshd`: a server for the user who runs it, on this machine and by default only for it.
//! Commands and shells run as that user, by the user's shell; files are served by the program itself.

#![forbid(unsafe_code)]

mod access;
mod arguments;
mod carry;
mod files;
mod forwarding;
mod lent;
mod process;
mod session;
mod setup;

use access::Access;
use arguments::Asked;
use core::net::SocketAddr;
use files::Files;
use forwarding::Forwarding;
use sanssh_std::{Attempt, Handler, Server, Session, Shutdown, Verdict, Wish};
use setup::Settings;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// How long sessions may take to end with the server.
const PATIENCE: core::time::Duration = core::time::Duration::from_secs(5);

fn main() -> ExitCode {
    let outcome = arguments::read().and_then(|asked| match asked {
        Asked::Text(text) => {
            // Whoever asked may have left.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Asked::Serve(settings) => serve(*settings),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sshd: {error}");
            // OpenSSH's server ends with this as well.
            ExitCode::from(255)
        }
    }
}

/// Serves until a signal says stop.
fn serve(mut settings: Settings) -> Result<(), String> {
    let user = sanssh_examples::user::current()?;
    let access = Access::new(&settings, &user)?;
    if settings.files.root.is_some() {
        // Ports and sockets are ways out.
        settings.forwarding.disable();
    }
    let (config, shown) = settings.server()?;
    let place = (settings.address, settings.port);
    let server = Server::bind(place, config).map_err(|error| format!("{}:{}: {error}", place.0, place.1))?;
    let address = server.local_addr().map_err(|error| error.to_string())?;
    stop_by_signal(server.shutdown())?;
    if let Some(file) = &settings.pid_file {
        fs::write(file, format!("{}\n", std::process::id())).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let _ = writeln!(io::stderr(), "listening on {address}, {shown}");
    let Settings { variables, subsystems, mut files, forwarding, .. } = settings;
    files.confine(&subsystems);
    let guests = Guests::default();
    let house = Arc::new(House { access, user, address, variables, subsystems, files, forwarding, guests });
    server.serve(Porter(Arc::clone(&house)));
    house.guests.wait();
    if let Some(file) = &settings.pid_file {
        let _ = fs::remove_file(file);
    }
    Ok(())
}

fn stop_by_signal(shutdown: Shutdown) -> Result<(), String> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| format!("cannot catch signals: {error}"))?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            shutdown.stop();
        }
    });
    Ok(())
}

/// What all connections share.
struct House {
    access: Access,
    user: sanssh_examples::user::User,
    address: SocketAddr,
    variables: Vec<(String, String)>,
    /// Subsystems and their commands.
    subsystems: Vec<(String, String)>,
    files: Files,
    forwarding: Forwarding,
    guests: Guests,
}

/// Lets clients in.
struct Porter(Arc<House>);

impl Handler for Porter {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.access.key_acceptable(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.0.access.login(attempt)
    }

    fn may_forward(&self, _: SocketAddr, _: &str, wish: &Wish<'_>) -> bool {
        self.0.forwarding.permits(wish)
    }

    fn session(&self, session: Session) {
        let _guest = Guest::enter(&self.0.guests);
        session::serve(&session, &self.0);
    }
}

/// Sessions that run, so that the end of the server can wait for theirs.
#[derive(Default)]
struct Guests {
    count: Mutex<usize>,
    left: Condvar,
}

impl Guests {
    fn wait(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever does not end by a hangup outlives the server.
        let _ = self.left.wait_timeout_while(count, PATIENCE, |count| *count > 0);
    }
}

struct Guest<'a>(&'a Guests);

impl<'a> Guest<'a> {
    fn enter(guests: &'a Guests) -> Self {
        *guests.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(guests)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_all();
    }
}
