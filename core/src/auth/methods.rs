//! The authentication methods as a closed set (RFC 4252 §5).

use core::fmt;

/// Authentication methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `none` (RFC 4252 §5.2).
    None,
    /// `publickey` (RFC 4252 §7).
    PublicKey,
    /// `password` (RFC 4252 §8).
    Password,
    /// `keyboard-interactive` (RFC 4256).
    Interactive,
    /// `hostbased` (RFC 4252 §9).
    HostBased,
}

impl Method {
    const ALL: [Self; 5] = [Self::None, Self::PublicKey, Self::Password, Self::Interactive, Self::HostBased];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PublicKey => "publickey",
            Self::Password => "password",
            Self::Interactive => "keyboard-interactive",
            Self::HostBased => "hostbased",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name().as_bytes() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodSet(u8);

impl MethodSet {
    /// No method.
    pub const EMPTY: Self = Self(0);
    /// `publickey` alone.
    pub const PUBLIC_KEY: Self = Self(Method::PublicKey.bit());

    /// This set and `method`.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method.bit())
    }

    /// This set but for `method`.
    #[must_use]
    pub const fn without(self, method: Method) -> Self {
        Self(self.0 & !method.bit())
    }

    /// Whether `method` is in the set.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods, in the order of the enum.
    pub const fn iter(self) -> MethodSetIter {
        MethodSetIter { set: self, next: 0 }
    }
}

impl IntoIterator for MethodSet {
    type Item = Method;
    type IntoIter = MethodSetIter;

    fn into_iter(self) -> MethodSetIter {
        self.iter()
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        methods.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Iterates over a [`MethodSet`].
#[derive(Debug, Clone)]
pub struct MethodSetIter {
    set: MethodSet,
    next: usize,
}

impl Iterator for MethodSetIter {
    type Item = Method;

    fn next(&mut self) -> Option<Method> {
        let rest = Method::ALL.iter().enumerate().skip(self.next);
        let (at, method) = rest.map(|(at, method)| (at, *method)).find(|(_, method)| self.set.contains(*method))?;
        self.next = at.saturating_add(1);
        Some(method)
    }
}
