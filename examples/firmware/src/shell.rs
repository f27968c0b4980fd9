//! The shell: lines as they are typed, and the commands.

use crate::board;
use crate::house::House;
use core::fmt::{self, Write};
use heapless::String;

/// What a command says at most.
pub type Text = String<512>;

/// The longest line.
pub type Line = String<80>;

/// What a command comes to, besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with this status.
    Done(u32),
    /// What comes from now on is counted, and thrown away.
    Count,
    /// So many bytes follow.
    Bytes(u32),
}

/// Where text goes; terminals want a return at the end of each line.
#[derive(Debug)]
pub struct Screen<'a> {
    /// What is to be shown.
    pub text: &'a mut Text,
    /// Whether somebody looks.
    pub terminal: bool,
}

impl Write for Screen<'_> {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        for (i, line) in words.split('\n').enumerate() {
            if i > 0 {
                self.text.push_str(if self.terminal { "\r\n" } else { "\n" }).map_err(|_| fmt::Error)?;
            }
            self.text.push_str(line).map_err(|_| fmt::Error)?;
        }
        Ok(())
    }
}

/// A line that is being typed.
#[derive(Debug, Default)]
pub struct Editor(Line);

impl Editor {
    /// Takes what was typed up to the end of a line; how much that was, and the line. At a terminal it is shown.
    pub fn read(&mut self, typed: &[u8], terminal: bool, text: &mut Text) -> (usize, Option<Line>) {
        let mut show = |shown: &str| {
            if terminal {
                let _ = text.push_str(shown);
            }
        };
        // What is shown of a byte has three bytes at most, and must fit.
        let most = typed.len().min(128);
        for (at, byte) in typed[..most].iter().enumerate() {
            match byte {
                b'\r' | b'\n' => {
                    show("\r\n");
                    return (at + 1, Some(core::mem::take(&mut self.0)));
                }
                0x08 | 0x7f if self.0.pop().is_some() => show("\x08 \x08"),
                // Control-C drops the line, Control-D at its start leaves.
                0x03 => {
                    show("^C\r\n");
                    self.0.clear();
                    return (at + 1, Some(Line::new()));
                }
                0x04 if self.0.is_empty() => return (at + 1, "exit".try_into().ok()),
                b' '..=b'~' if self.0.push(char::from(*byte)).is_ok() => {
                    show(core::str::from_utf8(&[*byte]).unwrap_or_default());
                }
                _ => {}
            }
        }
        (most, None)
    }
}

const HELP: &str = "help            this\n\
    uptime          time since the start\n\
    mem             memory, panics, logins\n\
    led [on|off]    the light\n\
    sensors         what the board feels\n\
    echo [WORD...]  the words\n\
    count           counts what comes\n\
    bytes N         so many of them\n\
    panic           counted by mem\n\
    exit            leaves\n";

/// Runs a line.
pub fn run(line: &str, house: &House, out: &mut Screen<'_>) -> Outcome {
    let (command, rest) = line.trim_ascii().split_once(' ').unwrap_or((line.trim_ascii(), ""));
    let written = match (command, rest) {
        ("" | "exit", _) => Ok(()),
        ("help", _) => out.write_str(HELP),
        ("uptime", _) => uptime(out),
        ("mem", _) => mem(house, out),
        ("led", "") => out.write_str(if board::lit() { "on\n" } else { "off\n" }),
        ("led", "on" | "off") => {
            board::light(rest == "on");
            Ok(())
        }
        ("sensors", _) => sensors(out),
        ("echo", words) => out.write_str(words).and_then(|()| out.write_str("\n")),
        ("count", _) => return Outcome::Count,
        ("bytes", number) => match number.parse() {
            Ok(number) => return Outcome::Bytes(number),
            Err(_) => return complain(out, "bytes: how many?\n"),
        },
        ("panic", _) => panic!("somebody asked for it"),
        _ => return complain(out, "no such command; there is help\n"),
    };
    match written {
        Ok(()) => Outcome::Done(0),
        Err(fmt::Error) => Outcome::Done(1),
    }
}

fn complain(out: &mut Screen<'_>, words: &str) -> Outcome {
    let _ = out.write_str(words);
    Outcome::Done(127)
}

fn uptime(out: &mut Screen<'_>) -> fmt::Result {
    let milliseconds = board::now().0 / 1000;
    writeln!(out, "up {}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// One figure a line, for people and for tests.
fn mem(house: &House, out: &mut Screen<'_>) -> fmt::Result {
    writeln!(out, "static {}", board::stack::statics())?;
    writeln!(out, "stack {}", board::stack::used())?;
    writeln!(out, "connection {}", size_of::<crate::guest::Ssh>())?;
    writeln!(out, "panics {}", board::panics())?;
    writeln!(out, "connections {}", house.connections)?;
    writeln!(out, "logins {}", house.logins)?;
    writeln!(out, "handshake {}", house.handshake)
}

/// Made up of the time, for want of any.
fn sensors(out: &mut Screen<'_>) -> fmt::Result {
    let seconds = board::now().0 / 1_000_000;
    writeln!(out, "temperature 2{}.{} C", seconds % 5, seconds % 10)?;
    writeln!(out, "supply 3.{} V", 2 + seconds % 2)
}
