"""What the rules tell each other."""

BinaryFsInfo = provider(
    doc = "A library that carries a file system.",
    fields = {
        "library": "File: the `.so`.",
        "contents": "File: what it holds, a JSON object a line, as `binaryfs ls --json` prints it.",
        "digest": "File: `sha256:` and 64 hex digits, the library digest that `binaryfs verify --digest` takes.",
        "sealed": "bool: whether starting a program may add no host path and no volume.",
    },
)
