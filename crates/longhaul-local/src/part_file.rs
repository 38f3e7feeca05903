//! One part on its way into the staging file of its upload.
//!
//! The part is written at its own offset, brought to disk and read back; only then is it noted in the sidecar.

use std::{fs::File, os::unix::fs::FileExt};

use longhaul::{
    object::{Hasher, PartSpec, WithMd5},
    store::{StoreError, UploadedPart},
};

use crate::{
    call::Call,
    inflow::Sink,
    locks::PartGuard,
    put::{check_crc, crc_of},
    seen_parts::FileId,
    sidecar::{HeldPart, PartLine, append, mentions, strike_out},
    uploads::Staging,
};

/// A part that is being written.
pub(crate) struct PartFile {
    staging: Staging,
    data: File,
    notes: File,
    part: PartSpec,
    call: Call,
    hasher: Hasher,
    written: u64,
    _guard: PartGuard,
}

impl PartFile {
    /// Opens the staging file of an upload.
    pub(crate) fn open(staging: Staging, part: PartSpec, guard: PartGuard, call: Call) -> Result<Self, StoreError> {
        let data = staging.data(&call)?;
        let notes = staging.notes(&call)?;
        staging.seen.forget_part(&staging.id, part.number);
        if mentions(&staging.text(&call)?, part.number) {
            // The old note must not vouch for bytes that are half overwritten when the power goes.
            strike_out(&notes, part.number, &call)?;
        }
        let hasher = Hasher::new(WithMd5::No);
        Ok(Self { staging, data, notes, part, call, hasher, written: 0, _guard: guard })
    }

    /// Proves the part and notes it.
    pub(crate) fn finish(self) -> Result<UploadedPart, StoreError> {
        let call = &self.call;
        self.data.sync_data().map_err(|error| call.io("writing the part to disk", error))?;
        let crc = crc_of(&self.data, self.part.range.first(), self.written, call)?;
        check_crc(Some(self.hasher.crc()), crc, call)?;
        let held = HeldPart { offset: self.part.range.first(), size: self.written, crc };
        let line = PartLine { number: self.part.number, offset: held.offset, size: held.size, crc: Some(crc) };
        append(&self.notes, &line).map_err(|error| call.io("noting the part", error))?;
        let uploaded = held.uploaded(self.part.number);
        self.staging.seen.add(&self.staging.id, FileId::of(&self.data, call)?, self.part.number, held);
        Ok(uploaded)
    }
}

impl Sink for PartFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.data.write_all_at(bytes, self.part.range.first() + self.written);
        written.map_err(|error| self.call.io("writing the part", error))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}
