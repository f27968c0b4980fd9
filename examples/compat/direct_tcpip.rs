//! Carries what comes in to a port that the server connects to, and what comes back out:
//! `direct_tcpip KNOWN_HOSTS KEY USER HOST PORT TARGET TARGET_PORT`.

mod connect;

use core::error::Error;
use std::{env, io, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [target, port]) = connect::connect(&words)? else { return Err("to where?".into()) };
    let channel = session.direct_tcpip(target, port.parse()?)?;
    session.set_timeout(0);
    // Two threads, one session: each waits for its own end.
    thread::scope(|scope| {
        let sending = scope.spawn(|| -> io::Result<()> {
            io::copy(&mut io::stdin(), &mut &channel)?;
            Ok(channel.send_eof()?)
        });
        io::copy(&mut &channel, &mut io::stdout())?;
        sending.join().expect("no panic")
    })?;
    channel.close()?;
    Ok(session.disconnect()?)
}
