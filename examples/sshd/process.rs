//! The process of a session: the user's shell, on pipes or on a terminal of its own, in a process group that signals go
//! to. Its number is used only as long as it is known to be its own.

use crate::{House, lent};
use pty_process::Size;
use pty_process::blocking::{Command as OnTerminal, Pty, open};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcgetpgrp, tcsetattr};
use sanssh_examples::modes;
use sanssh_std::{Session, Terminal};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

/// Where programs are, if this process was not told.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Held while descriptors exist that a process started meanwhile would inherit.
static STARTING: Mutex<()> = Mutex::new(());

/// The signals of RFC 4254 §6.10.
const SIGNALS: [(&str, Signal); 13] = [
    ("ABRT", Signal::ABORT),
    ("ALRM", Signal::ALARM),
    ("FPE", Signal::FPE),
    ("HUP", Signal::HUP),
    ("ILL", Signal::ILL),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("PIPE", Signal::PIPE),
    ("QUIT", Signal::QUIT),
    ("SEGV", Signal::SEGV),
    ("TERM", Signal::TERM),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
];

/// A process and its ends of pipes or terminal.
pub(crate) struct Process {
    /// `None` once its number may be another's.
    group: Mutex<Option<Pid>>,
    child: Mutex<Child>,
}

/// How to talk to it. A process that heeds no hangup notices by them that nobody does any more: so whoever uses them
/// holds a share, and they close with the last.
pub(crate) enum Streams {
    Pipes { stdin: Mutex<Option<ChildStdin>>, stdout: ChildStdout, stderr: ChildStderr },
    Terminal(Pty),
}

impl Process {
    /// Starts a command line, or a shell without one, for a session.
    pub(crate) fn start(session: &Session, house: &House, line: Option<&[u8]>) -> io::Result<(Self, Streams)> {
        let mut command = command(session, house, line);
        let (mut child, terminal) = match session.terminal() {
            Some(terminal) => on_terminal(command, terminal)?,
            None => {
                command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
                (command.spawn()?, None)
            }
        };
        let streams = match (terminal, child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(terminal), ..) => Streams::Terminal(terminal),
            (None, Some(stdin), Some(stdout), Some(stderr)) => {
                Streams::Pipes { stdin: Mutex::new(Some(stdin)), stdout, stderr }
            }
            (None, ..) => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        Ok((Self { group: Mutex::new(Some(Pid::from_child(&child))), child: Mutex::new(child) }, streams))
    }

    /// Waits for its end.
    pub(crate) fn wait(&self) -> io::Result<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let id = WaitId::Pid(Pid::from_child(&child));
        // Its number is not given away before it is known here that it will be.
        while let Err(Errno::INTR) = waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
        self.group.lock().unwrap_or_else(PoisonError::into_inner).take();
        child.wait()
    }

    /// Signals it and whatever it has started in its group. Names that are not known do nothing.
    pub(crate) fn signal(&self, name: &str) {
        if let Some((_, signal)) = SIGNALS.iter().find(|(known, _)| *known == name) {
            self.kill(*signal);
        }
    }

    /// The session is over.
    pub(crate) fn hang_up(&self) {
        self.kill(Signal::HUP);
        // A stopped process could not notice.
        self.kill(Signal::CONT);
    }

    /// A break interrupts, as it does on a terminal: whoever is in front there, or else the group.
    pub(crate) fn interrupt(&self, streams: &Streams) {
        let front = match streams {
            Streams::Terminal(terminal) => tcgetpgrp(terminal).ok(),
            Streams::Pipes { .. } => None,
        };
        match front {
            Some(group) => drop(kill_process_group(group, Signal::INT)),
            None => self.kill(Signal::INT),
        }
    }

    fn kill(&self, signal: Signal) {
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = *group {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Streams {
    /// The client's terminal has another size.
    pub(crate) fn resize(&self, columns: u32, rows: u32) {
        if let Self::Terminal(terminal) = self {
            let _ = terminal.resize(size(columns, rows));
        }
    }
}

/// The byte that means the end of input when typed.
pub(crate) fn end_of_input(terminal: &Pty) -> Option<u8> {
    tcgetattr(terminal).ok().map(|settings| settings.special_codes[SpecialCodeIndex::VEOF])
}

/// The name of a signal that ended a process.
pub(crate) fn signal_name(status: ExitStatus) -> Option<&'static str> {
    let number = status.signal()?;
    let known = SIGNALS.iter().find(|(_, signal)| signal.as_raw() == number);
    // A name outside of the RFC's list carries its author's.
    Some(known.map_or("SIG@openssh.com", |(name, _)| name))
}

fn on_terminal(command: Command, wanted: &Terminal) -> io::Result<(Child, Option<Pty>)> {
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = io::Error::other::<pty_process::Error>;
    let (terminal, other) = open().map_err(failed)?;
    terminal.resize(size(wanted.columns, wanted.rows)).map_err(failed)?;
    let mut settings = tcgetattr(&terminal)?;
    modes::apply(wanted.modes.iter().copied(), &mut settings);
    tcsetattr(&terminal, OptionalActions::Now, &settings)?;
    let name = rustix::pty::ptsname(&terminal, Vec::new())?;
    let command = OnTerminal::from(command).env("SSH_TTY", OsStr::from_bytes(name.as_bytes()));
    let term = OsStr::from_bytes(&wanted.term);
    let child = command.env("TERM", term).spawn(other).map_err(failed)?;
    Ok((child, Some(terminal)))
}

fn size(columns: u32, rows: u32) -> Size {
    let fit = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
    Size::new(fit(rows), fit(columns))
}

/// The user's shell, with what it is to run and nothing of this process's environment.
fn command(session: &Session, house: &House, line: Option<&[u8]>) -> Command {
    let House { user, address, variables, .. } = house;
    // Where it listens may stand for every address there is.
    let server = session.local_addr().unwrap_or(*address);
    let mut command = Command::new(&user.shell);
    match line {
        None => {
            // A dash in front makes it a login shell.
            let mut name = OsString::from("-");
            name.push(user.shell.file_name().unwrap_or_default());
            command.arg0(name);
        }
        Some(line) => drop(command.arg("-c").arg(OsStr::from_bytes(line))),
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    let peer = session.peer();
    let connection = format!("{} {} {} {}", peer.ip(), peer.port(), server.ip(), server.port());
    command.env_clear();
    for (name, value) in session.environment() {
        command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
    }
    command.env("HOME", &user.home).env("USER", &user.name).env("LOGNAME", &user.name).env("SHELL", &user.shell);
    command.env("PATH", path).env("SSH_CONNECTION", connection);
    command.env("SSH_CLIENT", format!("{} {} {}", peer.ip(), peer.port(), server.port()));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    if let Some(original) = session.original_command() {
        command.env("SSH_ORIGINAL_COMMAND", OsString::from_vec(original.to_vec()));
    }
    lent::equip(session, house, &mut command);
    command.current_dir(if user.home.is_dir() { &user.home } else { Path::new("/") });
    command
}
