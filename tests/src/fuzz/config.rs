//! The configuration of OpenSSH's client. The input is text: what is given, a line each, the user's file, two that it may
//! include, and the system's, with a line `%%` between them.

use crate::world::Fake;
use sanssh_std::ssh_config::{Error, Given, HostConfig, Proxy, Query, StrictHostKey};
use std::path::Path;

/// Where the pieces of the input are found.
const FILES: [&str; 4] = ["/home/me/.ssh/config", "/home/me/.ssh/one", "/home/me/.ssh/two", "/etc/ssh/ssh_config"];
/// Files that include each other are read so often and no more: it is the same over again.
const MOST_READS: usize = 32;
/// What no shell may get unless somebody wrote it into a file.
const PLANTED: &str = "$(planted)";

/// What a configuration says of a host.
pub fn config(bytes: &[u8]) {
    let mut pieces = pieces(bytes).into_iter();
    let options = pieces.next().unwrap_or_default();
    let mut world = Fake::with("");
    world.most_reads = MOST_READS;
    world.files = FILES.iter().map(Into::into).zip(pieces.map(<[u8]>::to_vec)).collect();
    let given = given(options);
    for host in ["work", "a.b", "10.0.0.1", "::1"] {
        let first = asked(&world, &given, host);
        assert_eq!(first.0, asked(&world, &given, host).0, "the same question has the same answer");
        told(&first, &world, &given);
        world.name = PLANTED.to_owned();
        told(&asked(&world, &given, host), &world, &given);
        world.name = "me".to_owned();
    }
    let refused = Query::new(PLANTED, &given).map(|_| ());
    assert!(refused.is_err(), "no host is called so");
    comes_first(&world);
}

/// The pieces between lines of `%%`.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"\n%%\n";
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        pieces.push(&rest[..=at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    pieces.push(rest);
    pieces
}

/// Those of the lines that are lawful.
fn given(options: &[u8]) -> Given {
    let mut given = Given::default();
    for line in String::from_utf8_lossy(options).lines() {
        if let Err(error) = given.line(line) {
            is_plain(&error);
        }
    }
    given
}

/// The answer, and the world as it is after the question.
fn asked(world: &Fake, given: &Given, host: &str) -> (Result<HostConfig, Error>, Fake) {
    let mut world = world.clone();
    let answer = Query::new(host, given).and_then(|query| HostConfig::of(&query, &mut world));
    (answer, world)
}

/// What holds of every answer.
fn told((answer, after): &(Result<HostConfig, Error>, Fake), world: &Fake, given: &Given) {
    let written: usize = world.files.values().map(Vec::len).sum();
    let has = |word: &[u8]| {
        let holds = |text: &Vec<u8>| text.windows(word.len()).any(|piece| piece.eq_ignore_ascii_case(word));
        world.files.values().any(holds)
    };
    assert!(after.reads <= 2 * 4096 && after.ran.len() <= written * MOST_READS, "no more is done than is written");
    assert!(after.ran.is_empty() || has(b"exec"), "nobody wanted {:?} run", after.ran);
    let is_sound = |command: &str| !command.contains(PLANTED) || has(PLANTED.as_bytes());
    assert!(after.ran.iter().all(|command| is_sound(command)), "{:?}", after.ran);
    let config = match answer {
        Ok(config) => config,
        Err(error) => return is_plain(error),
    };
    let settings = &config.settings;
    assert!(!settings.hostname.is_empty() && !settings.user.is_empty() && settings.port > 0);
    assert!(settings.connection_attempts > 0 && settings.required_rsa_size >= 2048);
    let Proxy::Jump(hops) = &settings.proxy else { return commands(config, given, &is_sound) };
    assert!((1..=32).contains(&hops.len()));
    commands(config, given, &is_sound);
}

/// What would be run once there is a connection, or for one; and paths can be told, or why not.
fn commands(config: &HostConfig, given: &Given, is_sound: &dyn Fn(&str) -> bool) {
    let whole = Fake::with("");
    // What was given may have the word as well, and stands in no file.
    if format!("{given:?}").contains(PLANTED) {
        return;
    }
    for command in [config.proxy_command(), config.local_command()].into_iter().flatten().flatten() {
        assert!(is_sound(&command), "{command}");
    }
    for paths in [config.identities(&whole), config.certificates(&whole), config.system_lists(&whole)] {
        let _ = paths.map_err(|error| is_plain(&error));
    }
    config.agent(&whole);
    config.lacking();
    assert!(config.to_string().starts_with("host "));
}

/// Whatever files say, what was given counts.
fn comes_first(world: &Fake) {
    let mut given = Given::default();
    for (keyword, value) in [("Port", "7"), ("User", "given"), ("StrictHostKeyChecking", "yes"), ("ProxyJump", "none")]
    {
        given.set(keyword, value).expect("lawful values");
    }
    given.set("UserKnownHostsFile", "/known").expect("a file");
    let (Ok(config), _) = asked(world, &given, "work") else { return };
    let settings = config.settings;
    assert_eq!((settings.port, settings.user.as_str()), (7, "given"));
    assert_eq!(settings.strict_host_key_checking, StrictHostKey::Yes);
    assert!(!matches!(settings.proxy, Proxy::Jump(_)));
    assert_eq!(settings.user_known_hosts_file.0, [Path::new("/known").display().to_string()]);
}

/// Nothing that a terminal obeys is in what is said of a mistake.
fn is_plain(error: &Error) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
}
