#!/usr/bin/env python3
"""Writes cases.txt: the templates of templates/ (what well-known models' templates do, in our words), each
rendered by transformers for many conversations, and the templates of one line in expressions.txt.
unsupported.txt holds what Jinja renders, or some of it, and the interpreter says that it does not.

    pip install jinja2 transformers
    python3 tests/template/make_cases.py > tests/template/cases.txt
"""

import pathlib

from cases import Context, case_lines, expression_lines, unescape
from random_templates import HIDDEN, random_templates

HERE = pathlib.Path(__file__).parent


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": 'Weather of a place, "now" & <later>',
        "parameters": {
            "type": "object",
            "required": ["place"],
            "properties": {
                "place": {"type": "string", "description": "Größe egal"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "days": {"type": "integer", "default": 3},
            },
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "The time",
        "parameters": {"type": "object", "properties": {}},
    },
}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {
            "id": "call12345",
            "type": "function",
            "function": {"name": "weather", "arguments": {"place": "Bern", "days": 2}},
        }
    ],
}
TOOL = {"role": "tool", "tool_call_id": "call12345", "name": "weather", "content": "12 °C"}

CONTEXTS = [
    Context("one", [user("Hello")]),
    Context("closed", [user("Hello"), assistant("Hi.")], generate=False),
    Context("system", [system("  Be brief.\n"), user(" Hi \n"), assistant("\tYes. "), user("More?")]),
    Context(
        "unicode",
        [
            system("Répondez en français"),
            user("日本語 🙂 naïve\u2003\u00a0"),
            assistant("Ünïcode — ok"),
            user("ΑΣ \u200b end"),
        ],
    ),
    Context("long", [(assistant if i % 2 else user)("turn %d" % i) for i in range(15)]),
    Context(
        "think",
        [
            system("s"),
            user("a"),
            assistant("<think>\nhm\n</think>\n\nb"),
            user("c"),
            assistant("<think>again</think>d"),
            user("e"),
        ],
        enable_thinking=False,
    ),
    Context("empty content", [system(""), user(""), assistant(""), user("x")]),
    Context("two users", [user("a"), user("b")]),
    Context("assistant first", [assistant("a"), user("b")]),
    Context("odd role", [user("a"), {"role": "critic", "content": "bad"}]),
    Context("no messages", []),
    Context("no tokens", [user("a"), assistant("b"), user("c")], bos=None, eos=None),
    Context("tools", [system("Use tools."), user("Weather?")], tools=[WEATHER, CLOCK]),
    Context("called", [user("Weather?"), CALL, TOOL, assistant("12"), user("Thanks")], tools=[WEATHER]),
    Context("date", [user("When?")], date_string="26 Jul 2024"),
    Context("null content", [user("a"), {"role": "assistant", "content": None}, user("b")]),
    Context(
        "lists",
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "part 1"},
                    {"type": "image"},
                    {"type": "text", "text": "part 2"},
                ],
            }
        ],
    ),
    Context(
        "braces",
        [
            user("{{ messages }} {% raw %} {# no #}"),
            assistant("<|im_end|> [INST] </s>"),
            user("\\n \\ \"'"),
        ],
    ),
]

EXPRESSION_CONTEXT = Context(
    "expressions",
    [system("Be kind."), user(" Hi there "), assistant("Yes.")],
    tools=[WEATHER],
    s="Hello, World",
    t="  Grüße\tan\n Élan ß \u00a0",
    n=7,
    m=-3,
    f=2.5,
    yes=True,
    no=False,
    nothing=None,
    words=["pear", "Apple", "fig", "apple", "Fig"],
    numbers=[3, 1, 2.5, -4, 1, 10],
    nested=[[1, 2], [3], []],
    mixed=[1, "a", None, True, 1.5, [2], {"k": 0}],
    d={"b": 1, "a": 2, "C": [1, 2], "items": "mine", "x y": {"z": "deep"}},
    people=[
        {"name": "Ann", "age": 30, "tags": ["x"], "at": {"city": "Ulm"}},
        {"name": "bob", "age": 25, "tags": [], "at": {"city": "Bern"}},
        {"name": "Cy", "age": 30, "at": {}},
    ],
)


def lines_of(name):
    return [unescape(line) for line in (HERE / name).read_text().split("\n") if line]


def main():
    templates = {p.stem: p.read_bytes().decode() for p in sorted((HERE / "templates").glob("*.jinja"))}
    for line in case_lines(templates, CONTEXTS):
        print(line)
    expressions = lines_of("expressions.txt") + random_templates(1, 600)
    for line in expression_lines(expressions, lines_of("unsupported.txt"), EXPRESSION_CONTEXT):
        if not HIDDEN.search(line.split("\t")[-1]) or line.startswith("context"):
            print(line)


if __name__ == "__main__":
    main()
