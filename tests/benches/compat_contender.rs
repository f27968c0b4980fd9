//! The client for comparisons again, by the documented API of libssh2: see `contender.rs` for its command line.
//!
//! `get`, `put`, `scp-get`, `scp-put`, `cat-get`, `exec` and `handshake`, each as a program of libssh2's would.

#[path = "contend/flags.rs"]
mod flags;

use core::error::Error;
use core::net::IpAddr;
use flags::Flags;
use sanssh_compat::session::{LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC, Session};
use sanssh_compat::sftp::{LIBSSH2_FXF_CREAT, LIBSSH2_FXF_READ, LIBSSH2_FXF_TRUNC, LIBSSH2_FXF_WRITE};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Instant;

/// What one call moves.
const PIECE: usize = 1 << 20;

fn main() -> ExitCode {
    flags::main(run)
}

/// What to print; nothing if that cannot be done.
fn run(what: &str, flags: &Flags) -> Result<Option<String>, Box<dyn Error>> {
    let count: usize = flags.number("--count", 1)?;
    let started = Instant::now();
    if what == "handshake" {
        for _ in 0..count {
            connect(flags)?.disconnect()?;
        }
        return Ok(Some(format!("{{\"seconds\":{:.6},\"count\":{count}}}", started.elapsed().as_secs_f64())));
    }
    let session = connect(flags)?;
    if what == "exec" {
        return Ok(Some(exec(&session, count)?));
    }
    let started = Instant::now();
    let Some(bytes) = carry(&session, what, flags.of("--local"), flags.of("--remote"))? else { return Ok(None) };
    session.disconnect()?;
    Ok(Some(format!("{{\"seconds\":{:.6},\"bytes\":{bytes}}}", started.elapsed().as_secs_f64())))
}

fn connect(flags: &Flags) -> Result<Session, Box<dyn Error>> {
    let (host, port) = (flags.of("--host"), flags.number("--port", 22)?);
    if !host.parse::<IpAddr>()?.is_loopback() {
        return Err("only to this machine: the host key is not looked at".into());
    }
    let session = Session::new();
    if let name @ [_, ..] = flags.of("--cipher").as_bytes() {
        let name = str::from_utf8(name)?;
        session.method_pref(LIBSSH2_METHOD_CRYPT_CS, name)?;
        session.method_pref(LIBSSH2_METHOD_CRYPT_SC, name)?;
    }
    session.handshake(TcpStream::connect((host, port))?)?;
    session.userauth_publickey_fromfile(flags.of("--user"), flags.of("--key"), "", None)?;
    Ok(session)
}

fn exec(session: &Session, count: usize) -> Result<String, Box<dyn Error>> {
    let mut latencies = Vec::new();
    for _ in 0..count {
        let started = Instant::now();
        let mut channel = session.open_session()?;
        channel.execute("true")?;
        channel.read_to_end(&mut Vec::new())?;
        channel.close()?;
        if channel.get_exit_status() != 0 {
            return Err("true is false".into());
        }
        latencies.push(format!("{:.1}", started.elapsed().as_secs_f64() * 1e6));
    }
    Ok(format!("{{\"latencies_us\":[{}]}}", latencies.join(",")))
}

/// One file, by the way that `what` names; how many bytes.
fn carry(session: &Session, what: &str, local: &str, remote: &str) -> Result<Option<u64>, Box<dyn Error>> {
    Ok(Some(match what {
        "get" => {
            let mut from = session.sftp_init()?.open(remote, LIBSSH2_FXF_READ, 0)?;
            pump(&mut from, &mut File::create(local)?, u64::MAX)?
        }
        "put" => {
            let flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC;
            let mut to = session.sftp_init()?.open(remote, flags, 0o600)?;
            let bytes = pump(&mut File::open(local)?, &mut to, u64::MAX)?;
            to.close()?;
            bytes
        }
        "scp-get" => {
            let (mut channel, about) = session.scp_recv2(remote)?;
            pump(&mut channel, &mut File::create(local)?, about.st_size)?
        }
        "scp-put" => {
            let mut from = File::open(local)?;
            let mut channel = session.scp_send64(remote, 0o600, from.metadata()?.len(), 0, 0)?;
            let bytes = pump(&mut from, &mut channel, u64::MAX)?;
            channel.send_eof()?;
            channel.wait_eof()?;
            channel.close()?;
            bytes
        }
        "cat-get" => {
            let mut channel = session.open_session()?;
            channel.execute(format!("cat {remote}"))?;
            let bytes = pump(&mut channel, &mut File::create(local)?, u64::MAX)?;
            channel.close()?;
            bytes
        }
        _ => return Ok(None),
    }))
}

/// Up to `most` bytes from one to the other; how many.
fn pump(from: &mut impl Read, to: &mut impl Write, most: u64) -> Result<u64, Box<dyn Error>> {
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    while bytes < most {
        let want = piece.len().min(usize::try_from(most - bytes).unwrap_or(usize::MAX));
        match from.read(&mut piece[..want])? {
            0 => break,
            n => {
                to.write_all(&piece[..n])?;
                bytes += n as u64;
            }
        }
    }
    Ok(bytes)
}
