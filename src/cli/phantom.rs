//! `corridor phantom`: a spine with known truth, written as files.
//!
//! In: arguments. Out: a folder with a DICOM series, NIfTI images and the truth as JSON; the same
//! arguments give the same bytes.

use crate::ingest::dicom::write::{self as dicom, About, WriteError};
use crate::ingest::{IngestError, nifti};
use crate::labels::{Level, Posture};
use crate::phantom::{
    Contrast, Curve, Deformity, Fracture, Narrow, OldScrew, Phantom, Recorded, Scan, Slip, Spec,
    SpecError, Structure,
};
use crate::space::{Affine, Dir, Side};
use crate::volume::Grid;
use crate::work::{Cancelled, Work};
use clap::{Args, ValueEnum};
use glam::DVec3;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Arguments of `phantom`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct PhantomArgs {
    /// Folder to write into; made where it is missing, and what an earlier phantom left in it is
    /// replaced.
    #[arg(value_name = "FOLDER")]
    pub output: PathBuf,
    /// Levels, cranial one first: a span (L1-S1) or names (L4,L5,S1); T13 and L6 only where named.
    #[arg(long, default_value = "T1-S1", value_parser = parse_levels)]
    pub levels: Levels,
    /// Who it is: the same seed gives the same person, noise and files.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How unlike people and sides are: 0 makes every vertebra average and symmetric.
    #[arg(long, default_value_t = 1.0)]
    pub variation: f64,
    /// Where it lies and how it is bent.
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// What the scanner does.
    #[command(flatten)]
    pub scan: ScanArgs,
    /// Leave the DICOM series out.
    #[arg(long)]
    pub no_dicom: bool,
}

const EXAMPLES: &str = "Examples:
  corridor phantom spine                          T1 to S1 at 1 mm
  corridor phantom lumbar --levels L1-S1 --voxel 0.5 --slice 0.5
  corridor phantom curve --curve T5-T12:60:right:25
  corridor phantom old --bone 80 --noise 30 --fracture L1:0.4 --slip L4:7
  corridor phantom revision --levels T12-S1 --screw L4:left:6.5x45 --screw L5:left:6.5x45 --contrast 300
  corridor phantom tilted --slice 3 --tilt 12 --fov 200x200x480
Writes dicom/, ct.nii.gz, vertebrae.nii.gz (numbered like VerSe's), structures.nii.gz and truth.json.";

/// A list of levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(pub Vec<Level>);

/// Posture and deformity.
#[derive(Args, Clone, Debug, Default)]
pub struct ShapeArgs {
    /// Lying or standing: sets the lordosis where it is not given.
    #[arg(long, value_enum, default_value_t = PostureArg::Supine)]
    pub posture: PostureArg,
    /// Slope of the upper plate of S1, degrees [default: 37].
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    pub sacral_slope: Option<f64>,
    /// Pelvic incidence, degrees [default: 52].
    #[arg(long, value_name = "DEG")]
    pub incidence: Option<f64>,
    /// Lordosis from L1 to S1, degrees.
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    pub lordosis: Option<f64>,
    /// Kyphosis from T1 to T12, degrees.
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    pub kyphosis: Option<f64>,
    /// A coronal curve: upper and lower end, Cobb angle, convex side, turn of the apex.
    #[arg(long = "curve", value_name = "T5-T12:60:right:25", value_parser = parse_curve)]
    pub curves: Vec<Curve>,
    /// A vertebra that slid forward on the one below, mm.
    #[arg(long = "slip", value_name = "L4:7", value_parser = parse_slip)]
    pub slips: Vec<Slip>,
    /// A wedge fracture: share of the front height that is lost.
    #[arg(long = "fracture", value_name = "L1:0.4", value_parser = parse_fracture)]
    pub fractures: Vec<Fracture>,
    /// A narrow pedicle: share of its usual width.
    #[arg(long = "narrow", value_name = "L2:right:0.6", value_parser = parse_narrow)]
    pub narrow: Vec<Narrow>,
}

/// Voxels, bone, noise, metal, contrast.
#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    /// Size of a pixel in a slice, mm.
    #[arg(long, default_value_t = 1.0, value_name = "MM")]
    pub voxel: f64,
    /// Thickness of a slice, mm; slices lie as far apart as they are thick.
    #[arg(long, value_name = "MM")]
    pub slice: Option<f64>,
    /// Gantry tilt, degrees.
    #[arg(long, default_value_t = 0.0, value_name = "DEG", allow_negative_numbers = true)]
    pub tilt: f64,
    /// Field of view, left to right x front to back x height, mm [default: around the spine].
    #[arg(long, value_name = "XxYxZ", value_parser = parse_fov)]
    pub fov: Option<DVec3>,
    /// Reach down to the hips and out to both, so that the pelvic angles can be measured; the hip
    /// bones then stand among the labels (77 left, 78 right), so that screws can be planned in them.
    #[arg(long, conflicts_with = "fov")]
    pub hips: bool,
    /// HU of the cancellous bone: about 180 when healthy, under 110 when osteoporotic.
    #[arg(long, default_value_t = 180.0, value_name = "HU", allow_negative_numbers = true)]
    pub bone: f64,
    /// Thickness of the cortex, mm.
    #[arg(long, default_value_t = 1.4, value_name = "MM")]
    pub cortex: f64,
    /// Standard deviation of the noise, HU.
    #[arg(long, default_value_t = 12.0, value_name = "HU")]
    pub noise: f64,
    /// Standard deviation of the scanner's blur, mm.
    #[arg(long, default_value_t = 0.3, value_name = "MM")]
    pub blur: f64,
    /// HU of the vessels after contrast.
    #[arg(long, value_name = "HU")]
    pub contrast: Option<f64>,
    /// An old screw; two or more on a side carry a rod.
    #[arg(long = "screw", value_name = "L4:left:6.5x45", value_parser = parse_screw)]
    pub screws: Vec<OldScrew>,
    /// Metal without its streaks.
    #[arg(long)]
    pub no_streaks: bool,
}

/// How the patient lies or stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PostureArg {
    /// On the back.
    #[default]
    Supine,
    /// On the belly.
    Prone,
    /// Upright.
    Standing,
}

/// A phantom that was not written.
#[derive(Debug, thiserror::Error)]
pub enum PhantomError {
    /// It can not be made.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Voxels that make no image.
    #[error("{0}: say other sizes")]
    Grid(&'static str),
    /// The disk refused.
    #[error(transparent)]
    Write(#[from] IngestError),
    /// The disk refused the series.
    #[error(transparent)]
    Dicom(#[from] WriteError),
    /// The truth could not be written as JSON.
    #[error("the truth can not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The caller stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl PhantomArgs {
    /// The spine that these arguments ask for.
    pub fn spec(&self) -> Spec {
        let usual = Spec::default();
        let (shape, scan) = (&self.shape, &self.scan);
        Spec {
            levels: self.levels.0.clone(),
            seed: self.seed,
            variation: self.variation,
            sacral_slope_deg: shape.sacral_slope.unwrap_or(usual.sacral_slope_deg),
            pelvic_incidence_deg: shape.incidence.unwrap_or(usual.pelvic_incidence_deg),
            posture: match shape.posture {
                PostureArg::Supine => Posture::Supine,
                PostureArg::Prone => Posture::Prone,
                PostureArg::Standing => Posture::Standing,
            },
            deformity: Deformity {
                lumbar_lordosis_deg: shape.lordosis,
                thoracic_kyphosis_deg: shape.kyphosis,
                curves: shape.curves.clone(),
                slips: shape.slips.clone(),
                fractures: shape.fractures.clone(),
                narrow: shape.narrow.clone(),
            },
            contrast: scan.contrast.map(|vessels_hu| Contrast { vessels_hu, sac_hu: None }),
            old_screws: scan.screws.clone(),
            scan: Scan {
                cortex_mm: scan.cortex,
                cancellous_hu: scan.bone,
                texture_hu: 0.2 * scan.bone,
                blur_sigma_mm: scan.blur,
                noise_hu: scan.noise,
                slice_mm: scan.slice,
                streaks: !scan.no_streaks,
                ..usual.scan
            },
            ..usual
        }
    }
}

/// Makes the phantom and writes it; returns what is to be told: one line per file.
pub fn write(args: &PhantomArgs, work: &Work) -> Result<Vec<String>, PhantomError> {
    let spec = args.spec();
    let phantom = Phantom::new(&spec)?;
    let grid = grid(&phantom, &args.scan)?;
    let series = args.output.join("dicom");
    // Before the work; without a series too, lest an old one stand beside the new truth.
    dicom::clear(&series)?;
    let mut recorded = phantom.record(&grid, work)?;
    if args.scan.hips {
        recorded.labels = phantom.with_hips(recorded.labels, &recorded.structures);
    }
    work.step("solving the truth", 0.0)?;
    let truth = serde_json::to_string_pretty(&truth(&phantom, args))?;
    let out = &args.output;
    std::fs::create_dir_all(out).map_err(|e| IngestError::io(out, e))?;
    let file = out.join("truth.json");
    std::fs::write(&file, truth).map_err(|e| IngestError::io(&file, e))?;
    write_images(out, &recorded, work)?;
    let [ni, nj, nk] = grid.size();
    let mut told = vec![format!("{}: {ni} x {nj} x {nk} voxels", out.display())];
    if !args.no_dicom {
        let files = dicom::write_ct(&series, &recorded.ct, &about(args, &grid), work)?;
        told.push(format!("dicom/: {} slices", files.len()));
    }
    told.push("ct.nii.gz, vertebrae.nii.gz, structures.nii.gz, truth.json".to_owned());
    if !recorded.streaks_took.is_zero() {
        told.push(format!(
            "streaks of the metal: {:.1} s of all that",
            recorded.streaks_took.as_secs_f64()
        ));
    }
    Ok(told)
}

fn write_images(out: &Path, recorded: &Recorded, work: &Work) -> Result<(), PhantomError> {
    work.step("writing NIfTI", 0.0)?;
    nifti::write_ct(&out.join("ct.nii.gz"), &recorded.ct)?;
    work.step("writing NIfTI", 0.6)?;
    nifti::write_labels(&out.join("vertebrae.nii.gz"), &recorded.labels.volume)?;
    nifti::write_labels(&out.join("structures.nii.gz"), &recorded.structures)?;
    Ok(())
}

/// The truth with what it belongs to and what the structures' numbers mean.
fn truth(phantom: &Phantom, args: &PhantomArgs) -> serde_json::Value {
    let structures: serde_json::Map<_, _> =
        Structure::ALL.iter().map(|s| (s.name().to_owned(), s.value().into())).collect();
    serde_json::json!({
        "program": concat!("corridor ", env!("CARGO_PKG_VERSION")),
        "seed": args.seed,
        "frame": "patient space, LPS, mm",
        "structures": structures,
        "truth": phantom.truth(),
    })
}

/// The grid: axial slices, tilted as the gantry is, the table moving along the patient.
fn grid(phantom: &Phantom, scan: &ScanArgs) -> Result<Grid, PhantomError> {
    let slice = scan.slice.unwrap_or(scan.voxel);
    let sane = |mm: f64| (0.1..=10.0).contains(&mm);
    if !sane(scan.voxel) || !sane(slice) || !(-40.0..=40.0).contains(&scan.tilt) {
        return Err(PhantomError::Grid(
            "--voxel and --slice are 0.1 to 10 mm, --tilt is -40 to 40 degrees",
        ));
    }
    let around = if scan.hips { phantom.grid_with_hips(1.0) } else { phantom.grid(1.0) };
    let low = around.centre([0; 3]).vec();
    let last = around.size().map(|n| n - 1);
    let high = around.centre(last).vec();
    let size = scan.fov.unwrap_or(high - low);
    // A field of view of its own ends above T1 or the uppermost level.
    let start = match scan.fov {
        Some(fov) => DVec3::new(
            (low.x + high.x - fov.x) / 2.0,
            (low.y + high.y - fov.y) / 2.0,
            high.z - fov.z,
        ),
        None => low,
    };
    let (sin, cos) = scan.tilt.to_radians().sin_cos();
    let columns = [DVec3::X * scan.voxel, DVec3::new(0.0, cos, sin) * scan.voxel, DVec3::Z * slice];
    let count = |mm: f64, step: f64| (mm / step).ceil().max(1.0) as usize;
    let voxels = [count(size.x, scan.voxel), count(size.y, scan.voxel), count(size.z, slice)];
    if voxels.iter().map(|n| *n as f64).product::<f64>() > 2e9 {
        return Err(PhantomError::Grid("that would be more than 2 thousand million voxels"));
    }
    let [x, y, z] = columns.map(Dir::from_vec);
    let map = Affine::from_columns(x, y, z, crate::space::Point::from_vec(start));
    Grid::new(voxels, map).map_err(|_| PhantomError::Grid("the voxels have no volume"))
}

/// What the DICOM header says. Day and time come from the seed: a day of the year 2000.
fn about(args: &PhantomArgs, grid: &Grid) -> About {
    let (month, day) = (args.seed % 12 + 1, args.seed / 12 % 28 + 1);
    let (hour, minute) = (args.seed / 336 % 24, args.seed / 8064 % 60);
    About {
        // UIDs come from it: other voxels are another series.
        name: format!("corridor phantom {:?} {grid:?}", args.spec()),
        patient: ["Phantom^Corridor".to_owned(), format!("PHANTOM-{}", args.seed)],
        date: [format!("2000{month:02}{day:02}"), format!("{hour:02}{minute:02}00")],
        description: format!("Phantom, seed {}", args.seed),
        slice_mm: args.scan.slice.unwrap_or(args.scan.voxel),
        contrast: args.scan.contrast.map(|_| "Simulated".to_owned()),
        posture: args.spec().posture,
    }
}

fn parse_levels(text: &str) -> Result<Levels, String> {
    let level = |name: &str| Level::from_str(name).map_err(|e| e.to_string());
    let named: Result<Vec<Level>, String> = match text.split_once('-') {
        Some((upper, lower)) => {
            let (upper, lower) = (level(upper)?, level(lower)?);
            // A rare level is in the column where it is named.
            let is_there = |l: &Level| !l.is_rare() || [upper, lower].contains(l);
            let span = Level::all().filter(|l| (upper..=lower).contains(l));
            Ok(span.filter(is_there).collect())
        }
        None => text.split(',').map(level).collect(),
    };
    match named? {
        levels if levels.is_empty() => Err("no level lies in that span, e.g. L1-S1".to_owned()),
        levels => Ok(Levels(levels)),
    }
}

/// The parts of a text between colons, if there are as many as wanted.
fn parts<const N: usize>(text: &str, like: &str) -> Result<[String; N], String> {
    let parts: Vec<String> = text.split(':').map(str::to_owned).collect();
    parts.try_into().map_err(|_| format!("say it like {like}"))
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
    number.ok_or_else(|| format!("\"{text}\" is no number"))
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|e: crate::labels::level::UnknownLevel| e.to_string())
}

fn side(text: &str) -> Result<Side, String> {
    match text {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        other => Err(format!("\"{other}\" is no side: say left or right")),
    }
}

fn parse_curve(text: &str) -> Result<Curve, String> {
    let like = "T5-T12:60:right:25";
    let [ends, cobb, convex, turn] = parts(text, like)?;
    let (upper, lower) = ends.split_once('-').ok_or_else(|| format!("say it like {like}"))?;
    Ok(Curve {
        upper: level(upper)?,
        lower: level(lower)?,
        cobb_deg: number(&cobb)?,
        convex: side(&convex)?,
        rotation_deg: number(&turn)?,
    })
}

fn parse_slip(text: &str) -> Result<Slip, String> {
    let [at, mm] = parts(text, "L4:7")?;
    Ok(Slip { level: level(&at)?, forward_mm: number(&mm)? })
}

fn parse_fracture(text: &str) -> Result<Fracture, String> {
    let [at, loss] = parts(text, "L1:0.4")?;
    Ok(Fracture { level: level(&at)?, front_loss: number(&loss)? })
}

fn parse_narrow(text: &str) -> Result<Narrow, String> {
    let [at, on, share] = parts(text, "L2:right:0.6")?;
    Ok(Narrow { level: level(&at)?, side: side(&on)?, share: number(&share)? })
}

fn parse_screw(text: &str) -> Result<OldScrew, String> {
    let like = "L4:left:6.5x45";
    let [at, on, size] = parts(text, like)?;
    let (wide, long) = size.split_once('x').ok_or_else(|| format!("say it like {like}"))?;
    Ok(OldScrew {
        level: level(&at)?,
        side: side(&on)?,
        diameter_mm: number(wide)?,
        length_mm: number(long)?,
    })
}

fn parse_fov(text: &str) -> Result<DVec3, String> {
    let sizes: Vec<f64> = text.split('x').map(number).collect::<Result<_, _>>()?;
    match sizes.as_slice() {
        [x, y, z] if sizes.iter().all(|mm| (1.0..=2000.0).contains(mm)) => {
            Ok(DVec3::new(*x, *y, *z))
        }
        _ => Err("say it like 200x200x480, each 1 to 2000 mm".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read() {
        assert_eq!(parse_levels("T11-L2").map(|l| l.0.len()), Ok(4));
        assert_eq!(parse_levels("L4,L6,S1").map(|l| l.0.len()), Ok(3));
        let curve = parse_curve("T5-T12:60:right:25").expect("a curve");
        assert_eq!((curve.cobb_deg, curve.convex), (60.0, Side::Right));
        let screw = parse_screw("L4:left:6.5x45").expect("a screw");
        assert_eq!((screw.side, screw.length_mm), (Side::Left, 45.0));
        for wrong in ["T5-T12:60:right", "T5:60:right:25", "T5-T12:x:right:25"] {
            assert!(parse_curve(wrong).is_err(), "{wrong}");
        }
        assert!(parse_fov("200x200").is_err() && parse_levels("L9").is_err());
    }

    #[test]
    fn a_span_has_both_of_its_ends() {
        for (span, named) in [
            ("L1-L6", "L1 L2 L3 L4 L5 L6"),
            ("T11-T13", "T11 T12 T13"),
            ("T13-L2", "T13 L1 L2"),
            ("L6-S1", "L6 S1"),
            ("T11-L2", "T11 T12 L1 L2"),
            ("L4-S1", "L4 L5 S1"),
        ] {
            let Levels(levels) = parse_levels(span).expect("a span");
            let levels: Vec<String> = levels.iter().map(Level::to_string).collect();
            assert_eq!(levels.join(" "), named, "{span}");
        }
        assert_eq!(parse_levels("T1-S1"), Ok(Levels(Spec::whole_column())));
        // No shape for C7: refused where the spine is made, as it is by name.
        let Levels(neck) = parse_levels("C7-T2").expect("a span");
        let refused = Phantom::new(&Spec { levels: neck, ..Spec::default() }).map(drop);
        assert_eq!(refused, Err(SpecError::NoShape(level("C7").expect("a level"))));
        assert!(parse_levels("S1-L1").is_err());
    }
}
