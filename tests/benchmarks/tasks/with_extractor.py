# mypy: ignore-errors
"""The tasks with extractor."""

from given import LABELLED, LINES, LONG, PNG, SOLVED, TEXT, TEXTS, Invoice, Line


def one_record():
    from extractor import extract

    return extract(Invoice, TEXT, model="openai:gpt-4o-mini")


def instructions_and_examples():
    from extractor import Extractor

    with Extractor("openai:gpt-4o-mini", instructions="Totals are gross.") as ex:
        return ex.extract(Invoice, TEXT, examples=[(SOLVED, Invoice(number="B-2", total=12))])


def list_of_items():
    from extractor import Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        return ex.extract(list[Line], LINES)


def where_values_stand():
    from extractor import Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        result = ex.run(Invoice, TEXT)
        return [(where, span.start, span.end) for where, spans in result.evidence.items() for span in spans]


def many_texts_resumed():
    from extractor import Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        return [outcome.record or outcome.error for outcome in ex.rows(TEXTS, Invoice)]


def data_frame():
    import pandas as pd

    from extractor import Columns, Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        return ex.frame(pd.DataFrame({"body": TEXTS}), Invoice, text="body", columns=Columns(flatten=True))


def long_document():
    from extractor import Chunks, Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        return ex.document(list[Line], LONG, chunks=Chunks(size=4000)).record


def picture():
    from extractor import Extractor, image

    with Extractor("openai:gpt-4o-mini") as ex:
        return ex.extract(Invoice, [image(PNG)])


def as_it_comes():
    from extractor import Extractor

    with Extractor("openai:gpt-4o-mini") as ex:
        return list(ex.stream(Invoice, TEXT))


def score_on_labels():
    from extractor import Extractor
    from extractor.evaluation import evaluate

    with Extractor("openai:gpt-4o-mini") as ex:
        cases = [{"text": text, "record": record.model_dump()} for text, record in LABELLED]
        return evaluate(ex, Invoice, cases).overall()["value F1"].value
