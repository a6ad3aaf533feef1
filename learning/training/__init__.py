"""Pure torch and MONAI: data, networks, the loop, prediction, evaluation. No Django."""

from learning.training.lean import import_monai_lean

import_monai_lean()
