//! `corridor phantom` and what it writes: a DICOM series that a strict validator accepts and that
//! reads back as it was, the same bytes every time.

use crate::ingest_formats::read;
use clap::Parser;
use corridor::case::measures::Measures;
use corridor::case::request::CaseRequest;
use corridor::case::spine::Source;
use corridor::cli::phantom::{self as cli, PhantomError};
use corridor::cli::{Command, Request, measure};
use corridor::ingest::{Warning, content_hash};
use corridor::labels::Posture;
use corridor::labels::numbering::Numbering;
use corridor::platform::fs::RealFs;
use corridor::work::Work;
use std::path::{Path, PathBuf};

fn write(folder: &Path, more: &str) -> PathBuf {
    write_levels(folder, "L4,L5", more)
}

fn write_levels(folder: &Path, levels: &str, more: &str) -> PathBuf {
    try_write(folder, levels, more).unwrap();
    folder.join("phantom")
}

fn try_write(folder: &Path, levels: &str, more: &str) -> Result<Vec<String>, PhantomError> {
    let out = folder.join("phantom");
    let line = format!("corridor phantom {} --levels {levels} --voxel 2.5 {more}", out.display());
    let request = Request::try_parse_from(line.split_whitespace()).unwrap();
    let Some(Command::Phantom(args)) = request.command else { panic!("another command") };
    cli::write(&args, &Work::silent())
}

fn slices(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("dicom")).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    files
}

#[test]
fn the_series_and_the_nifti_image_are_one_ct() {
    let folder = tempfile::tempdir().unwrap();
    let out = write(folder.path(), "");
    let [dicom, image] = [out.join("dicom"), out.join("ct.nii.gz")].map(|path| read(&path));
    assert_eq!(dicom.ct.data(), image.ct.data());
    assert_eq!(content_hash(&dicom.ct), content_hash(&image.ct));
    assert!(dicom.warnings.is_empty(), "{:?}", dicom.warnings);
    let corner = dicom.ct.grid().size().map(|n| n - 1);
    let [here, there] = [&dicom, &image].map(|study| study.ct.grid().centre(corner));
    assert!(here.distance(there) < 1e-4);
}

#[test]
fn the_same_arguments_give_the_same_bytes_on_any_number_of_threads_and_another_seed_others() {
    let folders = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let [one, again, other] =
        [("--seed 4", 1), ("--seed 4", 3), ("--seed 5", 2)].map(|(more, threads)| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| write(folders[threads - 1].path(), more))
        });
    let bytes = |out: &Path, n: usize| std::fs::read(&slices(out)[n]).unwrap();
    assert_eq!(slices(&one).len(), slices(&again).len());
    for n in 0..slices(&one).len() {
        assert_eq!(bytes(&one, n), bytes(&again, n), "slice {n}");
    }
    for file in ["ct.nii.gz", "vertebrae.nii.gz", "structures.nii.gz", "truth.json"] {
        let [a, b] = [&one, &again].map(|out| std::fs::read(out.join(file)).unwrap());
        assert_eq!(a, b, "{file}");
    }
    assert_ne!(bytes(&one, 3), bytes(&other, 3));
}

#[test]
fn other_voxels_of_the_same_spine_are_another_series() {
    let folder = tempfile::tempdir().unwrap();
    let uid = |more: &str| {
        let out = write_levels(&tempfile::tempdir_in(folder.path()).unwrap().keep(), "L5", more);
        let file = dicom_object::open_file(&slices(&out)[0]).unwrap();
        let tags = [dicom_object::Tag(0x0008, 0x0018), dicom_object::Tag(0x0020, 0x000e)];
        tags.map(|tag| file.element(tag).unwrap().to_str().unwrap().into_owned())
    };
    let plain = uid("");
    assert_eq!(uid(""), plain);
    for other in ["--tilt 10", "--slice 3", "--seed 2", "--contrast 300"] {
        let [instance, series] = uid(other);
        assert!(instance != plain[0] && series != plain[1], "{other}");
    }
}

#[test]
fn a_smaller_phantom_in_the_same_folder_leaves_no_slice_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let before = slices(&write(folder.path(), "")).len();
    let out = write_levels(folder.path(), "L5", "--seed 2");
    assert!(slices(&out).len() < before, "{before} slices are still there");
    let [dicom, image] = [out.join("dicom"), out.join("ct.nii.gz")].map(|path| read(&path));
    assert_eq!(dicom.ct.data(), image.ct.data());
    assert!(dicom.warnings.is_empty(), "{:?}", dicom.warnings);
    let out = write_levels(folder.path(), "L5", "--seed 3 --no-dicom");
    assert!(slices(&out).is_empty(), "the series is another one than the truth");
}

#[test]
fn a_phantom_is_not_written_over_the_slices_of_a_patient() {
    let folder = tempfile::tempdir().unwrap();
    let series = folder.path().join("phantom/dicom");
    std::fs::create_dir_all(&series).unwrap();
    std::fs::write(series.join("0001.dcm"), "of a patient").unwrap();
    let told = try_write(folder.path(), "L5", "").unwrap_err().to_string();
    assert!(told.contains("0001.dcm") && told.contains("choose another folder"), "{told}");
    assert_eq!(std::fs::read(series.join("0001.dcm")).unwrap(), b"of a patient");
    assert!(!folder.path().join("phantom/truth.json").exists());
}

#[test]
fn numbers_that_make_no_spine_are_refused_by_their_argument() {
    let folder = tempfile::tempdir().unwrap();
    for (more, told) in [
        ("--bone nan --noise nan", "--bone can not be NaN: say -200 to 2000 HU"),
        ("--noise=-20", "--noise can not be -20: say 0 to 1000 HU"),
        ("--cortex=-2", "--cortex can not be -2: say 0 to 10 mm"),
        ("--blur inf", "--blur can not be inf: say 0 to 10 mm"),
        ("--lordosis 400", "--lordosis can not be 400: say -90 to 120 degrees"),
        ("--kyphosis nan", "--kyphosis can not be NaN: say -90 to 150 degrees"),
        ("--variation 40", "--variation can not be 40: say 0 to 3"),
        ("--screw L5:left:65x45", "the diameter of --screw L5 can not be 65: say 1 to 20 mm"),
        (
            "--tilt nan",
            "--voxel and --slice are 0.1 to 10 mm, --tilt is -40 to 40 degrees: say other sizes",
        ),
    ] {
        let refused = try_write(folder.path(), "L5", more).map_err(|e| e.to_string());
        assert_eq!(refused, Err(told.to_owned()), "{more}");
    }
    assert!(!folder.path().join("phantom").exists());
}

#[test]
fn a_tilted_gantry_and_thick_slices_are_read_back_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = write(folder.path(), "--tilt 15 --slice 3");
    let study = read(&out.join("dicom"));
    let told = study.warnings.iter().any(|w| w.to_string().contains("tilt"));
    assert!(told, "{:?}", study.warnings.iter().map(Warning::to_string).collect::<Vec<_>>());
}

#[test]
fn a_spine_is_measured_in_the_posture_that_its_series_tells() {
    for (asked, posture) in
        [("supine", Posture::Supine), ("prone", Posture::Prone), ("standing", Posture::Supine)]
    {
        let folder = tempfile::tempdir().unwrap();
        let out = write_levels(folder.path(), "L4", &format!("--posture {asked}"));
        let source = Source::Files {
            ct: Some(out.join("dicom")),
            labels: Some(out.join("vertebrae.nii.gz")),
            numbering: Some(Numbering::Verse),
        };
        let case = CaseRequest { source, ..CaseRequest::demo() };
        let read = |named| measure::read(&case, named, &RealFs, &Work::silent()).unwrap();
        let is_contradicted =
            |got: &Measures| got.notices.iter().any(|notice| notice.contains("Patient Position"));
        let got = read(None);
        assert_eq!(got.alignment.posture, posture, "{asked}");
        assert!(!is_contradicted(&got), "{asked}");
        // A series can not say that the patient stood; then it says nothing.
        let got = read(Some(Posture::Standing));
        assert_eq!(got.alignment.posture, Posture::Standing);
        assert_eq!(is_contradicted(&got), asked != "standing", "{asked}");
    }
}

#[test]
fn the_labels_are_numbered_as_verse_does_and_the_truth_names_the_structures() {
    let folder = tempfile::tempdir().unwrap();
    let out = write(folder.path(), "--contrast 300 --screw L4:left:6.5x45");
    let labels = corridor::ingest::load_labels(&out.join("vertebrae.nii.gz"), &Work::silent());
    let values: std::collections::BTreeSet<u16> =
        labels.unwrap().volume.data().iter().copied().collect();
    assert_eq!(values.into_iter().collect::<Vec<_>>(), [0, 23, 24]);
    let truth = std::fs::read_to_string(out.join("truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    assert_eq!(truth["structures"]["metal"], 12);
    assert_eq!(truth["truth"]["levels"].as_array().unwrap().len(), 2);
    assert!(truth["truth"]["levels"][0]["pedicles"][0]["width_mm"].as_f64().unwrap() > 5.0);
}

/// Debian's `dicom3tools` has the validator; `tests/run` installs it.
#[test]
fn a_strict_validator_accepts_every_slice() {
    if std::process::Command::new("dciodvfy").arg("-version").output().is_err() {
        println!("dciodvfy is not installed (Debian: dicom3tools): skipped");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for more in ["", "--contrast 250 --tilt -12 --slice 3"] {
        let out = write(folder.path(), more);
        for file in slices(&out).iter().step_by(7) {
            let verdict = std::process::Command::new("dciodvfy").arg(file).output().unwrap();
            let said = String::from_utf8_lossy(&verdict.stderr).into_owned();
            assert!(!said.contains("Error"), "{said}");
            assert!(said.contains("CTImage"), "it was not judged as a CT: {said}");
        }
    }
}
