//! The old copy protocol: a sink that is given records, a source that is given replies, and the line that starts either.
//! The first byte chooses among them.

use super::choices::Choices;
use core::fmt::Write;
use sanssh_core::scp::command::Command;
use sanssh_core::scp::sink::{self, Rules, Sink};
use sanssh_core::scp::source::{self, Source};
use sanssh_core::scp::{Error, Stamp, Times, is_name};
use sanssh_core::{Output, Refused};

/// How many directories may be inside each other.
const DEPTH: u16 = 3;
const SPACE: usize = 4096;

/// Bytes for one of the three.
pub fn scp(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.byte() % 3 {
        0 => sinks(&mut choices),
        1 => sources(&mut choices),
        _ => commands(choices.rest()),
    }
}

/// What became of a stream.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    told: String,
    body: Vec<u8>,
    said: Vec<u8>,
    over: Option<Error>,
}

fn sinks(choices: &mut Choices<'_>) {
    let head = choices.byte();
    let stream = choices.rest();
    let play = |step: usize| {
        let name = (head & 1 != 0).then_some("asked");
        let rules = Rules { name, recursive: head & 2 != 0, preserve: head & 4 != 0, depth: DEPTH };
        let mut taking = Taking {
            sink: Sink::new(rules),
            refuses: head & 8 != 0,
            left: 0,
            depth: 0,
            questions: 1 + stream.iter().filter(|byte| **byte == b'\n').count(),
            outcome: Outcome::default(),
        };
        let mut memory = [0; 300];
        taking.flush();
        for piece in stream.chunks(step) {
            taking.receive(&mut memory, piece);
        }
        taking.flush();
        taking.outcome
    };
    let (whole, cut) = (play(stream.len().max(1)), play(1));
    assert_eq!(whole, cut, "the same however the stream is cut");
}

struct Taking {
    sink: Sink<&'static str>,
    refuses: bool,
    /// Bytes of the file to come, and directories that were entered.
    left: u64,
    depth: u16,
    /// What may be replied to at most: that the other end is there, each line, and the end of each file.
    questions: usize,
    outcome: Outcome,
}

impl Taking {
    fn receive(&mut self, memory: &mut [u8], mut piece: &[u8]) {
        for _ in 0..=2 * piece.len() + 8 {
            match self.sink.recv(memory, &mut piece) {
                Ok(Some(event)) => self.hear(event),
                Ok(None) if self.sink.owes_output() => self.flush(),
                Ok(None) => {
                    assert!(piece.is_empty(), "bytes that nobody takes");
                    return;
                }
                Err(error) => {
                    assert!(self.outcome.over.is_none_or(|over| over == error));
                    self.outcome.over = Some(error);
                    return;
                }
            }
        }
        panic!("it goes on for ever");
    }

    fn hear(&mut self, event: sink::Event<'_>) {
        use sink::Event;
        assert!(self.outcome.over.is_none());
        match event {
            Event::Body(piece) => {
                self.outcome.body.extend_from_slice(piece);
                self.left = self.left.checked_sub(piece.len() as u64).expect("no more than the size");
                return;
            }
            Event::File { name, mode, size, .. } => {
                assert!(is_name(name) && !name.contains(&b'/') && mode <= 0o7777);
                self.left = size;
            }
            Event::Directory { name, mode, .. } => {
                assert!(is_name(name) && !name.contains(&b'/') && mode <= 0o7777);
                self.depth += u16::from(!self.refuses);
                assert!(self.depth <= DEPTH, "too deep");
            }
            Event::Leave => self.depth = self.depth.checked_sub(1).expect("a directory to leave"),
            Event::End { .. } => assert_eq!(self.left, 0, "an end before all bytes"),
            Event::Warning(_) | Event::Abort(_) => {}
        }
        write!(self.outcome.told, "{event:?};").expect("a string");
        if matches!(event, Event::Warning(_) | Event::Abort(_)) {
            return;
        }
        self.questions += usize::from(matches!(event, Event::End { .. }));
        // A refusal of a directory or a file is lawful; of its end as well.
        if self.refuses && !matches!(event, Event::Leave) {
            let said = put(|output| self.sink.refuse(b"no\n\x1b", output)).expect("room for a refusal");
            self.outcome.said.extend(said);
        } else {
            self.sink.accept().expect("a question");
        }
    }

    fn flush(&mut self) {
        let said = put(|output| self.sink.flush(output)).expect("room for replies");
        self.outcome.said.extend(said);
        let replies = self.outcome.said.iter().filter(|byte| matches!(byte, 0 | b'\n')).count();
        assert!(replies <= self.questions + 1, "{replies} replies to {} questions", self.questions);
    }
}

fn put(command: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<Vec<u8>, Refused> {
    let mut space = [0; SPACE];
    let mut output = Output::new(&mut space);
    let done = command(&mut output);
    let filled = output.filled();
    assert!(done.is_ok() || filled == 0, "what is refused writes nothing");
    done.map(|()| space[..filled].to_vec())
}

/// A source does, a byte each, what it is told to, while replies come in flights.
fn sources(choices: &mut Choices<'_>) {
    let script = choices.short();
    let flight = 1 + choices.below(8);
    let stream = choices.rest();
    let play = |bytewise: bool| {
        let (mut source, mut memory, mut outcome) = (Source::new(), [0; 300], Outcome::default());
        let mut steps = script.iter();
        for flight in stream.chunks(flight) {
            for mut piece in flight.chunks(if bytewise { 1 } else { flight.len() }) {
                listen(&mut source, &mut memory, &mut piece, &mut outcome);
            }
            steps.by_ref().take(3).for_each(|step| act(&mut source, *step, &mut outcome));
        }
        outcome
    };
    let (whole, cut) = (play(false), play(true));
    assert_eq!(whole, cut, "the same however the stream is cut");
}

fn listen(source: &mut Source, memory: &mut [u8], piece: &mut &[u8], outcome: &mut Outcome) {
    for _ in 0..=piece.len() + 1 {
        match source.recv(memory, piece) {
            Ok(Some(event)) => {
                assert!(outcome.over.is_none());
                let told = match event {
                    source::Event::Accepted(step) => format!("{step:?};"),
                    source::Event::Refused(step, text) => format!("{step:?} {};", text.escape_ascii()),
                    source::Event::Abort(text) => format!("abort {};", text.escape_ascii()),
                };
                outcome.told.push_str(&told);
            }
            Ok(None) => {
                assert!(piece.is_empty(), "bytes that nobody takes");
                return;
            }
            Err(error) => {
                assert!(outcome.over.is_none_or(|over| over == error));
                outcome.over = Some(error);
                return;
            }
        }
    }
    panic!("it goes on for ever");
}

fn act(source: &mut Source, step: u8, outcome: &mut Outcome) {
    let stamp = Stamp { seconds: 7, micros: 3 };
    let body = source.left().min(u64::from(step >> 4)) as usize;
    let done = put(|output| match step % 9 {
        0 => source.file(b"name", 0o644, u64::from(step), output),
        1 => source.body(body),
        2 => source.done(output),
        3 => source.spoil(b"text\n\0", output),
        4 => source.directory(b"name", 0o755, output),
        5 => source.leave(output),
        6 => source.times(&Times { modified: stamp, accessed: stamp }, output),
        7 => source.warn(b"text\n\x01", output),
        _ => source.file(&[step], 0o644, 0, output),
    });
    if let Ok(said) = done {
        outcome.said.extend(said);
    }
}

/// A line that is read is written and read again.
fn commands(line: &[u8]) {
    let mut memory = vec![0; line.len()];
    let Ok(command) = Command::read(line, &mut memory) else { return };
    let mut space = vec![0; 8 * line.len() + 64];
    let mut output = Output::new(&mut space);
    command.write(&mut output).expect("room, and a path without NUL");
    let filled = output.filled();
    let mut again = vec![0; filled];
    assert_eq!(Command::read(&space[..filled], &mut again), Ok(command), "the same command");
}
