"""What several commands need: settings, the declared topics, the policy."""

import os

import yaml
from pydantic import ValidationError

from sstl.agents.topics import Topics
from sstl.errors import UserError
from sstl.models.policy import Policy
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
    """Return the policy of ``SSTL_POLICY_FILE``, or the one that needs no file.

    Raises:
        UserError: The file is not YAML or does not fit the model; names the place in it.
    """
    if settings.policy_file is None:
        return Policy()
    try:
        data = yaml.safe_load(settings.policy_file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{settings.policy_file}: cannot be read as YAML: {error}") from error
    try:
        return Policy.model_validate(data or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{settings.policy_file}: {where}: {first['msg']}") from error
