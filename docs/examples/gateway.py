"""Asks a gateway about a picture. Needs nothing but Python: python3 gateway.py photo.png [address]"""

import json
import sys
import urllib.error
import urllib.request


def ask(picture: bytes, address: str) -> dict:
    """What the server's model says of the picture: label, class, logits and what it cost."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=picture)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"{refused.code}: {json.load(refused)['error']}") from None


if __name__ == "__main__":
    where = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8080"
    with open(sys.argv[1], "rb") as file:
        found = ask(file.read(), where)
    print(found["label"], found["class"])
