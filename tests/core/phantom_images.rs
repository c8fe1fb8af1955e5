//! What the phantom's scanner records: HU, edges, labels, noise, and which side is which.

use corridor::labels::Level;
use corridor::phantom::{Contrast, Deformity, OldScrew, Phantom, Scan, Spec, Structure};
use corridor::space::{Affine, Dir, Point, Side};
use corridor::volume::{Grid, Plane, View};
use corridor::work::Work;
use glam::DVec3;

fn spec(noise_hu: f64) -> Spec {
    Spec { scan: Scan { noise_hu, ..Scan::default() }, ..Spec::default() }
}

#[test]
fn the_edge_is_half_way_exactly_on_the_surface() {
    let phantom = Phantom::new(&spec(0.0)).unwrap();
    let bone = phantom.bone(Level::L3).unwrap();
    let map = bone.patient_from_vertebra();
    // The bare flank of the body, well away from disc and canal.
    let flank = bone.nearest_surface_point(map.point(Point::new(24.0, -4.0, 0.0)));
    let normal = bone.normal(flank).unwrap();
    let hu = |p| {
        let ct = phantom.ct(&Grid::along_axes(p, 1.0, [1, 1, 1]));
        f64::from(*ct.get([0, 0, 0]).unwrap())
    };
    let (inside, edge, outside) = (hu(flank - normal * 0.7), hu(flank), hu(flank + normal * 2.0));
    assert!((outside - 45.0).abs() < 2.0, "{outside}");
    assert!(inside > 700.0, "{inside}");
    assert!((edge - (900.0 + 45.0) / 2.0).abs() < 15.0, "{edge}");
    let deep = hu(map.origin());
    assert!((deep - 180.0).abs() < 2.0, "{deep}");
}

/// From where it has risen by 16 percent to where it has by 84 an edge takes two deviations of its blur.
#[test]
fn an_edge_is_as_wide_as_the_blur_makes_it() {
    const VOXEL_MM: f64 = 0.2;
    for blur_sigma_mm in [0.0, 0.3, 0.8, 1.5] {
        let mut spec = Spec { levels: vec![Level::L3], ..spec(0.0) };
        // So thick a cortex that its inner edge is not felt at the outer one.
        (spec.scan.blur_sigma_mm, spec.scan.cortex_mm) = (blur_sigma_mm, 9.0);
        let phantom = Phantom::new(&spec).unwrap();
        let bone = phantom.bone(Level::L3).unwrap();
        let beside = bone.patient_from_vertebra().point(Point::new(24.0, -4.0, 0.0));
        let flank = bone.nearest_surface_point(beside);
        let normal = bone.normal(flank).unwrap();
        let hu = |depth_mm: f64| {
            let at = flank - normal * depth_mm;
            f64::from(*phantom.ct(&Grid::along_axes(at, VOXEL_MM, [1; 3])).get([0; 3]).unwrap())
        };
        let risen_by = |share: f64| {
            let (mut low, mut high) = (-5.0, 4.0);
            for _ in 0..14 {
                let middle = (low + high) / 2.0;
                if hu(middle) < 45.0 + share * (900.0 - 45.0) {
                    low = middle
                } else {
                    high = middle
                }
            }
            low
        };
        let found = (risen_by(0.8413) - risen_by(0.1587)) / 2.0;
        // A box of length s has the variance s^2 / 12.
        let wanted = (blur_sigma_mm.powi(2) + VOXEL_MM.powi(2) / 12.0).sqrt();
        // The image is made from the bone's function, which is a little steeper than a distance here:
        // the edge is narrower by that.
        let part = found / wanted;
        assert!(
            (0.8..1.02).contains(&part),
            "{found} for {wanted} at a blur of {blur_sigma_mm} mm"
        );
    }
}

/// Whether slices of 3 mm lie side by side or overlap.
#[test]
fn a_thick_slice_is_the_mean_of_the_thin_ones_in_it() {
    const THICK_MM: f64 = 3.0;
    const THIN_MM: f64 = 0.5;
    let ct = |slice_mm: Option<f64>, apart_mm: f64, first: Point<_>, slices: usize| {
        let mut spec = Spec { levels: vec![Level::L3], ..spec(0.0) };
        (spec.scan.slice_mm, spec.scan.blur_sigma_mm) = (slice_mm, 0.5);
        let [x, y, z] = [Dir::X * 2.0, Dir::Y * 2.0, Dir::Z * apart_mm];
        let map = Affine::from_columns(x, y, z, first);
        Phantom::new(&spec).unwrap().ct(&Grid::new([30, 20, slices], map).unwrap())
    };
    let phantom = Phantom::new(&spec(0.0)).unwrap();
    let middle = phantom.bone(Level::L3).unwrap().patient_from_vertebra().origin();
    // Through the upper end plate, which lies across the slices.
    let first = middle + Dir::new(-29.0, -19.0, 6.0);
    for (slice_mm, apart_mm, count) in [(None, THICK_MM, 5), (Some(THICK_MM), 1.5, 9)] {
        let thick = ct(slice_mm, apart_mm, first, count);
        let lowest = first - Dir::Z * ((THICK_MM - THIN_MM) / 2.0);
        let in_one = (THICK_MM / THIN_MM) as usize;
        let step = (apart_mm / THIN_MM) as usize;
        let thin = ct(None, THIN_MM, lowest, step * (count - 1) + in_one);
        let (mut most, mut sum, mut from_one) = (0.0_f64, 0.0, 0.0_f64);
        for ((k, j, i), hu) in thick.data().indexed_iter() {
            let all = (0..in_one).map(|n| f64::from(thin.data()[[k * step + n, j, i]]));
            let off = (f64::from(*hu) - all.sum::<f64>() / in_one as f64).abs();
            (most, sum) = (most.max(off), sum + off);
            let one = f64::from(thin.data()[[k * step + in_one / 2, j, i]]);
            from_one = from_one.max((f64::from(*hu) - one).abs());
        }
        let mean = sum / thick.data().len() as f64;
        assert!(most < 40.0 && mean < 2.0, "{slice_mm:?}: {most} HU off, {mean} in the mean");
        assert!(from_one > 100.0, "{slice_mm:?}: nothing changes across these slices");
    }
}

#[test]
fn labels_are_the_bones_themselves() {
    let phantom = Phantom::new(&spec(0.0)).unwrap();
    // An oblique grid with unlike spacings, stored towards the feet.
    let turn = glam::DMat3::from_rotation_z(0.3) * glam::DMat3::from_rotation_x(-0.2);
    let columns = [DVec3::X * 3.0, DVec3::Y * 2.0, DVec3::Z * -4.0].map(|c| turn * c);
    let first = Point::new(-80.0, -60.0, 110.0);
    let [x, y, z] = columns.map(Dir::from_vec);
    let grid = Grid::new([50, 70, 60], Affine::from_columns(x, y, z, first)).unwrap();
    let labels = phantom.labels(&grid);
    for (index, value) in labels.volume.data().indexed_iter() {
        let (k, j, i) = index;
        let p = grid.centre([i, j, k]);
        let bone = phantom.bones().iter().find(|bone| bone.value(p) >= 0.0);
        let level = labels.vertebrae.iter().find(|v| v.value == *value).map(|v| v.level);
        assert_eq!(level, bone.map(|bone| bone.level()), "at {p:?}");
    }
}

#[test]
fn the_whole_spine_is_on_its_own_grid_and_named() {
    let phantom = Phantom::new(&Spec::default()).unwrap();
    let labels = phantom.labels(&phantom.grid(2.0));
    let named: Vec<_> =
        labels.vertebrae.iter().map(|v| (v.level.to_string(), v.value, v.is_cut_off)).collect();
    let want = [("L1", 20), ("L2", 21), ("L3", 22), ("L4", 23), ("L5", 24), ("S1", 26)];
    assert_eq!(named, want.map(|(level, value)| (level.to_owned(), value, false)));
    let half = Grid::along_axes(phantom.bones()[2].patient_from_vertebra().origin(), 2.0, [60; 3]);
    assert!(phantom.labels(&half).at_level(Level::L3).unwrap().is_cut_off);
}

#[test]
fn however_bent_no_vertebra_leaves_its_image_or_its_skin() {
    for (kyphosis, lordosis) in [(60.0, 65.0), (80.0, 75.0)] {
        let deformity = Deformity {
            thoracic_kyphosis_deg: Some(kyphosis),
            lumbar_lordosis_deg: Some(lordosis),
            ..Deformity::default()
        };
        let levels = Spec::whole_column();
        let phantom = Phantom::new(&Spec { levels, deformity, ..Spec::default() }).unwrap();
        let (ct, labels) = phantom.images(&phantom.grid(4.0));
        assert_eq!(labels.vertebrae.len(), phantom.bones().len());
        let [_, nj, _] = ct.grid().size();
        for vertebra in &labels.vertebrae {
            let of_it = labels.volume.data().indexed_iter().filter(|(_, v)| **v == vertebra.value);
            let [front, back] =
                of_it.fold([[usize::MAX; 3], [0; 3]], |[low, high], ((k, j, i), _)| {
                    let at = [i, j, k];
                    [if j < low[1] { at } else { low }, if j > high[1] { at } else { high }]
                });
            let level = vertebra.level;
            assert!(front[1] > 0 && back[1] < nj - 1, "{level}: the image ends in it");
            let [i, j, k] = back;
            let behind = *ct.get([i, j + 1, k]).unwrap();
            assert!(behind > -500, "{level} reaches through the skin, {behind} HU at {kyphosis}");
        }
    }
}

#[test]
fn noise_is_the_same_every_time_and_another_with_another_seed() {
    let ct = |seed| {
        let phantom = Phantom::new(&Spec { seed, ..spec(20.0) }).unwrap();
        phantom.ct(&Grid::along_axes(Point::new(40.0, 40.0, 0.0), 1.0, [12, 12, 12]))
    };
    let (one, again, other) = (ct(1), ct(1), ct(2));
    assert_eq!(one.data(), again.data());
    assert_ne!(one.data(), other.data());
    let mean = one.data().iter().map(|hu| f64::from(*hu)).sum::<f64>() / 1728.0;
    let spread = one.data().iter().map(|hu| (f64::from(*hu) - mean).powi(2)).sum::<f64>() / 1728.0;
    assert!((mean - 45.0).abs() < 3.0 && (spread.sqrt() - 20.0).abs() < 2.0, "{mean} {spread}");
}

#[test]
fn any_number_of_threads_records_the_same_bytes() {
    let screw = |side| OldScrew { level: Level::L4, side, diameter_mm: 6.5, length_mm: 45.0 };
    let old_screws = Side::BOTH.map(screw).to_vec();
    let phantom = Phantom::new(&Spec { old_screws, ..Spec::default() }).unwrap();
    let middle = phantom.bone(Level::L4).unwrap().patient_from_vertebra().origin();
    let first = Point::from_vec(middle.vec() - DVec3::new(60.0, 40.0, 30.0));
    let grid = Grid::along_axes(first, 2.5, [48, 40, 24]);
    let [one, three] = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| phantom.record(&grid, &Work::silent()).unwrap())
    });
    assert_eq!(one.ct.data(), three.ct.data());
    assert_eq!(one.structures.data(), three.structures.data());
    assert!(one.structures.data().iter().any(|s| *s == Structure::Metal.value()));
    // Streaks darken what has no metal in it.
    let plain = Scan { streaks: false, ..Scan::default() };
    let spec = Spec { scan: plain, ..phantom.spec().clone() };
    let without = Phantom::new(&spec).unwrap().record(&grid, &Work::silent()).unwrap();
    let changed = |(a, b): (&i16, &i16)| (i32::from(*a) - i32::from(*b)).abs() > 40;
    assert!(one.ct.data().iter().zip(without.ct.data()).filter(|pair| changed(*pair)).count() > 50);
}

#[test]
fn every_structure_is_there_and_the_aorta_lies_left_of_the_vein() {
    let levels =
        ["T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"].map(|l| l.parse().unwrap()).to_vec();
    let contrast = Some(Contrast { vessels_hu: 320.0, sac_hu: None });
    let phantom = Phantom::new(&Spec { levels, contrast, ..spec(0.0) }).unwrap();
    // From the ribs down to the hips, which lie lower than the sacrum.
    let top = phantom.bones()[0].patient_from_vertebra().origin().vec();
    let low = top - DVec3::new(117.0, 80.0, 360.0);
    let grid = Grid::along_axes(Point::from_vec(low), 3.0, [79, 56, 128]);
    let recorded = phantom.record(&grid, &Work::silent()).unwrap();
    let places = |wanted: Structure| -> Vec<[usize; 3]> {
        let all = recorded.structures.data().indexed_iter();
        all.filter(|(_, s)| **s == wanted.value()).map(|((k, j, i), _)| [i, j, k]).collect()
    };
    for structure in Structure::ALL {
        let is_here = !matches!(structure, Structure::Metal);
        assert_eq!(!places(structure).is_empty(), is_here, "{}", structure.name());
    }
    let mean_x = |s: Structure| {
        let places = places(s);
        places.iter().map(|index| grid.centre(*index).vec().x).sum::<f64>() / places.len() as f64
    };
    assert!(mean_x(Structure::Aorta) > mean_x(Structure::VenaCava) + 15.0);
    let aorta = places(Structure::Aorta);
    let bright = aorta.iter().filter(|index| *recorded.ct.get(**index).unwrap() > 250).count();
    assert!(bright * 2 > aorta.len(), "contrast fills the aorta");
    // No vertebra's voxel is another structure's.
    let both = recorded.labels.volume.data().iter().zip(recorded.structures.data());
    assert!(both.into_iter().all(|(label, structure)| *label == 0 || *structure == 0));
}

#[test]
fn the_bead_on_the_left_is_found_on_the_side_of_the_l_in_every_view() {
    let phantom = Phantom::new(&Spec { bead_left: true, ..spec(0.0) }).unwrap();
    let bead = phantom.bead();
    assert_eq!(Side::of_x(bead.vec().x), Side::Left);
    let ct = phantom.ct(&phantom.grid(2.0));
    let centre = Point::from_vec(bead.vec().with_x(0.0));
    for view in [View::Axial, View::Coronal] {
        let slice = ct.reslice(&Plane::view(view, centre, [200.0; 2], [200; 2]).unwrap());
        let [left, right, ..] = slice.plane.edge_letters();
        let (x, _) = brightest(&slice);
        let on = if x >= 100 { &right } else { &left };
        assert_eq!(on, "L", "{view:?}");
    }
    // A sagittal cut shows the bead only on the patient's left of the midline.
    let sagittal = Plane::view(View::Sagittal, centre, [200.0; 2], [200; 2]).unwrap();
    let towards_left = -sagittal.away().to_array()[0] * bead.vec().x;
    let with = |mm: f64| brightest(&ct.reslice(&sagittal.moved_away(mm))).1;
    assert!(with(-towards_left) > 2000.0 && with(towards_left) < 2000.0);
}

/// Column and HU of the brightest pixel.
fn brightest(slice: &corridor::volume::Slice<f32>) -> (usize, f64) {
    let [nx, _] = slice.plane.pixels();
    let values = slice.values.iter().enumerate();
    let (n, hu) = values
        .map(|(n, hu)| (n, hu.map_or(f64::NEG_INFINITY, f64::from)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    (n % nx, hu)
}
