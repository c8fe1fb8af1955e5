//! Opening a DICOM file, whatever is wrong with what stands before its data.
//!
//! In: a path. Out: a parsed object. The file meta group is read here and told to the parser anew,
//! in its shortest legal form: files in the wild have overlong titles in it, miss its length, or
//! miss it (and the preamble before it) altogether, and none of that matters to the image.

use super::lengths::{self, Trap};
use crate::ingest::IngestError;
use dicom_object::{DefaultDicomObject, OpenFileOptions, Tag};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";

/// Opens a file, up to (not including) a tag, or whole.
pub(super) fn open(path: &Path, until: Option<Tag>) -> Result<DefaultDicomObject, IngestError> {
    let failed = |e: std::io::Error| IngestError::io(path, e);
    let mut file = File::open(path).map_err(failed)?;
    let file_bytes = file.metadata().map_err(failed)?.len();
    let mut start = Vec::new();
    file.by_ref().take(FIRST_BYTES).read_to_end(&mut start).map_err(failed)?;
    let meta = Meta::read(&start);
    check(path, &meta, &start, file_bytes, until)?;
    file.seek(SeekFrom::Start(meta.ends_at as u64)).map_err(failed)?;
    let told = Cursor::new(meta.told_anew()).chain(BufReader::with_capacity(1 << 16, file));
    let options = OpenFileOptions::new();
    let options = match until {
        Some(tag) => options.read_until(tag),
        None => options,
    };
    options.from_reader(told).map_err(|e| match ends_early(&e) {
        true => IngestError::CutShort { path: path.to_owned() },
        false => IngestError::BadDicom { path: path.to_owned(), reason: chain(&e) },
    })
}

/// Holds the meta group of any file and nearly always all of the header before the pixels.
const FIRST_BYTES: u64 = 64 << 10;

/// Refuses a coding that nobody knows, and lengths that the file can not hold.
fn check(
    path: &Path,
    meta: &Meta,
    start: &[u8],
    file_bytes: u64,
    until: Option<Tag>,
) -> Result<(), IngestError> {
    let uid = meta.transfer_syntax.as_str();
    if TransferSyntaxRegistry.get(uid).is_none() {
        return Err(IngestError::Pixels {
            path: path.to_owned(),
            transfer_syntax: transfer_syntax(uid),
            reason: "this coding is not known here".to_owned(),
        });
    }
    if [EXPLICIT_BIG, DEFLATED].contains(&uid) {
        return Ok(());
    }
    let is_explicit = uid != IMPLICIT_LITTLE;
    match lengths::first_trap(start, meta.ends_at, file_bytes, is_explicit, until) {
        None => Ok(()),
        Some(Trap::TooLong { promised, left }) => Err(IngestError::Truncated {
            path: path.to_owned(),
            what: "data",
            expected_bytes: promised,
            found_bytes: left,
        }),
        Some(Trap::UntypedSequence(tag)) => Err(IngestError::Unsupported {
            path: path.to_owned(),
            field: "a sequence of unknown type:",
            value: tag.to_string(),
            remedy: "export it again without private attributes",
        }),
    }
}

/// True when somewhere down the causes the bytes ended before they should.
fn ends_early(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// `JPEG-LS Lossless Image Compression (1.2.840.10008.1.2.4.80)`.
pub(super) fn transfer_syntax(uid: &str) -> String {
    let uid = uid.trim_end_matches(['\0', ' ']);
    let name = TransferSyntaxRegistry.get(uid).map_or("an unknown coding", |ts| ts.name());
    format!("{name} ({uid})")
}

/// An error and what caused it, in one line; the innermost cause says the most.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.dedup();
    causes.join(": ")
}

/// What matters of the meta group.
struct Meta {
    class_uid: String,
    instance_uid: String,
    transfer_syntax: String,
    /// Byte at which the data set starts.
    ends_at: usize,
}

impl Meta {
    /// The group is always Explicit VR Little Endian (PS3.10, 7.1).
    fn read(start: &[u8]) -> Self {
        let mut at = if start.get(128..132) == Some(b"DICM") { 132 } else { 0 };
        let (mut class, mut instance, mut syntax) = (None, None, None);
        while let Some((number, value, next)) = meta_element(start, at) {
            let text = || Some(String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned());
            match number {
                0x02 => class = text(),
                0x03 => instance = text(),
                0x10 => syntax = text(),
                _ => {}
            }
            at = next;
        }
        let guess = || guessed_syntax(&start[at.min(start.len())..]).to_owned();
        // The parser wants both UIDs; nothing here asks for them.
        let some = |uid: Option<String>| uid.filter(|u| !u.is_empty()).unwrap_or("0.0".to_owned());
        Self {
            class_uid: some(class),
            instance_uid: some(instance),
            transfer_syntax: syntax.filter(|s| !s.is_empty()).unwrap_or_else(guess),
            ends_at: at,
        }
    }

    /// The group in its shortest legal form.
    fn told_anew(&self) -> Vec<u8> {
        let mut group = vec![2, 0, 1, 0, b'O', b'B', 0, 0, 2, 0, 0, 0, 0, 1];
        let uids = [(2, &self.class_uid), (3, &self.instance_uid), (0x10, &self.transfer_syntax)];
        let implementation = "1.2".to_owned();
        for (number, uid) in uids.into_iter().chain([(0x12, &implementation)]) {
            let mut value = uid.clone().into_bytes();
            if value.len() % 2 == 1 {
                value.push(0);
            }
            group.extend([2, 0, number, 0, b'U', b'I']);
            group.extend((value.len() as u16).to_le_bytes());
            group.extend(value);
        }
        let mut told = b"DICM".to_vec();
        told.extend([2, 0, 0, 0, b'U', b'L', 4, 0]);
        told.extend((group.len() as u32).to_le_bytes());
        told.extend(group);
        told
    }
}

/// Number, value and end of the group-2 element at a byte; `None` when another group starts there
/// or the bytes end.
fn meta_element(bytes: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let head = bytes.get(at..at + 8)?;
    if head[..2] != [2, 0] {
        return None;
    }
    let long = matches!(&head[4..6], b"OB" | b"OW" | b"UN" | b"SQ" | b"UT");
    let (length, value_at) = if long {
        let length = bytes.get(at + 8..at + 12)?;
        (u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize, at + 12)
    } else {
        (usize::from(u16::from_le_bytes([head[6], head[7]])), at + 8)
    };
    let end = value_at.checked_add(length)?;
    Some((u16::from_le_bytes([head[2], head[3]]), bytes.get(value_at..end)?, end))
}

/// A data set without a meta group: the order of bytes shows in the first group's number, and
/// whether types are explicit in two capital letters.
fn guessed_syntax(data: &[u8]) -> &'static str {
    match data {
        [0, _, _, _, _, _, ..] => EXPLICIT_BIG,
        [_, _, _, _, a, b, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
            EXPLICIT_LITTLE
        }
        _ => IMPLICIT_LITTLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_group_told_anew_says_the_same() {
        let meta = Meta {
            class_uid: "1.2.3".to_owned(),
            instance_uid: "1.2.3.44".to_owned(),
            transfer_syntax: EXPLICIT_BIG.to_owned(),
            ends_at: 0,
        };
        let mut bytes = vec![0; 128];
        bytes.extend(meta.told_anew());
        // An overlong title, which the standard does not allow, and the first data element.
        bytes.extend([2, 0, 0x16, 0, b'A', b'E', 18, 0]);
        bytes.extend([b'X'; 18]);
        let end = bytes.len();
        bytes.extend([0, 8, 0, 5, b'C', b'S', 0, 0]);
        let back = Meta::read(&bytes);
        assert_eq!(back.class_uid, meta.class_uid);
        assert_eq!(back.instance_uid, meta.instance_uid);
        assert_eq!(back.transfer_syntax, meta.transfer_syntax);
        assert_eq!(back.ends_at, end);
    }

    #[test]
    fn bare_data_show_their_coding() {
        assert_eq!(Meta::read(&[8, 0, 5, 0, b'C', b'S', 0, 0]).transfer_syntax, EXPLICIT_LITTLE);
        assert_eq!(Meta::read(&[8, 0, 5, 0, 10, 0, 0, 0]).transfer_syntax, IMPLICIT_LITTLE);
        assert_eq!(Meta::read(&[0, 8, 0, 5, b'C', b'S', 0, 0]).transfer_syntax, EXPLICIT_BIG);
        assert_eq!(Meta::read(&[]).ends_at, 0);
    }
}
