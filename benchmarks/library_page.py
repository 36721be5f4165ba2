"""The text around the numbers of docs/without-microcode.md."""

TEXT = """# Without microcode

Not everyone can load a neuron's program: the assembler of Loihi 2 is open only to Intel's research community. Lava's
library has neurons that need no program of ours, and a liquid network can be built from them alone:

```python
import ltc2neuro
from ltc2neuro import LibraryForm

net = ltc2neuro.compile(model, x_train, microcode=False)                 # or form=LibraryForm(hinges=24)
run = net.run(x_test)                       # its own integer reference: NumPy, whole batches
run = net.run(x_test[:2], on="lava")        # the same integers from Lava's processes
print(net)                                  # populations, neurons, synapses, processes, ticks, error
print(ltc2neuro.verify(net, model, x_test, y_test, "accuracy"))          # SQNR, accuracy, executors: are they equal?
print(ltc2neuro.compare(ltc2neuro.compile(model, x_train), net, x_test, y_test, "accuracy"))
net.save("model.l2n")                       # ltc2neuro.load("model.l2n")
```

Such a network has some 15 times the neurons and twice the ticks. An LTC keeps 32 to 51 dB, where microcode keeps 66 to
86. Cells of matrices, CfC, CT-RNN and RNN, keep 36 to 55 dB: some more and some less than with microcode, whose weights
have 8 bits unless they are split. Use it where microcode cannot run.

It is used like a network with microcode: `load`, `verify`, `check`, `stream`, `evaluate`, `net.cost()`, `net.report()`,
`net.to_onnx(path, graph="float")`, states and time spans are the same, and `check(model, ..., microcode=False)` asks
about one before it is compiled. In the shell it is `ltc2neuro compile --no-microcode`, and `run`, `verify`, `check`,
`cost`, `report`, `evaluate`, `inspect` and `export --float` take its file. Formats, placement, assembly, C,
`attribute`, `tune` and the options of a mapping need neuron programs: here they are errors that say so (`hasattr` says
no). There is no `to_lava`, as no port takes samples: the source sends each of them again in every iteration, and
constants with it.
[executors.md](executors.md) lists what runs such a network.

## The form

An *iteration* of the network's loop is one sub-step of a solver. It begins at the source, which sends the sample's
features and the constants 1, 2^7 and 2^14, and takes as many ticks as there are levels; states come back as the next
iteration begins. Between the levels of an iteration there is silence.

| in the model | in Lava |
|---|---|
| sums, factors, matrices | `Dense`; `DelayDense` where a message skips levels; biases are weights on the constants |
| element functions | piecewise linear: hinges relu(x - knot) in a `GradedReluVec`, 16 a function, flat outside them |
| products | `ProdNeuron`: two factors of 16 bits, a shift |
| quotients | `InvSqrt`, squared, and a product: N * (1/sqrt(D))^2 |
| maxima, minima, absolute values | a sum and a hinge |
| states that are sums | `GradedVec` |
| states that are products (the LTC's N/D) | the `ProdNeuron` itself |

The factor of a hinge is merged into the weights with which other neurons receive the function, so that a sum of
sigmoids needs no neuron for each of them. Where hinges would each receive a wide sum, a `GradedVec` takes the sum
first: one tick more for a fraction of the synapses (`LibraryForm.growth`). The LTC's iteration has four ticks: the
synapses' hinges; D into `InvSqrt`; its square; the product with N, which is the state.

A weight of `Dense` with mixed signs has 8 bits and is even; all weights of one connection share a power of two. Each
weight is therefore split in two, in two connections (`split_weights`). Hinges of one function have weights whose sum is
exactly 0: the slopes are rounded, not the weights. Constants make up for the half LSB that every shift floors away.

**Nothing wraps.** Lava's processes silently wrap at 32 bits, so a network is built only if it is proven that
every message and sum stays within 24 bits, every sum before its shift and every product within 32, whatever arrives.
Functions that are flat outside their knots make that possible: states in a loop are read through them. Each
population has as many bits as the proof allows. The bounds hold at the end of a tick: a sum may leave its range
while its terms arrive, if it is back within it when the last one has arrived.

**No chip was used.** `Dense`, `GradedVec`, `ProdNeuron` and `InvSqrt` have run on Loihi 2 in Lava's public notebooks;
no such run of `GradedReluVec` is known. Lava's processes answer at once on the CPU; a chip's output comes a tick later.

**What is refused**, each with its reason: more than one loop, a state outside it, a state that does not start at 0,
comparisons and selections, a denominator that is not proven to be positive, numbers too wide for the proof. On Lava a
run starts from silence; the reference can start from a state.

If an input channel lies farther from 0 than it varies, the host subtracts its middle, and biases add it back:
prices of 60,000 +- 300 and unix times cost RNN, LSTM and GRU no more than 3 dB
(`tests/ltc2neuro/compilation/test_offsets.py`).

A state that ends a sample beyond its calibrated range is read as the range's end, and counted in `run.saturations`.
`on="loihi2"` puts the same processes between the adapters of Intel's extension, keeps every tick of the output, and
finds the results at the delay at which they are the reference's; if there is no such delay, it says so.

**InvSqrt.** Its error, of 12 bits, is systematic: over whole octaves it is a few 2^-12 above or below the true value.
From what is known of D its mean follows, and the weights after it make up for it. Lava 0.10.0's CPU model of it takes
one neuron a process and fails with NumPy 2.4; a model of ours, tested to return the same integers, takes its place, and
many neurons. Everything else runs on Lava's own models. `LibraryForm(reciprocal=Reciprocal.HINGES)` does without
`InvSqrt`: 1/D is one more piecewise linear function (32 hinges). That is closer where D varies by less than a factor of
about ten, and useless where it varies by hundreds, as in the LTC with raw constraints: 2 dB.

## How close

Whole test sets; SQNR in dB against the float network, of the worst channel, microcode / library. That of
half-cheetah goes beyond its training set, and is clipped there: [fidelity.md](fidelity.md).

| network | outputs | states | metric, float | metric |
|---|---|---|---|---|
{errors}

## What it costs

Microcode / library. Both halves of a split weight count as synapses; processes are Lava's, the host's two included.

| network | neurons | synapses | processes | ticks a sample |
|---|---|---|---|---|
{costs}

There are as few processes as possible: one population for each kind and level, and between two populations one
connection for each half of the weights, since the halves have different powers of two, and one for the biases.

## Forms of the digits LTC

| form | outputs dB | states dB | accuracy | hinges | synapses | processes | ticks a sample |
|---|---|---|---|---|---|---|---|
{forms}

On Lava (2 cores, shared with other work): {lava}.

Made by `python benchmarks/library.py --out docs/without-microcode.md`.
"""
