#!/usr/bin/env python3
"""Writes image_golden.inc: small pictures as bytes of a file, with what Pillow makes of them.

    make_image_golden.py > image_golden.inc

Needs python3-pil and python3-numpy. JPEG decoders may differ by a little, so that their pictures carry the mean of each
channel; the others carry the FNV-1a hash of their RGB bytes.
"""
import io

import numpy as np
from PIL import Image

MASK = (1 << 64) - 1


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & MASK
    return value


y, x = np.mgrid[0:11, 0:17]
RGB = np.stack([x * 15, y * 23, 255 - x * 7 - y * 8], 2).astype(np.uint8)
COLOR = Image.fromarray(RGB)
INDEXED = COLOR.quantize(13)
WITH_ALPHA = Image.fromarray(np.dstack([RGB, (x * 15).astype(np.uint8)]))

CASES = [
    ("jpeg_baseline", COLOR, "JPEG", dict(quality=80, optimize=True)),
    ("jpeg_444", COLOR, "JPEG", dict(quality=90, optimize=True, subsampling=0)),
    ("jpeg_progressive", COLOR, "JPEG", dict(quality=80, progressive=True)),
    ("jpeg_gray", COLOR.convert("L"), "JPEG", dict(quality=80, optimize=True)),
    ("jpeg_cmyk", COLOR.convert("CMYK"), "JPEG", dict(quality=80, optimize=True)),
    ("png_rgb", COLOR, "PNG", {}),
    ("png_rgba", WITH_ALPHA, "PNG", {}),
    ("png_gray", COLOR.convert("L"), "PNG", {}),
    ("png_gray_alpha", WITH_ALPHA.convert("LA"), "PNG", {}),
    ("png_indexed", INDEXED, "PNG", dict(bits=4)),
    ("png_indexed_transparent", INDEXED, "PNG", dict(transparency=3)),
    ("png_bits", COLOR.convert("1"), "PNG", {}),
    ("bmp_rgb", COLOR, "BMP", {}),
    ("bmp_rgba", WITH_ALPHA, "BMP", {}),
    ("bmp_indexed", COLOR.convert("L"), "BMP", {}),
    ("bmp_bits", COLOR.convert("1"), "BMP", {}),
    ("ppm", COLOR, "PPM", {}),
    ("pgm", COLOR.convert("L"), "PPM", {}),
    ("pbm", COLOR.convert("1"), "PPM", {}),
]

if __name__ == "__main__":
    print("// Made by make_image_golden.py with Pillow " + Image.__version__ + ".")
    print("// name, FNV-1a of the RGB bytes or 0, means of red, green, blue, bytes of the file")
    for name, image, form, options in CASES:
        file = io.BytesIO()
        image.save(file, form, **options)
        data = file.getvalue()
        back = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert back.shape == RGB.shape
        value = 0 if form == "JPEG" else fnv1a(back.tobytes())
        means = ", ".join("%.3f" % mean for mean in back.reshape(-1, 3).mean(0))
        print('{"%s", 0x%016xULL, {%s},\n {' % (name, value, means), end="")
        for i, byte in enumerate(data):
            print("%s%d" % ("" if i == 0 else ",\n  " if i % 32 == 0 else ", ", byte), end="")
        print("}},")
