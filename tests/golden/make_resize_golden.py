#!/usr/bin/env python3
"""Writes resize_golden.inc: what Pillow's Image.resize makes of synthetic pictures, as hashes.

    make_resize_golden.py > resize_golden.inc

Needs python3-pil and python3-numpy. The pictures are made of integers alone, so that the test makes the same ones:
pixel byte i of picture (width, height, kind) is a step of a linear congruential generator seeded by the three; kind 1
keeps its top bit only (hard edges: every rounding and clipping matters), kind 2 is a smooth ramp.
"""
import numpy as np
from PIL import Image

MASK = (1 << 64) - 1


def picture(width, height, kind):
    state = (width * 1000003 + height * 10007 + kind * 101 + 1) & MASK
    data = np.empty(width * height * 3, np.uint8)
    for i in range(data.size):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        byte = state >> 56
        if kind == 1:
            byte = 255 if byte & 128 else 0
        elif kind == 2:
            byte = (i // 3 * 7 + i % 3 * 31 + (byte & 3)) & 255
        data[i] = byte
    return data.reshape(height, width, 3)


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & MASK
    return value


SIZES = [
    # from (width, height) to (width, height)
    ((1, 1), (1, 1)), ((1, 1), (7, 5)), ((7, 5), (1, 1)), ((1, 40), (1, 13)), ((1, 40), (9, 40)), ((40, 1), (13, 1)),
    ((40, 1), (40, 9)), ((2, 2), (3, 3)), ((3, 3), (2, 2)), ((32, 32), (32, 32)), ((33, 31), (32, 32)),
    ((31, 33), (32, 32)), ((64, 48), (32, 32)), ((32, 32), (64, 48)), ((64, 48), (64, 24)), ((64, 48), (32, 48)),
    ((100, 75), (33, 25)), ((100, 75), (99, 74)), ((100, 75), (101, 76)), ((97, 61), (224, 141)), ((200, 3), (17, 64)),
    ((3, 200), (64, 17)), ((227, 227), (224, 224)), ((181, 97), (48, 26)), ((256, 2), (255, 1)), ((2, 256), (1, 255)),
    ((300, 200), (5, 3)), ((5, 3), (150, 90)), ((1000, 1), (3, 1)), ((1, 1000), (1, 3)),
    ((250, 187), (112, 112)), ((500, 2), (224, 2)),
]

if __name__ == "__main__":
    print("// Made by make_resize_golden.py with Pillow " + Image.__version__ + ".")
    print("// from width, height, kind; to width, height; first and last byte of bilinear; FNV-1a of bilinear, nearest, "
          "bicubic,\n// box, lanczos, hamming")
    filters = (Image.BILINEAR, Image.NEAREST, Image.BICUBIC, Image.BOX, Image.LANCZOS, Image.HAMMING)
    for (width, height), (to_width, to_height) in SIZES:
        for kind in range(3):
            image = Image.fromarray(picture(width, height, kind))
            results = [image.resize((to_width, to_height), chosen).tobytes() for chosen in filters]
            print("{%d, %d, %d, %d, %d, %d, %d, {%s}}," % (
                width, height, kind, to_width, to_height, results[0][0], results[0][-1],
                ", ".join("0x%016xULL" % fnv1a(result) for result in results)))
