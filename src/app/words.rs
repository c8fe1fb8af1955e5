//! Every word that a person reads in the program's window and on its panels, in one table. What
//! the core has to say (errors, notices, edits) it says itself, in whole sentences.

use crate::clearance::Wall;
use crate::labels::{Organ, Posture};
use crate::plan::ScrewState;
use crate::plan::auto::Style;
use crate::plan::bent::BentRod;
use crate::plan::rod::Rod;
use crate::space::Side;
use crate::space::orientation::Letter;
use crate::volume::View;
use crate::volume::window::{Preset, Window};
use std::fmt::Display;
use std::path::Path;

/// Name of the program.
pub const PROGRAM: &str = "Corridor";
/// What stands in the status bar at all times.
pub const NOTICE: &str = "Research and teaching only. Not a medical device.";
/// While a case is read.
pub const LOADING: &str = "Reading the case";
/// When nothing could be opened.
pub const NOT_OPENED: &str = "This case could not be opened";
/// How to go on from there.
pub const OPEN_ANOTHER: &str = "Open another file, or drop one onto this window.";

/// Heading of the list of levels.
pub const LEVELS: &str = "Levels";
/// Where a case has no vertebrae.
pub const NO_LEVELS: &str = "No vertebrae: this case has no labels. The slices can be read; to \
     plan screws, open it together with a label map.";
/// Heading of what the images want to say.
pub const REMARKS: &str = "About these images";
/// Heading of the numbers.
pub const SCREW: &str = "Screw";
/// When none is chosen.
pub const NO_SCREW: &str = "No screw chosen";
/// What to do then.
pub const HOW_TO_PLACE: &str = "Choose “Place screw”, press on bone where it shall enter and drag \
     to aim. Without a drag it follows the pedicle.";
/// A number that is older than what is seen.
pub const PENDING: &str = "pending";

/// Heading of the brush.
pub const MEND: &str = "Mend labels";
/// Where no level is chosen.
pub const CHOOSE_LEVEL: &str = "Choose a level on the left.";
/// Adds to the level.
pub const BRUSH: &str = "Brush";
/// Takes away from it.
pub const ERASER: &str = "Eraser";
/// Size of the brush.
pub const RADIUS: &str = "Radius";
/// The brush spares no neighbour.
pub const OVER_OTHERS: &str = "Over other levels too";
/// Button: islands go, holes are filled.
pub const CLEAN: &str = "Clean this level";
/// What to do with the brush.
pub const HOW_TO_MEND: &str = "Paint on the slices with the left button. Every stroke is one edit; \
     undo takes it back.";
/// While surfaces follow the labels.
pub const MENDING: &str = "The surface follows the labels; its screws are judged when it is there.";

/// While the pelvis follows them.
pub const MENDING_PELVIS: &str =
    "Sacrum and ilia follow the labels as one; screws through both are judged when they are there.";

/// Button: the program plans screws.
pub const PLAN_ALL: &str = "Plan automatically";
/// Button: the same, laterally out of pedicles that are too narrow.
pub const PLAN_NARROW: &str = "Allow in-out-in";
/// Button: the same with screws into the ilia.
pub const PLAN_ILIAC: &str = "With iliac screws";
/// While it does.
pub const PLANNING: &str = "Planning screws";
/// Button: stop what runs.
pub const STOP: &str = "Stop";
/// It was stopped.
pub const PLANNING_STOPPED: &str = "Planning was stopped; nothing was changed.";
/// Button: stand behind what the program suggested.
pub const ACCEPT_ALL: &str = "Accept all";
/// Button: take out what the program suggested.
pub const REJECT_ALL: &str = "Reject all";
/// Button: stand behind one screw.
pub const ACCEPT: &str = "Accept";
/// Button: take one suggested screw out.
pub const REJECT: &str = "Reject";
/// Heading of pedicles that got no screw.
pub const REFUSED: &str = "Not planned";
/// Automatic labels that nobody has looked at.
pub const NOT_REVIEWED: &str = "Found by the program, not reviewed";
/// Button: they were looked at.
pub const ACCEPT_LABELS: &str = "Accept labels";
/// Automatic labels that a person has accepted.
pub const LABELS_ACCEPTED: &str = "Found by the program, accepted";
/// Menu of names: every vertebra is renamed with this one.
pub const THIS_IS: &str = "This is … (all names move along)";
/// Menu of names: this vertebra alone.
pub const ONLY_THIS: &str = "Only this one is …";
/// A name that would lead out of the spine.
pub const NAMES_END: &str = "The names can not move so far: one of them would leave the spine.";
/// Heading of what should be looked at.
pub const CHECKS: &str = "Checks";
/// Nothing to look at.
pub const NO_ISSUES: &str = "Nothing stands out. That is no proof that the plan is good.";
/// Nothing was planned yet.
pub const NO_PLAN: &str = "No screws yet.";
/// Heading of the plans to choose from.
pub const PLANS: &str = "Plans";
/// Heading of the rods.
pub const RODS: &str = "Rods";
/// There are no screws to join.
pub const NO_RODS: &str = "A rod needs two screws on its side.";
/// Box: the rods are laid for this lordosis.
pub const LORDOSIS_WANTED: &str = "Lordosis to reach";
/// Slider: how much of the coronal tilt is taken away.
pub const STRAIGHTEN: &str = "Straighten";
/// What stands over the moves of the levels.
pub const RODS_MOVED: &str =
    "The spine moved for it; the rods stand where its heads would be. What each disc opens:";
/// Heads of the moves of the levels.
pub const MOVED_HEADS: [&str; 3] = ["Level", "back", "left"];
/// Heads of the misfits.
pub const MISFIT_HEADS: [&str; 2] = ["Head", "misfit mm"];
/// Heads of a bender's settings.
pub const BEND_HEADS: [&str; 5] = ["Bend", "feed mm", "roll", "set to", "stays"];
/// The straight piece behind the last bend.
pub const LAST_PIECE: &str = "end";
/// Box: what the rods are made of.
pub const ROD_KIND: &str = "Rod";
/// Box: what bends the rods.
pub const BENDER: &str = "Bent by";
/// Button: keep the plan as it is, to choose from.
pub const KEEP_PLAN: &str = "Keep this plan";
/// None was kept.
pub const NO_ALTERNATIVES: &str =
    "Keep the plan as it is, go on with another, and compare both here.";
/// Head of the column of the plan that is worked on.
pub const PLAN_NOW: &str = "Now";
/// Button: go on with a plan that was kept.
pub const TAKE_UP: &str = "Use";
/// Row: how many are A, B, and worse.
pub const LETTERS: &str = "A, B, C–E";
/// Row: the least clearance of a plan.
pub const LEAST_CLEARANCE: &str = "Least mm";
/// Row: how far rods miss the heads, left and right, mm.
pub const ROD_MISFIT: &str = "Misfit L, R";
/// Row: how many screws.
pub const SCREWS: &str = "Screws";
/// Heading of the score.
pub const WHY: &str = "Why this screw";
/// Nothing says why.
pub const NO_WHY: &str = "No score here: its pedicle or canal is not known, or it runs beside it.";
/// Distance to the canal.
pub const TO_CANAL: &str = "To the canal";
/// Distance to the nearer foramen.
pub const TO_FORAMEN: &str = "To the foramen";
/// Distance to the level above.
pub const TO_ABOVE: &str = "To the level above";
/// Distance to the nearest other screw.
pub const TO_SCREW: &str = "To the next screw";
/// Mean density along the path.
pub const PATH_HU: &str = "Density on its path";
/// Heading of the plot of density.
pub const HU_ALONG: &str = "HU along the screw";
/// Letters of other authors.
pub const SCHEMES: &str = "Other schemes";
/// Heading of the measures.
pub const MEASURES: &str = "Measures";
/// While they are measured.
pub const MEASURING: &str = "Measuring the spine";
/// Button: back to the views.
pub const CLOSE: &str = "Close";
/// Heading of a plot: seen from the front.
pub const CORONAL_CURVE: &str = "Coronal curve, seen from the front";
/// Heading of a plot: seen from the left.
pub const SAGITTAL_CURVE: &str = "Sagittal curve, seen from the left";
/// Heading of a table.
pub const ANGLES: &str = "Angles of the column";
/// Heading of a table.
pub const PEDICLES: &str =
    "Pedicles: outer cortex, across the axis; chord along it; HU under the cortex";
/// Heading of a table.
pub const BODIES: &str = "Vertebrae";
/// Heading of a table.
pub const PATHS: &str = "Planned screws: density along each, over its own thickness";
/// Heading of sentences.
pub const NOTES: &str = "What to know about these numbers";
/// No angle was found.
pub const NO_ANGLES: &str = "None could be measured.";
/// Switch: borders of the labels on the slices.
pub const BORDERS: &str = "Label borders";
/// Menu of switches, where the window is narrow.
pub const SHOW: &str = "Show";
/// Switch: the cut along the screw is flat, as an axial slice is.
pub const FLAT: &str = "flat";
/// Switch: the cut along the screw is upright, as a sagittal slice is.
pub const UPRIGHT: &str = "upright";
/// Name of a cut.
pub const ALONG: &str = "along";
/// Heading of a chosen level.
pub const LEVEL: &str = "Level";
/// Nothing could be measured of a level.
pub const NO_PEDICLES: &str = "Its pedicles were not found.";
/// Rows of a level's table.
pub const PEDICLE_ROWS: [&str; 6] = ["Width", "Height", "Least", "Chord", "Transverse", "Sagittal"];

/// Clearance.
pub const CLEARANCE: &str = "Clearance";
/// Breach.
pub const BREACH: &str = "Breach";
/// A medial breach beside a larger one.
pub const ALSO_MEDIAL: &str = "Also medial";
/// A cranial one beside a larger one.
pub const ALSO_CRANIAL: &str = "Also cranial";
/// A caudal one beside a larger one.
pub const ALSO_CAUDAL: &str = "Also caudal";
/// Nearest wall.
pub const NEAREST_WALL: &str = "Nearest wall";
/// Diameter.
pub const DIAMETER: &str = "Diameter";
/// Length.
pub const LENGTH: &str = "Length";
/// Which kind of screw.
pub const KIND: &str = "Kind";
/// A size that no kind of the catalogue has.
pub const NOT_ON_OFFER: &str = "not in the catalogue";
/// Angle in the axial plane.
pub const AXIAL_ANGLE: &str = "Axial angle";
/// Angle in the sagittal plane.
pub const SAGITTAL_ANGLE: &str = "Sagittal angle";
/// How far a person stands behind it.
pub const STATE: &str = "State";
/// Heading of the plot.
pub const PROFILE: &str = "Clearance along the screw";
/// Axis of the plot.
pub const DEPTH_MM: &str = "depth, mm";
/// No breach.
pub const NONE: &str = "none";

/// Button: look.
pub const LOOK: &str = "Look";
/// Button: place.
pub const PLACE: &str = "Place screw";
/// Button: see through bone.
pub const SEE_THROUGH: &str = "See-through";
/// Button: slices in the 3D view.
pub const SLICES: &str = "Slices in 3D";
/// Button: fly.
pub const FLY: &str = "Fly";
/// Button: undo.
pub const UNDO: &str = "Undo";
/// Button: redo.
pub const REDO: &str = "Redo";
/// Button: save.
pub const SAVE: &str = "Save";
/// Button: open.
pub const OPEN: &str = "Open…";
/// Button: screenshot.
pub const SCREENSHOT: &str = "Picture";
/// Button: delete.
pub const DELETE: &str = "Delete screw";
/// Button: cancel.
pub const CANCEL: &str = "Cancel";
/// Menu of standard views.
pub const VIEW: &str = "View";
/// Menu of windows.
pub const WINDOW: &str = "Window";

/// Heading of the dialog that opens a case.
pub const OPEN_TITLE: &str = "Open a case";
/// Field of it.
pub const CT_FIELD: &str = "CT: NIfTI, NRRD, a DICOM file or folder; or a label map alone";
/// Field of it.
pub const LABELS_FIELD: &str = "Label map of the vertebrae (may stay empty)";
/// Hint of it.
pub const DROP_HINT: &str = "A file can also be dropped onto the window.";
/// Button of it.
pub const OPEN_NOW: &str = "Open";
/// Button of it.
pub const OPEN_BUILTIN: &str = "Open the built-in case";

/// Heading of a question.
pub const ASK_TOGETHER: &str = "Do plan and image belong together?";
/// Answer to it.
pub const TOGETHER: &str = "Yes, open them together";
/// Answer to it.
pub const NOT_TOGETHER: &str = "No, leave it";

/// All edits are in the plan file.
pub const SAVED: &str = "Saved";
/// Edits are on their way.
pub const SAVING: &str = "Saving…";
/// A write failed.
pub const NOT_SAVED: &str = "Not saved";
/// A write failed and was made up for.
pub const SAVED_AFTER_ALL: &str = "The disk takes the plan again: everything is saved.";
/// Heading of the 3D view.
pub const MODEL: &str = "3D";
/// A slice outside the image.
pub const OUTSIDE: &str = "outside";

/// Keys, shown when the pointer rests on a button.
pub mod hints {
    /// Keep.
    pub const KEEP_PLAN: &str = "Keeps the screws as they are now under the next free letter.";
    /// Use.
    pub const TAKE_UP: &str =
        "Goes on with these screws in place of those now; Undo brings them back.";
    /// Drop.
    pub const DROP_PLAN: &str = "Takes this plan out of the list; Undo brings it back.";
    /// Look.
    pub const LOOK: &str = "Click on bone chooses the level and shows the point in the slices. \
         Left drag turns, middle drag shifts, wheel or right drag zooms.";
    /// Place.
    pub const PLACE: &str = "P: press on bone for the entry, drag to aim the tip; Esc gives up.";
    /// See-through.
    pub const SEE_THROUGH: &str = "X";
    /// Slices.
    pub const SLICES: &str = "C";
    /// Fly.
    pub const FLY: &str = "F: W A S D and Q E move, right drag looks around.";
    /// Mend.
    pub const MEND: &str = "E: brush and eraser for the labels, on the slices.";
    /// Radius of the brush.
    pub const RADIUS: &str = "[ and ]";
    /// Clean.
    pub const CLEAN: &str = "Gives up every piece but the largest and fills the holes.";
    /// Undo.
    pub const UNDO: &str = "Ctrl+Z";
    /// Redo.
    pub const REDO: &str = "Ctrl+Y";
    /// Save.
    pub const SAVE: &str = "Ctrl+S";
    /// Screenshot.
    pub const SCREENSHOT: &str = "F12: writes a PNG beside the plan.";
    /// Open.
    pub const OPEN: &str = "Ctrl+O";
    /// Delete.
    pub const DELETE: &str = "Del";
    /// Label borders.
    pub const BORDERS: &str = "B: where the labels end on the slices.";
    /// Measures.
    pub const MEASURES: &str = "M: angles, pedicles and density of the whole spine.";
    /// Lordosis to reach.
    pub const LORDOSIS_WANTED: &str = "Between the upper plates of the highest and the lowest level \
         that have screws: each level turns about its disc, and the rods are bent for that spine.";
    /// Straighten.
    pub const STRAIGHTEN: &str =
        "The part of the sideways tilt between the levels that is taken away.";
    /// Plan narrow pedicles.
    pub const PLAN_NARROW: &str = "Once more, with the smallest screw laterally through the wall \
         of pedicles that are too narrow for it, and never towards the canal.";
    /// Plan sacrum and ilium.
    pub const PLAN_ILIAC: &str = "The same, and a screw from the sacrum into each ilium (S2AI).";
    /// Plan automatically.
    pub const PLAN_ALL: &str = "A screw for every pedicle that has none of yours. They come as \
         suggestions: look at each and accept or reject it. One undo takes all of them back.";
    /// Rename.
    pub const RENAME: &str = "Right click: call this level otherwise.";
    /// The cut along the screw.
    pub const ALONG: &str = "Click: cut across here.";
    /// Slices.
    pub const SLICE: &str = "Wheel: next slice. Click: crosshair here. Drag: window and level. \
         Right drag or Ctrl+wheel: zoom. Middle or Shift+drag: shift. Double click: maximise. R: reset.";
}

/// A vertebra where the image ends.
pub const CUT_OFF: &str = "cut off";
/// Heads the columns of screws: the patient's left stands on the right, as on an axial slice.
pub const SIDES: [&str; 2] = ["L", "R"];
/// A numeric direction: towards the midline.
pub const MEDIAL: &str = "medial";
/// A numeric direction: away from the midline.
pub const LATERAL: &str = "lateral";
/// A numeric direction: towards the head.
pub const CRANIAL: &str = "cranial";
/// A numeric direction: towards the feet.
pub const CAUDAL: &str = "caudal";
/// The catalogue ends here.
pub const NO_SUCH_SIZE: &str = "The catalogue has no size beyond this one.";
/// What stands before an edit that was taken back.
pub const UNDONE: &str = "Undone";
/// What stands before an edit that was done again.
pub const REDONE: &str = "Done again";
/// The patient's data may be kept on this computer.
pub const KEEP: &str = "Keep its surfaces on this computer, to open it faster the next time";

/// A standard view of the model.
pub const fn look(letter: Letter) -> &'static str {
    match letter {
        Letter::P => "Posterior",
        Letter::A => "Anterior",
        Letter::L => "Left",
        Letter::R => "Right",
        Letter::S => "Superior",
        Letter::I => "Inferior",
    }
}

/// What came of automatic planning.
pub fn planned(screws: usize, refused: usize) -> String {
    let screws = match screws {
        0 => "No screw was suggested".to_owned(),
        1 => "1 screw was suggested".to_owned(),
        n => format!("{n} screws were suggested"),
    };
    match refused {
        0 => format!("{screws}."),
        1 => format!("{screws}; 1 pedicle was left out, see Checks."),
        n => format!("{screws}; {n} pedicles were left out, see Checks."),
    }
}

/// Automatic planning broke.
pub fn planning_failed(reason: &str) -> String {
    format!("Planning failed ({reason}); nothing was changed.")
}

/// How many suggestions wait for a person.
pub fn suggestions(count: usize) -> String {
    if count == 1 { "1 suggested screw".to_owned() } else { format!("{count} suggested screws") }
}

/// The letter as sure as it is: `A, could be B   ± 0.3 mm`.
pub fn band(said: &str, half_mm: f64) -> String {
    format!("{said}   ± {half_mm:.1} mm")
}

/// Where a screw is cut across.
pub fn across(depth_mm: f64) -> String {
    format!("across, {depth_mm:.0} mm deep")
}

/// On which trajectory a screw is scored.
pub fn scored_as(style: Option<Style>) -> String {
    match style {
        Some(style) => format!("Trajectory: {style}"),
        None => format!("Placed by hand, scored as {}", Style::default()),
    }
}

/// A score of 100.
pub fn score(total: f64) -> String {
    format!("{total:.0} of 100")
}

/// A number of so many digits with its unit; a dash where there is none.
pub fn measure(value: Option<f64>, digits: usize, unit: &str) -> String {
    let Some(value) = value else { return "–".to_owned() };
    signed(format!("{value:.digits$} {unit}")).trim_end().to_owned()
}

/// A cell of a table of measures, as the core writes it, with true minus, dash and sign of
/// multiplication.
pub fn cell(text: &str) -> String {
    if text == "-" { "–".to_owned() } else { signed(text.replace(" x ", " × ")) }
}

/// How the patient lay.
pub const fn posture(posture: Posture) -> &'static str {
    match posture {
        Posture::Supine => "lying on the back",
        Posture::Prone => "lying on the belly",
        Posture::Standing => "standing",
    }
}

/// A share of one.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// The rod of a side.
pub fn rod_of(at: Side) -> String {
    sentence(&format!("{} rod", side(at)))
}

/// What is said of a rod as it is bent.
pub fn rod_numbers(rod: &BentRod) -> String {
    let arcs = match rod.arc_radius_mm() {
        Some(radius) => {
            let back = rod.counter_bend_deg;
            format!("bends of {radius} mm radius, {back:.0}° of them back")
        }
        None => "straight".to_owned(),
    };
    let (misfit, length) = (rod.rms_misfit_mm(), rod.length_mm());
    format!("Misfit as bent {misfit:.2} mm (RMS), cut to {length:.1} mm, {arcs}")
}

/// What is said of the curve that a rod follows, and of its table.
pub fn rod_doubts(curve: &Rod, bent: &BentRod) -> String {
    let (misfit, radius) = (curve.rms_misfit_mm(), curve.least_radius_mm);
    let off = bent.read_back_mm;
    format!(
        "The smooth curve it follows: misfit {misfit:.2} mm, {}. The table bent forward lies within \
         {off:.3} mm of the rod.",
        match radius < 5000.0 {
            true => format!("sharpest {radius:.0} mm radius"),
            false => "straight".to_owned(),
        }
    )
}

/// A screw, or several on one side of a level.
pub fn screws(level: impl Display, at: Side, count: usize) -> String {
    let one = format!("{level} {}", side(at));
    if count > 1 { format!("{one}, {count} screws") } else { one }
}

/// A size.
pub fn size(diameter_mm: f64, length_mm: f64) -> String {
    format!("Ø {diameter_mm:.1} × {length_mm:.0} mm")
}

/// A case is being read.
pub fn reading(path: impl Display) -> String {
    format!("{LOADING}: {path}")
}

/// A picture of the window is on the disk.
pub fn picture_written(file: &Path) -> String {
    format!("Picture: {}", file.display())
}

/// A picture of the window could not be written.
pub fn picture_failed(file: &Path, why: &impl Display) -> String {
    format!("The picture {} could not be written: {why}.", file.display())
}

/// Distance to what the labels name beside the spine.
pub const fn to_organ(organ: Organ) -> &'static str {
    match organ {
        Organ::Cord => "To the cord",
        Organ::Roots => "To a nerve root",
        Organ::Aorta => "To the aorta",
        Organ::VenaCava => "To the vena cava",
        Organ::IliacVessels => "To an iliac vessel",
    }
}

/// The patient's side in one letter.
pub const fn side_letter(side: Side) -> &'static str {
    match side {
        Side::Left => SIDES[0],
        Side::Right => SIDES[1],
    }
}

/// Which side of the patient.
pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
    }
}

/// A wall of the pedicle.
pub const fn wall(wall: Wall) -> &'static str {
    match wall {
        Wall::Medial => "medial (canal)",
        Wall::Lateral => "lateral",
        Wall::Cranial => "cranial",
        Wall::Caudal => "caudal",
        Wall::Anterior => "anterior (tip)",
        Wall::Posterior => "posterior",
    }
}

/// How far a person stands behind a screw.
pub const fn state(state: ScrewState) -> &'static str {
    match state {
        ScrewState::Suggested => "suggested",
        ScrewState::Reviewed => "reviewed",
        ScrewState::Accepted => "accepted",
    }
}

/// A slice's name.
pub const fn view(view: View) -> &'static str {
    match view {
        View::Axial => "Axial",
        View::Coronal => "Coronal",
        View::Sagittal => "Sagittal",
    }
}

/// A window of the menu, with its key.
pub fn preset(key: usize, preset: &Preset) -> String {
    let Window { width_hu, level_hu } = preset.window;
    format!("{key}   {}   {width_hu:.0} / {level_hu:.0}", preset.name)
}

/// The window of a slice.
pub fn window(window: Window) -> String {
    signed(format!("W {:.0}  L ", window.width_hu)) + &signed(format!("{:.0}", window.level_hu))
}

/// What lies under the mouse; `None` outside the image.
pub fn hu(value: Option<f32>) -> String {
    value.map_or_else(|| OUTSIDE.to_owned(), |hu| signed(format!("{hu:.0} HU")))
}

/// Millimetres to a tenth, with a true minus.
pub fn mm(value: f64) -> String {
    signed(format!("{value:.1} mm"))
}

/// A breach: how far, past which wall, and how deep from the entry.
pub fn breach(mm: f64, past: Wall, depth_mm: Option<f64>) -> String {
    let deep = depth_mm.map_or_else(String::new, |deep| format!(", {deep:.0} mm deep"));
    format!("{}, {}{deep}", self::mm(mm), wall(past))
}

/// Whole degrees.
pub fn degrees(value: f64) -> String {
    signed(format!("{value:.0}°"))
}

/// With a capital letter in front; a path stays as it is.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first)
            if !text.split(' ').next().is_some_and(|word| word.contains(['/', '.', ':'])) =>
        {
            first.to_uppercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

/// Minus zero is zero, and the hyphen becomes a minus.
fn signed(text: String) -> String {
    let is_zero = text.chars().all(|c| !('1'..='9').contains(&c));
    match text.strip_prefix('-') {
        Some(rest) if is_zero => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// The surfaces could not follow the labels.
pub fn mending_failed(reason: &str) -> String {
    format!("the surface could not follow the labels ({reason}); undo the last stroke")
}

/// Why a person is asked whether plan and image belong together; both are named by pseudonyms.
pub fn unknown_patient(plan: &str, image: &str) -> String {
    format!(
        "The plan is of {plan}, what is open is {image}. Nothing shows that they belong together."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_writes_them() {
        assert_eq!(
            ["-", "-4.2", "30.1 x 28.0", "T10"].map(cell),
            ["–", "−4.2", "30.1 × 28.0", "T10"]
        );
        assert_eq!(mm(1.25), "1.2 mm");
        assert_eq!(mm(-2.04), "−2.0 mm");
        assert_eq!(mm(-0.04), "0.0 mm");
        assert_eq!(degrees(-12.4), "−12°");
        assert_eq!(window(Window::new(1500.0, -600.0)), "W 1500  L −600");
        assert_eq!((hu(Some(-41.6)).as_str(), hu(None).as_str()), ("−42 HU", OUTSIDE));
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_path_does_not() {
        assert_eq!(sentence("the plan is kept"), "The plan is kept");
        assert_eq!(sentence("scan.nii.gz: truncated"), "scan.nii.gz: truncated");
        assert_eq!(sentence(""), "");
    }
}
