//! Pages of keys and versions.
//!
//! Keys come in byte order. A page never costs more than the keys it shows: common prefixes are skipped by seeking.

use std::{ops::Bound, sync::Arc, time::SystemTime};

use crate::{
    bucket::Bucket,
    checksum::{Algorithm, ChecksumKind},
    object::{Object, Version},
    order::Order,
    synthetic::synthetic_etag,
};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    Beginning,
    Key(String),
    /// Behind every key with this prefix.
    Prefix(String),
}

#[derive(Debug, Clone)]
pub(crate) struct ListQuery {
    pub prefix: String,
    pub delimiter: Option<String>,
    pub after: After,
    pub max: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub key: String,
    pub size: u64,
    pub etag: String,
    pub modified: SystemTime,
    pub storage_class: String,
    pub checksum: Option<(Algorithm, ChecksumKind)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ListPage {
    pub objects: Vec<Listed>,
    pub prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<After>,
}

/// The page of `bucket` that `query` asks for.
pub(crate) fn list(bucket: &Bucket, query: &ListQuery) -> ListPage {
    let mut page = ListPage::default();
    let mut after = query.after.clone();
    if query.max == 0 {
        return page;
    }
    loop {
        match list_until_prefix(bucket, query, &after, &mut page) {
            Step::Skip(prefix) => {
                page.prefixes.push(prefix.clone());
                after = After::Prefix(prefix);
            }
            Step::Full(last) => {
                // With nothing on the page yet, what follows is what was asked for.
                page.next = Some(last.unwrap_or(after));
                break;
            }
            Step::End => break,
        }
    }
    page
}

enum Step {
    /// A common prefix was met: show it and go on behind it.
    Skip(String),
    /// There is more than the page holds; the key shown last in this step.
    Full(Option<After>),
    End,
}

fn list_until_prefix(bucket: &Bucket, query: &ListQuery, after: &After, page: &mut ListPage) -> Step {
    let mut last = None;
    for listed in objects_after(bucket, &query.prefix, after) {
        if !listed.key.starts_with(&query.prefix) {
            return Step::End;
        }
        if page.objects.len() + page.prefixes.len() == query.max {
            return Step::Full(last.map(After::Key));
        }
        if let Some(prefix) = common_prefix(&listed.key, query) {
            return Step::Skip(prefix);
        }
        last = Some(listed.key.clone());
        page.objects.push(listed);
    }
    Step::End
}

fn common_prefix(key: &str, query: &ListQuery) -> Option<String> {
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let start = query.prefix.len();
    let end = key[start..].find(delimiter)? + delimiter.len();
    Some(key[..start + end].to_owned())
}

fn objects_after<'a>(bucket: &'a Bucket, prefix: &'a str, after: &'a After) -> Box<dyn Iterator<Item = Listed> + 'a> {
    // Nothing of a prefix sorts behind it followed by the greatest character, but for keys that begin with just that.
    let greatest;
    let (lower, skipped) = match after {
        After::Key(key) if key.as_str() >= prefix => (Bound::Excluded(key.as_str()), None),
        After::Beginning | After::Key(_) => (Bound::Included(prefix), None),
        After::Prefix(shown) => {
            greatest = format!("{shown}\u{10FFFF}");
            (Bound::Excluded(greatest.as_str()), Some(shown.as_str()))
        }
    };
    let skip = move |listed: &Listed| skipped.is_some_and(|prefix| listed.key.starts_with(prefix));
    if bucket.order != Order::Bytes {
        return Box::new(in_order(bucket, prefix, after));
    }
    if bucket.synthetic.is_some() {
        return Box::new(synthetic_after(bucket, lower).skip_while(skip));
    }
    let range = bucket.keys.range::<str, _>((lower, Bound::Unbounded));
    let current = range.filter_map(|(key, versions)| Some(listed(key, versions.last()?.object()?)));
    Box::new(current.skip_while(skip))
}

fn in_order<'a>(bucket: &'a Bucket, prefix: &str, after: &After) -> impl Iterator<Item = Listed> + use<'a> {
    let place = |key: &str| bucket.order.place(key);
    let after = match after {
        After::Beginning => None,
        After::Key(text) | After::Prefix(text) => Some(place(text)),
    };
    let keys = bucket.keys.iter().filter(|(key, _)| key.starts_with(prefix)).map(|entry| (place(entry.0), entry));
    let mut keys: Vec<_> = keys.filter(|(place, _)| after.as_ref().is_none_or(|after| place > after)).collect();
    keys.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    keys.into_iter().filter_map(|(_, (key, versions))| Some(listed(key, versions.last()?.object()?)))
}

fn synthetic_after<'a>(bucket: &'a Bucket, lower: Bound<&str>) -> impl Iterator<Item = Listed> + use<'a> {
    let first = bucket.synthetic.as_ref().map_or(0, |keys| {
        keys.first_not(|key| match lower {
            Bound::Included(bound) => key < bound,
            Bound::Excluded(bound) => key <= bound,
            Bound::Unbounded => false,
        })
    });
    let keys = bucket.synthetic.iter();
    keys.flat_map(move |keys| {
        (first..keys.count).map(move |index| Listed {
            key: keys.key(index),
            size: keys.size_of(index),
            etag: synthetic_etag(keys.seed_of(index), keys.size_of(index)),
            modified: bucket.created,
            storage_class: "STANDARD".to_owned(),
            checksum: None,
        })
    })
}

fn listed(key: &str, object: &Arc<Object>) -> Listed {
    Listed {
        key: key.to_owned(),
        size: object.size(),
        etag: object.etag.clone(),
        modified: object.modified,
        storage_class: object.storage_class().to_owned(),
        checksum: object.checksum.as_ref().map(|checksum| (checksum.algorithm, checksum.kind)),
    }
}

/// A version as a listing shows it.
#[derive(Debug, Clone)]
pub(crate) struct ListedVersion {
    pub key: String,
    pub version: Version,
    pub is_latest: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct VersionPage {
    pub versions: Vec<ListedVersion>,
    pub truncated: bool,
}

/// Versions behind the marker (a key, and perhaps one of its versions), newest first within a key.
pub(crate) fn list_versions(
    bucket: &Bucket,
    prefix: &str,
    marker: Option<(&str, Option<&str>)>,
    max: usize,
) -> VersionPage {
    let lower = match marker {
        Some((key, Some(_))) if key >= prefix => Bound::Included(key),
        Some((key, None)) if key >= prefix => Bound::Excluded(key),
        _ => Bound::Included(prefix),
    };
    let mut page = VersionPage::default();
    for (key, versions) in bucket.keys.range::<str, _>((lower, Bound::Unbounded)) {
        if !key.starts_with(prefix) {
            break;
        }
        // Resuming within a key: skip up to and including the version named by the marker.
        let mut resume = marker.filter(|(at, _)| at == key).and_then(|(_, version)| version);
        for (index, version) in versions.iter().enumerate().rev() {
            if let Some(seen) = resume {
                if version.id() == seen {
                    resume = None;
                }
                continue;
            }
            if page.versions.len() == max {
                page.truncated = max > 0;
                return page;
            }
            let is_latest = index + 1 == versions.len();
            page.versions.push(ListedVersion { key: key.clone(), version: version.clone(), is_latest });
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bucket::Versioning, synthetic::SyntheticKeys};

    fn query(max: usize) -> ListQuery {
        ListQuery { prefix: String::new(), delimiter: None, after: After::Beginning, max }
    }

    fn synthetic(count: u64) -> Bucket {
        let mut bucket = Bucket::new(Versioning::Never);
        bucket.synthetic = Some(SyntheticKeys::new(count));
        bucket
    }

    #[test]
    fn pages_of_synthetic_keys_show_every_key_once() {
        let bucket = synthetic(2_500);
        let mut asked = query(1_000);
        let mut keys = Vec::new();
        loop {
            let page = list(&bucket, &asked);
            keys.extend(page.objects.into_iter().map(|listed| listed.key));
            match page.next {
                Some(next) => asked.after = next,
                None => break,
            }
        }
        assert_eq!(keys.len(), 2_500);
        assert!(keys.is_sorted());
        assert_eq!(keys[2_499], "keys/000000002499");
    }

    #[test]
    fn a_synthetic_listing_starts_after_any_string() {
        let page = list(&synthetic(10), &ListQuery { after: After::Key("keys/0000000000075".to_owned()), ..query(1) });
        assert_eq!(page.objects[0].key, "keys/000000000008");
    }

    #[test]
    fn a_common_prefix_is_shown_once_and_skipped() {
        let bucket = synthetic(3_000_000);
        let page = list(&bucket, &ListQuery { delimiter: Some("/".to_owned()), ..query(1_000) });
        assert_eq!((page.objects.len(), page.prefixes), (0, vec!["keys/".to_owned()]));
        assert_eq!(page.next, None);
    }
}
