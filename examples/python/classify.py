#!/usr/bin/env python3
"""Classifies PPM images with a .nrw through the C interface: classify.py LIBNARROW.so MODEL.nrw IMAGE.ppm..."""
import ctypes as c
import sys

import numpy as np


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("message", c.c_char * 1020)]


def read_ppm(path):
    magic, width, height, _, pixels = open(path, "rb").read().split(maxsplit=4)  # no comments, one byte a channel
    assert magic == b"P6", f"{path} is no binary PPM"
    return np.frombuffer(pixels, np.uint8, int(width) * int(height) * 3).reshape(int(height), int(width), 3)


narrow = c.CDLL(sys.argv[1])
narrow.narrow_model_classes.restype = c.c_size_t
narrow.narrow_model_classes.argtypes = [c.c_void_p]
narrow.narrow_model_label.restype = c.c_char_p
narrow.narrow_model_label.argtypes = [c.c_void_p, c.c_size_t]


def check(status, error):
    if status != 0:
        sys.exit(error.message.decode())


error, model, session = Error(), c.c_void_p(), c.c_void_p()
check(narrow.narrow_model_load(sys.argv[2].encode(), c.byref(model), c.byref(error)), error)
check(narrow.narrow_session_create(model, None, c.byref(session), c.byref(error)), error)
scores = np.empty(narrow.narrow_model_classes(model), np.float32)
memory = scores.ctypes.data_as(c.c_void_p)
for path in sys.argv[3:]:
    image = np.ascontiguousarray(read_ppm(path))
    height, width, _ = image.shape
    pixels = image.ctypes.data_as(c.c_void_p)
    check(narrow.narrow_session_classify(session, pixels, width, height, memory, c.byref(error)), error)
    check(narrow.narrow_model_probabilities(model, memory, memory, c.byref(error)), error)
    best = int(scores.argmax())
    label = narrow.narrow_model_label(model, best)
    print(f"{path}: {100 * scores[best]:.2f} % {label.decode() if label else f'class {best}'}")
