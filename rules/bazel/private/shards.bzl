"""Which shard a path goes to: a function of paths alone, so that it is known before any file is."""

# Up to so many files one shard does; beyond, a change costs one shard of many.
_FILES_OF_ONE = 64

# More shards than these would cost more to start than they save.
_MOST = 512

def shard_count(files):
    """The number of shards where none is asked for: about a third of the square root of the number of files.

    A change packs one shard again and links all: with n files in k shards that costs about n/k + k.

    Args:
      files: int: number of files and directories, as they are known in analysis.

    Returns:
      int: at least 1.
    """
    if files <= _FILES_OF_ONE:
        return 1
    for count in range(2, _MOST):
        if 9 * count * count >= files:
            return count
    return _MOST

def sharded(places, count):
    """Linear hashing: one more shard splits one of the others, and leaves the rest as they are.

    Args:
      places: list of tuples whose first element is a guest path.
      count: int: number of shards, at least 1.

    Returns:
      list of lists: the places of each shard.
    """
    size = 1
    for _ in range(10):
        if size < count:
            size = size * 2
    half = size // 2
    shards = [[] for _ in range(count)]
    for place in places:
        mixed = ((hash(place[0]) & 0xffffffff) * 0x9e3779b1 & 0xffffffff) >> 8
        index = mixed % size
        shards[index if index < count else mixed % half].append(place)
    return shards
