"""The average phantom beside a real spine in one picture: can a surgeon name the level?

    python3 benches/beside.py target/release/corridor LABELS beside.png

LABELS is a label map of a real spine (a folder of TotalSegmentator's masks or one file). Needs Pillow.
From left to right: the real spine and the phantom from behind, then both from their left.
"""
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image

SIZE = "700x1400"


def drawn(corridor, labels, view, folder):
    """The program's own picture of a label map."""
    output = folder / f"{view}.png"
    subprocess.run(
        [corridor, "picture", labels, "--output", output, "--view", view, "--size", SIZE], check=True
    )
    return Image.open(output).convert("RGB")


def phantom(corridor, folder):
    """Labels of the average person, T1 to S1."""
    subprocess.run([corridor, "phantom", folder, "--variation", "0", "--no-dicom"], check=True)
    return folder / "vertebrae.nii.gz"


def main(corridor, real, output):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        spines = [pathlib.Path(real), phantom(corridor, scratch / "phantom")]
        pictures = []
        for view in ("posterior", "left"):
            for n, labels in enumerate(spines):
                folder = scratch / str(n)
                folder.mkdir(exist_ok=True)
                pictures.append(drawn(corridor, labels, view, folder))
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    sheet.save(output)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
