#!/usr/bin/env python3
"""Writes opencv_golden.inc: what OpenCV's cv2.resize makes of synthetic pictures, as bytes.

    make_opencv_golden.py > opencv_golden.inc

Needs python3-opencv, python3-pil and python3-numpy. The pictures are those of make_resize_golden.py.
"""
import cv2

from make_resize_golden import picture

SIZES = [
    # from (width, height) to (width, height)
    ((1, 1), (3, 2)), ((7, 5), (1, 1)), ((7, 5), (7, 5)), ((3, 3), (8, 8)), ((2, 9), (5, 4)), ((40, 30), (10, 10)),
    ((33, 31), (8, 11)), ((24, 16), (12, 8)), ((37, 41), (36, 3)), ((16, 16), (11, 23)), ((150, 90), (5, 3)),
    ((300, 1), (7, 1)), ((1, 300), (1, 7)), ((6, 1), (34, 1)), ((1, 14), (1, 18)),
]
FILTERS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)

if __name__ == "__main__":
    print("// Made by make_opencv_golden.py with OpenCV " + cv2.__version__ + ".")
    print("// from width, height, kind; to width, height; bytes in hexadecimal of linear, cubic, area")
    for (width, height), size in SIZES:
        for kind in range(3):
            print("{%d, %d, %d, %d, %d, {" % (width, height, kind, *size))
            for chosen in FILTERS:
                text = cv2.resize(picture(width, height, kind), size, interpolation=chosen).tobytes().hex()
                lines = [text[i:i + 112] for i in range(0, len(text), 112)]
                print("\n".join(' "%s"' % line for line in lines) + ("," if chosen != FILTERS[-1] else "}},"))
