//! A spine with known truth: an implicit function per vertebra, what a scanner would record of it,
//! and the true numbers.
