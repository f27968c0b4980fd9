//! The commands, one row of a table each: names, flags, words that follow, what these name, and the line of help.
//! A line becomes a [`Command`] here, and nothing is done yet.

use crate::line::{Word, Words};

/// What a command is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Bye,
    /// To where the session began, without a path.
    Cd(Option<Word>),
    Change {
        what: Change,
        follow: bool,
        path: Word,
    },
    Copy {
        from: Word,
        to: Word,
    },
    Df {
        human: bool,
        inodes: bool,
        path: Option<Word>,
    },
    Get(Transfer),
    Put(Transfer),
    Help(Option<Word>),
    /// It stays here.
    Here(Local),
    Link {
        symbolic: bool,
        target: Word,
        link: Word,
    },
    Ls {
        look: Look,
        path: Option<Word>,
    },
    Mkdir(Word),
    Progress,
    Pwd,
    Rename {
        from: Word,
        to: Word,
    },
    Rm(Word),
    Rmdir(Word),
    Version,
}

/// What is done here alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Local {
    /// Home, without a path.
    Cd(Option<Word>),
    /// The rest of the line is for ls(1).
    Ls,
    Mkdir(Word),
    Pwd,
    Umask(u32),
    /// The rest of the line is for the shell; nothing is a shell to talk to.
    Shell,
}

/// An attribute to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Mode(u32),
    Owner(u32),
    Group(u32),
}

/// Files to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) resume: bool,
    pub(crate) sync: bool,
    pub(crate) preserve: bool,
    pub(crate) recursive: bool,
    pub(crate) from: Word,
    pub(crate) to: Option<Word>,
}

/// How a listing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Look {
    pub(crate) one_column: bool,
    pub(crate) all: bool,
    pub(crate) long: bool,
    pub(crate) numeric: bool,
    pub(crate) human: bool,
    pub(crate) order: Order,
    pub(crate) reverse: bool,
}

/// What a listing is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    #[default]
    Name,
    Size,
    Time,
    None,
}

/// Where the file is that a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Here,
    There,
    /// It names no file.
    None,
}

/// A row: its names, the flags and words it takes as help shows them, what it does, and how it is made.
pub(crate) struct Row {
    pub(crate) names: &'static [&'static str],
    pub(crate) usage: &'static str,
    pub(crate) help: &'static str,
    flags: &'static str,
    /// How many words it needs, and what each names.
    least: usize,
    pub(crate) sides: &'static [Side],
    make: fn(Given) -> Result<Command, String>,
}

/// What a line gives to a command.
struct Given {
    flags: Vec<u8>,
    words: std::vec::IntoIter<Word>,
}

impl Given {
    fn has(&self, flag: u8) -> bool {
        self.flags.contains(&flag)
    }

    /// A word that the row promises.
    fn word(&mut self) -> Word {
        self.words.next().unwrap_or_default()
    }

    fn number(&mut self, radix: u32) -> Result<u32, String> {
        let word = self.word();
        let digits = word.plain();
        let number = str::from_utf8(&digits).ok().and_then(|digits| u32::from_str_radix(digits, radix).ok());
        let kind = if radix == 8 { "an octal number" } else { "a number" };
        number.ok_or_else(|| format!("\"{}\" is not {kind}", word.shown()))
    }

    fn permissions(&mut self) -> Result<u32, String> {
        let mode = self.number(8)?;
        if mode <= 0o7777 { Ok(mode) } else { Err(format!("{mode:o} are no permissions; the most is 7777")) }
    }

    fn change(mut self, what: fn(&mut Self) -> Result<Change, String>) -> Result<Command, String> {
        let (what, follow) = (what(&mut self)?, !self.has(b'h'));
        Ok(Command::Change { what, follow, path: self.word() })
    }

    fn transfer(mut self, resume: bool) -> Transfer {
        Transfer {
            resume: resume || self.has(b'a'),
            sync: self.has(b'f'),
            preserve: self.has(b'p') || self.has(b'P'),
            recursive: self.has(b'r') || self.has(b'R'),
            from: self.word(),
            to: self.words.next(),
        }
    }

    fn look(&self) -> Look {
        // Of flags that exclude each other the last counts.
        let order = self.flags.iter().rev().find_map(|flag| match flag {
            b'f' => Some(Order::None),
            b'S' => Some(Order::Size),
            b't' => Some(Order::Time),
            _ => None,
        });
        let shape = self.flags.iter().rev().find(|flag| b"1ln".contains(flag));
        Look {
            one_column: shape == Some(&b'1'),
            all: self.has(b'a'),
            long: matches!(shape, Some(b'l' | b'n')),
            numeric: self.has(b'n'),
            human: self.has(b'h'),
            order: order.unwrap_or_default(),
            reverse: self.has(b'r'),
        }
    }
}

use Side::{Here, None as Nothing, There};

macro_rules! row {
    ($names:expr, $flags:literal, $least:literal, $sides:expr, $usage:literal, $help:literal, $make:expr) => {
        Row { names: &$names, usage: $usage, help: $help, flags: $flags, least: $least, sides: &$sides, make: $make }
    };
}

/// Every command. Names in their alphabet, as help lists them.
pub(crate) const TABLE: &[Row] = &[
    row!(["bye", "exit", "quit"], "", 0, [], "", "end", |_| Ok(Command::Bye)),
    row!(["cd"], "", 0, [There], "[path]", "change to this directory there, or back to the first", |mut given| {
        Ok(Command::Cd(given.words.next()))
    }),
    row!(["chgrp"], "h", 2, [Nothing, There], "[-h] group path", "change a file's group, by its number", |given| {
        given.change(|given| given.number(10).map(Change::Group))
    }),
    row!(["chmod"], "h", 2, [Nothing, There], "[-h] mode path", "change a file's permissions, in octal", |given| {
        given.change(|given| given.permissions().map(Change::Mode))
    }),
    row!(["chown"], "h", 2, [Nothing, There], "[-h] owner path", "change a file's owner, by its number", |given| {
        given.change(|given| given.number(10).map(Change::Owner))
    }),
    row!(["copy", "cp"], "", 2, [There, There], "from to", "copy a file there", |mut given| {
        Ok(Command::Copy { from: given.word(), to: given.word() })
    }),
    row!(["df"], "hi", 0, [There], "[-hi] [path]", "show how full the file system there is", |mut given| {
        Ok(Command::Df { human: given.has(b'h'), inodes: given.has(b'i'), path: given.words.next() })
    }),
    row!(["get", "mget"], "afpPrR", 1, [There, Here], "[-afpR] remote [local]", "fetch files", |given| {
        Ok(Command::Get(given.transfer(false)))
    }),
    row!(["help", "?"], "", 0, [Nothing], "[command]", "show this text, or its line about a command", |mut given| {
        Ok(Command::Help(given.words.next()))
    }),
    row!(["lcd"], "", 0, [Here], "[path]", "change to this directory here, or home", |mut given| {
        Ok(Command::Here(Local::Cd(given.words.next())))
    }),
    row!(["lls"], "", 0, [Here], "[flags] [path]", "list a directory here, by ls", |_| Ok(Command::Here(Local::Ls))),
    row!(["lmkdir"], "", 1, [Here], "path", "make a directory here", |mut given| Ok(Command::Here(Local::Mkdir(
        given.word()
    )))),
    row!(
        ["ln"],
        "s",
        2,
        [There, There],
        "[-s] target link",
        "link to a file there, with -s by its name",
        |mut given| { Ok(Command::Link { symbolic: given.has(b's'), target: given.word(), link: given.word() }) }
    ),
    row!(["lpwd"], "", 0, [], "", "show the directory here", |_| Ok(Command::Here(Local::Pwd))),
    row!(["ls", "dir"], "1afhlnrSt", 0, [There], "[-1afhlnrSt] [path]", "list files there", |mut given| {
        Ok(Command::Ls { look: given.look(), path: given.words.next() })
    }),
    row!(["lumask"], "", 1, [Nothing], "mask", "set the mask for files made here, in octal", |mut given| {
        let mask = given.number(8)?;
        if mask <= 0o777 {
            Ok(Command::Here(Local::Umask(mask)))
        } else {
            Err(format!("{mask:o} is no mask; the most is 777"))
        }
    }),
    row!(["mkdir"], "", 1, [There], "path", "make a directory there", |mut given| Ok(Command::Mkdir(given.word()))),
    row!(["progress"], "", 0, [], "", "show progress of transfers, or no longer", |_| Ok(Command::Progress)),
    row!(["put", "mput"], "afpPrR", 1, [Here, There], "[-afpR] local [remote]", "send files", |given| {
        Ok(Command::Put(given.transfer(false)))
    }),
    row!(["pwd"], "", 0, [], "", "show the directory there", |_| Ok(Command::Pwd)),
    row!(["reget"], "fpPrR", 1, [There, Here], "[-fpR] remote [local]", "fetch what is missing of files", |given| {
        Ok(Command::Get(given.transfer(true)))
    }),
    row!(["rename"], "", 2, [There, There], "from to", "rename a file there", |mut given| {
        Ok(Command::Rename { from: given.word(), to: given.word() })
    }),
    row!(["reput"], "fpPrR", 1, [Here, There], "[-fpR] local [remote]", "send what is missing of files", |given| {
        Ok(Command::Put(given.transfer(true)))
    }),
    row!(["rm", "delete"], "", 1, [There], "path", "remove files there", |mut given| Ok(Command::Rm(given.word()))),
    row!(["rmdir"], "", 1, [There], "path", "remove an empty directory there", |mut given| {
        Ok(Command::Rmdir(given.word()))
    }),
    row!(["symlink"], "", 2, [There, There], "target link", "link to a name there", |mut given| {
        Ok(Command::Link { symbolic: true, target: given.word(), link: given.word() })
    }),
    row!(["version"], "", 0, [], "", "show the protocol's version and the server's extensions", |_| {
        Ok(Command::Version)
    }),
    row!(["!"], "", 0, [], "[command]", "run a command in the shell here, or the shell", |_| Ok(Command::Here(
        Local::Shell
    ))),
];

/// The row of a command, by any of its names in any case.
pub(crate) fn find(name: &[u8]) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.names.iter().any(|one| name.eq_ignore_ascii_case(one.as_bytes())))
}

/// What a line asks for. `None`: nothing.
///
/// # Errors
/// In one line: what is wrong, and how it should be.
pub(crate) fn read(words: Words) -> Result<Option<Command>, String> {
    let mut words = words;
    let is_local = words.words.first().is_some_and(|first| first.word.0.starts_with(b"!"));
    if is_local {
        return Ok(Some(Command::Here(Local::Shell)));
    }
    let open = words.open.take();
    let mut rest = words.words.into_iter().map(|one| one.word);
    let Some(name) = rest.next() else { return Ok(None) };
    let Some(row) = find(&name.plain()) else {
        return Err(format!("there is no command \"{}\"; see help", name.shown()));
    };
    if row.names == ["lls"] {
        // What follows is for the shell here, quotes and all.
        return Ok(Some(Command::Here(Local::Ls)));
    }
    if let Some(quote) = open {
        return Err(format!("{}: a quote {} is not closed", row.names[0], char::from(quote)));
    }
    row.read(&name, rest)
}

impl Row {
    fn read(&self, name: &Word, words: impl Iterator<Item = Word>) -> Result<Option<Command>, String> {
        let name = name.shown().to_ascii_lowercase();
        let wrong = |why: String| format!("{name}: {why}; write {name} {}", self.usage);
        let mut words = words.peekable();
        let mut flags = Vec::new();
        while let Some(word) = words.next_if(|word| word.0.len() > 1 && word.0.starts_with(b"-")) {
            if word.0 == b"--" {
                break;
            }
            flags.extend_from_slice(&word.0[1..]);
        }
        if let Some(flag) = flags.iter().find(|flag| !self.flags.as_bytes().contains(flag)) {
            return Err(wrong(format!("there is no flag -{}", sanssh_std::escape(&[*flag], false))));
        }
        let words: Vec<Word> = words.collect();
        if words.len() < self.least {
            return Err(wrong("something is missing".to_owned()));
        }
        if let Some(word) = words.get(self.sides.len()) {
            return Err(wrong(format!("\"{}\" is too much", word.shown())));
        }
        (self.make)(Given { flags, words: words.into_iter() }).map(Some).map_err(|why| format!("{name}: {why}"))
    }
}

/// Lines of help, about every command or about one.
pub(crate) fn help(about: Option<&[u8]>) -> Result<String, String> {
    let rows: Vec<&Row> = match about {
        Some(name) => {
            vec![
                find(name)
                    .ok_or_else(|| format!("help: there is no command \"{}\"", sanssh_std::escape(name, false)))?,
            ]
        }
        None => TABLE.iter().collect(),
    };
    let mut text = String::new();
    for row in rows {
        let call = format!("{} {}", row.names.join(", "), row.usage);
        text += &format!("{call:<36} {}\n", row.help);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Change, Command, Local, Order, TABLE, Transfer, help, read};
    use crate::line::{Word, words};

    fn one(line: &str) -> Result<Command, String> {
        read(words(line.as_bytes())).map(Option::unwrap)
    }

    fn word(text: &str) -> Word {
        Word(text.into())
    }

    #[test]
    fn names_are_known_in_any_case() {
        for row in TABLE {
            for name in row.names {
                let line = format!("{} {}", name.to_ascii_uppercase(), "7 ".repeat(row.least));
                assert!(one(&line).is_ok(), "{line}: {:?}", one(&line));
            }
        }
        assert_eq!(one("quit"), Ok(Command::Bye));
        assert_eq!(read(words(b" # nothing")), Ok(None));
    }

    #[test]
    fn flags_stand_before_words() {
        let mut transfer = Transfer {
            resume: true,
            sync: true,
            preserve: true,
            recursive: true,
            from: word("a"),
            to: Some(word("-R")),
        };
        assert_eq!(one("get -af -pR a -R"), Ok(Command::Get(transfer.clone())));
        (transfer.sync, transfer.from) = (false, word("-a"));
        assert_eq!(one("reput -rP -- -a -R"), Ok(Command::Put(transfer)));
        assert_eq!(
            one("chmod -h 0644 a"),
            Ok(Command::Change { what: Change::Mode(0o644), follow: false, path: word("a") })
        );
        assert_eq!(one("ls -"), Ok(Command::Ls { look: Default::default(), path: Some(word("-")) }));
    }

    #[test]
    fn of_two_shapes_the_last_counts() {
        let look = |line: &str| match one(line) {
            Ok(Command::Ls { look, .. }) => look,
            other => panic!("{other:?}"),
        };
        assert!(look("ls -1l").long && !look("ls -1l").one_column);
        assert!(look("ls -l1").one_column && !look("ls -l1").long);
        assert!(look("ls -n").long && look("ls -n").numeric);
        assert_eq!(
            (look("ls -tS").order, look("ls -ft").order, look("ls").order),
            (Order::Size, Order::Time, Order::Name)
        );
    }

    #[test]
    fn the_rest_of_the_line_is_the_shells() {
        assert_eq!(one("!echo 'a"), Ok(Command::Here(Local::Shell)));
        assert_eq!(one("lls -l 'a"), Ok(Command::Here(Local::Ls)));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("frob", "frob"),
            ("get", "[-afpR] remote [local]"),
            ("get -z a", "-z"),
            ("get a b c", "\"c\""),
            ("get \"a", "quote"),
            ("chmod 999 a", "999"),
            ("chmod 70000 a", "7777"),
            ("chown me a", "me"),
            ("lumask 7777", "777"),
            ("help frob", ""),
        ] {
            match one(line) {
                Err(error) => assert!(error.contains(part) && !error.contains('\n'), "{line}: {error}"),
                Ok(command) => assert_eq!(command, Command::Help(Some(word("frob")))),
            }
        }
        assert!(help(Some(b"frob")).unwrap_err().contains("frob"));
        assert_eq!(help(Some(b"QUIT")).unwrap().lines().count(), 1);
        assert_eq!(help(None).unwrap().lines().count(), TABLE.len());
    }
}
