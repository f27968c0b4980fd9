//! `replay`: shows what was said in a recorded session, message by message, while the machine goes through it again; and
//! where it now does otherwise. Or takes passwords and answers out of a recording.
//! Exit status: 0 if everything went as recorded, 1 if not, 255 if there is no recording or the command line was wrong.

#![forbid(unsafe_code)]

mod arguments;
mod dialogue;
mod known;
mod message;
mod print;
mod wire;

use arguments::Job;
use dialogue::Dialogue;
use known::Known;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::replay::{Cut, Mismatch, Parting, Player, Script, Step, What, redact};
use sanssh_examples::client::report::{Reporter, Verbosity};
use sanssh_examples::client::{FAILED, flags};
use sanssh_examples::files::shown;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

fn main() -> ExitCode {
    let reporter = Reporter::new("replay", Verbosity::Normal);
    let job = match flags::begin("replay", arguments::read()) {
        Ok(job) => job,
        Err(code) => return code,
    };
    let script = match read(&job.file) {
        Ok(script) => script,
        Err(error) => {
            reporter.error(format_args!("{}: {error}", shown(&job.file)));
            return FAILED.into();
        }
    };
    let done = match &job.redact {
        Some(_) => cleanse(&job, &script),
        None => show(&job, &script, reporter),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            reporter.error(error);
            ExitCode::FAILURE
        }
    }
}

fn read(file: &std::path::Path) -> Result<Script, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Script::read(&text).map_err(|bad| bad.to_string())
}

/// Writes the recording without what logs somebody in.
fn cleanse(job: &Job, script: &Script) -> Result<(), String> {
    let redacted = redact::<Fast>(script).map_err(|error| error.to_string())?;
    let path = job.redact.as_deref().unwrap_or(&job.file);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(redacted.write().as_bytes()));
    written.map_err(|error| format!("{}: {error}", shown(path)))
}

/// Plays the recording and prints what is said; an error says where it parts from what happens now.
fn show(job: &Job, script: &Script, reporter: Reporter) -> Result<(), String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut dialogue = Dialogue::new(script.side);
    let parted = play(job, script, &mut dialogue, &mut out);
    // Whoever read along may have left.
    let _ = out.flush();
    if !matches!(script.steps.last(), Some(Step { what: What::End(_), .. })) {
        reporter.warn("the recording breaks off: it has no end");
    }
    parted
}

fn play(job: &Job, script: &Script, dialogue: &mut Dialogue, out: &mut impl Write) -> Result<(), String> {
    let mut player = Player::new::<Known>(script, Cut::Recorded).map_err(|mismatch| mismatch.to_string())?;
    let mut fate = None;
    loop {
        let at = script.steps.get(player.done()).map_or(0, |step| step.at);
        match player.step() {
            Ok(None) => return Ok(()),
            Ok(Some(step)) => match &step.what {
                What::Recv(bytes) => dialogue.received(bytes),
                What::Flush(bytes) | What::Emit(bytes) => dialogue.sent(bytes),
                What::Event(_) | What::Quiet | What::Room(_) | What::Call(_) | What::End(_) => {}
            },
            Err(mismatch) => {
                print_all(job, dialogue, at, out);
                return Err(parted(job, dialogue, mismatch));
            }
        }
        print_all(job, dialogue, at, out);
        if fate.is_none() {
            fate = player.fate();
            if let Some(fate) = fate {
                let _ = writeln!(out, "{}  over: {fate}", print::time(at));
            }
        }
    }
}

fn print_all(job: &Job, dialogue: &mut Dialogue, at: u64, out: &mut impl Write) {
    for said in dialogue.news() {
        let _ = out.write_all(print::line(job, at, &said).as_bytes());
    }
}

/// Where recording and machine part: of bytes, the first message that is another.
fn parted(job: &Job, dialogue: &mut Dialogue, mismatch: Mismatch) -> String {
    let Parting::Emitted { is, expected } = &mismatch.what else { return mismatch.to_string() };
    let [now, recorded] = dialogue.either(is, expected);
    let place = now.iter().zip(&recorded).take_while(|(one, other)| one == other).count();
    let told = |list: &[dialogue::Said]| match list.get(place) {
        Some(said) => print::what(job, said),
        None => "nothing that can be read\n".to_owned(),
    };
    let lengths = format!("{} bytes, recorded {}", is.len(), expected.len());
    format!("step {}: emitted {lengths}\nnow:      {}recorded: {}", mismatch.step, told(&now), told(&recorded))
        .trim_end()
        .to_owned()
}
