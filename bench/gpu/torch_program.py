"""Trains VGG7 with PyTorch on the CUDA device: channels-last, autocast, images on the device, the loss never read.

Serves requests `PRECISION BATCH SECONDS` (32, bf16 or 16) on the standard input and answers each with images per second of
wall time. `device` prints the device, or why there is none. An argument `benchmark` lets cuDNN choose its algorithms by
the clock; without it they are PyTorch's defaults."""

import contextlib
import sys
import time

import torch

IMAGES = 8192
STEPS_BETWEEN_LOOKS = 10
TYPES = {"bf16": torch.bfloat16, "16": torch.float16}


def make_module():
    layers, channels = [], 3
    for width in (128, 256, 512):
        for _ in range(2):
            layers += [torch.nn.Conv2d(channels, width, 3, padding=1), torch.nn.BatchNorm2d(width, momentum=0.9),
                       torch.nn.ReLU(inplace=True)]
            channels = width
        layers.append(torch.nn.MaxPool2d(2))
    head = [torch.nn.Flatten(), torch.nn.Linear(8192, 1024), torch.nn.ReLU(inplace=True), torch.nn.Linear(1024, 1024),
            torch.nn.ReLU(inplace=True), torch.nn.Linear(1024, 10)]
    return torch.nn.Sequential(*layers, *head).cuda().to(memory_format=torch.channels_last)


def make_step(precision, batch):
    torch.manual_seed(1)
    module = make_module()
    images = torch.randn(IMAGES, 3, 32, 32, device="cuda").contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (IMAGES,), device="cuda")
    order = torch.randperm(IMAGES, device="cuda")
    optimizer = torch.optim.SGD(module.parameters(), 1e-3, momentum=0.9)
    kind = TYPES.get(precision)
    autocast = torch.autocast("cuda", dtype=kind) if kind else contextlib.nullcontext()
    scaler = torch.cuda.amp.GradScaler(enabled=precision == "16")
    first = 0

    def step():
        nonlocal first
        index = order[first:first + batch]
        first = first + batch if first + 2 * batch <= IMAGES else 0
        optimizer.zero_grad(set_to_none=True)
        with autocast:
            loss = torch.nn.functional.cross_entropy(module(images[index]), labels[index])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return step


def images_per_second(step, batch, seconds):
    torch.cuda.synchronize()
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        for _ in range(STEPS_BETWEEN_LOOKS):
            step()
        torch.cuda.synchronize()
        done += batch * STEPS_BETWEEN_LOOKS
    return done / (time.perf_counter() - begin)


def main():
    if not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} finds no CUDA device")
        sys.exit(1)
    if sys.argv[1:2] == ["device"]:
        print(f"PyTorch {torch.__version__} {torch.cuda.get_device_name()}")
        return
    torch.backends.cudnn.benchmark = "benchmark" in sys.argv[1:]
    current = None
    for line in sys.stdin:
        precision, batch, seconds = line.split()
        if current != (precision, batch):
            current = (precision, batch)
            step = make_step(precision, int(batch))
            for _ in range(STEPS_BETWEEN_LOOKS):
                step()
        print(f"{images_per_second(step, int(batch), float(seconds)):.6g}", flush=True)


if __name__ == "__main__":
    main()
