//! Recordings of sessions with OpenSSH, replayed to the byte: as they were, one byte at a time, cut anywhere, joined, and
//! with each provider. `RECORD=1` makes them again, `BLESS=1` rewrites what is expected; see `vectors/README.md`.

mod forwards;
mod sessions;

use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::replay::{Cut, Script, Side, What, bless, play};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs};

/// A recording is read by people; a larger one tests nothing more.
const LARGEST: u64 = 200_000;

/// Every recording with the file's name; made again or blessed first where that is asked for.
static RECORDINGS: LazyLock<Vec<(String, Script)>> = LazyLock::new(|| {
    let asked = |name: &str| env::var_os(name).is_some_and(|value| value == "1");
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci || !(asked("RECORD") || asked("BLESS")), "expectations are not rewritten where changes are judged");
    if asked("RECORD") {
        sessions::record_all(&directory());
    }
    let paths = fs::read_dir(directory()).expect("vectors/replay").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "ssh")).collect();
    paths.sort();
    paths.iter().map(|path| load(path, asked("BLESS"))).collect()
});

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/replay")
}

fn load(path: &Path, rewrite: bool) -> (String, Script) {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a recording");
    let mut script = Script::read(&text).unwrap_or_else(|bad| panic!("{name}: {bad}"));
    if rewrite {
        script = bless::<Fast>(&script).unwrap_or_else(|what| panic!("{name}: {what}"));
        fs::write(path, script.write()).expect("the blessed recording");
    }
    (name, script)
}

fn check<P: Provider>(cut: Cut) {
    assert!(!RECORDINGS.is_empty());
    for (name, script) in &*RECORDINGS {
        play::<P>(script, cut).unwrap_or_else(|what| panic!("{name}, {cut:?}: {what}"));
    }
}

#[test]
fn recordings_replay_with_ring() {
    check::<Fast>(Cut::Recorded);
}

#[test]
fn recordings_replay_in_pure_rust() {
    check::<Soft>(Cut::Recorded);
}

#[test]
fn m02_recordings_replay_one_byte_at_a_time() {
    check::<Fast>(Cut::Bytes);
}

#[test]
fn recordings_replay_joined() {
    check::<Fast>(Cut::Joined);
}

#[test]
fn m02_recordings_replay_cut_anywhere() {
    (0..10).for_each(|seed| check::<Fast>(Cut::Random(seed)));
}

/// What blessing writes is what is stored, comments included, so that a blessed change shows as itself alone.
#[test]
fn blessing_what_is_right_changes_nothing() {
    for (name, script) in &*RECORDINGS {
        let text = fs::read_to_string(directory().join(name)).expect("a recording");
        let blessed = bless::<Fast>(script).unwrap_or_else(|what| panic!("{name}: {what}"));
        assert!(blessed.write() == text, "{name} is not what BLESS=1 would write");
    }
}

#[test]
fn recordings_are_small_and_of_every_kind() {
    let mut seen = Vec::new();
    for (name, script) in &*RECORDINGS {
        let size = fs::metadata(directory().join(name)).expect("a recording").len();
        assert!(size < LARGEST, "{name}: {size} bytes");
        let any = |is: &dyn Fn(&What) -> bool| script.steps.iter().any(|step| is(&step.what));
        let says = |text: &str| any(&|what| matches!(what, What::Event(event) if event.contains(text)));
        let calls = |text: &str| any(&|what| matches!(what, What::Call(call) if call.starts_with(text)));
        let kinds = [
            (script.side == Side::Client && calls("public-key") && says("exit-status 0"), "key login with exec"),
            (
                script.side == Side::Client && says("auth refused") && says("accepted earned=true"),
                "refused, then accepted",
            ),
            (script.side == Side::Client && says("first=false"), "rekey"),
            (script.side == Side::Server && says("request exec"), "server with exec"),
            (says("+zlib@openssh.com") && says("first=false"), "compressed, and rekeyed"),
        ];
        seen.extend(kinds.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind));
    }
    for kind in
        ["key login with exec", "refused, then accepted", "rekey", "server with exec", "compressed, and rekeyed"]
    {
        assert!(seen.contains(&kind), "no recording of: {kind}");
    }
}
