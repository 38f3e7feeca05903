//! Why a copy stands where it stands.

use serde::{Deserialize, Serialize};

/// The reason of a deletion whose source was written again meanwhile: it is to be copied.
pub(crate) const RETURNED: &str = "source-returned";

/// The reason of a restart because the source is another one than was pinned.
pub(crate) const SOURCE_CHANGES: &str = "source-keeps-changing";

/// The reason of a restart whose upload was aborted, or completed, by others.
pub(crate) const UPLOAD_VANISHED: &str = "upload-vanished";

/// The reason of a restart that keeps its upload: of the source file nothing is known to have changed but its ctime.
pub(crate) const SOURCE_TOUCHED: &str = "source-touched";

/// The reason of what would be copied into its own source, again and again.
pub(crate) const INTO_ITSELF: &str = "destination-in-source";

/// The reason of a copy whose place another source has.
pub(crate) const COLLISION: &str = "collision";

/// Why a copy stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For programs: `access-denied`, `source-keeps-changing`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Reason {
    /// A reason.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// The reason of a message that asks for what no route does.
pub const NO_ROUTE: &str = "no-route";
