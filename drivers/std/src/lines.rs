//! Files of lines that several programs change: a line is added by one write, anything else by a new file in place of the
//! old one, and either under a lock, so that no change undoes another.

use core::time::Duration;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::thread;
use std::time::Instant;

/// How long others may keep a file locked, and how often they are asked.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What a file holds; nothing if it does not exist.
pub(crate) fn read(file: &Path) -> io::Result<Vec<u8>> {
    match File::open(file) {
        Ok(file) => contents(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What a file holds.
pub(crate) fn contents(file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// Adds lines by one write at the end of the file, behind a line end if the last line lacks one. What does not exist is
/// made, for its owner only.
pub(crate) fn append(file: &Path, lines: &str) -> io::Result<()> {
    let mut file = make(file)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let gap = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{gap}{}\n", lines.trim_end()).as_bytes())
}

/// Has the file be there to be changed; what does not exist is made, for its owner only.
pub(crate) fn prepare(file: &Path) -> io::Result<()> {
    if fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    make(file).map(drop)
}

fn make(file: &Path) -> io::Result<File> {
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    open(OpenOptions::new().read(true).append(true).create(true).mode(0o600), file)
}

/// Puts what `change` makes of a file in its place, if that is anything else; whether there was a regular file, for
/// what is none stays as it is. Whoever looks sees the old contents or the new ones.
pub(crate) fn rewrite(file: &Path, change: impl FnOnce(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<bool> {
    // Through a link, which is to stay one.
    let path = match fs::canonicalize(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        outcome => outcome?,
    };
    let old = open(OpenOptions::new().read(true).append(true), &path)?;
    let meta = old.metadata()?;
    if !meta.is_file() {
        return Ok(false);
    }
    let text = contents(&old)?;
    let changed = change(&text)?;
    if changed == text {
        return Ok(true);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let replaced = new
        .write_all(&changed)
        .and_then(|()| hand_over(&new, &meta))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    if replaced.is_err() {
        // What went wrong before says more.
        let _ = fs::remove_file(&temporary);
    }
    replaced.map(|()| true)
}

/// Gives the new file the owner and mode of the old one.
fn hand_over(new: &File, old: &fs::Metadata) -> io::Result<()> {
    let meta = new.metadata()?;
    if (meta.uid(), meta.gid()) != (old.uid(), old.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(fs::Permissions::from_mode(old.mode() & 0o777))
}

/// Opens the file and waits until nobody else changes it.
fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let end = Instant::now() + PATIENCE;
    loop {
        let file = options.open(path)?;
        lock(&file, end)?;
        // Whoever held the lock may have put another file there.
        let (opened, there) = (file.metadata()?, fs::metadata(path));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())) {
            return Ok(file);
        }
    }
}

/// Waits for the lock, which whoever holds it may never give back, until `end`.
fn lock(file: &File, end: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            // Some file systems know no locks; then one write has to do.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Err(io::ErrorKind::TimedOut.into()),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{append, lock, prepare, read, rewrite};
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::thread;
    use std::time::Instant;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sanssh-lines-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn lines_are_added_to_what_is_there() {
        let directory = Directory::new("append");
        let file = directory.0.join("new").join("known_hosts");
        append(&file, "one").unwrap();
        append(&file, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        fs::write(&file, "cut").unwrap();
        append(&file, "three").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "cut\nthree\n");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.as_path()), mode(file.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_new_file_keeps_mode_and_links() {
        let directory = Directory::new("rewrite");
        let (file, link) = (directory.0.join("file"), directory.0.join("link"));
        assert!(!rewrite(&file, |_| panic!("there is no file")).unwrap());
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        assert!(rewrite(&link, |text| Ok([text, b" and new"].concat())).unwrap());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "old and new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        rewrite(&file, |_| Err(ErrorKind::Other.into())).unwrap_err();
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 2);
    }

    #[test]
    fn only_regular_files_are_made_ready() {
        let directory = Directory::new("prepare");
        let file = directory.0.join("new").join("known_hosts");
        prepare(&file).unwrap();
        fs::write(&file, "one").unwrap();
        prepare(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        for other in [&directory.0, &PathBuf::from("/dev/null")] {
            assert_eq!(prepare(other).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_lock_is_not_waited_for_for_ever() {
        let directory = Directory::new("lock");
        let file = directory.0.join("file");
        fs::write(&file, "").unwrap();
        let (one, other) = (File::open(&file).unwrap(), File::open(&file).unwrap());
        lock(&one, Instant::now()).unwrap();
        assert_eq!(lock(&other, Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(one);
        lock(&other, Instant::now()).unwrap();
    }

    #[test]
    fn no_change_undoes_another() {
        let directory = Directory::new("race");
        let file = directory.0.join("file");
        fs::write(&file, "").unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| append(&file, "a").unwrap()));
                scope.spawn(|| {
                    (0..10).for_each(|_| assert!(rewrite(&file, |text| Ok([text, b"b\n"].concat())).unwrap()))
                });
            }
        });
        let text = String::from_utf8(read(&file).unwrap()).unwrap();
        assert_eq!((text.matches("a\n").count(), text.matches("b\n").count()), (200, 40));
    }
}
