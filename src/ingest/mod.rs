//! Files to volumes: DICOM, NIfTI and NRRD in, patient space out.
