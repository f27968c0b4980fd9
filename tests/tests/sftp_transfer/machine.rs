//! The machines of a transfer by themselves: a line of a delay and a rate, and no heap.

use sanssh_core::Instant;
use sanssh_core::sftp::Code;
use sanssh_core::sftp::transfer::{Get, Outcome, Part, Put, Window};
use sanssh_tests::count::allocations;

const PIECE: u32 = 32 * 1024;
const SIZE: u64 = 100 * PIECE as u64 + 5;

/// Answers two by two the other way round, in packets of less than a piece.
fn run_get(window: &mut Window) -> (Option<Outcome>, u64) {
    let mut get = Get::new(0, Some(SIZE), PIECE, [Part::new(); 16]);
    let mut asked = [None; 16];
    let mut now = 0;
    loop {
        while let Some(read) = get.next(window) {
            get.sent(read, window, Instant(now));
            asked[read.part] = Some(read);
        }
        let Some(last) = asked.iter().rposition(Option::is_some) else { break };
        let read = asked[last].take().expect("some");
        let half = read.length / 2;
        now += 100;
        let first = get.arrived(read.part, half as usize, false, window, Instant(now));
        let second = get.arrived(read.part, (read.length - half) as usize, true, window, Instant(now));
        assert_eq!((first, second), (Some(read.offset), Some(read.offset + u64::from(half))));
    }
    (get.outcome(), get.kept())
}

fn run_put(window: &mut Window) -> (Option<Outcome>, u64) {
    let mut put = Put::new(0, Some(SIZE), PIECE, [Part::new(); 16]);
    let mut asked = [false; 16];
    let mut now = 0;
    loop {
        while let Some(write) = put.next(window) {
            put.sent(write, window, Instant(now));
            asked[write.part] = true;
        }
        let Some(last) = asked.iter().rposition(|asked| *asked) else { break };
        asked[last] = false;
        now += 100;
        put.answered(last, Code::OK, window, Instant(now));
    }
    (put.outcome(), put.kept())
}

#[test]
fn nothing_comes_from_the_heap() {
    let mut ends = [(None, 0); 2];
    let taken = allocations(|| {
        let mut window = Window::new(1 << 24);
        ends = [run_get(&mut window), run_put(&mut window)];
    });
    assert_eq!(ends, [(Some(Outcome::Whole), SIZE); 2]);
    assert_eq!(taken, 0, "allocations for {SIZE} bytes each way");
}

/// A READ that is answered by "done" has not been, and an answer without a byte is the end.
#[test]
fn hollow_answers() {
    let mut window = Window::new(1 << 20);
    for (size, hollow) in [(Some(5000), Outcome::Short), (None, Outcome::Whole)] {
        let mut get = Get::new(0, size, 1000, [Part::new(); 8]);
        let read = get.next(&window).expect("a first request");
        get.sent(read, &mut window, Instant(0));
        get.arrived(read.part, 700, true, &mut window, Instant(1));
        while let Some(read) = get.next(&window) {
            get.sent(read, &mut window, Instant(2));
            get.arrived(read.part, 0, true, &mut window, Instant(3));
        }
        assert_eq!((get.outcome(), get.kept()), (Some(hollow), 700));
    }
    let mut get = Get::new(0, Some(5000), 1000, [Part::new(); 8]);
    let read = get.next(&window).expect("a first request");
    get.sent(read, &mut window, Instant(0));
    get.ended(read.part, Code::OK, &mut window, Instant(1));
    assert_eq!((get.outcome(), get.kept()), (Some(Outcome::Failed(Code::BAD_MESSAGE)), 0));
}
