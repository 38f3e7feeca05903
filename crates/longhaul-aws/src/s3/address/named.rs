//! Who named an address: a flag, the environment, a profile.

use std::fmt;

/// Where an address was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// In the options, or in the parameter of the other account.
    Directly,
    /// Where AWS programs look for it.
    InTheEnvironment,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directly => Ok(()),
            Self::InTheEnvironment => {
                f.write_str(" (from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<service> or the profile)")
            }
        }
    }
}
