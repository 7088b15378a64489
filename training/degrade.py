"""What the scanner does to a picture: resolution, fat shift, bias, noise, ghosts, wrap, black."""

import numpy as np
from raster import stretched
from scipy.ndimage import gaussian_filter


def degrade(rng: np.random.Generator, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrade a series (k, j, i) on the network's grid and scale it to 0..about 1.

    Returns
    -------
    The picture, and the mask (j, i) of what a black wedge hides.
    """
    image = _shifted(rng, image)
    image = _resolution(rng, image)
    image = image * _bias(rng, image.shape)
    if rng.random() < 0.25:
        image = image + rng.uniform(0.01, 0.08) * np.roll(
            image, rng.integers(10, 90), rng.integers(1, 3)
        )
    if rng.random() < 0.1:
        image = _wrapped(rng, image)
    sigma = rng.uniform(0.004, 0.06)
    noisy = image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.hypot(noisy, sigma * rng.standard_normal(image.shape, dtype=np.float32))
    hidden = np.zeros(image.shape[1:], bool)
    if rng.random() < 0.15:
        hidden = _wedge(rng, hidden.shape)
    return normalised(np.where(hidden, 0, image)), hidden


def normalised(image: np.ndarray) -> np.ndarray:
    """Scale by the 1st and 99th percentile of the series, as inference does."""
    low, high = np.percentile(image[::2, ::2, ::2], [1, 99])
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1.5)


def _shifted(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Shift bright (fatty) signal by up to a pixel, as chemical shift does."""
    if rng.random() < 0.6:
        return image
    level, share = rng.uniform(0.4, 0.7), rng.uniform(0.2, 1.0)
    fat = np.clip(image - level, 0, None)
    axis, step = int(rng.integers(1, 3)), int(rng.choice([-1, 1]))
    return image + share * (np.roll(fat, step, axis) - fat)


def _resolution(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Blur in plane; now and then along one axis strongly, as in resampled series, or sharpened."""
    blur = rng.uniform(0.25, 0.9, 2)
    if rng.random() < 0.2:
        blur[0] = rng.uniform(1.0, 2.0)
    image = gaussian_filter(image, (0, *blur))
    if rng.random() < 0.25:
        image = image + rng.uniform(0.2, 0.8) * (image - gaussian_filter(image, (0, 1, 1)))
    return np.clip(image, 0, None)


def _bias(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Smooth receive field, and a slope from slice to slice."""
    coarse = rng.normal(0, rng.uniform(0.05, 0.3), (3, 4, 4))
    return np.exp(stretched(coarse, shape))


def _wrapped(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Fold one edge of the picture into the other."""
    axis, width = int(rng.integers(1, 3)), int(rng.integers(8, 30))
    image = np.moveaxis(image.copy(), axis, 0)
    image[:width] += rng.uniform(0.3, 1.0) * image[-width:]
    return np.moveaxis(image, 0, axis)


def _wedge(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Black wedge of a resampled, turned series, (j, i)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    edge = np.cos(angle) * (x / shape[1] - 0.5) + np.sin(angle) * (y / shape[0] - 0.5)
    return edge > rng.uniform(0.25, 0.5)
