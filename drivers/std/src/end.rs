//! What the link leaves to the end of the connection it serves: a client's questions go to whoever waits in a call, a
//! server's to the thread of the connection. Each end keeps them on its desk.

use crate::inbox::Inboxes;
use crate::relay::Relay;
use core::fmt;
use sanssh_core::channel::{Forward, ForwardEvent, ForwardId, OpenKind, Request};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::event::{ChannelRequest, ForwardRequest, OpenRequest};
use sanssh_core::replay::{Played, Recorded};
use sanssh_core::{Ask, ChannelId, Output, Slot};

/// The machine as it is used here, recorded where that was asked for.
pub(crate) type Ssh<R> = Recorded<R, Fast, Box<[Slot]>>;

/// One of the two ends.
pub(crate) trait End: Played {
    /// What waits to be dealt with outside of the lock.
    type Desk: fmt::Debug + Send;

    /// News of login and host key.
    fn auth(desk: &mut Self::Desk, ssh: &mut Ssh<Self>, event: Self::Event<'_>);

    /// The peer asks for a channel.
    fn open(
        desk: &mut Self::Desk,
        ssh: &mut Ssh<Self>,
        inboxes: &mut Inboxes,
        relay: &mut Relay,
        kind: OpenKind<'_>,
        ask: Ask<OpenRequest>,
    );

    /// The client asks us to listen for it.
    fn listen(desk: &mut Self::Desk, ssh: &mut Ssh<Self>, what: Forward<'_>, ask: Ask<ForwardRequest>);

    /// What becomes of a forward.
    fn forward(desk: &mut Self::Desk, relay: &mut Relay, id: ForwardId, event: ForwardEvent);

    /// What is to be sent and could not be before.
    fn tidy(_: &mut Self::Desk, _: &mut Ssh<Self>, _: &mut Output<'_>) {}

    /// The peer asks for something on a channel.
    fn request(
        desk: &mut Self::Desk,
        ssh: &mut Ssh<Self>,
        inboxes: &mut Inboxes,
        id: ChannelId,
        what: Request<'_>,
        ask: Ask<ChannelRequest>,
    );
}
