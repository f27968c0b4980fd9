//! What `ssh -G` says about a configuration beside what we say: every keyword that we show has to have the same values, in
//! the same order, apart from the defaults that differ by intention.

use sanssh_core::algorithm::Preferences;
use sanssh_std::ssh_config::value::prefer;
use sanssh_std::ssh_config::{Error, Given, HostConfig, Local, Query, Sources};
use sanssh_tests::peers;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// OpenSSH's client, with its default algorithms.
pub(crate) struct Oracle {
    directory: TempDir,
    preferences: Preferences,
    /// What we and what they show of nothing.
    defaults: (Shown, Shown),
}

/// Values by keyword, in order.
type Shown = BTreeMap<String, Vec<String>>;

/// Keywords whose defaults are others here, or only there.
const OWN_DEFAULTS: [&str; 5] =
    ["forwardx11trusted", "gssapikexalgorithms", "hostbasedacceptedalgorithms", "identityfile", "requiredrsasize"];

const LISTS: [&str; 6] =
    ["casignaturealgorithms", "ciphers", "hostkeyalgorithms", "kexalgorithms", "macs", "pubkeyacceptedalgorithms"];

impl Oracle {
    /// `None` if the machine has none, and owes none.
    pub(crate) fn find() -> Option<Self> {
        if !peers::require(&["ssh"]) {
            return None;
        }
        let mut oracle = Self {
            directory: tempfile::tempdir().unwrap(),
            preferences: Preferences::default(),
            defaults: (Shown::new(), Shown::new()),
        };
        let theirs = shown(&oracle.asks(&["-F", "none"], "host").expect("defaults"));
        for list in LISTS {
            let names = known(list, &theirs[list][0]);
            assert_eq!(prefer(&mut oracle.preferences, list, &names), Ok(true));
        }
        oracle.defaults = (shown(&oracle.ours("", &[], "host").unwrap()), theirs);
        Some(oracle)
    }

    /// A file of this name in the directory that `DIR` stands for.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, self.placed(text)).unwrap();
    }

    fn placed(&self, text: &str) -> String {
        text.replace("DIR", &self.directory.path().display().to_string())
    }

    /// What OpenSSH shows, or what it says where it refuses.
    fn asks(&self, flags: &[&str], host: &str) -> Result<String, String> {
        let mut ssh = Command::new(peers::path("ssh"));
        ssh.arg("-G").args(flags).arg(host);
        let output = ssh.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// What we show.
    pub(crate) fn ours(&self, text: &str, options: &[&str], host: &str) -> Result<String, Error> {
        self.write("config", text);
        let mut given = Given::default();
        for option in options {
            given.line(option)?;
        }
        let sources = Sources::File(self.directory.path().join("config"));
        let preferences = self.preferences.clone();
        let query = Query { sources, preferences, ..Query::new(host, &given)? };
        HostConfig::of(&query, &mut Local).map(|config| config.to_string())
    }

    /// Asserts that both say the same of a host by this configuration, if it is only that both refuse it.
    #[track_caller]
    pub(crate) fn agrees(&self, text: &str, options: &[&str], host: &str) {
        let ours = self.ours(text, options, host);
        let config = self.directory.path().join("config");
        let mut flags = vec!["-F", config.to_str().unwrap()];
        options.iter().for_each(|option| flags.extend(["-o", option]));
        let theirs = self.asks(&flags, host);
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (shown(&ours), shown(&theirs)),
            (Err(_), Err(_)) => return,
            (ours, theirs) => panic!("{text}\n{options:?} {host}: ours {:?}, theirs {:?}", ours.err(), theirs.err()),
        };
        for keyword in ours.keys().chain(theirs.keys()) {
            // Debian's own default for batches.
            let batch = keyword == "serveraliveinterval" && theirs["batchmode"] == ["yes"] && ours[keyword] == ["0"];
            let (own, other) = &self.defaults;
            let is_default = ours.get(keyword) == own.get(keyword) && theirs.get(keyword) == other.get(keyword);
            if batch || (is_default && OWN_DEFAULTS.contains(&keyword.as_str())) {
                continue;
            }
            let mut expected = theirs.get(keyword).cloned().unwrap_or_default();
            if LISTS.contains(&keyword.as_str()) {
                expected = vec![known(keyword, &expected[0])];
            }
            let found = ours.get(keyword).cloned().unwrap_or_default();
            assert_eq!(found, expected, "{keyword} of {host} by {options:?} and\n{text}");
        }
    }
}

fn shown(text: &str) -> Shown {
    let mut shown = Shown::new();
    for line in text.lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        let values = shown.entry(keyword.to_owned()).or_default();
        // A second reading names them a second time there.
        if keyword != "sendenv" || !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    // Forwardings to sockets are shown among the dynamic ones as well there.
    let local = shown.get("localforward").cloned().unwrap_or_default();
    if let Some(dynamic) = shown.get_mut("dynamicforward") {
        dynamic.retain(|listen| !local.iter().any(|one| one.starts_with(&format!("{listen} /"))));
    }
    shown.retain(|_, values| !values.is_empty());
    shown
}

/// Those names of a list that we have, too.
fn known(list: &str, names: &str) -> String {
    let is_known = |name: &&str| prefer(&mut Preferences::legacy(), list, name).is_ok();
    names.split(',').filter(is_known).collect::<Vec<_>>().join(",")
}
