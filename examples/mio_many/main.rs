//! `mio_many`: many connections on one thread, as a server and as a load. The server knows three commands of its own and
//! starts no programs; the load logs in everybody first, and has everybody run commands then.
//! Exit status: 0 if nothing was lost, 1 if something was, 255 if it could not begin.

#![forbid(unsafe_code)]

mod arguments;
mod caller;
mod load;
mod memory;
mod serve;

use arguments::{Asked, Load};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sanssh_core::Random;
use sanssh_core::file::{Format, PublicKeyBuf, SigningKey, private};
use sanssh_std::seed;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    // As many connections as the system lets a process have; with fewer, some are refused.
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    match arguments::read().and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mio_many: {error}");
            255.into()
        }
    }
}

/// Whether nothing was lost.
fn run(asked: Asked) -> Result<bool, String> {
    match asked {
        Asked::Text(text) => {
            // Whoever asked may have left.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(true)
        }
        Asked::Serve(job) => serve::run(&job).map(|()| true),
        Asked::Load(job) => load::run(&job),
        Asked::Both(job) => both(job),
    }
}

/// A server of its own for the load, as a process of its own: each has as many descriptors as the system gives one.
fn both(mut load: Load) -> Result<bool, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (host_key, user_key) = (directory.path().join("host"), directory.path().join("user"));
    for file in [&host_key, &user_key] {
        make_key(file)?;
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("serve").arg("-k").arg(&host_key).arg("-a").arg(user_key.with_extension("pub"));
    if let Some(kex) = load.kex {
        command.args(["-x", kex.name()]);
    }
    let mut server = command.stdout(Stdio::piped()).stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let mut line = String::new();
    if let Some(stdout) = server.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
    }
    load.address = line.trim_end().to_owned();
    (load.host_key, load.identity) = (host_key.with_extension("pub"), user_key);
    let outcome = load::run(&load);
    // Its standard input ends, and so does it.
    drop(server.stdin.take());
    server.wait().map_err(|error| error.to_string())?;
    outcome
}

/// Writes a new key and, beside it, its public half.
fn make_key(file: &Path) -> Result<(), String> {
    let mut random = Random::new(&seed().map_err(|error| error.to_string())?);
    let key = SigningKey::ed25519(&random.array());
    let text = private::write(&key, Format::OpenSsh, b"", None, &mut random).map_err(|error| format!("{error:?}"))?;
    sanssh_std::home::create_key(file, &text).map_err(|error| error.to_string())?;
    let public = PublicKeyBuf::from_blob(key.public()).map_err(|error| error.to_string())?;
    fs::write(file.with_extension("pub"), public.line("")).map_err(|error| error.to_string())
}

/// A public key file.
fn public(file: &Path) -> Result<PublicKeyBuf, String> {
    let named = |error: &dyn core::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read(file).map_err(|error| named(&error))?;
    Ok(PublicKeyBuf::from_text(&text).map_err(|error| named(&error))?.0)
}
