"""Packaging of the extension. The wheel holds azext_acrcmk and nothing else."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "1.0.0b1"

# Where the project is published, as "https://github.com/OWNER/acrcmk". Whoever publishes it says so here.
HOME = ""
DOCUMENTATION = "https://aka.ms/acr/cmk"

# How README begins, title and first paragraph: the CLI parses an extension's whole description at each `az acr` and
# `az version`. It is Markdown. HISTORY is reStructuredText, as extensions have it, so it goes in as a literal block.
# Links within the repository lead nowhere from there.
README = "\n\n".join((HERE / "README.md").read_text(encoding="utf-8").split("\n\n")[:2])
README = re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", README)
HISTORY = (HERE / "HISTORY.rst").read_text(encoding="utf-8")


def project_urls():
    published = {
        "Home": HOME,
        "Changelog": f"{HOME}/blob/main/HISTORY.rst",
        "Issues": f"{HOME}/issues",
    }
    return {**(published if HOME else {}), "Documentation": DOCUMENTATION}


setup(
    name="acrcmk",
    version=VERSION,
    description="Encrypt container registries with customer-managed keys, and see whether the keys still work.",
    long_description=f"{README.rstrip()}\n\n```rst\n{HISTORY.strip()}\n```\n",
    long_description_content_type="text/markdown",
    license="MIT",
    author="The acrcmk authors",
    project_urls=project_urls(),
    python_requires=">=3.10",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Programming Language :: Python",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Security",
        "Topic :: System :: Systems Administration",
    ],
    packages=find_packages(include=["azext_acrcmk", "azext_acrcmk.*"]),
    package_data={"azext_acrcmk": ["azext_metadata.json"]},
    # Empty on purpose: the SDKs are those of the CLI. pip would fetch others into the extension's folder, the CLI would
    # load its own before them, and without internet the extension could not be installed at all.
    install_requires=[],
)
