//! The text before the numbers of a NRRD.

use crate::ingest::IngestError;
use crate::ingest::raw::Scalar;
use crate::space::{Affine, Patient, Voxel, convert};
use glam::{DAffine3, DVec3};
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

/// How the numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
    Text,
}

/// Which way the numbers of the header point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Lps,
    Ras,
    Las,
    /// None named, or one that is not the patient's (scanner-xyz, 3D-right-handed, ...).
    Unknown,
}

/// What a header says.
pub(super) struct Header {
    /// Voxels along the three axes of space.
    pub size: [usize; 3],
    /// The axis that lists layers, with its length; counted from the fastest.
    pub list: Option<(usize, usize)>,
    pub scalar: Scalar,
    pub big_endian: bool,
    pub encoding: Encoding,
    pub line_skip: usize,
    pub byte_skip: i64,
    pub data_file: Option<String>,
    /// The `key:=value` pairs.
    pub values: BTreeMap<String, String>,
    space: Space,
    directions: Option<[DVec3; 3]>,
    origin: Option<DVec3>,
    spacing: DVec3,
}

/// A header longer than this is damage.
const LONGEST_HEADER: u64 = 16 << 20;

/// The lines of the header, up to the blank line that ends it (or the end of a detached one).
pub(super) fn lines(path: &Path, file: &mut impl BufRead) -> Result<Vec<String>, IngestError> {
    let mut left = file.take(LONGEST_HEADER);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let read = left.read_until(b'\n', &mut line).map_err(|e| IngestError::io(path, e))?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\n', '\r']);
        if read == 0 || line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}

impl Header {
    pub fn parse(path: &Path, lines: &[String]) -> Result<Self, IngestError> {
        let (fields, values) = split(lines);
        let fields = Fields { path, fields };
        let sizes = fields.sizes()?;
        let directions = fields.directions(sizes.len())?;
        let spatial = spatial_axes(&fields, &sizes, directions.as_deref())?;
        let list = (0..sizes.len()).find(|axis| !spatial.contains(axis));
        let scalar = fields.scalar()?;
        let encoding = fields.encoding()?;
        let spacings = fields.numbers("spacings")?;
        let one = |axis: usize| match spacings.get(axis) {
            Some(mm) if mm.is_finite() && *mm != 0.0 => mm.abs(),
            _ => 1.0,
        };
        Ok(Self {
            size: spatial.map(|axis| sizes[axis]),
            list: list.map(|axis| (axis, sizes[axis])),
            scalar,
            big_endian: fields.big_endian(scalar, encoding)?,
            encoding,
            line_skip: fields.whole("line skip", "lineskip")?.try_into().unwrap_or(0),
            byte_skip: fields.whole("byte skip", "byteskip")?,
            data_file: fields.data_file()?,
            values,
            space: fields.space()?,
            directions: directions.and_then(|d| {
                let [a, b, c] = spatial.map(|axis| d[axis]);
                Some([a?, b?, c?])
            }),
            origin: fields.vectors("space origin")?.first().copied().flatten(),
            spacing: DVec3::from_array(spatial.map(one)),
        })
    }
    /// Number of layers, 1 for a plain image.
    pub fn layers(&self) -> usize {
        self.list.map_or(1, |(_, count)| count)
    }
    /// True when space, directions and origin are all given.
    pub fn has_space(&self) -> bool {
        self.space != Space::Unknown && self.directions.is_some() && self.origin.is_some()
    }
    /// From voxel centres to LPS mm. Numbers of no known space are taken as LPS.
    pub fn patient_from_voxel(&self) -> Affine<Patient, Voxel> {
        let origin = self.origin.unwrap_or(DVec3::ZERO);
        let map = match self.directions {
            Some([i, j, k]) => DAffine3::from_cols(i, j, k, origin),
            None => DAffine3::from_translation(origin) * DAffine3::from_scale(self.spacing),
        };
        Affine::new(match self.space {
            Space::Lps | Space::Unknown => map,
            Space::Ras => convert::flip_ras_lps(map),
            Space::Las => convert::flip_las_lps(map),
        })
    }
}

type Pairs = BTreeMap<String, String>;

/// `field: value` lines (names in lower case) and `key:=value` lines.
fn split(lines: &[String]) -> (Pairs, Pairs) {
    let (mut fields, mut values) = (Pairs::new(), Pairs::new());
    for line in lines.iter().skip(1).filter(|line| !line.starts_with('#')) {
        let (at_field, at_value) = (line.find(": "), line.find(":="));
        match (at_field, at_value) {
            (field, Some(at)) if field.is_none_or(|f| at < f) => {
                values.insert(line[..at].to_owned(), line[at + 2..].to_owned());
            }
            (Some(at), _) => {
                fields.insert(line[..at].trim().to_lowercase(), line[at + 2..].trim().to_owned());
            }
            (None, _) => {}
        }
    }
    (fields, values)
}

/// The three axes of space. A fourth one is a list of layers: the one without a direction, or the
/// one that `kinds` does not call a domain or space.
fn spatial_axes(
    fields: &Fields<'_>,
    sizes: &[usize],
    directions: Option<&[Option<DVec3>]>,
) -> Result<[usize; 3], IngestError> {
    let kinds: Vec<&str> = fields.text("kinds").unwrap_or("").split_whitespace().collect();
    let is_spatial = |axis: usize| match directions {
        Some(d) => d[axis].is_some(),
        None => sizes.len() == 3 || matches!(kinds.get(axis), Some(&"domain" | &"space")),
    };
    let spatial: Vec<usize> = (0..sizes.len()).filter(|axis| is_spatial(*axis)).collect();
    match (sizes.len(), spatial.as_slice()) {
        (3 | 4, &[a, b, c]) => Ok([a, b, c]),
        _ => Err(IngestError::Unsupported {
            path: fields.path.to_owned(),
            field: "axes of space:",
            value: spatial.len().to_string(),
            remedy: "save one 3D image",
        }),
    }
}

struct Fields<'a> {
    path: &'a Path,
    fields: Pairs,
}

impl Fields<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
    fn either(&self, name: &str, other: &str) -> Option<&str> {
        self.text(name).or_else(|| self.text(other))
    }
    fn unsupported(&self, field: &'static str, value: &str, remedy: &'static str) -> IngestError {
        IngestError::Unsupported {
            path: self.path.to_owned(),
            field,
            value: value.to_owned(),
            remedy,
        }
    }
    fn numbers(&self, name: &'static str) -> Result<Vec<f64>, IngestError> {
        let bad = |word: &str| IngestError::bad(self.path, name, word);
        self.text(name)
            .unwrap_or("")
            .split_whitespace()
            .map(|word| word.parse().map_err(|_| bad(word)))
            .collect()
    }
    fn sizes(&self) -> Result<Vec<usize>, IngestError> {
        let text = self.text("sizes").unwrap_or("missing");
        let bad = || IngestError::bad(self.path, "sizes", text);
        text.split_whitespace().map(|word| word.parse().map_err(|_| bad())).collect()
    }
    fn whole(&self, name: &'static str, other: &str) -> Result<i64, IngestError> {
        let Some(text) = self.either(name, other) else { return Ok(0) };
        text.parse().map_err(|_| IngestError::bad(self.path, name, text))
    }
    fn space(&self) -> Result<Space, IngestError> {
        let Some(name) = self.text("space") else { return Ok(Space::Unknown) };
        Ok(match name.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Space::Lps,
            "right-anterior-superior" | "ras" => Space::Ras,
            "left-anterior-superior" | "las" => Space::Las,
            other if other.ends_with("time") || matches!(other, "rast" | "last" | "lpst") => {
                return Err(self.unsupported("space", name, "save one 3D image"));
            }
            _ => Space::Unknown,
        })
    }
    /// `(1,0,0) none (0, 1, 0)` and so on.
    fn vectors(&self, name: &'static str) -> Result<Vec<Option<DVec3>>, IngestError> {
        let text = self.text(name).unwrap_or("");
        let bad = || IngestError::bad(self.path, name, text);
        let mut out = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("none") {
                out.push(None);
                rest = after.trim_start();
                continue;
            }
            let (inside, after) =
                rest.strip_prefix('(').and_then(|r| r.split_once(')')).ok_or_else(bad)?;
            let numbers: Vec<f64> = inside
                .split(',')
                .map(|n| n.trim().parse().map_err(|_| bad()))
                .collect::<Result<_, _>>()?;
            let [x, y, z] = numbers[..] else { return Err(bad()) };
            out.push(Some(DVec3::new(x, y, z)));
            rest = after.trim_start();
        }
        Ok(out)
    }
    fn directions(&self, axes: usize) -> Result<Option<Vec<Option<DVec3>>>, IngestError> {
        let vectors = self.vectors("space directions")?;
        match vectors.len() {
            0 => Ok(None),
            n if n == axes => Ok(Some(vectors)),
            n => Err(IngestError::bad(self.path, "number of space directions", n)),
        }
    }
    fn encoding(&self) -> Result<Encoding, IngestError> {
        match self.text("encoding").unwrap_or("raw").to_lowercase().as_str() {
            "raw" => Ok(Encoding::Raw),
            "gzip" | "gz" => Ok(Encoding::Gzip),
            "ascii" | "text" | "txt" => Ok(Encoding::Text),
            other => Err(self.unsupported("encoding", other, "save it as gzip")),
        }
    }
    fn big_endian(&self, scalar: Scalar, encoding: Encoding) -> Result<bool, IngestError> {
        match self.text("endian").map(str::to_lowercase).as_deref() {
            Some("big") => Ok(true),
            Some("little") => Ok(false),
            None if scalar.bytes() == 1 || encoding == Encoding::Text => Ok(false),
            other => Err(IngestError::bad(self.path, "endian", other.unwrap_or("missing"))),
        }
    }
    fn data_file(&self) -> Result<Option<String>, IngestError> {
        let Some(name) = self.either("data file", "datafile") else { return Ok(None) };
        if name.starts_with("LIST") || name.contains('%') {
            return Err(self.unsupported("data in several files", name, "save it as one file"));
        }
        Ok(Some(name.to_owned()))
    }
    fn scalar(&self) -> Result<Scalar, IngestError> {
        let name = self.text("type").unwrap_or("missing").to_lowercase();
        Ok(match name.as_str() {
            "signed char" | "int8" | "int8_t" => Scalar::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Scalar::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                Scalar::I16
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => {
                Scalar::U16
            }
            "int" | "signed int" | "int32" | "int32_t" => Scalar::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Scalar::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Scalar::I64,
            "ulonglong"
            | "unsigned long long"
            | "unsigned long long int"
            | "uint64"
            | "uint64_t" => Scalar::U64,
            "float" => Scalar::F32,
            "double" => Scalar::F64,
            other => return Err(self.unsupported("type", other, "save it as short")),
        })
    }
}
