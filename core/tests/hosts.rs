//! Lists of known hosts against OpenSSH's own `ssh-keygen`: what it finds, takes out, hashes and certifies.
//! Without `ssh-keygen` the tests say so loudly, and fail where `CI` is `true`.
#![cfg(feature = "ring")]

mod bench;

use base64ct::{Base64, Encoding};
use bench::{Bench, keygen, text};
use sanssh_core::crypto::certificate::Unfit;
use sanssh_core::file::known_hosts::{self, By, KnownHosts, Place, Verdict};
use sanssh_core::file::sshfp::Record;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_core::{Random, Seed};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A moment at which the certificates of these tests are valid.
const NOW: Option<u64> = Some(1_900_000_000);

fn public(n: u8) -> PublicKeyBuf {
    PublicKeyBuf::from_blob(SigningKey::ed25519(&[n; 32]).public()).unwrap()
}

/// The host as ssh(1) looks it up: it puts names in lower case, which ssh-keygen leaves to its user.
fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// The lines of `file` that `ssh-keygen -F` finds for a host, by their numbers.
fn found(file: &Path, host: &str, port: u16) -> Vec<usize> {
    let output = keygen(&["-F", &name(host, port)], file);
    let report = String::from_utf8(output.stdout).unwrap();
    let numbers = report.lines().filter(|line| line.starts_with("# Host "));
    numbers.map(|line| line.split("line ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()).collect()
}

const LOOKUPS: [(&str, u16); 16] = [
    ("plain.example", 22),
    ("PLAIN.example", 22),
    ("plain.example", 2222),
    ("h", 2222),
    ("h", 22),
    ("good.x", 22),
    ("bad.x", 22),
    ("bad.x", 2222),
    ("::1", 22),
    ("::1", 2222),
    ("2001:DB8::1", 22),
    ("192.0.2.7", 22),
    ("192.0.2.7", 2222),
    ("one", 22),
    ("first", 22),
    ("nobody", 22),
];

/// A file with every form of host; each line has its number's key.
fn hosts() -> String {
    let forms = [
        "plain.example",
        "Plain.Example",
        "[h]:2222",
        "[h]:22",
        "*.x,!bad.x",
        "!bad.x,*.x",
        "!nobody",
        "::1",
        "[::1]:2222",
        "192.0.2.?",
        "o?e,two",
        "first,second,192.0.2.7",
        "[*.x]:*",
        ",,",
        "*",
        "**h",
        "2001:db8::1,[192.0.2.7]:2222",
        "@cert-authority *.x,h",
        "@revoked h,first",
    ];
    let lines = forms.iter().zip(1..).map(|(form, n)| format!("{form} {} comment\n", public(n)));
    lines.chain(["\n# h one first\n \t\n".to_owned()]).collect()
}

/// Compares the lines found for each host in `file`.
fn compare(file: &Path) {
    let hosts = KnownHosts::read(&fs::read(file).unwrap());
    assert_eq!(hosts.damaged(), []);
    for (host, port) in LOOKUPS {
        let ours: Vec<_> = hosts.find(host, port).map(|entry| entry.at.line).collect();
        assert_eq!(ours, found(file, host, port), "{host} {port}");
    }
}

#[test]
fn l05_hosts_are_looked_up_as_ssh_keygen_does() {
    let Some(bench) = Bench::new("hosts") else { return };
    let path = bench.path("known_hosts");
    fs::write(&path, hosts()).unwrap();
    compare(&path);
    // ssh-keygen leaves wildcards as they are when it hashes, and says so by its status.
    keygen(&["-H"], &path);
    let theirs = fs::read_to_string(&path).unwrap();
    assert!(theirs.contains("|1|") && !theirs.contains("plain"));
    compare(&path);
    let ours = known_hosts::hashed(hosts().as_bytes(), &mut Random::new(&Seed::new([1; 32])));
    let ours = String::from_utf8(ours.text).unwrap();
    // A line without names stays here, and is lost there.
    let named = |line: &&str| !line.starts_with(",,");
    let shape = |text: &str| text.lines().filter(named).map(|line| line.replace(hash(line), "|")).collect::<Vec<_>>();
    assert_eq!(shape(&ours), shape(&theirs));
    fs::write(&path, ours).unwrap();
    compare(&path);
}

/// The hashed name of a line.
fn hash(line: &str) -> &str {
    let word = line.split(' ').next().unwrap();
    if word.starts_with('|') { word } else { "\n" }
}

#[test]
fn l05_hosts_are_taken_out_as_ssh_keygen_does() {
    let Some(bench) = Bench::new("removed") else { return };
    let path = bench.path("known_hosts");
    let hashed = known_hosts::hashed(hosts().as_bytes(), &mut Random::new(&Seed::new([2; 32]))).text;
    for before in [hosts().into_bytes(), hashed] {
        for (host, port) in LOOKUPS {
            fs::write(&path, &before).unwrap();
            keygen(&["-R", &name(host, port)], &path);
            let ours = known_hosts::without(&before, host, port, &[]);
            assert_eq!(String::from_utf8(ours.text).unwrap(), fs::read_to_string(&path).unwrap(), "{host} {port}");
        }
    }
}

/// A word of `letters`.
fn word(random: &mut Random, letters: &str, most: u8) -> String {
    let [length] = random.array();
    let mut pick = || letters.as_bytes()[usize::from(random.array::<1>()[0]) % letters.len()] as char;
    (0..=length % most).map(|_| pick()).collect()
}

#[test]
fn l05_random_patterns_take_what_they_take_for_ssh_keygen() {
    let Some(bench) = Bench::new("patterns") else { return };
    let path = bench.path("known_hosts");
    let random = &mut Random::new(&Seed::new([3; 32]));
    let key = public(1);
    let mut file = String::new();
    for _ in 0..4000 {
        let list: Vec<_> = (0..=random.array::<1>()[0] % 3).map(|_| word(random, "ab**?!,.", 6)).collect();
        file += &format!("a{} {key}\n{} {key}\n", list.join(","), list.join(",!"));
    }
    fs::write(&path, &file).unwrap();
    let hosts = KnownHosts::read(file.as_bytes());
    let mut total = 0;
    for port in [22, 22, 22, 22, 22, 22, 22, 22, 1] {
        let host = word(random, "aabB.", 6);
        let ours: Vec<_> = hosts.find(&host, port).map(|entry| entry.at.line).collect();
        assert_eq!(ours, found(&path, &host, port), "{host} {port}");
        total += ours.len();
    }
    assert!(total > 100, "{total}");
}

#[test]
fn composed_lines_are_found() {
    let Some(bench) = Bench::new("composed") else { return };
    let path = bench.path("known_hosts");
    for (host, port) in [("Host.example", 22), ("host.example", 2222), ("::1", 22), ("fe80::1%eth0", 2222)] {
        let key = public(1);
        for line in [known_hosts::line(host, port, &key), known_hosts::hashed_line(host, port, &key, &[9; 20])] {
            fs::write(&path, format!("# first\n{}", line.unwrap())).unwrap();
            assert_eq!(found(&path, host, port), [2], "{host} {port}");
        }
    }
}

/// Kinds of keys, as arguments of `ssh-keygen`.
const KINDS: [(&str, &[&str]); 5] = [
    ("ed25519", &["-t", "ed25519"]),
    ("p256", &["-t", "ecdsa", "-b", "256"]),
    ("p384", &["-t", "ecdsa", "-b", "384"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
];

#[test]
fn keys_have_the_records_and_fingerprints_that_ssh_keygen_prints() {
    let Some(bench) = Bench::new("sshfp") else { return };
    let mut file = String::new();
    for (name, arguments) in KINDS {
        let (_, line) = bench.generate(name, &[arguments, &["-N", ""]].concat());
        let (key, _) = PublicKeyBuf::read(&line).unwrap();
        file += &format!("host {key}\n");
        let theirs = text(&keygen(&["-r", "host.example"], &bench.path(&format!("{name}.pub"))));
        let records = Record::of(&key);
        let ours: Vec<_> = records.iter().map(|record| record.line("host.example")).collect();
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>());
        assert!(records.iter().all(|record| record.is_of(&key) && !record.is_of(&public(1))));
    }
    let path = bench.path("known_hosts");
    fs::write(&path, &file).unwrap();
    let theirs = text(&keygen(&["-l"], &path));
    let theirs: Vec<_> = theirs.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let hosts = KnownHosts::read(file.as_bytes());
    let ours: Vec<_> = hosts.entries().iter().map(|entry| entry.key.fingerprint()).collect();
    assert_eq!(ours, theirs);
}

/// Authorities with a certificate of a host's key.
struct Certified {
    bench: Bench,
    authority: PublicKeyBuf,
    key: PublicKeyBuf,
}

impl Certified {
    fn new(name: &str, kind: &[&str]) -> Option<Self> {
        let bench = Bench::new(name)?;
        let key = |name| {
            let (_, line) = bench.generate(name, &[kind, &["-N", ""]].concat());
            PublicKeyBuf::read(&line).unwrap().0
        };
        let (authority, key) = (key("authority"), key("host"));
        Some(Self { bench, authority, key })
    }

    /// The blob of a certificate; the kind and the principals are among the arguments.
    fn certificate(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-I", "id", "-s"]).arg(self.bench.path("authority")).args(arguments);
        text(&command.arg(self.bench.path("host.pub")).output().unwrap());
        let line = fs::read_to_string(self.bench.path("host-cert.pub")).unwrap();
        Base64::decode_vec(line.split(' ').nth(1).unwrap()).unwrap()
    }

    fn list(&self, lines: &[&str]) -> KnownHosts {
        let fill = |line: &&str| line.replace("<CA>", &self.authority.line("")).replace("<KEY>", &self.key.line(""));
        KnownHosts::read(lines.iter().map(fill).collect::<Vec<_>>().join("\n").as_bytes())
    }
}

const VALID: [&str; 2] = ["-V", "20200101:20400101"];
const BY_AUTHORITY: Verdict<'static> = Verdict::Known { at: Place { file: 0, line: 1 }, by: By::Authority };

#[test]
fn certificates_of_every_kind_make_a_host_known() {
    for (name, kind) in KINDS {
        let Some(it) = Certified::new(&format!("certified-{name}"), kind) else { return };
        let blob = it.certificate(&[&["-h", "-n", "a.x,b.x"], &VALID[..]].concat());
        let hosts = it.list(&["@cert-authority *.x <CA>"]);
        for host in ["a.x", "b.x", "B.X"] {
            assert_eq!(hosts.verdict(host, 22, &blob, NOW), BY_AUTHORITY);
        }
        // Where no authority is on record for the port, that of port 22 counts.
        assert_eq!(hosts.verdict("a.x", 2222, &blob, NOW), BY_AUTHORITY);
        assert_eq!(hosts.authority("a.x", 22, &blob, NOW), Some((Place { file: 0, line: 1 }, Ok(()))));
        assert_eq!(hosts.verdict("a.x", 22, it.key.blob(), NOW), Verdict::Unknown);
        assert_eq!(hosts.verdict("a.x", 22, it.authority.blob(), NOW), Verdict::Unknown);
    }
}

#[test]
fn g01_g02_g04_g05_g08_certificates_that_are_not_good_for_the_host() {
    let Some(it) = Certified::new("unfit", KINDS[0].1) else { return };
    let hosts = it.list(&["@cert-authority * <CA>"]);
    let cases: [(&str, &[&str], Unfit); 8] = [
        ("g01", &["-h"], Unfit::Principal),
        ("g02", &["-h", "-n", "deploy,root"], Unfit::Principal),
        ("g02", &["-h", "-n", "a.x.y,xa.x"], Unfit::Principal),
        ("g02", &["-h", "-n", "[a.x]:22"], Unfit::Principal),
        ("g04", &["-n", "a.x"], Unfit::Kind),
        ("g05", &["-h", "-n", "a.x", "-V", "20310101:20400101"], Unfit::NotYet),
        ("g05", &["-h", "-n", "a.x", "-V", "20200101:20210101"], Unfit::Expired),
        ("g08", &["-h", "-n", "a.x", "-O", "critical:odd=1"], Unfit::CriticalOption),
    ];
    for (row, arguments, why) in cases {
        let limits = if arguments.contains(&"-V") { &[][..] } else { &VALID };
        let blob = it.certificate(&[arguments, limits].concat());
        assert_eq!(hosts.verdict("a.x", 22, &blob, NOW), Verdict::Unknown, "{row}: {arguments:?}");
        assert_eq!(hosts.authority("a.x", 22, &blob, NOW).unwrap().1, Err(why), "{row}: {arguments:?}");
        // Its key is judged by itself.
        let known = it.list(&["@cert-authority * <CA>", "a.x <KEY>"]);
        let by_key = Verdict::Known { at: Place { file: 0, line: 2 }, by: By::Key };
        assert_eq!(known.verdict("a.x", 22, &blob, NOW), by_key, "{row}: {arguments:?}");
    }
    let blob = it.certificate(&[&["-h", "-n", "a.x"], &VALID[..]].concat());
    assert_eq!(hosts.verdict("a.x", 22, &blob, None), Verdict::Unknown);
    for port in [22, 2222] {
        assert_eq!(hosts.authority("a.x", port, &blob, None).unwrap().1, Err(Unfit::NoClock));
    }
}

/// A host's principals may be patterns, as OpenSSH's client takes them.
#[test]
fn g03_patterns_in_host_certificates() {
    let Some(it) = Certified::new("pattern", KINDS[0].1) else { return };
    let blob = it.certificate(&[&["-h", "-n", "*.x"], &VALID[..]].concat());
    let hosts = it.list(&["@cert-authority * <CA>"]);
    assert_eq!(hosts.verdict("a.x", 22, &blob, NOW), BY_AUTHORITY);
    assert_eq!(hosts.verdict("a.y", 22, &blob, NOW), Verdict::Unknown);
}

#[test]
fn g07_g11_authorities_that_are_revoked_or_not_on_record() {
    let Some(it) = Certified::new("revoked", KINDS[0].1) else { return };
    let blob = it.certificate(&[&["-h", "-n", "a.x"], &VALID[..]].concat());
    let line = fs::read_to_string(it.bench.path("host-cert.pub")).unwrap();
    let line = line.trim_end();
    for revoked in ["@revoked * <CA>", "@revoked * <KEY>", "@revoked a.x <CA>", &format!("@revoked a.x {line}")] {
        for (lines, at) in
            [(["@cert-authority * <CA>", revoked, "a.x <KEY>"], 2), ([revoked, "a.x <KEY>", "* <CA>"], 1)]
        {
            let verdict = Verdict::Revoked { at: Place { file: 0, line: at } };
            assert_eq!(it.list(&lines).verdict("a.x", 22, &blob, NOW), verdict, "{revoked}");
            assert_eq!(it.list(&lines).verdict("a.x", 2222, &blob, NOW), verdict, "{revoked}");
        }
    }
    let other = public(9);
    for line in ["@cert-authority b.x <CA>", &format!("@cert-authority * {other}"), "@cert-authority * <KEY>", "* <CA>"]
    {
        let hosts = it.list(&[line]);
        assert!(!matches!(hosts.verdict("a.x", 22, &blob, NOW), Verdict::Known { .. }), "{line}");
        assert_eq!(hosts.authority("a.x", 22, &blob, NOW), None);
    }
    // An authority of the port's own hides that of port 22, and a plain key of the port's does not.
    let own = format!("@cert-authority [a.x]:2222 {other}");
    let hosts = it.list(&["@cert-authority a.x <CA>", &own]);
    assert_eq!(hosts.verdict("a.x", 2222, &blob, NOW), Verdict::Unknown);
    let hosts = it.list(&["@cert-authority a.x <CA>", &format!("[a.x]:2222 {other}")]);
    assert_eq!(hosts.verdict("a.x", 2222, &blob, NOW), BY_AUTHORITY);
    assert!(matches!(hosts.verdict("a.x", 2222, it.key.blob(), NOW), Verdict::Changed { .. }));
}
