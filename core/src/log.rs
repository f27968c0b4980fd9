//! Messages for whoever debugs: to `defmt`, to `log`, or to nothing, as the features say. Never a secret, never a byte
//! that a peer chose.

/// A step of the protocol.
macro_rules! trace {
    ($($arg:tt)*) => {{
        #[cfg(feature = "log")]
        log::trace!($($arg)*);
        #[cfg(feature = "defmt")]
        defmt::trace!($($arg)*);
    }};
}

pub(crate) use trace;
