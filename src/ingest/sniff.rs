//! What a file is, from its first bytes.

use super::IngestError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Dicom,
    Nifti,
    Nrrd,
}

impl Kind {
    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Dicom => "DICOM",
            Self::Nifti => "NIfTI",
            Self::Nrrd => "NRRD",
        }
    }
}

/// Reads no more than the first bytes.
pub(super) fn kind(path: &Path) -> Result<Kind, IngestError> {
    let meta = std::fs::metadata(path).map_err(|e| IngestError::io(path, e))?;
    if meta.is_dir() {
        return Ok(Kind::Folder);
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| IngestError::io(path, e))?;
    file.take(4096).read_to_end(&mut start).map_err(|e| IngestError::io(path, e))?;
    kind_of_bytes(&start).ok_or_else(|| IngestError::NotAnImage { path: path.to_owned() })
}

fn kind_of_bytes(start: &[u8]) -> Option<Kind> {
    if start.starts_with(&GZIP_MAGIC) {
        let mut inner = Vec::new();
        // A damaged stream shows in what it yields before the damage.
        let _ = MultiGzDecoder::new(start).take(4).read_to_end(&mut inner);
        return is_nifti(&inner).then_some(Kind::Nifti);
    }
    if start.starts_with(b"NRRD000") {
        return Some(Kind::Nrrd);
    }
    if start.get(128..132) == Some(b"DICM") || is_bare_dicom(start) {
        return Some(Kind::Dicom);
    }
    is_nifti(start).then_some(Kind::Nifti)
}

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A NIfTI starts with its header's size: 348 (version 1) or 540 (version 2), in either order.
fn is_nifti(start: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = start.get(..4) else { return false };
    [348, 540].contains(&i32::from_le_bytes([a, b, c, d]))
        || [348, 540].contains(&i32::from_be_bytes([a, b, c, d]))
}

/// DICOM without the preamble starts with an element of group 0002 or 0008 and a low number.
fn is_bare_dicom(start: &[u8]) -> bool {
    matches!(start.get(..4), Some([2 | 8, 0, element, 0] | [0, 2 | 8, 0, element]) if *element < 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        let mut dicom = vec![0; 132];
        dicom[128..].copy_from_slice(b"DICM");
        assert_eq!(kind_of_bytes(&dicom), Some(Kind::Dicom));
        assert_eq!(kind_of_bytes(b"NRRD0005\n"), Some(Kind::Nrrd));
        assert_eq!(kind_of_bytes(&348_i32.to_be_bytes()), Some(Kind::Nifti));
        assert_eq!(kind_of_bytes(&[8, 0, 5, 0]), Some(Kind::Dicom));
        assert_eq!(kind_of_bytes(b"hello"), None);
        assert_eq!(kind_of_bytes(b""), None);
        assert_eq!(kind_of_bytes(&GZIP_MAGIC), None);
    }
}
