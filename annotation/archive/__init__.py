"""Studies at rest: one door in, content-addressed files, indexed columns plus DICOM JSON."""
