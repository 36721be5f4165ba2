"""Torch modules: the field's cells that no package ships, and what runs a cell over a sequence."""

from ltc2neuro.nn.conductance_circuit import ConductanceCircuit, ConductanceCircuitCell
from ltc2neuro.nn.ct_gru import CTGRU, CTGRUCell
from ltc2neuro.nn.ctrnn import CTRNN, CTRNNCell
from ltc2neuro.nn.gru_d import GRUD, GRUDCell
from ltc2neuro.nn.gru_ode import GRUODE, GRUODECell
from ltc2neuro.nn.lif import LIF, LIFCell
from ltc2neuro.nn.liquid_lif import LiquidLIF, LiquidLIFCell
from ltc2neuro.nn.ltc_se import LTCSE, LTCSECell, LTCSEGRUCell
from ltc2neuro.nn.missing import Missing, with_masks
from ltc2neuro.nn.neural_ode import NeuralODE, NeuralODECell
from ltc2neuro.nn.ode_lstm import ODELSTM, ODELSTMCell
from ltc2neuro.nn.ode_rnn import ODERNN, ODERNNCell
from ltc2neuro.nn.paper_ltc import PaperLTC, PaperLTCCell
from ltc2neuro.nn.recurrence import Recurrent, repeat
from ltc2neuro.nn.residual_rnn import ResidualRNN, ResidualRNNCell
from ltc2neuro.nn.time_axis import TimeAxis

__all__ = [
    "CTGRU",
    "CTRNN",
    "GRUD",
    "GRUODE",
    "LIF",
    "LTCSE",
    "ODELSTM",
    "ODERNN",
    "CTGRUCell",
    "CTRNNCell",
    "ConductanceCircuit",
    "ConductanceCircuitCell",
    "GRUDCell",
    "GRUODECell",
    "LIFCell",
    "LTCSECell",
    "LTCSEGRUCell",
    "LiquidLIF",
    "LiquidLIFCell",
    "Missing",
    "NeuralODE",
    "NeuralODECell",
    "ODELSTMCell",
    "ODERNNCell",
    "PaperLTC",
    "PaperLTCCell",
    "Recurrent",
    "ResidualRNN",
    "ResidualRNNCell",
    "TimeAxis",
    "repeat",
    "with_masks",
]
