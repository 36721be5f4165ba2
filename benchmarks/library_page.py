"""The text around the numbers of docs/without-microcode.md."""

TEXT = """# Without microcode

A neuron's program is not everyone's to load: the assembler of Loihi 2 belongs to Intel's research community. Lava's
library has neurons that need none, and a liquid network can be built from them alone:

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

It costs some 15 times the neurons and twice the ticks. An LTC keeps 42 to 53 dB, where microcode keeps 72 to 88. Cells
of matrices, CfC, CT-RNN and RNN, keep 43 to 61 dB: some more and some less than with microcode, whose weights have 8
bits unless it is told to split them. It is there to run where microcode cannot.

It is used as a network with microcode is: `load`, `verify`, `check`, `stream`, `net.cost()`, states and time spans are
the same. In the shell it is `ltc2neuro compile --no-microcode`, and `run`, `verify`, `check`, `cost` and `inspect` take
its file. What follows from programs of one's own is an error that says so: placement, assembly, `to_lava`, the options
of a mapping. [executors.md](executors.md) lists what runs it.

## The form

An *iteration* of the network's loop is one sub-step of a solver. It begins at the source, which sends the sample's
features and the constants 1, 2^7 and 2^14, and goes round in as many ticks as there are levels; states come
back as the next iteration begins. Between the levels of an iteration there is silence.

| in the model | in Lava |
|---|---|
| sums, factors, matrices | `Dense`; `DelayDense` where a message skips levels; biases are weights on the constants |
| element functions | piecewise linear: hinges relu(x - knot) in a `GradedReluVec`, 16 a function, flat outside them |
| products | `ProdNeuron`: two factors of 16 bits, a shift |
| quotients | `InvSqrt`, squared, and a product: N * (1/sqrt(D))^2 |
| maxima, minima, absolute values | a sum and a hinge |
| states that are sums | `GradedVec` |
| states that are products (the LTC's N/D) | the `ProdNeuron` itself |

What a hinge is multiplied by merges with the weights of whatever reads the function, so that a sum of sigmoids needs
no neuron for each of them. Where hinges would each receive a wide sum, a `GradedVec` takes the sum first: a tick
more for a fraction of the synapses (`LibraryForm.growth`). The LTC's iteration has four ticks: the synapses' hinges; D
into `InvSqrt`; its square; the product with N, which is the state.

A weight of `Dense` with mixed signs has 8 bits and is even; all of one connection share a power of two. Each weight is
therefore two, in two connections (`split_weights`). Hinges of one function have weights whose sum is exactly 0: the
slopes are rounded, not the weights. Constants make good the half LSB that every shift floors away.

**Nothing wraps.** Lava's processes silently wrap at 32 bits, so a network is built only if it is proven that
every message and sum stays within 24 bits, every sum before its shift and every product within 32, whatever arrives.
Functions that are flat outside their knots make that possible: states in a loop are read through them. Each
population has as many bits as the proof allows. The bounds hold at the end of a tick; a sum that is out of range
while its terms arrive and back when the last one has come is not excluded.

**No chip was used.** `Dense`, `GradedVec`, `ProdNeuron` and `InvSqrt` have run on Loihi 2 in Lava's public notebooks;
of `GradedReluVec` no such run is known. Lava's processes answer at once on the CPU; a chip's output comes a tick later.

**What is refused**, each with its reason: more than one loop, a state beside a loop, a state that does not start at 0,
comparisons and selections, a denominator that is not proven to be positive, numbers too wide for the proof. On Lava a
run starts from silence; the reference can go on from a state.

A state that a sample leaves beyond its calibrated range is read as the range's end, and counted in `run.saturations`.
`on="loihi2"` puts the same processes between the adapters of Intel's extension, keeps every tick of what comes back,
and finds the results at the delay at which they are the reference's; where none are, it says so.

**InvSqrt.** Its 12 bits have a sign: over whole octaves it is a few 2^-12 above or below the truth. What is known of D
tells by how much on average, and the weights behind it make that good. Lava 0.10.0's CPU model of it takes one
neuron a process and fails with NumPy 2.4; a model of ours, tested to return the same integers, stands in for it and
takes many. Everything else runs on Lava's own models. `LibraryForm(reciprocal=Reciprocal.HINGES)` does without: 1/D is
one more piecewise linear function (32 hinges). It is nearer where D varies by less than some ten times, and useless
where it varies by hundreds, as in the LTC with raw constraints: 18 dB.

## How near

Whole test sets; SQNR in dB against the float network, of the worst channel, microcode / library.

| network | outputs | states | metric, float | metric |
|---|---|---|---|---|
{errors}

## What it costs

Microcode / library. Synapses count each half of a split weight; processes are Lava's, the host's two ends included.

| network | neurons | synapses | processes | ticks a sample |
|---|---|---|---|---|
{costs}

As few processes as there can be: a population a kind and level, and between two of them one connection for each half
of the weights, since the halves have different powers of two, and one for the biases.

## Forms of the digits LTC

| form | outputs dB | states dB | accuracy | hinges | synapses | processes | ticks a sample |
|---|---|---|---|---|---|---|---|
{forms}

On Lava (2 cores, other work beside it): {lava}.

Made by `python benchmarks/library.py --out docs/without-microcode.md`.
"""
