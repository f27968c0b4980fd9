//! `ssh -N -L` as our driver does it: a port of this machine is forwarded through a server until standard input ends. For
//! the bench that compares it with OpenSSH's.

use sanssh_core::algorithm::{Cipher, list};
use sanssh_std::{Client, KnownHosts, Options, home};
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::Path;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, user, key, hosts, target, cipher] = &arguments[..] else {
        return Err("port user key known_hosts target-port cipher".into());
    };
    let mut options = Options::default();
    if let Some(cipher) = Cipher::from_name(cipher) {
        options.core.preferences.ciphers = list(&[cipher]);
    }
    let mut hosts = KnownHosts::files([hosts]);
    let client = Client::connect("127.0.0.1", port.parse()?, &options, &mut hosts)?;
    client.login_key(user, &home::read_key(Path::new(key), None)?)?.accepted()?;
    let forward = client.forward_local(TcpListener::bind("127.0.0.1:0")?, ("127.0.0.1", target.parse()?))?;
    println!("{}", forward.local_addr().ok_or("no address")?.port());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
