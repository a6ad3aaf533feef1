"""Our DICOMweb server beside Orthanc: same machine, same data, same clients, in turns.

python -m bench.dicomweb [--studies 10000] [--large 100000] [--only frames,qido] [--csv FILE]

Orthanc comes from Debian (`apt-get install orthanc orthanc-dicomweb`) and runs with its default
options; ours is what `manage.py up` starts. Both get throw-away folders and the same objects by STOW.
Sections: frames, qido, wado, stow, memory, large.
"""
