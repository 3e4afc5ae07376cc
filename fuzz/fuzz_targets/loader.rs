//! `osp validate -` on any bytes: what the proptests hold the loader against,
//! and by libFuzzer's limits that it takes no second and no memory.
#![no_main]

#[path = "../../tests/it/osp/sound.rs"]
mod sound;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // one output for each text: all five would take more time than the loader
    let format = sound::FORMATS[bytes.len() % sound::FORMATS.len()];
    if let Err(fault) = sound::sound(bytes, &[format]) {
        panic!("{fault}");
    }
});
