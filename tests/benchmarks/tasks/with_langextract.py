# mypy: ignore-errors
"""The tasks with langextract; what it has no way for is not here."""

from given import LABELLED, LINES, LONG, SOLVED, TEXT, TEXTS, Invoice, Line


def one_record():
    import langextract as lx

    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total."
    result = lx.extract(TEXT, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    return Invoice(**{each.extraction_class: each.extraction_text for each in result.extractions})


def instructions_and_examples():
    import langextract as lx

    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total. Totals are gross."
    result = lx.extract(TEXT, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    return Invoice(**{each.extraction_class: each.extraction_text for each in result.extractions})


def list_of_items():
    import langextract as lx

    shown = lx.data.Extraction(
        extraction_class="line",
        extraction_text="3 lamps 60.00",
        attributes={"article": "lamps", "amount": "60.00"},
    )
    example = lx.data.ExampleData(text="3 lamps 60.00", extractions=[shown])
    told = "Extract each line."
    result = lx.extract(LINES, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    return [Line(**each.attributes) for each in result.extractions]


def where_values_stand():
    import langextract as lx

    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total."
    result = lx.extract(TEXT, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    return [
        (each.extraction_class, each.char_interval.start_pos, each.char_interval.end_pos)
        for each in result.extractions
        if each.char_interval
    ]


def many_texts_resumed():
    import json
    from concurrent.futures import ThreadPoolExecutor
    from hashlib import sha256
    from pathlib import Path

    import langextract as lx

    cache = Path("answers")
    cache.mkdir(exist_ok=True)
    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total."

    def one(text):
        file = cache / sha256(text.encode()).hexdigest()
        if file.exists():
            return Invoice(**json.loads(file.read_text()))
        try:
            result = lx.extract(
                text, prompt_description=told, examples=[example], model_id="gpt-4o-mini", show_progress=False
            )
            record = Invoice(**{each.extraction_class: each.extraction_text for each in result.extractions})
        except Exception as error:
            return error
        file.write_text(record.model_dump_json())
        return record

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(one, TEXTS))


def data_frame():
    import langextract as lx
    import pandas as pd

    frame = pd.DataFrame({"body": TEXTS})
    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total."
    documents = [lx.data.Document(text=text) for text in frame["body"]]
    results = lx.extract(documents, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    rows = [
        {each.extraction_class: each.extraction_text for each in result.extractions} for result in results
    ]
    return frame.join(pd.DataFrame(rows, index=frame.index).astype({"total": float}))


def long_document():
    import langextract as lx

    shown = lx.data.Extraction(
        extraction_class="line",
        extraction_text="3 lamps 60.00",
        attributes={"article": "lamps", "amount": "60.00"},
    )
    example = lx.data.ExampleData(text="3 lamps 60.00", extractions=[shown])
    told = "Extract each line."
    result = lx.extract(
        LONG, prompt_description=told, examples=[example], model_id="gpt-4o-mini", max_char_buffer=4000
    )
    return [Line(**each.attributes) for each in result.extractions]


def score_on_labels():
    import langextract as lx

    example = lx.data.ExampleData(
        text=SOLVED,
        extractions=[
            lx.data.Extraction(extraction_class="number", extraction_text="B-2"),
            lx.data.Extraction(extraction_class="total", extraction_text="12.00"),
        ],
    )
    told = "Extract number and total."
    documents = [lx.data.Document(text=text) for text, _ in LABELLED]
    results = lx.extract(documents, prompt_description=told, examples=[example], model_id="gpt-4o-mini")
    right = found = gold = 0
    for result, (_, record) in zip(results, LABELLED, strict=True):
        wanted = record.model_dump()
        try:
            got = Invoice(**{each.extraction_class: each.extraction_text for each in result.extractions})
        except ValueError:
            got = None
        told = got.model_dump() if got else {}
        right += sum(told.get(name) == value for name, value in wanted.items())
        found, gold = found + len(told), gold + len(wanted)
    return 2 * right / (found + gold)
