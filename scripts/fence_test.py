"""Shows that each rule of the fence fires, and that a right tree passes."""

import tempfile
import unittest
from pathlib import Path

from fence import offences

# A face, two files behind it, and a higher floor that imports through the face.
RIGHT = {
    "lib.rs": "pub mod copy;\npub mod object;\npub mod store;\npub use store::Source;\n",
    "object.rs": "mod key;\npub use key::ObjectKey;\n",
    "object/key.rs": "pub struct ObjectKey;\n",
    "store.rs": "mod error;\nmod source;\npub use self::{error::StoreError, source::Source as Source};\n",
    "store/error.rs": "pub struct StoreError;\n",
    "store/source.rs": "use super::error::StoreError;\nuse crate::object::ObjectKey;\npub struct Source;\n",
    "copy.rs": "mod copy_object;\nmod attempt;\n",
    "copy/attempt.rs": "mod leg;\npub(crate) use leg::*;\n",
    "copy/attempt/leg.rs": "use crate::store::{self, StoreError};\npub struct Leg(store::Source);\n",
    "copy/copy_object.rs": "use super::attempt::Leg;\n",
}


class FenceTest(unittest.TestCase):
    def found(self, changes=None, crate="longhaul"):
        """What the fence finds in the right tree with `changes`, which are files of `src`."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (RIGHT | (changes or {})).items():
                file = Path(folder, "crates", crate, "src", name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return list(offences(Path(folder)))

    def assert_found(self, changes, *parts, crate="longhaul"):
        found = self.found(changes, crate)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def assert_clean(self, changes):
        self.assertEqual(self.found(changes), [])

    def test_a_right_tree_passes(self):
        self.assert_clean({})

    def test_a_lower_floor_does_not_import_a_higher_one(self):
        self.assert_found(
            {
                "store/error.rs": "use std::{fmt,\n io};\nuse crate::copy::attempt::Leg as L;\nstruct StoreError;\n",
                "copy/attempt/leg.rs": "pub struct Leg;\n",
            },
            "crates/longhaul/src/store/error.rs:3: use crate::copy::attempt::Leg as L: ",
            'lower floor "store" imports higher "copy"',
        )

    def test_floors_hold_inside_a_folder(self):
        self.assert_found(
            {"copy/attempt/leg.rs": "pub struct Leg;\nfn go() { crate::copy::copy_object::run() }\n"}
            | {"copy/copy_object.rs": "pub fn run() {}\n"},
            'leg.rs:2: crate::copy::copy_object::run: lower floor "attempt" imports higher "copy_object"',
        )

    def test_siblings_on_one_floor_do_not_import_each_other(self):
        self.assert_found(
            {"queue.rs": "use crate::copy::copy_object::run;\n", "copy/copy_object.rs": "pub fn run() {}\n"},
            'queue.rs:1: use crate::copy::copy_object::run: floor "queue" imports "copy" beside it',
        )

    def test_an_import_through_a_lower_face_is_held_to_where_the_item_is(self):
        face = "mod key;\npub use key::ObjectKey;\n"
        for upwards in ("pub use crate::store::StoreError as Oops;\n", "use crate::store as above;\n"):
            self.assert_found({"object.rs": face + upwards}, "object.rs:3:", '"object" imports higher "store"')

    def test_a_module_that_is_imported_whole_is_followed(self):
        found = self.found({"text.rs": "use crate::store;\nfn f() -> store::Source { todo!() }\n"})
        self.assertEqual(len(found), 2, found)
        self.assertIn('text.rs:1: use crate::store: lower floor "text" imports higher "store"', found[0])
        self.assertIn('text.rs:2: store::Source: lower floor "text" imports higher "store"', found[1])

    def test_a_glob_does_not_hide_what_is_above(self):
        changes = {"object/key.rs": "use crate::store::*;\npub struct ObjectKey;\n"}
        self.assert_found(changes, "key.rs:1: use crate::store::*", 'higher "store"')

    def test_a_glob_in_a_face_does_not_pass_on_what_is_imported_privately(self):
        changes = {
            "store.rs": "mod error;\nmod source;\npub use error::*;\npub use source::*;\n",
            "store/error.rs": "use super::source::Source;\npub struct StoreError;\n",
            "store/source.rs": "pub struct Source;\n",
            "copy/attempt/leg.rs": "use crate::store::Source;\npub struct Leg;\n",
            "object/key.rs": "use crate::store::Source;\npub struct ObjectKey;\n",
        }
        self.assert_found(changes, "key.rs:1: use crate::store::Source", 'higher "store"')

    def test_a_new_folder_needs_a_floor(self):
        self.assert_found({"news.rs": ""}, "longhaul: FLOORS", "does not name news")

    def test_floors_of_the_adapters(self):
        changes = {"sdk.rs": "use crate::s3::S3;\n", "s3.rs": "pub struct S3;\n"}
        found = "\n".join(self.found(changes, crate="longhaul-aws"))
        self.assertIn('sdk.rs:1: use crate::s3::S3: lower floor "sdk" imports higher "s3"', found)

    def test_a_child_does_not_import_through_its_face(self):
        for text in ("use crate::store::StoreError;", "use super::StoreError;", "fn f(_: super::StoreError) {}"):
            changes = {"store/source.rs": text + "\npub struct Source;\n"}
            self.assert_found(changes, "source.rs:1:", "through the face", "src/store/error.rs")

    def test_a_child_may_name_its_sibling_by_the_whole_path(self):
        text = "use crate::store::error::{self, StoreError as E};\npub struct Source;\n"
        self.assert_clean({"store/source.rs": text})

    def test_the_face_of_a_crate_is_a_face(self):
        self.assert_found({"copy/copy_object.rs": "use crate::Source;\n"}, "rs:1: use crate::Source", "face")

    def test_a_circle_is_found_through_a_face(self):
        found = self.found({"store/error.rs": "use super::source::Source;\npub struct StoreError;\n"})
        self.assertEqual(len(found), 1, found)
        self.assertIn("circle of 2 files:\n    crates/longhaul/src/store/error.rs:1: use super::source", found[0])
        self.assertIn("store/source.rs:1: use super::error::StoreError  <- closes it", found[0])

    def test_circles_are_found_in_every_crate(self):
        changes = {
            "a.rs": "use crate::b::B;\n",
            "b.rs": "pub use crate::c::B;\nuse crate::a;\n",
            "c.rs": "use {crate::{a::{self, x}}};\npub struct B;\n",
        }
        found = self.found(changes, crate="elsewhere")
        self.assertEqual(len(found), 1, found)
        self.assertIn("circle of 2 files", found[0])
        self.assertIn("c.rs:1: use crate::a", found[0])

    def test_what_is_there_for_tests_is_not_counted(self):
        tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::copy::Leg;\n}\n"
        one_item = (
            "#[cfg(test)]\nuse crate::copy::attempt::Leg;\n"
            "#[cfg(all(test, unix))]\n#[derive(Debug)]\nstruct A { leg: crate::copy::attempt::Leg }\n"
        )
        self.assert_clean({"store/error.rs": tests + one_item + "pub struct StoreError;\n"})
        self.assert_clean({"store/error_tests.rs": "use crate::copy::attempt::Leg;\n"})

    def test_a_path_in_an_attribute_is_an_import(self):
        text = "#[arg(value_parser = crate::copy::attempt::leg::parse)]\npub struct StoreError;\n"
        changes = {"store/error.rs": text, "copy/attempt/leg.rs": "pub struct Leg;\n"}
        self.assert_found(changes, "error.rs:1: crate::copy::attempt::leg::parse", 'higher "copy"')

    def test_comments_and_literals_are_no_imports(self):
        text = (
            "//! [`Leg`](crate::copy::attempt::Leg)\n/* use crate::copy; /* nested */ use crate::copy; */\n"
            'const A: &str = "use crate::copy; \\" use crate::copy;";\nconst B: &str = r#"" use crate::copy;"#;\n'
            "const C: (char, char) = ('\"', '\\'');\nfn f<'a>(_: &'a str) {}\npub(in crate::store) struct StoreError;\n"
        )
        self.assert_clean({"store/error.rs": text})

    def test_a_folder_holds_fourteen_files(self):
        files = {f"memory/m{i}.rs": "" for i in range(14)} | {"memory.rs": ""}
        self.assert_clean(files)
        self.assert_found(files | {"memory/m14.rs": ""}, "crates/longhaul/src/memory: 15 files")


if __name__ == "__main__":
    unittest.main()
