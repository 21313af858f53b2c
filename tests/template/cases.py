"""What make_cases.py and trials with other templates share: rendering as transformers does, the form of files.

cases.txt, one record per line, fields separated by tabs, text with \\n \\t \\r \\\\ and \\xHH as escapes:

    context NAME GENERATE BOS EOS       begins a set of variables; "-" for BOS or EOS: undefined
    message ROLE CONTENT                one of its messages
    var NAME JSON                       one more variable of it
    template NAME TEXT
    case TEMPLATE CONTEXT OUTCOME TEXT  OUTCOME: text (TEXT is what it renders), raises (TEXT is the message),
                                        fails, unsupported (whatever Jinja makes of it)
    expression TEXT OUTCOME TEXT        a template of its own in the last context

Needs jinja2 and transformers (from PyPI); `now` is always Friday, 5 January 2024, 09:08:07.
"""

import copy
import datetime
import json
import logging
import re

import jinja2

logging.disable(logging.WARNING)
from transformers.utils.chat_template_utils import _compile_jinja_template  # noqa: E402

NOW = datetime.datetime(2024, 1, 5, 9, 8, 7)


def escape(text):
    out = []
    for ch in text:
        if ch in "\n\t\r\\":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}[ch])
        elif ch < " " or ch == "\x7f":
            out.append("\\x%02x" % ord(ch))
        else:
            out.append(ch)
    return "".join(out)


def unescape(text):
    plain = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(x..|.)", lambda m: plain.get(m[1]) or chr(int(m[1][1:], 16)), text)


class Raised(Exception):
    pass


def render(source, variables):
    """(outcome, text)"""

    def strftime_now(form):
        return NOW.strftime(form)

    def raise_exception(message):
        raise Raised(str(message))

    try:
        template = _compile_jinja_template(source)
        template.globals.update(strftime_now=strftime_now, raise_exception=raise_exception)
        text = template.render(**variables)
        text.encode()
        return "text", text
    except Raised as e:
        return "raises", str(e)
    except Exception as e:
        return "fails", "%s: %s" % (type(e).__name__, str(e).split("\n")[0])


class Context:
    def __init__(self, name, messages, generate=True, bos="<s>", eos="</s>", **more):
        self.name, self.messages, self.generate = name, messages, generate
        self.bos, self.eos, self.more = bos, eos, more

    def variables(self):
        v = dict(messages=self.messages, add_generation_prompt=self.generate, tools=None, documents=None)
        if self.bos is not None:
            v["bos_token"] = self.bos
        if self.eos is not None:
            v["eos_token"] = self.eos
        v.update(self.more)
        return copy.deepcopy(v)  # filters can change what they are given

    def lines(self):
        yield "\t".join(
            ["context", self.name, str(int(self.generate))]
            + ["-" if x is None else escape(x) for x in (self.bos, self.eos)]
        )
        plain = all(
            set(m) == {"role", "content"} and isinstance(m["content"], str) and list(m)[0] == "role"
            for m in self.messages
        )
        if plain:
            for m in self.messages:
                yield "message\t%s\t%s" % (escape(m["role"]), escape(m["content"]))
        else:
            yield "var\tmessages\t" + escape(json.dumps(self.messages, ensure_ascii=False))
        for k, v in self.more.items():
            yield "var\t%s\t%s" % (k, escape(json.dumps(v, ensure_ascii=False)))


def case_lines(templates, contexts):
    for c in contexts:
        yield from c.lines()
    for name, source in templates.items():
        yield "template\t%s\t%s" % (name, escape(source))
    for name, source in templates.items():
        for c in contexts:
            outcome, text = render(source, c.variables())
            yield "\t".join(["case", name, c.name, outcome, escape(text)])


def expression_lines(expressions, unsupported, context):
    yield from context.lines()
    for source in unsupported:
        yield "\t".join(["expression", escape(source), "unsupported", ""])
    for source in expressions:
        outcome, text = render(source, context.variables())
        yield "\t".join(["expression", escape(source), outcome, escape(text)])


assert jinja2.__version__ >= "3.1"
