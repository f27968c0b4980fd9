//! Escapes that a person types at the start of a line (ssh(1), "ESCAPE CHARACTERS"): a byte machine between the keyboard and
//! the channel, which gives back what is to be sent and what is to be done.
//!
//! ```text
//! middle of a line -- CR, LF --> start of a line -- ~ --> escaped -- a command --> start of a line
//!        ^------- any byte -----------+                      +---- any other: ~ and the byte --> middle
//! ```

/// What the person wants instead of sending a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// `~.`: end the connection.
    End,
    /// `~^Z`: suspend this program.
    Suspend,
    /// `~B`: send a break.
    Break,
    /// `~R`: change keys.
    Rekey,
    /// `~#`: list forwarded connections.
    List,
    /// `~?`: say what there is.
    Help,
}

/// Where the keyboard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Middle,
    Start,
    Escaped,
}

/// Between a keyboard and a channel.
#[derive(Debug)]
pub(crate) struct Escapes {
    /// The character that begins an escape; none if there are no escapes.
    character: Option<u8>,
    state: State,
}

/// What is typed, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// To be sent first.
    pub(crate) text: Vec<u8>,
    /// To be done then.
    pub(crate) command: Option<Command>,
    /// How many bytes have been dealt with; the others are to be given again.
    pub(crate) taken: usize,
}

impl Escapes {
    /// Escapes by `character`, at the start of a line, as one is at the beginning.
    pub(crate) const fn new(character: Option<u8>) -> Self {
        Self { character, state: State::Start }
    }

    /// Deals with what was typed, up to the first command.
    pub(crate) fn take(&mut self, typed: &[u8]) -> Typed {
        let mut text = Vec::with_capacity(typed.len() + 1);
        for (at, &byte) in typed.iter().enumerate() {
            if let Some(command) = self.step(byte, &mut text) {
                return Typed { text, command: Some(command), taken: at + 1 };
            }
        }
        Typed { text, command: None, taken: typed.len() }
    }

    fn step(&mut self, byte: u8, text: &mut Vec<u8>) -> Option<Command> {
        let is_escape = self.character == Some(byte);
        match self.state {
            State::Start if is_escape => {
                self.state = State::Escaped;
                return None;
            }
            State::Escaped => {
                if let Some(command) = command(byte) {
                    self.state = State::Start;
                    return Some(command);
                }
                // Twice is once; anything else was not meant.
                if !is_escape {
                    text.extend(self.character);
                }
            }
            State::Start | State::Middle => {}
        }
        text.push(byte);
        self.state = if matches!(byte, b'\r' | b'\n') { State::Start } else { State::Middle };
        None
    }

    /// What there is to say about escapes.
    pub(crate) fn help(&self) -> String {
        let escape = char::from(self.character.unwrap_or(b'~'));
        let lines = [
            (".", "end the connection"),
            ("B", "send a break"),
            ("R", "change the keys"),
            ("^Z", "suspend this program"),
            ("#", "list forwarded connections"),
            ("?", "this help"),
        ];
        let mut text = format!("Escapes, at the start of a line ({escape}{escape} sends {escape}):\r\n");
        for (key, what) in lines {
            text += &format!(" {escape}{key:<3} {what}\r\n");
        }
        text
    }
}

const fn command(byte: u8) -> Option<Command> {
    Some(match byte {
        b'.' => Command::End,
        0x1a => Command::Suspend,
        b'B' => Command::Break,
        b'R' => Command::Rekey,
        b'#' => Command::List,
        b'?' => Command::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Command, Escapes};

    /// What comes of keys typed whole and one by one: text, with each command as its debug form in braces.
    fn typed(character: Option<u8>, keys: &str) -> String {
        let run = |pieces: Vec<&[u8]>| {
            let (mut escapes, mut out) = (Escapes::new(character), String::new());
            for mut piece in pieces {
                while !piece.is_empty() {
                    let typed = escapes.take(piece);
                    piece = &piece[typed.taken..];
                    out += &String::from_utf8_lossy(&typed.text);
                    out += &typed.command.map_or_else(String::new, |command| format!("{{{command:?}}}"));
                }
            }
            out
        };
        let whole = run(vec![keys.as_bytes()]);
        assert_eq!(whole, run(keys.as_bytes().chunks(1).collect()), "{keys:?}");
        whole
    }

    #[test]
    fn escapes_stand_at_the_start_of_a_line() {
        let tilde = Some(b'~');
        for (keys, expected) in [
            ("ls\r", "ls\r"),
            ("~.", "{End}"),
            ("ls ~.\r", "ls ~.\r"),
            ("ls\r~.", "ls\r{End}"),
            ("ls\n~?x~.", "ls\n{Help}x~."),
            ("~~.", "~."),
            ("~~~.", "~~."),
            ("~x~.\r~B", "~x~.\r{Break}"),
            ("~R~#~\u{1a}", "{Rekey}{List}{Suspend}"),
            ("~\r~.", "~\r{End}"),
            ("~", ""),
        ] {
            assert_eq!(typed(tilde, keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn another_character_or_none() {
        assert_eq!(typed(Some(b'%'), "%.~."), "{End}~.");
        assert_eq!(typed(None, "~.\r~?"), "~.\r~?");
        assert!(Escapes::new(Some(b'%')).help().contains(" %.   end"));
        assert_eq!(Escapes::new(None).take(b"~.").command, None::<Command>);
    }
}
