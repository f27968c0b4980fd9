//! Streams in two pieces, cut at every byte, and streams that end at every byte.

use crate::harness::{EXTENSIONS, Served, body, content, init, requests};
use sanssh_core::sftp::Error;
use sanssh_core::sftp::server::Settings;
use sanssh_core::{Random, Seed};
use sanssh_tests::asker::{Asker, Told, framed};
use sanssh_tests::forger::{Feed, any};
use sanssh_tests::ramfs::RamServer;

/// What a client sends, packet by packet: the files are opened, and everything is asked of them. Some of it is refused,
/// some by the machine, and one request is too long for the memory lent.
fn questions() -> Vec<Vec<u8>> {
    let mut packets = vec![framed(&init(3))];
    let open = |path: &str, access| framed(&any(3).u32(1).string(path).u32(access).u32(0).done());
    packets.extend([open("/file", 3), framed(&any(11).u32(2).string("/directory").done()), open("/other", 3)]);
    packets.extend(requests().0.iter().map(|request| framed(&content(request, body(request)))));
    packets.push(framed(&any(6).u32(9).string("forged").raw(&[0; 8]).string("dropped").done()));
    packets.push(framed(&any(99).u32(9).string("unknown").done()));
    packets.push(framed(&any(17).u32(9).string("nul\0").done()));
    packets
}

fn fresh() -> RamServer {
    Served::silent(Settings::default(), Feed::Whole).ram
}

/// The ends of packets in the bytes of them all.
fn ends(packets: &[Vec<u8>]) -> Vec<usize> {
    let mut end = 0;
    let ends = packets.iter().map(|packet| {
        end += packet.len();
        end
    });
    core::iter::once(0).chain(ends).collect()
}

#[test]
fn i20_questions_cut_at_every_byte() {
    let packets = questions();
    let (bytes, ends) = (packets.concat(), ends(&packets));
    let mut whole = fresh();
    let answers = whole.serve(&bytes).expect("sound packets");
    for cut in 0..=bytes.len() {
        let mut ram = fresh();
        let (first, second) = bytes.split_at(cut);
        let mut heard = ram.serve(first).expect("sound packets");
        let within = !ends.contains(&cut);
        assert_eq!(ram.server.hung_up(), if within { Err(Error::HungUp) } else { Ok(()) }, "{cut}");
        heard.extend(ram.serve(second).expect("sound packets"));
        assert_eq!(heard, answers, "{cut}");
        assert_eq!(ram.asked, whole.asked, "{cut}");
        assert!(ram.fs.all().eq(whole.fs.all()), "{cut}");
        assert_eq!(ram.server.hung_up(), Ok(()));
    }
    assert!(bytes.len() > 1000 && answers.len() > 1000, "{} {}", bytes.len(), answers.len());
}

/// A client that was given these bytes: it asks again when the answer before has come, as far as they reach.
fn listener() -> (Asker, Vec<Vec<u8>>) {
    let (mut asker, greeting) = Asker::new(4);
    let mut ram = fresh();
    let mut answers = vec![ram.serve(&greeting).expect("a greeting")];
    asker.hear(&answers[0]).expect("a greeting");
    for packet in &questions()[1..4] {
        ram.serve(packet).expect("a handle");
    }
    for request in requests().0 {
        let (_, bytes) = asker.ask(&request, body(&request)).expect("a place");
        answers.push(ram.serve(&bytes).expect("a sound request"));
        asker.hear(answers.last().expect("the answer")).expect("a sound answer");
    }
    (asker, answers)
}

/// Whole answers, in order.
fn words(asker: &Asker) -> Vec<&Told> {
    asker.told.iter().map(|(_, told)| told).collect()
}

#[test]
fn i20_answers_cut_at_every_byte() {
    let (whole, answers) = listener();
    let all = answers.concat();
    assert!(whole.told.len() == requests().0.len() && all.len() > 1000, "{}", all.len());
    assert_eq!(whole.announced.len(), EXTENSIONS.len());
    let ends = ends(&answers);
    for cut in 0..=all.len() {
        let mut asker = Asker::new(4).0;
        let mut at = 0;
        // Whole packets one by one, and the one that is cut in two pieces.
        for (asked, (answer, end)) in answers.iter().zip(&ends[1..]).enumerate() {
            if asked > 0 {
                let request = &requests().0[asked - 1];
                asker.ask(request, body(request)).expect("a place");
            }
            let (first, second) = answer.split_at(cut.clamp(at, *end) - at);
            asker.hear(first).expect("a sound answer");
            if (at..*end).contains(&cut) {
                assert_eq!(asker.client.hung_up(), Err(Error::HungUp), "{cut}");
            }
            asker.hear(second).expect("a sound answer");
            assert_eq!(asker.client.hung_up(), Ok(()), "{cut}");
            at = *end;
        }
        assert_eq!(words(&asker), words(&whole), "{cut}");
        assert_eq!(asker.announced, whole.announced);
    }
}

/// All answers at once, to as many questions, in two pieces.
#[test]
fn i20_answers_to_many_questions() {
    let requests = requests().0;
    let ask = || {
        let (mut asker, _) = Asker::new(requests.len());
        asker.hear(&listener().1[0]).expect("a greeting");
        let bytes: Vec<_> =
            requests.iter().map(|request| asker.ask(request, body(request)).expect("a place").1).collect();
        (asker, bytes.concat())
    };
    let mut ram = fresh();
    ram.serve(&questions()[..4].concat()).expect("sound packets");
    let answers = ram.serve(&ask().1).expect("sound packets");
    let mut whole = ask().0;
    whole.hear(&answers).expect("sound answers");
    assert_eq!(whole.told.len(), requests.len());
    for cut in 0..answers.len() {
        let mut asker = ask().0;
        let (first, second) = answers.split_at(cut);
        asker.hear(first).expect("sound answers");
        assert_eq!(asker.client.hung_up(), Err(Error::HungUp), "answers are due");
        asker.hear(second).expect("sound answers");
        assert_eq!(asker.told, whole.told, "{cut}");
        assert_eq!(asker.client.hung_up(), Ok(()));
    }
}

/// Where streams go wrong, they do so for every segmentation alike.
#[test]
fn i20_spoilt_streams_in_pieces() {
    let mut random = Random::new(&Seed::new([20; 32]));
    let mut below = |most: usize| {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        u32::from_be_bytes(bytes) as usize % most
    };
    let (packets, answers) = (questions(), listener().1);
    let [mut ended, mut whole_ones] = [0, 0];
    for _ in 0..600 {
        let mut sent = packets.concat();
        let mut given = answers.clone();
        let spoilt = below(answers.len());
        for _ in 0..=below(2) {
            let (at, byte) = (ends(&packets)[1] + below(sent.len() - ends(&packets)[1]), below(256) as u8);
            sent[at] = byte;
            let at = below(given[spoilt].len());
            given[spoilt][at] = [0, 1, 5, 255, byte][below(5)];
        }
        let serve = |step: usize| {
            let mut ram = fresh();
            let mut heard = Vec::new();
            let fate = sent.chunks(step).try_for_each(|piece| ram.serve(piece).map(|answers| heard.extend(answers)));
            // What was answered in the piece that ends it is not given by this harness.
            (fate, ram.asked, fate.map(|()| heard))
        };
        let hear = |step: usize| {
            let mut asker = Asker::new(4).0;
            let questions = requests().0;
            let fate = given.iter().enumerate().try_for_each(|(number, answer)| {
                if number > 0 && asker.client.outstanding() == 0 {
                    let request = &questions[number - 1];
                    let _ = asker.ask(request, body(request));
                }
                answer.chunks(step).try_for_each(|piece| asker.hear(piece))
            });
            (fate, asker.told)
        };
        let whole = serve(usize::MAX);
        assert_eq!(serve(1), whole);
        assert_eq!(serve(2 + below(20)), whole);
        let heard = hear(usize::MAX);
        assert_eq!(hear(1), heard);
        assert_eq!(hear(2 + below(20)), heard);
        ended += usize::from(whole.0.is_err()) + usize::from(heard.0.is_err());
        whole_ones += usize::from(whole.0.is_ok()) + usize::from(heard.0.is_ok());
    }
    assert!(ended > 100 && whole_ones > 100, "{ended} {whole_ones}");
}
