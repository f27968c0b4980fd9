//! What a person sees of a transfer: a bar a file, with how much, how fast and how long, and for trees a line for all.
//! It also knows how far each file came, for the errors of those that nobody watches.

use crate::client::report::Reporter;
use crate::files::{failure, last};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sanssh_core::sftp::tree::Skipped;
use sanssh_std::{CopyEvent, Error, escape};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

const FILE: &str = "{msg:<36!} {percent:>3}% {binary_bytes:>10} {binary_bytes_per_sec:>14} {eta_precise:>9}";
const UNSIZED: &str = "{msg:<36!}      {binary_bytes:>10} {binary_bytes_per_sec:>14}";

/// Names that are kept of files that are whole: more than are under way at a time.
const MOST_WHOLE: usize = 256;

/// Shows progress, if it is wanted and there is a terminal.
#[derive(Debug)]
pub struct Meter {
    wanted: bool,
    bars: MultiProgress,
    files: BTreeMap<Vec<u8>, File>,
    /// How much of each name is the way to what was named.
    way: usize,
    /// Whether part of a file may have been here before.
    resumed: bool,
    /// The line for all.
    total: Option<ProgressBar>,
    /// Files of a tree that were whole last: they may be told of once more.
    whole: VecDeque<Vec<u8>>,
    /// Files that are whole.
    finished: u64,
    /// Bytes of all files.
    done: u64,
}

/// A file under way.
#[derive(Debug)]
struct File {
    bar: ProgressBar,
    done: u64,
    size: Option<u64>,
}

impl Meter {
    /// Shows nothing before a transfer begins.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let (files, whole) = (BTreeMap::new(), VecDeque::new());
        Self { wanted, bars, files, way: 0, resumed: false, total: None, whole, finished: 0, done: 0 }
    }

    /// Shows it from now on, or no longer; whether it does.
    pub const fn toggle(&mut self) -> bool {
        self.wanted = !self.wanted;
        self.wanted
    }

    /// A transfer begins, of one file or of a tree.
    pub fn begin(&mut self, is_tree: bool) {
        (self.way, self.resumed) = (0, false);
        // Where there is no terminal nothing is drawn.
        let target = if self.wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        self.bars = MultiProgress::with_draw_target(target);
        self.files.clear();
        self.whole.clear();
        (self.finished, self.done) = (0, 0);
        self.total = is_tree.then(|| self.bars.add(ProgressBar::no_length().with_style(style(UNSIZED))));
    }

    /// What is transferred: names are shown as from its last part on, and what was there before it was resumed took no time.
    pub fn source(&mut self, source: &[u8], resumed: bool) {
        self.way = source.len().saturating_sub(last(source).len());
        self.resumed = resumed;
    }

    /// So much of this file has arrived, of so much if that is known.
    pub fn tell(&mut self, name: &[u8], done: u64, size: Option<u64>) {
        if self.whole.iter().any(|one| one == name) {
            return;
        }
        if !self.files.contains_key(name) {
            let file = self.add(name, done, size);
            self.files.insert(name.to_vec(), file);
        }
        let Some(file) = self.files.get_mut(name) else { return };
        self.done += done.saturating_sub(file.done);
        (file.done, file.size) = (done, size);
        file.bar.set_position(done);
        let is_whole = size.is_some_and(|size| done >= size);
        if is_whole {
            file.bar.abandon();
        }
        if let Some(total) = &self.total {
            if is_whole {
                // Of a tree only what is under way is kept.
                self.files.remove(name);
                self.finished += 1;
                self.whole.truncate(MOST_WHOLE - 1);
                self.whole.push_front(name.to_vec());
                total.set_message(format!("files: {}", self.finished));
            }
            total.set_position(self.done);
        }
    }

    /// What a copy of a tree says: progress is shown, and everything else told.
    pub fn hear(&mut self, event: CopyEvent<'_>, reporter: Reporter) {
        match event {
            CopyEvent::Progress(at) => self.tell(at.name, at.done, at.size),
            CopyEvent::Failed { name, why } => {
                let refused = if let Error::Sftp { path, .. } = &why { path.clone() } else { None };
                let what = refused.unwrap_or_else(|| escape(name, false));
                self.bars.suspend(|| reporter.error(failure(&what, &why)));
            }
            CopyEvent::Skipped { name, why } => {
                let what = if why == Skipped::Link { "a symbolic link" } else { "not a regular file" };
                self.bars.suspend(|| reporter.warn(format_args!("{}: {what}; left out", escape(name, false))));
            }
        }
    }

    fn add(&self, name: &[u8], done: u64, size: Option<u64>) -> File {
        let bar = match size {
            Some(size) => ProgressBar::new(size).with_style(style(FILE)),
            None => ProgressBar::no_length().with_style(style(UNSIZED)),
        };
        let bar = match &self.total {
            Some(total) => self.bars.insert_before(total, bar),
            None => self.bars.add(bar),
        };
        bar.set_message(escape(name.get(self.way..).unwrap_or(name), false));
        if self.resumed {
            // What was there before took no time.
            bar.set_position(done);
            bar.reset_eta();
        }
        File { bar, done: 0, size }
    }

    /// The transfer is over. Gives how far it came, and of how much if it was of one file.
    pub fn end(&mut self) -> Option<(u64, Option<u64>)> {
        for file in self.files.values() {
            file.bar.abandon();
        }
        let reached = match self.total.take() {
            Some(total) => {
                total.abandon();
                Some((self.done, None))
            }
            None => self.files.values().next().map(|file| (file.done, file.size)),
        };
        if reached.is_some() && !self.bars.is_hidden() {
            // Bars leave the cursor behind the last of them.
            let _ = writeln!(std::io::stderr());
        }
        self.files.clear();
        reached
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::Meter;

    #[test]
    fn a_file_is_told_with_its_size() {
        let mut meter = Meter::new(false);
        meter.begin(false);
        meter.tell(b"a", 10, Some(100));
        meter.tell(b"a", 30, Some(100));
        assert_eq!(meter.end(), Some((30, Some(100))));
        meter.begin(false);
        assert_eq!(meter.end(), None);
    }

    #[test]
    fn a_tree_is_told_as_a_whole() {
        let mut meter = Meter::new(false);
        meter.begin(true);
        meter.tell(b"a", 10, Some(10));
        meter.tell(b"a", 10, Some(10));
        meter.tell(b"b", 3, Some(10));
        meter.tell(b"c", 5, None);
        meter.tell(b"b", 4, Some(10));
        assert_eq!(meter.finished, 1);
        assert_eq!(meter.end(), Some((19, None)));
    }

    #[test]
    fn templates_are_sound() {
        for template in [super::FILE, super::UNSIZED] {
            assert!(indicatif::ProgressStyle::with_template(template).is_ok());
        }
    }
}
