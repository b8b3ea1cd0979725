"""Stage [flags]: the life of a risk flag, from findings, feedback on it and what operators do about it.

Subject stages say what they find; whether that is a new flag, an update or a withdrawal is decided here, beside what
offices and operators have said. What a flag says is a function of its last finding, of the answers that count and of
the watermark, whatever came first.
"""

from sstl.core.flags.answers import feedback_on
from sstl.core.flags.stage import FlagsStage
from sstl.core.flags.standing import final_feedback

__all__ = ["FlagsStage", "feedback_on", "final_feedback"]
