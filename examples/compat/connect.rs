//! What these programs begin with: a session with a host whose key is on record, and a login by a key in a file.

use core::error::Error;
use sanssh_compat::knownhost::{LIBSSH2_KNOWNHOST_KEYENC_RAW, LIBSSH2_KNOWNHOST_TYPE_PLAIN};
use sanssh_compat::session::Session;
use std::net::TcpStream;

/// Connects as `KNOWN_HOSTS KEY USER HOST PORT` say; gives the words that follow.
pub(crate) fn connect(words: &[String]) -> Result<(Session, &[String]), Box<dyn Error>> {
    let [known, key, user, host, port, rest @ ..] = words else { return Err("who, and where?".into()) };
    let port = port.parse()?;
    let session = Session::new();
    session.set_timeout(30_000);
    session.handshake(TcpStream::connect((host.as_str(), port))?)?;

    // Whose server it is comes before who we are.
    let hosts = session.knownhost_init();
    hosts.readfile(known)?;
    let blob = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW;
    hosts.checkp(host, Some(port), &session.hostkey()?.0, blob)?;

    session.userauth_publickey_fromfile(user, key, "", None)?;
    Ok((session, rest))
}
