"""What several commands need: settings, the declared topics, the policy."""

import os
import sysconfig
from pathlib import Path

import sstl
from sstl.agents.topics import Topics
from sstl.models.policy import Policy
from sstl.policy_files import load_policy
from sstl.settings import Settings


def read_settings() -> Settings:
    """Return the settings of this process's environment.

    Raises:
        UserError: A variable is wrong or unknown.
    """
    return Settings.from_environment(os.environ)


def declared_topics(settings: Settings) -> Topics:
    """Return the topics as the settings declare them."""
    return Topics(settings.prefix, dict(settings.partitions))


def read_policy(settings: Settings) -> Policy:
    """Return the policy of ``SSTL_POLICY_FILE`` (a file or a directory), or the one that needs no file.

    Raises:
        PolicyError: A file is no YAML, does not fit the model or names what this release does not know; says the
            file, line and column.
    """
    if settings.policy_file is None:
        return Policy()
    return load_checked(settings.policy_file)


def load_checked(path: Path) -> Policy:
    """Return the policy of a file or directory, as this release understands it.

    Raises:
        PolicyError: With everything that is wrong.
    """
    # the rules bring the whole domain with them, which most commands need not wait for
    from sstl.agents.policy_check import check

    return load_policy(path, check)


def shipped_policy() -> Path | None:
    """Return the directory of the policy that comes with the project, None where it was not installed.

    That is ``policy/`` of a checkout, else ``share/sstl/policy`` of the environment that a wheel was installed into.
    """
    own = Path(sstl.__file__).resolve().parents[1] / "policy"
    installed = Path(sysconfig.get_path("data")) / "share" / "sstl" / "policy"
    return next((path for path in (own, installed) if (path / "main.yaml").is_file()), None)
