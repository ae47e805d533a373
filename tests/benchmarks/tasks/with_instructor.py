# mypy: ignore-errors
"""The tasks with instructor."""

from given import LABELLED, LINES, LONG, PNG, SOLVED, TEXT, TEXTS, Invoice, Line


def one_record():
    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    return client.create(response_model=Invoice, messages=[{"role": "user", "content": TEXT}])


def instructions_and_examples():
    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    messages = [
        {"role": "system", "content": "Totals are gross."},
        {"role": "user", "content": SOLVED},
        {"role": "assistant", "content": Invoice(number="B-2", total=12).model_dump_json()},
        {"role": "user", "content": TEXT},
    ]
    return client.create(response_model=Invoice, messages=messages)


def list_of_items():
    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    return client.create(response_model=list[Line], messages=[{"role": "user", "content": LINES}])


def where_values_stand():
    import instructor
    from pydantic import create_model

    quoted = create_model("Quoted", record=(Invoice, ...), quotes=(dict[str, str], ...))
    client = instructor.from_provider("openai/gpt-4o-mini")
    ask = "Quote for each field the words of the text that show it."
    messages = [{"role": "system", "content": ask}, {"role": "user", "content": TEXT}]
    found = client.create(response_model=quoted, messages=messages)
    return [
        (field, TEXT.find(quote), TEXT.find(quote) + len(quote))
        for field, quote in found.quotes.items()
        if quote in TEXT
    ]


def many_texts_resumed():
    import asyncio

    import instructor
    from instructor.cache import DiskCache

    cache = DiskCache(directory="answers")
    client = instructor.from_provider("openai/gpt-4o-mini", async_client=True, cache=cache)
    limit = asyncio.Semaphore(8)

    async def one(text):
        async with limit:
            messages = [{"role": "user", "content": text}]
            return await client.create(response_model=Invoice, messages=messages)

    async def every():
        return await asyncio.gather(*map(one, TEXTS), return_exceptions=True)

    return asyncio.run(every())


def data_frame():
    import asyncio

    import instructor
    import pandas as pd

    client = instructor.from_provider("openai/gpt-4o-mini", async_client=True)
    frame, limit = pd.DataFrame({"body": TEXTS}), asyncio.Semaphore(8)

    async def one(text):
        async with limit:
            messages = [{"role": "user", "content": text}]
            return await client.create(response_model=Invoice, messages=messages)

    async def every():
        return await asyncio.gather(*map(one, frame["body"]), return_exceptions=True)

    rows = [
        {"error": str(each)} if isinstance(each, Exception) else each.model_dump()
        for each in asyncio.run(every())
    ]
    return frame.join(pd.DataFrame(rows, index=frame.index))


def long_document():
    import instructor

    client, size, lines = instructor.from_provider("openai/gpt-4o-mini"), 4000, []
    parts, part = LONG.split("\n\n"), ""
    chunks = []
    for paragraph in parts:
        if len(part) + len(paragraph) > size:
            chunks.append(part)
            part = ""
        part += paragraph + "\n\n"
    chunks.append(part)
    for chunk in chunks:
        lines += client.create(response_model=list[Line], messages=[{"role": "user", "content": chunk}])
    return lines


def picture():
    from base64 import b64encode

    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    picture = instructor.Image.from_base64(f"data:image/png;base64,{b64encode(PNG).decode()}")
    messages = [{"role": "user", "content": ["Read the invoice.", picture]}]
    return client.create(response_model=Invoice, messages=messages)


def as_it_comes():
    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    return list(client.create_partial(response_model=Invoice, messages=[{"role": "user", "content": TEXT}]))


def score_on_labels():
    import instructor

    client = instructor.from_provider("openai/gpt-4o-mini")
    right = found = gold = 0
    for text, record in LABELLED:
        wanted = record.model_dump()
        try:
            got = client.create(response_model=Invoice, messages=[{"role": "user", "content": text}])
        except Exception:
            got = None
        told = got.model_dump() if got else {}
        right += sum(told.get(name) == value for name, value in wanted.items())
        found, gold = found + len(told), gold + len(wanted)
    return 2 * right / (found + gold)
