//! Files in memory: one directory, a few names, blocks that each say whose they are.

use heapless::Vec;
use sanssh_core::sftp::path;

/// Files at most.
const FILES: usize = 16;
/// The longest name.
const NAME: usize = 32;
/// Bytes of a block.
const BLOCK: usize = 1024;
/// Blocks of all files together.
const BLOCKS: usize = 192;

/// The number of a file.
pub type Number = u8;

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such file.
    Missing,
    /// The name is taken, is none, or is too long.
    Name,
    /// No block, or no place for another file, is left.
    Full,
}

#[derive(Debug)]
struct File {
    /// None if the place is free.
    name: Vec<u8, NAME>,
    size: usize,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    /// The number of its file and one, or nothing if it is free.
    owner: u8,
    /// Which of the file's blocks it is.
    place: u8,
}

/// The files.
#[derive(Debug)]
pub struct Files {
    files: [File; FILES],
    blocks: [Block; BLOCKS],
    memory: [[u8; BLOCK]; BLOCKS],
}

impl Files {
    /// None.
    pub const fn new() -> Self {
        Self {
            files: [const { File { name: Vec::new(), size: 0 } }; FILES],
            blocks: [Block { owner: 0, place: 0 }; BLOCKS],
            memory: [[0; BLOCK]; BLOCKS],
        }
    }

    /// The file of that path.
    pub fn find(&self, file: &[u8]) -> Result<Number, Trouble> {
        let mut space = [0; NAME + 1];
        let name = name(file, &mut space)?;
        let at = self.files.iter().position(|file| file.name == name).ok_or(Trouble::Missing)?;
        Number::try_from(at).map_err(|_| Trouble::Missing)
    }

    /// Makes a file that is not there.
    pub fn make(&mut self, file: &[u8]) -> Result<Number, Trouble> {
        if self.find(file) != Err(Trouble::Missing) {
            return Err(Trouble::Name);
        }
        let mut space = [0; NAME + 1];
        let name = name(file, &mut space)?;
        let free = self.files.iter_mut().enumerate().find(|(_, file)| file.name.is_empty());
        let (at, file) = free.ok_or(Trouble::Full)?;
        file.name = Vec::from_slice(name).map_err(|_| Trouble::Name)?;
        Number::try_from(at).map_err(|_| Trouble::Full)
    }

    /// Gives a file another name.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), Trouble> {
        let number = self.find(from)?;
        if self.find(to) != Err(Trouble::Missing) {
            return Err(Trouble::Name);
        }
        let mut space = [0; NAME + 1];
        let name = name(to, &mut space)?;
        self.files[usize::from(number)].name = Vec::from_slice(name).map_err(|_| Trouble::Name)?;
        Ok(())
    }

    /// Removes a file. Whoever has it open reads nothing any more, or what takes its place.
    pub fn remove(&mut self, file: &[u8]) -> Result<(), Trouble> {
        let number = self.find(file)?;
        self.truncate(number, 0);
        self.files[usize::from(number)].name.clear();
        Ok(())
    }

    /// The first file from `number` on, its name and size.
    pub fn next(&self, number: Number) -> Option<(Number, &[u8], usize)> {
        let mut all = self.files.iter().enumerate().skip(usize::from(number));
        let (at, file) = all.find(|(_, file)| !file.name.is_empty())?;
        Some((Number::try_from(at).ok()?, &file.name, file.size))
    }

    /// Bytes of a file.
    pub fn size(&self, number: Number) -> usize {
        self.files[usize::from(number)].size
    }

    /// Makes a file shorter, or longer by zeros.
    pub fn truncate(&mut self, number: Number, size: usize) {
        self.files[usize::from(number)].size = size;
        for (block, memory) in self.blocks.iter_mut().zip(&mut self.memory) {
            let first = usize::from(block.place) * BLOCK;
            if block.owner == number + 1 && first + BLOCK > size {
                // What is cut off must not come back when the file grows.
                memory[size.saturating_sub(first)..].fill(0);
                block.owner = if first < size { block.owner } else { 0 };
            }
        }
    }

    /// Reads from `offset` on; how much.
    pub fn read(&self, number: Number, offset: usize, out: &mut [u8]) -> usize {
        let most = self.size(number).saturating_sub(offset).min(out.len());
        let mut done = 0;
        while done < most {
            let (place, from) = ((offset + done) / BLOCK, (offset + done) % BLOCK);
            let n = (BLOCK - from).min(most - done);
            match self.block(number, place) {
                Some(block) => out[done..done + n].copy_from_slice(&self.memory[block][from..from + n]),
                None => out[done..done + n].fill(0),
            }
            done += n;
        }
        most
    }

    /// Writes at `offset`.
    pub fn write(&mut self, number: Number, offset: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset.checked_add(done).ok_or(Trouble::Full)?;
            let (place, from) = (at / BLOCK, at % BLOCK);
            let n = (BLOCK - from).min(bytes.len() - done);
            let block = self.block(number, place).map_or_else(|| self.claim(number, place), Ok)?;
            self.memory[block][from..from + n].copy_from_slice(&bytes[done..done + n]);
            done += n;
            let file = &mut self.files[usize::from(number)];
            file.size = file.size.max(at + n);
        }
        Ok(())
    }

    fn block(&self, number: Number, place: usize) -> Option<usize> {
        self.blocks.iter().position(|block| block.owner == number + 1 && usize::from(block.place) == place)
    }

    fn claim(&mut self, number: Number, place: usize) -> Result<usize, Trouble> {
        let place = u8::try_from(place).map_err(|_| Trouble::Full)?;
        let free = self.blocks.iter().position(|block| block.owner == 0).ok_or(Trouble::Full)?;
        self.blocks[free] = Block { owner: number + 1, place };
        self.memory[free].fill(0);
        Ok(free)
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

/// The name in the one directory that a path comes to.
fn name<'s>(file: &[u8], space: &'s mut [u8]) -> Result<&'s [u8], Trouble> {
    let absolute = path::absolute(b"/", file, space).map_err(|_| Trouble::Name)?;
    absolute.strip_prefix(b"/").and_then(path::name).ok_or(Trouble::Name)
}
