//! Ignore lists mean what Python's `fnmatch.fnmatchcase` means: by a committed corpus, and, where there is a Python, by
//! asking it about new patterns.

#![expect(clippy::disallowed_methods, reason = "a test brings the clock and the environment, as a binary does")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use longhaul::route::IgnoreList;

fn matches(pattern: &str, name: &str) -> bool {
    IgnoreList::of_patterns([pattern]).unwrap().matches(name)
}

#[test]
fn the_corpus_of_python_s_answers_is_met() {
    let corpus = include_str!("../fixtures/fnmatch.jsonl");
    let mut positive = 0;
    for line in corpus.lines() {
        let (pattern, name, expected): (String, String, bool) = serde_json::from_str(line).unwrap();
        assert_eq!(matches(&pattern, &name), expected, "{pattern:?} on {name:?}");
        positive += usize::from(expected);
    }
    assert!(positive > 400, "the corpus has too few matches to prove anything: {positive}");
}

#[test]
fn python_agrees_about_patterns_of_this_run() {
    let seed: u64 = std::env::var("LONGHAUL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(fastrand::u64(..));
    println!("LONGHAUL_SEED={seed}");
    let cases = cases(&mut fastrand::Rng::with_seed(seed));
    let Some(answers) = ask_python(&cases) else {
        println!("not run: there is no python3; the committed corpus stands for it");
        return;
    };
    assert_eq!(answers.len(), cases.len());
    for ((pattern, name), expected) in cases.iter().zip(answers) {
        assert_eq!(matches(pattern, name), expected, "seed {seed}: {pattern:?} on {name:?}");
    }
}

fn cases(random: &mut fastrand::Rng) -> Vec<(String, String)> {
    const ALPHABET: &[char] = &[
        'a', 'b', 'z', '/', '-', '!', '^', ']', '[', '[', '*', '?', 'é', '日', '\\', '{', '}', ',', '#', '&', '~', '|',
    ];
    let mut text = |longest: usize| -> String {
        (0..random.usize(0..=longest)).map(|_| ALPHABET[random.usize(..ALPHABET.len())]).collect()
    };
    (0..5000).map(|_| (text(7), text(5))).collect()
}

fn ask_python(cases: &[(String, String)]) -> Option<Vec<bool>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ask_fnmatch.py");
    let mut command = Command::new("python3");
    command.arg(script).env("PYTHONIOENCODING", "utf-8").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| serde_json::to_string(case).unwrap() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "python3 failed");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(|line| line == "1").collect())
}
