//! How large each level of an adult is: one row of numbers per level, T1 to S1, with the rare T13
//! and L6.
//!
//! What is joined to a pedicle changes its size and its axis. So the numbers of its tube are those
//! with which the sizes *solved* on the average person come out as `clinical-numbers` section 3 has
//! them (outer cortex, across the axis; its sagittal column is positive towards the feet); the test
//! `phantom_sizes` holds those. Where a chord is known, the body's depth follows it; those of T1, T12
//! and L5 come from other people than their angles, along whose axes they can not be reached.
//! Bodies, canals and processes of the thorax: general knowledge of the field, near to the means
//! of Panjabi and others (1991), rounded. Whatever is not in `clinical-numbers` is provisional: it
//! makes the phantom look right, and no test or warning rests on it.

use super::sizes::{Disc, Measures, Mobile, Row, Sacrum};
use crate::labels::Level;

/// Columns of one number per thoracic level, T1 first.
type Thoracic = [f64; 12];

const BODY_WIDTH_UPPER: Thoracic =
    [29.5, 28.5, 27.5, 26.5, 26.5, 27.5, 28.5, 29.5, 31.0, 33.0, 35.5, 39.9];
const BODY_WIDTH_LOWER: Thoracic =
    [29.0, 28.0, 27.0, 27.0, 28.0, 29.0, 30.5, 32.0, 34.0, 36.0, 39.0, 43.0];
const BODY_DEPTH: Thoracic =
    [17.5, 17.4, 20.5, 22.5, 24.5, 26.0, 27.5, 28.5, 29.5, 30.0, 30.5, 33.0];
const BODY_HEIGHT: Thoracic =
    [16.0, 17.0, 17.5, 18.0, 18.5, 19.0, 19.5, 20.0, 21.0, 22.0, 23.5, 25.0];
const BODY_WEDGE: Thoracic =
    [-1.0, -1.5, -2.0, -2.5, -3.0, -3.5, -3.5, -3.5, -3.0, -2.5, -2.5, -2.0];
const HEART: Thoracic = [0.0, 0.2, 0.6, 1.0, 1.0, 1.0, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1];
const PEDICLE_WIDTH: Thoracic =
    [7.99, 7.11, 5.76, 4.88, 4.69, 5.39, 5.48, 6.06, 6.25, 6.42, 8.13, 7.35];
const PEDICLE_HEIGHT: Thoracic =
    [9.82, 11.95, 12.31, 11.98, 11.78, 12.07, 11.96, 12.33, 13.69, 14.44, 17.23, 15.72];
const CONVERGENCE: Thoracic =
    [30.43, 20.75, 12.77, 9.95, 7.17, 6.01, 5.99, 6.04, 6.16, 2.13, -1.75, -7.67];
const CAUDAL: Thoracic =
    [14.24, 21.84, 22.16, 22.07, 21.21, 21.38, 21.63, 23.27, 23.7, 24.44, 21.21, 17.03];
const CANAL_WIDTH: Thoracic =
    [21.5, 19.0, 17.5, 16.5, 16.5, 16.5, 16.5, 17.0, 17.0, 17.5, 19.0, 21.5];
const CANAL_DEPTH: Thoracic =
    [15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 16.0, 17.0];
const TRANSVERSE_SPAN: Thoracic =
    [77.0, 72.0, 67.0, 65.0, 64.0, 64.0, 63.0, 62.0, 60.0, 56.0, 49.0, 43.0];
const TRANSVERSE_BACK: Thoracic =
    [10.0, 13.0, 15.0, 16.5, 17.5, 18.0, 18.5, 18.5, 18.0, 17.0, 15.5, 12.0];
const TRANSVERSE_UP: Thoracic = [8.0, 8.0, 8.0, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0, 2.0];
const TRANSVERSE_KNOB: Thoracic = [5.6, 5.8, 5.9, 6.0, 6.2, 6.4, 6.4, 6.4, 6.2, 5.8, 5.0, 4.2];
const LAMINA_HEIGHT: Thoracic =
    [18.0, 19.0, 20.0, 20.5, 21.5, 22.0, 22.5, 23.0, 23.5, 24.0, 24.0, 22.0];
const SPINOUS_LENGTH: Thoracic =
    [37.0, 36.0, 36.0, 37.0, 39.0, 40.0, 40.0, 39.0, 36.0, 32.0, 29.0, 27.0];
const SPINOUS_HEIGHT: Thoracic =
    [13.0, 13.5, 14.0, 15.0, 15.5, 15.5, 15.5, 15.5, 15.5, 15.5, 16.0, 17.0];
const SPINOUS_DROP: Thoracic =
    [22.0, 29.0, 36.0, 43.0, 49.0, 53.0, 54.0, 52.0, 46.0, 38.0, 28.0, 16.0];
const UPPER_APART: Thoracic =
    [30.0, 26.0, 24.0, 23.0, 23.0, 23.0, 23.0, 23.0, 23.0, 23.5, 24.5, 25.0];
const UPPER_REACH: Thoracic = [5.5, 6.0, 6.5, 6.5, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 6.5, 6.5];
const FACET_TURN: Thoracic = [6.0, 6.0, 5.0, 4.0, 3.0, 2.0, 0.0, -2.0, -4.0, -4.0, -2.0, 2.0];
const LOWER_REACH: Thoracic = [5.0, 5.0, 5.5, 6.0, 6.5, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 9.0];
const DISC_HEIGHT: Thoracic = [4.2, 3.8, 3.6, 3.6, 3.8, 4.0, 4.3, 4.7, 5.2, 5.8, 6.5, 7.5];

/// The pedicle's upper edge comes down to the height of the upper plate where it joins the body, some
/// 5 mm before its isthmus.
const fn thoracic_rise(n: usize) -> f64 {
    const RAD_PER_DEG: f64 = std::f64::consts::PI / 180.0;
    (BODY_HEIGHT[n] - PEDICLE_HEIGHT[n]) / 2.0 + 5.0 * CAUDAL[n] * RAD_PER_DEG
}

const fn thoracic(n: usize) -> Mobile {
    let is_last = n == 11;
    Mobile {
        body_width_mm: [BODY_WIDTH_UPPER[n], BODY_WIDTH_LOWER[n]],
        body_depth_mm: BODY_DEPTH[n],
        body_height_mm: BODY_HEIGHT[n],
        body_wedge_deg: BODY_WEDGE[n],
        heart: HEART[n],
        pedicle_width_mm: PEDICLE_WIDTH[n],
        pedicle_share: [1.0; 2],
        pedicle_height_mm: PEDICLE_HEIGHT[n],
        pedicle_convergence_deg: CONVERGENCE[n],
        pedicle_cranial_deg: -CAUDAL[n],
        pedicle_rise_mm: thoracic_rise(n),
        canal_width_mm: CANAL_WIDTH[n],
        canal_depth_mm: CANAL_DEPTH[n],
        canal_corners: if n < 10 { 0.0 } else { 0.8 },
        transverse_span_mm: TRANSVERSE_SPAN[n],
        transverse_half_mm: [4.2, 5.2],
        transverse_root_mm: 4.0,
        transverse_tip_mm: [TRANSVERSE_BACK[n], TRANSVERSE_UP[n]],
        transverse_knob_mm: TRANSVERSE_KNOB[n],
        lamina_height_mm: LAMINA_HEIGHT[n],
        lamina_drop_mm: 2.5,
        spinous_length_mm: SPINOUS_LENGTH[n],
        spinous_height_mm: SPINOUS_HEIGHT[n],
        spinous_drop_deg: SPINOUS_DROP[n],
        upper_facets_apart_mm: UPPER_APART[n],
        upper_facets_reach_mm: UPPER_REACH[n],
        upper_facets_half_mm: [5.4, 2.4],
        facet_turn_deg: FACET_TURN[n],
        lower_facets_apart_mm: if is_last { 21.0 } else { UPPER_APART[n] - 3.5 },
        lower_facets_reach_mm: LOWER_REACH[n],
        lower_facets_half_mm: if is_last { [6.0, 4.2] } else { [5.6, 2.8] },
        lower_turn_deg: if is_last { 55.0 } else { FACET_TURN[n + 1] },
        mammillary_mm: if is_last { 3.0 } else { 0.0 },
    }
}

const LUMBAR: Mobile = Mobile {
    body_width_mm: [44.1, 48.0],
    body_depth_mm: 34.0,
    body_height_mm: 27.5,
    body_wedge_deg: 1.0,
    heart: 0.0,
    pedicle_width_mm: 11.01,
    pedicle_share: [1.0; 2],
    pedicle_height_mm: 14.78,
    pedicle_convergence_deg: 15.41,
    pedicle_cranial_deg: 1.5,
    pedicle_rise_mm: 4.5,
    canal_width_mm: 24.0,
    canal_depth_mm: 16.5,
    canal_corners: 2.2,
    transverse_span_mm: 92.0,
    transverse_half_mm: [3.2, 5.0],
    transverse_root_mm: 4.0,
    transverse_tip_mm: [8.0, 5.0],
    transverse_knob_mm: 0.0,
    lamina_height_mm: 20.4,
    lamina_drop_mm: 2.0,
    spinous_length_mm: 34.0,
    spinous_height_mm: 22.0,
    spinous_drop_deg: 14.0,
    upper_facets_apart_mm: 34.0,
    upper_facets_reach_mm: 7.5,
    upper_facets_half_mm: [6.2, 3.8],
    facet_turn_deg: 52.0,
    lower_facets_apart_mm: 24.0,
    lower_facets_reach_mm: 9.5,
    lower_facets_half_mm: [6.4, 4.6],
    lower_turn_deg: 48.0,
    mammillary_mm: 3.6,
};

const L1: Mobile = Mobile {
    body_width_mm: [41.2, 43.3],
    body_depth_mm: 32.3,
    body_height_mm: 26.5,
    body_wedge_deg: -1.0,
    heart: 0.05,
    pedicle_width_mm: 8.17,
    pedicle_height_mm: 15.35,
    pedicle_convergence_deg: 10.03,
    pedicle_cranial_deg: -2.79,
    canal_width_mm: 23.0,
    canal_depth_mm: 17.5,
    canal_corners: 1.3,
    transverse_span_mm: 74.0,
    transverse_half_mm: [3.2, 4.6],
    spinous_length_mm: 31.0,
    spinous_height_mm: 20.0,
    spinous_drop_deg: 16.0,
    upper_facets_apart_mm: 29.5,
    upper_facets_half_mm: [5.6, 3.6],
    facet_turn_deg: 60.0,
    lower_facets_apart_mm: 21.5,
    lower_facets_reach_mm: 10.0,
    lower_facets_half_mm: [6.0, 4.4],
    lower_turn_deg: 58.0,
    ..LUMBAR
};

const L2: Mobile = Mobile {
    body_width_mm: [42.6, 45.5],
    body_depth_mm: 33.7,
    body_height_mm: 27.0,
    body_wedge_deg: 0.0,
    pedicle_width_mm: 9.25,
    pedicle_height_mm: 14.93,
    pedicle_convergence_deg: 11.73,
    pedicle_cranial_deg: -1.75,
    canal_width_mm: 23.5,
    canal_depth_mm: 17.0,
    transverse_span_mm: 83.0,
    transverse_half_mm: [3.2, 4.9],
    spinous_length_mm: 33.0,
    spinous_height_mm: 22.0,
    upper_facets_apart_mm: 31.0,
    facet_turn_deg: 58.0,
    lower_facets_apart_mm: 22.5,
    lower_facets_reach_mm: 10.0,
    lower_turn_deg: 52.0,
    ..LUMBAR
};

const L4: Mobile = Mobile {
    body_width_mm: [46.6, 49.5],
    body_depth_mm: 33.4,
    body_height_mm: 27.0,
    body_wedge_deg: 2.0,
    pedicle_width_mm: 13.09,
    pedicle_height_mm: 14.65,
    pedicle_convergence_deg: 21.81,
    canal_width_mm: 25.0,
    canal_depth_mm: 17.0,
    transverse_span_mm: 89.0,
    transverse_half_mm: [3.3, 4.9],
    transverse_tip_mm: [7.5, 7.0],
    lamina_height_mm: 18.5,
    spinous_length_mm: 31.0,
    spinous_height_mm: 18.0,
    spinous_drop_deg: 12.0,
    upper_facets_apart_mm: 37.5,
    facet_turn_deg: 48.0,
    lower_facets_apart_mm: 29.5,
    lower_facets_reach_mm: 7.5,
    lower_turn_deg: 40.0,
    pedicle_cranial_deg: 1.67,
    ..LUMBAR
};

const L5: Mobile = Mobile {
    body_width_mm: [48.5, 50.0],
    body_depth_mm: 33.0,
    body_height_mm: 26.5,
    body_wedge_deg: 8.0,
    pedicle_width_mm: 17.81,
    pedicle_height_mm: 13.33,
    pedicle_convergence_deg: 35.75,
    pedicle_cranial_deg: 1.18,
    canal_width_mm: 27.0,
    canal_depth_mm: 18.0,
    canal_corners: 2.8,
    transverse_span_mm: 94.0,
    transverse_half_mm: [4.8, 6.2],
    transverse_root_mm: 0.0,
    transverse_tip_mm: [-1.0, 7.0],
    lamina_height_mm: 15.5,
    spinous_length_mm: 25.0,
    spinous_height_mm: 14.0,
    spinous_drop_deg: 14.0,
    upper_facets_apart_mm: 43.0,
    facet_turn_deg: 38.0,
    lower_facets_apart_mm: 39.0,
    lower_facets_reach_mm: 6.5,
    lower_turn_deg: 30.0,
    ..LUMBAR
};

const S1: Sacrum = Sacrum {
    plate_width_mm: 50.0,
    plate_depth_mm: 33.0,
    body_height_mm: 29.0,
    alar_span_mm: 112.0,
    pedicle_convergence_deg: 26.0,
    canal_width_mm: 31.0,
    canal_depth_mm: 17.0,
};

/// The measures of a level; `None` where the phantom has no shape for it.
pub(super) fn row(level: Level) -> Option<Row> {
    let disc = |height_mm, wedge_deg| Disc { height_mm, wedge_deg };
    let measures = match (level.region(), level.number()) {
        ('T', 13) => Measures::Mobile(thoracic(11), disc(DISC_HEIGHT[11], 1.0)),
        ('T', n) => {
            let n = usize::from(n) - 1;
            Measures::Mobile(thoracic(n), disc(DISC_HEIGHT[n], if n == 11 { 1.0 } else { 0.0 }))
        }
        ('L', 1) => Measures::Mobile(L1, disc(8.5, 4.0)),
        ('L', 2) => Measures::Mobile(L2, disc(9.5, 5.0)),
        ('L', 3) => Measures::Mobile(LUMBAR, disc(10.5, 7.0)),
        ('L', 4) => Measures::Mobile(L4, disc(11.5, 10.0)),
        ('L', _) => Measures::Mobile(L5, disc(11.0, 12.0)),
        ('S', _) => Measures::Sacrum(S1),
        _ => return None,
    };
    Some(Row { level, measures })
}

/// The levels of a column, cranial ones first: T1 to S1 as nearly everybody has them, and T13 or L6
/// where they are among those wanted. With an L6, L5 has the shape of an L4 and L4 that of an L3.
pub(super) fn column(wanted: &[Level]) -> Vec<Row> {
    let is_rare = |level: Level| matches!((level.region(), level.number()), ('T', 13) | ('L', 6));
    let levels = Level::all().filter(|level| !is_rare(*level) || wanted.contains(level));
    let has_l6 = Level::new('L', 6).is_some_and(|l6| wanted.contains(&l6));
    levels.filter_map(|level| shaped_as(level, has_l6)).collect()
}

fn shaped_as(level: Level, has_l6: bool) -> Option<Row> {
    let like = match (level.region(), level.number()) {
        ('L', n @ 4..=5) if has_l6 => Level::new('L', n - 1)?,
        _ => level,
    };
    row(like).map(|row| Row { level, ..row })
}
