"""Examples in the prompt: two solved support e-mails, then the model reads a third.

A tiny model, as the embedded one, copies values from the examples; larger ones learn what is wanted.
"""

import json
from pathlib import Path

from support_email import SupportEmail

from extractor import Extractor

if __name__ == "__main__":
    here = Path(__file__).parent
    gold = [json.loads(line) for line in (here / "gold/support_email.jsonl").read_text("utf-8").splitlines()]
    solved = [
        ((here / "texts/support_email" / row["file"]).read_text("utf-8"), row["record"])
        for row in gold
        if row["file"].startswith(("04", "06"))
    ]
    text = (here / "texts/support_email/07-wrong-colour-short.txt").read_text("utf-8")

    with Extractor(instructions="Leave out what the e-mail does not say.", max_tokens=300) as extractor:
        for name, examples in {"without examples": [], "with two examples": solved}.items():
            result = extractor.run(SupportEmail, text, examples=examples)
            print(f"{name}: {result.outcome}, {result.usage.prompt_tokens} prompt tokens")
            print(result.record.model_dump_json(indent=2) if result.record else result.error)
