//! A client for comparisons: each of its subcommands does one thing as often or as much as its flags say, and prints how
//! long that took, without connecting and logging in, as one line of JSON.
//!
//! ```text
//! contender WHAT --host HOST --port PORT --user USER --key FILE [--cipher NAME] [--mac NAME] [--count N]
//!           [--local PATH] [--remote PATH]
//! get, put            one file by SFTP                  smallget, smallput   --count files, f0 on, of a directory
//! treeget, treeput    a directory by SFTP               scp-get, scp-put     one file by the scp at the server
//! cat-get, cat-put    one file by `cat` at the server   exec, handshake      `true`, or a login, --count times
//! ```
//!
//! Prints `{"seconds":S,"bytes":N}`, `{"latencies_us":[..]}` or `{"seconds":S,"count":N}`; status 3 is for what cannot be
//! done. Host keys are not looked at: nothing here is for servers on other machines.

#[path = "contend/flags.rs"]
mod flags;

use core::error::Error;
use core::net::IpAddr;
use flags::Flags;
use sanssh_core::algorithm::{Cipher, Mac, list};
use sanssh_std::{Client, Copy, Exit, KnownHosts, Options, Progress, Unknown, home, scp};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// What one call moves, where the contender has to choose.
const PIECE: usize = 256 * 1024;

fn main() -> ExitCode {
    flags::main(run)
}

/// What to print; nothing if that cannot be done.
fn run(what: &str, flags: &Flags) -> Result<Option<String>, Box<dyn Error>> {
    if what == "version" {
        return Ok(Some(format!("{{\"version\":\"sanssh {}\"}}", env!("CARGO_PKG_VERSION"))));
    }
    let Some(options) = options(flags) else { return Ok(None) };
    let count: usize = flags.number("--count", 1)?;
    let started = Instant::now();
    if what == "handshake" {
        for _ in 0..count {
            connect(flags, &options)?.disconnect();
        }
        return Ok(Some(format!("{{\"seconds\":{:.6},\"count\":{count}}}", started.elapsed().as_secs_f64())));
    }
    let client = connect(flags, &options)?;
    let started = Instant::now();
    let (local, remote) = (Path::new(flags.of("--local")), flags.of("--remote"));
    let bytes = match what {
        "get" | "put" | "smallget" | "smallput" | "treeget" | "treeput" => {
            return files(&client, what, local, remote, count).map(Some);
        }
        "exec" => return Ok(Some(exec(&client, count)?)),
        "cat-get" => cat_get(&client, remote, local)?,
        "scp-get" => {
            let copy = scp::Copy::default();
            whole(client.scp_sink(remote, &copy)?.store(local, &copy, &mut |_| {})?)?
        }
        "scp-put" => {
            let copy = scp::Copy::default();
            let mut source = client.scp_source(remote, &copy)?;
            let copied = source.send(local, &copy, &mut |_| {})?;
            source.finish()?;
            whole(copied)?
        }
        "cat-put" => cat_put(&client, local, remote)?,
        _ => return Ok(None),
    };
    Ok(Some(format!("{{\"seconds\":{:.6},\"bytes\":{bytes}}}", started.elapsed().as_secs_f64())))
}

/// Files by SFTP. The dialogue's greeting is not timed.
fn files(client: &Client, what: &str, local: &Path, remote: &str, count: usize) -> Result<String, Box<dyn Error>> {
    let sftp = client.sftp()?;
    let copy = Copy::default();
    let started = Instant::now();
    let quiet = &mut |_: Progress<'_>| {};
    match what {
        "get" => sftp.get(remote, local, &copy, quiet)?,
        "put" => sftp.put(local, remote, &copy, quiet)?,
        "treeget" => {
            sftp.get_tree(remote, local, &copy, &mut |_| {})?;
        }
        "treeput" => {
            sftp.put_tree(local, remote, &copy, &mut |_| {})?;
        }
        _ => {
            for at in 0..count {
                let (local, remote) = (local.join(format!("f{at}")), format!("{remote}/f{at}"));
                match what {
                    "smallget" => sftp.get(remote, local, &copy, quiet)?,
                    _ => sftp.put(local, remote, &copy, quiet)?,
                }
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let bytes = local.metadata()?.len();
    Ok(format!("{{\"seconds\":{seconds:.6},\"bytes\":{bytes}}}"))
}

/// What to negotiate; nothing if a name is not known.
fn options(flags: &Flags) -> Option<Options> {
    let mut options = Options::default();
    if let name @ [_, ..] = flags.of("--cipher").as_bytes() {
        options.core.preferences.ciphers = list(&[Cipher::from_name(str::from_utf8(name).ok()?)?]);
    }
    if let name @ [_, ..] = flags.of("--mac").as_bytes() {
        options.core.preferences.macs = list(&[Mac::from_name(str::from_utf8(name).ok()?)?]);
    }
    Some(options)
}

fn connect(flags: &Flags, options: &Options) -> Result<Client, Box<dyn Error>> {
    let host = flags.of("--host");
    if !host.parse::<IpAddr>()?.is_loopback() {
        return Err("only to this machine: the host key is not looked at".into());
    }
    let mut anybody = KnownHosts::files([""; 0]).unknown(Unknown::Trust);
    let client = Client::connect(host, flags.number("--port", 22)?, options, &mut anybody)?;
    client.login_key(flags.of("--user"), &home::read_key(Path::new(flags.of("--key")), None)?)?.accepted()?;
    Ok(client)
}

fn exec(client: &Client, count: usize) -> Result<String, Box<dyn Error>> {
    let mut latencies = Vec::new();
    for _ in 0..count {
        let started = Instant::now();
        if client.run("true")?.exit != Exit::Status(0) {
            return Err("true is false".into());
        }
        latencies.push(format!("{:.1}", started.elapsed().as_secs_f64() * 1e6));
    }
    Ok(format!("{{\"latencies_us\":[{}]}}", latencies.join(",")))
}

/// The bytes of a copy that lacks nothing.
fn whole(copied: scp::Copied) -> Result<u64, Box<dyn Error>> {
    if copied.failures == 0 { Ok(copied.bytes) } else { Err("not all was copied".into()) }
}

fn cat_get(client: &Client, remote: &str, local: &Path) -> Result<u64, Box<dyn Error>> {
    let mut channel = client.session()?;
    channel.exec(format!("cat {remote}"))?;
    channel.finish();
    carry(&mut channel, &mut File::create(local)?)
}

fn cat_put(client: &Client, local: &Path, remote: &str) -> Result<u64, Box<dyn Error>> {
    let mut channel = client.session()?;
    channel.exec(format!("cat > {remote}"))?;
    let bytes = carry(&mut File::open(local)?, &mut channel)?;
    channel.finish();
    channel.wait_close()?;
    Ok(bytes)
}

fn carry(from: &mut impl Read, to: &mut impl Write) -> Result<u64, Box<dyn Error>> {
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(bytes),
            n => {
                to.write_all(&piece[..n])?;
                bytes += n as u64;
            }
        }
    }
}
