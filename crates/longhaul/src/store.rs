//! The port to stores, in the words of S3.
//!
//! Read [`source`], then [`destination`] and [`upload`]; then [`error`], which says what failed, whether it may have happened and
//! whether to repeat it. [`body`] counts and hashes bytes as they go by, [`paging`] is the one rule for the end of every listing,
//! [`tags`] and [`kept`] are what a process learns of a store on the way.
//!
//! Invariants: an adapter never repeats a request, the engine does. An answer that ends early is an error and no end. Bodies are
//! streams; nobody holds a part whole.

pub mod body;
pub mod destination;
pub mod error;
pub mod kept;
pub mod paging;
pub mod source;
pub mod tags;
pub mod upload;

pub use body::{ByteStream, Chunks, Metered, Promise, TagPromise, Tally};
pub use destination::{Capabilities, ChecksumSupport, CopySource, Destination, NewObject, Written};
pub use error::{Effect, ErrorKind, StoreError};
pub use kept::Kept;
pub use paging::{MOST_EMPTY_PAGES, PageEnd, Paging, PagingError};
pub use source::{Fetched, ListRequest, ListingOrder, Page, Source};
pub use tags::Tags;
pub use upload::{Completion, Condition, UnfinishedUpload, Upload, UploadFilter, UploadedPart};

pub(crate) use error::chain;
pub(crate) use kept::{LOOKS, Way};
pub(crate) use source::first_lines;
pub(crate) use tags::{Doubts, Lesson, Meaning, TagOf, Word};
