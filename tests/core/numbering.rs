//! Which vertebra a label value stands for, told by the spine itself.

use super::real_data::real;
use corridor::ingest::load_labels;
use corridor::labels::numbering::{Named, Numbering, NumberingError, name_labels};
use corridor::labels::{Level, Organ};
use corridor::space::{Affine, Dir, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::collections::BTreeMap;

/// A column of blocks 12 mm high, one per value, cranial first, `apart_mm` from middle to middle.
fn column(values: &[u16], apart_mm: usize) -> Volume<u16> {
    column_from(values.iter().map(|value| (*value, apart_mm)).collect())
}

/// The same with a distance to the next one for each.
fn column_from(blocks: Vec<(u16, usize)>) -> Volume<u16> {
    let height: usize = blocks.iter().map(|(_, apart)| apart).sum::<usize>() + 4;
    let grid = Grid::along_axes(Point::new(-9.0, -9.0, 100.0), 2.0, [10, 10, height / 2]);
    Volume::from_fn(grid, |[i, j, k]| {
        let is_border = [i, j].contains(&0) || [i, j].contains(&9);
        let down_mm = height as i64 - 2 * k as i64 - 3;
        let mut top = 0;
        for (value, apart) in &blocks {
            if !is_border && (top..top + 12).contains(&down_mm) {
                return *value;
            }
            top += *apart as i64;
        }
        0
    })
}

fn read(volume: Volume<u16>, wanted: Option<Numbering>) -> Result<Named, NumberingError> {
    name_labels(volume, &BTreeMap::new(), "a test", wanted)
}

/// The levels found, with the values they have in the label map.
fn levels(named: &Named) -> Vec<(String, u16)> {
    named.labels.vertebrae.iter().map(|v| (v.level.to_string(), v.value)).collect()
}

fn pairs(text: &str) -> Vec<(String, u16)> {
    let pair = |part: &str| {
        let (level, value) = part.split_once('=').unwrap();
        (level.to_owned(), value.parse().unwrap())
    };
    text.split(' ').map(pair).collect()
}

#[test]
fn the_order_along_the_spine_tells_verse_from_totalsegmentator() {
    let verse = read(column(&[20, 21, 22, 23, 24], 34), None).unwrap();
    assert_eq!(verse.numbering, Numbering::Verse);
    assert_eq!(levels(&verse), pairs("L1=20 L2=21 L3=22 L4=23 L5=24"));
    assert!(verse.notices.iter().any(|n| n.contains("VerSe") && n.contains("L1 to L5")));

    let v1 = read(column(&[24, 23, 22, 21, 20, 19, 18], 33), None).unwrap();
    assert_eq!(v1.numbering, Numbering::TotalSegV1);
    assert_eq!(levels(&v1), pairs("T11=24 T12=23 L1=22 L2=21 L3=20 L4=19 L5=18"));
}

#[test]
fn thoracic_and_lumbar_values_of_the_two_totalsegmentators_are_told_apart_by_spacing() {
    let v2 = read(column(&[33, 32, 31, 30, 29, 28, 27], 34), None).unwrap();
    assert_eq!(v2.numbering, Numbering::TotalSegV2);
    assert_eq!(levels(&v2)[0], ("T11".to_owned(), 33));
}

#[test]
fn what_a_small_lumbar_and_a_large_thoracic_spine_share_is_refused() {
    // L1 to L5 of a child by version 2, or T4 to T8 of an adult by version 1.
    let NumberingError::Open { values, candidates } =
        read(column(&[31, 30, 29, 28, 27], 25), None).unwrap_err()
    else {
        panic!("it is open");
    };
    assert_eq!(values, "27, 28, 29, 30, 31");
    assert!(candidates.contains("totalseg-v1): T4 to T8"), "{candidates}");
    assert!(candidates.contains("totalseg-v2): L1 to L5"), "{candidates}");
    let asked = read(column(&[31, 30, 29, 28, 27], 25), Some(Numbering::TotalSegV2)).unwrap();
    assert_eq!(levels(&asked), pairs("L1=31 L2=30 L3=29 L4=28 L5=27"));
}

#[test]
fn a_longer_explanation_goes_before_a_shorter_one() {
    // C7 to L1 of version 2; version 1 would know the lower ones alone, as T3 to C1.
    let values: Vec<u16> = (31..=44).rev().collect();
    let named = read(column(&values, 24), None).unwrap();
    assert_eq!(named.numbering, Numbering::TotalSegV2);
    assert_eq!(levels(&named).first(), Some(&("C7".to_owned(), 44)));
}

#[test]
fn one_value_alone_tells_nothing() {
    let error = read(column(&[20], 34), None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("L1") && text.contains("L3") && text.contains("--numbering"), "{text}");
    assert!(matches!(read(column(&[1], 34), None), Err(NumberingError::Open { .. })));
}

#[test]
fn lumbar_vertebrae_counted_from_one_are_not_taken_for_a_neck() {
    let error = read(column(&[1, 2, 3, 4, 5], 34), None).unwrap_err();
    assert!(matches!(error, NumberingError::NoVertebra { .. }), "{error}");
    assert!(error.to_string().contains("too far apart"), "{error}");
}

#[test]
fn labels_without_a_vertebra_say_so() {
    let error = read(column(&[200, 300], 34), None).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no vertebra") && text.contains("200, 300"), "{text}");
    assert_eq!(read(column(&[0], 34), None).unwrap_err(), NumberingError::Empty);
    let asked = read(column(&[200, 300], 34), Some(Numbering::Verse)).unwrap_err();
    assert!(asked.to_string().contains("VerSe"), "{asked}");
}

#[test]
fn sacrum_and_s1_become_one_bone() {
    let named = read(column(&[28, 27, 26, 25], 34), None).unwrap();
    assert_eq!(levels(&named), pairs("L4=28 L5=27 S1=26"));
    let count = |value: u16| named.labels.volume.data().iter().filter(|v| **v == value).count();
    assert_eq!(count(25), 0);
    assert_eq!(count(26), 2 * count(27));
}

#[test]
fn a_missing_level_is_said_and_a_wrong_order_too() {
    let named = read(column_from(vec![(20, 34), (21, 68), (23, 34), (24, 34)]), None).unwrap();
    assert_eq!(named.numbering, Numbering::Verse);
    assert!(named.notices.iter().any(|n| n.contains("no label for L3")), "{:?}", named.notices);
    let upside_down = read(column(&[24, 23, 22], 34), Some(Numbering::Verse)).unwrap();
    assert!(upside_down.notices.iter().any(|n| n.contains("check the levels")));
}

#[test]
fn names_in_the_file_go_before_numbers() {
    let names: BTreeMap<u16, String> =
        [(3, "vertebrae_L4"), (1, "L5 body"), (2, "L5 arch"), (9, "disc_L4_L5"), (4, "sacrum")]
            .map(|(value, name)| (value, name.to_owned()))
            .into();
    let named = name_labels(column(&[3, 9, 2, 1, 4], 20), &names, "a test", None).unwrap();
    assert_eq!(named.numbering, Numbering::Names);
    assert_eq!(levels(&named), pairs("L4=3 L5=2 S1=4"));
    assert!(named.labels.volume.data().iter().all(|v| *v != 1), "one value per vertebra");
    let without = name_labels(column(&[3, 4], 20), &BTreeMap::new(), "a", Some(Numbering::Names));
    assert!(matches!(without, Err(NumberingError::NoVertebra { .. })));
}

#[test]
fn roots_named_by_their_level_are_no_bone_of_it() {
    let names: BTreeMap<u16, String> = [(3, "L3"), (4, "L4"), (5, "L5"), (9, "L4_roots")]
        .map(|(value, name)| (value, name.to_owned()))
        .into();
    let named = name_labels(column(&[3, 4, 9, 5], 20), &names, "a test", None).unwrap();
    assert_eq!(levels(&named), pairs("L3=3 L4=4 L5=5"));
    assert!(named.labels.volume.data().iter().any(|v| *v == 9), "the roots stay what they are");
    let organs = Organ::find([9], &names, named.numbering);
    assert_eq!(organs, BTreeMap::from([(Organ::Roots, vec![9])]));
}

#[test]
fn a_vertebra_that_the_image_ends_in_is_cut_off_but_not_one_whose_tip_is_clipped() {
    let grid = Grid::along_axes(Point::ORIGIN, 4.0, [5, 5, 30]);
    let volume = Volume::from_fn(grid, |[i, j, k]| match (i, j, k) {
        (1..=3, 1..=3, 0..=3) => 24,
        // A process that just reaches the side of the image.
        (1..=3, 1..=3, 8..=11) | (0, 2, 9) => 23,
        (1..=3, 1..=3, 17..=19) => 22,
        _ => 0,
    });
    let cut: Vec<bool> =
        read(volume, None).unwrap().labels.vertebrae.iter().map(|v| v.is_cut_off).collect();
    assert_eq!(cut, [false, false, true]);
}

#[test]
fn the_same_labels_give_the_same_ids() {
    let ids = |hash: &str| -> Vec<_> {
        let named = name_labels(column(&[23, 24], 34), &BTreeMap::new(), hash, None).unwrap();
        named.labels.vertebrae.iter().map(|v| v.id).collect()
    };
    assert_eq!(ids("one"), ids("one"));
    assert_ne!(ids("one"), ids("other"));
    assert_ne!(ids("one")[0], ids("one")[1]);
}

/// Reads the labels of a real case and says what they were taken for.
fn real_levels(case: &str, file: &str) -> Option<(Numbering, Vec<String>)> {
    let file = real(case)?.join(file);
    let raw = load_labels(&file, &Work::silent()).unwrap();
    let named = name_labels(raw.volume, &raw.names, &raw.hash, None).unwrap();
    let levels = named.labels.vertebrae.iter().map(|v| v.level.to_string()).collect();
    Some((named.numbering, levels))
}

fn run_of(first: &str, last: &str) -> Vec<String> {
    let [first, last]: [Level; 2] = [first, last].map(|l| l.parse().unwrap());
    let rare = ["T13", "L6"];
    let all = Level::all().filter(|l| (first..=last).contains(l)).map(|l| l.to_string());
    all.filter(|l| !rare.contains(&l.as_str())).collect()
}

#[test]
fn real_label_maps_are_read_as_their_makers_numbered_them() {
    let cases = [
        ("verse014_lumbar_ct", "sub-verse014_seg-vert_msk.nii.gz", Numbering::Verse, "L1", "L5"),
        ("verse_masks", "verse004/sub-verse004_seg-vert_msk.nii.gz", Numbering::Verse, "T9", "L5"),
        ("verse_masks", "gl003/sub-gl003_dir-ax_seg-vert_msk.nii.gz", Numbering::Verse, "C1", "T5"),
        ("totalseg_s0328_bone", "s0328_spine_labels.nii.gz", Numbering::TotalSegV2, "T9", "S1"),
        (
            "totalseg_s0327_labels_C7-S1",
            "s0327_spine_labels.nii.gz",
            Numbering::TotalSegV2,
            "C7",
            "S1",
        ),
        ("totalseg_example_ct_3mm", "vertebrae_T11-S1.nii.gz", Numbering::TotalSegV2, "T11", "S1"),
        (
            "totalseg_example_ct_3mm",
            "all_structures_fast.nii.gz",
            Numbering::TotalSegV2,
            "T11",
            "S1",
        ),
    ];
    for (case, file, numbering, first, last) in cases {
        if let Some(found) = real_levels(case, file) {
            assert_eq!(found, (numbering, run_of(first, last)), "{file}");
        }
    }
}

#[test]
fn height_in_the_patient_counts_not_the_order_of_the_voxels() {
    let upright = column(&[20, 21, 22], 34);
    let flip = Affine::from_columns(
        Dir::new(-2.0, 0.0, 0.0),
        Dir::new(0.0, 2.0, 0.0),
        Dir::new(0.0, 0.0, -2.0),
        Point::new(0.0, 0.0, 500.0),
    );
    let [ni, nj, nk] = upright.grid().size();
    let grid = Grid::new([ni, nj, nk], flip).unwrap();
    let stored_down =
        Volume::from_fn(grid, |[i, j, k]| *upright.get([ni - 1 - i, j, nk - 1 - k]).unwrap());
    let named = read(stored_down, None).unwrap();
    assert_eq!(levels(&named), pairs("L1=20 L2=21 L3=22"));
}
