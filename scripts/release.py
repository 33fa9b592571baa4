"""Makes all that a release is published as, into one folder: `make release URL=https://...`.

acrcmk-VERSION-py3-none-any.whl          the wheel, reproducible (wheel.py), and its SHA-256 as sha256sum writes it
acrcmk-VERSION.cdx.json                  the software bill of materials, as CycloneDX
index.json                               what `az extension add --name acrcmk` looks in; keeps the versions it has
extensionCommandTree.json                with which the CLI knows which extension to install for `az acr cmk`

docs/releasing.md says where each goes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import uuid
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NAME = "acrcmk"
# To try a release: python3 -m http.server --bind 127.0.0.1 --directory dist
URL = "http://127.0.0.1:8000"


def release(wheel: Path, output: Path, url: str) -> None:
    """Write everything that goes with a wheel, which is in `output` already."""
    index = output / "index.json"
    known = json.loads(index.read_text(encoding="utf-8")) if index.exists() else None
    version = Wheel(wheel).metadata["Version"]
    wheel.with_name(f"{wheel.name}.sha256").write_text(f"{digest(wheel)}  {wheel.name}\n", encoding="ascii")
    _write(output / f"{NAME}-{version}.cdx.json", bill_of_materials(wheel))
    _write(index, with_release(known, wheel, url))
    _write(output / "extensionCommandTree.json", command_tree(wheel))


class Wheel:
    """What a wheel says of itself."""

    def __init__(self, path: Path):
        with zipfile.ZipFile(path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.metadata: Message = message_from_bytes(self._in_dist_info("METADATA"))
        self.generator: str = message_from_bytes(self._in_dist_info("WHEEL"))["Generator"]
        self.extension: dict[str, Any] = json.loads(self.files["azext_acrcmk/azext_metadata.json"])

    def _in_dist_info(self, name: str) -> bytes:
        (found,) = (content for path, content in self.files.items() if path.endswith(f".dist-info/{name}"))
        return found

    def all(self, header: str) -> list[str]:
        return self.metadata.get_all(header) or []

    def project_urls(self) -> dict[str, str]:
        return dict(each.split(", ", 1) for each in self.all("Project-URL"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_release(index: dict[str, Any] | None, wheel: Path, url: str) -> dict[str, Any]:
    """The index with this version in it, in place of what it has of the same version."""
    index = index or {"formatVersion": "1", "extensions": {}}
    entry = {
        "downloadUrl": f"{url.rstrip('/')}/{wheel.name}",
        "filename": wheel.name,
        "metadata": _index_metadata(Wheel(wheel)),
        "sha256Digest": digest(wheel),
    }
    others = [each for each in index["extensions"].get(NAME, []) if each["filename"] != wheel.name]
    return {**index, "extensions": {**index["extensions"], NAME: [*others, entry]}}


def _index_metadata(wheel: Wheel) -> dict[str, Any]:
    """As the public index of extensions has it: what old wheels said in metadata.json, and azext_metadata.json."""
    urls = wheel.project_urls()
    details = {
        "contacts": [{"name": wheel.metadata["Author"], "role": "author"}],
        "project_urls": {"Home": urls.get("Home", urls["Documentation"])},
    }
    return {
        **wheel.extension,
        "classifiers": wheel.all("Classifier"),
        "extensions": {"python.details": details},
        "extras": [],
        "generator": wheel.generator,
        "license": wheel.metadata["License"],
        "metadata_version": "2.0",
        "name": wheel.metadata["Name"],
        "run_requires": [{"requires": requires}] if (requires := wheel.all("Requires-Dist")) else [],
        "summary": wheel.metadata["Summary"],
        "version": wheel.metadata["Version"],
    }


def command_tree(wheel: Path) -> dict[str, Any]:
    """The words of each command, and at their end the extension that has it."""
    from azure.cli.core.mock import DummyCli

    sys.path.insert(0, str(wheel))  # the commands that are released, not those of the checkout
    from azext_acrcmk import COMMAND_LOADER_CLS

    loader = COMMAND_LOADER_CLS(DummyCli())
    tree: dict[str, Any] = {}
    for command in sorted(loader.load_command_table([])):
        *groups, last = command.split()
        place = tree
        for word in groups:
            place = place.setdefault(word, {})
        place[last] = NAME
    return tree


def bill_of_materials(wheel: Path) -> dict[str, Any]:
    """CycloneDX 1.6: the wheel with its files, which needs nothing but the CLI that it is installed into."""
    made, sum_ = Wheel(wheel), digest(wheel)
    version = made.metadata["Version"]
    cli = {
        "type": "framework",
        "bom-ref": "pkg:pypi/azure-cli",
        "name": "azure-cli",
        "scope": "excluded",
        "purl": "pkg:pypi/azure-cli",
        "description": f"The host, {made.extension['azext.minCliCoreVersion']} or later: not part of the wheel, which "
        "uses the Azure SDKs that come with it.",
    }
    itself = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{NAME}@{version}",
        "name": NAME,
        "version": version,
        "description": made.metadata["Summary"],
        "hashes": [{"alg": "SHA-256", "content": sum_}],
        "licenses": [{"license": {"id": made.metadata["License"]}}],
        "purl": f"pkg:pypi/{NAME}@{version}",
        "externalReferences": [{"type": "documentation", "url": made.project_urls()["Documentation"]}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The same wheel has the same bill, so neither chance nor the time is in it.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:sha256:{sum_}')}",
        "version": 1,
        "metadata": {"component": itself},
        "components": [cli, *(_file(name, content) for name, content in sorted(made.files.items()))],
        "dependencies": [{"ref": itself["bom-ref"], "dependsOn": [cli["bom-ref"]]}, {"ref": cli["bom-ref"]}],
    }


def _file(name: str, content: bytes) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": hashes}


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel, as wheel.py has built it")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="the folder; an index.json in it goes on")
    parser.add_argument("--url", default="", help="where the folder's files will be found: https://...")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    wheel = options.output / options.wheel.name
    wheel.write_bytes(options.wheel.read_bytes())
    release(wheel, options.output, options.url or URL)
    for path in sorted(options.output.iterdir()):
        print(path)
    if not options.url:
        print(f"index.json leads to {URL}. For another place: make release URL=https://...")


if __name__ == "__main__":
    main()
