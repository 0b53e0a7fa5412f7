"""TLS with dcmtk's programs and OpenSSL's certificates: who has none of ours gets nowhere."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.dicom_node.dicom_node_site import RawPeer, RunningNode, dcmtk, rows, until
from tests.web.web_dicom_files import ct_slices

pytestmark = pytest.mark.usefixtures("dcmtk_there")


def openssl(folder: Path, *arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE"),
    )


def certificate(folder: Path, name: str, by: str) -> None:
    """A key and a certificate of `name`, signed by the authority `by`."""
    request = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key")
    openssl(folder, *request, "-out", f"{name}.csr")
    signing = ("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial")
    openssl(folder, *signing, "-days", "2", "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "others"):
        authority(folder, name)
    for name, by in (("node", "ours"), ("camera", "ours"), ("stranger", "others")):
        certificate(folder, name, by)
    return folder


@pytest.fixture
def tls_node(site_folder: Path, node_of: Callable[..., RunningNode], keys: Path) -> RunningNode:
    files = {"TLS_CERT": keys / "node.pem", "TLS_KEY": keys / "node.key", "TLS_CA": keys / "ours.pem"}
    return node_of(site_folder, REQUEST_S=2, **files)


def sent(node: RunningNode, keys: Path, who: str, folder: Path, port: int, authority: str = "ours") -> int:
    tls = ("+tls", str(keys / f"{who}.key"), str(keys / f"{who}.pem"), "+cf", str(keys / f"{authority}.pem"))
    arguments = (*tls, "-aet", "TLSONLY", "-aec", "THERATRIAL", "127.0.0.1", str(port), "+sd", str(folder))
    return dcmtk("storescu", *arguments).returncode


def test_a_camera_with_a_certificate_of_ours_sends_and_others_do_not(
    tls_node: RunningNode, site_folder: Path, keys: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    for number, content in enumerate(ct_slices("P01", datetime(2022, 5, 1, tzinfo=UTC), 3, uid="1.2.3.4")):
        (folder / f"{number}.dcm").write_bytes(content)
    port = tls_node.tls_port
    plain = dcmtk("storescu", "-aet", "CT01", "-aec", "THERATRIAL", "127.0.0.1", str(port), "+sd", str(folder))
    assert plain.returncode != 0, "without TLS on the TLS port"
    assert sent(tls_node, keys, "stranger", folder, port) != 0, "a certificate of another authority"
    assert sent(tls_node, keys, "camera", folder, port, authority="others") != 0, "the camera does not trust us"
    assert sent(tls_node, keys, "camera", folder, tls_node.port) != 0, "TLS on the plain port"
    # Somebody who opens a connection and says nothing keeps nobody else waiting.
    silent = [RawPeer(port) for _ in range(3)]
    assert sent(tls_node, keys, "camera", folder, port) == 0
    until(
        lambda: rows(site_folder, "select sender, files from studies_upload where state='reading'") == [("TLSONLY", 3)]
    )
    for one in silent:
        assert one.gone()


def test_a_tls_port_without_certificates_is_refused_before_anything_listens(site_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a TLS port needs"):
        RunningNode(site_folder, TLS_PORT="11199", PORT=0)
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", encoding="ascii")
    with pytest.raises(AssertionError, match="the DICOM node cannot be used"):
        RunningNode(site_folder, TLS_CERT=broken, TLS_KEY=broken)
