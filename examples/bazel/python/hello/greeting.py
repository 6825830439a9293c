"""Greets in the language that LANG names."""

import json
import os
from importlib import resources


def greeting(name):
    texts = json.loads(resources.files(__package__).joinpath("greetings.json").read_text("utf-8"))
    return texts.get(os.environ.get("LANG", "en")[:2], texts["en"]).format(name)
