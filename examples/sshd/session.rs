//! One session: files, or a process, a thread for each of its streams, one for what the client does besides, and the end in order:
//! all output, then the exit status, then the end of the channel.

use crate::House;
use crate::carry::{self, Ends, Once};
use crate::files::{self, Given};
use crate::process::{Process, Streams, end_of_input, signal_name};
use sanssh_std::{Event, Session};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::sync::{Arc, PoisonError};
use std::thread;

/// What shells end with when a command cannot be run.
const CANNOT_RUN: u32 = 126;

/// Runs what the client wants, or serves files, and returns when both the process and the session are over.
pub(crate) fn serve(session: &Session, house: &House) {
    let line = match files::given(session, house) {
        Given::Process(line) => line,
        Given::Files(flags) => return files::serve(session, house, &flags),
        Given::Scp(line) => return files::serve_scp(session, house, line),
        Given::Nothing(why) => return files::refuse(session, why),
    };
    let (process, streams) = match Process::start(session, house, line) {
        Ok(started) => started,
        Err(error) => {
            let _ = writeln!(session.stderr(), "cannot start {}: {error}", house.user.shell.display());
            return drop(session.exit(CANNOT_RUN));
        }
    };
    if let Err(error) = carry_on(session, &process, streams) {
        process.hang_up();
        // Whoever read the log may have left.
        let _ = writeln!(io::stderr(), "sshd: a session ended early: {error}");
        drop(process.wait());
    }
}

fn carry_on(session: &Session, process: &Process, streams: Streams) -> io::Result<()> {
    let (gone, exited) = (&Once::new()?, &Once::new()?);
    streams.unblock()?;
    let streams = Arc::new(streams);
    let [for_events, for_input, for_output] = core::array::from_fn(|_| Arc::clone(&streams));
    thread::scope(|all| {
        all.spawn(move || events(session, process, &for_events, gone));
        all.spawn(move || input(session, &for_input, gone));
        let status = thread::scope(|outputs| {
            let ends = Ends { gone, exited: streams.is_terminal().then_some(exited) };
            outputs.spawn(move || output(session, &for_output, ends));
            // The last share goes with this thread, and not with the end of the process.
            outputs.spawn(move || errors(session, &streams, ends));
            let status = process.wait();
            exited.happen();
            status
        });
        // A client that has left does not want to know.
        let _ = status.map(|status| end(session, status));
    });
    Ok(())
}

fn end(session: &Session, status: ExitStatus) -> Result<(), sanssh_std::Error> {
    match (status.code(), signal_name(status)) {
        (Some(code), _) => session.exit(code.cast_unsigned()),
        (None, Some(name)) => {
            use std::os::unix::process::ExitStatusExt;
            session.exit_signal(name, status.core_dumped(), "")
        }
        (None, None) => session.exit(CANNOT_RUN),
    }
}

/// What the client does, until the session is over.
fn events(session: &Session, process: &Process, streams: &Streams, gone: &Once) {
    loop {
        match session.next_event(None) {
            Some(Event::Resized { columns, rows }) => streams.resize(columns, rows),
            Some(Event::Signal(name)) => process.signal(&name),
            Some(Event::Break(_)) => process.interrupt(streams),
            Some(Event::Closed) => break,
            None => {}
        }
    }
    process.hang_up();
    gone.happen();
}

fn input(session: &Session, streams: &Streams, gone: &Once) {
    match streams {
        Streams::Terminal(terminal) => {
            let at_end = carry::input(session, terminal.as_fd(), gone);
            if let Some(byte) = end_of_input(terminal).filter(|_| at_end) {
                carry::write_all(terminal.as_fd(), &[byte], gone);
            }
        }
        Streams::Pipes { stdin, .. } => {
            let stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner).take();
            let reads_no_more = stdin.is_some_and(|stdin| !carry::input(session, stdin.as_fd(), gone));
            if reads_no_more {
                // A client that has left does not want to know.
                let _ = session.end_input();
            }
        }
    }
}

fn output(session: &Session, streams: &Streams, ends: Ends<'_>) {
    match streams {
        Streams::Terminal(terminal) => carry::output(terminal.as_fd(), session, ends),
        Streams::Pipes { stdout, .. } => carry::output(stdout.as_fd(), session, ends),
    }
}

/// A terminal has one stream for all.
fn errors(session: &Session, streams: &Streams, ends: Ends<'_>) {
    if let Streams::Pipes { stderr, .. } = streams {
        carry::output(stderr.as_fd(), session.stderr(), ends);
    }
}

impl Streams {
    const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    fn unblock(&self) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) => carry::unblock(terminal),
            Self::Pipes { stdin, stdout, stderr } => {
                if let Some(stdin) = &*stdin.lock().unwrap_or_else(PoisonError::into_inner) {
                    carry::unblock(stdin)?;
                }
                carry::unblock(stdout)?;
                carry::unblock(stderr)
            }
        }
    }
}
