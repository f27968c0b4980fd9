//! A command: `exec KNOWN_HOSTS KEY USER HOST PORT COMMAND`.

mod connect;

use core::error::Error;
use std::{env, io, process, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [command]) = connect::connect(&words)? else { return Err("which command?".into()) };
    let channel = session.open_session()?;
    channel.execute(command)?;
    channel.send_eof()?;
    // Both streams share a window, so both have to be read, or a command that fills one with a lot of words stops.
    thread::scope(|scope| {
        let complaints = scope.spawn(|| -> io::Result<()> {
            let mut space = [0; 4096];
            loop {
                match channel.read_stderr(&mut space)? {
                    0 => return Ok(()),
                    n => io::Write::write_all(&mut io::stderr(), &space[..n])?,
                }
            }
        });
        io::copy(&mut &channel, &mut io::stdout())?;
        complaints.join().expect("no panic")
    })?;
    channel.close()?;
    session.disconnect()?;
    if let Some(signal) = channel.get_exit_signal() {
        eprintln!("it was killed by {}", signal.exit_signal);
        process::exit(255);
    }
    process::exit(channel.get_exit_status());
}
