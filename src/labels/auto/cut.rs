//! Ribs off: the cheapest cut through bone between what is rib and what is vertebra.
//!
//! A rib hangs on its vertebra by two joints, each a dark sheet between two plates. Of all ways to
//! cut it off, the one through the least bone leads through them, however long the rib that is
//! seen: the minimum cut of a net whose links carry as much as they conduct (Boykov and Jolly 2001,
//! ICCV 1:105), found as a maximum flow (Dinic 1970).

use super::walk::{NONE, Net, OPEN};
use crate::work::{Cancelled, Work};
use std::collections::VecDeque;

/// How much a link of the densest bone carries.
const DENSEST: f32 = 1000.0;
const FAR: u32 = u32::MAX;

/// Gives everything on its side of the cheapest cut from the cells of `core` to a fixed name.
/// Cells fixed to a name from `others` on stay what they are.
pub(super) fn sever(
    net: &mut Net,
    name: u8,
    core: impl Fn(usize) -> bool,
    others: u8,
    work: &Work,
) -> Result<(), Cancelled> {
    let mut flow = Flow::new(net, name, core, others);
    while flow.measure() {
        work.step("cutting the ribs off", 0.0)?;
        flow.augment();
    }
    let cut: Vec<usize> = (0..net.voxels.len()).filter(|c| flow.steps[*c] != FAR).collect();
    cut.into_iter().for_each(|cell| net.fixed[cell] = name);
    Ok(())
}

/// What a cell is to the flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Source,
    Free,
    Sink,
    Barred,
}

/// A flow through the net from the cells of one name to those of the core.
struct Flow {
    links: Vec<[u32; 6]>,
    /// What each link can still carry.
    room: Vec<[u16; 6]>,
    roles: Vec<Role>,
    /// Sources beside cells that are none.
    starts: Vec<u32>,
    /// Links from a source along links with room; [`FAR`] where none leads.
    steps: Vec<u32>,
    /// The first link of each cell that may still lead to the sink.
    next: Vec<u8>,
}

impl Flow {
    fn new(net: &Net, name: u8, core: impl Fn(usize) -> bool, others: u8) -> Self {
        let role = |cell: usize| match net.fixed[cell] {
            fixed if fixed == name => Role::Source,
            fixed if fixed >= others && fixed != OPEN => Role::Barred,
            _ if core(cell) => Role::Sink,
            _ => Role::Free,
        };
        let cells = 0..net.voxels.len();
        let roles: Vec<Role> = cells.clone().map(role).collect();
        let carries = |cell: usize, other: u32| {
            let is_open = |role: Role| role != Role::Barred;
            if other == NONE || !is_open(roles[cell]) || !is_open(roles[other as usize]) {
                return 0;
            }
            (net.flow[cell].min(net.flow[other as usize]) * DENSEST).round().max(1.0) as u16
        };
        let room = cells.clone().map(|c| net.links[c].map(|m| carries(c, m))).collect();
        let is_start = |c: &usize| {
            let leads_on = |m: &u32| *m != NONE && roles[*m as usize] != Role::Source;
            roles[*c] == Role::Source && net.links[*c].iter().any(leads_on)
        };
        let starts = cells.clone().filter(is_start).map(|c| c as u32).collect();
        let (steps, next) = (vec![FAR; cells.len()], vec![0; cells.len()]);
        Self { links: net.links.clone(), room, roles, starts, steps, next }
    }
    /// Counts the steps from the sources; whether a sink is reached.
    fn measure(&mut self) -> bool {
        self.steps.fill(FAR);
        self.next.fill(0);
        let mut queue: VecDeque<u32> = self.starts.iter().copied().collect();
        queue.iter().for_each(|start| self.steps[*start as usize] = 0);
        let mut is_reached = false;
        while let Some(at) = queue.pop_front().map(|at| at as usize) {
            for (other, room) in self.links[at].into_iter().zip(self.room[at]) {
                if room > 0 && self.steps[other as usize] == FAR {
                    self.steps[other as usize] = self.steps[at] + 1;
                    match self.roles[other as usize] {
                        Role::Sink => is_reached = true,
                        _ => queue.push_back(other),
                    }
                }
            }
        }
        is_reached
    }
    /// Sends as much as the shortest ways carry.
    fn augment(&mut self) {
        for start in self.starts.clone() {
            let mut way: Vec<(u32, u8)> = Vec::new();
            let mut at = start;
            loop {
                if self.roles[at as usize] == Role::Sink {
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
    use super::super::walk::Cell;
    use super::*;
    use glam::DVec3;

    const RIB: u8 = 250;

    /// A bar of bone along x that is fixed to a rib at its far end and a vertebra's at its near one.
    fn bar(flow: impl Fn([usize; 3]) -> f32 + Sync) -> Vec<u8> {
        let size = [40, 5, 5];
        let bone = Block { size, first: DVec3::ZERO, step_mm: 1.0, data: vec![true; 1000] };
        let mut net = Net::new(&bone, |i| {
            let at = bone.place(i);
            let fixed = if at[0] == 39 { RIB } else { OPEN };
            Cell { fixed, flow: flow(at), near: 1 }
        });
        let voxels = net.voxels.clone();
        let core = |cell: usize| bone.place(voxels[cell] as usize)[0] == 0;
        sever(&mut net, RIB, core, RIB, &Work::silent()).unwrap();
        (0..40).map(|i| net.fixed[bone.index([i, 2, 2])]).collect()
    }

    #[test]
    fn a_rib_is_cut_at_its_joint_however_far_its_seed_and_however_long_its_neck() {
        for joint in [3, 11, 30] {
            let found = bar(|[i, _, _]| if i == joint { 0.1 } else { 1.0 });
            let first = found.iter().position(|name| *name == RIB).unwrap();
            assert!((joint..=joint + 1).contains(&first), "joint {joint}: {found:?}");
        }
    }

    #[test]
    fn a_joint_bridged_in_part_is_still_the_cheapest_cut() {
        let found = bar(|[i, j, _]| if i == 12 && j > 0 { 0.05 } else { 1.0 });
        let first = found.iter().position(|name| *name == RIB).unwrap();
        assert!((12..=13).contains(&first), "{found:?}");
    }
}
