#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|bytes: &[u8]| sanssh_tests::fuzz::pubkey(bytes));
