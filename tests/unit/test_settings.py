from datetime import timedelta
from pathlib import Path

import pytest

from sstl.errors import ExitCode
from sstl.settings import DEVELOPMENT_PSEUDONYM_KEY, Settings, SettingsError, data_directory


def test_an_empty_environment_gives_a_laptop_on_loopback() -> None:
    settings = Settings.from_environment({})
    assert settings.bootstrap == "127.0.0.1:9092"
    assert (settings.metrics_host, settings.metrics_port) == ("127.0.0.1", 8900)
    assert settings.prefix == settings.group == "sstl"
    assert settings.backfill == frozenset()


def test_the_environment_overrules_the_defaults() -> None:
    settings = Settings.from_environment(
        {
            "SSTL_BOOTSTRAP": "kafka-1:9092, kafka-2:9092",
            "SSTL_PREFIX": "pilot-2",
            "SSTL_BACKFILL": "transport, manifest",
            "SSTL_SESSION_TIMEOUT": "4.5",
            "SSTL_HEARTBEAT_INTERVAL": "1.5",
            "SSTL_LOG_LEVEL": "debug",
            "PATH": "not ours",
            "SSTL_TEST_SEED": "7",
        }
    )
    assert settings.bootstrap == "kafka-1:9092,kafka-2:9092"
    assert settings.prefix == "pilot-2"
    assert settings.backfill == {"transport", "manifest"}
    assert settings.session_timeout == timedelta(seconds=4.5)
    assert settings.log_level == "DEBUG"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environment({"SSTL_METRICS_PORT": " "}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSTL_BOOTSTRAP", "kafka"),
        ("SSTL_BOOTSTRAP", "kafka:0"),
        ("SSTL_BOOTSTRAP", "kafka:65536"),
        ("SSTL_PREFIX", "with space"),
        ("SSTL_PREFIX", "UPPER"),
        ("SSTL_METRICS_HOST", "example"),
        ("SSTL_METRICS_PORT", "65536"),
        ("SSTL_METRICS_PORT", "-1"),
        ("SSTL_BACKFILL", "transport,teleport"),
        ("SSTL_POLICY_FILE", "missing.yaml"),
        ("SSTL_SESSION_TIMEOUT", "ten"),
        ("SSTL_SESSION_TIMEOUT", "0.9"),
        ("SSTL_SESSION_TIMEOUT", "nan"),
        ("SSTL_BATCH_RECORDS", "0"),
        ("SSTL_LOG_LEVEL", "LOUD"),
        ("SSTL_INSTANCE_ID", "a/b"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        Settings.from_environment({variable: value})
    assert value in caught.value.message
    assert caught.value.exit_code == ExitCode.SETTINGS


def test_a_misspelt_variable_is_refused_with_the_likely_name() -> None:
    with pytest.raises(
        SettingsError, match=r"SSTL_BOOTSTRP: unknown setting, did you mean SSTL_BOOTSTRAP\?"
    ):
        Settings.from_environment({"SSTL_BOOTSTRP": "127.0.0.1:9092"})


def test_three_heartbeats_fit_into_a_session() -> None:
    Settings.from_environment({"SSTL_SESSION_TIMEOUT": "9", "SSTL_HEARTBEAT_INTERVAL": "3"})
    with pytest.raises(SettingsError, match="SSTL_HEARTBEAT_INTERVAL"):
        Settings.from_environment({"SSTL_SESSION_TIMEOUT": "8.9", "SSTL_HEARTBEAT_INTERVAL": "3"})


def test_the_development_key_works_with_a_warning() -> None:
    settings = Settings.from_environment({})
    assert settings.pseudonym_key == DEVELOPMENT_PSEUDONYM_KEY
    assert "SSTL_PSEUDONYM_KEY" in settings.warnings[0]


def test_the_pseudonym_key_is_never_shown() -> None:
    secret = "correct horse battery staple"
    settings = Settings.from_environment({"SSTL_PSEUDONYM_KEY": secret})
    assert settings.pseudonym_key == secret.encode()
    assert settings.warnings == ()
    assert secret not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"SSTL_PSEUDONYM_KEY": "short secret"})
    assert "short secret" not in caught.value.message


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"SSTL_DATA_DIR": "/srv/lanes"}, Path("/srv/lanes"), id="told"),
        pytest.param({"XDG_DATA_HOME": "/home/x/data"}, Path("/home/x/data/sstl"), id="xdg"),
        pytest.param(
            {"XDG_DATA_HOME": "relative"},
            Path.home() / ".local/share/sstl",
            id="relative-is-ignored",
        ),
        pytest.param({}, Path.home() / ".local/share/sstl", id="home"),
    ],
)
def test_data_lies_where_the_user_keeps_data(environment: dict[str, str], expected: Path) -> None:
    assert data_directory(Settings.from_environment(environment), environment) == expected
