#!/usr/bin/env python3
"""Writes image_golden.inc: small pictures as bytes of a file, with what Pillow makes of them.

    make_image_golden.py > image_golden.inc

Needs python3-pil and python3-numpy. The pictures carry the FNV-1a hash of their RGB bytes and the mean of each channel.
Decoders of JPEG and lossy WebP may differ by a little: their hashes are compared only where the same library decodes.
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



def without_adobe(data):
    """The JPEG without its APP14 segment."""
    at = data.find(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):]


def with_transform(data, transform):
    """The JPEG with this colour transform in its APP14 segment."""
    at = data.find(b"Adobe") + 11
    return data[:at] + bytes([transform]) + data[at + 1:]


def oriented(orientation):
    data = Image.Exif()
    data[0x112] = orientation
    return data


CASES = [
    ("jpeg_baseline", COLOR, "JPEG", dict(quality=80, optimize=True)),
    ("jpeg_444", COLOR, "JPEG", dict(quality=90, optimize=True, subsampling=0)),
    ("jpeg_progressive", COLOR, "JPEG", dict(quality=80, progressive=True)),
    ("jpeg_gray", COLOR.convert("L"), "JPEG", dict(quality=80, optimize=True)),
    ("jpeg_cmyk", COLOR.convert("CMYK"), "JPEG", dict(quality=80, optimize=True)),
    ("jpeg_cmyk_no_adobe", COLOR.convert("CMYK"), "JPEG", dict(quality=80, optimize=True), without_adobe),
    ("jpeg_ycck", COLOR.convert("CMYK"), "JPEG", dict(quality=80, optimize=True), lambda data: with_transform(data, 2)),
    ("jpeg_unknown_transform", COLOR.convert("CMYK"), "JPEG", dict(quality=80, optimize=True),
     lambda data: with_transform(data, 1)),
    ("jpeg_420", COLOR, "JPEG", dict(quality=90, optimize=True, subsampling=2)),
    ("jpeg_exif6", COLOR, "JPEG", dict(quality=80, optimize=True, exif=oriented(6))),
    ("png_exif8", COLOR, "PNG", dict(exif=oriented(8))),
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
    ("webp_lossless", COLOR, "WEBP", dict(lossless=True)),
    ("webp_lossy", COLOR, "WEBP", dict(quality=80)),
    ("webp_alpha", WITH_ALPHA, "WEBP", dict(lossless=True, exact=True)),
    ("webp_exif3", COLOR, "WEBP", dict(lossless=True, exif=oriented(3))),
    ("webp_animation", COLOR, "WEBP", dict(lossless=True, save_all=True, append_images=[COLOR.rotate(180)])),
    ("tiff_rgb", COLOR, "TIFF", {}),
    ("tiff_lzw", COLOR, "TIFF", dict(compression="tiff_lzw")),
    ("tiff_rgba", WITH_ALPHA, "TIFF", {}),
    ("tiff_gray", COLOR.convert("L"), "TIFF", {}),
    ("tiff_indexed", INDEXED, "TIFF", {}),
    ("tiff_mirrored4", COLOR, "TIFF", dict(tiffinfo={274: 4})),
    ("tiff_bits", COLOR.convert("1"), "TIFF", {}),
    ("tiff_turned5", COLOR, "TIFF", dict(tiffinfo={274: 5})),
    ("gif", COLOR, "GIF", {}),
    ("gif_bits", COLOR.convert("1"), "GIF", {}),
    ("gif_transparent", INDEXED, "GIF", dict(transparency=3)),
    ("gif_animation", INDEXED, "GIF", dict(save_all=True, append_images=[INDEXED.rotate(180)], interlace=0)),
]

if __name__ == "__main__":
    print("// Made by make_image_golden.py with Pillow " + Image.__version__ + ".")
    print("// name, FNV-1a of the RGB bytes, means of red, green, blue, orientation, bytes of the file")
    for name, image, form, options, *change in CASES:
        file = io.BytesIO()
        image.save(file, form, **options)
        data = file.getvalue()
        for made in change:
            data = made(data)
        back = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert back.shape[:2] == ((17, 11) if "turned" in name else (11, 17))
        value = fnv1a(back.tobytes())
        # Pillow turns TIFF upright when it reads it.
        orientation = 1 if form == "TIFF" else Image.open(io.BytesIO(data)).getexif().get(0x112, 1)
        means = ", ".join("%.3f" % mean for mean in back.reshape(-1, 3).mean(0))
        print('{"%s", 0x%016xULL, {%s}, %d,\n {' % (name, value, means, orientation), end="")
        for i, byte in enumerate(data):
            print("%s%d" % ("" if i == 0 else ",\n  " if i % 32 == 0 else ", ", byte), end="")
        print("}},")
