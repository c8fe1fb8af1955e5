//! Bone parted in two: the cheapest cut between what is known to lie on either side.
//!
//! A rib hangs on its vertebra, and a vertebra on the next, by joints: dark sheets between two
//! plates. Of all ways to cut them apart, the one through the least bone leads through the joints,
//! however far from them the known places lie: the minimum cut of a net whose links carry what
//! they conduct (Boykov and Jolly 2001, ICCV 1:105), found as a maximum flow (Dinic 1970).

use super::net::{NONE, Net};
use crate::work::{Cancelled, Work};
use std::collections::VecDeque;

/// How much a link of the densest bone carries, and others by the square of what they conduct: the
/// shell of a pedicle is thin and a joint is wide.
const DENSEST: f32 = 1000.0;
const FAR: u32 = u32::MAX;

/// What a cell is to a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Known to lie on the near side.
    Near,
    /// To be told.
    Open,
    /// Known to lie on the far side.
    Far,
    /// No part of this.
    Out,
}

/// The cells that lie on the near side of the cheapest cut and were open.
pub(super) fn near_side(
    net: &Net,
    role: impl Fn(usize) -> Role,
    work: &Work,
) -> Result<Vec<u32>, Cancelled> {
    let mut flow = Flow::new(net, role);
    while flow.measure() {
        work.step("taking the vertebrae apart", 0.0)?;
        flow.augment();
    }
    let cells = flow.cells.iter().zip(flow.steps.iter().zip(&flow.roles));
    let is_near = |(steps, role): (&u32, &Role)| *steps != FAR && *role == Role::Open;
    Ok(cells.filter(|(_, seen)| is_near(*seen)).map(|(cell, _)| *cell).collect())
}

/// A flow from the near cells to the far ones.
struct Flow {
    /// The net's cells that take part.
    cells: Vec<u32>,
    roles: Vec<Role>,
    links: Vec<[u32; 6]>,
    /// What each link can still carry.
    room: Vec<[u16; 6]>,
    /// Links from a near cell along links with room; [`FAR`] where none leads.
    steps: Vec<u32>,
    /// The first link of each cell that may still lead on.
    next: Vec<u8>,
}

impl Flow {
    fn new(net: &Net, role: impl Fn(usize) -> Role) -> Self {
        let all: Vec<Role> = (0..net.voxels.len()).map(role).collect();
        let leads_on = |c: &usize| {
            let other = |m: &u32| *m != NONE && !matches!(all[*m as usize], Role::Out);
            let is_new = |m: &u32| other(m) && all[*m as usize] != all[*c];
            match all[*c] {
                Role::Out => false,
                Role::Open => true,
                Role::Near | Role::Far => net.links[*c].iter().any(is_new),
            }
        };
        let cells: Vec<u32> = (0..all.len()).filter(leads_on).map(|c| c as u32).collect();
        let mut slots = vec![NONE; all.len()];
        cells.iter().enumerate().for_each(|(n, c)| slots[*c as usize] = n as u32);
        let own = |m: u32| if m == NONE { NONE } else { slots[m as usize] };
        let links: Vec<[u32; 6]> = cells.iter().map(|c| net.links[*c as usize].map(own)).collect();
        let dense = |n: usize| net.flow[cells[n] as usize];
        let carries = |n: usize, other: u32| match other {
            NONE => 0,
            _ => (dense(n).min(dense(other as usize)).powi(2) * DENSEST).max(1.0) as u16,
        };
        let room = (0..cells.len()).map(|n| links[n].map(|m| carries(n, m))).collect();
        let roles = cells.iter().map(|c| all[*c as usize]).collect();
        let (steps, next) = (vec![FAR; cells.len()], vec![0; cells.len()]);
        Self { cells, roles, links, room, steps, next }
    }
    fn starts(&self) -> Vec<u32> {
        let is_near = |n: &u32| self.roles[*n as usize] == Role::Near;
        (0..self.cells.len() as u32).filter(is_near).collect()
    }
    /// Counts the steps from the near cells; whether a far one is reached.
    fn measure(&mut self) -> bool {
        self.steps.fill(FAR);
        self.next.fill(0);
        let mut queue: VecDeque<u32> = self.starts().into();
        queue.iter().for_each(|start| self.steps[*start as usize] = 0);
        let mut is_reached = false;
        while let Some(at) = queue.pop_front().map(|at| at as usize) {
            for (other, room) in self.links[at].into_iter().zip(self.room[at]) {
                if room > 0 && self.steps[other as usize] == FAR {
                    self.steps[other as usize] = self.steps[at] + 1;
                    match self.roles[other as usize] {
                        Role::Far => is_reached = true,
                        _ => queue.push_back(other),
                    }
                }
            }
        }
        is_reached
    }
    /// Sends as much as the shortest ways carry.
    fn augment(&mut self) {
        for start in self.starts() {
            let mut way: Vec<(u32, u8)> = Vec::new();
            let mut at = start;
            loop {
                if self.roles[at as usize] == Role::Far {
                    at = self.send(&mut way);
                } else if let Some((face, other)) = self.onward(at) {
                    way.push((at, face));
                    at = other;
                } else {
                    let Some((before, _)) = way.pop() else { break };
                    self.next[before as usize] += 1;
                    at = before;
                }
            }
        }
    }
    /// The next link of a cell that leads one step on.
    fn onward(&mut self, at: u32) -> Option<(u8, u32)> {
        let at = at as usize;
        while self.next[at] < 6 {
            let face = self.next[at];
            let other = self.links[at][usize::from(face)];
            let has_room = self.room[at][usize::from(face)] > 0;
            if has_room && self.steps[other as usize] == self.steps[at] + 1 {
                return Some((face, other));
            }
            self.next[at] += 1;
        }
        None
    }
    /// Fills a way to its narrowest link and steps back to that.
    fn send(&mut self, way: &mut Vec<(u32, u8)>) -> u32 {
        let room = |flow: &Self, (at, face): (u32, u8)| flow.room[at as usize][usize::from(face)];
        let least = way.iter().map(|link| room(self, *link)).min().unwrap_or(0);
        let mut full = 0;
        for (n, (at, face)) in way.iter().enumerate().rev() {
            let (cell, face) = (*at as usize, usize::from(*face));
            let other = self.links[cell][face] as usize;
            self.room[cell][face] -= least;
            if self.room[cell][face] == 0 {
                full = n;
            }
            let back = self.links[other].iter().position(|m| m == at).unwrap_or(0);
            self.room[other][back] += least;
        }
        let at = way[full].0;
        way.truncate(full);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Block;
    use super::super::net::{Cell, OPEN};
    use super::*;
    use glam::DVec3;

    /// The first cell on the far side of a bar of bone along x, whose ends are known.
    fn cut(flow: impl Fn([usize; 3]) -> f32 + Sync) -> usize {
        let size = [40, 5, 5];
        let bone = Block { size, first: DVec3::ZERO, step_mm: 1.0, data: vec![true; 1000] };
        let cell = |i| Cell { fixed: OPEN, flow: flow(bone.place(i)), near: 1 };
        let net = Net::new(&bone, cell);
        let role = |cell: usize| match bone.place(net.voxels[cell] as usize)[0] {
            0 => Role::Near,
            39 => Role::Far,
            _ => Role::Open,
        };
        let near = near_side(&net, role, &Work::silent()).unwrap();
        let middle = |i: usize| near.contains(&(bone.index([i, 2, 2]) as u32));
        (1..39).find(|i| !middle(*i)).unwrap()
    }

    #[test]
    fn bone_is_cut_at_its_joint_however_far_that_is_from_what_is_known() {
        for joint in [3, 11, 30] {
            let first = cut(|[i, _, _]| if i == joint { 0.1 } else { 1.0 });
            assert!((joint..=joint + 1).contains(&first), "joint {joint}: {first}");
        }
    }

    #[test]
    fn a_joint_bridged_in_part_is_still_the_cheapest_cut() {
        let first = cut(|[i, j, _]| if i == 12 && j > 0 { 0.1 } else { 1.0 });
        assert!((12..=13).contains(&first), "{first}");
    }

    #[test]
    fn where_bone_is_alike_the_cut_is_narrow() {
        let first = cut(|[i, j, k]| if i == 20 && j + k != 4 { 1e-4 } else { 0.5 });
        assert!((20..=21).contains(&first), "{first}");
    }
}
