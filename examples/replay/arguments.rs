//! The command line.

use lexopt::{Arg, Parser};
use sanssh_examples::client::flags::{Asked, plain};
use std::path::PathBuf;

const HELP: &str = "\
Usage: replay [-v] [--secrets] FILE
       replay --redact OUT FILE

Goes through a recorded session again, without its peer, and prints what was said: when, by whom (-> is the end that
was recorded), the packet's number, the message and its fields. Where the machine does otherwise than was recorded, it
stops and says how. ssh --record FILE and sshd --record FILE record.

  -v              print messages in hexadecimal as well, and long lists whole
  --secrets       show passwords and answers; without it, their lengths
  --redact OUT    write the recording without passwords and answers, as a new file
  -V              the version
  --help          this text

A recording holds the keys of its session: who has it, redacted or not, can read the rest of what was said; and who also
caught the packets on the line, the password.

Exit status: 0 if everything went as recorded, 1 if not, 255 if there is no recording.
";

/// One run of the program.
#[derive(Debug, Default)]
pub(crate) struct Job {
    pub(crate) file: PathBuf,
    pub(crate) verbose: bool,
    pub(crate) secrets: bool,
    pub(crate) redact: Option<PathBuf>,
}

pub(crate) fn read() -> Result<Asked<Job>, String> {
    parse(Parser::from_env())
}

fn parse(mut parser: Parser) -> Result<Asked<Job>, String> {
    let mut job = Job::default();
    let mut file = None;
    while let Some(argument) = parser.next().map_err(plain)? {
        match argument {
            Arg::Long("help") => return Ok(Asked::Text(HELP.to_owned())),
            Arg::Short('V') => return Ok(Asked::Text(format!("sanssh {}\n", env!("CARGO_PKG_VERSION")))),
            Arg::Short('v') => job.verbose = true,
            Arg::Long("secrets") => job.secrets = true,
            Arg::Long("redact") => job.redact = Some(parser.value().map_err(plain)?.into()),
            Arg::Value(value) if file.is_none() => file = Some(value.into()),
            Arg::Value(value) => return Err(format!("unexpected argument {}; see --help", value.display())),
            Arg::Short(flag) => return Err(format!("unknown flag -{flag}; see --help")),
            Arg::Long(name) => return Err(format!("unknown flag --{name}; see --help")),
        }
    }
    job.file = file.ok_or("a recording is missing; see --help")?;
    Ok(Asked::Job(Box::new(job)))
}

#[cfg(test)]
mod tests {
    use super::{Asked, Job, parse};
    use lexopt::Parser;

    fn job(line: &[&str]) -> Result<Box<Job>, String> {
        match parse(Parser::from_args(line))? {
            Asked::Job(job) => Ok(job),
            Asked::Text(text) => Err(text),
        }
    }

    #[test]
    fn flags_and_mistakes() {
        let job_of = job(&["-v", "--redact", "out", "in", "--secrets"]).unwrap();
        assert!(job_of.verbose && job_of.secrets && job_of.file.ends_with("in"));
        assert_eq!(job_of.redact, Some("out".into()));
        for (line, part) in
            [(&["-Z", "in"][..], "-Z"), (&["--frob"], "--frob"), (&[], "recording"), (&["in", "out"], "out")]
        {
            assert!(job(line).unwrap_err().contains(part), "{line:?}");
        }
    }
}
