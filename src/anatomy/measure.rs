//! From label map and surface to the anatomy of one vertebra, step by step.

use super::canal::{self, Canal};
use super::frame::{self, Plates};
use super::pedicle::{LEAST_SPAN_MM, WIDEST_KNOWN_MM, is_led_forward};
use super::solid::{Cloud, Solid, cloud};
use super::{CanalSize, Pedicle, VertebraAnatomy, endplate, pedicle, sacrum};
use crate::labels::{End, LabelMap, LabelledVertebra, Level, end_at};
use crate::space::{Patient, Point, Rigid, Side, Vertebra};
use crate::surface::Surface;
use crate::volume::{Grid, Volume};
use glam::DVec3;

/// Voxels of the label map that are read at most to find the middle of a vertebra.
const MOST_VOXELS: usize = 4_000_000;
/// The end plate of S1 falls forward: where its normal points when nothing else is known, LPS.
const SACRUM_UP: DVec3 = DVec3::new(0.0, -0.6, 0.8);
/// How much of the sacrum, from its top, belongs to S1, mm, and how far to each side of its middle.
const S1_DEPTH_MM: f64 = 45.0;
const S1_HALF_WIDTH_MM: f64 = 34.0;
/// A chord shorter than this share of the other side's is told; our own choice (phantoms with a
/// curve of 60 degrees keep over 0.9).
const LEAST_CHORD_SHARE: f64 = 0.85;
/// An oval whose least extent is under this share of its width and of its height lies obliquely.
const OBLIQUE_SHARE: f64 = 0.75;
/// Thoracic pedicles slope to the feet by 12 to 18 degrees on their way forward, lumbar ones by 2 or
/// less either way (means; clinical-numbers, section 3); what is further from that than this is told.
/// The spread is not in those series: our own choice.
const THORACIC_SLOPE_DEG: f64 = -15.0;
const MOST_OFF_SLOPE_DEG: f64 = 15.0;
/// The middles of two vertebrae further apart tell no way along one spine: two people in one label map.
const MOST_TO_NEIGHBOUR_MM: f64 = 120.0;
/// Where a pedicle was not found, a cut this far beside the canal may be why, mm.
const BESIDE_CANAL_MM: f64 = 18.0;
/// A cut this near to the body or to a pedicle's outer wall is still one into it, mm.
const NEAR_MM: f64 = 2.0;

/// Measures the anatomy of one vertebra on its declared surface.
///
/// From `ct` are read the ends of a section so narrow that the surface's nodes round them; without it
/// such a pedicle's height comes out some tenths of a millimetre too low.
///
/// Never fails: what can not be measured is missing from the answer and named in its warnings.
/// Where the image or the label map cuts into body, canal or pedicles nothing is measured; a cut
/// through the tip of a process is only named. Where no canal is found (half of the arch is missing),
/// the end plates and the body alone are measured, along the spine's axes at this place.
pub fn measure(
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    surface: &Surface,
    ct: Option<&Volume<i16>>,
) -> VertebraAnatomy {
    measure_drawn_on(labels, None, vertebra, surface, ct)
}

/// [`measure`] with the grid that the labels were drawn on, where that is another than they lie on
/// now: they may end at its border.
pub fn measure_drawn_on(
    labels: &LabelMap,
    drawn_on: Option<&Grid>,
    vertebra: &LabelledVertebra,
    surface: &Surface,
    ct: Option<&Volume<i16>>,
) -> VertebraAnatomy {
    let level = vertebra.level;
    let cloud = cloud(surface);
    let rough = frame::upright(cloud.centroid(), up_along_spine(labels, vertebra, &cloud));
    let unmeasured = |warning: String| VertebraAnatomy {
        patient_from_vertebra: rough,
        canal_centre: rough.origin(),
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: Vec::new(),
        warnings: vec![warning],
    };
    let is_sacrum = level == Level::S1;
    let (plates, near_canal) = if is_sacrum {
        (Plates::Upper, top_of_sacrum(&cloud, rough))
    } else {
        (Plates::Both, cloud)
    };
    let Some(canal) = canal_of(&near_canal, rough, plates) else {
        let solid = Solid::new(surface, rough);
        let body =
            (!is_sacrum && !vertebra.is_cut_off).then(|| body_alone(level, &solid)).flatten();
        return body.unwrap_or_else(|| {
            unmeasured(format!("{level}: no canal was found in it, so it is not measured"))
        });
    };
    let solid = Solid::new(surface, canal.patient_from_canal);
    let Some(frame) = frame::find(&solid, &near_canal, &canal, plates) else {
        return unmeasured(format!(
            "{level}: no body was found before its canal, so it is not measured"
        ));
    };
    let solid = solid.seen_from(frame);
    let (mut anatomy, solid) = with_pedicles(level, &solid, &canal, plates, ct);
    if vertebra.is_cut_off {
        let ends = ends_of(labels, drawn_on, vertebra.value);
        if let Some(end) = cuts_what_is_measured(&ends, &anatomy, &solid, &canal) {
            return unmeasured(format!(
                "{level}: {end} cuts into its body or arch, so it is not measured"
            ));
        }
        let end = ends.first().map_or(End::Image, |(_, end)| *end);
        anatomy.warnings.push(format!("{level}: {end} cuts off the tip of a process"));
    }
    anatomy
}

/// The canal, looked for again from a frame that faces the body where a patient lies on the side.
fn canal_of(cloud: &Cloud, rough: Rigid<Patient, Vertebra>, plates: Plates) -> Option<Canal> {
    let canal = canal::find(cloud, rough)?;
    // The alae of the sacrum are as large as its body.
    let turn = (plates == Plates::Both).then(|| frame::turn_to_body(cloud, &canal)).flatten();
    let faced = turn.and_then(|turn| canal::find(cloud, frame::turned(rough, turn)));
    Some(faced.unwrap_or(canal))
}

/// What can be read of a vertebra without a canal; `None` where no body is found.
fn body_alone(level: Level, solid: &Solid<'_>) -> Option<VertebraAnatomy> {
    let settled = frame::of_body(solid)?;
    let solid = solid.seen_from(settled.frame);
    Some(VertebraAnatomy {
        patient_from_vertebra: settled.frame,
        canal_centre: settled.frame.origin(),
        canal: None,
        upper_plate: settled.upper.map(|plane| plane.in_patient(&solid)),
        lower_plate: settled.lower.map(|plane| plane.in_patient(&solid)),
        body_mm: Some(endplate::body_mm(&solid)),
        pedicles: Vec::new(),
        warnings: vec![format!(
            "{level}: no canal was found in it, so its end plates and body alone are measured, \
             width and depth as the patient lies: its arch or a half may be missing"
        )],
    })
}

/// The voxels of this value at which the image or the label map ends: their centres, LPS mm, and
/// which of the two it is.
fn ends_of(labels: &LabelMap, drawn_on: Option<&Grid>, value: u16) -> Vec<(Point<Patient>, End)> {
    let volume = &labels.volume;
    let of_value = volume.data().indexed_iter().filter(|(_, voxel)| **voxel == value);
    let end = |((k, j, i), _): ((usize, usize, usize), &u16)| {
        Some((volume.grid().centre([i, j, k]), end_at(volume, drawn_on, [i, j, k])?))
    };
    of_value.filter_map(end).collect()
}

/// What ends in the body, beside the canal or in the arch around it, where pedicles are.
fn cuts_what_is_measured(
    ends: &[(Point<Patient>, End)],
    anatomy: &VertebraAnatomy,
    solid: &Solid<'_>,
    canal: &Canal,
) -> Option<End> {
    let local_from_patient = solid.frame().inverse();
    let half_height = solid.reach(DVec3::ZERO, DVec3::Z, 30.0) + NEAR_MM;
    let outer_wall =
        |p: &Pedicle| local_from_patient.point(p.isthmus).vec().x.abs() + p.width_mm / 2.0;
    let half_width = match anatomy.pedicles.len() {
        2 => anatomy.pedicles.iter().map(outer_wall).fold(0.0, f64::max) + NEAR_MM,
        _ => canal.half_width_mm + BESIDE_CANAL_MM,
    };
    let back = canal.at_height(solid.frame(), 0.0).vec().y + canal.to_back_mm;
    let is_measured = |place: Point<Patient>| {
        let p = local_from_patient.point(place).vec();
        p.x.abs() < half_width && p.y < back && p.z.abs() < half_height
    };
    ends.iter().find(|(place, _)| is_measured(*place)).map(|(_, end)| *end)
}

/// The pedicles, then the frame that stands on the canal at their height, and everything in it.
fn with_pedicles<'a>(
    level: Level,
    solid: &Solid<'a>,
    canal: &Canal,
    plates: Plates,
    ct: Option<&Volume<i16>>,
) -> (VertebraAnatomy, Solid<'a>) {
    let found: Vec<Pedicle> = match plates {
        Plates::Upper => sacrum::find(solid, canal),
        Plates::Both => pedicle::find(solid, canal),
    };
    let middle = found.iter().map(|p| p.isthmus.vec()).sum::<DVec3>() / found.len().max(1) as f64;
    let height = (!found.is_empty()).then(|| Point::from_vec(middle));
    let settled = frame::settle(solid, canal, height, plates);
    let found: Vec<Pedicle> = match plates {
        // They stand on the frame, which has changed since.
        Plates::Upper => sacrum::find(&solid.seen_from(settled.frame), canal),
        Plates::Both => {
            found.iter().map(|p| pedicle::resized(p, solid, settled.frame, ct)).collect()
        }
    };
    let is_one = |p: &Pedicle| is_led_forward([p.transverse_deg, p.sagittal_deg]);
    let pedicles: Vec<Pedicle> = found.into_iter().filter(is_one).collect();
    let solid = solid.seen_from(settled.frame);
    let start = || {
        let z = height.map_or(0.0, |p| settled.frame.inverse().point(p).vec().z);
        solid.centred(canal.at_height(settled.frame, z).vec(), &[DVec3::Y, DVec3::X], 20.0)
    };
    let centre = settled.calibre.map_or_else(start, |c| c.centre);
    let anatomy = VertebraAnatomy {
        patient_from_vertebra: settled.frame,
        canal_centre: settled.frame.point(Point::from_vec(centre)),
        canal: settled.calibre.map(|c| CanalSize { width_mm: c.width_mm, depth_mm: c.depth_mm }),
        upper_plate: settled.upper.map(|plane| plane.in_patient(&solid)),
        lower_plate: settled.lower.map(|plane| plane.in_patient(&solid)),
        body_mm: Some(endplate::body_mm(&solid)),
        warnings: doubts(level, &pedicles),
        pedicles,
    };
    (anatomy, solid)
}

/// What a person should know about the pedicles found and not found.
fn doubts(level: Level, pedicles: &[Pedicle]) -> Vec<String> {
    let missing = Side::BOTH.into_iter().filter(|side| pedicles.iter().all(|p| p.side != *side));
    let mut warnings: Vec<String> =
        missing.map(|side| format!("{level}: its {side} pedicle was not found")).collect();
    if level != Level::S1 {
        warnings.extend(pedicles.iter().filter_map(|p| too_wide(level, p)));
        warnings.extend(pedicles.iter().filter_map(|p| too_steep(level, p)));
        warnings.extend(pedicles.iter().filter(|p| is_open(p)).map(|p| {
            format!(
                "{level}: its {} pedicle closes no tube of bone; its numbers are those of one section, look at it",
                p.side
            )
        }));
    }
    warnings.extend(short_of_the_other(level, pedicles));
    if level == Level::S1 && !pedicles.is_empty() {
        warnings.push(format!(
            "{level}: its pedicles have no outer wall; their axes lead from beside the canal to the promontory"
        ));
    }
    warnings
}

/// Wider than any known: an oval that lies obliquely is wide without being so for a screw.
fn too_wide(level: Level, pedicle: &Pedicle) -> Option<String> {
    let Pedicle { side, width_mm, height_mm, least_mm, .. } = pedicle;
    let why = if *least_mm < OBLIQUE_SHARE * width_mm.min(*height_mm) {
        format!("its section lies obliquely and is {least_mm:.1} mm across where it is least")
    } else {
        "the root of the transverse process is probably in it".to_owned()
    };
    (*width_mm > WIDEST_KNOWN_MM).then(|| {
        format!(
            "{level}: its {side} pedicle reads {width_mm:.1} mm wide, wider than any known; {why}"
        )
    })
}

/// An axis that rises or falls as no usual pedicle of its region does.
fn too_steep(level: Level, pedicle: &Pedicle) -> Option<String> {
    let usual = if level.region() == 'T' { THORACIC_SLOPE_DEG } else { 0.0 };
    let Pedicle { side, sagittal_deg, .. } = pedicle;
    let way = if *sagittal_deg > 0.0 { "rises" } else { "falls" };
    let deg = sagittal_deg.abs();
    ((sagittal_deg - usual).abs() > MOST_OFF_SLOPE_DEG).then(|| {
        format!("{level}: the axis of its {side} pedicle {way} by {deg:.0} degrees on its way forward, unlike usual ones; look at it")
    })
}

/// True where the sections next to the isthmus are open.
fn is_open(pedicle: &Pedicle) -> bool {
    let [behind, ahead] = pedicle.span_mm;
    behind > -LEAST_SPAN_MM || ahead < LEAST_SPAN_MM
}

/// The two axes of one vertebra are about as long; one that leaves bone much sooner was probably
/// not led into the body.
fn short_of_the_other(level: Level, pedicles: &[Pedicle]) -> Option<String> {
    let [a, b] = pedicles else { return None };
    let (short, long) = if a.chord_mm < b.chord_mm { (a, b) } else { (b, a) };
    (short.chord_mm < LEAST_CHORD_SHARE * long.chord_mm).then(|| {
        format!(
            "{level}: the axis of its {} pedicle leaves bone after {:.1} mm, that of the other after {:.1}; look at both",
            short.side, short.chord_mm, long.chord_mm
        )
    })
}

/// The way up along the spine at one vertebra: from the one below to the one above, where they are
/// labelled. Unit, LPS.
fn up_along_spine(labels: &LabelMap, vertebra: &LabelledVertebra, cloud: &Cloud) -> DVec3 {
    let here = labels.vertebrae.iter().position(|v| v.id == vertebra.id);
    let middle = |index: Option<usize>| {
        let neighbour = labels.vertebrae.get(index?)?;
        // The sacrum's middle lies far below and behind: it tells no direction.
        (neighbour.level != Level::S1).then(|| middle_of(labels, neighbour.value))?
    };
    let above = middle(here.and_then(|n| n.checked_sub(1)));
    let below = middle(here.map(|n| n + 1));
    let own = cloud.centroid();
    let is_near = |middle: &DVec3| middle.distance(own) < MOST_TO_NEIGHBOUR_MM;
    let [above, below] = [above, below].map(|middle| middle.filter(is_near));
    let up = above.unwrap_or(own) - below.unwrap_or(own);
    let default = if vertebra.level == Level::S1 { SACRUM_UP } else { DVec3::Z };
    up.try_normalize().unwrap_or(default)
}

/// Mean place of the voxels of one value, LPS mm; `None` when there are none. Large volumes are
/// read in strides.
fn middle_of(labels: &LabelMap, value: u16) -> Option<DVec3> {
    let grid = labels.volume.grid();
    let stride = (1..).find(|n: &usize| grid.len() / n.pow(3) <= MOST_VOXELS).unwrap_or(1);
    let (mut sum, mut count) = (DVec3::ZERO, 0.0);
    for (k, slab) in labels.volume.data().outer_iter().enumerate().step_by(stride) {
        for (j, row) in slab.outer_iter().enumerate().step_by(stride) {
            for (i, voxel) in row.iter().enumerate().step_by(stride) {
                if *voxel == value {
                    sum += DVec3::new(i as f64, j as f64, k as f64);
                    count += 1.0;
                }
            }
        }
    }
    (count > 0.0).then(|| grid.patient_from_voxel().point(Point::from_vec(sum / count)).vec())
}

/// The part of the sacrum's cloud that is S1.
fn top_of_sacrum(cloud: &Cloud, rough: Rigid<Patient, Vertebra>) -> Cloud {
    let local = cloud.seen_from(rough);
    let top = local.iter().map(|p| p.z).fold(f64::NEG_INFINITY, f64::max);
    let is_s1 = |p: &DVec3| p.z > top - S1_DEPTH_MM && p.x.abs() < S1_HALF_WIDTH_MM;
    let points = local.iter().zip(&cloud.points).filter(|(p, _)| is_s1(p)).map(|(_, q)| *q);
    Cloud { points: points.collect(), step_mm: cloud.step_mm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Dir;

    fn pedicle(side: Side, [width_mm, height_mm, least_mm]: [f64; 3], chord_mm: f64) -> Pedicle {
        Pedicle {
            side,
            isthmus: Point::new(0.0, 0.0, 0.0),
            axis: -Dir::Y,
            width_mm,
            height_mm,
            least_mm,
            chord_mm,
            transverse_deg: 10.0,
            sagittal_deg: 0.0,
            span_mm: [-4.0, 4.0],
        }
    }

    fn told(level: &str, pedicles: &[Pedicle]) -> Vec<String> {
        doubts(level.parse().unwrap(), pedicles)
    }

    #[test]
    fn usual_pedicles_raise_no_doubt_and_a_missing_one_does() {
        let pair = Side::BOTH.map(|side| pedicle(side, [10.0, 15.0, 9.5], 50.0));
        assert_eq!(told("L3", &pair), Vec::<String>::new());
        assert_eq!(told("L3", &pair[1..]), ["L3: its left pedicle was not found"]);
    }

    #[test]
    fn what_reads_too_wide_is_an_oblique_oval_or_holds_a_process() {
        let oblique = pedicle(Side::Left, [22.9, 19.5, 10.2], 50.0);
        let with_process = pedicle(Side::Right, [23.0, 14.0, 13.5], 50.0);
        let told = told("L5", &[oblique, with_process]);
        assert!(
            told[0].contains("left") && told[0].contains("obliquely and is 10.2 mm"),
            "{told:?}"
        );
        assert!(told[1].contains("right") && told[1].contains("transverse process"), "{told:?}");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_slope_is_judged_by_its_region_and_a_short_axis_by_the_other_side() {
        let sloped =
            |deg| Pedicle { sagittal_deg: deg, ..pedicle(Side::Left, [8.0, 15.0, 8.0], 46.0) };
        let other = |deg| Pedicle { side: Side::Right, ..sloped(deg) };
        assert!(told("T8", &[sloped(-20.0), other(-20.0)]).is_empty());
        let lumbar = told("L1", &[sloped(-20.0), other(0.0)]);
        assert!(lumbar.len() == 1 && lumbar[0].contains("left pedicle falls by 20"), "{lumbar:?}");
        let rising = told("T8", &[sloped(-10.0), other(4.0)]);
        assert!(rising.len() == 1 && rising[0].contains("right pedicle rises by 4"), "{rising:?}");
        let short = Pedicle { chord_mm: 38.0, ..other(0.0) };
        let uneven = told("L1", &[sloped(0.0), short]);
        assert!(uneven.len() == 1 && uneven[0].contains("right pedicle leaves bone after 38.0"));
        let of_sacrum = told("S1", &[sloped(0.0), short]);
        assert!(of_sacrum[0].contains("S1: the axis of its right pedicle leaves bone after 38.0"));
    }
}
