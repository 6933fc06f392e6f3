# Wrong answers to question 5: each gets the points its first line states, and costs no others.


# %% q5, 0 of 14 points: only the array with the overflow is left out
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        finite = [np.isfinite(g).all() for g in gradients]
        scale = np.float32(self.scale)
        found = [
            g.astype("float32") / scale if ok else None
            for g, ok in zip(gradients, finite, strict=True)
        ]
        self.good = self.good + 1 if all(finite) else 0
        if not all(finite):
            self.scale = max(self.scale / 2, 1.0)
        elif self.good == self.patience:
            self.scale, self.good = min(self.scale * 2, self.largest), 0
        return found


# %% q5, 0 of 14 points: doubles first, and divides by a scale that was not used
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            self.scale, self.good = max(self.scale / 2, 1.0), 0
            return None
        self.good += 1
        if self.good == self.patience:
            self.scale, self.good = min(self.scale * 2, self.largest), 0
        return [g.astype("float32") / np.float32(self.scale) for g in gradients]


# %% q5, 0 of 14 points: a fixed scale, overflows are skipped
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale = scale

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            return None
        return [g.astype("float32") / np.float32(self.scale) for g in gradients]


# %% q5, 5 of 14 points: divides in float16, where small gradients die a second time
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            self.scale, self.good = max(self.scale / 2, 1.0), 0
            return None
        with np.errstate(all="ignore"):
            found = [(g / np.float16(self.scale)).astype("float32") for g in gradients]
        self.good += 1
        if self.good == self.patience:
            self.scale, self.good = min(self.scale * 2, self.largest), 0
        return found


# %% q5, 5 of 14 points: counts all good steps, not those in a row
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            self.scale = max(self.scale / 2, 1.0)
            return None
        found = [g.astype("float32") / np.float32(self.scale) for g in gradients]
        self.good += 1
        if self.good % self.patience == 0:
            self.scale = min(self.scale * 2, self.largest)
        return found


# %% q5, 5 of 14 points: once it grows, it grows at every step
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            self.scale, self.good = max(self.scale / 2, 1.0), 0
            return None
        found = [g.astype("float32") / np.float32(self.scale) for g in gradients]
        self.good += 1
        if self.good >= self.patience:
            self.scale = min(self.scale * 2, self.largest)
        return found


# %% q5, 5 of 14 points: looks for infinities only, NaN passes
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.largest, self.good = scale, patience, largest, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if any(np.isinf(g).any() for g in gradients):
            self.scale, self.good = max(self.scale / 2, 1.0), 0
            return None
        found = [g.astype("float32") / np.float32(self.scale) for g in gradients]
        self.good += 1
        if self.good == self.patience:
            self.scale, self.good = min(self.scale * 2, self.largest), 0
        return found


# %% q5, 5 of 14 points: no limits at either end
class LossScale:
    def __init__(self, scale=2.0**15, patience=2000, largest=2.0**24):
        self.scale, self.patience, self.good = scale, patience, 0

    def scale_loss(self, loss):
        return loss * self.scale

    def unscale(self, gradients):
        if not all(np.isfinite(g).all() for g in gradients):
            self.scale, self.good = self.scale / 2, 0
            return None
        found = [g.astype("float32") / np.float32(self.scale) for g in gradients]
        self.good += 1
        if self.good == self.patience:
            self.scale, self.good = self.scale * 2, 0
        return found


# %% q5, 5 of 14 points: looks at the sum, which may overflow though all numbers are finite
# replace:
#         if not all(np.isfinite(gradient).all() for gradient in gradients):
# with:
#         if not all(np.isfinite(gradient.sum()) for gradient in gradients):


# %% q5, 5 of 14 points: looks at the largest number only, -inf passes
# replace:
#         if not all(np.isfinite(gradient).all() for gradient in gradients):
# with:
#         if not all(np.isfinite(gradient.max()) for gradient in gradients):


# %% q5, 5 of 14 points: gradients of eight bytes a number
# replace:
#         found = [gradient.astype("float32") / np.float32(self.scale) for gradient in gradients]
# with:
#         found = [gradient / np.float64(self.scale) for gradient in gradients]
