"""Settle what the machine decides of a classifier's options: half precision.

Limits: on a CPU `auto` never takes it for MobileNetV2, whose depthwise convolutions gain nothing from it: a training
step takes 1.15 times as long in bf16, against 0.68 times for InceptionV3 (one core with AMX, 96 px).
"""

from __future__ import annotations

from dataclasses import replace

from detector.classify.options import Options
from detector.training.device import choose_device, choose_precision

DEPTHWISE = ("mobilenet-v2",)


def settled(options: Options) -> Options:
    """Nothing left open. Raises UserError where options contradict one another, or the device."""
    options = options.settled()
    device = choose_device(options.device)
    slower = device.type == "cpu" and options.model in DEPTHWISE
    amp = "off" if options.amp == "auto" and slower else choose_precision(options.amp, device)
    # There is no scaling of the loss here, which fp16 would need.
    return replace(options, amp="bf16" if amp == "bf16" else "off")
