//! Headless use: arguments, and the commands that need no engine.
//!
//! In: the command line. Out: a [`Request`] for `main` to dispatch; `compare`, `grade`, `measure`, `phantom`,
//! `plan` and `segment` run here, `open`, `picture` and `doctor` in `program`.

pub mod compare;
pub mod grade;
pub mod measure;
pub mod output;
pub mod phantom;
pub mod plan;
pub mod progress;
pub mod run;
pub mod segment;
pub mod table;

use crate::case::bundle::BundleError;
use crate::case::request::CaseRequest;
use crate::labels::Posture;
use crate::labels::numbering::Numbering;
use crate::platform::fs::FileSystem;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Plan, rehearse and judge pedicle screws inside a patient's own spine.
///
/// For research, teaching and rehearsal; not a medical device. Without a command the built-in
/// case opens.
#[derive(Debug, Parser)]
#[command(name = "corridor", version, about, max_term_width = 100)]
pub struct Request {
    /// What to do; without it the built-in case opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where to show it.
    #[command(flatten)]
    pub display: Display,
}

/// Where a case is shown.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Display {
    /// Stay on the desk even when a headset is there.
    #[arg(long, global = true, conflicts_with = "xr")]
    pub desktop: bool,
    /// Insist on the headset; end with a sentence when there is none.
    #[arg(long, global = true)]
    pub xr: bool,
    /// Time this many frames once the case is open, print the table and end.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub measure_frames: Option<u32>,
}

/// One subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open a case and plan on it.
    Open(CaseArgs),
    /// Judge every screw of a plan.
    Grade(GradeArgs),
    /// Lay several plans of a case side by side.
    Compare(CompareArgs),
    /// Let the program plan the screws of a case.
    Plan(PlanArgs),
    /// Find and name the vertebrae of a CT that has no labels.
    Segment(SegmentArgs),
    /// Measure the anatomy of a case: pedicles, canal, angles of the column, bone density; with a
    /// plan also the density along each of its screws.
    Measure(MeasureArgs),
    /// Draw a case into a PNG file, without a window.
    Picture(PictureArgs),
    /// Make a spine with known truth: CT, labels and every true number.
    Phantom(Box<phantom::PhantomArgs>),
    /// Say what this machine has, and how to get what is missing.
    Doctor,
}

/// A case, named the same way everywhere.
#[derive(Args, Clone, Debug, Default)]
pub struct CaseArgs {
    /// A CT (NIfTI, NRRD, a DICOM file or folder), a label map alone, or a case bundle; the
    /// built-in case when left out.
    #[arg(value_name = "CASE")]
    pub ct: Option<PathBuf>,
    /// Labels of the vertebrae: a label map (NIfTI, NRRD), a DICOM segmentation, or a folder of
    /// masks, one structure a file.
    #[arg(long, value_name = "PATH")]
    pub labels: Option<PathBuf>,
    /// Plan file; without it the program keeps the plan where it says. For `corridor plan`: one
    /// whose level names and mended labels are planned on and written out again; its screws are not.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Screws on offer in place of the program's own: a hospital's catalogue (a RON file, see the
    /// README).
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Rods and benders on offer in place of the program's own, with their springback as a hospital
    /// has measured it (a RON file, see the README).
    #[arg(long, value_name = "FILE")]
    pub rods_file: Option<PathBuf>,
    /// How the labels are numbered, when the program can not tell.
    #[arg(long, value_enum)]
    pub numbering: Option<NumberingArg>,
    /// Open the plan although nothing tells whether it belongs to this patient.
    #[arg(long)]
    pub accept_unknown: bool,
    /// Keep the surfaces computed from this case in your cache folder, so that it opens faster the
    /// next time; without this nothing that comes from a patient is kept.
    #[arg(long)]
    pub keep: bool,
}

/// Numberings of label values, as spelt on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum NumberingArg {
    /// TotalSegmentator version 1.
    TotalsegV1,
    /// TotalSegmentator version 2.
    TotalsegV2,
    /// VerSe.
    Verse,
}

impl From<NumberingArg> for Numbering {
    fn from(arg: NumberingArg) -> Self {
        match arg {
            NumberingArg::TotalsegV1 => Self::TotalSegV1,
            NumberingArg::TotalsegV2 => Self::TotalSegV2,
            NumberingArg::Verse => Self::Verse,
        }
    }
}

impl CaseArgs {
    /// The case that these arguments name.
    pub fn request(&self, fs: &dyn FileSystem) -> Result<CaseRequest, BundleError> {
        let numbering = self.numbering.map(Numbering::from);
        let (ct, labels) = (self.ct.as_deref(), self.labels.as_deref());
        let request = CaseRequest::of_paths(ct, labels, self.plan.as_deref(), numbering, fs)?;
        Ok(CaseRequest {
            catalogue: self.catalogue.clone(),
            rods_file: self.rods_file.clone(),
            accept_unknown: self.accept_unknown,
            keep: self.keep,
            ..request
        })
    }
}

/// Arguments of `grade`.
#[derive(Args, Clone, Debug)]
pub struct GradeArgs {
    /// The case the plan belongs to.
    #[command(flatten)]
    pub case: CaseArgs,
    /// Print JSON in place of a table. With --rods `rods.moved` tells how each level moves for
    /// `rods.target`; the rods' heads and lines lie in the spine so moved.
    #[arg(long)]
    pub json: bool,
    /// Also print the rods as they are bent: misfit, length to cut, and a bend table each. As many
    /// bends as are worth it, or so many.
    #[arg(long, value_name = "BENDS", num_args = 0..=1, value_parser = bends)]
    pub rods: Option<Option<usize>>,
    /// With --rods: what they are made of, by its id; else as the plan chose, or the first on offer.
    #[arg(long, value_name = "ID", requires = "rods")]
    pub rod: Option<String>,
    /// With --rods: what bends them, by its id; else as the plan chose, or the first on offer.
    #[arg(long, value_name = "ID", requires = "rods")]
    pub bender: Option<String>,
    /// With --rods: the spine is moved to this lordosis first, degrees between the upper plates of
    /// the highest and the lowest level with a screw.
    #[arg(long, value_name = "DEGREES", requires = "rods", allow_negative_numbers = true)]
    pub lordosis: Option<f64>,
    /// With --rods: this part of its coronal tilt is taken away first, 0 to 1.
    #[arg(long, value_name = "PART", requires = "rods")]
    pub straighten: Option<f64>,
    /// Also write the plan as a table of comma-separated values.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Also write the plan as markups of 3D Slicer (name it *.mrk.json).
    #[arg(long, value_name = "FILE")]
    pub markups: Option<PathBuf>,
    /// With --csv or --markups: write over a file that is there.
    #[arg(long)]
    pub replace: bool,
}

/// The most bends that a rod can be asked to have.
const MOST_BENDS_ASKED: usize = 60;

/// A number of bends.
fn bends(text: &str) -> Result<usize, String> {
    let bends = text.parse().ok().filter(|bends| *bends <= MOST_BENDS_ASKED);
    bends.ok_or_else(|| format!("a number of bends from 0 to {MOST_BENDS_ASKED}"))
}

/// Arguments of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// The case the plans belong to.
    #[command(flatten)]
    pub case: CaseArgs,
    /// The plan files; the alternatives that one of them keeps are compared as well.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true, conflicts_with = "plan")]
    pub plans: Vec<PathBuf>,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// The case to plan.
    #[command(flatten)]
    pub case: CaseArgs,
    /// Plan every pedicle; nothing else can be done yet, so it must be said.
    #[arg(long, required = true)]
    pub auto: bool,
    /// Which levels: `L4`, `L2-S1`, `T12,L2-L4`; all of the case when left out.
    #[arg(long, value_parser = plan::parse_levels)]
    pub levels: Option<plan::Levels>,
    /// In which style.
    #[arg(long, value_enum, default_value_t = StyleArg::Straight)]
    pub style: StyleArg,
    /// Beside them a screw from the sacrum into each ilium (labels of both hip bones are needed).
    #[arg(long)]
    pub iliac: bool,
    /// Where a pedicle is too narrow, let the screw pass its lateral wall.
    #[arg(long)]
    pub in_out_in: bool,
    /// Plan each screw for itself, without lining the heads up for rods.
    #[arg(long)]
    pub each_alone: bool,
    /// Weights and limits in place of the program's own (a RON file).
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Where the plan goes; without it the table alone is printed.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a plan that is there.
    #[arg(long)]
    pub replace: bool,
    /// Print JSON with every term of each score in place of a table.
    #[arg(long)]
    pub json: bool,
}

/// Styles of trajectory, as spelt on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StyleArg {
    /// Parallel to the end plate.
    Straight,
    /// Along the pedicle.
    Anatomic,
    /// Cortical bone trajectory.
    Cortical,
    /// S1 through both cortices, to the promontory.
    S1Bicortical,
    /// Through sacrum and ilium.
    S2AlarIliac,
}

/// Arguments of `segment`.
#[derive(Args, Clone, Debug)]
pub struct SegmentArgs {
    /// A CT: NIfTI, NRRD, a DICOM file or folder.
    pub ct: PathBuf,
    /// Where the labels go: NIfTI (.nii, .nii.gz), in VerSe's numbering.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    pub replace: bool,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `measure`.
#[derive(Args, Clone, Debug)]
pub struct MeasureArgs {
    /// The case to measure.
    #[command(flatten)]
    pub case: CaseArgs,
    /// How the patient lay or stood in the scanner. Not given: as a DICOM file says, else supine.
    #[arg(long, value_enum)]
    pub posture: Option<PostureArg>,
    /// Print JSON in place of tables.
    #[arg(long)]
    pub json: bool,
    /// Also write each vertebra's surface into this folder, as STL in LPS mm.
    #[arg(long, value_name = "FOLDER")]
    pub surfaces: Option<PathBuf>,
}

/// Postures, as spelt on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PostureArg {
    /// On the back, as in nearly every CT.
    Supine,
    /// On the belly.
    Prone,
    /// Upright.
    Standing,
}

impl From<PostureArg> for Posture {
    fn from(arg: PostureArg) -> Self {
        match arg {
            PostureArg::Supine => Self::Supine,
            PostureArg::Prone => Self::Prone,
            PostureArg::Standing => Self::Standing,
        }
    }
}

/// Arguments of `picture`.
#[derive(Args, Clone, Debug)]
pub struct PictureArgs {
    /// The case to draw.
    #[command(flatten)]
    pub case: CaseArgs,
    /// Where the PNG goes.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// From where.
    #[arg(long, value_enum, default_value_t = View::Posterior)]
    pub view: View,
    /// Width and height in pixels, e.g. 1280x800.
    #[arg(long, default_value = "1280x800", value_parser = parse_size)]
    pub size: (u32, u32),
}

/// A standard view of the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// From behind, as the surgeon stands.
    #[default]
    Posterior,
    /// From the front.
    Anterior,
    /// From the patient's left.
    Left,
    /// From the patient's right.
    Right,
    /// From above.
    Superior,
    /// From the feet.
    Inferior,
    /// The axial slice through the middle, or through the first screw.
    Axial,
    /// The coronal slice.
    Coronal,
    /// The sagittal slice.
    Sagittal,
}

/// Largest side of a picture; more than any graphics driver promises is refused in words.
const MOST_PIXELS: u32 = 8192;

/// `1280x800` as two numbers.
fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match parts {
        Some((w, h)) if (16..=MOST_PIXELS).contains(&w) && (16..=MOST_PIXELS).contains(&h) => {
            Ok((w, h))
        }
        _ => Err(format!("say WIDTHxHEIGHT, each 16 to {MOST_PIXELS}, e.g. 1280x800")),
    }
}

/// A fault with its causes, each said once: many a sentence has its cause in it already.
pub fn said_once(fault: &anyhow::Error) -> String {
    fault.chain().skip(1).fold(fault.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::fs::RealFs;
    use clap::CommandFactory;

    #[test]
    fn a_cause_is_said_once() {
        let io = || std::io::Error::other("the disk is full");
        let twice = anyhow::Error::new(io()).context("it failed: the disk is full");
        assert_eq!(super::said_once(&twice), "it failed: the disk is full");
        let apart = anyhow::Error::new(io()).context("it failed");
        assert_eq!(super::said_once(&apart), "it failed: the disk is full");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Request::command().debug_assert();
    }

    #[test]
    fn without_a_case_the_demo_opens() {
        let request = Request::try_parse_from(["corridor"]).expect("no arguments are fine");
        assert!(request.command.is_none());
        let request = CaseArgs::default().request(&RealFs).expect("no files to read");
        assert_eq!(request, CaseRequest::demo());
    }

    #[test]
    fn sizes_are_two_sane_numbers() {
        assert_eq!(parse_size("640x480"), Ok((640, 480)));
        for wrong in ["640", "0x480", "640x99999", "ax3", ""] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
