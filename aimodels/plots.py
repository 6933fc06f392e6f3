"""The pictures that lessons share. Each function draws on the axes it is given and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def learning_curves(history: dict, metric: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw a metric by epoch, and its validation twin where there is one.

    Args:
        history: the dictionary `model.fit(...).history`: for each metric, one number per epoch.
        metric: "loss", "accuracy", ...
        ax: where to draw; a new figure if not given.

    Example:
        >>> ax = learning_curves({"loss": [2.3, 1.1], "val_loss": [2.2, 1.4]})
        >>> [line.get_label() for line in ax.lines]
        ['training', 'validation']
    """
    if metric not in history:
        raise ValueError(f"no {metric!r} in this history; it has {sorted(history)}")
    ax = ax or plt.subplots(figsize=(6, 3))[1]
    epochs = np.arange(1, len(history[metric]) + 1)
    ax.plot(epochs, history[metric], label="training")
    if f"val_{metric}" in history:
        ax.plot(epochs, history[f"val_{metric}"], label="validation")
    ax.set(xlabel="epoch", ylabel=metric)
    ax.legend()
    return ax


def pixels(
    matrix: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
    digits: int = 0,
    limit: float | None = None,
) -> Axes:
    """Draw a small picture with each pixel's number written into it.

    Positive numbers are drawn darker and darker; if there are negative ones, those are blue,
    positive ones red, and zero is white.

    Args:
        matrix: (height, width).
        title: title above the picture.
        ax: where to draw; a new figure if not given.
        digits: number of digits after the decimal point.
        limit: absolute value that is drawn darkest, to compare pictures; the largest one if None.

    Raises:
        ValueError: if `matrix` does not have two axes.

    Example:
        >>> ax = pixels(np.eye(3), title="identity")
        >>> len(ax.texts), ax.get_title()
        (9, 'identity')
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2:
        raise ValueError(f"matrix must be (height, width); got shape {matrix.shape}")
    ax = ax or plt.subplots(figsize=(3.5, 3.5))[1]
    limit = limit or np.abs(matrix).max() or 1
    signed = matrix.min() < 0
    ax.imshow(matrix, cmap="RdBu_r" if signed else "gray_r", vmin=-limit * signed, vmax=limit)
    for (row, column), value in np.ndenumerate(matrix):
        dark = abs(value) > 0.6 * limit
        text = f"{value:.{digits}f}"
        ax.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    ax.set(title=title, xticks=[], yticks=[])
    return ax


def image_grid(images, titles=None, columns: int = 8, signed: bool = False) -> np.ndarray:
    """Draw pictures side by side, each with a title, all in one scale of grey.

    Args:
        images: (N, height, width) or (N, height, width, 1); ink is dark, paper white.
        titles: N texts, or None.
        columns: number of pictures per row.
        signed: blue for negative, white for zero, red for positive; each picture its own scale.

    Returns:
        The N axes.

    Raises:
        ValueError: if the shape is another one, or there is not one title per picture.

    Example:
        >>> axes = image_grid(np.zeros((3, 8, 8)), titles=["a", "b", "c"])
        >>> [ax.get_title() for ax in axes]
        ['a', 'b', 'c']
    """
    images = np.asarray(images)
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    if images.ndim != 3:
        raise ValueError(
            f"images must be (N, height, width) or (N, height, width, 1); got {images.shape}"
        )
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images, but {len(titles)} titles")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = (1.15 * columns, (1.15 + 0.3 * (titles is not None)) * rows)
    axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")[1].ravel()
    for ax in axes:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes, images, strict=False)):
        high = np.abs(image).max() or 1
        low, high = (-high, high) if signed else (images.min(), images.max())
        ax.imshow(image, cmap="RdBu_r" if signed else "gray_r", vmin=low, vmax=high)
        if titles is not None:
            ax.set_title(titles[i], fontsize=9)
    return axes[: len(images)]


def boxes(corners, texts=None, ax: Axes | None = None, color="tab:red", **style) -> Axes:
    """Draw boxes over a picture that `imshow` has drawn, each with its text above its corner.

    Args:
        corners: (N, 4), x_min, y_min, x_max, y_max in pixels; (0, 0) is the picture's corner.
        texts: N texts or numbers, or None.
        ax: where to draw; the current axes if None.
        color: colour of all boxes, or a list with one for each.
        **style: passed to `matplotlib.patches.Rectangle`, such as `linestyle="--"`.

    Raises:
        ValueError: if there is not one text per box.

    Example:
        >>> [ax] = image_grid(np.zeros((1, 8, 8)))
        >>> _ = boxes([[1, 1, 5, 4], [2, 2, 3, 6]], texts=["a", "b"], ax=ax)
        >>> len(ax.patches), ax.texts[1].get_position()
        (2, (np.float64(1.5), np.float64(1.5)))
    """
    corners = np.reshape(corners, (-1, 4)).astype(float) - 0.5  # the first pixel's centre is at 0
    texts = [""] * len(corners) if texts is None else list(texts)
    colors = [color] * len(corners) if isinstance(color, str) else list(color)
    if not len(corners) == len(texts) == len(colors):
        raise ValueError(f"{len(corners)} boxes, {len(texts)} texts and {len(colors)} colours")
    ax = ax or plt.gca()
    for (left, top, right, bottom), text, edge in zip(corners, texts, colors, strict=True):
        shape = {"fill": False, "edgecolor": edge, "linewidth": 1.8} | style
        ax.add_patch(plt.Rectangle((left, top), right - left, bottom - top, **shape))
        label = {"facecolor": edge, "edgecolor": "none", "pad": 1}
        above = top > 0.1 * max(ax.get_ylim())  # or the picture's edge would cut the text
        place = {"va": "bottom" if above else "top", "fontsize": 9, "clip_on": True}
        ax.text(left, top, text, color="white", bbox=label, **place)
    return ax


def confusion_matrix(matrix: np.ndarray, names=None, ax: Axes | None = None) -> Axes:
    """Draw how often each true class was predicted as which class; mistakes stand out in red.

    Args:
        matrix: (C, C) counts, true class by row, predicted class by column.
        names: names of the classes; 0, 1, ... if None.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if `matrix` is not square, or there is not one name per class.

    Example:
        >>> ax = confusion_matrix([[5, 1], [0, 4]], names=["cat", "dog"])
        >>> [text.get_text() for text in ax.texts]
        ['5', '1', '4']
    """
    matrix = np.asarray(matrix)
    names = range(len(matrix)) if names is None else names
    if matrix.ndim != 2 or matrix.shape != (len(names), len(names)):
        raise ValueError(f"matrix must be ({len(names)}, {len(names)}); got shape {matrix.shape}")
    ax = ax or plt.subplots(figsize=(4.5, 4.5))[1]
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    most = max(5, mistakes.max())  # a single mistake stays pale
    ax.imshow(mistakes, cmap="Reds", vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if mistakes[row, column] > most / 2 else "black"
            ax.text(column, row, str(count), ha="center", va="center", color=color)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def diagram(boxes: dict[str, tuple], arrows: list[tuple], ax: Axes | None = None) -> Axes:
    """Draw a computation: boxes with text, and arrows from one to the other.

    Args:
        boxes: for each name, the place of its middle and its text, (x, y, text); y grows downward.
            A fourth item is the box's color; white if there is none.
        arrows: (from, to), names of boxes. A third item bends the arrow: 0.5 to one side, -0.5 to
            the other.
        ax: where to draw; a new figure, one inch per unit, if not given.

    Raises:
        ValueError: if an arrow names a box that there is not.

    Example:
        >>> ax = diagram({"x": (0, 0, "2"), "y": (2, 0, "4", "lightblue")}, [("x", "y")])
        >>> [text.get_text() for text in ax.texts if text.get_text()]
        ['2', '4']
    """
    if unknown := {name for a, b, *_ in arrows for name in (a, b)} - {*boxes}:
        raise ValueError(f"no box {min(unknown)!r}; there are {sorted(boxes)}")
    xs, ys = zip(*(box[:2] for box in boxes.values()), strict=True)
    low, high, top, bottom = min(xs) - 0.8, max(xs) + 0.8, min(ys) - 0.6, max(ys) + 0.6
    ax = ax or plt.subplots(figsize=(high - low, bottom - top), layout="constrained")[1]
    drawn = {}
    for name, (x, y, text, *color) in boxes.items():
        frame = {"boxstyle": "round,pad=0.5", "facecolor": color[0] if color else "white"}
        drawn[name] = ax.text(x, y, text, ha="center", va="center", fontsize=11, bbox=frame)
    ax.set(xlim=(low, high), ylim=(bottom, top))
    ax.set_axis_off()
    for a, b, *bend in arrows:
        ends = {"patchA": drawn[a].get_bbox_patch(), "patchB": drawn[b].get_bbox_patch()}
        curve = f"arc3,rad={bend[0] if bend else 0}"
        line = {"arrowstyle": "-|>", "connectionstyle": curve, "color": "black", "shrinkA": 0}
        ax.annotate("", boxes[b][:2], boxes[a][:2], arrowprops=line | ends)
    return ax


def surface(function, x: tuple, y: tuple, ax: Axes | None = None, levels=20, **kwargs) -> Axes:
    """Draw a function of two numbers as a map: each line joins points of the same height.

    Args:
        function: takes points (N, 2), returns heights (N,).
        x: first and last value on the horizontal axis.
        y: first and last value on the vertical axis.
        ax: where to draw; a new figure if not given.
        levels: number of heights, or a list of them.
        **kwargs: passed to Matplotlib's `contourf`, such as `cmap` or `norm="log"`.

    Example:
        >>> ax = surface(lambda p: (p**2).sum(axis=1), (-1, 1), (-2, 2), levels=[0, 1, 2, 5])
        >>> ax.get_ylim() == (-2, 2)
        True
    """
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    grid = np.stack(np.meshgrid(np.linspace(*x, 121), np.linspace(*y, 121)), axis=-1)
    heights = np.reshape(function(grid.reshape(-1, 2)), grid.shape[:2])
    areas = ax.contourf(*np.moveaxis(grid, -1, 0), heights, levels, **{"cmap": "Blues"} | kwargs)
    ax.contour(areas, colors="grey", linewidths=0.5)
    ax.set(xlim=x, ylim=y)
    return ax


def roofline(
    costs: dict[str, "Cost"],  # noqa: F821
    peak: float,
    bandwidth: float,
    ax: Axes | None = None,
) -> Axes:
    """Draw a machine's highest speed over the arithmetic intensity, and computations under it.

    Args:
        costs: for the name of each computation, its `flops`, `bytes` and `intensity`.
        peak: highest speed of the machine's arithmetic, in FLOP/s.
        bandwidth: highest speed of its memory, in bytes/s.
        ax: where to draw; a new figure if not given.

    Example:
        >>> from aimodels.train.profiling import Cost
        >>> ax = roofline({"sum": Cost(flops=100, bytes=800)}, peak=1e11, bandwidth=1e10)
        >>> ax.get_xlabel(), ax.texts[0].get_text()
        ('FLOPs per byte', 'sum')
    """
    ax = ax or plt.subplots(figsize=(7, 4))[1]
    intensities = [cost.intensity for cost in costs.values()] + [peak / bandwidth]
    x = np.geomspace(min(intensities) / 4, max(intensities) * 4, 200)
    ax.loglog(x, np.minimum(peak, bandwidth * x), color="black", label="the machine's limit")
    ordered = sorted(costs.items(), key=lambda item: item[1].intensity)
    for i, (name, cost) in enumerate(ordered):
        y = min(peak, bandwidth * cost.intensity)
        bound = "memory" if cost.intensity < peak / bandwidth else "compute"
        ax.plot(cost.intensity, y, "o", color={"memory": "tab:red", "compute": "tab:blue"}[bound])
        place, side = [((5, -11), "left"), ((-5, 5), "right")][i % 2]  # neighbours, apart
        ax.annotate(name, (cost.intensity, y), place, textcoords="offset points", ha=side)
    ax.axvline(peak / bandwidth, color="gray", linestyle=":", label="from here on: compute-bound")
    ax.set(xlabel="FLOPs per byte", ylabel="highest FLOP/s")
    ax.legend()
    return ax
