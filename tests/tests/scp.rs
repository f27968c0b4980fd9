//! Both machines of scp against each other in memory: a tree with everything that there is, in pieces of every size and
//! cut at every byte.

use sanssh_core::scp::sink::{self, Rules, Sink};
use sanssh_core::scp::source::{self, Source, Step};
use sanssh_core::scp::{Stamp, Times};
use sanssh_core::{Output, Refused};

const TIMES: Times =
    Times { modified: Stamp { seconds: 1_700_000_000, micros: 999_999 }, accessed: Stamp { seconds: 0, micros: 0 } };

/// What a source does, one thing after the other.
#[derive(Clone, Copy)]
enum Act {
    Times,
    File(&'static str, &'static [u8]),
    /// A file whose bytes cannot be read in the end.
    Spoilt(&'static str, &'static [u8]),
    Directory(&'static str),
    Leave,
    Warn(&'static str),
}

const TREE: [Act; 14] = [
    Act::Times,
    Act::File("a file", b"content\0\x01\x02\nE\n"),
    Act::Times,
    Act::Directory("ä"),
    Act::File("-empty", b""),
    Act::Warn("b: no such file"),
    Act::Spoilt("c'\"", b"12345"),
    Act::Directory("refused"),
    Act::File("refused", b"never sent"),
    Act::Directory("deeper"),
    Act::Leave,
    Act::Leave,
    Act::File("\\^J", b"\0"),
    Act::Warn("last words"),
];

const TOLD: &str = "C0644 \"a file\" 13 T\n+\"content\\x00\\x01\\x02\\nE\\n\"\nend\nD0755 \"\\xc3\\xa4\" T\nC0644 \"-empty\" 0\n+\"\"\nend\n\
    1 scp: b: no such file\nC0644 \"c\\'\\\"\" 5\n+\"12345\"\nend scp: unreadable\nD0755 \"refused\"\nC0644 \"refused\" 10\n\
    D0755 \"deeper\"\nE\nE\nC0644 \"\\\\^J\" 1\n+\"\\x00\"\nend\n1 scp: last words\n";

/// A sink with an owner who takes everything that is not called `refused`, and a note of what it was told.
struct Owner {
    sink: Sink<&'static str>,
    memory: [u8; 64],
    told: String,
    body: Option<Vec<u8>>,
    replies: Vec<u8>,
}

impl Owner {
    fn new() -> Self {
        let rules = Rules { recursive: true, preserve: true, ..Rules::default() };
        Self { sink: Sink::new(rules), memory: [0; 64], told: String::new(), body: None, replies: Vec::new() }
    }

    fn hears(&mut self, mut bytes: &[u8]) {
        let mut space = [0; 256];
        let mut output = Output::new(&mut space);
        while let Some(event) = self.sink.recv(&mut self.memory, &mut bytes).expect("a sound source") {
            let dated = |times| if times == Some(TIMES) { " T" } else { "" };
            let line = match event {
                sink::Event::File { name, mode, size, times } => {
                    self.body = (name != b"refused").then(Vec::new);
                    format!("C{mode:04o} \"{}\" {size}{}\n", name.escape_ascii(), dated(times))
                }
                sink::Event::Directory { name, mode, times } => {
                    format!("D{mode:04o} \"{}\"{}\n", name.escape_ascii(), dated(times))
                }
                sink::Event::Body(piece) => {
                    self.body.as_mut().expect("a file").extend_from_slice(piece);
                    continue;
                }
                sink::Event::End { fault } => {
                    let body = self.body.take().expect("a file");
                    let fault = fault.map_or(String::new(), |text| format!(" {}", text.escape_ascii()));
                    format!("+\"{}\"\nend{fault}\n", body.escape_ascii())
                }
                sink::Event::Leave => "E\n".to_owned(),
                sink::Event::Warning(text) => {
                    self.told += &format!("1 {}\n", text.escape_ascii());
                    continue;
                }
                sink::Event::Abort(text) => panic!("{}", text.escape_ascii()),
            };
            self.told += &line;
            if line.contains("\"refused\"") {
                self.sink.refuse(b"not wanted", &mut output).expect("room");
            } else {
                self.sink.accept().expect("a question");
            }
        }
        assert!(bytes.is_empty());
        self.sink.flush(&mut output).expect("room");
        let filled = output.filled();
        self.replies.extend_from_slice(&space[..filled]);
    }
}

/// A source that does one act after the other, as far as replies let it.
struct Actor {
    source: Source,
    memory: [u8; 64],
    acts: Vec<Act>,
    /// What is being sent.
    open: Option<(&'static [u8], bool)>,
    said: Vec<(Step, bool)>,
    sent: Vec<u8>,
}

impl Actor {
    fn new() -> Self {
        let acts = TREE.iter().rev().copied().collect();
        Self { source: Source::new(), memory: [0; 64], acts, open: None, said: Vec::new(), sent: Vec::new() }
    }

    fn hears(&mut self, mut bytes: &[u8]) {
        while let Some(event) = self.source.recv(&mut self.memory, &mut bytes).expect("a sound sink") {
            match event {
                source::Event::Accepted(step) => self.said.push((step, true)),
                source::Event::Refused(step, text) => {
                    assert_eq!(text, b"scp: not wanted");
                    self.open = None;
                    self.said.push((step, false));
                }
                source::Event::Abort(text) => panic!("{}", text.escape_ascii()),
            }
        }
        assert!(bytes.is_empty());
        while self.acts_on() {}
    }

    fn acts_on(&mut self) -> bool {
        let mut space = [0; 256];
        let mut output = Output::new(&mut space);
        let done = self.act(&mut output);
        let filled = output.filled();
        self.sent.extend_from_slice(&space[..filled]);
        match done {
            Ok(()) => true,
            Err(Refused::NotYet) => false,
            Err(other) => panic!("{other}"),
        }
    }

    fn act(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        if let Some((content, is_sound)) = self.open {
            self.source.body(content.len())?;
            self.sent.extend_from_slice(content);
            self.open = None;
            return if is_sound { self.source.done(output) } else { self.source.spoil(b"unreadable", output) };
        }
        let Some(act) = self.acts.last().copied() else { return Err(Refused::NotYet) };
        let open = match act {
            Act::Times => self.source.times(&TIMES, output).map(|()| None),
            Act::File(name, content) => self.file(name, content, output).map(|()| Some((content, true))),
            Act::Spoilt(name, content) => self.file(name, content, output).map(|()| Some((content, false))),
            Act::Directory(name) => self.source.directory(name.as_bytes(), 0o755, output).map(|()| None),
            Act::Leave => self.source.leave(output).map(|()| None),
            Act::Warn(text) => self.source.warn(text.as_bytes(), output).map(|()| None),
        };
        self.open = open?;
        self.acts.pop();
        Ok(())
    }

    fn file(&mut self, name: &str, content: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.source.file(name.as_bytes(), 0o644, content.len() as u64, output)
    }
}

/// Lets both talk in pieces of so many bytes, and gives everything that the source sent.
fn talk(step: usize) -> (Owner, Actor, Vec<u8>) {
    let (mut owner, mut actor, mut stream) = (Owner::new(), Actor::new(), Vec::new());
    owner.hears(b"");
    while !owner.replies.is_empty() || !actor.sent.is_empty() {
        for piece in core::mem::take(&mut owner.replies).chunks(step) {
            actor.hears(piece);
        }
        let sent = core::mem::take(&mut actor.sent);
        sent.chunks(step).for_each(|piece| owner.hears(piece));
        stream.extend_from_slice(&sent);
    }
    (owner, actor, stream)
}

#[test]
fn a_tree_comes_over_in_pieces_of_any_size() {
    for step in 1..64 {
        let (owner, actor, _) = talk(step);
        assert_eq!(owner.told, TOLD, "{step}");
        assert_eq!((owner.sink.ended(), actor.source.ended(), actor.source.due()), (Ok(()), Ok(()), 0));
        let refused = [(Step::Directory, false), (Step::File, false)];
        assert!(actor.said.windows(2).any(|two| two == refused));
        assert_eq!(actor.said.iter().filter(|(_, yes)| !yes).count(), 2);
    }
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let (_, _, stream) = talk(usize::MAX);
    for cut in 0..=stream.len() {
        let mut owner = Owner::new();
        owner.hears(&stream[..cut]);
        owner.hears(&stream[cut..]);
        assert_eq!(owner.told, TOLD, "{cut}");
    }
}

#[test]
fn a_stream_ends_between_things_only() {
    let (_, _, stream) = talk(usize::MAX);
    let mut sound = 0;
    for cut in 0..=stream.len() {
        let mut owner = Owner::new();
        owner.hears(&stream[..cut]);
        if owner.sink.ended().is_ok() {
            sound += 1;
            let told = owner.told.lines().last().unwrap_or_default();
            assert!(told.is_empty() || told == "end" || told == "E" || told.starts_with("1 "), "{told}");
        }
    }
    // Before the first record, and behind each of the four things at the top.
    assert_eq!(sound, 5);
}
