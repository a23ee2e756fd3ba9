"""
Fuzz one target with atheris: `python fuzz_one.py TARGET FOLDER RUNS [PLANTED]`; `run_fuzz.py` starts it.

Only our own modules are instrumented. A million runs then take minutes, and what the fuzzer learns is about our code.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE.parent / "faults"), str(HERE)]
with atheris.instrument_imports(include=["chalicelib"]):
    from fuzz_house import FuzzHouse
    from fuzz_rules import expect
    from fuzz_targets import TARGETS
    from planted import PLANTED, PLANTED_WELL
    from progress import steps

    import chalicelib.adapters.altcha

    chalicelib.adapters.altcha.VALID = timedelta(days=7)  # a solved challenge must outlive a long run
    name, folder, runs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    house = FuzzHouse(folder / "home")
    target = next(each for each in TARGETS if each.name == name)
    seeds = target.seeds(house)
    for seed in seeds:  # what loads on first use is instrumented too
        target(house, seed)

EACH = 1000
"""Runs between two words of how far it is."""
SLOWEST = 2.0
"""Seconds of processor time that one input may take at most; honest ones take less than a thousandth of it."""
STUCK = 300
"""Seconds after which an input that does not come back at all is given up, on a machine that does other things too."""


def main() -> None:
    """Fuzz."""
    if len(sys.argv) > 4:
        PLANTED[sys.argv[4]][1]()
        sys.stdout.write(f"{PLANTED_WELL}\n")
        sys.stdout.flush()
    corpus = folder / "corpus"
    corpus.mkdir()
    for at, seed in enumerate(seeds):
        (corpus / f"seed-{at:02}").write_bytes(seed)
    told, done = steps(f"fuzz {name}", -(-runs // EACH)), 0

    def one(data: bytes) -> None:
        nonlocal done
        if done % EACH == 0:
            next(told, None)
        done += 1
        begun = time.process_time()
        target(house, data)
        expect(time.process_time() - begun < SLOWEST, "an input that takes long")

    options = [f"-runs={runs}", f"-max_len={target.longest + 1}", f"-timeout={STUCK}", "-rss_limit_mb=2048"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-len_control=20"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
