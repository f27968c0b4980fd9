//! Where commands come from: a person, with a line to edit, a history, and names completed; or a file, line by line.

use crate::complete::{Candidate, complete};
use crate::remote::Remote;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use sanssh_std::glob::Here;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

/// What a person is asked for commands with, and what a batch repeats them behind.
pub(crate) const PROMPT: &str = "sftp> ";

/// A source of lines.
pub(crate) enum Source {
    /// A person at a terminal.
    Person(Box<Editor<Completion, MemHistory>>),
    /// A file, or standard input.
    Lines(Box<dyn BufRead>),
}

/// Completes from the server that there is.
pub(crate) struct Completion(Remote);

impl Source {
    /// A person at the terminal on standard input.
    pub(crate) fn person(remote: &Remote) -> Result<Self, String> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(|error| error.to_string())?;
        editor.set_helper(Some(Completion(remote.clone())));
        Ok(Self::Person(Box::new(editor)))
    }

    /// A file of commands; `-` is standard input.
    pub(crate) fn file(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            return Ok(Self::input());
        }
        let file = File::open(path).map_err(|error| crate::local::failed(path, &error))?;
        Ok(Self::Lines(Box::new(BufReader::new(file))))
    }

    /// Standard input, whatever it is.
    pub(crate) fn input() -> Self {
        Self::Lines(Box::new(BufReader::new(stdin())))
    }

    pub(crate) const fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    /// The next line; none at the end. A line that was given up is empty.
    pub(crate) fn next(&mut self, remote: &Remote) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Person(editor) => {
                // Names are completed from where one is now.
                editor.set_helper(Some(Completion(remote.clone())));
                match editor.readline(PROMPT) {
                    Ok(line) => Ok(Some(line.into_bytes())),
                    Err(ReadlineError::Interrupted) => Ok(Some(Vec::new())),
                    Err(ReadlineError::Eof) => Ok(None),
                    Err(error) => Err(format!("cannot read commands: {error}")),
                }
            }
            Self::Lines(lines) => {
                let mut line = Vec::new();
                let read = lines.read_until(b'\n', &mut line);
                read.map_err(|error| format!("cannot read commands: {error}"))?;
                Ok(Some(line).filter(|line| !line.is_empty()))
            }
        }
    }
}

impl rustyline::completion::Candidate for Candidate {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

impl Completer for Completion {
    type Candidate = Candidate;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Candidate>)> {
        let begun = line.get(..at).unwrap_or(line);
        Ok(complete(begun, &mut Here, &mut self.0.clone()))
    }
}

impl Helper for Completion {}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Hinter for Completion {
    type Hint = String;
}
