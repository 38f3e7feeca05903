//! Makes hostile inputs out of honest ones. The same seed and corpus make the same inputs.

/// The longest input. Nothing that longhaul parses at once is longer but an ignore list, and that is only more of the same.
const MAX_INPUT: usize = 64 * 1024;

/// What the formats mean something by, and what breaks parsers.
const TOKENS: [&[u8]; 46] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"\\",
    b"\n",
    b"\r\n",
    b"\0",
    b"#",
    b"=",
    b"null",
    b"true",
    b"false",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0.1",
    b"\\u0000",
    b"\\ud800",
    b"%",
    b"%00",
    b"%FF",
    b"%2F",
    b"+",
    b"*",
    b"?",
    b"[!",
    b"[]",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xf0\x9f\x98\x80",
    b"\x1f\x8b\x08",
    b"s3://",
    b"../",
    b"//",
    b"key",
    b"size",
    b"segment",
    b"generation",
    b"range",
    b"longhaul",
    b"\xef\xbf\xbf",
    b" ",
];

/// Mutates a corpus.
pub(crate) struct Mutator {
    random: fastrand::Rng,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), corpus }
    }

    /// The next input: one of the corpus, changed in one to eight places.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.one();
        for _ in 0..self.random.usize(1..=8) {
            self.change(&mut input);
        }
        input.truncate(MAX_INPUT);
        input
    }

    fn one(&mut self) -> Vec<u8> {
        self.corpus[self.random.usize(..self.corpus.len())].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (start, end) = self.span(input.len());
        match self.random.u8(..9) {
            0 => drop(input.drain(start..end)),
            1 => {
                let token = TOKENS[self.random.usize(..TOKENS.len())];
                input.splice(start..start, token.iter().copied());
            }
            2 => {
                let token = TOKENS[self.random.usize(..TOKENS.len())];
                input.splice(start..end, token.iter().copied());
            }
            3 if start < input.len() => input[start] ^= 1 << self.random.u8(..8),
            4 if start < input.len() => input[start] = self.random.u8(..),
            5 => {
                let piece = input[start..end].to_vec();
                input.splice(start..start, piece);
            }
            6 => {
                // Deep nesting, long lines, long numbers.
                let piece = input[start..end.min(start + 16)].to_vec();
                let times = 1 << self.random.u8(..12);
                input.splice(start..start, piece.repeat(times));
            }
            7 => {
                let other = self.one();
                let (from, to) = self.span(other.len());
                input.splice(start..end, other[from..to].iter().copied());
            }
            _ => input.truncate(start),
        }
        input.truncate(MAX_INPUT);
    }

    /// Two places in an input of this length, in their order.
    fn span(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.random.usize(..=length), self.random.usize(..=length));
        (one.min(other), one.max(other))
    }
}
