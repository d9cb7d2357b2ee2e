"""Rate and distortion of codecs with a loss on two stacks, with photometry of their targets.

    NOISEFLOOR=target/release/noisefloor python results/runs/2026-12-01-tec-lossy-notes/rate_distortion.py DATA CHECKPOINT OUT.csv

DATA is the folder of the frames of `real-open`, CHECKPOINT a codec `tec` with a loss. Needs numpy, astropy and
imagecodecs. Every row has the bytes of all planes as bits per pixel, the mean square error and the largest error in
standard deviations of a sample's noise, and the change of fluxes (root mean square and mean) in standard deviations of
their noise: of the brightest star that is not saturated and of the twenty after it, or of an extracted spectrum.

JPEG XL and JPEG 2000 get planes whose noise is made even by the square root and which fill 16 bits: what they are
best at.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

import imagecodecs
import numpy as np
from astropy.io import fits

NOISEFLOOR = os.environ.get("NOISEFLOOR", "target/release/noisefloor")
RADIUS_PX = 5
RING_PX = (9, 14)


class Noise:
    """The variance of a sample by its value, as a bound in sigmas has it: read noise and slope."""

    def __init__(self, stack):
        with tempfile.TemporaryDirectory() as folder:
            source, coded = os.path.join(folder, "in.npy"), os.path.join(folder, "out.nfb")
            np.save(source, stack)
            run("compress", "--bound", "1sigma", source, "-o", coded)
            noise = json.loads(run("info", "--json", coded))["arrays"][0]["noise"]
        self.offset, self.slope = noise["offset_dn"], noise["variance_per_dn"]
        self.read2 = noise["read_noise_dn"] ** 2
        self.words = f"offset={self.offset},gain={1 / self.slope},read={noise['read_noise_dn']}"

    def sigma(self, values):
        return np.sqrt(self.read2 + self.slope * np.maximum(values - self.offset, 0))

    def even(self, values):
        """Values whose noise is 1."""
        light = values - self.offset
        if self.slope == 0:
            return light / np.sqrt(self.read2)
        root = 2 / self.slope * (np.sqrt(self.read2 + self.slope * np.maximum(light, 0)) - np.sqrt(self.read2))
        return np.where(light > 0, root, light / np.sqrt(self.read2))

    def back(self, even):
        read = np.sqrt(self.read2)
        if self.slope == 0:
            return self.offset + even * read
        light = ((np.maximum(even, 0) * self.slope / 2 + read) ** 2 - self.read2) / self.slope
        return self.offset + np.where(even > 0, light, even * read)


class Stars:
    """Fluxes of stars in apertures, less the median of a ring."""

    def __init__(self, stack, noise):
        mean = stack.mean(axis=0)
        saturated = stack.max(axis=0) > 0.8 * stack.max()
        height, width = mean.shape
        work, margin = mean.copy(), RING_PX[1] + 1
        self.places = []
        while len(self.places) < 21:
            y, x = np.unravel_index(np.argmax(work), work.shape)
            if work[y, x] < noise.offset + 5 * np.sqrt(noise.read2):
                break
            box = np.s_[max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13]
            # A hot pixel has no neighbours.
            wide = np.median(mean[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]) > noise.offset + 0.3 * (
                mean[y, x] - noise.offset
            )
            inside = margin <= y < height - margin and margin <= x < width - margin
            if inside and wide and not saturated[box].any():
                self.places.append((y, x))
            work[box] = -np.inf

    def fluxes(self, stack):
        return self._sums(stack, True)

    def deviations(self, stack, noise):
        return np.sqrt(self._sums(noise.sigma(stack) ** 2, False))

    def _sums(self, stack, less_sky):
        result = np.zeros((len(self.places), len(stack)))
        reach = RING_PX[1]
        grid_y, grid_x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        distance = np.hypot(grid_y, grid_x)
        inner, ring = distance <= RADIUS_PX, (distance >= RING_PX[0]) & (distance <= RING_PX[1])
        for star, (y, x) in enumerate(self.places):
            cut = stack[:, y - reach : y + reach + 1, x - reach : x + reach + 1]
            sky = np.median(cut[:, ring], axis=1) if less_sky else 0.0
            result[star] = cut[:, inner].sum(axis=1) - sky * inner.sum()
        return result


class Spectrum:
    """Sums across the brightest row, column by column, less the median beside it."""

    def __init__(self, stack, _):
        self.row = int(np.argmax(np.median(stack.mean(axis=0), axis=1)))

    def fluxes(self, stack):
        row = self.row
        own = stack[:, row - RADIUS_PX : row + RADIUS_PX + 1].sum(axis=1)
        beside = np.concatenate([stack[:, row - 20 : row - 9], stack[:, row + 10 : row + 21]], axis=1)
        return (own - np.median(beside, axis=1) * (2 * RADIUS_PX + 1))[None]

    def deviations(self, stack, noise):
        own = stack[:, self.row - RADIUS_PX : self.row + RADIUS_PX + 1]
        return np.sqrt((noise.sigma(own) ** 2).sum(axis=1))[None]


def run(*arguments):
    done = subprocess.run([NOISEFLOOR, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def ours(stack, bound, codec, noise=None):
    """Bits per pixel, and the planes after coding."""
    with tempfile.TemporaryDirectory() as folder:
        source, coded, back = (os.path.join(folder, name) for name in ("in.npy", "out.nfb", "back.npy"))
        np.save(source, stack)
        # One box, so that later planes see all before them.
        tile = "x".join(str(extent) for extent in stack.shape)
        limits = [] if bound is None else ["--bound", bound]
        limits += [] if noise is None else ["--noise", noise.words]
        run("compress", *limits, "--codec", codec, "--tile", tile, source, "-o", coded)
        run("decompress", coded, "-o", back)
        return 8 * os.path.getsize(coded) / stack.size, np.load(back)


def others(stack, noise, encode, decode):
    even = noise.even(stack.astype(float))
    least, step = even.min(), (even.max() - even.min()) / 65535
    size, planes = 0, []
    for plane in even:
        coded = encode(np.round((plane - least) / step).astype(np.uint16))
        size += len(coded)
        back = np.asarray(decode(coded)).squeeze()
        planes.append(noise.back(back.astype(float) * step + least))
    return 8 * size / stack.size, np.round(np.array(planes))


def stacks(data):
    transit = fits.getdata(os.path.join(data, "microobs_hatp32_transit_000_079.fits.fz"), 1)
    whole = np.ascontiguousarray(transit[60:80], dtype=np.int16)
    yield "microobs", np.ascontiguousarray(whole[:10, 122:378, 133:517]), Noise(whole), Stars
    spectra = fits.getdata(os.path.join(data, "lt_sprat_lhs6328_series.fits.fz"), 1)
    spectra = np.ascontiguousarray(spectra, dtype=np.uint16)
    yield "SPRAT", spectra, Noise(spectra), Spectrum


def rest_bits(stack, decoded, largest_error):
    """Bits per pixel of `floor` for what is left of a stack, in steps that keep a largest error in DN."""
    left = stack.astype(int) - decoded.astype(int)
    steps = np.sign(left) * ((np.abs(left) + largest_error) // (2 * largest_error + 1))
    return ours((steps + 32768).astype(np.uint16), None, "floor")[0]


def listed(stack, noise, checkpoint):
    """Latents alone, with samples outside of a bound listed beside them."""
    for quality, bound in [(0, 5), (1, 5), (1, 8), (2, 5), (2, 8)]:
        spec = f"tec:checkpoint={checkpoint},quality={quality},residuals=none"
        setting = f"quality {quality}, outliers of {bound} sigma listed"
        yield "tec, listed", setting, lambda s=spec, b=bound: ours(stack, f"{b}sigma", s, noise)


def trials(stack, noise, checkpoint, qualities):
    """Codec, setting, and what gives bits per pixel and planes."""
    for quality in qualities:
        spec = f"tec:checkpoint={checkpoint},quality={quality},residuals=none"
        yield "tec", f"quality {quality}", lambda spec=spec: ours(stack, "0.9rel", spec)
    yield from listed(stack, noise, checkpoint)
    for bound in (0.5, 1, 2, 3, 4, 6):
        yield "floor", f"within {bound} sigma", lambda b=bound: ours(stack, f"{b}sigma", "floor", noise)
    for distance in (0.5, 1, 2, 4, 7, 12, 20):
        encode = lambda plane, d=distance: imagecodecs.jpegxl_encode(plane, distance=d, effort=7)
        yield "JPEG XL", f"distance {distance}", lambda e=encode: others(stack, noise, e, imagecodecs.jpegxl_decode)
    for decibels in range(36, 68, 4):
        encode = lambda plane, p=decibels: imagecodecs.jpeg2k_encode(
            plane, level=p, codecformat="j2k", reversible=False
        )
        yield "JPEG 2000", f"{decibels} dB", lambda e=encode: others(stack, noise, e, imagecodecs.jpeg2k_decode)
    yield "floor", "lossless", lambda: ours(stack, None, "floor")
    for dn in (1, 2):
        yield "floor", f"within {dn} DN", lambda k=dn: ours(stack, f"{k}dn", "floor")


def main(data, checkpoint, out, qualities):
    with open(out, "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            "stack codec setting bits_per_pixel mean_square_sigma largest_sigma target_rms target_mean others_rms "
            "others_mean".split()
        )
        for name, stack, noise, photometry in stacks(data):
            print(name, "noise", round(noise.read2**0.5, 3), "DN, slope", round(noise.slope, 4), file=sys.stderr)
            original = stack.astype(float)
            target = photometry(original, noise)
            before, sigmas = target.fluxes(original), target.deviations(original, noise)
            for codec, setting, code in trials(stack, noise, checkpoint, qualities):
                try:
                    bits, decoded = code()
                except Exception as error:  # noqa: BLE001 - one codec must not cost the others
                    print(name, codec, setting, error, file=sys.stderr)
                    continue
                decoded = decoded.astype(float)
                errors = (decoded - original) / noise.sigma(original)
                change = (target.fluxes(decoded) - before) / sigmas
                of = lambda part: (np.sqrt((part**2).mean()), part.mean()) if part.size else (np.nan, np.nan)
                if codec == "tec":
                    # The sum of what a file with residuals has, without coding latents anew.
                    for dn in (0, 1, 2):
                        whole = bits + rest_bits(stack, decoded, dn)
                        label = f"{setting}, within {dn} DN" if dn else f"{setting}, lossless"
                        rows.writerow([name, "tec + floor", label, f"{whole:.4f}"] + [""] * 6)
                figures = [bits, (errors**2).mean(), np.abs(errors).max(), *of(change[:1]), *of(change[1:])]
                rows.writerow([name, codec, setting, *(f"{figure:.4f}" for figure in figures)])
                file.flush()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:4], json.loads(os.environ.get("QUALITIES", "[0, 1, 2, 3]")))
