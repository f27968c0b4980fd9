//! Files on the server, `ssh2.sftp`.
