//! Which keys are offered, and in which order: those named, the agent's, then those that files hold by custom. A key
//! that the agent holds is left to it, so that nobody types a passphrase for it.

use super::report::Reporter;
use sanssh_std::ssh_config::{HostConfig, Local};
use sanssh_std::{Agent, Identity, home};
use std::collections::VecDeque;
use std::path::PathBuf;

/// A key to offer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// In a file.
    File(PathBuf),
    /// In the agent.
    Held(Identity),
}

pub(super) fn offers(
    config: &HostConfig,
    agent: Option<&mut Agent>,
    reporter: Reporter,
) -> Result<VecDeque<Offer>, String> {
    let held = agent.map(Agent::identities).unwrap_or_else(|| Ok(Vec::new()));
    let held = held.inspect_err(|error| reporter.detail(format_args!("no keys of the agent: {error}")));
    let named = config.identities(&Local).map_err(|error| error.to_string())?;
    let is_named = !config.settings.identity_file.0.is_empty();
    let files = if is_named { existing(named, reporter) } else { usual() };
    let keys = files.into_iter().map(|file| (home::public(&file), file)).collect();
    Ok(order(keys, held.unwrap_or_default(), is_named, config.settings.identities_only))
}

/// Files with their public keys, where these are known, and what the agent holds. Named files come before the rest of the
/// agent's keys, others behind; `only` leaves out what no file stands for.
fn order(files: Vec<(Option<Vec<u8>>, PathBuf)>, mut held: Vec<Identity>, named: bool, only: bool) -> VecDeque<Offer> {
    let (front, back) = if named || only { (files, Vec::new()) } else { (Vec::new(), files) };
    let mut offers = VecDeque::new();
    for (key, file) in front {
        let at = held.iter().position(|one| Some(&one.key) == key.as_ref());
        offers.push_back(at.map_or(Offer::File(file), |at| Offer::Held(held.remove(at))));
    }
    let rest = if only { Vec::new() } else { held };
    let known: Vec<_> = rest.iter().map(|one| one.key.clone()).collect();
    offers.extend(rest.into_iter().map(Offer::Held));
    let back = back.into_iter().filter(|(key, _)| key.as_ref().is_none_or(|key| !known.contains(key)));
    offers.extend(back.map(|(_, file)| Offer::File(file)));
    offers
}

/// The files that hold keys by custom, as far as they exist.
fn usual() -> Vec<PathBuf> {
    let custom = home::IDENTITIES.iter().filter_map(|name| home::ssh(name));
    custom.filter(|file| file.exists()).collect()
}

/// The files that are named, as far as they exist.
fn existing(files: Vec<PathBuf>, reporter: Reporter) -> Vec<PathBuf> {
    // The agent may hold what only the public half of is here.
    let exists = |file: &PathBuf| file.exists() || home::beside(file, ".pub").exists();
    let (found, missing): (Vec<_>, Vec<_>) = files.into_iter().partition(exists);
    for file in missing {
        reporter.warn(format_args!("identity file {} does not exist", file.display()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Offer, order};
    use sanssh_std::Identity;
    use std::path::PathBuf;

    fn held(number: u8) -> Identity {
        Identity { key: vec![number], comment: String::new() }
    }

    /// Offers of two files, whose keys are 1 and 2, and an agent with the keys 2 and 3.
    fn told(named: bool, only: bool) -> Vec<String> {
        let files = vec![(Some(vec![1]), PathBuf::from("one")), (Some(vec![2]), PathBuf::from("two"))];
        let offers = order(files, vec![held(3), held(2)], named, only);
        let word = |offer: Offer| match offer {
            Offer::File(file) => file.display().to_string(),
            Offer::Held(identity) => format!("agent {}", identity.key[0]),
        };
        offers.into_iter().map(word).collect()
    }

    #[test]
    fn named_files_come_first_and_the_agent_stands_in() {
        assert_eq!(told(true, false), ["one", "agent 2", "agent 3"]);
        assert_eq!(told(true, true), ["one", "agent 2"]);
        assert_eq!(told(false, false), ["agent 3", "agent 2", "one"]);
        assert_eq!(told(false, true), ["one", "agent 2"]);
    }
}
