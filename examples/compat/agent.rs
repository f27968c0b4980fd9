//! A login by the keys of the user's agent, and a command: `agent KNOWN_HOSTS USER HOST PORT COMMAND`.

use core::error::Error;
use sanssh_compat::exceptions::AgentAuthenticationError;
use sanssh_compat::knownhost::{LIBSSH2_KNOWNHOST_KEYENC_RAW, LIBSSH2_KNOWNHOST_TYPE_PLAIN};
use sanssh_compat::session::Session;
use std::io;
use std::net::TcpStream;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [known, user, host, port, command] = &words[..] else {
        return Err("agent KNOWN_HOSTS USER HOST PORT COMMAND".into());
    };
    let port = port.parse()?;
    let socket = TcpStream::connect((host.as_str(), port))?;
    let session = Session::new();
    session.set_timeout(30_000);
    session.handshake(&socket)?;

    // Whose server it is comes before who we are.
    let hosts = session.knownhost_init();
    hosts.readfile(known)?;
    hosts.checkp(
        host,
        Some(port),
        &session.hostkey()?.0,
        LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW,
    )?;

    // `session.agent_auth(user)` does the same in one call.
    let agent = session.agent_init();
    agent.connect()?;
    for key in agent.get_identities()? {
        match agent.userauth(user, &key) {
            Ok(()) => break,
            Err(error) if error.is(AgentAuthenticationError) => {
                eprintln!("{}: {error}", String::from_utf8_lossy(key.comment()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !session.userauth_authenticated() {
        return Err("no key of the agent's will do".into());
    }

    let mut channel = session.open_session()?;
    channel.execute(command)?;
    io::copy(&mut channel, &mut io::stdout())?;
    channel.wait_eof()?;
    channel.close()?;
    session.disconnect()?;
    std::process::exit(channel.get_exit_status());
}
