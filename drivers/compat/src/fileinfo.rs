//! What scp tells of a file before it sends it, `ssh2.fileinfo`: size, mode and times are the server's word, and what scp
//! does not tell is 0.

/// What is known of a file, as `stat` has it: of [`scp_recv2`](crate::session::Session::scp_recv2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileInfo {
    /// Size in bytes.
    pub st_size: u64,
    /// Permission bits alone, such as `0o644`.
    pub st_mode: u32,
    /// Time of the last change, in seconds since 1970; 0 if not told.
    pub st_mtime: i64,
    /// Time of the last access, in seconds since 1970; 0 if not told.
    pub st_atime: i64,
    /// Not told by scp: 0.
    pub st_ino: u64,
    /// Not told by scp: 0.
    pub st_nlink: u64,
    /// Not told by scp: 0.
    pub st_uid: u32,
    /// Not told by scp: 0.
    pub st_gid: u32,
    /// Not told by scp: 0.
    pub st_rdev: u64,
    /// Not told by scp: 0.
    pub st_blksize: i64,
    /// Not told by scp: 0.
    pub st_blocks: i64,
    /// Not told by scp: 0.
    pub st_ctime: i64,
}
