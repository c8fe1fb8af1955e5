//! Which level of detail of a bone is drawn: the coarsest whose error nobody could see.
//!
//! In: the levels of each bone ([`Levels`]) and every camera that draws, eyes of a headset included.
//! Out: the [`Mesh3d`] of each bone. A level may be drawn where its error in mm, as it is told where
//! levels are made ([`crate::mesh::lod`]), covers at most [`PIXELS`] of the nearest view; and all
//! bones together have at most [`MOST_TRIANGLES`], so that a frame's cost is bounded. Picking and
//! clearance know nothing of it: they use the surface itself.

use bevy::camera::primitives::Aabb;
use bevy::prelude::*;

/// An error of so many pixels is not seen.
const PIXELS: f32 = 0.5;
/// A level that is drawn already is kept until its error is this much too small.
const SLACK: f32 = 1.25;
/// Triangles of all bones in a frame, at most, where the coarsest levels allow it: what a headset's
/// graphics card draws twice in a third of a frame.
pub const MOST_TRIANGLES: usize = 700_000;

/// No coarser level is made: for pictures, which are drawn once and to be the same every time.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct FinestOnly;

/// One level of detail on the graphics card.
#[derive(Clone, Debug)]
pub struct Level {
    /// The mesh.
    pub mesh: Handle<Mesh>,
    /// How many triangles it has.
    pub triangles: usize,
    /// How far it may leave the surface, mm.
    pub error_mm: f32,
}

/// The levels of a bone, finest first, and the one that is drawn.
#[derive(Component, Clone, Debug)]
pub struct Levels {
    levels: Vec<Level>,
    drawn: usize,
}

impl Levels {
    /// Levels with the finest first.
    pub fn new(finest: Level) -> Self {
        Self { levels: vec![finest], drawn: 0 }
    }
    /// Adds coarser levels.
    pub fn extend(&mut self, coarser: impl IntoIterator<Item = Level>) {
        self.levels.extend(coarser);
    }
    /// The coarsest level that leaves the surface by less than `allowed_mm`.
    fn wanted(&self, allowed_mm: f32) -> usize {
        let fits = |(n, level): &(usize, &Level)| {
            let slack = if *n <= self.drawn { 1.0 } else { SLACK };
            level.error_mm * slack <= allowed_mm
        };
        self.levels.iter().enumerate().filter(fits).map(|(n, _)| n).max().unwrap_or(0)
    }
}

/// Draws each bone as fine as it must be. Runs in every frame, so the lists are kept.
pub fn choose_levels(
    cameras: Query<(&Camera, &GlobalTransform), With<Camera3d>>,
    mut bones: Query<(&mut Levels, &GlobalTransform, &Aabb, &mut Mesh3d)>,
    mut views: Local<Vec<View>>,
    mut wanted: Local<Vec<Choice>>,
) {
    views.clear();
    views.extend(cameras.iter().filter_map(|(camera, place)| View::of(camera, place)));
    if views.is_empty() {
        return;
    }
    wanted.clear();
    wanted.extend(bones.iter().map(|(levels, place, bounds, _)| {
        let middle = place.transform_point(bounds.center.into());
        let radius = place.radius_vec3a(bounds.half_extents);
        let mm = place.scale().max_element();
        let allowed = views.iter().map(|view| view.allowed(middle, radius) / mm);
        Choice::new(levels, allowed.fold(f32::INFINITY, f32::min))
    }));
    keep_budget(&mut wanted, MOST_TRIANGLES);
    for ((mut levels, _, _, mut mesh), choice) in bones.iter_mut().zip(wanted.iter()) {
        let Some(level) = levels.levels.get(choice.level) else { continue };
        if mesh.0 != level.mesh {
            mesh.0 = level.mesh.clone();
            levels.drawn = choice.level;
        }
    }
}

/// Levels of a bone, the finest included, at most.
const MOST_LEVELS: usize = 4;

/// What is to be drawn of one bone.
pub struct Choice {
    level: usize,
    allowed_mm: f32,
    /// Triangles of each level; 0 of those that do not exist.
    triangles: [usize; MOST_LEVELS],
    count: usize,
}

impl Choice {
    fn new(levels: &Levels, allowed_mm: f32) -> Self {
        let count = levels.levels.len().min(MOST_LEVELS);
        let of = |n: usize| levels.levels.get(n).map_or(0, |level| level.triangles);
        let level = levels.wanted(allowed_mm).min(count.saturating_sub(1));
        Self { level, allowed_mm, triangles: std::array::from_fn(of), count }
    }
    fn triangles(&self) -> usize {
        self.triangles[self.level]
    }
}

/// Makes the bones coarser of which the least is seen, until all together fit.
fn keep_budget(choices: &mut [Choice], most: usize) {
    while choices.iter().map(Choice::triangles).sum::<usize>() > most {
        let coarser = choices.iter_mut().filter(|c| c.level + 1 < c.count);
        let Some(farthest) = coarser.max_by(|a, b| a.allowed_mm.total_cmp(&b.allowed_mm)) else {
            return;
        };
        farthest.level += 1;
    }
}

/// An eye: where it is, and how large a metre is on its picture.
pub struct View {
    place: Vec3,
    /// Pixels of one metre, at a distance of one metre unless `is_flat`.
    pixels: f32,
    is_flat: bool,
}

impl View {
    /// `None` for a camera that does not draw.
    fn of(camera: &Camera, place: &GlobalTransform) -> Option<Self> {
        let height = camera.physical_viewport_size().filter(|_| camera.is_active)?.y as f32;
        let lens = camera.clip_from_view();
        Some(Self {
            place: place.translation(),
            pixels: 0.5 * height * lens.y_axis.y.abs(),
            is_flat: lens.w_axis.w == 1.0,
        })
    }
    /// The error that is not seen anywhere on a ball, m.
    fn allowed(&self, middle: Vec3, radius: f32) -> f32 {
        let distance = (self.place.distance(middle) - radius).max(0.0);
        PIXELS / self.pixels.max(1e-6) * if self.is_flat { 1.0 } else { distance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels() -> Levels {
        let level = |triangles, error_mm| Level { mesh: Handle::default(), triangles, error_mm };
        let mut levels = Levels::new(level(100_000, 0.0));
        levels.extend([level(50_000, 0.05), level(14_000, 0.2), level(3_000, 0.8)]);
        levels
    }

    #[test]
    fn what_is_near_is_drawn_fine_and_what_is_far_coarse() {
        // A screen of 900 pixels over 0.5 rad.
        let eye = View { place: Vec3::ZERO, pixels: 450.0 / 0.25f32.tan(), is_flat: false };
        let level = |metres: f32| {
            let allowed = eye.allowed(Vec3::X * (metres + 0.05), 0.05);
            levels().wanted(allowed * 1e3)
        };
        assert_eq!([0.0, 0.1, 0.3, 1.0, 5.0].map(level), [0, 0, 1, 2, 3]);
    }

    #[test]
    fn a_level_that_is_drawn_is_not_given_up_for_a_hair() {
        let mut levels = levels();
        assert_eq!(levels.wanted(0.22), 1, "coarser only with room to spare");
        levels.drawn = 2;
        assert_eq!(levels.wanted(0.22), 2);
        assert_eq!(levels.wanted(0.19), 1);
    }

    #[test]
    fn all_together_fit_and_the_nearest_stay_fine() {
        let choice = |n: i32| Choice { level: 0, ..Choice::new(&levels(), n as f32) };
        let mut choices: Vec<Choice> = (1..=10).map(choice).collect();
        keep_budget(&mut choices, 400_000);
        assert!(choices.iter().map(Choice::triangles).sum::<usize>() <= 400_000);
        assert_eq!((choices[0].level, choices[9].level), (0, 3));
        keep_budget(&mut choices, 0);
        assert!(choices.iter().all(|c| c.level == 3), "as coarse as can be, and no further");
    }
}
