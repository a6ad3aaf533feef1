"""What a process that learns imports."""

import subprocess
import sys

LEAN = """
import sys
import learning.training
import monai.networks.nets
from monai.bundle import ConfigParser
print(*sorted({"mlflow", "matplotlib", "pandas", "skimage", "sklearn"} & set(sys.modules)))
import mlflow, pandas, sklearn, skimage, matplotlib
"""


def test_monai_brings_none_of_what_it_only_may_use_and_the_rest_is_there_for_others():
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
