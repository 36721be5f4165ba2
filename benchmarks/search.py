"""What `search` finds for the four networks of docs/loihi2-cost.md: the table in docs/search.md.

    python benchmarks/search.py [--budget SECONDS] [--only WORDS] [--most-cores N] [--processes N] [--optuna]

LTCs are to keep 60 dB, the CfC what it has at the default. With --optuna (`pip install optuna`), Optuna's default
sampler tries as many settings of the same fields, one after the other.
"""

import argparse
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from costs import SUBJECTS, Subject
from table import show

import ltc2neuro
from compiler.quantize.precision import Precision
from ltc2neuro.cli.processes import processes
from ltc2neuro.inputs.held_back import halves
from ltc2neuro.searching.moves import Move, moves
from ltc2neuro.searching.search_result import Search
from ltc2neuro.searching.trials import Trial, Trials

LTC_DB = 60.0


def asked(subject: Subject) -> float | None:
    """The decibels that its outputs are to keep; None: those of the default."""
    return None if "CfC" in subject.name else LTC_DB


def row(subject: Subject, found: Search) -> list[str]:
    start, narrowed, best = found.start, found.narrowed, found.best.trial
    return [
        subject.name,
        f"{start.cost * 1e6:.1f} us, {min(start.decibels, start.held_back):.1f} dB",
        f"{narrowed.cost * 1e6:.1f} us, {min(best.decibels, best.held_back):.1f} dB",
        f"{100 * found.saved_by_precision:.1f} %",
        f"{best.cost * 1e6:.1f} us, {best.cores} cores",
        f"{100 * found.saved_by_deployment:.1f} %",
        f"{100 * found.saved:.1f} %",
        f"{found.tried}{'' if found.complete else ', its time was over'}",
    ]


def by_optuna(model: torch.nn.Module, x: np.ndarray, least: float, found: Search) -> Trial | None:
    """The cheapest that keeps `least` dB, of as many settings that Optuna chose."""
    import optuna

    base = ltc2neuro.compile(model, x)
    sequences = base.parts.host.sequences(x, None)
    parts = [replace(sequences, arrays=tuple(sequences.arrays[i] for i in part)) for part in halves(len(x), 0)]
    bench = Trials(base, parts[0], parts[1], [], "time", found.best.deployment)
    lowered = base.proven.lowered
    assert lowered is not None
    choices: dict[str, list[Move]] = {}
    for move in moves(lowered.near, base.chip, base.precision):
        choices.setdefault(f"{move.glob} {' '.join(name for name, _ in move.fields)}", []).append(move)

    def setting(choose: Callable[[str, list[str]], str]) -> Precision:
        precision = base.precision
        for name, own in choices.items():
            chosen = choose(name, ["as it is", *map(str, own)])
            for move in own:
                if str(move) == chosen:
                    precision = move.of(precision)
        return precision

    def objective(trial: optuna.Trial) -> float:
        tried = bench.trial(setting(trial.suggest_categorical))
        if tried is None:
            return 1e3
        short = max(0.0, least - min(tried.decibels, tried.held_back))
        return tried.cost * 1e6 * (1 + short)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.enqueue_trial({name: "as it is" for name in choices})
    study.optimize(objective, n_trials=found.tried)
    kept = [t for t in bench.known.values() if t is not None and t.keeps(least, None)]
    return min(kept, key=lambda t: t.cost, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Search for cheaper settings of the four networks.")
    parser.add_argument("--budget", type=float, default=300.0, metavar="SECONDS", help="for each network")
    parser.add_argument("--only", default="", help="only networks whose name has this in it")
    parser.add_argument("--most-cores", type=int, metavar="N", help="as `search` takes it")
    parser.add_argument("--processes", type=int, help="measure in so many processes")
    parser.add_argument("--optuna", action="store_true", help="try as many settings by Optuna")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of a poor calibration, such as digits whose corner is never lit
    rows = []
    with nullcontext() if arguments.processes is None else processes(arguments.processes) as executor:
        for subject in SUBJECTS:
            if arguments.only not in subject.name:
                continue
            model, x, _ = subject.given()
            found = ltc2neuro.search(
                model,
                x,
                min_sqnr=asked(subject),
                most_cores=arguments.most_cores,
                budget_s=arguments.budget,
                executor=executor,
            )
            print(subject.name, found, found.best.precision, sep="\n", flush=True)
            rows.append(row(subject, found))
            if arguments.optuna:
                least = asked(subject) or min(found.start.decibels, found.start.held_back)
                other = by_optuna(model, x, least, found)
                told = other and f"{other.cost * 1e6:.1f} us, {other.decibels:.1f} dB, {other.precision}"
                print("Optuna:", told, flush=True)
    header = ["network", "default", "precision alone", "less time", "on cores", "by cores alone", "by both", "tried"]
    show(header, rows)


if __name__ == "__main__":
    main()
