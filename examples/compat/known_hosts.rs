//! Whose key a server shows, by a file of known hosts: `known_hosts FILE HOST [PORT] [--add]`.
//!
//! A host that is not in the file is added to it if the caller says so. One with another key than the one on record is
//! not, whatever the caller says.

use core::error::Error;
use sanssh_compat::exceptions::KnownHostCheckNotFoundError;
use sanssh_compat::knownhost::{
    LIBSSH2_KNOWNHOST_KEY_ECDSA_256, LIBSSH2_KNOWNHOST_KEY_ECDSA_384, LIBSSH2_KNOWNHOST_KEY_ECDSA_521,
    LIBSSH2_KNOWNHOST_KEY_ED25519, LIBSSH2_KNOWNHOST_KEY_SSHRSA, LIBSSH2_KNOWNHOST_KEY_UNKNOWN,
    LIBSSH2_KNOWNHOST_KEYENC_RAW, LIBSSH2_KNOWNHOST_TYPE_PLAIN,
};
use sanssh_compat::session::{
    LIBSSH2_HOSTKEY_TYPE_ECDSA_256, LIBSSH2_HOSTKEY_TYPE_ECDSA_384, LIBSSH2_HOSTKEY_TYPE_ECDSA_521,
    LIBSSH2_HOSTKEY_TYPE_ED25519, LIBSSH2_HOSTKEY_TYPE_RSA, Session,
};
use std::net::TcpStream;
use std::path::Path;

/// A blob, of a host that is given by name.
const PLAIN: i32 = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let [file, host, rest @ ..] = &words[..] else { return Err("known_hosts FILE HOST [PORT] [--add]".into()) };
    let port = rest.first().map_or(Ok(22), |port| port.parse())?;
    let socket = TcpStream::connect((host.as_str(), port))?;
    let session = Session::new();
    session.set_timeout(30_000);
    session.handshake(&socket)?;
    let (key, kind) = session.hostkey()?;

    let hosts = session.knownhost_init();
    if Path::new(file).exists() {
        println!("{} lines in {file}", hosts.readfile(file)?);
    }
    // Without the key's type, so that another type than the one on record is a mismatch as well.
    match hosts.checkp(host, Some(port), &key, PLAIN) {
        Ok(entry) => println!("known: {entry}"),
        Err(error) if error.is(KnownHostCheckNotFoundError) && flags.iter().any(|flag| flag == "--add") => {
            let name = if port == 22 { host.clone() } else { format!("[{host}]:{port}") };
            let added = hosts.addc(name, &key, PLAIN | key_type(kind), None, None)?;
            print!("{}", String::from_utf8_lossy(&hosts.writeline(&added)?));
            hosts.writefile(file)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(session.disconnect()?)
}

/// The type of a host key, as typemasks have it.
fn key_type(kind: i32) -> i32 {
    match kind {
        LIBSSH2_HOSTKEY_TYPE_RSA => LIBSSH2_KNOWNHOST_KEY_SSHRSA,
        LIBSSH2_HOSTKEY_TYPE_ECDSA_256 => LIBSSH2_KNOWNHOST_KEY_ECDSA_256,
        LIBSSH2_HOSTKEY_TYPE_ECDSA_384 => LIBSSH2_KNOWNHOST_KEY_ECDSA_384,
        LIBSSH2_HOSTKEY_TYPE_ECDSA_521 => LIBSSH2_KNOWNHOST_KEY_ECDSA_521,
        LIBSSH2_HOSTKEY_TYPE_ED25519 => LIBSSH2_KNOWNHOST_KEY_ED25519,
        _ => LIBSSH2_KNOWNHOST_KEY_UNKNOWN,
    }
}
