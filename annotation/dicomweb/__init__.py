"""The archive's DICOMweb face (PS3.18): QIDO-RS, WADO-RS and STOW-RS."""
