//! The session: a terminal if wanted, variables, the command, its streams, and how it ends; or what there is instead.
//! One thread carries output, one input; a third answers the server while output here is not taken, as by a pager;
//! others, if there is something to watch, watch the terminal's size and what is forwarded.

use crate::arguments::Job;
use crate::forwards::{Forwards, endpoint};
use crate::keyboard::Keyboard;
use crate::lend::lend;
use crate::streams::{self, Ended};
use crate::{stdio, window};
use core::sync::atomic::Ordering;
use sanssh_core::file::pattern::takes_exactly;
use sanssh_examples::client::report::Reporter;
use sanssh_examples::client::{self, Connected, FAILED};
use sanssh_examples::terminal;
use sanssh_std::ssh_config::{RequestTty, SessionType, Settings};
use sanssh_std::{Channel, Client, Error, Exit};
use std::sync::Arc;
use std::thread;

/// Runs what is asked for, and gives the status to end with.
pub(crate) fn run(connected: &Connected, job: &Job, reporter: Reporter) -> Result<u8, String> {
    let (connection, settings) = (&connected.client, &connected.config.settings);
    let forwards = Arc::new(Forwards::open(connection, settings, reporter)?);
    if let Some(to) = connected.config.stdio.as_ref().and_then(endpoint) {
        forwards.watch_aside(connection, reporter);
        return stdio::run(connection, to, settings.stdin_null);
    }
    if settings.session_type == SessionType::None {
        forgo(connection).map_err(plain)?;
        return Err(plain(forwards.watch(connection, reporter)));
    }
    forwards.watch_aside(connection, reporter);
    let wanted = Wanted::of(job, settings)?;
    let status = serve(connected, &wanted, &forwards, reporter);
    terminal::restore();
    let (has_terminal, status) = status?;
    if has_terminal {
        reporter.warn(format_args!("connection to {} closed", job.host));
    }
    Ok(status)
}

/// Serves a session to its end; whether it had a terminal, and the status to end with.
fn serve(
    connected: &Connected,
    wanted: &Wanted<'_>,
    forwards: &Arc<Forwards>,
    reporter: Reporter,
) -> Result<(bool, u8), String> {
    let (connection, settings) = (&connected.client, &connected.config.settings);
    let channel = Arc::new(connection.session().map_err(plain)?);
    let has_terminal = wants_terminal(wanted, settings.request_tty, reporter);
    if has_terminal {
        channel.request_pty(&window::wanted()).map_err(plain)?;
    }
    variables(&channel, settings, reporter).map_err(plain)?;
    lend(&channel, &connected.config, reporter)?;
    start(&channel, wanted).and_then(|()| forgo(connection)).map_err(plain)?;
    if has_terminal {
        occupy(&channel)?;
    }
    let left = Arc::default();
    let escape = settings.escape_char.0.filter(|_| has_terminal && terminal::is_here());
    feed(&channel, settings, Keyboard::new(escape, connection, &channel, forwards, &left));
    client::tend(connection);
    let outcome = streams::output(|space| channel.read_any(space).map_err(plain)).and_then(|ended| match ended {
        Ended::AtEnd => channel.wait().map_err(plain),
        Ended::Unwanted => Ok(Exit::Unknown),
    });
    if left.load(Ordering::Acquire) {
        return Ok((has_terminal, FAILED));
    }
    let status = status(&outcome?, reporter);
    terminal::restore();
    forwards.drain(connection);
    Ok((has_terminal, status))
}

fn plain(error: Error) -> String {
    error.to_string()
}

/// Promises that there will be no other session, where that is understood.
fn forgo(connection: &Client) -> Result<(), Error> {
    let ident = connection.server_ident();
    let understands = ["OpenSSH", "sanssh"].iter().any(|name| ident.contains(name));
    if understands { connection.forgo_sessions() } else { Ok(()) }
}

/// What is to run there.
enum Wanted<'a> {
    Shell,
    Command(&'a [u8]),
    Subsystem(&'a [u8]),
}

impl<'a> Wanted<'a> {
    fn of(job: &'a Job, settings: &'a Settings) -> Result<Self, String> {
        let given = job.command.as_deref().filter(|line| !line.is_empty());
        let own = settings.remote_command.0.as_deref().map(str::as_bytes);
        if given.is_some() && own.is_some() {
            return Err("a command is given, and the configuration has a RemoteCommand".to_owned());
        }
        match (given.or(own), settings.session_type) {
            (Some(name), SessionType::Subsystem) => Ok(Self::Subsystem(name)),
            (None, SessionType::Subsystem) => Err("the name of a subsystem is missing".to_owned()),
            (Some(line), SessionType::Default | SessionType::None) => Ok(Self::Command(line)),
            (None, SessionType::Default | SessionType::None) => Ok(Self::Shell),
        }
    }
}

fn wants_terminal(what: &Wanted<'_>, wish: RequestTty, reporter: Reporter) -> bool {
    let wanted = match wish {
        RequestTty::Force => return true,
        RequestTty::No => false,
        RequestTty::Yes => true,
        RequestTty::Auto => matches!(what, Wanted::Shell),
    };
    if wanted && !terminal::is_here() {
        reporter.warn("standard input is not a terminal, so none is asked for; -tt asks all the same");
    }
    wanted && terminal::is_here()
}

/// Variables that the user wants sent, by name or by value.
fn variables(channel: &Channel, settings: &Settings, reporter: Reporter) -> Result<(), Error> {
    for (name, value) in &settings.set_env.0 {
        channel.env(name, value)?;
    }
    for (name, value) in std::env::vars_os() {
        // What is not text is nothing that a pattern was written for.
        let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
        if settings.send_env.0.iter().any(|pattern| takes_exactly(pattern.as_bytes(), name.as_bytes())) {
            reporter.detail(format_args!("sending {name}"));
            channel.env(&name, &value)?;
        }
    }
    Ok(())
}

fn start(channel: &Channel, wanted: &Wanted<'_>) -> Result<(), Error> {
    match wanted {
        Wanted::Subsystem(name) => channel.subsystem(&String::from_utf8_lossy(name)),
        Wanted::Command(line) => channel.exec(line),
        Wanted::Shell => channel.shell(),
    }
}

/// Gives the terminal to the other side.
fn occupy(channel: &Arc<Channel>) -> Result<(), String> {
    if terminal::is_here() {
        terminal::make_raw().map_err(|error| format!("cannot set up the terminal: {error}"))?;
    }
    let channel = Arc::clone(channel);
    window::watch(move |columns, rows| channel.window_change(columns, rows).is_ok())
        .map_err(|error| format!("cannot watch the terminal's size: {error}"))
}

fn feed(channel: &Arc<Channel>, settings: &Settings, mut keyboard: Keyboard) {
    if settings.stdin_null || settings.fork_after_authentication {
        return channel.finish();
    }
    let channel = Arc::clone(channel);
    // Nobody waits for it: it may be waiting for somebody to type when all is over.
    thread::spawn(move || {
        if streams::input(|typed| keyboard.take(typed)) {
            channel.finish();
        }
    });
}

fn status(exit: &Exit, reporter: Reporter) -> u8 {
    match exit {
        // The system keeps only eight bits, as with OpenSSH's client.
        Exit::Status(status) => status.to_le_bytes()[0],
        Exit::Signal { name, core_dumped, message } => {
            let dumped = if *core_dumped { " (core dumped)" } else { "" };
            let gap = if message.is_empty() { "" } else { ": " };
            reporter.warn(format_args!("the command was killed by signal {name}{dumped}{gap}{message}"));
            FAILED
        }
        Exit::Unknown => FAILED,
    }
}
