# %% q3, 0 of 12 points: the mean over all places, padding as zeros
def summaries(h, mask):
    real = h * mask[:, :, None]
    last = real[np.arange(len(h)), mask.sum(axis=1) - 1]
    return real.mean(axis=1), real.max(axis=1), last


# %% q3, 0 of 12 points: padding as zeros wins where everything is negative
def summaries(h, mask):
    real = np.where(mask[:, :, None], h, 0)
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    place = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return real.sum(axis=1) / count, real.max(axis=1), real[np.arange(len(h)), place]


# %% q3, 0 of 12 points: the last place instead of the last real one
def summaries(h, mask):
    real = np.where(mask[:, :, None], h, 0)
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    largest = np.where(mask[:, :, None], h, -np.inf).max(axis=1)
    largest = np.where(mask.any(axis=1)[:, None], largest, 0)
    return real.sum(axis=1) / count, largest, h[:, -1]


# %% q3, 4 of 12 points: takes the number of tokens for the place of the last one
def summaries(h, mask):
    real = np.where(mask[:, :, None], h, 0)
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    largest = np.where(mask[:, :, None], h, -np.inf).max(axis=1)
    largest = np.where(mask.any(axis=1)[:, None], largest, 0)
    return real.sum(axis=1) / count, largest, real[np.arange(len(h)), count[:, 0] - 1]


# %% q3, 4 of 12 points: multiplies with the mask, so that nan stays
def summaries(h, mask):
    real = h * mask[:, :, None]
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    largest = (h - 1e9 * ~mask[:, :, None]).max(axis=1) * mask.any(axis=1)[:, None]
    place = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return real.sum(axis=1) / count, largest, real[np.arange(len(h)), place]


# %% q3, 4 of 12 points: -100 stands for minus infinity
def summaries(h, mask):
    real, some = mask[:, :, None], mask.any(axis=1)[:, None]
    mean = np.where(real, h, 0).sum(axis=1) / np.maximum(real.sum(axis=1), 1)
    largest = np.where(some, np.where(real, h, -100).max(axis=1), 0)
    place = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return mean, largest, np.where(some, h[np.arange(len(h)), place], 0)


# %% q3, 4 of 12 points: divides by 0 where a text has no token, and repairs it after the warning
def summaries(h, mask):
    real, some = mask[:, :, None], mask.any(axis=1)[:, None]
    mean = np.where(some, np.where(real, h, 0).sum(axis=1) / real.sum(axis=1), 0)
    largest = np.where(some, np.where(real, h, -np.inf).max(axis=1), 0)
    place = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return mean, largest, np.where(some, h[np.arange(len(h)), place], 0)
