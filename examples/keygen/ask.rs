//! Questions to the person at the terminal: passphrases, which are never shown, names and yes or no.

use sanssh_examples::terminal;
use std::io::{self, Write};
use zeroize::Zeroizing;

/// What is typed, without showing it.
pub(crate) fn secret(prompt: &str) -> Result<Zeroizing<String>, String> {
    terminal::secret(prompt)
        .map_err(|error| format!("cannot ask for a passphrase ({error}); give it by -P, a new one by -N"))
}

/// A new passphrase, typed twice; an empty one is none.
pub(crate) fn new_passphrase(prompt: &str) -> Result<Zeroizing<String>, String> {
    let first = secret(prompt)?;
    let again = secret("Enter same passphrase again: ")?;
    if first == again { Ok(first) } else { Err("the passphrases are not the same".to_owned()) }
}

/// What is typed on standard input, if it is a terminal. What is typed is seen.
pub(crate) fn line(prompt: &str) -> Option<String> {
    if !terminal::is_here() {
        return None;
    }
    let _ = write!(io::stdout(), "{prompt}").and_then(|()| io::stdout().flush());
    let mut line = String::new();
    io::stdin().read_line(&mut line).ok()?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}
