"""What every reader and recogniser ends in: characters for CTC, and the frame-by-frame word head.

The word head says which of GRID's words is being said in each frame. It is learnt from the
alignments and gives the layers below something to learn from long before CTC does; reading uses
the characters alone.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from gridkit.models.alphabet import CLASSES, WORD_CLASSES
from gridkit.models.gru import BidirectionalGRU


class Output(NamedTuple):
    """What a model says of each frame, as unnormalised log-probabilities."""

    characters: torch.Tensor
    """(B, T, 28)."""
    words: torch.Tensor
    """(B, T, 52)."""


class Encoded(NamedTuple):
    """What the recurrent layers make of each frame, and what is said of it."""

    hidden: torch.Tensor
    """(B, T, 2 x hidden)."""
    output: Output


class Heads(nn.Module):
    """Two linear layers over the same features, always in float32."""

    def __init__(self, features: int):
        super().__init__()
        self.characters = nn.Linear(features, CLASSES)
        self.words = nn.Linear(features, WORD_CLASSES)

    def forward(self, features: torch.Tensor) -> Output:
        """Return both outputs for features (B, T, F)."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            return Output(self.characters(features), self.words(features))


class WordFeedback(nn.Module):
    """Gives the last recurrent layer the words that the layers before it recognise.

    Without it a reader in doubt between two words may spell half of each.

    Source: self-conditioned CTC, Nozaki and Komatsu 2021, arXiv:2104.02724, here with words.
    """

    def __init__(self, features: int):
        super().__init__()
        self.projection = nn.Linear(WORD_CLASSES, features)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Map word log-probabilities (B, T, 52) to what is added to features (B, T, F)."""
        return self.projection(words.softmax(-1))


RECURRENT: dict[str, Callable[[int, int], nn.GRU | nn.LSTM]] = {
    "gru": BidirectionalGRU,
    "lstm": partial(nn.LSTM, bidirectional=True, batch_first=True),
}
"""Makes a bidirectional layer of its inputs and its units per direction."""


def recurrent_mistakes(
    recurrent: str, hidden: int, recurrent_layers: int, *, word_feedback: bool
) -> Iterator[str]:
    """Say what is wrong with settings of the recurrent layers whose types are right."""
    if recurrent not in RECURRENT:
        yield f"no recurrent {recurrent!r}; it is one of {', '.join(RECURRENT)}"
    if word_feedback and recurrent_layers < 2:
        yield "word_feedback needs recurrent_layers of at least 2"
    if min(hidden, recurrent_layers) < 1:
        yield "hidden and recurrent_layers are at least 1"


class Bidirectional(nn.Module):
    """A stack of bidirectional recurrent layers with dropout between and after them.

    On a CPU it computes in float32 whatever surrounds it: under bf16 autocast a GRU there takes
    15 times as long as the convolutions before it.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, kind: str, dropout: float):
        super().__init__()
        sizes = (inputs, *[2 * hidden] * (layers - 1))
        self.layers = nn.ModuleList(RECURRENT[kind](size, hidden) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        for layer in self.layers:
            _make_orthogonal(layer)

    def forward(
        self,
        features: torch.Tensor,
        before_last: Callable[[torch.Tensor], torch.Tensor] = lambda features: features,
    ) -> torch.Tensor:
        """Map features (B, T, inputs) to (B, T, 2 x hidden).

        Args:
            features: of each frame.
            before_last: what is done to the features that the last layer gets.
        """
        keep_autocast = features.is_cuda and torch.is_autocast_enabled("cuda")
        with torch.autocast(features.device.type, enabled=keep_autocast):
            if not keep_autocast:
                features = features.float()
            for layer in self.layers[:-1]:
                features = self.dropout(layer(features)[0])
            return self.dropout(self.layers[-1](before_last(features))[0])


def _make_orthogonal(layer: nn.Module) -> None:
    """Make each gate's recurrent weights orthogonal, so that early gradients keep their size."""
    assert isinstance(layer, nn.RNNBase)
    for name, weights in layer.named_parameters():
        if "weight_hh" in name:
            for gate in weights.chunk(len(weights) // layer.hidden_size):
                nn.init.orthogonal_(gate)


def read(
    features: torch.Tensor,
    recurrent: Bidirectional,
    heads: Heads,
    feedback: WordFeedback | None,
) -> Encoded:
    """Read features; with feedback the words are those before the last recurrent layer.

    Args:
        features: (B, T, inputs of `recurrent`).
        recurrent: at least two layers where there is feedback.
        heads: of the width of its layers.
        feedback: of that width too.
    """
    if feedback is None:
        hidden = recurrent(features)
        return Encoded(hidden, heads(hidden))
    words: list[torch.Tensor] = []

    def add_words(between: torch.Tensor) -> torch.Tensor:
        words.append(heads(between).words)
        return between + feedback(words[0]).to(between.dtype)

    hidden = recurrent(features, add_words)
    return Encoded(hidden, Output(heads(hidden).characters, words[0]))
