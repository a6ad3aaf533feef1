"""An anchor-free detector for 2D and 3D boxes (Zhou et al. 2019, Objects as Points)."""
