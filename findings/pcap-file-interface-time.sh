#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Rust crate pcap-file 2.0.0 has the time of each packet of a pcapng file in nanoseconds. By the format's specification
# (draft-ietf-opsawg-pcapng, 4.2) an interface tells in if_tsresol what its times count, and they count microseconds where it tells
# nothing. The crate looks at that neither when it reads nor when it writes. Seen: a packet of September 2026 is read as of January 1970, and
# one that is written for 2026 others read as of the year 58692. It is the newest release; candidates of 3.0.0 look.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_HOME="$work/cargo" CARGO_TARGET_DIR="$work/target"
mkdir -p "$work/seen/src"
cd "$work/seen"
cat >Cargo.toml <<'CARGO'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"

[dependencies]
pcap-file = "=2.0.0"
CARGO
cat >src/main.rs <<'RUST'
use pcap_file::pcapng::blocks::{enhanced_packet::EnhancedPacketBlock, interface_description::InterfaceDescriptionBlock};
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use pcap_file::DataLink;
use std::time::Duration;

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (12 + body.len() as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

fn main() {
    let time = 1_790_000_000u64; // 21 September 2026, 14:13:20 UTC
    let micros = time * 1_000_000;
    let section = [&0x1a2b3c4du32.to_le_bytes()[..], &1u32.to_le_bytes(), &(-1i64).to_le_bytes()].concat();
    let interface = [1u32.to_le_bytes(), 0u32.to_le_bytes()].concat(); // Ethernet, no options
    let fields = [0, (micros >> 32) as u32, micros as u32, 4, 4, 0xffffffff].map(u32::to_le_bytes).concat();
    let file = [block(0x0a0d0d0a, &section), block(1, &interface), block(6, &fields)].concat();
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    while let Some(next) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = next.unwrap() {
            println!("read: {} of {time} seconds", packet.timestamp.as_secs());
        }
    }

    let mut writer = PcapNgWriter::new(Vec::new()).unwrap();
    writer.write_pcapng_block(InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: 0, options: vec![] }).unwrap();
    let timestamp = Duration::from_secs(time);
    let packet = EnhancedPacketBlock { interface_id: 0, timestamp, original_len: 4, data: vec![255; 4].into(), options: vec![] };
    writer.write_pcapng_block(packet).unwrap();
    let written = writer.into_inner();
    let at = written.len() - 24; // the time's upper half, before its lower half, both lengths, the data and the block's length
    let half = |from: usize| u64::from(u32::from_le_bytes(written[from..from + 4].try_into().unwrap()));
    println!("written: {} of {micros} microseconds", half(at) << 32 | half(at + 4));
}
RUST
cargo run --quiet | tee ../output
diff ../output - <<'SEEN'
read: 1790000 of 1790000000 seconds
written: 1790000000000000000 of 1790000000000000 microseconds
SEEN
