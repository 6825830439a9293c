"""compare.py FILE FILE: the same words in the same order, numbers with a point within a ten-thousandth (the order of threads' sums is not fixed)."""
import math
import sys


def same(one, other):
    try:
        return one == other or math.isclose(float(one), float(other), rel_tol=1e-4)
    except ValueError:
        return False


first, second = (open(path).read().split() for path in sys.argv[1:])
different = [pair for pair in zip(first, second) if not same(*pair)]
print("the same" if first and len(first) == len(second) and not different else f"different: {different[:5]}")
