//! An open file or directory on the server, `ssh2.sftp_handle`.
