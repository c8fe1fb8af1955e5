//! What was survived while reading, as data.

/// Something a user should know about an image that could be read all the same.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Warning {
    /// The file does not place its voxels in the patient.
    #[error(
        "the file does not say how the patient lies in it: left and right are a guess, \
         check them against the report"
    )]
    NoSpace,
    /// NIfTI's two ways to place the image contradict each other.
    #[error(
        "the file places its image twice and the two places differ by up to {apart_mm:.1} mm: \
         the sform was taken, not the qform"
    )]
    QformDiffers {
        /// Largest distance of a corner, in mm.
        apart_mm: f64,
    },
    /// NIfTI's preferred matrix is flat or not finite.
    #[error("the file's sform is flat or not a number: its qform was taken")]
    SformUnusable,
    /// Values beyond what 16 bits hold.
    #[error("{count} voxels lie beyond -32768 to 32767 HU and were cut to that range")]
    Clipped {
        /// How many voxels.
        count: usize,
    },
    /// Values that are no number.
    #[error("{count} voxels hold no number and were read as air")]
    NotANumber {
        /// How many voxels.
        count: usize,
    },
    /// Segments that lie on top of each other.
    #[error("{count} voxels belong to several segments: each was given to the first of them")]
    OverlappingSegments {
        /// How many voxels.
        count: usize,
    },
    /// Labels were resampled.
    #[error(
        "the labels lie on another grid than the CT and were resampled onto it by nearest voxel"
    )]
    Resampled,
    /// Labels that reach beyond the CT.
    #[error("{percent:.0} % of the labelled voxels lie outside the CT")]
    LabelsOutside {
        /// Share of all labelled voxels, 0 to 100.
        percent: f64,
    },
    /// A folder with more than one series.
    #[error(
        "the folder holds {others} more image series: the largest CT series was taken; \
         name a file of another series to open that one"
    )]
    OtherSeries {
        /// How many were not taken.
        others: usize,
    },
    /// Files that start as DICOM and can not be parsed.
    #[error("{count} DICOM files could not be read and were left out")]
    UnreadableFiles {
        /// How many.
        count: usize,
    },
    /// Slices of another size, spacing or orientation than most of the series.
    #[error("{count} slices differ in size, spacing or orientation and were left out")]
    OddSlices {
        /// How many.
        count: usize,
    },
    /// More than one slice at one place.
    #[error("{count} slices repeat a place that another slice already shows and were left out")]
    DuplicateSlices {
        /// How many.
        count: usize,
    },
    /// Steps between slices that differ: the longest even run was taken.
    #[error(
        "the distance between slices changes (slices are missing, or two scans were joined): \
         the longest even part, {kept} slices, was taken and {left_out} were left out"
    )]
    UnevenSlices {
        /// Slices taken.
        kept: usize,
        /// Slices left out.
        left_out: usize,
    },
    /// Slices that lean against the direction in which they are stacked.
    #[error("the slices are tilted by {degrees:.1} degrees (gantry tilt): they are placed as such")]
    GantryTilt {
        /// Angle between the slices' normal and the stacking direction.
        degrees: f64,
    },
    /// A CT without a rescale rule.
    #[error("the file does not say how its values become HU: they were taken as HU")]
    NoRescale,
}
