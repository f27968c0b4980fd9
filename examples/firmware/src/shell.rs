//! The commands of the firmware, as text in and text out.

use crate::board;
use core::fmt::{self, Write};

/// What is told on one line, or by `help`.
pub type Text = heapless::String<320>;

/// What a command comes to, besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with this status.
    Done(u32),
    /// The session is over.
    Exit,
    /// What comes from now on is counted, and thrown away.
    Count,
    /// So many bytes follow.
    Bytes(u32),
}

/// What the server knows of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vitals {
    /// Logins since the start.
    pub logins: u32,
    /// Time that the last handshake kept the processor busy, in nanoseconds.
    pub handshake: u64,
    /// Bytes of a connection.
    pub connection: usize,
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
    exit            leave\n";

/// Runs a line.
pub fn run(line: &str, vitals: &Vitals, out: &mut Text) -> Outcome {
    let (command, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let written = match (command, rest) {
        ("", _) => Ok(()),
        ("help", _) => out.write_str(HELP),
        ("uptime", _) => uptime(out),
        ("mem", _) => mem(vitals, out),
        ("led", "") => out.write_str(if board::lit() { "on\n" } else { "off\n" }),
        ("led", "on" | "off") => {
            board::light(rest == "on");
            Ok(())
        }
        ("sensors", _) => sensors(out),
        ("echo", words) => out.write_str(words).and_then(|()| out.write_str("\n")),
        ("exit", _) => return Outcome::Exit,
        ("count", _) => return Outcome::Count,
        ("bytes", number) => match number.parse() {
            Ok(number) => return Outcome::Bytes(number),
            Err(_) => return complain(out, "bytes: how many?\n"),
        },
        ("panic", _) => panic!(),
        _ => return complain(out, "no such command; there is help\n"),
    };
    match written {
        Ok(()) => Outcome::Done(0),
        Err(fmt::Error) => Outcome::Done(1),
    }
}

fn complain(out: &mut Text, words: &str) -> Outcome {
    let _ = out.write_str(words);
    Outcome::Done(127)
}

fn uptime(out: &mut Text) -> fmt::Result {
    let milliseconds = board::now().0 / 1000;
    writeln!(out, "up {}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// One figure a line, for people and for tests.
fn mem(vitals: &Vitals, out: &mut Text) -> fmt::Result {
    writeln!(out, "static {}", board::stack::statics())?;
    writeln!(out, "stack {}", board::stack::used())?;
    writeln!(out, "connection {}", vitals.connection)?;
    writeln!(out, "panics {}", board::panics())?;
    writeln!(out, "logins {}", vitals.logins)?;
    writeln!(out, "handshake {}", vitals.handshake)
}

/// Made up of the time, for want of any.
fn sensors(out: &mut Text) -> fmt::Result {
    let seconds = board::now().0 / 1_000_000;
    writeln!(out, "temperature 2{}.{} C", seconds % 5, seconds % 10)?;
    writeln!(out, "supply 3.{} V", 2 + seconds % 2)
}
