//! The panel on the off hand's wrist.
use bevy::prelude::*;

/// Where a hand's ray meets the panel.
#[derive(Clone, Copy, Debug)]
pub struct PanelHit {
    /// In the stage, m.
    pub point: Vec3,
    /// 0 to 1 from the upper left corner.
    pub uv: Vec2,
}

/// Where each hand's ray meets the panel, left first.
#[derive(Resource, Default)]
pub struct PanelHits(pub [Option<PanelHit>; 2]);
