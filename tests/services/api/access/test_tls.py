from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from services.api.access.tls import check_files, keep, names, server_context
from shared.errors import ConfigError
from shared.settings_api import TlsSettings
from tests.support.tls import make_certificate


def settings(certificate: Path, key: Path) -> TlsSettings:
    return TlsSettings.model_validate({"certificate_file": certificate, "key_file": key})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make_certificate(key, certificate)
    return certificate, key


def test_a_pair_is_right_and_none_is_right(pair: tuple[Path, Path]) -> None:
    check_files(settings(*pair))
    check_files(TlsSettings())


def test_a_missing_file_is_named_with_its_setting(pair: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = pair
    with pytest.raises(ConfigError, match=r"api\.tls\.key_file .*missing: No such file"):
        check_files(settings(certificate, tmp_path / "missing"))
    with pytest.raises(ConfigError, match=r"api\.tls\.certificate_file .*: Is a directory"):
        check_files(settings(tmp_path, key))


def test_files_that_do_not_belong_together_are_refused(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "key.pem"
    make_certificate(other, tmp_path / "certificate.pem")
    with pytest.raises(ConfigError, match="is not the key of the certificate"):
        check_files(settings(pair[0], other))


def test_what_is_no_pem_is_refused_and_not_repeated(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("secret nonsense", encoding="utf-8")
    for wrong in (settings(nonsense, pair[1]), settings(pair[0], nonsense)):
        with pytest.raises(ConfigError, match="are not a PEM certificate and its PEM key") as said:
            check_files(wrong)
        assert "secret" not in str(said.value)


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.pem"
    command = ["openssl", "pkey", "-in", str(pair[1]), "-out", str(locked)]
    command += ["-aes256", "-passout", "pass:1234"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(ConfigError, match="is encrypted"):
        check_files(settings(pair[0], locked))


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    context = server_context(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_copies_outlive_the_files_and_change_with_right_ones_only(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    keep(TlsSettings())
    keep(settings(*pair))
    copies = [Path(name) for name in names()]
    certificate, key = (path.read_bytes() for path in pair)
    pair[0].write_bytes(b"")
    with pytest.raises(ConfigError, match=r"api\.tls\.certificate_file"):
        keep(settings(*pair))
    assert [copy.read_bytes() for copy in copies] == [certificate, key]
    make_certificate(tmp_path / "other.key", tmp_path / "other.pem")
    keep(settings(tmp_path / "other.pem", tmp_path / "other.key"))
    assert copies[0].read_bytes() == (tmp_path / "other.pem").read_bytes()
    assert [Path(name) for name in names()] == copies
