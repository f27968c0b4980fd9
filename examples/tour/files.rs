//! The tour's files: one there and back, and a tree of small ones, all compared with what they were.

use crate::Outcome;
use crate::pattern::{PIECE, Pattern};
use indicatif::HumanBytes;
use sanssh_std::{Client, Copy, Progress, Sftp};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

/// Bytes of the large file.
const LARGE: u64 = 64 << 20;
/// Small files.
const SMALL: u64 = 200;

/// Copies to the server and back.
pub(crate) fn copy(client: &Client, pattern: &Pattern) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let sftp = client.sftp()?;
    large(&sftp, pattern, home.path())?;
    small(&sftp, pattern, home.path())
}

fn quiet(_: Progress<'_>) {}

fn large(sftp: &Sftp, pattern: &Pattern, home: &Path) -> Outcome<()> {
    let (here, back) = (home.join("large"), home.join("back"));
    make(&here, pattern, 0, LARGE)?;
    let put = timed(|| Ok(sftp.put(&here, "large", &Copy::default(), &mut quiet)?))?;
    let get = timed(|| Ok(sftp.get("large", &back, &Copy::default(), &mut quiet)?))?;
    check(&back, pattern, 0, LARGE)?;
    let (size, rate) = (HumanBytes(LARGE), |seconds: f64| LARGE as f64 / seconds / 1e6);
    println!("sftp      put {size} at {:.0} MB/s, got it back at {:.0} MB/s; every byte checked", rate(put), rate(get));
    Ok(())
}

fn small(sftp: &Sftp, pattern: &Pattern, home: &Path) -> Outcome<()> {
    let (here, back) = (home.join("small"), home.join("small back"));
    fs::create_dir(&here)?;
    let name = |index: u64| format!("file {index}");
    for index in 0..SMALL {
        make(&here.join(name(index)), pattern, index, index * 16)?;
    }
    let put = timed(|| Ok(sftp.put_tree(&here, "small", &Copy::default(), &mut |_| ())?))?;
    let get = timed(|| Ok(sftp.get_tree("small", &back, &Copy::default(), &mut |_| ())?))?;
    for index in 0..SMALL {
        check(&back.join(name(index)), pattern, index, index * 16)?;
    }
    println!("          put {SMALL} small files in {:.0} ms, got them back in {:.0} ms", put * 1e3, get * 1e3);
    Ok(())
}

fn timed<T>(carry: impl FnOnce() -> Outcome<T>) -> Outcome<f64> {
    let start = Instant::now();
    carry()?;
    Ok(start.elapsed().as_secs_f64())
}

/// A file of `size` bytes of the pattern, from `start` on.
fn make(path: &Path, pattern: &Pattern, start: u64, size: u64) -> Outcome<()> {
    let (mut file, mut offset) = (File::create(path)?, 0);
    while offset < size {
        let piece = pattern.at(start + offset, size - offset);
        file.write_all(piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

fn check(path: &Path, pattern: &Pattern, start: u64, size: u64) -> Outcome<()> {
    let (mut file, mut offset, mut piece) = (File::open(path)?, 0, vec![0; PIECE]);
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            break;
        }
        if !pattern.is(&piece[..n], start + offset) {
            return Err(format!("{}: wrong content after {offset} bytes", path.display()).into());
        }
        offset += n as u64;
    }
    if offset == size { Ok(()) } else { Err(format!("{}: {offset} bytes instead of {size}", path.display()).into()) }
}
