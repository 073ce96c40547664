#!/usr/bin/env python3
"""Draws the demo pictures in models/demo: simple scenes of things that CIFAR-10 has classes for.

    render_demo.py [--out models/demo]

They are drawings: shapes with shading and texture, no photographs and nothing out of a data set. Needs Debian's
python3-pil and python3-numpy. Coordinates are percent of the picture, x to the right, y down.
"""
import argparse
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WORK = 768  # drawn at this size, then reduced


class Scene:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)
        self.pixels = np.zeros((WORK, WORK, 3))

    # Masks: arrays of 0..1, what a shape covers.

    def mask(self, draw):
        image = Image.new("L", (WORK, WORK), 0)
        draw(ImageDraw.Draw(image))
        return np.asarray(image, float) / 255

    def polygon(self, points):
        return self.mask(lambda d: d.polygon([(x * WORK / 100, y * WORK / 100) for x, y in points], fill=255))

    def blob(self, points):
        """A closed curve through the points (Catmull-Rom)."""
        curve, n = [], len(points)
        p = np.array(points, float)
        for i in range(n):
            a, b, c, d = p[i - 1], p[i], p[(i + 1) % n], p[(i + 2) % n]
            for t in np.linspace(0, 1, 12, endpoint=False):
                curve.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t ** 2 +
                                    (3 * b - a - 3 * c + d) * t ** 3))
        return self.polygon(curve)

    def ellipse(self, x, y, rx, ry):
        return self.mask(lambda d: d.ellipse([(x - rx) * WORK / 100, (y - ry) * WORK / 100,
                                              (x + rx) * WORK / 100, (y + ry) * WORK / 100], fill=255))

    def line(self, points, width):
        """A limb: a thick line with round ends."""
        def draw(d):
            xy = [(x * WORK / 100, y * WORK / 100) for x, y in points]
            d.line(xy, fill=255, width=int(width * WORK / 100), joint="curve")
            r = width * WORK / 200
            for x, y in xy:
                d.ellipse([x - r, y - r, x + r, y + r], fill=255)
        return self.mask(draw)

    # Fields: arrays that colours are mixed with.

    def noise(self, cells, stretch=1.0):
        """Smooth noise of 0..1; `cells` across, `stretch` times fewer of them down makes it streaky sideways."""
        total, weight = np.zeros((WORK, WORK)), 0.0
        for octave in range(4):
            n = cells * 2 ** octave
            small = self.random.rand(max(2, int(n * stretch)), max(2, int(n))) * 255
            image = Image.fromarray(small.astype(np.uint8)).resize((WORK, WORK), Image.BICUBIC)
            total += np.asarray(image, float) / 255 * 0.5 ** octave
            weight += 0.5 ** octave
        return total / weight

    @staticmethod
    def blur(field, radius):
        image = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius * WORK / 100)), float) / 255

    # Paint.

    def gradient(self, stops):
        """Fills the picture from top to bottom; stops: (y, colour)."""
        y = np.linspace(0, 100, WORK)
        for c in range(3):
            self.pixels[:, :, c] = np.interp(y, [s[0] for s in stops], [s[1][c] for s in stops])[:, None]

    def paint(self, mask, color, opacity=1.0):
        color = np.asarray(color, float)
        self.pixels += (mask * opacity)[:, :, None] * (color - self.pixels)

    def solid(self, mask, color, roundness=3.0, light=0.5, texture=None, depth=0.25):
        """A body: lit from above left, darker at the lower right rim, with an optional texture."""
        height = self.blur(mask, roundness) * mask
        dy, dx = np.gradient(height)
        slope = (dx * 0.5 + dy) * WORK / 100 * roundness
        shade = 1 + light * np.clip(slope, -1.2, 1.2)
        if texture is not None:
            shade = shade * (1 + depth * (texture - 0.5) * 2)
        self.paint(mask, np.clip(shade[:, :, None] * np.asarray(color, float), 0, 255))

    def shadow(self, mask, opacity=0.5, radius=1.5):
        self.paint(self.blur(mask, radius), (15, 18, 20), opacity)

    def ground(self, y, top, bottom, cells=14, depth=0.25, stretch=1.0):
        mask = self.polygon([(0, y), (100, y), (100, 100), (0, 100)])
        fade = np.clip((np.linspace(0, 100, WORK) - y) / (100 - y), 0, 1)[:, None, None]
        color = np.asarray(top, float) * (1 - fade) + np.asarray(bottom, float) * fade
        self.paint(mask, color * (1 + depth * (self.noise(cells, stretch) - 0.5) * 2)[:, :, None])

    def foliage(self, y, color, cells=9):
        """Trees far away: a ragged dark band down to y."""
        rag = self.noise(cells)
        edge = (np.linspace(0, 100, WORK)[:, None] - y + 30 * rag) > 0
        below = np.linspace(0, 100, WORK)[:, None] < y
        mask = self.blur((edge & below).astype(float), 0.4)
        self.paint(mask, np.asarray(color, float) * (0.6 + 0.8 * self.noise(24))[:, :, None])

    def image(self, size, soften=0.0):
        image = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        if soften:
            image = image.filter(ImageFilter.GaussianBlur(soften * WORK / 100))
        return image.resize((size, size), Image.LANCZOS)


def airplane():
    s = Scene(1)
    s.gradient([(0, (70, 120, 190)), (60, (130, 175, 220)), (100, (190, 215, 235))])
    clouds = np.clip((s.noise(3, 2.5) - 0.5) * 4, 0, 1) * np.linspace(0.2, 1, WORK)[:, None]
    s.paint(s.blur(clouds, 2), (245, 248, 252), 0.75)
    far_wing = s.polygon([(50, 47), (62, 29), (67, 28), (63, 47)])
    s.solid(far_wing, (150, 158, 168))
    s.solid(s.polygon([(8, 46), (6, 22), (14, 22), (27, 43)]), (44, 72, 140), 2)
    body = s.blob([(5, 47), (20, 43), (50, 41), (80, 42), (91, 46), (95, 50), (90, 53), (75, 56), (45, 57), (22, 54)])
    s.solid(body, (226, 230, 236), 4, 0.8)
    s.paint(body * s.polygon([(0, 53), (100, 53), (100, 70), (0, 70)]), (120, 130, 145), 0.6)
    for x in np.arange(27, 82, 4.0):
        s.paint(s.ellipse(x, 47.5, 0.9, 1.1), (45, 60, 85))
    s.paint(s.polygon([(87, 45), (91, 45.5), (92.5, 47.5), (88, 47.5)]), (30, 42, 62))
    s.solid(s.polygon([(4, 47), (-1, 40), (5, 40), (18, 47), (17, 49)]), (190, 196, 206))
    s.solid(s.polygon([(44, 53), (24, 77), (31, 78), (66, 55)]), (176, 184, 194), 2)
    s.solid(s.blob([(40, 62), (50, 61), (53, 64), (50, 67.5), (40, 67)]), (90, 100, 116))
    return s.image(192)


def ship():
    s = Scene(2)
    s.gradient([(0, (120, 165, 215)), (45, (200, 218, 232)), (100, (200, 218, 232))])
    clouds = np.clip((s.noise(3, 3) - 0.5) * 3, 0, 1) * np.linspace(1, 0, WORK)[:, None]
    s.paint(s.blur(clouds, 2), (250, 250, 252), 0.6)
    s.ground(58, (70, 115, 150), (22, 56, 92), 10, 0.35, 5)
    s.shadow(s.polygon([(10, 72), (92, 72), (84, 80), (18, 80)]), 0.6)
    hull = s.polygon([(5, 54), (97, 50), (88, 73), (14, 73)])
    s.solid(hull, (38, 46, 66), 3, 0.7)
    s.paint(hull * s.polygon([(0, 67), (100, 67), (100, 75), (0, 75)]), (150, 44, 38))
    s.paint(hull * s.polygon([(0, 54), (100, 50), (100, 52), (0, 56)]), (230, 232, 234))
    s.solid(s.polygon([(16, 54), (16, 45), (76, 43), (80, 51)]), (236, 238, 238), 2, 0.4)
    s.solid(s.polygon([(22, 46), (22, 37), (66, 35.5), (68, 44)]), (228, 232, 234), 2, 0.4)
    s.solid(s.polygon([(48, 37), (48, 28), (62, 28), (65, 36)]), (240, 241, 240), 2, 0.4)
    for y, lo, hi in ((49, 19, 75), (41, 25, 64)):
        for x in np.arange(lo, hi, 4.0):
            s.paint(s.polygon([(x, y - 1), (x + 2, y - 1.1), (x + 2, y + 1), (x, y + 1.1)]), (52, 66, 88))
    s.paint(s.polygon([(50, 31), (61, 31), (62, 33.5), (50, 33.5)]), (44, 58, 80))
    s.solid(s.polygon([(29, 37), (30, 22), (40, 22), (40, 37)]), (186, 52, 40), 2, 0.6)
    s.paint(s.polygon([(30, 22), (40, 22), (40, 26), (29.8, 26)]), (30, 32, 38))
    s.paint(s.line([(56, 28), (56, 13)], 1.0), (70, 74, 82))
    s.paint(s.line([(84, 51), (84, 33)], 0.9), (70, 74, 82))
    foam = s.blur(np.clip((s.noise(16, 4) - 0.5) * 5, 0, 1) * s.polygon([(6, 72), (94, 72), (99, 77), (2, 77)]), 0.5)
    s.paint(foam, (235, 242, 246), 0.9)
    return s.image(192)


def wheel(s, x, y, r):
    s.solid(s.ellipse(x, y, r, r), (26, 27, 30), 1.5, 0.5)
    s.solid(s.ellipse(x, y, r * 0.58, r * 0.58), (168, 172, 178), 1, 0.6)
    s.paint(s.ellipse(x, y, r * 0.2, r * 0.2), (60, 62, 66))


def truck():
    s = Scene(3)
    s.gradient([(0, (165, 195, 225)), (60, (222, 230, 236)), (100, (222, 230, 236))])
    s.foliage(62, (70, 92, 58))
    s.ground(61, (120, 122, 122), (88, 89, 92), 30, 0.12)
    s.shadow(s.polygon([(4, 80), (96, 80), (92, 87), (8, 87)]), 0.7)
    s.paint(s.polygon([(5, 68), (94, 68), (94, 77), (5, 77)]), (38, 40, 44))
    s.solid(s.polygon([(4, 17), (63, 17), (63, 70), (4, 70)]), (232, 234, 236), 2, 0.5)
    s.paint(s.polygon([(4, 40), (63, 40), (63, 48), (4, 48)]), (196, 60, 40))
    s.paint(s.polygon([(4, 67), (63, 67), (63, 70), (4, 70)]), (120, 124, 130))
    cab = s.polygon([(66, 28), (82, 28), (92, 47), (95, 52), (95, 75), (66, 75)])
    s.solid(cab, (196, 44, 34), 3, 0.6)
    s.solid(s.polygon([(70, 32), (80.5, 32), (88, 48), (70, 48)]), (58, 78, 100), 2, 0.5)
    s.paint(s.line([(69, 50), (69, 72)], 0.5), (110, 24, 20))
    s.paint(s.ellipse(93, 60, 1.6, 2.6), (250, 240, 190))
    s.paint(s.polygon([(88, 69), (97, 69), (97, 74), (88, 74)]), (170, 174, 178))
    for x in (16, 32, 81):
        wheel(s, x, 78, 8.2)
    return s.image(128)


def automobile():
    s = Scene(4)
    s.gradient([(0, (150, 185, 220)), (50, (216, 226, 232)), (100, (216, 226, 232))])
    s.foliage(56, (64, 96, 52))
    s.ground(55, (128, 128, 126), (92, 92, 94), 30, 0.12)
    s.paint(s.polygon([(0, 90), (100, 90), (100, 92.5), (0, 92.5)]), (220, 218, 205))
    s.shadow(s.blob([(6, 76), (50, 74), (95, 76), (90, 83), (50, 84), (10, 83)]), 0.75)
    body = s.blob([(4, 62), (8, 52), (24, 48), (34, 34), (48, 29), (64, 31), (76, 46), (92, 52), (96, 62), (95, 73),
                   (50, 76), (6, 73)])
    s.solid(body, (190, 26, 28), 4, 0.9)
    s.paint(body * s.polygon([(0, 67), (100, 67), (100, 80), (0, 80)]), (110, 12, 16), 0.6)
    s.solid(s.blob([(31, 48), (37, 37), (48, 33.5), (50, 48)]), (52, 70, 90), 2, 0.6)
    s.solid(s.blob([(53, 33.5), (62, 35), (70, 47), (53, 48)]), (60, 80, 100), 2, 0.6)
    s.paint(s.line([(51.5, 50), (52, 71)], 0.5), (110, 12, 16))
    s.paint(s.line([(55, 54), (60, 54)], 0.9), (230, 200, 200))
    s.paint(s.ellipse(92, 58, 2.5, 2.2), (252, 246, 214))
    s.paint(s.ellipse(6.5, 58, 1.6, 2.4), (255, 96, 60))
    s.paint(body * s.line([(10, 56), (90, 57)], 0.6), (240, 120, 116), 0.7)
    for x in (24, 77):
        s.paint(s.ellipse(x, 73, 11.2, 11.2) * body, (28, 14, 16))
        wheel(s, x, 74, 9.4)
    return s.image(192)


def frog():
    s = Scene(5)
    s.gradient([(0, (62, 74, 40)), (100, (90, 84, 50))])
    s.pixels *= (0.55 + 0.9 * s.noise(8))[:, :, None]
    leaf = s.blob([(-5, 80), (20, 66), (60, 64), (105, 74), (104, 104), (-5, 104)])
    s.solid(leaf, (96, 120, 52), 4, 0.5, s.noise(12), 0.3)
    s.shadow(s.ellipse(50, 83, 38, 7), 0.7, 3)
    skin = s.noise(22)
    green = (92, 138, 46)
    for side in (-1, 1):
        s.solid(s.blob([(50 + side * 18, 56), (50 + side * 40, 58), (50 + side * 43, 74), (50 + side * 26, 82)]),
                (78, 118, 40), 4, 0.8, skin, 0.35)
    body = s.blob([(50, 24), (66, 30), (76, 48), (76, 68), (64, 80), (36, 80), (24, 68), (24, 48), (34, 30)])
    s.solid(body, green, 6, 1.0, skin, 0.35)
    s.solid(s.blob([(50, 60), (64, 62), (66, 74), (50, 80), (34, 74), (36, 62)]), (196, 196, 130), 4, 0.5, skin, 0.15)
    head = s.blob([(50, 22), (68, 27), (78, 42), (70, 55), (50, 59), (30, 55), (22, 42), (32, 27)])
    s.solid(head, (104, 152, 52), 5, 0.9, skin, 0.3)
    s.paint(s.line([(27, 47), (38, 51.5), (50, 53), (62, 51.5), (73, 47)], 1.2), (40, 58, 24))
    for side in (-1, 1):
        x = 50 + side * 17
        s.solid(s.ellipse(x, 25, 9, 8.5), (112, 156, 58), 3, 0.8)
        s.solid(s.ellipse(x, 24.5, 6.4, 6), (214, 180, 60), 2, 0.5)
        s.paint(s.ellipse(x, 24.5, 3.8, 3), (12, 12, 10))
        s.paint(s.ellipse(x - 1.2, 23.3, 1.0, 0.8), (250, 250, 250))
        s.paint(s.ellipse(50 + side * 4, 43, 0.9, 0.7), (40, 58, 24))
        s.solid(s.line([(50 + side * 20, 68), (50 + side * 22, 84)], 8), (86, 130, 44), 2, 0.7, skin, 0.3)
        for toe in (-7, 0, 7):
            s.solid(s.line([(50 + side * 22, 84), (50 + side * 22 + toe, 90)], 3), (96, 140, 50), 1, 0.6)
    return s.image(128)


def horse():
    s = Scene(6)
    s.gradient([(0, (150, 188, 224)), (50, (214, 226, 230)), (100, (214, 226, 230))])
    s.foliage(52, (60, 88, 48))
    s.ground(50, (120, 150, 70), (84, 120, 44), 26, 0.35)
    s.shadow(s.ellipse(48, 91, 36, 4), 0.6, 2)
    coat, dark, hair = (132, 74, 36), (92, 50, 26), (34, 22, 16)
    for points in ([(36, 60), (34, 74), (37, 90)], [(66, 60), (69, 74), (66, 90)]):
        s.solid(s.line(points, 5), dark, 2, 0.6)
    s.solid(s.blob([(18, 40), (12, 50), (11, 68), (15, 70), (18, 58), (22, 46)]), hair, 2, 0.4)
    neck = s.blob([(62, 46), (68, 30), (76, 16), (84, 15), (86, 24), (78, 40), (76, 58), (66, 58)])
    s.solid(neck, coat, 4, 0.8)
    body = s.blob([(20, 40), (34, 37), (50, 41), (64, 38), (76, 44), (77, 56), (68, 63), (48, 65), (32, 64), (21, 58),
                   (17, 48)])
    s.solid(body, coat, 6, 0.9, s.noise(10), 0.12)
    s.solid(s.blob([(76, 17), (84, 13), (90, 20), (96, 31), (93, 36), (88, 34), (80, 27)]), coat, 3, 0.8)
    s.solid(s.polygon([(78, 16), (79, 8), (83, 14)]), coat, 1)
    s.paint(s.ellipse(85.5, 20.5, 1.0, 1.0), (10, 8, 8))
    s.paint(s.ellipse(93.5, 32.5, 0.8, 0.7), (30, 16, 12))
    s.paint(s.polygon([(84, 14), (87, 17), (93, 29), (91, 31), (86, 22)]), (232, 222, 212), 0.9)
    s.solid(s.blob([(78, 11), (72, 17), (64, 32), (61, 44), (65, 45), (70, 34), (77, 20)]), hair, 2, 0.4)
    for points, width in (([(25, 56), (27, 68), (23, 79), (25, 91)], 6), ([(72, 56), (73, 70), (73, 80), (74, 91)], 5.5)):
        s.solid(s.line(points, width), coat, 2, 0.8)
        s.solid(s.line([points[-1], (points[-1][0] + 1.5, points[-1][1] + 0.5)], width), hair, 1, 0.4)
    return s.image(192)


def deer():
    s = Scene(7)
    s.gradient([(0, (86, 104, 62)), (100, (110, 120, 66))])
    s.pixels *= (0.5 + 1.0 * s.noise(9))[:, :, None]
    for x in (8, 30, 90):
        s.solid(s.line([(x, -5), (x + 1, 62)], 5), (70, 58, 44), 2, 0.6, s.noise(20), 0.3)
    s.ground(58, (118, 116, 60), (98, 104, 46), 28, 0.45)
    s.shadow(s.ellipse(48, 92, 30, 4), 0.6, 2)
    coat, dark = (164, 112, 64), (120, 80, 46)
    for points in ([(38, 62), (36, 76), (38, 92)], [(62, 62), (64, 76), (62, 92)]):
        s.solid(s.line(points, 3.4), dark, 1.5, 0.6)
    neck = s.blob([(58, 48), (66, 34), (70, 26), (78, 27), (76, 42), (72, 58), (60, 60)])
    s.solid(neck, coat, 4, 0.8)
    body = s.blob([(24, 46), (38, 43), (54, 46), (68, 46), (73, 54), (68, 63), (48, 66), (32, 65), (24, 58)])
    s.solid(body, coat, 6, 0.9, s.noise(12), 0.15)
    s.paint(s.blur(body * s.ellipse(48, 66, 22, 4), 1), (226, 206, 178), 0.6)
    s.paint(s.ellipse(23.5, 51, 2.4, 4), (238, 230, 218))
    head = s.blob([(68, 24), (76, 20), (82, 24), (90, 32), (88, 36), (80, 35), (72, 33)])
    s.solid(head, coat, 3, 0.8)
    s.paint(s.ellipse(88.8, 33, 1.5, 1.4), (26, 20, 18))
    s.paint(s.ellipse(79.5, 26.5, 1.3, 1.3), (12, 10, 8))
    s.solid(s.blob([(70, 24), (60, 18), (61, 23), (68, 28)]), (150, 100, 58), 1, 0.6)
    horn = (206, 186, 150)
    for points in ([(73, 22), (69, 13), (70, 4)], [(69.5, 14), (63, 9)], [(70, 9), (65, 3)],
                   [(77, 21), (80, 12), (86, 4)], [(80, 13), (87, 12)], [(82.5, 9), (80, 3)]):
        s.solid(s.line(points, 1.9), horn, 1, 0.5)
    for points in ([(28, 60), (30, 72), (27, 80), (28, 93)], [(69, 58), (70, 72), (70, 93)]):
        s.solid(s.line(points, 4), coat, 1.5, 0.8)
        s.solid(s.line([points[-1], (points[-1][0] + 0.8, points[-1][1])], 3.6), (40, 30, 26), 1, 0.4)
    return s.image(192)


def bird():
    s = Scene(8)
    s.gradient([(0, (150, 176, 140)), (100, (120, 150, 96))])
    s.pixels *= (0.75 + 0.5 * s.noise(3))[:, :, None]
    s.solid(s.line([(-5, 86), (40, 80), (105, 84)], 6), (96, 74, 54), 2, 0.8, s.noise(26, 3), 0.3)
    s.solid(s.polygon([(22, 62), (2, 76), (8, 82), (34, 70)]), (66, 76, 104), 2, 0.6)
    body = s.blob([(20, 60), (34, 44), (52, 34), (66, 36), (74, 50), (68, 66), (52, 76), (34, 73)])
    s.solid(body, (198, 120, 62), 6, 0.9, s.noise(14), 0.15)
    s.paint(s.blur(body * s.ellipse(42, 74, 18, 8), 2), (236, 226, 212), 0.8)
    head = s.ellipse(67, 31, 14, 13)
    s.solid(head, (74, 98, 150), 5, 0.9, s.noise(16), 0.15)
    s.paint(s.blur(s.ellipse(72, 40, 8, 5), 1.5), (206, 124, 64), 0.9)
    s.solid(s.blob([(60, 44), (44, 46), (24, 60), (12, 73), (34, 70), (52, 64)]), (62, 84, 132), 3, 0.9, s.noise(18, 0.4), 0.3)
    s.paint(s.line([(50, 57), (30, 67)], 1), (30, 40, 70), 0.8)
    s.solid(s.polygon([(79, 28), (93, 33), (79, 36)]), (52, 48, 46), 1.5, 0.6)
    s.paint(s.ellipse(72, 28.5, 2.4, 2.4), (10, 10, 12))
    s.paint(s.ellipse(71.3, 27.7, 0.7, 0.7), (250, 250, 250))
    for x in (46, 54):
        s.paint(s.line([(x, 74), (x + 1, 81)], 1.4), (70, 56, 46))
    return s.image(192)


def cat():
    s = Scene(9)
    s.gradient([(0, (150, 128, 110)), (66, (168, 146, 126)), (67, (120, 96, 76)), (100, (134, 108, 86))])
    s.pixels *= (0.85 + 0.3 * s.noise(5))[:, :, None]
    s.shadow(s.ellipse(50, 94, 34, 5), 0.7, 3)
    fur = s.noise(20)
    stripes = 0.5 + 0.5 * np.sin(np.linspace(0, 62, WORK))[:, None] * np.ones(WORK)
    coat = (146, 128, 106)
    s.solid(s.line([(72, 90), (86, 88), (92, 76), (88, 64)], 6), coat, 2, 0.7, 0.5 * fur + 0.5 * stripes, 0.5)
    body = s.blob([(50, 46), (66, 56), (76, 78), (72, 94), (28, 94), (24, 78), (34, 56)])
    s.solid(body, coat, 6, 0.8, 0.45 * fur + 0.55 * stripes, 0.45)
    s.paint(s.blur(s.blob([(50, 54), (58, 64), (57, 86), (43, 86), (42, 64)]), 2), (226, 216, 204), 0.85)
    for side in (-1, 1):
        s.solid(s.polygon([(50 + side * 25, 30), (50 + side * 22, 3), (50 + side * 6, 17)]), coat, 2, 0.6, fur, 0.3)
        s.paint(s.polygon([(50 + side * 22, 25), (50 + side * 20.5, 9), (50 + side * 11, 18)]), (196, 140, 130), 0.8)
    head = s.blob([(50, 13), (68, 18), (78, 34), (70, 50), (50, 58), (30, 50), (22, 34), (32, 18)])
    s.solid(head, (158, 138, 114), 5, 0.8, fur, 0.3)
    for x in (-6, 0, 6):
        s.paint(s.blur(s.line([(50 + x, 14), (50 + x * 0.8, 24)], 1.8), 0.4), (70, 56, 44), 0.85)
    for side in (-1, 1):
        for y in (36, 42):
            s.paint(s.blur(s.line([(50 + side * 25, y), (50 + side * 17, y + 1)], 1.5), 0.4), (76, 60, 48), 0.8)
    s.paint(s.blur(s.ellipse(45, 48, 7, 6) + s.ellipse(55, 48, 7, 6), 1), (232, 224, 214), 0.95)
    for side in (-1, 1):
        x = 50 + side * 11.5
        s.paint(s.ellipse(x, 34, 6.4, 5), (40, 32, 26))
        s.solid(s.ellipse(x, 34, 5.6, 4.3), (172, 182, 74), 2, 0.5)
        s.paint(s.ellipse(x, 34, 1.9, 4.1), (10, 10, 8))
        s.paint(s.ellipse(x - 1.6, 32.2, 1.1, 1.0), (250, 250, 250))
        for angle in (-3, 0, 3):
            s.paint(s.line([(50 + side * 9, 48), (50 + side * 34, 47 + angle * 1.6)], 0.45), (240, 238, 234), 0.8)
    s.solid(s.polygon([(46.5, 42.5), (53.5, 42.5), (50, 46.5)]), (206, 128, 122), 1, 0.5)
    s.paint(s.line([(50, 46), (50, 49), (45, 51)], 0.8), (90, 60, 54))
    s.paint(s.line([(50, 49), (55, 51)], 0.8), (90, 60, 54))
    for side in (-1, 1):
        s.solid(s.line([(50 + side * 9, 66), (50 + side * 9, 92)], 9), (166, 148, 124), 3, 0.7, fur, 0.3)
        s.solid(s.ellipse(50 + side * 9.5, 94, 6.5, 4), (230, 222, 212), 2, 0.6)
    return s.image(192)


def dog():
    s = Scene(10)
    s.gradient([(0, (140, 170, 120)), (100, (96, 140, 66))])
    s.pixels *= (0.7 + 0.6 * s.noise(6))[:, :, None]
    s.ground(70, (104, 146, 60), (80, 122, 44), 26, 0.4)
    s.shadow(s.ellipse(50, 95, 34, 5), 0.6, 3)
    fur = s.noise(18)
    coat, ear = (196, 142, 82), (128, 82, 44)
    s.solid(s.line([(70, 86), (84, 80), (92, 66)], 6), coat, 2, 0.7, fur, 0.3)
    s.solid(s.blob([(50, 46), (68, 56), (76, 78), (72, 95), (28, 95), (24, 78), (32, 56)]), coat, 6, 0.8, fur, 0.25)
    s.paint(s.blur(s.blob([(50, 54), (60, 64), (58, 84), (42, 84), (40, 64)]), 2), (240, 230, 214), 0.9)
    head = s.blob([(50, 10), (66, 14), (73, 30), (68, 46), (60, 58), (50, 61), (40, 58), (32, 46), (27, 30), (34, 14)])
    s.solid(head, coat, 5, 0.8, fur, 0.2)
    s.paint(s.blur(s.blob([(50, 12), (54, 26), (53, 38), (47, 38), (46, 26)]), 1), (242, 234, 222), 0.8)
    for side in (-1, 1):
        s.solid(s.blob([(50 + side * 16, 12), (50 + side * 29, 16), (50 + side * 36, 34), (50 + side * 33, 52),
                        (50 + side * 26, 48), (50 + side * 22, 30)]), ear, 3, 0.8, fur, 0.25)
        s.paint(s.ellipse(50 + side * 10.5, 29, 3.6, 3.8), (36, 22, 14))
        s.paint(s.ellipse(50 + side * 10.5 - 1.2, 27.6, 1.1, 1.1), (250, 250, 250))
        s.paint(s.blur(s.ellipse(50 + side * 10.5, 22, 4, 1.2), 0.6), (236, 214, 180), 0.6)
    s.solid(s.blob([(50, 36), (60, 40), (64, 50), (58, 58), (50, 60), (42, 58), (36, 50), (40, 40)]), (240, 230, 216), 4, 0.6)
    s.solid(s.blob([(50, 37), (56, 39), (56, 43), (50, 47), (44, 43), (44, 39)]), (24, 20, 20), 2, 0.6)
    s.paint(s.line([(50, 46), (50, 51), (43, 53)], 0.9), (60, 40, 32))
    s.paint(s.line([(50, 51), (57, 53)], 0.9), (60, 40, 32))
    s.solid(s.blob([(46, 54), (54, 54), (54, 62), (50, 65), (46, 62)]), (220, 96, 104), 2, 0.5)
    for side in (-1, 1):
        s.solid(s.line([(50 + side * 11, 70), (50 + side * 11, 92)], 9), (206, 154, 94), 3, 0.7, fur, 0.2)
        s.solid(s.ellipse(50 + side * 11.5, 94, 7, 4), (242, 232, 218), 2, 0.6)
    return s.image(192)


# Every format that Narrow reads; JPEG where there is texture, to keep them small.
PICTURES = [
    (airplane, "airplane_drawn.png"), (automobile, "automobile_drawn.jpg"), (bird, "bird_drawn.jpg"),
    (cat, "cat_drawn.jpg"), (deer, "deer_drawn.jpg"), (dog, "dog_drawn.jpg"), (frog, "frog_drawn.bmp"),
    (horse, "horse_drawn.jpg"), (ship, "ship_drawn.jpg"), (truck, "truck_drawn.ppm"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo"))
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for draw, name in PICTURES:
        options = {"quality": 88} if name.endswith(".jpg") else {}
        draw().save(os.path.join(args.out, name), **options)


if __name__ == "__main__":
    main()
