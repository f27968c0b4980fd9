//! A file from what comes in: `sftp_write KNOWN_HOSTS KEY USER HOST PORT FILE`.

mod connect;

use core::error::Error;
use sanssh_compat::sftp::{LIBSSH2_FXF_CREAT, LIBSSH2_FXF_TRUNC, LIBSSH2_FXF_WRITE};
use std::io::Read;
use std::{env, io};

/// What one write takes; the server's word on it is waited for, so it should be plenty.
const PIECE: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [file]) = connect::connect(&words)? else { return Err("which file?".into()) };
    let sftp = session.sftp_init()?;
    let handle = sftp.open(file, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC, 0o644)?;
    let mut piece = Vec::with_capacity(PIECE);
    while io::stdin().take(PIECE as u64).read_to_end(&mut piece)? > 0 {
        handle.write(&piece)?;
        piece.clear();
    }
    handle.fsync()?;
    handle.close()?;
    Ok(session.disconnect()?)
}
