//! A server's end of the publickey subsystem (RFC 4819), which OpenSSH has none of: a list of keys in memory.

use sanssh_core::pubkey::server::Request;
use sanssh_core::pubkey::{Attribute, Code, Demand, Error, GATHER, Key, Server};
use sanssh_core::wire::Sequence;
use sanssh_core::{Output, Refused};
use sanssh_std::Session;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The attributes that the list understands, and whether it gives them to every key.
pub const UNDERSTOOD: [(&str, bool); 2] = [("comment", false), ("from", true)];

/// More keys are too many.
pub const MOST: usize = 40;

/// One key of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The algorithm's name.
    pub algorithm: Vec<u8>,
    /// The blob.
    pub blob: Vec<u8>,
    /// Names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The list, shared by all that look at it.
#[derive(Debug, Clone, Default)]
pub struct Keys(Arc<Mutex<Vec<Held>>>);

/// One client's way to the list.
#[derive(Debug)]
pub struct Subsystem {
    keys: Keys,
    machine: Server,
    gather: Vec<u8>,
    space: Vec<u8>,
}

impl Keys {
    /// A look at the list.
    pub fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a session whose subsystem this is.
    ///
    /// # Errors
    /// Those of the connection; clients that break the protocol are sent away.
    pub fn serve(&self, mut session: &Session) -> io::Result<()> {
        let mut subsystem = self.open();
        let mut space = [0; 4096];
        session.write_all(&subsystem.answer(b"").unwrap_or_default())?;
        loop {
            let read = session.read(&mut space)?;
            if read == 0 {
                return Ok(session.exit(0)?);
            }
            match subsystem.answer(&space[..read]) {
                Ok(answer) => session.write_all(&answer)?,
                Err(_) => return session.write_all(&subsystem.farewell()),
            }
        }
    }

    /// A client has come.
    pub fn open(&self) -> Subsystem {
        let (gather, space) = (vec![0; GATHER], vec![0; (MOST + 1) * GATHER]);
        Subsystem { keys: self.clone(), machine: Server::new(), gather, space }
    }

    fn add(&self, key: (&[u8], &[u8]), overwrite: bool, demands: Sequence<'_, Demand<'_>>) -> Code {
        let mut held = self.held();
        let understood = |demand: &Demand<'_>| UNDERSTOOD.iter().any(|(name, _)| name.as_bytes() == demand.name);
        if key.0 == b"ssh-dss" {
            return Code::KEY_NOT_SUPPORTED;
        }
        if demands.iter().any(|demand| demand.critical && !understood(&demand)) {
            return Code::ATTRIBUTE_NOT_SUPPORTED;
        }
        let there = held.iter().position(|one| one.is(key));
        if there.is_some() && !overwrite {
            return Code::KEY_ALREADY_PRESENT;
        }
        if there.is_none() && held.len() == MOST {
            return Code::STORAGE_EXCEEDED;
        }
        there.map(|place| held.remove(place));
        let attributes = demands.iter().map(|demand| (demand.name.to_vec(), demand.value.to_vec())).collect();
        held.push(Held { algorithm: key.0.to_vec(), blob: key.1.to_vec(), attributes });
        Code::SUCCESS
    }

    fn remove(&self, key: (&[u8], &[u8])) -> Code {
        let mut held = self.held();
        let Some(place) = held.iter().position(|one| one.is(key)) else { return Code::KEY_NOT_FOUND };
        held.remove(place);
        Code::SUCCESS
    }
}

impl Held {
    fn is(&self, (algorithm, blob): (&[u8], &[u8])) -> bool {
        self.algorithm == algorithm && self.blob == blob
    }

    fn show(&self, server: &Server, output: &mut Output<'_>) -> Result<(), Refused> {
        let attributes: Vec<_> = self.attributes.iter().map(|(name, value)| Attribute { name, value }).collect();
        let key = Key { algorithm: &self.algorithm, blob: &self.blob, attributes: Sequence::new(&attributes) };
        server.key(&key, output)
    }
}

impl Subsystem {
    /// What these bytes of the client's are answered with. The version comes with the first answer, asked or not.
    ///
    /// # Errors
    /// Those of the machine; what it owes the client then is still to be [said](Self::farewell).
    pub fn answer(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut said = Vec::new();
        loop {
            let mut output = Output::new(&mut self.space);
            self.machine.flush(&mut output).expect("room for any answer");
            let before = bytes.len();
            let request = self.machine.recv(&mut self.gather, &mut bytes)?;
            let idle = request.is_none() && bytes.len() == before && !self.machine.owes_output();
            if let Some(request) = request {
                give(&mut self.machine, &self.keys, &request, &mut output).expect("room for any answer");
            }
            let filled = output.filled();
            said.extend_from_slice(&self.space[..filled]);
            if idle {
                return Ok(said);
            }
        }
    }

    /// What is owed after an error.
    pub fn farewell(&mut self) -> Vec<u8> {
        let mut output = Output::new(&mut self.space);
        self.machine.flush(&mut output).expect("room for a status");
        let filled = output.filled();
        self.space[..filled].to_vec()
    }

    /// The client has ended the stream.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn hung_up(&self) -> Result<(), Error> {
        self.machine.hung_up()
    }
}

fn give(machine: &mut Server, keys: &Keys, request: &Request<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
    let code = match *request {
        Request::Add { algorithm, blob, overwrite, attributes } => keys.add((algorithm, blob), overwrite, attributes),
        Request::Remove { algorithm, blob } => keys.remove((algorithm, blob)),
        Request::List => {
            keys.held().iter().try_for_each(|key| key.show(machine, output))?;
            Code::SUCCESS
        }
        Request::Attributes => {
            let mut all = UNDERSTOOD.iter();
            all.try_for_each(|(name, compulsory)| machine.attribute(name.as_bytes(), *compulsory, output))?;
            Code::SUCCESS
        }
    };
    machine.status(code, if code == Code::SUCCESS { b"" } else { b"not so" }, output)
}
