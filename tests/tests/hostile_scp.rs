//! Table J, the protocol of scp: names that lead elsewhere, things nobody asked for, numbers that are none, lines without
//! end, and paths that are meant to be commands. Every record is answered once, and an error once.

use sanssh_core::scp::command::{Command, Part};
use sanssh_core::scp::sink::{Event, Rules, Sink};
use sanssh_core::scp::source::{self, Source, Step};
use sanssh_core::scp::{Error, MAX_LINE};
use sanssh_core::{Output, Refused};
use sanssh_tests::forger::{Feed, both_ways};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command as Program, Stdio};

/// Memory that a device might lend.
const MEMORY: usize = 512;

const ANY: Rules<&str> = Rules { name: None, recursive: true, preserve: false, depth: 3 };
const ONE: Rules<&str> = Rules { name: Some("asked"), recursive: false, preserve: false, depth: 3 };

/// What a sink that accepts everything made of a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// What it told, in short.
    told: Vec<String>,
    /// What it answered.
    replies: Vec<u8>,
    /// What it ended with.
    end: Result<(), Error>,
}

fn short(event: &Event<'_>) -> String {
    match event {
        Event::File { name, mode, size, times } => {
            format!("C{mode:04o} {size} {}{}", name.escape_ascii(), if times.is_some() { " T" } else { "" })
        }
        Event::Directory { name, mode, times } => {
            format!("D{mode:04o} {}{}", name.escape_ascii(), if times.is_some() { " T" } else { "" })
        }
        Event::Body(piece) => format!("+{}", piece.len()),
        Event::End { fault } => format!("end {}", fault.unwrap_or_default().escape_ascii()),
        Event::Leave => "E".to_owned(),
        Event::Warning(text) => format!("1 {}", text.escape_ascii()),
        Event::Abort(text) => format!("2 {}", text.escape_ascii()),
    }
}

/// Feeds a sink.
fn sent(rules: Rules<&str>, stream: &[u8], feed: Feed) -> Outcome {
    let mut sink = Sink::new(rules);
    let (mut told, mut memory, mut space) = (Vec::new(), [0; MEMORY], vec![0; 4096]);
    let mut output = Output::new(&mut space);
    let step = if feed == Feed::Bytes { 1 } else { stream.len().max(1) };
    sink.flush(&mut output).expect("room");
    'all: for mut bytes in stream.chunks(step) {
        loop {
            match sink.recv(&mut memory, &mut bytes) {
                Ok(Some(event)) => {
                    // The pieces of a file are as they come.
                    if !matches!(event, Event::Body(_)) {
                        told.push(short(&event));
                    }
                    if !matches!(event, Event::Body(_) | Event::Warning(_) | Event::Abort(_)) {
                        sink.accept().expect("a question");
                    }
                }
                Ok(None) => break,
                Err(_) => break 'all,
            }
        }
        assert!(bytes.is_empty(), "what is not a question is taken");
        sink.flush(&mut output).expect("room");
    }
    // Twice: what is owed is owed once.
    sink.flush(&mut output).expect("room");
    sink.flush(&mut output).expect("room");
    assert!(!sink.owes_output());
    let filled = output.filled();
    space.truncate(filled);
    Outcome { told, replies: space, end: sink.ended() }
}

/// A stream that is given up: nothing is told but what came before, each record before has its yes, and the error one line.
#[track_caller]
fn aborted(rules: Rules<&str>, before: (&[u8], &[&str], usize), stream: &[u8], error: Error) {
    let (head, told, yes) = before;
    both_ways(|feed| {
        let outcome = sent(rules, &[head, stream].concat(), feed);
        let replies = [&vec![0; yes + 1][..], format!("\x02scp: {error}\n").as_bytes()].concat();
        let told = told.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(outcome, Outcome { told, replies, end: Err(error) }, "{:?}", stream.escape_ascii().to_string());
    });
}

const NOTHING: (&[u8], &[&str], usize) = (b"", &[], 0);

/// Commands that are written.
fn does(command: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<Vec<u8>, Refused> {
    let mut space = vec![0; 4096];
    let mut output = Output::new(&mut space);
    command(&mut output)?;
    let filled = output.filled();
    space.truncate(filled);
    Ok(space)
}

#[test]
fn j01_names_that_lead_elsewhere() {
    for name in [&b".."[..], b".", b"", b"a/b", b"/x", b"a\0b", b"../../etc/passwd", b"a/"] {
        for head in [&b"C0644 1 "[..], b"D0755 0 "] {
            aborted(ANY, NOTHING, &[head, name, b"\n"].concat(), Error::Name);
        }
    }
    // A line ends where it ends: what follows in a name is the next record, or none.
    let before: (&[u8], &[&str], usize) = (b"C0644 0 a\n", &["C0644 0 a"], 1);
    aborted(ANY, before, b"b\n", Error::Malformed);
    let before: (&[u8], &[&str], usize) = (b"D0755 0 a\n", &["D0755 a"], 1);
    aborted(ANY, before, b"b\n", Error::Malformed);
}

#[test]
fn j02_what_was_not_asked_for() {
    for stream in [&b"C0644 1 other\n"[..], b"C0644 1 aske\n", b"C0644 1 asked2\n", b"C0644 1 ASKED\n"] {
        aborted(ONE, NOTHING, stream, Error::NotAsked);
    }
    aborted(Rules { recursive: true, ..ONE }, NOTHING, b"D0755 0 .bashrc\n", Error::NotAsked);
    aborted(ONE, NOTHING, b"D0755 0 asked\n", Error::Directory);
    aborted(Rules { name: None, ..ONE }, NOTHING, b"D0755 0 any\n", Error::Directory);
    let once: (&[u8], &[&str], usize) = (b"C0644 1 asked\nx\0", &["C0644 1 asked", "end "], 2);
    aborted(ONE, once, b"C0644 1 asked\n", Error::NotAsked);
    // Inside of what was asked for, names are the source's.
    both_ways(|feed| {
        let stream = b"D0755 0 asked\nC0644 0 other\n\0E\n";
        let outcome = sent(Rules { recursive: true, ..ONE }, stream, feed);
        assert_eq!((outcome.replies, outcome.end), (vec![0; 5], Ok(())));
    });
    // A line's end in the name that was asked for is shown as OpenSSH shows it.
    both_ways(|feed| {
        let rules = Rules { name: Some("a\nb"), ..ONE };
        assert_eq!(sent(rules, b"C0644 0 a\\^Jb\n\0", feed).end, Ok(()));
        assert_eq!(sent(rules, b"C0644 0 a\\^J\n", feed).end, Err(Error::NotAsked));
        let rules = Rules { name: Some("\n\\ \x7f\u{e4}\u{a0}\u{85}"), ..ONE };
        assert_eq!(sent(rules, b"C0644 0 \\^J\\\\ \\^?\\M-C\\M-$\\M-B\\240\\M-B\\M^E\n\0", feed).end, Ok(()));
    });
}

#[test]
fn j03_directories_left_too_often_and_too_deep() {
    aborted(ANY, NOTHING, b"E\n", Error::Depth);
    let before: (&[u8], &[&str], usize) = (b"D0755 0 a\nE\n", &["D0755 a", "E"], 2);
    aborted(ANY, before, b"E\n", Error::Depth);
    let deep: (&[u8], &[&str], usize) = (b"D0755 0 a\nD0755 0 b\nD0755 0 c\n", &["D0755 a", "D0755 b", "D0755 c"], 3);
    aborted(ANY, deep, b"D0755 0 d\n", Error::Depth);
    let endless = b"D0700 0 d\n".repeat(1000);
    both_ways(|feed| {
        let outcome = sent(Rules { depth: 128, ..ANY }, &endless, feed);
        assert_eq!((outcome.told.len(), outcome.end), (128, Err(Error::Depth)));
    });
}

#[test]
fn j04_numbers_that_are_none() {
    for (stream, error) in [
        (&b"C0644 -1 x\n"[..], Error::Size),
        (b"C0644 9223372036854775808 x\n", Error::Size),
        (b"C0644 99999999999999999999999 x\n", Error::Size),
        (b"C0644 12x y\n", Error::Size),
        (b"C0644 0x10 y\n", Error::Size),
        (b"C0644 x\n", Error::Size),
        (b"C0999 1 x\n", Error::Mode),
        (b"C99999 1 x\n", Error::Mode),
        (b"C-644 1 x\n", Error::Mode),
        (b"C 1 x\n", Error::Mode),
        (b"D0855 0 x\n", Error::Mode),
        (b"T\n", Error::Times),
        (b"T1 0 1\n", Error::Times),
        (b"T1 0 1 -1\n", Error::Times),
        (b"T1 1000000 1 0\n", Error::Times),
        (b"T1 0 1 0 0\n", Error::Times),
        (b"T18446744073709551616 0 1 0\n", Error::Times),
        (b"\n", Error::Malformed),
        (b"\0", Error::Malformed),
        (b"E1\n", Error::Malformed),
        (b"Welcome to host\n", Error::Malformed),
        (b"No match.\n", Error::Malformed),
    ] {
        aborted(ANY, NOTHING, stream, error);
    }
    // Times belong to something.
    for rest in [&b"T1 0 1 0\n"[..], b"E\n"] {
        aborted(ANY, (b"D0755 0 a\nT1 0 1 0\n", &["D0755 a"], 2), rest, Error::Times);
    }
    // Behind a file's bytes only a zero or a reason can stand.
    aborted(ANY, (b"C0644 1 a\nx", &["C0644 1 a"], 1), b"C", Error::Malformed);
}

#[test]
fn j04_each_record_has_one_reply() {
    let stream = b"T1 0 2 0\nD0755 0 d\nT1 0 2 0\nC0644 3 a\nabc\0C0644 0 b\n\x01read error\nE\n\x01no such file\n";
    both_ways(|feed| {
        let outcome = sent(ANY, stream, feed);
        // The first word, two times, a directory, two files and their ends, and the end of the directory.
        assert_eq!((outcome.replies, outcome.end), (vec![0; 9], Ok(())));
        assert_eq!(
            outcome.told,
            ["D0755 d", "C0644 3 a", "end ", "C0644 0 b", "end read error", "E", "1 no such file"]
        );
    });
    // What is refused has its one line instead, and what was announced with it does not come.
    let mut sink = Sink::new(ANY);
    let (mut memory, mut bytes) = ([0; MEMORY], &b"C0644 3 a\nC0644 0 b\n"[..]);
    assert!(matches!(sink.recv(&mut memory, &mut bytes), Ok(Some(Event::File { name: b"a", .. }))));
    assert_eq!(sink.recv(&mut memory, &mut bytes), Ok(None));
    assert_eq!(does(|out| sink.refuse(b"disk full\nreally", out)).unwrap(), b"\0\x01scp: disk full?really\n");
    assert_eq!((sink.accept(), does(|out| sink.refuse(b"", out))), (Err(Refused::Moot), Err(Refused::Moot)));
    assert!(matches!(sink.recv(&mut memory, &mut bytes), Ok(Some(Event::File { name: b"b", .. }))));
}

#[test]
fn j04_a_size_is_no_reason_to_hold_memory() {
    both_ways(|feed| {
        let outcome = sent(ANY, b"C0644 9223372036854775807 x\nabc", feed);
        assert_eq!((outcome.told, outcome.end), (vec!["C0644 9223372036854775807 x".to_owned()], Err(Error::Cut)));
    });
}

#[test]
fn j05_no_file_becomes_setuid_by_itself() {
    both_ways(|feed| {
        let stream = b"T1 0 2 0\nD7777 0 d\nT1 0 2 0\nC6755 0 x\n\0E\n";
        assert_eq!(sent(ANY, stream, feed).told, ["D0777 d", "C0755 0 x", "end ", "E"]);
        let kept = sent(Rules { preserve: true, ..ANY }, stream, feed);
        assert_eq!(kept.told, ["D7777 d T", "C6755 0 x T", "end ", "E"]);
    });
}

#[test]
fn j06_what_moves_a_cursor_is_a_peers_bytes() {
    // The machine tells them as they are, for the names of files may be so; drivers escape what they show.
    both_ways(|feed| {
        let outcome = sent(ANY, b"C0644 0 a\x1b[2J\rb\n\0\x01gone\x1b[1A\r\n\x02bye\x07\n", feed);
        let told = [r"C0644 0 a\x1b[2J\rb", "end ", r"1 gone\x1b[1A\r", r"2 bye\x07"];
        assert_eq!((outcome.told, outcome.end), (told.map(str::to_owned).to_vec(), Err(Error::Aborted)));
        assert_eq!(outcome.replies, [0; 3], "a goodbye is not answered");
    });
    // Neither end sends them as text.
    let mut source = Source::new();
    let mut replies = &b"\0"[..];
    assert_eq!(source.recv(&mut [0; 8], &mut replies), Ok(Some(source::Event::Accepted(Step::Start))));
    assert_eq!(does(|out| source.warn(b"x\x1b[2J\r\n", out)).unwrap(), b"\x01scp: x?[2J??\n");
    assert_eq!(does(|out| source.abort(b"\x7f", out)).unwrap(), b"\x02scp: ?\n");
}

/// A sink that gives up at once says so first: after a yes the source would send to nobody.
#[test]
fn j04_who_gives_up_answers_once() {
    let mut sink = Sink::new(ANY);
    assert!(sink.owes_output());
    assert_eq!(sink.abort(b"no", &mut Output::new(&mut [0; 4])), Err(Refused::NoRoom));
    assert_eq!(does(|out| sink.abort(b"no", out)).unwrap(), b"\x02scp: no\n");
    assert!(!sink.owes_output());
}

#[test]
fn j07_paths_are_no_commands() {
    let hostile: [&[u8]; 14] = [
        b"; touch owned",
        b"`touch owned`",
        b"$(touch owned)",
        b"a\ntouch owned\n",
        b"' ; touch owned ; '",
        b"\\'; touch owned",
        b"\"; touch owned; \"",
        b"-oProxyCommand=touch owned",
        b"-S",
        b"*",
        b"~root",
        b"$HOME",
        b"a && touch owned #",
        b"\xff\xfe | touch owned",
    ];
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("there"), "").expect("a file for patterns to find");
    for path in hostile {
        for part in [Part::Source, Part::Sink] {
            let command = Command { part, recursive: false, preserve: false, directory: false, path };
            let line = does(|out| command.write(out)).expect("a line");
            // What a shell makes of it: printf in scp's place tells the words it was given.
            let script = [b"scp() { printf '%s\\0' \"$@\"; }\n", &line[..]].concat();
            let mut shell = Program::new("sh");
            shell.current_dir(directory.path()).arg("-c").stdin(Stdio::null());
            let words = shell.arg(OsStr::from_bytes(&script)).output().expect("a shell").stdout;
            let flag: &[u8] = if part == Part::Source { b"-f\0" } else { b"-t\0" };
            let end: &[u8] = if path[0] == b'-' { b"--\0" } else { b"" };
            assert_eq!(words, [flag, end, path, b"\0"].concat(), "{}", line.escape_ascii());
            assert_eq!(Command::read(&line, &mut [0; 64]), Ok(command), "a server reads the same");
        }
    }
    assert!(!directory.path().join("owned").exists());
    let command = Command { part: Part::Sink, recursive: false, preserve: false, directory: false, path: b"a\0b" };
    assert_eq!(does(|out| command.write(out)), Err(Refused::BadPath));
}

#[test]
fn j07_servers_run_nothing_else() {
    for path in ["; touch owned", "`touch owned`", "$(touch owned)", "a\ntouch owned", "a & b", "a | b", "> a", "*"] {
        for flags in ["-t", "-f", "-r -t", "-prf --"] {
            let line = format!("scp {flags} {path}");
            assert!(Command::read(line.as_bytes(), &mut [0; 64]).is_err(), "{line}");
        }
    }
}

#[test]
fn j08_lines_without_end() {
    for head in [&b"C0644 1 "[..], b"D0755 0 ", b"T", b"\x01", b"\x02"] {
        let long = [head, &[b'1'; MEMORY][..]].concat();
        aborted(ANY, NOTHING, &long, Error::TooLong);
        aborted(ANY, NOTHING, &[&long[..], b"\n"].concat(), Error::TooLong);
    }
    // With as much memory as anybody likes the limit is the protocol's own.
    both_ways(|feed| {
        let (mut sink, mut memory) = (Sink::new(ANY), vec![0; MAX_LINE * 2]);
        let line = [b"\x01", &[b'x'; MAX_LINE][..]].concat();
        let step = if feed == Feed::Bytes { 1 } else { line.len() };
        let results: Vec<_> = line.chunks(step).map(|mut piece| sink.recv(&mut memory, &mut piece).err()).collect();
        assert_eq!(results.last(), Some(&Some(Error::TooLong)));
        let (mut source, mut memory) = (Source::new(), [0; MEMORY]);
        let results: Vec<_> = line.chunks(step).map(|mut piece| source.recv(&mut memory, &mut piece).err()).collect();
        assert_eq!(results.last(), Some(&Some(Error::TooLong)));
        assert_eq!(results.iter().position(Option::is_some), Some(if step == 1 { MEMORY } else { 0 }));
    });
}

#[test]
fn replies_to_nothing_end_a_source() {
    both_ways(|feed| {
        for (replies, end) in [
            (&b"\0\0"[..], Error::Unexpected),
            (b"\0\x01", Error::Unexpected),
            (b"Last login: today\n", Error::Malformed),
            (b"\x02no\n", Error::Aborted),
        ] {
            let (mut source, mut memory) = (Source::new(), [0; MEMORY]);
            let step = if feed == Feed::Bytes { 1 } else { replies.len() };
            for mut bytes in replies.chunks(step) {
                while let Ok(Some(_)) = source.recv(&mut memory, &mut bytes) {}
            }
            assert_eq!(source.ended(), Err(end), "{}", replies.escape_ascii());
            assert_eq!(does(|out| source.file(b"x", 0o644, 0, out)), Err(Refused::Closed));
        }
    });
}
