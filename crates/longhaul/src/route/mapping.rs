//! How source keys become destination keys: byte for byte, without any normalisation.

use serde::{Deserialize, Serialize};

use crate::{
    object::{KeyError, ObjectKey},
    route::key_range::KeyRange,
};

/// The same slice of keys at the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationBounds {
    /// Only keys behind this text; `None` is the beginning.
    pub after: Option<String>,
    /// The last key that may belong to it; `None` is the end.
    pub until: Option<String>,
}

/// A slice of the source's keys and where they go.
///
/// Keys that begin with `source_prefix` lose their first `strip` bytes and gain `destination_prefix`. Since both sides then
/// differ by a constant prefix only, the two listings have the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    source_prefix: String,
    strip: usize,
    destination_prefix: String,
    single: Option<(ObjectKey, ObjectKey)>,
}

impl Route {
    /// All keys under the folder `source` land under the folder `destination` with the rest of their names:
    /// `photos` → `p` brings `photos/a//b` to `p/a//b`. A trailing `/` makes no difference; an empty text is the whole bucket.
    pub fn folder(source: &str, destination: &str) -> Self {
        let source_prefix = as_folder(source);
        Self { strip: source_prefix.len(), source_prefix, destination_prefix: as_folder(destination), single: None }
    }

    /// Keys that begin with `source` keep their whole names under `destination`, as the original's routes have it.
    pub fn keeping_names(source: &str, destination: &str) -> Self {
        Self { source_prefix: source.to_owned(), strip: 0, destination_prefix: as_folder(destination), single: None }
    }

    /// One object.
    pub fn single(source: ObjectKey, destination: ObjectKey) -> Self {
        Self {
            source_prefix: source.as_str().to_owned(),
            strip: source.as_str().len(),
            destination_prefix: destination.as_str().to_owned(),
            single: Some((source, destination)),
        }
    }

    /// Source and destination key, if the route is for one object.
    pub fn as_single(&self) -> Option<&(ObjectKey, ObjectKey)> {
        self.single.as_ref()
    }

    /// What to list at the source.
    pub fn source_prefix(&self) -> &str {
        &self.source_prefix
    }

    /// What to list at the destination. Where names are kept, the destination's listing is narrowed as the source's is.
    pub fn destination_list_prefix(&self) -> String {
        format!("{}{}", self.destination_prefix, &self.source_prefix[self.strip..])
    }

    /// The part of a source key that both sides share.
    pub fn source_rest<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        key.as_str().starts_with(&self.source_prefix).then(|| &key.as_str()[self.strip..])
    }

    /// The part of a destination key that both sides share.
    pub fn destination_rest<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        key.as_str().strip_prefix(self.destination_prefix.as_str())
    }

    /// Where the counterparts of a range's keys are: all between these bounds, since both sides have the same order.
    pub fn destination_bounds(&self, range: &KeyRange) -> DestinationBounds {
        let mapped = |bound: &str| {
            let rest = bound.strip_prefix(&self.source_prefix[..self.strip])?;
            let mapped = format!("{}{rest}", self.destination_prefix);
            Some(mapped).filter(|mapped| bound.starts_with(&self.source_prefix) && !mapped.is_empty())
        };
        // A bound that does not begin as the route's keys do lies before or behind all of them.
        DestinationBounds { after: mapped(&range.after), until: range.until.as_deref().and_then(mapped) }
    }

    /// Whether, where both sides are one bucket, its copies would be keys of it again: each would be copied once more, for ever.
    pub fn leads_into_itself(&self) -> bool {
        match &self.single {
            Some((source, destination)) => source == destination,
            None => self.destination_list_prefix().starts_with(&self.source_prefix),
        }
    }

    /// Where a source key goes. The source folder's own marker (`photos/`) becomes that of the destination folder; at the root of
    /// a bucket or folder there is no place for it.
    pub fn map(&self, key: &ObjectKey) -> Option<Result<ObjectKey, KeyError>> {
        let rest = self.source_rest(key)?;
        if rest.is_empty() && self.single.is_none() && self.destination_prefix.is_empty() {
            return None;
        }
        Some(ObjectKey::new(format!("{}{rest}", self.destination_prefix)))
    }
}

/// A route as people write it: buckets and prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRoute {
    /// Source bucket.
    pub src_bucket: String,
    /// Only keys that begin with this text.
    pub src_prefix: String,
    /// Destination bucket.
    pub des_bucket: String,
    /// The folder that destination keys get. A `/` at its end makes no difference.
    pub des_prefix: String,
    /// Whether destination keys go without the source prefix. The prefix is a folder then: `photos` and `photos/` are
    /// the same, and do not mean `photos-old/`.
    pub strip_src_prefix: bool,
    /// The list of the keys that are meant, if not all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_from: Option<KeyListPlace>,
}

/// Where a list of keys is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyListPlace {
    /// Its bucket, in the account that the source is in.
    pub bucket: String,
    /// Its key.
    pub key: ObjectKey,
}

impl NamedRoute {
    /// How keys are mapped.
    pub fn route(&self) -> Route {
        if self.strip_src_prefix {
            Route::folder(&self.src_prefix, &self.des_prefix)
        } else {
            Route::keeping_names(&self.src_prefix, &self.des_prefix)
        }
    }
}

fn as_folder(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> ObjectKey {
        ObjectKey::new(text).unwrap()
    }

    fn mapped(route: &Route, text: &str) -> String {
        route.map(&key(text)).unwrap().unwrap().into()
    }

    #[test]
    fn awkward_keys_survive_byte_for_byte() {
        let route = Route::folder("", "p");
        for awkward in ["a//b", "/lead", "dir/", "..", "../up", "a b+c%20", "日本語/ü", "\u{1}"] {
            assert_eq!(mapped(&route, awkward), format!("p/{awkward}"));
        }
    }

    #[test]
    fn a_trailing_slash_of_either_side_changes_nothing() {
        assert_eq!(Route::folder("photos", "p"), Route::folder("photos/", "p/"));
        assert_eq!(Route::keeping_names("photos", "p"), Route::keeping_names("photos", "p/"));
    }

    #[test]
    fn a_route_that_keeps_names_adds_the_prefix_to_the_whole_key() {
        let route = Route::keeping_names("photos", "p");
        assert_eq!(mapped(&route, "photos/2026/a.jpg"), "p/photos/2026/a.jpg");
        assert_eq!(route.destination_list_prefix(), "p/photos");
    }

    #[test]
    fn the_marker_of_the_source_folder_becomes_that_of_the_destination_folder() {
        assert_eq!(mapped(&Route::folder("photos", "p"), "photos/"), "p/");
        assert_eq!(Route::folder("photos", "").map(&key("photos/")), None);
        assert_eq!(Route::folder("photos", "p").map(&key("photosynthesis")), None);
    }

    #[test]
    fn a_route_leads_into_itself_where_its_copies_are_keys_of_it_again() {
        for (source, destination) in [("", ""), ("", "p"), ("photos", ""), ("photos", "photos"), ("a/", "a/b")] {
            assert!(Route::keeping_names(source, destination).leads_into_itself(), "{source} to {destination}");
        }
        for (source, destination) in [("photos/", "copies"), ("photos", "p"), ("a/b/", "a/c")] {
            assert!(!Route::keeping_names(source, destination).leads_into_itself(), "{source} to {destination}");
        }
        for (source, destination) in [("", ""), ("", "p"), ("photos", "photos"), ("a", "a/b")] {
            assert!(Route::folder(source, destination).leads_into_itself(), "{source} to {destination}");
        }
        for (source, destination) in [("photos", ""), ("photos", "p"), ("a/b", "a")] {
            assert!(!Route::folder(source, destination).leads_into_itself(), "{source} to {destination}");
        }
        assert!(Route::single(key("a"), key("a")).leads_into_itself());
        assert!(!Route::single(key("a"), key("ab")).leads_into_itself());
    }

    #[test]
    fn bounds_are_mapped_as_keys_are() {
        let range = KeyRange { after: "photos/2026".into(), until: Some("photos/2027/x".into()) };
        let bounds =
            |after: &str, until: &str| DestinationBounds { after: Some(after.into()), until: Some(until.into()) };
        assert_eq!(Route::folder("photos", "p").destination_bounds(&range), bounds("p/2026", "p/2027/x"));
        let keeping = Route::keeping_names("photos", "p");
        assert_eq!(keeping.destination_bounds(&range), bounds("p/photos/2026", "p/photos/2027/x"));
        let whole = DestinationBounds { after: None, until: None };
        assert_eq!(keeping.destination_bounds(&KeyRange::all()), whole);
        assert_eq!(Route::folder("", "p").destination_bounds(&KeyRange::all().behind("k")).after, Some("p/k".into()));
    }

    #[test]
    fn a_key_that_grows_too_long_is_an_error_and_not_cut() {
        let mapped = Route::folder("", "p").map(&key(&"k".repeat(1023)));
        assert_eq!(mapped, Some(Err(KeyError { length: 1025 })));
    }

    proptest! {
        #[test]
        fn mapping_keeps_order_and_can_be_undone(mut names in proptest::collection::vec("[a-c/ü%+]{1,6}", 2..20)) {
            let route = Route::folder("src", "dst");
            names.sort();
            names.dedup();
            let keys: Vec<_> = names.iter().map(|name| key(&format!("src/{name}"))).collect();
            let mapped: Vec<_> = keys.iter().map(|key| route.map(key).unwrap().unwrap()).collect();
            prop_assert!(mapped.is_sorted());
            for (key, mapped) in keys.iter().zip(&mapped) {
                prop_assert_eq!(route.source_rest(key), route.destination_rest(mapped));
            }
        }
    }
}
