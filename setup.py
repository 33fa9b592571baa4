"""Packaging of the extension. The wheel holds azext_acrcmk and nothing else."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "1.0.0b1"

# How README begins, and no more: the CLI parses an extension's whole description at each `az acr` and `az version`.
# It is Markdown. HISTORY is reStructuredText, as extensions have it, so it goes in as a literal block.
README = (HERE / "README.md").read_text(encoding="utf-8").partition(" See [Limits]")[0]
HISTORY = (HERE / "HISTORY.rst").read_text(encoding="utf-8")

setup(
    name="acrcmk",
    version=VERSION,
    description="Encrypt container registries with customer-managed keys, and see whether the keys still work.",
    long_description=f"{README.rstrip()}\n\n```rst\n{HISTORY.strip()}\n```\n",
    long_description_content_type="text/markdown",
    license="MIT",
    author="The acrcmk authors",
    python_requires=">=3.10",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Programming Language :: Python",
        "Programming Language :: Python :: 3",
    ],
    packages=find_packages(include=["azext_acrcmk", "azext_acrcmk.*"]),
    package_data={"azext_acrcmk": ["azext_metadata.json"]},
    # Empty on purpose: the SDKs are those of the CLI. pip would fetch others into the extension's folder, the CLI would
    # load its own before them, and without internet the extension could not be installed at all.
    install_requires=[],
)
