//! Which graphics adapters this machine has, asked before the engine starts, since the engine ends
//! in a panic where there is none.

use bevy::tasks::block_on;
use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

/// One graphics adapter that speaks Vulkan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// What the driver calls the device.
    pub name: String,
    /// Name and version of the driver.
    pub driver: String,
    /// True when the processor draws, e.g. Mesa's lavapipe: right, but slow.
    pub is_software: bool,
}

/// The Vulkan adapters of this machine, as the driver lists them; empty without a driver.
pub fn adapters() -> Vec<Adapter> {
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::VULKAN,
        ..InstanceDescriptor::new_without_display_handle()
    });
    let found = block_on(instance.enumerate_adapters(Backends::VULKAN));
    found
        .into_iter()
        .map(|adapter| {
            let info = adapter.get_info();
            Adapter {
                name: info.name,
                driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
                is_software: info.device_type == DeviceType::Cpu,
            }
        })
        .collect()
}
