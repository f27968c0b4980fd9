//! `keygen`: makes, shows and converts keys, certificates and lists of host keys, with the flags of OpenSSH's.
//! Every format is the library's; here are files, questions and words.

#![forbid(unsafe_code)]

mod arguments;
mod ask;
mod certify;
mod detail;
mod hosts;
mod keep;
mod make;
mod show;
mod source;
mod times;

use arguments::{Arguments, Asked, Task};
use sanssh_core::Random;
use sanssh_examples::terminal;
use std::io::{self, Write};
use std::process::ExitCode;

/// What OpenSSH's program ends with when a file is not what it should be.
const FAILED: u8 = 255;

fn main() -> ExitCode {
    terminal::guard();
    let outcome = match arguments::read() {
        Ok(Asked::Text(text)) => {
            print(&text);
            Ok(0)
        }
        Ok(Asked::Job(arguments)) => run(&arguments),
        Err(error) => {
            complain(&error);
            Ok(1)
        }
    };
    outcome
        .unwrap_or_else(|error| {
            complain(&error);
            FAILED
        })
        .into()
}

fn run(arguments: &Arguments) -> Result<u8, String> {
    match &arguments.task {
        Task::Generate => make::generate(arguments),
        Task::Passphrase => make::change_passphrase(arguments),
        Task::Comment => make::change_comment(arguments),
        Task::Public => show::public(arguments),
        Task::Fingerprint => show::fingerprints(arguments),
        Task::Export => show::export(arguments),
        Task::Import => show::import(arguments),
        Task::Records(host) => show::records(arguments, host),
        Task::Certify(authority) => certify::sign(arguments, authority),
        Task::Detail => detail::show(arguments),
        Task::Find(host) => hosts::find(arguments, host),
        Task::Remove(host) => hosts::remove(arguments, host),
        Task::HashHosts => hosts::hash(arguments),
    }
}

/// A generator for one run.
fn random() -> Result<Random, String> {
    sanssh_std::seed().map(|seed| Random::new(&seed)).map_err(|error| error.to_string())
}

/// Prints what was asked for. Whoever asked may have left.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Says one line on standard error.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "keygen: {text}");
}

/// Text that others wrote, without what would move the cursor.
fn shown(text: &[u8]) -> String {
    let visible = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    String::from_utf8_lossy(text).chars().map(visible).collect()
}
