//! Do the lengths that a data set declares fit into its file?
//!
//! In: the first bytes of a data set. Out: the first element that promises more than there is.
//! Asked before parsing: the parser believes a length and fills as much memory, and a cut file is
//! better named by its missing bytes.

use dicom_object::Tag;

/// An element that must not reach the parser.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// Its value would reach beyond the end of the file.
    TooLong {
        /// Bytes of the value.
        promised: u64,
        /// Bytes left in the file.
        left: u64,
    },
    /// A sequence of type UN and undefined length: the parser reads its implicit items as explicit
    /// ones, and their types as lengths.
    UntypedSequence(Tag),
}

const UNDEFINED: u32 = u32::MAX;

/// Walks the elements whose heads lie within `start`, which begins at byte `at` of a file of
/// `file_bytes`, up to (not including) the tag `until`. Ends without a finding at the first
/// sequence of undefined length.
pub(super) fn first_trap(
    start: &[u8],
    mut at: usize,
    file_bytes: u64,
    is_explicit: bool,
    until: Option<Tag>,
) -> Option<Trap> {
    while let Some((tag, length, value_at)) = element(start, at, is_explicit) {
        if until.is_some_and(|until| tag >= until) {
            return None;
        }
        if length == UNDEFINED {
            let untyped = is_explicit && start.get(at + 4..at + 6) == Some(b"UN");
            return untyped.then_some(Trap::UntypedSequence(tag));
        }
        let (promised, left) = (u64::from(length), file_bytes.saturating_sub(value_at as u64));
        if promised > left {
            return Some(Trap::TooLong { promised, left });
        }
        at = value_at + length as usize;
    }
    None
}

/// Tag, declared length and place of the value of the little-endian element at a byte (PS3.5, 7.1).
fn element(bytes: &[u8], at: usize, is_explicit: bool) -> Option<(Tag, u32, usize)> {
    let head = bytes.get(at..at.checked_add(8)?)?;
    let tag = Tag(u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
    if !is_explicit {
        return Some((tag, u32::from_le_bytes([head[4], head[5], head[6], head[7]]), at + 8));
    }
    if SHORT_TYPES.contains(&&head[4..6]) {
        return Some((tag, u32::from(u16::from_le_bytes([head[6], head[7]])), at + 8));
    }
    let length = bytes.get(at + 8..at + 12)?;
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    Some((tag, length, at + 12))
}

/// Types whose length has two bytes (PS3.5, 7.1.2). All others have four, and so has what is no
/// type at all, as the parser takes it.
const SHORT_TYPES: [&[u8]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN",
    b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLICIT: [u8; 24] = [
        8, 0, 0x60, 0, b'C', b'S', 2, 0, b'C', b'T', // Modality, 2 bytes
        0xE0, 0x7F, 0x10, 0, b'O', b'W', 0, 0, 4, 0, 0, 0, 1,
        2, // PixelData, 4 bytes, 2 there
    ];

    #[test]
    fn the_missing_bytes_are_counted() {
        let found = first_trap(&EXPLICIT, 0, 24, true, None);
        assert_eq!(found, Some(Trap::TooLong { promised: 4, left: 2 }));
        assert_eq!(first_trap(&EXPLICIT, 0, 26, true, None), None, "all there");
        let pixels = Some(Tag(0x7FE0, 0x0010));
        assert_eq!(first_trap(&EXPLICIT, 0, 24, true, pixels), None, "not asked for");
    }

    #[test]
    fn an_untyped_sequence_is_found() {
        let bytes = [9, 0, 1, 0x10, b'U', b'N', 0, 0, 255, 255, 255, 255];
        let found = first_trap(&bytes, 0, 12, true, None);
        assert_eq!(found, Some(Trap::UntypedSequence(Tag(9, 0x1001))));
    }

    #[test]
    fn implicit_elements_have_no_type() {
        let bytes = [8, 0, 0x60, 0, 200, 0, 0, 0, b'C', b'T'];
        let found = first_trap(&bytes, 0, 10, false, None);
        assert_eq!(found, Some(Trap::TooLong { promised: 200, left: 2 }));
        let undefined = [8, 0, 0x40, 0x11, 255, 255, 255, 255];
        assert_eq!(first_trap(&undefined, 0, 8, false, None), None);
    }
}
