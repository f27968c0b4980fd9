//! A directory's names, as `ls -l` has them: `sftp_list KNOWN_HOSTS KEY USER HOST PORT DIRECTORY`.

mod connect;

use core::error::Error;
use std::env;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [directory]) = connect::connect(&words)? else { return Err("which directory?".into()) };
    let sftp = session.sftp_init()?;
    let handle = sftp.opendir(directory)?;
    for entry in handle.readdir_ex() {
        // Names are the server's, and may hold anything: escaped, they do no harm to a terminal.
        let (_, line, _) = entry?;
        println!("{}", line.escape_ascii());
    }
    handle.close()?;
    Ok(session.disconnect()?)
}
