//! Keys as `ssh-keyscan` prints them: lines of known_hosts, records for the DNS, or certificates alone.

use crate::arguments::{Job, Target};
use sanssh_core::Random;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::known_hosts::{hashed_line, line};
use sanssh_core::file::sshfp::Record;

/// The lines for a key of a target.
pub(crate) fn lines(job: &Job, target: &Target, key: &PublicKeyBuf) -> Result<String, String> {
    if job.records {
        let records = |name: &String| Record::of(key).iter().map(|it| it.line(name) + "\n").collect::<String>();
        return Ok(target.names.iter().map(records).collect());
    }
    if job.certificates {
        return Ok(key.line("") + "\n");
    }
    let wrong = |name: &str| format!("\"{name}\" is not the name of a host");
    let plain = |name: &String| line(name, job.port, key).map_err(|_| wrong(name));
    if job.hashed {
        let mut random = Random::new(&sanssh_std::seed().map_err(|error| error.to_string())?);
        let mut hashed = |name| hashed_line(name, job.port, key, &random.array()).map_err(|_| wrong(name));
        return target.names.iter().map(|name| hashed(name)).collect();
    }
    let lines: Vec<_> = target.names.iter().map(plain).collect::<Result<_, _>>()?;
    // Names without a port share a line.
    let names: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    Ok(if job.port == 22 { format!("{} {key}\n", names.join(",")) } else { lines.concat() })
}
