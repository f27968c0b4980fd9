//! A file's contents: `sftp_read KNOWN_HOSTS KEY USER HOST PORT FILE`.

mod connect;

use core::error::Error;
use sanssh_compat::sftp::LIBSSH2_FXF_READ;
use std::{env, io};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [file]) = connect::connect(&words)? else { return Err("which file?".into()) };
    let sftp = session.sftp_init()?;
    let mut handle = sftp.open(file, LIBSSH2_FXF_READ, 0)?;
    // Reads run ahead of this loop, so that it is no slower far away.
    io::copy(&mut handle, &mut io::stdout())?;
    handle.close()?;
    Ok(session.disconnect()?)
}
