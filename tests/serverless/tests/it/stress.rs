//! What keeps a whole machine busy.

mod killing;
