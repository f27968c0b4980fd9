//! The text of a recording: a head of `key value` lines, then one step a line, bytes in hexadecimal.
//! Reading and writing are each other's inverse but for comments and blanks.

use core::fmt::Write;

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What happens, for people.
    pub title: String,
    /// `client` or `server`.
    pub role: String,
    /// The seed of the connection.
    pub seed: [u8; 32],
    /// What differs from the default configuration, `key=value` each.
    pub config: Vec<String>,
    /// Slots for channels.
    pub table: usize,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step; times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes arrive.
    Recv {
        /// When.
        at: u64,
        /// What.
        bytes: Vec<u8>,
        /// Messages inside.
        comment: String,
    },
    /// Everything received has been taken, as far as it can be; the end is flushed and has emitted this since the flush
    /// before.
    Flush {
        /// When.
        at: u64,
        /// What.
        bytes: Vec<u8>,
        /// Messages inside.
        comment: String,
    },
    /// A method is called, with what it returned if that tells something.
    Call(String),
    /// This is told.
    Event(String),
    /// How it ended.
    End(String),
}

/// Why a text is no recording: the line, counted from 1, and what is wrong with it.
pub type Bad = (usize, &'static str);

impl Script {
    /// Reads a recording.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &str) -> Result<Self, Bad> {
        let mut script = Self {
            title: String::new(),
            role: String::new(),
            seed: [0; 32],
            config: Vec::new(),
            table: 0,
            steps: Vec::new(),
        };
        let mut lines =
            text.lines().enumerate().map(|(at, line)| (at + 1, line.split('#').next().unwrap_or("").trim()));
        if lines.next().is_none_or(|(_, line)| line != "replay 1") {
            return Err((1, "a recording starts with `replay 1`"));
        }
        let mut now = 0;
        for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
            script.line(line, &mut now).map_err(|what| (at, what))?;
        }
        Ok(script)
    }

    fn line(&mut self, line: &str, now: &mut u64) -> Result<(), &'static str> {
        let (word, rest) = cut(line);
        let (word, rest) = match word.strip_prefix('@') {
            Some(time) => {
                *now = time.parse().map_err(|_| "not a time in microseconds")?;
                cut(rest)
            }
            None => (word, rest),
        };
        let step = match word {
            "title" => {
                rest.clone_into(&mut self.title);
                return Ok(());
            }
            "role" => {
                rest.clone_into(&mut self.role);
                return Ok(());
            }
            "seed" => {
                self.seed = unhex(rest)?.try_into().map_err(|_| "a seed has 32 bytes")?;
                return Ok(());
            }
            "config" => {
                self.config = rest.split_whitespace().map(str::to_owned).collect();
                return Ok(());
            }
            "table" => {
                self.table = rest.parse().map_err(|_| "not a number of slots")?;
                return Ok(());
            }
            "recv" => Step::Recv { at: *now, bytes: unhex(rest)?, comment: String::new() },
            "flush" => Step::Flush { at: *now, bytes: unhex(rest)?, comment: String::new() },
            "call" => Step::Call(rest.to_owned()),
            "event" => Step::Event(rest.to_owned()),
            "end" => Step::End(rest.to_owned()),
            _ => return Err("an unknown word"),
        };
        self.steps.push(step);
        Ok(())
    }

    /// Writes the recording.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::from("replay 1\n");
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{}", format!("{key:<8}{value}").trim_end());
        };
        line("title", &self.title);
        line("role", &self.role);
        line("seed", &hex(&self.seed));
        line("config", &self.config.join(" "));
        line("table", &self.table.to_string());
        text.push('\n');
        let mut now = None;
        for step in &self.steps {
            let (at, word, rest, comment) = match step {
                Step::Recv { at, bytes, comment } => (Some(*at), "recv", hex(bytes), comment.as_str()),
                Step::Flush { at, bytes, comment } => (Some(*at), "flush", hex(bytes), comment.as_str()),
                Step::Call(call) => (None, "call", call.clone(), ""),
                Step::Event(event) => (None, "event", event.clone(), ""),
                Step::End(end) => (None, "end", end.clone(), ""),
            };
            let stamp = at.filter(|at| now != Some(*at)).map_or(String::new(), |at| format!("@{at}"));
            now = at.or(now);
            let line = format!("{stamp:<11} {word:<6} {rest}");
            let comment = if comment.is_empty() { String::new() } else { format!("  # {comment}") };
            let _ = writeln!(text, "{}{comment}", line.trim_end());
        }
        text
    }
}

fn cut(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal.
///
/// # Errors
/// If it is none.
pub fn unhex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(|two| pair(two).ok_or("not hexadecimal")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Script, Step};

    #[test]
    fn a_script_is_what_its_text_says() {
        let script = Script {
            title: "a title of several words".into(),
            role: "client".into(),
            seed: [7; 32],
            config: vec!["kex=curve25519-sha256".into(), "window=32768".into()],
            table: 4,
            steps: vec![
                Step::Flush { at: 0, bytes: b"SSH".to_vec(), comment: "a comment".into() },
                Step::Recv { at: 12, bytes: vec![0, 255], comment: String::new() },
                Step::Event("auth host-key".into()),
                Step::Call("trust".into()),
                Step::Flush { at: 12, bytes: vec![], comment: String::new() },
                Step::End("closed".into()),
            ],
        };
        let text = script.write();
        assert!(text.contains("# a comment"), "{text}");
        let mut again = Script::read(&text).expect("it was just written");
        if let Some(Step::Flush { comment, .. }) = again.steps.first_mut() {
            "a comment".clone_into(comment);
        }
        assert_eq!(again, script);
    }

    #[test]
    fn what_is_no_recording_is_named_by_its_line() {
        assert_eq!(Script::read("replay 2\n"), Err((1, "a recording starts with `replay 1`")));
        assert_eq!(Script::read("replay 1\n\nrecv 0g\n"), Err((3, "not hexadecimal")));
        assert_eq!(Script::read("replay 1\nsend 00\n"), Err((2, "an unknown word")));
    }
}
