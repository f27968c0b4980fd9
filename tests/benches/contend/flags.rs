//! The command line of programs for comparisons, and how they say what came of it.

use core::error::Error;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// What to print; nothing if that cannot be done.
type Run = fn(&str, &Flags) -> Result<Option<String>, Box<dyn Error>>;

/// Does what the command line says, and prints the line that tells of it; status 3 is for what cannot be done.
pub(crate) fn main(run: Run) -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let mut flags = BTreeMap::new();
    while let (Some(flag), Some(value)) = (arguments.next(), arguments.next()) {
        flags.insert(flag, value);
    }
    match run(&what, &Flags(flags)) {
        Ok(Some(line)) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::from(3),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line, by name.
pub(crate) struct Flags(BTreeMap<String, String>);

impl Flags {
    pub(crate) fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn number<T: core::str::FromStr>(&self, name: &str, otherwise: T) -> Result<T, T::Err> {
        self.0.get(name).map_or(Ok(otherwise), |text| text.parse())
    }
}
