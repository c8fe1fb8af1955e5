//! Whose plan is this? Same, other or unknown, from hashes alone.
//!
//! In: what a plan says of its case, and what is open now. Out: an answer, and names that give
//! nothing away. "Same" here means that the plan's coordinates are those of the open image.

use crate::plan::{CaseHashes, CaseRef};
use uuid::Uuid;

/// Whether a plan belongs to what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamePatient {
    /// The same image, or another one of the same frame of reference.
    Same,
    /// Another patient, or another frame of reference, so that its screws would stand elsewhere.
    Other,
    /// What is known of both neither joins nor parts them.
    Unknown,
}

/// Compares a plan's case with what is open.
///
/// The same voxels are the same image, whatever else is said. Else one known difference of patient
/// or frame of reference parts them, and the same frame of reference joins them. Of label maps
/// without a CT the same labels join. The same patient alone does not: two scans of one patient
/// share no coordinates.
pub fn compare(plan: &CaseHashes, open: &CaseHashes) -> SamePatient {
    let content = equal(&plan.ct_content_hash, &open.ct_content_hash);
    if content == Some(true) {
        return SamePatient::Same;
    }
    let patient = equal(&plan.patient_hash, &open.patient_hash);
    let frame = equal(&plan.frame_of_reference_hash, &open.frame_of_reference_hash);
    if patient == Some(false) || frame == Some(false) {
        return SamePatient::Other;
    }
    let labels = equal(&plan.labels_hash, &open.labels_hash);
    if frame == Some(true) || (content.is_none() && labels == Some(true)) {
        return SamePatient::Same;
    }
    SamePatient::Unknown
}

/// Whether two hashes are the same; `None` unless both are known.
fn equal(a: &Option<String>, b: &Option<String>) -> Option<bool> {
    Some(a.as_ref()? == b.as_ref()?)
}

/// A random name for a new case: `case-4f2a-91bc`.
pub fn new_pseudonym() -> String {
    format!("case-{}", two_groups(&Uuid::new_v4().simple().to_string()))
}

/// What an image is called in messages, always the same for the same one: `CT 3f9a-22c1`.
pub fn image_name(hashes: &CaseHashes) -> String {
    match (&hashes.ct_content_hash, &hashes.labels_hash) {
        (Some(hash), _) => format!("CT {}", two_groups(hash)),
        (None, Some(hash)) => format!("labels {}", two_groups(hash)),
        (None, None) => "an image of unknown origin".to_owned(),
    }
}

/// What a plan's case is called in messages: `case-4f2a-91bc (made on CT 3f9a-22c1)`.
pub fn case_name(case: &CaseRef) -> String {
    let made_on = image_name(&case.hashes);
    if case.pseudonym.is_empty() {
        format!("a case without a name (made on {made_on})")
    } else {
        format!("{} (made on {made_on})", case.pseudonym)
    }
}

/// The first eight characters in two groups.
fn two_groups(hash: &str) -> String {
    let start: Vec<char> = hash.chars().take(8).collect();
    let (first, second) = start.split_at(start.len().min(4));
    format!("{}-{}", String::from_iter(first), String::from_iter(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(ct: &str, frame: &str, patient: &str, labels: &str) -> CaseHashes {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        CaseHashes {
            ct_content_hash: known(ct),
            frame_of_reference_hash: known(frame),
            patient_hash: known(patient),
            labels_hash: known(labels),
        }
    }

    #[test]
    fn same_other_and_unknown_are_told_by_what_both_sides_know() {
        let plan = hashes("ct1", "frame1", "patient1", "labels1");
        for (open, answer) in [
            (hashes("ct1", "", "", ""), SamePatient::Same),
            (hashes("ct1", "frame2", "patient2", ""), SamePatient::Same),
            (hashes("ct2", "frame1", "patient1", ""), SamePatient::Same),
            (hashes("ct2", "frame1", "patient2", ""), SamePatient::Other),
            (hashes("ct2", "frame2", "patient1", ""), SamePatient::Other),
            (hashes("ct2", "", "patient1", "labels1"), SamePatient::Unknown),
            (hashes("", "", "", "labels1"), SamePatient::Same),
            (hashes("", "", "", "labels2"), SamePatient::Unknown),
            (hashes("", "", "", ""), SamePatient::Unknown),
        ] {
            assert_eq!(compare(&plan, &open), answer, "{open:?}");
            assert_eq!(compare(&open, &plan), answer, "the other way: {open:?}");
        }
    }

    #[test]
    fn an_image_has_one_name_and_a_case_a_random_one() {
        assert_eq!(image_name(&hashes("3f9a22c1ffff", "", "", "")), "CT 3f9a-22c1");
        assert_eq!(image_name(&hashes("3f", "", "", "")), "CT 3f-");
        assert_ne!(new_pseudonym(), new_pseudonym());
        assert_eq!(new_pseudonym().len(), "case-4f2a-91bc".len());
    }
}
