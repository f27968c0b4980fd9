//! One file by scp's old protocol: `scp KNOWN_HOSTS KEY USER HOST PORT get REMOTE LOCAL`, or `put LOCAL REMOTE`.

mod connect;

use core::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (session, [what, from, to]) = connect::connect(&words)? else {
        return Err("what, from where, to where?".into());
    };
    match what.as_str() {
        "get" => {
            let (channel, about) = session.scp_recv2(from)?;
            let mut file = File::create(to)?;
            // Behind the file comes a byte that is not of it.
            let copied = io::copy(&mut (&channel).take(about.st_size), &mut file)?;
            if copied < about.st_size {
                return Err("the server ends early".into());
            }
            file.set_permissions(fs::Permissions::from_mode(about.st_mode))?;
            channel.close()?;
        }
        "put" => {
            let mut file = File::open(from)?;
            let about = file.metadata()?;
            let (mtime, atime) = (about.mtime().try_into()?, about.atime().try_into()?);
            let mut channel = session.scp_send64(to, about.mode() & 0o777, about.len(), mtime, atime)?;
            if io::copy(&mut (&mut file).take(about.len()), &mut channel)? < about.len() {
                return Err("the file has become shorter".into());
            }
            channel.send_eof()?;
            channel.wait_eof()?;
            channel.close()?;
            if channel.get_exit_status() != 0 {
                return Err("the server could not write it all".into());
            }
        }
        _ => return Err("get or put?".into()),
    }
    Ok(session.disconnect()?)
}
