//! Values that are one word of a few. Each row has the word that is shown first, then its other spellings.

use super::setting::{Setting, Words, show};
use crate::Family;

/// Declares kinds: variants with their words.
macro_rules! choices {
    ($($(#[$doc:meta])* $kind:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $kind { $(#[doc = concat!("`", $word, "`.")] $(#[$vdoc])* $variant),* }

            choices!(of $kind { $($variant = $word $(| $other)*,)* });
        )*
    };
    (of $kind:ident { $($variant:ident = $word:literal $(| $other:literal)*,)* }) => {
        impl Setting for $kind {
            fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
                let word = words.one()?;
                let is = |one: &str| one.eq_ignore_ascii_case(&word);
                $(if is($word) $(|| is($other))* { return Ok(Self::$variant); })*
                Err(format!("\"{word}\" is none of {}", [$($word $(, $other)*),*].join(", ")))
            }

            fn show(&self, keyword: &str, out: &mut String) {
                show(keyword, match self { $(Self::$variant => $word),* }, out);
            }
        }
    };
}

choices!(of Family { Any = "any", V4 = "inet", V6 = "inet6", });

choices! {
    /// Whether names of hosts are made whole.
    Canonicalize { No = "false" | "no", Yes = "true" | "yes", Always = "always", }

    /// Whether what is sent is compressed.
    Compression { No = "no", Yes = "yes" | "delayed", }

    /// Whether connections are shared.
    ControlMaster { No = "false" | "no", Yes = "true" | "yes", Ask = "ask", Auto = "auto", AutoAsk = "autoask", }

    /// The hash of fingerprints that are shown.
    FingerprintHash { Sha256 = "SHA256", Md5 = "MD5", Sha1 = "SHA1", Sha384 = "SHA384", Sha512 = "SHA512", }

    /// Whether keys are offered, and whether their signatures are about the host as well.
    PublicKey { No = "false" | "no", Yes = "true" | "yes", Unbound = "unbound", HostBound = "host-bound", }

    /// Whether a terminal is asked for.
    RequestTty {
        /// Never.
        No = "false" | "no",
        /// For a shell.
        Auto = "auto",
        /// If there is one here.
        Yes = "true" | "yes",
        /// Even if there is none here.
        Force = "force",
    }

    /// What runs there.
    SessionType { Default = "default", None = "none", Subsystem = "subsystem", }

    /// What becomes of hosts that are not known.
    StrictHostKey {
        /// They are refused.
        Yes = "true" | "yes",
        /// A person is asked.
        Ask = "ask",
        /// They are recorded.
        AcceptNew = "accept-new",
        /// To OpenSSH, that changed keys are nothing to stop at; here no more than `accept-new`.
        No = "false" | "no" | "off",
    }

    /// Whether packets of a network device are forwarded.
    TunnelMode { No = "false" | "no", PointToPoint = "point-to-point" | "true" | "yes", Ethernet = "ethernet", }

    /// Yes, no, or whatever a person says.
    YesNoAsk { No = "false" | "no", Yes = "true" | "yes", Ask = "ask", }

    /// How much is said.
    LogLevel {
        Quiet = "SILENT" | "QUIET",
        Fatal = "FATAL",
        Error = "ERROR",
        Info = "INFO",
        Verbose = "VERBOSE",
        Debug = "DEBUG" | "DEBUG1",
        Debug2 = "DEBUG2",
        Debug3 = "DEBUG3",
    }

    /// In whose name it is said to the system.
    Facility {
        Daemon = "DAEMON",
        User = "USER",
        Auth = "AUTH",
        AuthPriv = "AUTHPRIV",
        Local0 = "LOCAL0",
        Local1 = "LOCAL1",
        Local2 = "LOCAL2",
        Local3 = "LOCAL3",
        Local4 = "LOCAL4",
        Local5 = "LOCAL5",
        Local6 = "LOCAL6",
        Local7 = "LOCAL7",
    }
}
