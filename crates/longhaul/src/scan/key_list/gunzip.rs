//! Unpacks a gzip body chunk by chunk, with a bound on what one step gives.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

/// How many packed bytes one step takes. Deflate unpacks a byte to at most 1,032 (zlib, "Maximum Compression Factor"), so that
/// a step gives at most half a mebibyte, whatever the file was made for.
const STEP: usize = 512;

/// The first bytes of every gzip file (RFC 1952, section 2.3.1).
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A gzip body that is being unpacked. Several members behind one another are one body.
pub struct Gunzip(MultiGzDecoder<Vec<u8>>);

impl Gunzip {
    /// Nothing is unpacked yet.
    pub fn new() -> Self {
        Self(MultiGzDecoder::new(Vec::new()))
    }

    /// Takes some bytes from the front of `packed`, and gives what they unpack to, which may be nothing.
    pub fn step(&mut self, packed: &mut &[u8]) -> io::Result<Vec<u8>> {
        let (now, later) = packed.split_at(packed.len().min(STEP));
        *packed = later;
        self.0.write_all(now)?;
        // What is still inside the decoder comes out with its next bytes, or at its end.
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// The rest. A body that breaks off, or whose checksum differs, is an error.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

impl Default for Gunzip {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// What it unpacks to, and the most that one step gave.
    fn unpacked(mut body: &[u8]) -> io::Result<(Vec<u8>, usize)> {
        let (mut gunzip, mut all, mut most) = (Gunzip::new(), Vec::new(), 0);
        while !body.is_empty() {
            let some = gunzip.step(&mut body)?;
            most = most.max(some.len());
            all.extend(some);
        }
        all.extend(gunzip.finish()?);
        Ok((all, most))
    }

    #[test]
    fn members_behind_one_another_are_one_body() {
        let body = [packed(b"one\n"), packed(b""), packed(b"two\n")].concat();
        assert_eq!(unpacked(&body).unwrap().0, b"one\ntwo\n");
    }

    #[test]
    fn a_body_that_breaks_off_or_is_damaged_is_an_error() {
        let body = packed(b"photos/2026/a.jpg\nphotos/2026/b.jpg\n");
        for end in 1..body.len() {
            assert!(unpacked(&body[..end]).is_err(), "cut at {end}");
        }
        let mut damaged = body.clone();
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        assert!(unpacked(&damaged).is_err());
    }

    #[test]
    fn a_bomb_goes_off_in_small_steps() {
        let bomb = packed(&vec![0; 64 << 20]);
        let (all, most) = unpacked(&bomb).unwrap();
        assert_eq!(all.len(), 64 << 20);
        assert!(most <= 1 << 20, "{most} bytes in one step");
    }
}
