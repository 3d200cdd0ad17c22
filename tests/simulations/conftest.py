"""The comparison of logs is a command as well, so it stands here and not in a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
