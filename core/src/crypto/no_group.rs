//! In place of `group` where there is no allocator, and so no group exchange: the same face, and nothing behind it.

use super::BadShare;
use crate::seed::Random;
use crate::wire::transport::{GroupOffer, GroupRequest};
use core::convert::Infallible;

/// What a client would ask for.
pub const REQUEST: GroupRequest = GroupRequest { min: 0, wanted: 0, max: 0 };

/// No group: there are no values of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(Infallible);

impl Group {
    /// Chooses none.
    pub const fn choose(_: &GroupRequest) -> Option<Self> {
        None
    }

    /// Accepts none.
    pub const fn accept(_: &GroupRequest, _: &GroupOffer<'_>, _: &mut Random) -> Result<Self, BadShare> {
        Err(BadShare)
    }

    /// The prime, if there were one.
    pub const fn prime(&self) -> &[u8] {
        match self.0 {}
    }

    /// The generator, if there were one.
    pub const fn generator(&self) -> &[u8] {
        match self.0 {}
    }
}
