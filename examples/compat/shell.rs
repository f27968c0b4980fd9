//! The user's shell on a terminal of the server's: `shell KNOWN_HOSTS KEY USER HOST PORT`.
//!
//! The terminal here stays as it is, so that each line is seen twice; a program for people would put it in raw mode.

mod connect;

use core::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::{env, process, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, []) = connect::connect(&words)? else { return Err("nothing more".into()) };
    // People take their time.
    session.set_timeout(0);
    session.keepalive_config(true, 30);
    let channel = session.open_session()?;
    channel.pty(&env::var("TERM").unwrap_or_else(|_| "vt100".to_owned()))?;
    channel.shell()?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut space = [0; 4096];
            // At its end, the shell says when it is over.
            while let Ok(n @ 1..) = stdin().read(&mut space) {
                if channel.write(&space[..n]).is_err() {
                    break;
                }
            }
        });
        let mut space = [0; 4096];
        loop {
            match channel.read(&mut space)? {
                0 => break,
                n => stdout().write_all(&space[..n]).and_then(|()| stdout().flush())?,
            }
        }
        channel.close()?;
        session.disconnect()?;
        // Whoever reads what is typed would wait for one line more.
        process::exit(channel.get_exit_status());
    })
}
