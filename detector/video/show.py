"""A window on request. Whether there can be one is tried in another process, which Qt ends where there is no screen."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np

from detector.errors import VideoError

TITLE = "detector"
PROBE = "import cv2; cv2.namedWindow('detector'); cv2.destroyAllWindows()"


def check_screen() -> None:
    """Raises VideoError where no window can be opened: no screen, or OpenCV's headless build."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise VideoError("--show", "no window can be opened here", "a screen, and opencv-python", "drop --show")


class Window:
    """Shows frames, and knows whether the user is still looking."""

    def __init__(self) -> None:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def show(self, picture: np.ndarray) -> bool:
        """(H, W, 3) uint8, BGR. False once q or Escape was pressed or the window closed."""
        cv2.imshow(TITLE, picture)
        key = cv2.waitKey(1) & 0xFF
        return key not in (ord("q"), 27) and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        cv2.destroyAllWindows()
