//! What a connection should be: channels, each of which is a pair of queues with windows. What one side says, the other is
//! told: once, in order, and nothing else.

use sanssh_core::ChannelId;
use std::collections::VecDeque;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What travels on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A byte of data, or of extended data of a kind.
    Byte(Option<u32>, u8),
    /// A request in words, and whether an answer is due.
    Request(String, bool),
    Eof,
    Close,
}

/// One direction of a channel, by its sender.
#[derive(Default)]
pub(crate) struct Way {
    /// Said and not told.
    pub(crate) queue: VecDeque<Item>,
    /// Bytes that the sender may still send, if all that was released was credited.
    pub(crate) credit: u64,
    /// Bytes that were told and are not released.
    pub(crate) held: u64,
    /// The sender met an empty window and was not told of another.
    pub(crate) stalled: bool,
    pub(crate) finished: bool,
    pub(crate) closed: bool,
    /// Answers that the sender waits for: how its requests were decided, in their order.
    pub(crate) asked: VecDeque<Option<bool>>,
    /// Answers that the sender got, and requests that the other side was asked about.
    answered: usize,
    put: usize,
    /// The one command was asked for.
    pub(crate) started: bool,
    /// The sender knows the channel as open; it was told that it is gone.
    pub(crate) open: bool,
    pub(crate) gone: bool,
}

/// Without the bytes.
impl core::fmt::Debug for Way {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { queue, credit, held, stalled, finished, closed, asked, open, gone, .. } = self;
        write!(f, "{} queued, {credit} of credit, {held} held, {asked:?} asked, ", queue.len())?;
        write!(f, "stalled {stalled}, finished {finished}, closed {closed}, open {open}, gone {gone}")
    }
}

/// A channel, its ways by the sender's side.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) opener: Side,
    pub(crate) ids: [Option<ChannelId>; 2],
    pub(crate) ways: [Way; 2],
    /// Whether the asked side declined it, and by which code.
    pub(crate) declined: Option<u32>,
    /// Whether the question was put.
    pub(crate) asked: bool,
    /// What kind it is.
    pub(crate) words: String,
    /// Whether the sides take it that the server may open channels to the client's display, and to its agent.
    pub(crate) permits: [[bool; 2]; 2],
}

/// Every channel that ever was.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) channels: Vec<Channel>,
}

impl Model {
    pub(crate) fn open(&mut self, opener: Side, id: ChannelId, windows: [u32; 2], words: String) {
        let (ids, ways, permits) = ([None; 2], [Way::default(), Way::default()], [[false; 2]; 2]);
        let mut channel = Channel { opener, ids, ways, declined: None, asked: false, words, permits };
        channel.ids[opener as usize] = Some(id);
        for side in [Side::Client, Side::Server] {
            channel.ways[side as usize].credit = u64::from(windows[side.other() as usize]);
        }
        self.channels.push(channel);
    }

    /// The oldest open of that kind that this side has not been asked about.
    pub(crate) fn asked(&mut self, side: Side, words: &str) -> usize {
        let new = |channel: &Channel| channel.opener != side && !channel.asked && channel.words == words;
        let at = self.channels.iter().position(new).expect("somebody opened a channel");
        self.channels[at].asked = true;
        at
    }

    /// The side's open was refused: by the other, or, where it was a server's and what it belonged to is gone, unasked.
    pub(crate) fn failed(&mut self, side: Side, id: ChannelId, code: u32) {
        let channel = self.find(side, id);
        let unasked = !channel.asked && side == Side::Server && code == 1;
        assert!(channel.declined == Some(code) || unasked, "refused by {code}: {channel:?}");
        channel.ways.iter_mut().for_each(|way| way.gone = true);
    }

    /// Whether, to this side's knowledge, some session lets the server open channels of this kind.
    pub(crate) fn permits(&self, side: Side, kind: usize) -> bool {
        let open = |way: &Way| way.open && !way.closed && !way.gone;
        self.channels.iter().any(|channel| channel.permits[side as usize][kind] && open(&channel.ways[side as usize]))
    }

    pub(crate) fn accepted(&mut self, at: usize, id: ChannelId) {
        let side = self.channels[at].opener.other() as usize;
        self.channels[at].ids[side] = Some(id);
        self.channels[at].ways[side].open = true;
    }

    /// The place of the channel that a side has under this number.
    pub(crate) fn position(&self, side: Side, id: ChannelId) -> usize {
        let mine = |channel: &Channel| channel.ids[side as usize] == Some(id) && !channel.ways[side as usize].gone;
        self.channels.iter().position(mine).expect("a channel that is there")
    }

    pub(crate) fn find(&mut self, side: Side, id: ChannelId) -> &mut Channel {
        let at = self.position(side, id);
        &mut self.channels[at]
    }

    /// The sender's way.
    pub(crate) fn way(&mut self, sender: Side, id: ChannelId) -> &mut Way {
        &mut self.find(sender, id).ways[sender as usize]
    }

    pub(crate) fn wrote(&mut self, side: Side, id: ChannelId, kind: Option<u32>, data: &[u8]) {
        let channel = self.find(side, id);
        let drops = channel.ways[side.other() as usize].closed;
        let way = &mut channel.ways[side as usize];
        assert!(way.open && !way.finished && !way.closed && !way.gone, "written where nothing may be");
        // What a side drops it credits at once.
        let counted = if drops { 0 } else { data.len() as u64 };
        way.credit = way.credit.checked_sub(counted).expect("no more than the window");
        way.queue.extend(data.iter().map(|byte| Item::Byte(kind, *byte)));
    }

    pub(crate) fn finish(&mut self, side: Side, id: ChannelId) {
        let way = self.way(side, id);
        if !way.finished && !way.closed {
            way.finished = true;
            way.queue.push_back(Item::Eof);
        }
    }

    pub(crate) fn close(&mut self, side: Side, id: ChannelId) {
        let [own, other] = match (side, &mut self.find(side, id).ways) {
            (Side::Client, [client, server]) => [client, server],
            (Side::Server, [client, server]) => [server, client],
        };
        if !own.closed {
            own.closed = true;
            own.queue.push_back(Item::Close);
            other.credit += other.queue.iter().filter(|item| matches!(item, Item::Byte(..))).count() as u64;
        }
    }

    pub(crate) fn released(&mut self, side: Side, id: ChannelId, bytes: u64) {
        let way = &mut self.find(side, id).ways[side.other() as usize];
        let counted = bytes.min(way.held);
        way.held -= counted;
        way.credit += counted;
    }

    /// The side was told this: it is what the other said next. Behind its own CLOSE it is told less.
    pub(crate) fn told(&mut self, side: Side, id: ChannelId, item: &Item) {
        let channel = self.find(side, id);
        assert!(channel.ways[side as usize].open, "told {item:?} of a channel that is not open");
        let closed = channel.ways[side as usize].closed;
        let way = &mut channel.ways[side.other() as usize];
        loop {
            let next = way.queue.pop_front();
            if next.as_ref() == Some(item) {
                break;
            }
            assert!(closed && next.is_some(), "told {item:?}, but {next:?} comes next");
        }
        assert!(!closed || matches!(item, Item::Request(_, false) | Item::Close), "told {item:?} behind the own CLOSE");
        way.held += u64::from(matches!(item, Item::Byte(..)));
        way.put += usize::from(matches!(item, Item::Request(_, true)));
        if *item == Item::Close {
            assert!(way.queue.is_empty(), "nothing follows CLOSE");
            let own = &mut channel.ways[side as usize];
            own.gone = true;
            own.asked.clear();
            if !own.closed {
                own.closed = true;
                own.queue.push_back(Item::Close);
            }
        }
    }

    /// The number of the request that the side was told of last.
    pub(crate) fn last_request(&mut self, side: Side, id: ChannelId) -> usize {
        self.find(side, id).ways[side.other() as usize].put - 1
    }

    pub(crate) fn decided(&mut self, channel: usize, side: Side, number: usize, granted: bool) {
        let way = &mut self.channels[channel].ways[side.other() as usize];
        if let Some(decision) = way.asked.get_mut(number - way.answered) {
            *decision = Some(granted);
        }
    }

    /// The side was told of an answer: that to its oldest request.
    pub(crate) fn replied(&mut self, side: Side, id: ChannelId, granted: bool) {
        let way = self.way(side, id);
        way.answered += 1;
        assert_eq!(way.asked.pop_front(), Some(Some(granted)), "the answer to another request, or to none");
    }

    /// Channels that either side still knows.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| !channel.ways.iter().all(|way| way.gone))
    }

    /// Nothing moves any more, everything was answered and released: then nothing is owed.
    pub(crate) fn check_at_rest(&self) {
        for way in self.alive().flat_map(|channel| &channel.ways) {
            assert!(way.open && !way.gone && !way.closed, "one side waits for ever: {way:?}");
            assert!(way.queue.is_empty() && way.asked.is_empty(), "something did not arrive: {way:?}");
            assert!(way.held == 0 && (!way.stalled || way.finished), "nobody told of the window: {way:?}");
        }
    }
}
