"""Seeded random templates: statements inside each other, scopes, loops and white space control, few names.

python3 tests/template/random_templates.py SEED COUNT > trial.txt; build/tests/template/test_template trial.txt
"""

import random
import re
import sys

SPACES = ["", "", " ", "\n", "\n  ", "  \n", " \n\n ", "\t", "text", "\n    text\n", "x ", "é\u00a0"]
NAMES = list("abcxy")
VALUES = [
    "s",
    "n",
    "f",
    "words",
    "numbers",
    "nested",
    "d",
    "people",
    "messages",
    "missing",
    "nothing",
    "yes",
    "no",
    "0",
    "1",
    "-2.5",
    "'a'",
    "''",
    "none",
    "[1, 2]",
    "{'a': 1}",
    "(1, 'x')",
    "'ÄÖß'",
    "range(4)",
]
SPECIAL = [
    "loop.index",
    "loop.first",
    "loop.last",
    "loop.length",
    "loop.revindex0",
    "loop.previtem",
    "ns.v",
    "m1(1)",
    "loop.nextitem|default('n')",
    "ns.w|default(0)",
    "m1()",
    "m2(a, b=2)",
    "m2()",
    "caller()",
    "loop.cycle(1, 2)",
]
LISTS = [
    "words",
    "numbers",
    "d",
    "people",
    "range(3)",
    "[1, 2]",
    "'ab'",
    "messages",
    "missing",
    "[]",
    "nested",
    "words|reverse",
    "words|map('upper')",
]
PAIRS = ["d.items()", "d|items", "[(1, 2), (3, 4)]", "d|dictsort", "['ab', 'cd']"]
HIDDEN = re.compile(
    " object at 0x|(built-in|bound) method|<Loop|<function|<class|TemplateRef"
)  # not for us to print


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def one(self, *choices):
        return self.r.choice(choices)

    def space(self):
        return self.r.choice(SPACES)

    def value(self):
        x = self.r.random()
        if x < 0.5:
            return self.r.choice(NAMES) + self.one("", "|default('u')", "|default('-')", " ~ 1")
        return self.r.choice(SPECIAL if x < 0.65 else VALUES)

    def tag(self, inside):
        return (
            self.one("{%", "{%", "{%-", "{%-", "{%+")
            + " "
            + inside
            + " "
            + self.one("%}", "%}", "-%}", "+%}")
        )

    def body(self, depth):
        parts = [self.statement(depth - 1) + self.space() for _ in range(self.r.randint(1, 3))]
        return self.space() + "".join(parts)

    def block(self, head, end, depth):
        return self.tag(head) + self.body(depth) + self.tag(end)

    def loop(self, depth):
        pairs = self.r.random() < 0.2
        target = "k, v" if pairs else self.one("x", "y", "a")
        items = self.r.choice(PAIRS if pairs else LISTS)
        out = self.tag(
            "for %s in %s%s" % (target, items, self.one("", "", " if x", " if x != 1", " recursive"))
        )
        out += self.body(depth)
        if self.r.random() < 0.25:
            test = self.one("loop.index == 2", "x == 1", "loop.first", "no")
            out += self.tag("if " + test) + self.tag(self.one("break", "continue")) + self.tag("endif")
        if self.r.random() < 0.3:
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endfor")

    def condition(self, depth):
        out = self.tag("if " + self.value()) + self.body(depth)
        if self.r.random() < 0.3:
            out += self.tag("elif " + self.value()) + self.body(depth)
        if self.r.random() < 0.5:
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endif")

    def statement(self, depth):
        x = self.r.random()
        if depth <= 0 or x < 0.25:
            return self.one("{{", "{{", "{{-") + " " + self.value() + " " + self.one("}}", "}}", "-}}")
        if x < 0.40:
            return self.tag(
                "set %s = %s" % (self.one("a", "b", "c", "x", "ns.v", "ns.w", "a, b"), self.value())
            )
        if x < 0.46:
            head = "set " + self.one("a", "b", "x", "ns.v") + self.one("", "|upper", "|trim|length")
            return self.block(head, "endset", depth)
        if x < 0.60:
            return self.condition(depth)
        if x < 0.80:
            return self.loop(depth)
        if x < 0.86:
            head = "macro " + self.one("m1(x)", "m2(x=a, b='d')", "m1(a, c=5)", "m2(b=1)")
            return self.block(head, "endmacro", depth)
        if x < 0.89:
            head = "call%s %s" % (self.one("", "(x)", "(a, b=1)"), self.one("m1(1)", "m2()", "m1(x=2)"))
            return self.block(head, "endcall", depth)
        if x < 0.92:
            return self.block(
                "filter " + self.one("upper", "trim", "indent(2)", "replace('e', '3')"), "endfilter", depth
            )
        if x < 0.95:
            return self.block("with a = %s, b = a" % self.value(), "endwith", depth)
        if x < 0.97:
            return self.one("{#", "{#-", "{#+") + " c " + self.one("#}", "-#}", "+#}")
        if x < 0.985:
            return (
                self.one("{%", "{%-")
                + " raw %}"
                + self.space()
                + "{{ x }}"
                + self.space()
                + self.tag("endraw")
            )
        return self.tag("generation").replace("+%}", "%}") + self.body(depth) + self.tag("endgeneration")

    def template(self):
        head = "{% set ns = namespace(v=1) %}{% macro m1(x) %}[{{ x }}{{ a }}]{% endmacro %}"
        return head + self.body(3)


def random_templates(seed, count):
    maker = Maker(seed)
    return [maker.template() for _ in range(count)]


def main():
    from cases import expression_lines
    from make_cases import EXPRESSION_CONTEXT

    seed, count = map(int, sys.argv[1:])
    for line in expression_lines(random_templates(seed, count), [], EXPRESSION_CONTEXT):
        if not HIDDEN.search(line.split("\t")[-1]):
            print(line)


if __name__ == "__main__":
    main()
