//! Files and trees on their way. The machine says what is next; what is to be done here is done by whoever waits for the
//! copy, and contents are moved by whoever pumps, straight from the memory that they were received in and into that they
//! leave from.

use super::copy::Copy;
use super::here::Here;
use super::site::{Did, Extent, News, Site};
use crate::Error;
use core::time::Duration;
use sanssh_core::Instant;
use sanssh_core::sftp::client::Event;
use sanssh_core::sftp::transfer::Sizes;
use sanssh_core::sftp::tree::{Action, FileId, Report, Tree, Way};
use sanssh_core::sftp::{Attributes, Piece, Request, RequestId};

/// A copy on its way.
#[derive(Debug)]
pub(super) struct Job {
    tree: Tree,
    pub(super) site: Site,
    /// When it began, for its pace.
    start: Instant,
    /// Bytes that have gone through here, whether or not in order.
    pub(super) moved: u64,
    /// Answers that have come.
    answers: u64,
    stopped: bool,
}

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Done,
    /// Something has to leave first.
    Blocked,
    /// Something has to come first.
    Quiet,
}

/// Composes a request, with the file that the body of a WRITE comes from, and its offset; `None` if it has to wait.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&Request<'_>, Option<(FileId, u64)>) -> Option<Result<RequestId, Error>>;

impl Job {
    /// A copy between `there` and `here`, of which the attributes tell what is known; if nothing is, of a file.
    pub(super) fn new(
        way: Way,
        sizes: Sizes,
        (there, here): (&[u8], Here),
        attributes: Option<&Attributes<'_>>,
        copy: &Copy,
        start: Instant,
    ) -> Self {
        let mut tree = Tree::new(way, copy.settings(way, sizes));
        match attributes {
            Some(attributes) => tree.add(there, attributes),
            None => tree.add_file(there),
        };
        Self { tree, site: Site::new(way, there, here, copy), start, moved: 0, answers: 0, stopped: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.tree.report().is_some()
    }

    /// What has come of it, once it is over.
    pub(super) fn report(&self) -> Report {
        let report = self.tree.report().unwrap_or_default();
        Report { failed: report.failed + self.site.unseen, ..report }
    }

    /// Bytes that are there, in all files.
    pub(super) fn kept(&self) -> u64 {
        self.tree.moved()
    }

    /// Nothing more is begun.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.tree.stop();
    }

    /// Grows as long as it gets on.
    pub(super) const fn mark(&self) -> u64 {
        self.moved.wrapping_add(self.answers)
    }

    /// What is open on the server.
    pub(super) fn handles(&self) -> impl Iterator<Item = &[u8]> {
        self.tree.handles()
    }

    /// The connection is gone: what is left to do is here, and fails for no other reason.
    pub(super) fn cut(&mut self) {
        let first = self.site.failure.take();
        self.site.mute();
        self.tree.cut();
        let gone = || Error::SftpStream(sanssh_core::sftp::Error::HungUp);
        while self.step(self.start, &mut |_, _| Some(Err(gone()))) == Step::Done {}
        self.site.failure = first;
    }

    /// Bytes that the server may be asked for at a time.
    pub(super) const fn depth(&self) -> u64 {
        match self.site.way {
            Way::Get => self.tree.window().depth(),
            Way::Put => 0,
        }
    }

    /// How long nothing should be begun, for the sake of the pace.
    pub(super) fn nap(&self, now: Instant) -> Option<Duration> {
        let limit = u128::from(self.site.limit().filter(|_| !self.stopped)?.max(1));
        let due = Duration::from_micros(u64::try_from(u128::from(self.moved) * 1_000_000 / limit).ok()?);
        due.checked_sub(now.since(self.start)).filter(|nap| !nap.is_zero())
    }

    /// What the one who waits is to be told: what is over, and files that are under way.
    pub(super) fn news(&mut self) -> Vec<News> {
        let mut news = core::mem::take(&mut self.site.told);
        news.extend(self.site.under_way(&self.tree));
        news
    }

    /// Does what is next.
    pub(super) fn step(&mut self, now: Instant, ask: Ask<'_>) -> Step {
        let Some(action) = self.tree.action() else { return Step::Quiet };
        let did = match action {
            Action::Send(request) => ask(&request, None).map(|sent| sent.map_or_else(Did::Unsent, Did::Sent)),
            Action::Write { file, handle, offset, length } => match self.site.extent(file, offset, length) {
                Extent::End => Some(Did::End),
                Extent::Hole => Some(Did::Hole),
                Extent::Bytes(length) => {
                    let asked = ask(&Request::Write { handle, offset, length }, Some((file, offset)));
                    asked.map(|sent| sent.map_or_else(Did::Unsent, |id| Did::Wrote(id, length)))
                }
            },
            action @ (Action::MakeDirectory { .. }
            | Action::List { .. }
            | Action::Settle { .. }
            | Action::Create { .. }
            | Action::Open { .. }
            | Action::Finish { .. }
            | Action::ReadLink { .. }
            | Action::Link { .. }
            | Action::Ended { .. }) => Some(self.site.act(&action)),
        };
        let Some(did) = did else { return Step::Blocked };
        self.tell(did, now);
        Step::Done
    }

    /// Tells the machine what was done.
    fn tell(&mut self, did: Did, now: Instant) {
        match did {
            Did::Nothing => {}
            Did::Done => self.tree.done(),
            Did::Opened(bytes) => self.tree.opened(bytes),
            Did::Target(target) => self.tree.target(&target),
            Did::Sent(id) => self.tree.sent(id, now),
            Did::Wrote(id, length) => {
                self.moved += u64::from(length);
                self.tree.wrote(id, length, now);
            }
            Did::Hole => self.tree.hole(),
            Did::End => self.tree.end(),
            Did::List(below, directory) => match self.site.list(&mut self.tree, &below, directory) {
                Ok(more) => self.tree.listed(more),
                Err(()) => self.tree.failed(),
            },
            Did::Failed => self.tree.failed(),
            Did::Unsent(error) => {
                self.site.blame(None, error);
                self.tree.failed();
            }
        }
    }

    /// What came from the server.
    pub(super) fn answer(&mut self, event: &Event<'_>, now: Instant) {
        if let Event::Status(_, status) = event {
            self.site.heard(status);
        }
        self.answers += 1;
        let landing = self.tree.answer(event, now);
        let Event::Data(_, Piece { bytes, .. }) = event else { return };
        self.moved += bytes.len() as u64;
        if let Some(landing) = landing
            && !self.site.land(landing, bytes)
        {
            self.tree.lose(landing.file, landing.at);
        }
    }

    /// Reads what is sent next. What is not there any more is made up, for it was promised, and spoils the whole.
    pub(super) fn supply(&mut self, file: FileId, room: &mut [u8], offset: u64) -> usize {
        self.site.supply(file, room, offset).unwrap_or_else(|| {
            self.tree.lose(file, offset);
            room.fill(0);
            room.len()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Copy, Here, Job, Step};
    use sanssh_core::sftp::transfer::Sizes;
    use sanssh_core::sftp::tree::{FileId, Way};
    use sanssh_core::sftp::{Client, FileKind, GATHER, Pending, Request};
    use sanssh_core::{Instant, Output};
    use std::fs;

    /// A dialogue without a server.
    struct Rig {
        client: Client<[Pending; 16]>,
        gather: Vec<u8>,
        /// Requests: their numbers on the wire, and what they are.
        asked: Vec<([u8; 4], String)>,
        bodies: Vec<(FileId, u64)>,
    }

    impl Rig {
        fn advance(&mut self, job: &mut Job) {
            let Self { client, asked, bodies, .. } = self;
            while job.step(Instant(0), &mut |request: &Request<'_>, body| {
                let mut space = vec![0; 1 << 17];
                let mut output = Output::new(&mut space);
                let id = client.send(request, &mut output).unwrap();
                client.fill(&mut output, |room| room.len());
                asked.push((space[5..9].try_into().unwrap(), format!("{request:?}")));
                bodies.extend(body);
                Some(Ok(id))
            }) == Step::Done
            {}
        }

        /// Answers all that was asked.
        fn answer(&mut self, job: &mut Job, number: u8, fields: &[u8]) {
            for (id, _) in self.asked.drain(..) {
                let packet = [&[number][..], &id, fields].concat();
                let frame = [&u32::try_from(packet.len()).unwrap().to_be_bytes()[..], &packet].concat();
                let event = self.client.recv(&mut self.gather, &mut &frame[..]).unwrap();
                job.answer(&event.unwrap(), Instant(0));
            }
        }
    }

    #[test]
    fn a_file_that_gets_shorter_on_its_way_is_cut_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, vec![1; 100_000]).unwrap();
        let attributes = crate::sftp::here::attributes(&rustix::fs::stat(&path).unwrap());
        let there = (&b"there"[..], Here::new(&path, FileKind::Regular));
        let mut job = Job::new(Way::Put, Sizes::default(), there, Some(&attributes), &Copy::default(), Instant(0));
        let mut client = Client::new([Pending::new(); 16]);
        client.flush(&mut Output::new(&mut [0; 16])).unwrap();
        let mut rig = Rig { client, gather: vec![0; GATHER], asked: Vec::new(), bodies: Vec::new() };
        rig.client.recv(&mut rig.gather, &mut &[0, 0, 0, 5, 2, 0, 0, 0, 3][..]).unwrap();
        rig.advance(&mut job);
        rig.answer(&mut job, 102, &[0, 0, 0, 1, b'h']);
        rig.advance(&mut job);
        assert_eq!(rig.bodies.len(), 4);
        fs::File::options().write(true).open(&path).unwrap().set_len(40_000).unwrap();
        let (file, offset) = rig.bodies[1];
        let mut room = vec![7; 32_768];
        assert_eq!((job.supply(file, &mut room, offset), offset), (7_232, 32_768));
        assert_eq!(job.supply(file, &mut room, 40_000), room.len());
        assert!(room.iter().all(|byte| *byte == 0));
        rig.answer(&mut job, 101, &[0; 12]);
        rig.advance(&mut job);
        // Zeros were promised and sent; whoever goes on from there must not find them.
        assert!(rig.asked[0].1.contains("Fsetstat") && rig.asked[0].1.contains("size: Some(40000)"), "{:?}", rig.asked);
        for _ in 0..2 {
            rig.answer(&mut job, 101, &[0; 12]);
            rig.advance(&mut job);
        }
        assert!(job.is_over() && job.site.failure.is_some());
    }
}
