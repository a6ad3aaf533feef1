"""Pure torch and MONAI: data, networks, the loop, prediction, evaluation. No Django."""
