"""How the frames of a window hold together while they are inverted, and when to stop."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Access = Literal["w_plus", "w", "none"]
Anchor = Literal["first", "mean"]
Consistency = Literal["cross_frame", "residual", "literal", "none"]
Reach = Literal["neighbours", "all"]
Axes = Literal["w", "principal"]


class Coupling(BaseModel):
    """Switches of the joint inversion. The default is ours; the others are the comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    access: Access = "w_plus"
    """Codes are a base and steps (paper 003, eq. 3), steps in W+ or in W, the same for every free
    row (the published code); none: each frame has a code of its own."""
    anchor: Anchor = "first"
    """Which code the base is: the first frame's (paper 003) or the mean of all that are solved for.
    The same codes can be had either way; from the mean, what all frames want alike moves the base
    alone, and the steps see only what differs."""
    axes: Axes = "w"
    """Along which axes Adam goes: those of W, as published, or W's principal axes, each in its own
    deviations (their mean square is 1, so that a learning rate means the same)."""
    step_rate: float = Field(default=0.4, gt=0)
    """Learning rate of the steps, as a share of the base's: they add up along a window."""
    shared_rate: float = Field(default=0, ge=0)
    """Learning rate of what all rows of W+ share, as a share of base's and steps', where the start
    lies in W; 0, or from another start: they share nothing."""
    row_rate: float = Field(default=1.0, gt=0)
    """Learning rate of what each row then has to itself, likewise."""
    consistency: Consistency = "cross_frame"
    """Reconstructions compared with each other along the flow; residual: what they miss of their
    targets compared so, which asks for nothing that the source itself does not do; literal: each
    with its own target, both warped (paper 003, eq. 8); none."""
    noise: bool = False
    """Solve for additive noise maps of the generator's layers as well (the paper's "++")."""
    noise_rate: float = Field(default=1.0, gt=0)
    """Learning rate of the noise, as a share of the base's."""
    patience: int = Field(default=0, ge=0)
    """Steps over which the loss has to fall to go on; 0: take all steps."""
    tolerance: float = Field(default=0.01, ge=0)
    """By what share it has to fall: the mean of the last ``patience`` losses against that of as
    many before."""

    def settled(self, losses: list[float]) -> bool:
        """Whether the losses so far, one a step, no longer fall."""
        k = self.patience
        if not k or len(losses) < 2 * k:
            return False
        before, now = sum(losses[-2 * k : -k]), sum(losses[-k:])
        return now > (1 - self.tolerance) * before
