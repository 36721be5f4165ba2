"""Models whose forward is a function, or one layer."""

from torch import nn


class Net(nn.Module):
    """A forward as a function of the module and x; what is `hidden` torch does not know."""

    def __init__(self, function, *hidden, **modules):
        super().__init__()
        self.function, self.hidden = function, list(hidden)
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.function(self, x)


class First(nn.Module):
    """What a layer puts out, without its state."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]
