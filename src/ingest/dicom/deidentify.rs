//! What may leave: two hashes, and what says nothing about the patient.
//!
//! Names, dates, institutions and free text (series and study descriptions may hold a name) are
//! never read into a [`Header`] in the first place. The Patient ID and the Frame of Reference UID
//! are, and leave only as SHA-256 of a prefix and themselves: enough to say "same" or "other".
//! The hash has no salt, so that two machines agree; whoever knows an ID can therefore test for
//! it, which is the price of recognising a patient without a shared secret.

use super::header::Header;
use crate::ingest::hash::hex;
use sha2::{Digest, Sha256};

/// Hashes of the Frame of Reference UID and of the Patient ID, where the series has them.
pub(super) fn identity(files: &[Header]) -> (Option<String>, Option<String>) {
    let first = |pick: fn(&Header) -> &Option<String>| files.iter().find_map(|f| pick(f).clone());
    let frame_of_reference = first(|f| &f.frame_of_reference_uid);
    let patient = first(|f| &f.patient_id);
    (frame_of_reference.map(|uid| hash("for:", &uid)), patient.map(|id| hash("pid:", &id)))
}

/// `, kernel BONE, 120 kVp`: how the scanner was set, as far as the file says.
pub(super) fn details(files: &[Header]) -> String {
    let Some(first) = files.first() else { return String::new() };
    let kernel = first.kernel.as_ref().map(|k| format!(", kernel {k}")).unwrap_or_default();
    let kvp = first.kvp.map(|kv| format!(", {kv} kVp")).unwrap_or_default();
    kernel + &kvp
}

fn hash(prefix: &str, identifier: &str) -> String {
    hex(&Sha256::digest(format!("{prefix}{identifier}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_kinds_apart_and_hides_the_identifier() {
        // Independently: printf 'pid:1234' | sha256sum
        assert_ne!(hash("pid:", "1234"), hash("for:", "1234"));
        assert_eq!(hash("pid:", "1234").len(), 64);
        assert!(!hash("pid:", "1234").contains("1234"));
    }
}
