//! `ls` and `df`: asks the server what there is, and prints it as `listing` has it.

use crate::command::Look;
use crate::line::Word;
use crate::listing::{Clock, Listed, Names, Room, arrange, listing};
use crate::remote::{Trouble, described, trouble};
use crate::shell::{Shell, print};
use sanssh_core::sftp::{Extension, FileKind};
use sanssh_examples::clock::now;
use sanssh_examples::files::below;
use sanssh_examples::terminal;
use sanssh_std::glob;
use std::collections::BTreeMap;

/// Columns where there is no terminal.
const WIDTH: usize = 80;

/// Names of accounts, as the server has them.
#[derive(Debug, Default)]
struct Accounts {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    known: bool,
}

impl Names for Accounts {
    fn user(&self, id: u32) -> Option<&str> {
        self.users.get(&id).map(String::as_str)
    }

    fn group(&self, id: u32) -> Option<&str> {
        self.groups.get(&id).map(String::as_str)
    }

    fn are_known(&self) -> bool {
        self.known
    }
}

impl Shell {
    /// Lists a directory, or the files that a pattern stands for.
    pub(crate) fn list(&mut self, look: Look, path: Option<Word>) -> Result<(), Trouble> {
        let Some(path) = path else {
            let files = self.remote.list(b".")?;
            return self.show(files, look);
        };
        let found = self.remote.expand(&path.0)?;
        match &found[..] {
            [directory] if self.remote.is_directory(directory) => self.list_inside(directory, look),
            _ => self.list_found(found, look, glob::is_pattern(&path.0)),
        }
    }

    /// What is in a directory, each name with the directory's before it, as it was given.
    fn list_inside(&self, directory: &[u8], look: Look) -> Result<(), Trouble> {
        let mut files = self.remote.list(directory)?;
        files.retain(|file| look.all || file.name.first() != Some(&b'.'));
        for file in &mut files {
            file.name = below(directory, &file.name);
        }
        self.show(files, Look { all: true, ..look })
    }

    /// Files by their own names, directories with a slash.
    fn list_found(&self, found: Vec<Vec<u8>>, look: Look, marked: bool) -> Result<(), Trouble> {
        let mut files = Vec::with_capacity(found.len());
        for mut name in found {
            let attributes = self.remote.sftp.symlink_metadata(self.remote.absolute(&name));
            let attributes = attributes.map_err(|error| trouble(&name, &error))?;
            if marked && attributes.kind() == Some(FileKind::Directory) && !name.ends_with(b"/") {
                name.push(b'/');
            }
            files.push(described(name, &attributes));
        }
        self.show(files, Look { all: true, ..look })
    }

    fn show(&self, mut files: Vec<Listed>, look: Look) -> Result<(), Trouble> {
        arrange(&mut files, look);
        let accounts = if look.long && !look.numeric { self.accounts(&files) } else { Accounts::default() };
        let clock = Clock { now: now().try_into().unwrap_or(i64::MAX), zone: self.zone.clone() };
        print(&listing(&files, look, &accounts, &clock, terminal::width().unwrap_or(WIDTH)))
    }

    /// The names of those whose files these are, if the server tells them.
    fn accounts(&self, files: &[Listed]) -> Accounts {
        if !self.remote.sftp.has(Extension::UsersGroupsById) {
            return Accounts::default();
        }
        let owners = || files.iter().filter_map(|file| file.owner);
        let mut users: Vec<_> = owners().map(|(user, _)| user).collect();
        let mut groups: Vec<_> = owners().map(|(_, group)| group).collect();
        for ids in [&mut users, &mut groups] {
            ids.sort_unstable();
            ids.dedup();
        }
        // A listing without names is better than none.
        let Ok((user_names, group_names)) = self.remote.sftp.accounts(&users, &groups) else {
            return Accounts::default();
        };
        let named = |ids: Vec<u32>, names: Vec<Vec<u8>>| {
            let pairs = ids.into_iter().zip(names).filter(|(_, name)| !name.is_empty());
            pairs.map(|(id, name)| (id, String::from_utf8_lossy(&name).into_owned())).collect()
        };
        Accounts { users: named(users, user_names), groups: named(groups, group_names), known: true }
    }

    /// How full a file system there is.
    pub(crate) fn room(&self, human: bool, inodes: bool, path: Option<Word>) -> Result<(), Trouble> {
        let name = path.map_or_else(|| b".".to_vec(), |path| path.plain());
        let outcome = self.remote.sftp.stat_vfs(self.remote.absolute(&name));
        let stat = outcome.map_err(|error| trouble(&name, &error))?;
        let (whole, free, for_root) = if inodes {
            (stat.files, stat.files_available, stat.files_free)
        } else {
            let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size);
            (bytes(stat.blocks), bytes(stat.available), bytes(stat.free))
        };
        let room = Room { whole, used: whole.saturating_sub(for_root), free, for_root };
        print(&if inodes { room.shown("Inodes", 1, false) } else { room.shown("Size", 1024, human) })
    }
}
