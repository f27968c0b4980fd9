//! The `config` line of a recording: `key=value`, and what each key sets. Keys that are missing keep their default, so
//! that a default that changes shows as a recording that no longer fits.

use core::time::Duration;
use sanssh_core::Config;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Zip};
use sanssh_core::auth::Method;

/// Sets what `settings` say.
///
/// # Panics
/// If a key or a value is not known.
pub(super) fn configure(settings: &[String]) -> Config {
    let mut config = Config::default();
    for setting in settings {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        set(&mut config, key, value).unwrap_or_else(|| panic!("config: {setting}"));
    }
    config
}

fn set(config: &mut Config, key: &str, value: &str) -> Option<()> {
    let preferences = &mut config.preferences;
    match key {
        // A line of our own keeps a recording good when the version changes; the few bytes live as long as the test.
        "software" => config.software = value.to_owned().leak(),
        "kex" => preferences.kex = names(value, Kex::from_name)?,
        "hostkey" => preferences.host_keys = names(value, HostKey::from_name)?,
        "userkey" => preferences.user_keys = names(value, HostKey::from_name)?,
        "cipher" => preferences.ciphers = names(value, Cipher::from_name)?,
        "mac" => preferences.macs = names(value, Mac::from_name)?,
        "zip" => preferences.zips = names(value, Zip::from_name)?,
        "max-packet" => config.max_packet = value.parse().ok()?,
        "window" => config.window = value.parse().ok()?,
        "max-data" => config.max_data = value.parse().ok()?,
        "rekey-bytes" => config.rekey.bytes = value.parse().ok()?,
        "rekey-packets" => config.rekey.packets = value.parse().ok()?,
        "rekey-seconds" => config.rekey.time = Duration::from_secs(value.parse().ok()?),
        "keepalive-seconds" => config.keepalive.interval = Duration::from_secs(value.parse().ok()?),
        "methods" => {
            let methods: Option<Vec<_>> = value.split(',').map(|name| Method::from_name(name.as_bytes())).collect();
            config.login.methods = methods?.into_iter().collect();
        }
        _ => return None,
    }
    Some(())
}

fn names<T: Copy, L: FromIterator<T>>(value: &str, known: impl Fn(&str) -> Option<T>) -> Option<L> {
    value.split(',').map(known).collect()
}
