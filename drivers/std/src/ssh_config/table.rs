//! The keywords of ssh_config(5), one row each: the field, its kind, what it is when nobody says, and its names. Rows stand
//! in the order in which `ssh -G` shows them.

use super::choice::*;
use super::destination::Proxy;
use super::forward::{DynamicForwards, LocalForwards, RemoteForwards};
use super::setting::{Algorithms, Command, Files, List, Names, Setting, Span, Variables, Word, Words};
use super::special::{
    AddKeys, Cnames, ControlPersist, Devices, EscapeChar, ForwardAgent, IdentityAgent, Mask, Permitted, Quality,
};
use super::value::RekeyLimit;
use crate::Family;
use core::time::Duration;

/// Declares the settings of a host, and the values that were found for them.
macro_rules! table {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr, $name:literal $(| $alias:literal)*;)*) => {
        /// What a configuration says, by keyword.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $(#[doc = concat!("`", $name, "`.")] $(#[$doc])* pub $field: $kind,)*
        }

        /// What was found so far.
        #[derive(Debug, Clone, Default)]
        pub(super) struct Found {
            $(pub(super) $field: Option<$kind>,)*
        }

        impl Found {
            /// Reads a value, and keeps it if it counts. `Ok(false)`: there is no such keyword.
            pub(super) fn set(&mut self, keyword: &str, words: &mut Words<'_>, counts: bool) -> Result<bool, String> {
                match keyword {
                    $($name $(| $alias)* => keep(&mut self.$field, keyword, words, counts)?,)*
                    _ if PASSED_OVER.contains(&keyword) => words.by_ref().for_each(drop),
                    _ => return Ok(false),
                }
                words.end().map(|()| true)
            }

            /// With the defaults for what was not found.
            pub(super) fn settle(self) -> Settings {
                Settings { $($field: self.$field.unwrap_or_else(|| $default),)* }
            }
        }

        impl Default for Settings {
            fn default() -> Self {
                Found::default().settle()
            }
        }

        impl Settings {
            /// Everything, a line each.
            pub(super) fn show(&self, out: &mut String) {
                $(self.$field.show($name, out);)*
            }

            /// The keywords whose values are not the default ones.
            pub fn changed(&self) -> Vec<&'static str> {
                let default = Self::default();
                let mut names = Vec::new();
                $(if self.$field != default.$field { names.push($name); })*
                names
            }
        }
    };
}

/// Whether there is such a keyword.
#[cfg(test)]
pub(super) fn is_keyword(name: &str) -> bool {
    let mut words = Words::single("?", &|_| None);
    !matches!(Found::default().set(name, &mut words, false), Ok(false))
}

fn keep<T: Setting>(place: &mut Option<T>, keyword: &str, words: &mut Words<'_>, counts: bool) -> Result<(), String> {
    let value = T::read(keyword, words)?;
    if counts { T::add(place, value) } else { Ok(()) }
}

/// Keywords that say nothing any more.
const PASSED_OVER: [&str; 16] = [
    "afstokenpassing",
    "cipher",
    "compressionlevel",
    "fallbacktorsh",
    "globalknownhostsfile2",
    "kerberosauthentication",
    "kerberostgtpassing",
    "protocol",
    "rhostsauthentication",
    "rhostsrsaauthentication",
    "rsaauthentication",
    "useblacklistedkeys",
    "useprivilegedport",
    "userknownhostsfile2",
    "useroaming",
    "usersh",
];

table! {
    user: String = String::new(), "user";
    /// Where the host really is; at last never empty.
    hostname: String = String::new(), "hostname";
    port: u16 = 22, "port";
    address_family: Family = Family::Any, "addressfamily";
    batch_mode: bool = false, "batchmode";
    canonicalize_fallback_local: bool = true, "canonicalizefallbacklocal";
    canonicalize_hostname: Canonicalize = Canonicalize::No, "canonicalizehostname";
    check_host_ip: bool = false, "checkhostip";
    compression: Compression = Compression::No, "compression";
    control_master: ControlMaster = ControlMaster::No, "controlmaster";
    enable_ssh_keysign: bool = false, "enablesshkeysign";
    clear_all_forwardings: bool = false, "clearallforwardings";
    exit_on_forward_failure: bool = false, "exitonforwardfailure";
    fingerprint_hash: FingerprintHash = FingerprintHash::Sha256, "fingerprinthash";
    forward_x11: bool = false, "forwardx11";
    forward_x11_trusted: bool = false, "forwardx11trusted";
    gateway_ports: bool = false, "gatewayports";
    gssapi_authentication: bool = false, "gssapiauthentication";
    gssapi_key_exchange: bool = false, "gssapikeyexchange";
    gssapi_delegate_credentials: bool = false, "gssapidelegatecredentials";
    gssapi_trust_dns: bool = false, "gssapitrustdns";
    gssapi_renewal_forces_rekey: bool = false, "gssapirenewalforcesrekey";
    gssapi_client_identity: Option<String> = None, "gssapiclientidentity";
    gssapi_server_identity: Option<String> = None, "gssapiserveridentity";
    gssapi_kex_algorithms: Option<String> = None, "gssapikexalgorithms";
    hash_known_hosts: bool = false, "hashknownhosts";
    hostbased_authentication: bool = false, "hostbasedauthentication";
    identities_only: bool = false, "identitiesonly";
    kbd_interactive_authentication: bool = true, "kbdinteractiveauthentication" | "challengeresponseauthentication" | "skeyauthentication" | "tisauthentication";
    no_host_authentication_for_localhost: bool = false, "nohostauthenticationforlocalhost";
    password_authentication: bool = true, "passwordauthentication";
    permit_local_command: bool = false, "permitlocalcommand";
    proxy_use_fdpass: bool = false, "proxyusefdpass";
    pubkey_authentication: PublicKey = PublicKey::Yes, "pubkeyauthentication" | "dsaauthentication";
    request_tty: RequestTty = RequestTty::Auto, "requesttty";
    session_type: SessionType = SessionType::Default, "sessiontype";
    stdin_null: bool = false, "stdinnull";
    fork_after_authentication: bool = false, "forkafterauthentication";
    stream_local_bind_unlink: bool = false, "streamlocalbindunlink";
    strict_host_key_checking: StrictHostKey = StrictHostKey::Ask, "stricthostkeychecking";
    tcp_keep_alive: bool = true, "tcpkeepalive" | "keepalive";
    tunnel: TunnelMode = TunnelMode::No, "tunnel";
    verify_host_key_dns: YesNoAsk = YesNoAsk::No, "verifyhostkeydns";
    visual_host_key: bool = false, "visualhostkey";
    /// Unless somebody says, as OpenSSH has it: only for the user's usual lists.
    update_host_keys: YesNoAsk = YesNoAsk::Yes, "updatehostkeys";
    enable_escape_commandline: bool = false, "enableescapecommandline";
    canonicalize_max_dots: u32 = 1, "canonicalizemaxdots";
    connection_attempts: u32 = 1, "connectionattempts";
    forward_x11_timeout: Span = Span(Some(Duration::from_secs(1200))), "forwardx11timeout";
    number_of_password_prompts: u32 = 3, "numberofpasswordprompts";
    server_alive_count_max: u32 = 3, "serveralivecountmax";
    server_alive_interval: Span = Span(Some(Duration::ZERO)), "serveraliveinterval" | "protocolkeepalives" | "setuptimeout";
    /// Bits; never fewer than are trusted at all.
    required_rsa_size: u32 = 2048, "requiredrsasize";
    bind_address: Option<String> = None, "bindaddress";
    bind_interface: Option<String> = None, "bindinterface";
    ciphers: Algorithms = Algorithms::default(), "ciphers";
    control_path: Word = Word::default(), "controlpath";
    host_key_algorithms: Algorithms = Algorithms::default(), "hostkeyalgorithms";
    host_key_alias: Option<String> = None, "hostkeyalias";
    hostbased_accepted_algorithms: Option<String> = None, "hostbasedacceptedalgorithms" | "hostbasedkeytypes";
    identity_agent: IdentityAgent = IdentityAgent::default(), "identityagent";
    ignore_unknown: Option<String> = None, "ignoreunknown";
    kbd_interactive_devices: Option<String> = None, "kbdinteractivedevices";
    kex_algorithms: Algorithms = Algorithms::default(), "kexalgorithms";
    ca_signature_algorithms: Algorithms = Algorithms::default(), "casignaturealgorithms";
    local_command: Command = Command::default(), "localcommand";
    remote_command: Command = Command::default(), "remotecommand";
    log_level: LogLevel = LogLevel::Info, "loglevel";
    macs: Algorithms = Algorithms::default(), "macs";
    pkcs11_provider: Word = Word::default(), "pkcs11provider" | "smartcarddevice";
    security_key_provider: Word = Word(Some("internal".to_owned())), "securitykeyprovider";
    preferred_authentications: Option<String> = None, "preferredauthentications";
    pubkey_accepted_algorithms: Algorithms = Algorithms::default(), "pubkeyacceptedalgorithms" | "pubkeyacceptedkeytypes";
    revoked_host_keys: Word = Word::default(), "revokedhostkeys";
    xauth_location: String = "/usr/bin/xauth".to_owned(), "xauthlocation";
    known_hosts_command: Command = Command::default(), "knownhostscommand";
    /// What `Match tagged` asks for.
    tag: Option<String> = None, "tag";
    dynamic_forward: DynamicForwards = DynamicForwards::default(), "dynamicforward";
    local_forward: LocalForwards = LocalForwards::default(), "localforward";
    remote_forward: RemoteForwards = RemoteForwards::default(), "remoteforward";
    /// As written; [`HostConfig::identities`](super::HostConfig::identities) has the paths.
    identity_file: Files = Files::default(), "identityfile" | "identityfile2";
    canonical_domains: List = List::default(), "canonicaldomains";
    /// As written; [`HostConfig::certificates`](super::HostConfig::certificates) has the paths.
    certificate_file: Files = Files::default(), "certificatefile";
    /// As written; [`HostConfig::system_lists`](super::HostConfig::system_lists) has the paths.
    global_known_hosts_file: List = List(["", "2"].map(|end| format!("/etc/ssh/ssh_known_hosts{end}")).to_vec()), "globalknownhostsfile";
    user_known_hosts_file: List = List(["", "2"].map(|end| format!("~/.ssh/known_hosts{end}")).to_vec()), "userknownhostsfile";
    send_env: Names = Names::default(), "sendenv";
    set_env: Variables = Variables::default(), "setenv";
    log_verbose: List = List::default(), "logverbose";
    permit_remote_open: Permitted = Permitted::default(), "permitremoteopen";
    add_keys_to_agent: AddKeys = AddKeys::No, "addkeystoagent";
    forward_agent: ForwardAgent = ForwardAgent::No, "forwardagent";
    connect_timeout: Span = Span::default(), "connecttimeout";
    tunnel_device: Devices = Devices::default(), "tunneldevice";
    canonicalize_permitted_cnames: Cnames = Cnames::default(), "canonicalizepermittedcnames";
    control_persist: ControlPersist = ControlPersist::No, "controlpersist";
    escape_char: EscapeChar = EscapeChar(Some(b'~')), "escapechar";
    ip_qos: Quality = Quality { interactive: Some(0x10), bulk: Some(0x08) }, "ipqos";
    rekey_limit: RekeyLimit = RekeyLimit::default(), "rekeylimit";
    stream_local_bind_mask: Mask = Mask(0o177), "streamlocalbindmask";
    syslog_facility: Facility = Facility::User, "syslogfacility";
    proxy: Proxy = Proxy::None, "proxyjump" | "proxycommand";
}
