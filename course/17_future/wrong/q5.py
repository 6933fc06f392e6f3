# %% q5, 0 of 17 points: catches everything around the first try
def read_request(body, shape, max_examples):
    try:
        return np.array(json.loads(body)["instances"], "float32").reshape(-1, *shape)
    except Exception as error:
        raise RequestError(f"this cannot be read: {error}") from None


# %% q5, 0 of 17 points: NaN is a number
# replace:
#         request = json.loads(body.decode("utf-8"), parse_constant=refuse)
# with:
#         request = json.loads(body.decode("utf-8"))


# %% q5, 0 of 17 points: does not know how deep a body may be
# replace:
#     except (ValueError, RecursionError, TypeError, KeyError) as error:
# with:
#     except (ValueError, TypeError, KeyError) as error:


# %% q5, 0 of 17 points: does not know that a body may be a list
# replace:
#     except (ValueError, RecursionError, TypeError, KeyError) as error:
# with:
#     except (ValueError, RecursionError, KeyError) as error:


# %% q5, 5 of 17 points: instances are always there
# replace:
#     except (ValueError, RecursionError, TypeError, KeyError) as error:
# with:
#     except (ValueError, RecursionError, TypeError) as error:


# %% q5, 5 of 17 points: guesses the encoding
# replace:
#         request = json.loads(body.decode("utf-8"), parse_constant=refuse)
# with:
#         request = json.loads(body, parse_constant=refuse)


# %% q5, 5 of 17 points: true is 1
# replace:
#     if any(type(x) not in (int, float) or abs(x) > largest for x in found.flat):
# with:
#     if any(not isinstance(x, int | float) or abs(x) > largest for x in found.flat):


# %% q5, 0 of 17 points: numbers in quotes are numbers
# replace:
#     largest = np.finfo("float32").max.item()
# with:
#     found = np.array([float(x) if isinstance(x, str | bool) else x for x in found.flat], object)
#     found = found.reshape(-1, *shape)
#     largest = np.finfo("float32").max.item()


# %% q5, 0 of 17 points: finite as Python's floats, not as float32
# replace:
#     largest = np.finfo("float32").max.item()
# with:
#     largest = np.finfo("float64").max.item()
# replace:
#     return found.astype("float32")
# with:
#     with np.errstate(over="ignore"):
#         return found.astype("float32")


# %% q5, 5 of 17 points: only large positive numbers are too large
# replace:
#     if any(type(x) not in (int, float) or abs(x) > largest for x in found.flat):
# with:
#     if any(type(x) not in (int, float) or x > largest for x in found.flat):


# %% q5, 5 of 17 points: as many numbers, in another shape
# replace:
#     if found.ndim != 1 + len(shape) or found.shape[1:] != shape:
# with:
#     if found.size != len(found) * np.prod(shape, dtype=int):
# replace:
#     return found.astype("float32")
# with:
#     return found.astype("float32").reshape(-1, *shape)


# %% q5, 5 of 17 points: a list of no example
# replace:
#     if not 1 <= len(found) <= max_examples:
# with:
#     if len(found) > max_examples:


# %% q5, 0 of 17 points: as many examples as one likes
# replace:
#     if not 1 <= len(found) <= max_examples:
# with:
#     if not 1 <= len(found):


# %% q5, 0 of 17 points: does not mind what it does not read
# replace:
#     if unknown := request.keys() - {"instances", "signature_name"}:
#         raise RequestError(f"nobody reads {min(unknown)!r}")
# with:


# %% q5, 5 of 17 points: inputs are a key, too, and do not count
# replace:
#     if unknown := request.keys() - {"instances", "signature_name"}:
# with:
#     if unknown := request.keys() - {"instances", "inputs", "signature_name"}:


# %% q5, 0 of 17 points: refuses signature_name
# replace:
#     if unknown := request.keys() - {"instances", "signature_name"}:
# with:
#     if unknown := request.keys() - {"instances"}:


# %% q5, 0 of 17 points: float64
# replace:
#     return found.astype("float32")
# with:
#     return found.astype("float64")


# %% q5, 5 of 17 points: a whole number may have any number of digits
# replace:
#     if any(type(x) not in (int, float) or abs(x) > largest for x in found.flat):
# with:
#     if any(type(x) not in (int, float) or np.isinf(np.float32(x)) for x in found.flat):
# replace:
#     largest = np.finfo("float32").max.item()
# with:


# %% q5, 0 of 17 points: returns the sentence
# replace:
#         raise RequestError("wanted numbers that float32 can hold: no text, true, or null")
# with:
#         return RequestError("wanted numbers that float32 can hold: no text, true, or null")
