//! Configurations that want more than is good for their reader: rows L08 to L10, and files that others could have written.

use sanssh_std::ssh_config::{Error, Given, HostConfig, Local, Query, Sources, Why};
use sanssh_tests::world::Fake;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Names that a shell or a command could take for something else.
const ODD: [&str; 14] =
    ["a;b", "$(id)", "`id`", "a|b", "a&b", "a>b", "a'b", "a\"b", "a\\b", "a b", "a\nb", "a\0b", "\u{1b}b", "-oX"];

#[test]
fn l08_a_host_that_is_given_is_refused() {
    for host in ODD.into_iter().chain([""]) {
        let mut world = Fake::with("Match exec \"x %h\"\n Port 5\n");
        let error = world.answers(host).unwrap_err();
        assert!(matches!(error.why, Why::Unsafe(_)) && world.ran.is_empty(), "{host:?}: {error}");
        assert!(!error.to_string().contains(['\n', '\0', '\u{1b}']), "{error}");
    }
}

#[test]
fn l08_a_user_that_is_given_is_refused() {
    for user in ["a;b", "(id)", "`id`", "a|b", "a&b", "a>b", "a'b", "a\"b", "a\\", "a\nb", "a\0b", "\u{1b}b", "-oX"] {
        let mut given = Given::default();
        given.set("User", user).unwrap();
        assert!(Query::new("host", &given).is_err(), "{user:?}");
    }
}

/// Whatever chose it, the file itself included.
#[test]
fn l08_a_token_is_a_word_or_nothing_is_run() {
    for name in ["a;b", "$(id)", "`id`", "a|b", "a>b", "a*b", "~a", "-oX", "{a,b}", "a!b", "a#b"] {
        for (keyword, letter) in [("User", 'r'), ("Hostname", 'h'), ("HostKeyAlias", 'k')] {
            let mut world = Fake::with(format!("{keyword} {name}\nMatch exec \"x %{letter}\"\n Port 5\n"));
            let error = world.answers("host").unwrap_err();
            assert!(matches!(error.why, Why::Match(_)) && world.ran.is_empty(), "{keyword} {name}: {error}");
            // What is not run cannot do harm.
            let mut world = Fake::with(format!("{keyword} {name}\nMatch host x exec \"x %{letter}\"\n Port 5\n"));
            assert!(world.answers("host").is_ok() && world.ran.is_empty());
        }
        for (keyword, letter) in [("User", 'r'), ("Hostname", 'h')] {
            let text = format!(
                "{keyword} {name}\nProxyCommand x %{letter}\nLocalCommand x %{letter}\nPermitLocalCommand yes\n"
            );
            let config = Fake::with(text).answers("host").unwrap();
            assert!(config.proxy_command().is_err() && config.local_command().is_err(), "{keyword} {name}");
            let mut remote = Fake::with(format!("{keyword} {name}\nRemoteCommand x %{letter}\n"));
            assert!(remote.answers("host").is_err(), "{keyword} {name}");
        }
    }
    let mut world = Fake::with("User me@work\nMatch exec \"x %r %h '%n'\"\n ProxyCommand nc %h %p\n");
    let config = world.answers("a.b").unwrap();
    assert_eq!(world.ran, ["x me@work a.b 'a.b'"]);
    assert_eq!(config.proxy_command().unwrap().as_deref(), Some("nc a.b 22"));
}

#[test]
fn l08_bytes_that_are_no_text_are_no_line() {
    for text in [&b"User a\0b"[..], b"ProxyCommand x \0", b"User \xff\xfe", b"Match user a\0"] {
        assert_eq!(Fake::with(text).answers("host").unwrap_err().why, Why::NotText);
    }
    assert!(Fake::with(b"# \xff\0\nPort 5").answers("host").is_ok());
}

#[test]
fn l09_files_that_include_each_other_end() {
    let error = Fake::with("Include config\n").answers("host").unwrap_err();
    assert_eq!(error.why, Why::TooDeep);
    // Two ways from each file make as many as nobody reads.
    let mut world = Fake::with("Include a a\n");
    for depth in 0..15 {
        let name = |depth: u8| format!("/home/me/.ssh/{}", char::from(b'a' + depth));
        let text = format!("Include {0} {0}\n", name(depth + 1));
        world.files.insert(name(depth).into(), text.into_bytes());
    }
    assert_eq!(world.answers("host").unwrap_err().why, Why::TooLarge);
    assert!(world.reads < 5000, "{}", world.reads);
}

#[test]
fn l09_depth_16_is_read_and_17_is_not() {
    let chain = |depth: usize| {
        let mut world = Fake::with("Include 1\n");
        for file in 1..depth {
            world.files.insert(format!("/home/me/.ssh/{file}").into(), format!("Include {}\n", file + 1).into());
        }
        world.files.insert(format!("/home/me/.ssh/{depth}").into(), b"Port 5\n".to_vec());
        world.answers("host").map(|config| config.settings.port).map_err(|error| error.why)
    };
    assert_eq!((chain(16), chain(17)), (Ok(5), Err(Why::TooDeep)));
}

fn included(directory: &TempDir, what: &Path) -> Error {
    let config = directory.path().join("config");
    fs::write(&config, format!("Port 5\nInclude {}\n", what.display())).unwrap();
    asked(config).unwrap_err()
}

fn asked(file: PathBuf) -> Result<HostConfig, Error> {
    let given = Given::default();
    HostConfig::of(&Query { sources: Sources::File(file), ..Query::new("host", &given).unwrap() }, &mut Local)
}

#[test]
fn l09_only_files_are_included() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(included(&directory, directory.path()).why, Why::NotAFile);
    let inner = directory.path().join("inner");
    for device in ["/dev/zero", "/dev/full"] {
        // Anybody may write to these.
        assert_eq!(included(&directory, Path::new(device)).why, Why::Exposed);
        assert_eq!(asked(device.into()).unwrap_err().why, Why::NotAFile);
    }
    symlink("config", &inner).unwrap();
    assert_eq!(included(&directory, &inner).why, Why::TooDeep);
    assert!(asked("/dev/null".into()).is_ok());
    assert!(asked(directory.path().join("none")).is_err());
}

#[test]
fn l09_a_file_of_a_gibibyte_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large");
    File::create(&large).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(included(&directory, &large).why, Why::TooLarge);
    assert_eq!(asked(large).unwrap_err().why, Why::TooLarge);
}

#[test]
fn l10_numbers_do_not_overflow() {
    for line in [
        "RekeyLimit 99999999999999999G",
        "RekeyLimit 9223372036854775808",
        "RekeyLimit 1G 99999999999w",
        "ConnectTimeout 2147483648",
        "ConnectTimeout 99999999999999999999999999w",
        "ServerAliveInterval 3551w",
        "ForwardX11Timeout 9999999999999999999",
        "ServerAliveCountMax 2147483648",
        "NumberOfPasswordPrompts -1",
        "Port 4294967318",
        "CanonicalizeMaxDots 99999999999999999999",
        "StreamLocalBindMask 7777777777777777777777777",
        "TunnelDevice 4294967296",
        "LocalForward 4294967297 a:1",
        "AddKeysToAgent 9999999999999999999s",
        "ControlPersist 9999999999999999999s",
    ] {
        let error = Fake::with(line).answers("host").unwrap_err();
        assert!(matches!(error.why, Why::Value(..)) && error.line == 1, "{line}: {error}");
    }
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::write(&inner, "Port 5\n").unwrap();
    let config = directory.path().join("config");
    fs::write(&config, format!("Include {}\n", inner.display())).unwrap();
    let with_mode = |mode| {
        fs::set_permissions(&inner, fs::Permissions::from_mode(mode)).unwrap();
        asked(config.clone()).map(|config| config.settings.port).map_err(|error| error.why)
    };
    assert_eq!((with_mode(0o644), with_mode(0o600), with_mode(0o444)), (Ok(5), Ok(5), Ok(5)));
    assert_eq!((with_mode(0o664), with_mode(0o602)), (Err(Why::Exposed), Err(Why::Exposed)));
    // Giving files away is for root.
    if rustix::process::geteuid().is_root() {
        chown(&inner, Some(1), None).unwrap();
        assert_eq!(with_mode(0o644), Err(Why::Exposed));
    }
}

/// A pattern stands for files of any name.
#[test]
fn a_file_s_name_cannot_move_the_cursor() {
    let mut world = Fake::with("Include odd\u{1b}[2J\n");
    world.files.insert("/home/me/.ssh/odd\u{1b}[2J".into(), b"Frobnicate yes\n".to_vec());
    let error = world.answers("host").unwrap_err();
    assert_eq!(error.to_string(), "/home/me/.ssh/odd\\u{1b}[2J:1: unknown option frobnicate");
}

/// A list that revokes a key is of no use where nobody finds it.
#[test]
fn lists_of_the_system_may_lie_at_home() {
    let mut world = Fake::with("GlobalKnownHostsFile ~/revoked /etc/%h\n");
    let config = world.answers("host").unwrap();
    let lists = config.system_lists(&world).unwrap();
    assert_eq!(lists, [Path::new("/home/me/revoked"), Path::new("/etc/%h")]);
}

#[test]
fn networks_and_tags_are_matched() {
    for (head, port) in [
        ("Match localnetwork 10.0.0.0/8", 5),
        ("Match localnetwork 192.168.0.0/16,10.0.0.7", 5),
        ("Match localnetwork 192.168.0.0/16", 22),
        ("Match !localnetwork 192.168.0.0/16", 5),
        ("Tag blue\nMatch tagged red,blue", 5),
        ("Tag Blue\nMatch tagged blue", 22),
        ("Match tagged *", 5),
    ] {
        let config = Fake::with(format!("{head}\nPort 5\n")).answers("host").unwrap();
        assert_eq!(config.settings.port, port, "{head}");
    }
    for head in ["Match localnetwork 10.0.0.0/99", "Match localnetwork x"] {
        assert!(Fake::with(head).answers("host").is_err(), "{head}");
    }
}
