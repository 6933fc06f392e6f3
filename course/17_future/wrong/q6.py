# %% q6, 0 of 14 points: prices for a thousand tokens
# replace:
#     paid = np.sum(load) * (read * service["in"] + written * service["out"]) / 1e6
# with:
#     paid = np.sum(load) * (read * service["in"] + written * service["out"]) / 1e3


# %% q6, 5 of 14 points: what is read costs what is written, and the other way round
# replace:
#     paid = np.sum(load) * (read * service["in"] + written * service["out"]) / 1e6
# with:
#     paid = np.sum(load) * (written * service["in"] + read * service["out"]) / 1e6


# %% q6, 0 of 14 points: reading takes a server as long as writing
# replace:
#     needed = np.max(load) * written / (3600 * server["tokens per second"])
# with:
#     needed = np.max(load) * (read + written) / (3600 * server["tokens per second"])


# %% q6, 0 of 14 points: servers for the mean hour
# replace:
#     needed = np.max(load) * written / (3600 * server["tokens per second"])
# with:
#     needed = np.mean(load) * written / (3600 * server["tokens per second"])


# %% q6, 0 of 14 points: servers for the sum of all hours
# replace:
#     needed = np.max(load) * written / (3600 * server["tokens per second"])
# with:
#     needed = np.sum(load) * written / (3600 * server["tokens per second"])


# %% q6, 0 of 14 points: parts of servers
# replace:
#     own = max(server["least"], np.ceil(needed)) * month + people
# with:
#     own = max(server["least"], needed) * month + people


# %% q6, 5 of 14 points: one server may be enough
# replace:
#     own = max(server["least"], np.ceil(needed)) * month + people
# with:
#     own = np.ceil(needed) * month + people
# replace:
#     return paid, own, (max(server["least"], first) * month + people) / paid
# with:
#     return paid, own, (max(1, first) * month + people) / paid


# %% q6, 5 of 14 points: one server may be enough where the load is another one
# replace:
#     return paid, own, (max(server["least"], first) * month + people) / paid
# with:
#     return paid, own, (max(1, first) * month + people) / paid


# %% q6, 0 of 14 points: rents servers only while somebody asks
# replace:
#     month, people = len(load) * server["hour"], server["month"]
# with:
#     month, people = np.count_nonzero(load) * server["hour"], server["month"]


# %% q6, 0 of 14 points: every month has 720 hours
# replace:
#     month, people = len(load) * server["hour"], server["month"]
# with:
#     month, people = 720 * server["hour"], server["month"]


# %% q6, 0 of 14 points: forgets the people
# replace:
#     month, people = len(load) * server["hour"], server["month"]
# with:
#     month, people = len(load) * server["hour"], 0.0


# %% q6, 0 of 14 points: people for every server
# replace:
#     own = max(server["least"], np.ceil(needed)) * month + people
# with:
#     own = max(server["least"], np.ceil(needed)) * (month + people)


# %% q6, 0 of 14 points: break even with today's servers
# replace:
#     return paid, own, (max(server["least"], first) * month + people) / paid
# with:
#     return paid, own, own / paid


# %% q6, 0 of 14 points: break even with parts of servers
# replace:
#     return paid, own, (max(server["least"], first) * month + people) / paid
# with:
#     return paid, own, people / (paid - needed * month) if saved > 0 else np.inf


# %% q6, 0 of 14 points: more servers always help
# replace:
#     first = np.ceil(people / saved) if saved > 0 else np.inf
# with:
#     first = np.ceil(people / saved)


# %% q6, 0 of 14 points: one server too few
# replace:
#     first = np.ceil(people / saved) if saved > 0 else np.inf
# with:
#     first = people // saved if saved > 0 else np.inf


# %% q6, 5 of 14 points: each server saves what it does today, idle or not
# replace:
#     saved = paid / needed - month  # by each server that is busy in the busiest hour
# with:
#     saved = paid / max(server["least"], np.ceil(needed)) - month


# %% q6, 0 of 14 points: the share of the service's price that one's own costs
# replace:
#     return paid, own, (max(server["least"], first) * month + people) / paid
# with:
#     return paid, own, paid / own
