//! The line that starts an scp at the other end, as clients write it and as servers read it. What is written is quoted
//! for a POSIX shell, so that no path is more than a path; what is read is this one command, or nothing.

use super::line::put;
use crate::wire::{Malformed, Sink, Writer};
use crate::{Output, Refused};

/// What the scp at the other end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It sends: `-f`.
    Source,
    /// It takes: `-t`.
    Sink,
}

/// What the scp at the other end is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Sends or takes.
    pub part: Part,
    /// Directories with all that is in them.
    pub recursive: bool,
    /// Times, and all bits of modes.
    pub preserve: bool,
    /// The path must be a directory.
    pub directory: bool,
    /// What to send, or where to put it.
    pub path: &'a [u8],
}

impl<'a> Command<'a> {
    /// Writes the line for `exec`. A path with a zero byte is [`Refused::BadPath`]: no program can be given one.
    pub fn write(&self, output: &mut Output<'_>) -> Result<(), Refused> {
        if self.path.contains(&0) {
            return Err(Refused::BadPath);
        }
        put(output, |writer| {
            writer.put(b"scp");
            for (flag, wanted) in [
                (b" -r", self.recursive),
                (b" -p", self.preserve),
                (b" -d", self.directory),
                (b" -f", self.part == Part::Source),
                (b" -t", self.part == Part::Sink),
            ] {
                writer.put(if wanted { flag } else { b"" });
            }
            // Only where it is needed: devices without a shell know neither this nor quotes.
            writer.put(if self.path.first() == Some(&b'-') { b" -- " } else { b" " });
            quote(self.path, writer);
        })
    }

    /// Reads a line as a POSIX shell would, the path into `memory`, which takes no more bytes than the line has. What a
    /// shell would do more with than take it apart is malformed, and so are other programs, other flags, and no or
    /// several paths.
    pub fn read(line: &[u8], memory: &'a mut [u8]) -> Result<Self, Malformed> {
        let mut words = Words(line);
        let mut space = [0; LONGEST_WORD];
        let program = words.next(&mut space)?.ok_or(Malformed)?;
        if program.rsplit(|byte| *byte == b'/').next() != Some(b"scp") {
            return Err(Malformed);
        }
        let mut flags = Flags::default();
        let mut rest = words.clone();
        let mut is_literal = false;
        // The path may be longer than a flag is.
        while let Ok(Some([b'-', letters @ ..])) = rest.next(&mut space) {
            words = rest.clone();
            is_literal = letters == b"-";
            if is_literal {
                break;
            }
            flags.add(letters)?;
        }
        let path: &[u8] = words.next(memory)?.ok_or(Malformed)?;
        let is_flag = path.first() == Some(&b'-') && !is_literal;
        if is_flag || !words.is_empty() || path.contains(&0) {
            return Err(Malformed);
        }
        let Flags { recursive, preserve, directory, source, sink } = flags;
        let part = match (source, sink) {
            (true, false) => Part::Source,
            (false, true) => Part::Sink,
            _ => return Err(Malformed),
        };
        Ok(Self { part, recursive, preserve, directory, path })
    }
}

/// Room for the name of the program, or for flags.
const LONGEST_WORD: usize = 64;

#[derive(Debug, Default)]
struct Flags {
    recursive: bool,
    preserve: bool,
    directory: bool,
    source: bool,
    sink: bool,
}

impl Flags {
    fn add(&mut self, letters: &[u8]) -> Result<(), Malformed> {
        for letter in letters {
            match letter {
                b'r' => self.recursive = true,
                b'p' => self.preserve = true,
                b'd' => self.directory = true,
                b'f' => self.source = true,
                b't' => self.sink = true,
                // How much to print is for those who have a terminal.
                b'v' | b'q' => {}
                _ => return Err(Malformed),
            }
        }
        if letters.is_empty() { Err(Malformed) } else { Ok(()) }
    }
}

/// Bytes that no shell gives a meaning to, wherever they stand.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b',' | b':' | b'@' | b'%')
}

/// Writes one word for a POSIX shell: in single quotes, where everything but those is itself.
fn quote(word: &[u8], writer: &mut Writer<'_>) {
    if !word.is_empty() && word.iter().all(|byte| is_plain(*byte)) {
        return writer.put(word);
    }
    writer.u8(b'\'');
    for byte in word {
        match byte {
            b'\'' => writer.put(b"'\\''"),
            _ => writer.u8(*byte),
        }
    }
    writer.u8(b'\'');
}

/// The words of a line that are left.
#[derive(Debug, Clone)]
struct Words<'l>(&'l [u8]);

impl Words<'_> {
    /// Nothing but blanks is left.
    fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| is_blank(*byte))
    }

    /// The next word without its quotes, in `memory`.
    fn next<'m>(&mut self, memory: &'m mut [u8]) -> Result<Option<&'m [u8]>, Malformed> {
        self.0 = self.0.trim_ascii_start();
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut writer = Writer::new(memory);
        let mut quotes = Quotes::None;
        while let Some((byte, rest)) = self.0.split_first() {
            if matches!(quotes, Quotes::None) && is_blank(*byte) {
                break;
            }
            self.0 = rest;
            match (quotes, byte) {
                (Quotes::Single, b'\'') | (Quotes::Double, b'"') => quotes = Quotes::None,
                (Quotes::None, b'\'') => quotes = Quotes::Single,
                (Quotes::None, b'"') => quotes = Quotes::Double,
                (Quotes::None | Quotes::Double, b'\\') => self.escaped(quotes, &mut writer)?,
                (Quotes::Double, b'$' | b'`') => return Err(Malformed),
                (Quotes::None, byte) if !is_plain(*byte) && !is_harmless(*byte) => return Err(Malformed),
                (_, byte) => writer.u8(*byte),
            }
        }
        if matches!(quotes, Quotes::None) {
            writer.finish().map(|word| Some(&*word)).ok_or(Malformed)
        } else {
            Err(Malformed)
        }
    }

    /// What follows a backslash. Between double quotes it means something before few bytes only (POSIX shell, §2.2.3).
    fn escaped(&mut self, quotes: Quotes, writer: &mut Writer<'_>) -> Result<(), Malformed> {
        let (byte, rest) = self.0.split_first().filter(|(byte, _)| **byte != b'\n').ok_or(Malformed)?;
        if matches!(quotes, Quotes::Double) && !matches!(byte, b'$' | b'`' | b'"' | b'\\') {
            writer.u8(b'\\');
        }
        writer.u8(*byte);
        self.0 = rest;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Quotes {
    None,
    Single,
    Double,
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Bytes that are themselves in the places where clients leave them without quotes: those of UTF-8, and signs that mean
/// something to a shell elsewhere only.
const fn is_harmless(byte: u8) -> bool {
    byte >= 0x80 || matches!(byte, b'=' | b']' | b'}')
}

#[cfg(test)]
mod tests {
    use super::{Command, Part};
    use crate::{Output, Refused};
    use alloc::vec::Vec;

    const SINK: Command<'_> =
        Command { part: Part::Sink, recursive: false, preserve: false, directory: false, path: b"x" };

    fn line(command: &Command<'_>) -> Vec<u8> {
        let mut space = [0; 256];
        let mut output = Output::new(&mut space);
        command.write(&mut output).unwrap();
        let filled = output.filled();
        space[..filled].to_vec()
    }

    #[test]
    fn what_is_written_is_read() {
        let odd: [&[u8]; 12] = [
            b"a b",
            b"-rf",
            b"--",
            b"it's",
            b"\"$(reboot)\"",
            b"`x`;y|z&\n\\",
            "\u{e4}\u{1f600}".as_bytes(),
            b"\xff\xfe",
            b"~root/*?[x]#!",
            b"a\tb\r\x1b[2J",
            b"''",
            b"",
        ];
        for path in odd {
            for bits in 0..16 {
                let part = if bits & 8 == 0 { Part::Sink } else { Part::Source };
                let (recursive, preserve, directory) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
                let command = Command { part, recursive, preserve, directory, path };
                let mut memory = [0; 64];
                assert_eq!(Command::read(&line(&command), &mut memory), Ok(command));
            }
        }
    }

    #[test]
    fn plain_paths_need_no_shell() {
        let all = Command { recursive: true, preserve: true, directory: true, path: b"/flash/startup-config", ..SINK };
        assert_eq!(line(&all), b"scp -r -p -d -t /flash/startup-config");
        assert_eq!(line(&Command { part: Part::Source, path: b"-x", ..SINK }), b"scp -f -- -x");
        let mut space = [0; 64];
        assert_eq!(Command { path: b"a\0b", ..SINK }.write(&mut Output::new(&mut space)), Err(Refused::BadPath));
        assert_eq!(SINK.write(&mut Output::new(&mut space[..7])), Err(Refused::NoRoom));
    }

    #[test]
    fn what_other_clients_write_is_read() {
        let source = Command { part: Part::Source, ..SINK };
        for (line, command) in [
            (&b"scp -t x"[..], SINK),
            (b"/usr/bin/scp -v -t x", SINK),
            (b"scp -rpt 'x'", Command { recursive: true, preserve: true, ..SINK }),
            (b"  scp\t-f  --  x  ", source),
            (b"scp -qf \"x\"", source),
            (b"scp -f a\\ b", Command { path: b"a b", ..source }),
            (b"scp -f \"a\\$b\\c\"'d'e", Command { path: b"a$b\\cde", ..source }),
        ] {
            assert_eq!(Command::read(line, &mut [0; 64]), Ok(command), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn whatever_a_shell_would_do_more_with_is_refused() {
        for line in [
            &b""[..],
            b"scp",
            b"scp -t",
            b"scp x",
            b"scp -f -t x",
            b"scp -t x y",
            b"scp -t x; reboot",
            b"scp -t x|y",
            b"scp -t $HOME",
            b"scp -t `x`",
            b"scp -t \"$x\"",
            b"scp -t \"`x`\"",
            b"scp -t x>y",
            b"scp -t <y",
            b"scp -t x&",
            b"scp -t (x)",
            b"scp -t *",
            b"scp -t x?",
            b"scp -t [x]",
            b"scp -t ~x",
            b"scp -t {x,y}",
            b"scp -t x\ny",
            b"scp -t #x",
            b"scp -t !x",
            b"scp -t 'x",
            b"scp -t \"x",
            b"scp -t x\\",
            b"scp -t x\\\ny",
            b"scp -S x -t y",
            b"scp -oProxyCommand=x -t y",
            b"scp - -t x",
            b"scp -t x\0y",
            b"rsync -t x",
            b"a=b scp -t x",
            b"notscp -t x",
            b"./scpx -t x",
            b"scp --server -t x",
        ] {
            assert!(Command::read(line, &mut [0; 64]).is_err(), "{}", line.escape_ascii());
        }
        assert!(Command::read(b"scp -t 12345678", &mut [0; 7]).is_err());
        assert!(Command::read(&[b"scp -t -", &[b'r'; 99][..]].concat(), &mut [0; 128]).is_err());
    }
}
