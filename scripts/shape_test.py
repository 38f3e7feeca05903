"""Shows what `shape.py` counts as a function, as code and as an assertion."""

import contextlib
import io
import unittest

from shape import code_counts, functions_of, percentile, shape

HOSTILE = '''\
//! fn in_a_comment() {}
/* fn nested() { /* } */ } */
pub trait Port {
    fn without_body(&self, of: [u8; 4]) -> Result<(), fn(u8) -> u8>;
}

pub async fn one<'a, const N: usize>(text: &'a str, of: [u8; 2]) -> [char; 3]
where
    &'a str: Sized,
{
    let brace = "} // no end \\" }";
    let raw = r##"}"# " }"##;
    ['}', '\\'', '"'] // }
}

fn r#type() { let inner = |x: u8| { x }; }
'''


class ShapeTest(unittest.TestCase):
    def test_functions_are_measured_from_their_fn_to_their_last_brace(self):
        self.assertEqual(list(functions_of(HOSTILE)), [("one", 7, 8), ("r#type", 16, 1)])

    def test_comments_and_blank_lines_are_no_code(self):
        self.assertEqual(code_counts({"crates/a/src/lib.rs": HOSTILE})["crates"], (1, 12, 0))
        text = 'const A: &str = "\n// text\n";\n/*\n\n*/\n'
        self.assertEqual(code_counts({"tests/a/src/lib.rs": text})["tests"], (1, 3, 0))

    def test_assertions_are_macros_and_functions_that_are_named_so(self):
        macros = "assert!(a); debug_assert_eq!(a, b); prop_assert!(c); insta::assert_snapshot!(d);"
        functions = "assert_copied(e); assert_kind::<A>(f);"
        none = "fn assert_copied() {} use a::assert_copied; // assert!(a)\nlet a = \"assert!(a)\"; my_assert(b);"
        for text, count in ((macros, 4), (functions, 2), (none, 0)):
            self.assertEqual(code_counts({"crates/a/tests/a.rs": text})["tests"][2], count)

    def test_a_percentile_is_one_of_the_values(self):
        self.assertEqual([percentile(range(1, 11), percent) for percent in (50, 90)], [5, 9])
        self.assertEqual(percentile([7], 90), 7)

    def test_what_is_too_long_is_named(self):
        files = {"crates/a/src/a.rs": "\nfn long() {\n" + "    a();\n" * 49 + "}\n", "crates/a/src/b.rs": "//\n" * 401}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(shape("crates", files), 5)
        self.assertIn("crates/a/src/a.rs:2: fn long: 51 lines", printed.getvalue())
        self.assertIn("crates/a/src/b.rs: 401 lines", printed.getvalue())

    def test_what_is_short_passes(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(shape("crates", {"crates/a/src/a.rs": "fn a() {\n}\n"}), 0)


if __name__ == "__main__":
    unittest.main()
