"""A compiled network inside a Lava graph of your own, between stock processes, with a Monitor on its states.

    python examples/lava_graph.py

The network, 19 liquid neurons that predict a sine from 8 sensors, becomes one Lava process with the ports `inp` and
`out`. Integers travel: `net.quantize` makes them of sensor values, `net.dequantize` makes answers of them.
"""

import ltc2neuro  # isort: skip  # before Lava: it cures Lava's imports on Python 3.11 and newer

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Receiver
from lava.proc.io.source import RingBuffer as Sender
from lava.proc.monitor.process import Monitor
from tasks import sines
from train_sine_ltc import build
from training import load

SAMPLES = 16


def main() -> None:
    task = sines()
    net = ltc2neuro.compile(load(build(), "sine_ltc"), task.x_train)
    x = task.x_test[0, :SAMPLES]
    proc = net.to_lava()

    # The network reads `inp` at ticks k * ticks_per_sample; what is there in between does not matter.
    steps = proc.steps(SAMPLES)
    data = np.zeros((x.shape[1], steps), np.int64)
    data[:, : SAMPLES * proc.ticks_per_sample : proc.ticks_per_sample] = net.quantize(x).T
    sender, receiver, monitor = Sender(data=data), Receiver(shape=proc.out.shape, buffer=steps), Monitor()
    sender.s_out.connect(proc.inp)
    proc.out.connect(receiver.a_in)
    state, state_var = next(iter(proc.state_vars.items()))
    monitor.probe(state_var.var, steps)

    proc.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg())
    try:
        out = receiver.data.get().T.astype(np.int64)
        seen = monitor.get_data()[proc.name][state_var.var.name]
    finally:
        proc.stop()

    # `out` carries sample k at tick latency + k * ticks_per_sample, and 0 elsewhere.
    answers = out[proc.latency :: proc.ticks_per_sample][:SAMPLES]
    reference = net.run(x[None])
    print(f"{SAMPLES} samples took {steps} ticks: {proc.ticks_per_sample} a sample, latency {proc.latency}.")
    print(f"The state {state} was monitored at every tick: an array of shape {seen.shape}.")
    print("The answers, next to the sine's value a step later:")
    for answer, target in zip(net.dequantize(answers)[:, 0], task.y_test[0, :SAMPLES, 0], strict=True):
        print(f"  {answer:+.4f}  {target:+.4f}")
    same = bool(np.array_equal(answers, reference.integers[0]))
    print(f"The same integers as the NumPy reference: {same}.")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
