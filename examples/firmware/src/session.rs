//! What runs on a channel: the shell, one command, or the service of files.

use crate::guest::{Ssh, Turn};
use crate::house::House;
use crate::profile::WINDOW;
#[cfg(feature = "sftp")]
use crate::sftp::Service;
use crate::shell::{self, Editor, Outcome, Text};
use core::fmt::Write;
use heapless::Vec;
use sanssh_core::Refused;
use sanssh_core::channel::{ChannelId, Request};

/// What is not kept may come by so much at a time.
const WIDE: u32 = 16 * 1024;

#[derive(Debug, Default)]
enum Program {
    #[default]
    None,
    Shell(Editor),
    /// So many bytes came.
    Count(u32),
    /// So many bytes are to be sent yet.
    Bytes(u32),
    #[cfg(feature = "sftp")]
    Files(Service),
    /// Once the text is said, the channel ends with this status.
    Ended(u32),
}

/// A channel.
#[derive(Debug, Default)]
pub struct Session {
    id: Option<ChannelId>,
    program: Program,
    /// Somebody types at a terminal.
    terminal: bool,
    /// Nothing more comes.
    ended: bool,
    /// What came and waits.
    inbox: Vec<u8, WINDOW>,
    /// What is to be said, and how much of it was.
    text: Text,
    said: usize,
}

impl Session {
    /// The channel is closed.
    pub fn end(&mut self) {
        self.id = None;
        self.program = Program::None;
        self.terminal = false;
        self.ended = false;
        self.inbox.clear();
        self.text.clear();
        self.said = 0;
    }

    /// Whether a request is granted.
    pub fn request(&mut self, ssh: &mut Ssh, id: ChannelId, what: &Request<'_>, house: &House) -> bool {
        self.id = Some(id);
        match what {
            Request::Pty(_) => self.terminal = true,
            Request::WindowChange(_) => {}
            Request::Shell => {
                self.program = Program::Shell(Editor::default());
                self.prompt();
            }
            Request::Exec(command) => {
                self.start(core::str::from_utf8(command).unwrap_or("?"), house);
                if let Program::Count(_) = self.program {
                    ssh.widen(id, WIDE);
                }
            }
            #[cfg(feature = "sftp")]
            Request::Subsystem(b"sftp") => self.program = Program::Files(Service::new()),
            _ => return false,
        }
        true
    }

    /// Keeps what came, within the window, unless it need not be kept.
    pub fn take(&mut self, ssh: &mut Ssh, id: ChannelId, bytes: &[u8]) {
        let kept = match &mut self.program {
            Program::Count(counted) => {
                *counted = counted.wrapping_add(u32::try_from(bytes.len()).unwrap_or(0));
                false
            }
            Program::Ended(_) => false,
            _ => self.inbox.extend_from_slice(bytes).is_ok(),
        };
        if !kept {
            ssh.release(id, bytes.len());
        }
    }

    /// Nothing more comes.
    pub fn eof(&mut self) {
        self.ended = true;
    }

    /// Lets the program go on as far as it can.
    pub fn run(&mut self, turn: &mut Turn<'_, '_>, house: &mut House) {
        let Some(id) = self.id else { return };
        while self.step(turn, id, house) == Ok(true) {}
    }

    /// Says what is to be said, then takes one step; whether there is another.
    fn step(&mut self, turn: &mut Turn<'_, '_>, id: ChannelId, house: &mut House) -> Result<bool, Refused> {
        while self.said < self.text.len() {
            let rest = &self.text.as_bytes()[self.said..];
            match turn.send(|ssh, output| ssh.write(id, rest, output))? {
                0 => return Ok(false),
                written => self.said += written,
            }
        }
        self.text.clear();
        self.said = 0;
        match &mut self.program {
            Program::Shell(_) => return Ok(self.type_in(turn.ssh, id, house)),
            Program::Count(counted) if self.ended => {
                let _ = writeln!(self.text, "{counted}");
                self.program = Program::Ended(0);
            }
            Program::Bytes(0) => self.program = Program::Ended(0),
            Program::Bytes(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let filled = turn.send(|ssh, output| {
                    ssh.fill(id, output, |space| {
                        let n = space.len().min(most);
                        space[..n].fill(b'.');
                        n
                    })
                })?;
                *left -= u32::try_from(filled).unwrap_or(0);
                return Ok(filled > 0);
            }
            #[cfg(feature = "sftp")]
            Program::Files(service) => {
                let Ok((taken, filled)) = service.run(turn, id, &self.inbox, &mut house.files) else {
                    self.program = Program::Ended(1);
                    return Ok(true);
                };
                self.inbox.drain(..taken);
                turn.ssh.release(id, taken);
                if taken > 0 || filled > 0 || !self.ended {
                    return Ok(taken > 0 || filled > 0);
                }
                self.program = Program::Ended(0);
            }
            Program::Ended(status) => {
                let status = Request::ExitStatus(*status);
                turn.send(|ssh, output| ssh.request(id, status, output))?;
                turn.ssh.finish(id);
                turn.ssh.close(id);
                self.program = Program::None;
                return Ok(false);
            }
            Program::Count(_) | Program::None => return Ok(false),
        }
        Ok(true)
    }

    /// The shell reads on, up to the end of a line.
    fn type_in(&mut self, ssh: &mut Ssh, id: ChannelId, house: &House) -> bool {
        if self.inbox.is_empty() {
            if self.ended {
                self.program = Program::Ended(0);
            }
            return self.ended;
        }
        let Program::Shell(editor) = &mut self.program else { return false };
        let (taken, line) = editor.read(&self.inbox, self.terminal, &mut self.text);
        self.inbox.drain(..taken);
        ssh.release(id, taken);
        if let Some(line) = line {
            self.start(&line, house);
            if let Program::Ended(_) = self.program
                && line.trim_ascii() != "exit"
            {
                self.program = Program::Shell(Editor::default());
                self.prompt();
            }
        }
        true
    }

    fn start(&mut self, line: &str, house: &House) {
        let outcome = shell::run(line, house, &mut shell::Screen { text: &mut self.text, terminal: self.terminal });
        self.program = match outcome {
            Outcome::Done(status) => Program::Ended(status),
            Outcome::Count => Program::Count(0),
            Outcome::Bytes(number) => Program::Bytes(number),
        };
    }

    fn prompt(&mut self) {
        if self.terminal {
            let _ = self.text.push_str("> ");
        }
    }
}
