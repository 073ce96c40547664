#!/usr/bin/env python3
"""Trains the default model that ships with Narrow and writes its float weights.

The network is the CIFAR ResNet-20 with convolution shortcuts (`cifar_resnet20b`; He et al., "Deep Residual
Learning for Image Recognition", 2015, section 4.2), the data are CIFAR-10 pictures stored as small JPEG files:

    train_default.py --train train_50000.tar --test cifar10_jpeg/ --out cifar10_resnet20b.pth

`--train` is a tar archive of `train/<class>/NNNN.jpg`, `--test` a folder with `labels.tsv` (`path<TAB>class index`).
The test pictures are only counted, never used for a decision. Needs Debian's python3-torch and python3-pil; about
75 seconds an epoch on two cores. An interrupted run continues from `<out>.resume`.
"""
import argparse
import io
import math
import os
import tarfile
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
STD = torch.tensor([0.2023, 0.1994, 0.2010]).view(1, 3, 1, 1)


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, 1)
        self.layer2 = self._stage(16, 32, 2)
        self.layer3 = self._stage(32, 64, 2)
        self.fc = nn.Linear(64, len(CLASSES))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def _stage(in_channels, channels, stride):
        return nn.Sequential(BasicBlock(in_channels, channels, stride), BasicBlock(channels, channels, 1),
                             BasicBlock(channels, channels, 1))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def pixels(file):
    return np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1)


def load_train(path):
    images, labels = [], []
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".jpg"):
                images.append(pixels(io.BytesIO(tar.extractfile(member).read())))
                labels.append(CLASSES.index(member.name.split("/")[-2]))
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def load_test(folder):
    images, labels = [], []
    with open(os.path.join(folder, "labels.tsv")) as lines:
        for line in lines:
            if line.strip():
                name, label = line.rstrip("\n").split("\t")
                images.append(pixels(os.path.join(folder, name)))
                labels.append(int(label))
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def normalise(batch):
    return ((batch.float() / 255 - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def augment(batch):
    """Mirrors half of the pictures and shifts each by up to four pixels (zeros are the mean colour)."""
    n = batch.shape[0]
    flip = torch.rand(n) < 0.5
    batch = torch.where(flip.view(-1, 1, 1, 1), batch.flip(3), batch)
    padded = F.pad(batch, (4, 4, 4, 4))
    dy, dx = torch.randint(0, 9, (n,)), torch.randint(0, 9, (n,))
    rows = (dy.view(-1, 1) + torch.arange(32)).view(n, 1, 32, 1)
    columns = (dx.view(-1, 1) + torch.arange(32)).view(n, 1, 1, 32)
    picture = torch.arange(n).view(n, 1, 1, 1)
    channel = torch.arange(3).view(1, 3, 1, 1)
    return padded[picture, channel, rows, columns].contiguous(memory_format=torch.channels_last)


def evaluate(model, images, labels):
    model.eval()
    with torch.no_grad():
        right = sum((model(normalise(images[i:i + 250])).argmax(1) == labels[i:i + 250]).sum().item()
                    for i in range(0, len(labels), 250))
    return 100.0 * right / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.2, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    train_x, train_y = load_train(args.train)
    test_x, test_y = load_test(args.test)
    model = ResNet20().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps_per_epoch = len(train_y) // args.batch
    total = args.epochs * steps_per_epoch
    warm_up = 0.15 * total

    def factor(step):  # linear warm-up, then a half cosine to zero
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    first_epoch, resume = 0, args.out + ".resume"
    if os.path.exists(resume):
        state = torch.load(resume)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["rng"])
        first_epoch = state["epoch"] + 1

    for epoch in range(first_epoch, args.epochs):
        start, total_loss = time.time(), 0.0
        model.train()
        order = torch.randperm(len(train_y))
        for step in range(steps_per_epoch):
            index = order[step * args.batch:(step + 1) * args.batch]
            loss = F.cross_entropy(model(augment(normalise(train_x[index]))), train_y[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total_loss += loss.item()
        print(f"epoch {epoch + 1}/{args.epochs}: loss {total_loss / steps_per_epoch:.4f}, "
              f"test top-1 {evaluate(model, test_x, test_y):.2f} %, {time.time() - start:.0f} s", flush=True)
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch,
                    "scheduler": scheduler.state_dict(), "rng": torch.get_rng_state()}, resume)

    state = {k: v.contiguous() for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, args.out)


if __name__ == "__main__":
    main()
