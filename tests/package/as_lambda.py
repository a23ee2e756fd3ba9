"""
Runs one function of an unpacked zip as Lambda would: nothing on the path but the zip and Python's own library.

`python -I -S -B as_lambda.py FOLDER HANDLER` reads one event a line and writes one answer a line; what the function
prints goes to stderr, as its log. With `--no-compiling` it fails if anything has to be compiled from source.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path


def refuse_to_compile(self, data, path, **options):
    """Stand in for the compiler."""
    message = f"{path} had to be compiled"
    raise AssertionError(message)


def main(folder: str, handler: str, *options: str) -> None:
    """Answer events until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, folder)
    if "--no-compiling" in options:
        SourceFileLoader.source_to_code = refuse_to_compile
    module, _, name = handler.partition(".")
    function = getattr(importlib.import_module(module), name)
    for service in (option.removeprefix("--client=") for option in options if option.startswith("--client=")):
        importlib.import_module("boto3").client(service, region_name="eu-west-2")
    context = types.SimpleNamespace(function_name=name, aws_request_id="1", get_remaining_time_in_millis=lambda: 10_000)
    for line in sys.stdin:
        answer = function(json.loads(line), context)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    places = {str(Path(module.__file__).parent) for module in sys.modules.values() if getattr(module, "__file__", None)}
    ours = [place for place in places if not place.startswith((folder, sys.prefix, sys.base_prefix))]
    foreign = [place for place in places if "site-packages" in place and not place.startswith(folder)]
    answers.write(json.dumps({"elsewhere": sorted({*foreign, *ours} - {str(Path(__file__).parent)})}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
