import importlib.resources

from ._sum import total, where


def main():
    print(total(range(101)), importlib.resources.files(__name__).joinpath("data.txt").read_text().strip(), where().rsplit("/", 1)[1])
