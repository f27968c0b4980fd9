#![no_std]
#![no_main]
#[cortex_m_rt::entry]
fn main() -> ! { sanssh_firmware::board::stop(true) }
