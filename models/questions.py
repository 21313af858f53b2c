"""Seeded questions with exactly one right wording of the answer each, and small dialogues made of them.

Two groups:
* SKILLS: the question is held out by its arguments (17 + 25 is never seen in training, in no wording and no order);
* FACTS: a fact has to be told to be known, so a question is held out by its wording (a capital is known from other
  wordings, this wording is known from other capitals, the two never meet in training).
"""
import hashlib
from typing import NamedTuple

from grammar import a_or_an, expand, listing
from stories import BOYS, COLOURS, GIRLS, make_story

HELD_OUT_SHARE = 16   # one question in sixteen
SPLIT = "split 12|"    # another text gives another split


class QA(NamedTuple):
    kind: str
    key: str       # what is hashed for the split
    question: str
    answer: str
    inner: tuple = ()   # keys of the questions that the answer works out on the way: these stay unseen in training too

    def turn(self):
        return self.question, self.answer


def held_out(key):
    return int.from_bytes(hashlib.sha256((SPLIT + key).encode()).digest()[:4], "little") % HELD_OUT_SHARE == 0


def normal(question):
    """The question without what careless typing loses: the split goes by this."""
    return " ".join(question.lower().strip(" ?.!").split())


def pick(rng, items):
    return items[int(rng.random() * len(items))]


def some(rng, items, n):
    return rng.sample(items, n)


def skill(kind, args, question, answer, inner=()):
    return QA(kind, f"{kind}|{args}", question, answer, tuple(inner))


def sum_key(a, b):
    return f"add|{sorted((a, b))}"


def difference_key(a, b):
    return f"subtract|{(a, b)}"


def fact(rng, kind, wordings, answer, **slots):
    """A question in one of the wordings."""
    question = expand(rng, pick(rng, wordings), slots)
    return QA(kind, fact_key(kind, question), question, answer)


def fact_key(kind, question):
    return f"{kind}|{normal(question)}"


# ---------------------------------------------------------------- numbers

def number(rng):
    """Mostly small, at times up to three digits."""
    r = rng.random()
    return rng.randrange(0, 21) if r < 0.3 else rng.randrange(0, 100) if r < 0.75 else rng.randrange(100, 1000)


def add(rng):
    a, b = number(rng), number(rng)
    q = expand(rng, pick(rng, ["What is {a} + {b}?", "What is {a} plus {b}?", "{a} + {b} = ?", "Add {a} and {b}.",
                               "How much is {a} + {b}?", "Can you add {a} and {b}?", "Calculate {a} + {b}.",
                               "{a} + {b}", "What's {a} + {b}?", "What is the sum of {a} and {b}?"]), dict(a=a, b=b))
    return skill("add", sorted((a, b)), q, f"{a} + {b} = {a + b}.")


def subtract(rng):
    a, b = number(rng), number(rng)
    a, b = max(a, b), min(a, b)
    q = expand(rng, pick(rng, ["What is {a} - {b}?", "What is {a} minus {b}?", "{a} - {b} = ?", "Take {b} away from {a}.",
                               "How much is {a} - {b}?", "Subtract {b} from {a}.", "Calculate {a} - {b}.", "{a} - {b}",
                               "What's {a} - {b}?"]), dict(a=a, b=b))
    return skill("subtract", (a, b), q, f"{a} - {b} = {a - b}.")


def multiply(rng):
    a, b = rng.randrange(0, 13), rng.randrange(0, 13)
    return fact(rng, "multiply", ["What is {a} x {b}?", "What is {a} times {b}?", "{a} x {b} = ?",
                                          "Multiply {a} by {b}.", "How much is {a} times {b}?", "Calculate {a} x {b}.",
                                          "{a} x {b}", "What's {a} times {b}?", "{a} * {b}", "What is {a} * {b}?"],
                f"{a} x {b} = {a * b}.", a=a, b=b)


def divide(rng):
    b, c = rng.randrange(1, 11), rng.randrange(0, 11)
    return fact(rng, "divide", ["What is {a} / {b}?", "What is {a} divided by {b}?", "{a} / {b} = ?",
                                            "Divide {a} by {b}.", "How much is {a} divided by {b}?", "{a} / {b}"],
                f"{b * c} / {b} = {c}.", a=b * c, b=b)


THINGS = ("apple pear ball book cookie pencil stone shell coin flower egg nut button plum balloon marble stamp "
          "card cup spoon").split()


def several(n, thing):
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def word_problem(rng):
    girl = rng.random() < 0.5
    name, he = pick(rng, GIRLS if girl else BOYS), "she" if girl else "he"
    thing = pick(rng, THINGS)
    a, b = rng.randrange(1, 60 if rng.random() < 0.4 else 16), rng.randrange(1, 16)
    other = pick(rng, [n for n in GIRLS + BOYS if n != name])
    slots = dict(n=name, he=he, o=other, a=several(a, thing), b=several(b, thing), bn=b, things=thing + "s")
    op = rng.randrange(4)
    if op == 0:
        q = expand(rng, "{n} has {a}. [{o} gives {n} {bn} more|{^he} finds {bn} more|{^he} buys {bn} more]. "
                        "How many {things} does {n} have now?", slots)
        return skill("word problem", (op, a, b, thing), q, f"{a} + {b} = {a + b}. {name} has {several(a + b, thing)} now.",
                     [sum_key(a, b)])
    if op == 1:
        a, b = max(a, b), min(a, b)
        slots.update(a=several(a, thing), b=several(b, thing), bn=b)
        q = expand(rng, "{n} has {a}. [{^he} gives {bn} to {o}|{^he} loses {bn}|{^he} sells {bn}]. "
                        "How many {things} does {n} have [left|now]?", slots).replace(" now?", " left?")
        return skill("word problem", (op, a, b, thing), q, f"{a} - {b} = {a - b}. {name} has {several(a - b, thing)} left.",
                     [difference_key(a, b)])
    if op == 2:
        q = expand(rng, "{n} has {a}, and {o} has {b}. How many {things} do they have [together|in all|altogether]?", slots)
        return skill("word problem", (op, *sorted((a, b)), thing), q,
                     f"{a} + {b} = {a + b}. They have {several(a + b, thing)} together.", [sum_key(a, b)])
    a, b = rng.randrange(1, 11), rng.randrange(1, 11)
    box = pick(rng, ["box", "bag", "basket"])
    boxes = box + ("es" if box == "box" else "s")
    q = (f"There {'is' if a == 1 else 'are'} {a} {box if a == 1 else boxes} with {several(b, thing)} in each {box}. "
         f"How many {thing}s are there?")
    return skill("word problem", (op, a, b, thing), q,
                 f"{a} x {b} = {a * b}. There {'is' if a * b == 1 else 'are'} {several(a * b, thing)}.")


def double_half(rng):
    n = rng.randrange(1, 100)
    if rng.random() < 0.5:
        return skill("double and half", ("double", n), pick(rng, [f"What is the double of {n}?", f"Double {n}.",
                     f"What is twice {n}?"]), f"The double of {n} is {2 * n}.")
    return skill("double and half", ("half", n), pick(rng, [f"What is half of {2 * n}?", f"Halve {2 * n}.",
                 f"How much is half of {2 * n}?"]), f"Half of {2 * n} is {n}.")


def neighbour_number(rng):
    n = rng.randrange(1, 100 if rng.random() < 0.6 else 999)
    if rng.random() < 0.5:
        return skill("next number", ("after", n), pick(rng, [f"What number comes after {n}?", f"Which number is next after {n}?",
                     f"What is one more than {n}?"]), f"{n + 1} comes after {n}.")
    return skill("next number", ("before", n), pick(rng, [f"What number comes before {n}?", f"Which number is just before {n}?",
                 f"What is one less than {n}?"]), f"{n - 1} comes before {n}.")


def compare(rng):
    a, b = number(rng), number(rng)
    if rng.random() < 0.4:  # close ones need a look at every digit
        b = max(0, a + rng.randrange(-12, 13))
    if a == b:
        b = a + 1
    big, small = max(a, b), min(a, b)
    kind = rng.randrange(3)
    if kind == 0:
        q = pick(rng, [f"Which number is larger, {a} or {b}?", f"Which is bigger, {a} or {b}?", f"What is more, {a} or {b}?"])
        return skill("compare numbers", (small, big), q, f"{big} is larger than {small}.")
    if kind == 1:
        q = pick(rng, [f"Which number is smaller, {a} or {b}?", f"Which is less, {a} or {b}?"])
        return skill("compare numbers", (small, big), q, f"{small} is smaller than {big}.")
    larger = rng.random() < 0.5
    word = "larger" if larger else "smaller"
    q = f"Is {a} {word} than {b}?"
    yes = (a > b) == larger
    return skill("compare numbers", (small, big), q, f"{'Yes' if yes else 'No'}, {a} is "
                 f"{'larger' if a > b else 'smaller'} than {b}.")


def extreme(rng):
    n = rng.randrange(3, 6)
    items = some(rng, range(1, 100 if rng.random() < 0.7 else 20), n)
    word = pick(rng, ["largest", "smallest"])
    best = max(items) if word == "largest" else min(items)
    q = pick(rng, ["Which number is the {w}: {l}?", "What is the {w} of these numbers: {l}?", "Find the {w} number: {l}."])
    return skill("largest and smallest", sorted(items), q.format(w=word, l=", ".join(map(str, items))),
                 f"The {word} number is {best}.")


def sort_numbers(rng):
    n = rng.randrange(3, 6)
    items = some(rng, range(1, 100 if rng.random() < 0.6 else 20), n)
    down = rng.random() < 0.3
    text = ", ".join(map(str, items))
    q = pick(rng, [f"Sort these numbers from large to small: {text}.", f"Sort from the largest to the smallest: {text}."] if down
             else [f"Sort these numbers: {text}.", f"Sort these numbers from small to large: {text}.",
                   f"Put these numbers in order: {text}."])
    return skill("sort numbers", sorted(items), q, ", ".join(map(str, sorted(items, reverse=down))) + ".")


def count_range(rng):
    a = rng.randrange(0, 90)
    b = a + rng.randrange(2, 11)
    if rng.random() < 0.3:
        items, q = range(b, a - 1, -1), pick(rng, [f"Count down from {b} to {a}.", f"Count backwards from {b} to {a}."])
    elif rng.random() < 0.3:
        step = pick(rng, [2, 5, 10])
        a = rng.randrange(0, 30) if step == 2 else step * rng.randrange(0, 6)
        b = a + step * rng.randrange(3, 7)
        items, q = range(a, b + 1, step), f"Count from {a} to {b} in steps of {step}."
        return skill("count", (a, b, step), q, ", ".join(map(str, items)) + ".")
    else:
        items, q = range(a, b + 1), pick(rng, [f"Count from {a} to {b}.", f"Can you count from {a} to {b}?",
                                               f"Please count from {a} to {b}."])
    return skill("count", (a, b), q, ", ".join(map(str, items)) + ".")


def even_odd(rng):
    n = rng.randrange(0, 100 if rng.random() < 0.5 else 1000)
    q = pick(rng, [f"Is {n} even or odd?", f"Is {n} an even or an odd number?", f"Even or odd: {n}?"])
    return skill("even or odd", n, q, f"{n} is {'odd' if n % 2 else 'even'}.")


def sequence(rng):
    step = pick(rng, [1, 2, 2, 3, 5, 10, -1, -2])
    a = rng.randrange(0, 50) if step > 0 else rng.randrange(10, 60)
    items = [a + step * i for i in range(5)]
    text = ", ".join(map(str, items[:4]))
    q = pick(rng, [f"What comes next: {text}?", f"Which number comes next: {text}?", f"Continue: {text}."])
    return skill("sequence", (a, step), q, f"The next number is {items[4]}.")


def clock(rng):
    h, n = rng.randrange(1, 13), rng.randrange(1, 12)
    then = (h + n - 1) % 12 + 1
    q = pick(rng, [f"It is {h} o'clock. What time will it be in {several(n, 'hour')}?",
                   f"Now it is {h} o'clock. What time is it {several(n, 'hour')} later?"])
    steps = f"{h} + {n} = {h + n}." + (f" {h + n} - 12 = {then}." if h + n > 12 else "")
    return skill("clock", (h, n), q, f"{steps} It will be {then} o'clock.", [sum_key(h, n)])


# ---------------------------------------------------------------- words and lists

WORDS = ("cat dog sun moon star tree house mouse bird fish bear apple bread milk water river stone table chair door window "
         "book pencil school garden flower forest mountain cloud rain snow wind fire light night day morning evening summer "
         "winter spring king queen horse sheep goat duck frog lion tiger monkey rabbit turtle snake spider bee butter cheese "
         "lemon orange banana cherry grape carrot potato onion bean rice soup cake sugar salt honey spoon fork knife plate cup "
         "bottle box bag basket hat coat shoe sock shirt dress ring watch clock lamp bed pillow blanket mirror brush soap "
         "train car bus boat ship plane bike road street bridge city village farm market shop park beach island sea lake "
         "hill field grass leaf root seed hand foot head nose mouth ear eye arm leg finger heart red blue green yellow white "
         "black brown pink happy sad big small fast slow hot cold old new good bad friend mother father sister brother baby "
         "teacher doctor farmer baker pilot song drum piano guitar ball kite doll game puzzle paper letter story word number "
         "dream smile laugh jump run walk swim sing dance read write paint cook sleep").split()
ORDINALS = ["first", "second", "third", "fourth", "fifth"]


def spelled(word):
    return "-".join(word)


def letters(rng):
    """Every answer spells the word first, so the letters can be read off."""
    w = pick(rng, WORDS)
    kind = rng.randrange(5)
    if kind == 0:
        return skill("letters", ("spell", w), pick(rng, [f"How do you spell {w}?", f"Spell the word {w}.", f"Spell {w}."]),
                     f"{spelled(w)}.")
    if kind == 1:
        return skill("letters", ("first", w), pick(rng, [f"What is the first letter of {w}?",
                     f"What letter does the word {w} start with?"]), f"{spelled(w)}. The first letter is {w[0]}.")
    if kind == 2:
        return skill("letters", ("last", w), pick(rng, [f"What is the last letter of {w}?",
                     f"What letter does the word {w} end with?"]), f"{spelled(w)}. The last letter is {w[-1]}.")
    if kind == 3:
        return skill("letters", ("count", w), pick(rng, [f"How many letters are in {w}?",
                     f"How many letters does the word {w} have?"]), f"{spelled(w)}. The word has {len(w)} letters.")
    return skill("letters", ("backwards", w), pick(rng, [f"Spell {w} backwards.", f"What is {w} spelled backwards?"]),
                 f"{spelled(w)}. Backwards it is {spelled(w[::-1])}.")


def list_item(rng):
    items = some(rng, WORDS, rng.randrange(3, 6))
    i = rng.randrange(len(items))
    name = "last" if i == len(items) - 1 and rng.random() < 0.5 else ORDINALS[i]
    q = pick(rng, ["What is the {o} word in this list: {l}?", "Which word is the {o} one: {l}?", "Say the {o} word: {l}."])
    return skill("word in a list", (i, *items), q.format(o=name, l=", ".join(items)), f"The {name} word is {items[i]}.")


def count_words(rng):
    items = some(rng, WORDS, rng.randrange(2, 8))
    q = pick(rng, ["How many words are in this list: {l}?", "Count these words: {l}.", "How many words are these: {l}?"])
    numbered = ", ".join(f"{w} {i}" for i, w in enumerate(items, 1))
    return skill("count words", items, q.format(l=", ".join(items)), f"{numbered}. There are {len(items)} words.")


def repeat(rng):
    w, n = pick(rng, WORDS), rng.randrange(2, 7)
    word = ["two", "three", "four", "five", "six"][n - 2]
    q = pick(rng, [f"Say {w} {word} times.", f"Write the word {w} {word} times.", f"Repeat the word {w} {word} times."])
    return skill("repeat", (w, n), q, f"{', '.join([w] * n)}.")


PLACES = ["in the kitchen", "in the garden", "at school", "in the park", "at the market", "on the beach", "in the forest",
          "at home", "in the barn", "on the bus"]
HAVE = ["ball", "kite", "book", "hat", "cup", "bag", "drum", "doll", "pen", "scarf"]


def reading(rng):
    n = rng.randrange(2, 4)
    names = some(rng, GIRLS + BOYS, n)
    if rng.random() < 0.5:
        where = some(rng, PLACES, n)
        text = ". ".join(f"{a} is {p}" for a, p in zip(names, where)) + "."
        i = rng.randrange(n)
        if rng.random() < 0.5:
            q, answer = f"Where is {names[i]}?", f"{names[i]} is {where[i]}."
        else:
            q, answer = f"Who is {where[i]}?", f"{names[i]} is {where[i]}."
    else:
        things, colours = some(rng, HAVE, n), some(rng, COLOURS, n)
        text = ". ".join(f"{a} has {a_or_an(c)} {t}" for a, c, t in zip(names, colours, things)) + "."
        i, ask = rng.randrange(n), rng.randrange(3)
        if ask == 0:
            q, answer = f"Who has the {things[i]}?", f"{names[i]} has the {things[i]}."
        elif ask == 1:
            q, answer = f"What does {names[i]} have?", f"{names[i]} has {a_or_an(colours[i])} {things[i]}."
        else:
            q, answer = f"What colour is the {things[i]}?", f"The {things[i]} is {colours[i]}."
    return skill("reading", text + q, f"{text} {q}", answer)


# things in order of size; far enough apart to be beyond doubt (a tuple holds things of about the same size)
SIZES = [("ant", "flea"), ("bee", "pea", "coin"), ("mouse", "egg", "plum"), ("apple", "frog", "cup"), ("cat", "rabbit", "hat"),
         ("dog", "chair", "goat"), ("lion", "pig", "bed"), ("horse", "cow", "bear"), ("elephant", "bus", "truck"),
         ("house", "whale"), ("mountain", "city"), ("moon",), ("sun",)]


def size_compare(rng):
    i, j = sorted(some(rng, range(len(SIZES)), 2))
    small, big = pick(rng, SIZES[i]), pick(rng, SIZES[j])
    the = lambda w: f"the {w}" if w in ("moon", "sun") else a_or_an(w)
    a, b = (small, big) if rng.random() < 0.5 else (big, small)
    kind = rng.randrange(3)
    key = (small, big)
    if kind == 0:
        return skill("size", key, f"Which is bigger, {the(a)} or {the(b)}?", cap(f"{the(big)} is bigger than {the(small)}."))
    if kind == 1:
        return skill("size", key, f"Which is smaller, {the(a)} or {the(b)}?", cap(f"{the(small)} is smaller than {the(big)}."))
    return skill("size", key, f"Is {the(a)} bigger than {the(b)}?",
                 f"Yes, {the(a)} is bigger than {the(b)}." if a == big else f"No, {the(a)} is smaller than {the(b)}.")


def cap(s):
    return s[:1].upper() + s[1:]


GROUPS = {
    "animal": "dog cat horse cow sheep lion tiger bear rabbit mouse fox wolf monkey elephant goat pig duck frog".split(),
    "fruit": "apple banana pear grape cherry lemon orange plum peach melon strawberry".split(),
    "vegetable": "carrot potato onion bean cabbage pea pumpkin tomato cucumber".split(),
    "colour": "red blue green yellow black white brown purple pink grey".split(),
    "vehicle": "car bus train bike truck boat plane ship tram".split(),
    "piece of clothing": "shirt sock hat coat dress shoe glove scarf jacket".split(),
    "piece of furniture": "table chair bed sofa shelf desk cupboard".split(),
    "musical instrument": "drum piano guitar violin flute trumpet harp".split(),
    "tool": "hammer saw screwdriver spade rake axe".split(),
    "number": "one two three four five six seven eight nine ten".split(),
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
}


def odd_one_out(rng):
    main, other = some(rng, list(GROUPS), 2)
    items = some(rng, GROUPS[main], rng.randrange(2, 4) if len(GROUPS[main]) > 3 else 2)
    odd = pick(rng, GROUPS[other])
    if {main, other} == {"fruit", "vegetable"}:
        return odd_one_out(rng)  # a tomato may be either
    mixed = items + [odd]
    rng.shuffle(mixed)
    q = pick(rng, ["Which word does not belong: {l}?", "Which one is different: {l}?", "Find the odd one out: {l}."])
    return skill("odd one out", sorted(mixed), q.format(l=", ".join(mixed)),
                 cap(f"{odd} does not belong. It is {a_or_an(other)}."))


# ---------------------------------------------------------------- facts

OPPOSITES = [p.split("-") for p in (
    "hot-cold big-small tall-short fast-slow day-night up-down left-right happy-sad good-bad old-young hard-soft wet-dry "
    "light-dark open-closed full-empty rich-poor strong-weak loud-quiet early-late first-last near-far high-low clean-dirty "
    "thick-thin wide-narrow true-false yes-no black-white front-back inside-outside above-below always-never begin-end "
    "come-go give-take win-lose push-pull love-hate asleep-awake brave-afraid cheap-expensive easy-difficult kind-mean "
    "laugh-cry more-less new-old north-south east-west sharp-blunt smooth-rough sweet-sour top-bottom buy-sell start-stop "
    "question-answer summer-winter before-after same-different heavy-light deep-shallow straight-crooked alive-dead "
    "on-off in-out").split()]


def opposites(rng):
    a, b = pick(rng, OPPOSITES)
    if rng.random() < 0.4 and b not in ("light", "old"):  # these two would have two opposites
        a, b = b, a
    if a == "light":
        b = "dark"
    if a == "old":
        b = "young"
    return fact(rng, "opposites", ["What is the opposite of {a}?", "What's the opposite of {a}?", "Tell me the opposite of {a}.",
                                      "Which word is the opposite of {a}?", "Do you know the opposite of {a}?", "Opposite of {a}?",
                                      "What is the opposite of the word {a}?"], f"The opposite of {a} is {b}.", a=a)


IRREGULAR = {"mouse": "mice", "foot": "feet", "tooth": "teeth", "child": "children", "man": "men", "woman": "women",
             "goose": "geese", "sheep": "sheep", "fish": "fish", "leaf": "leaves", "knife": "knives", "wolf": "wolves",
             "shelf": "shelves", "loaf": "loaves", "potato": "potatoes", "tomato": "tomatoes", "deer": "deer"}
NOUNS = ("cat dog horse cow house tree car boat book cup hat box bus fox dress glass brush dish peach church baby city story "
         "berry lady puppy cherry fly butterfly boy toy key day monkey apple egg ball kite star cloud flower garden river bird "
         "hand nose finger table chair door window lamp spoon fork plate shoe sock shirt bag watch bench sandwich witch wish "
         "class kiss party family country").split() + list(IRREGULAR)


def plural(word):
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith(("s", "x", "sh", "ch")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def plurals(rng):
    w = pick(rng, NOUNS)
    return fact(rng, "plurals", ["What is the plural of {w}?", "What's the plural of {w}?", "Tell me the plural of {w}.",
                                    "One {w}, two what?", "Do you know the plural of {w}?", "How do you say more than one {w}?",
                                    "Plural of {w}?"], f"The plural of {w} is {plural(w)}.", w=w)


PAST = dict(p.split("-") for p in (
    "go-went see-saw eat-ate run-ran come-came give-gave take-took make-made find-found think-thought buy-bought bring-brought "
    "sing-sang swim-swam drink-drank write-wrote read-read sleep-slept fly-flew fall-fell know-knew say-said tell-told have-had "
    "is-was do-did break-broke begin-began catch-caught teach-taught stand-stood sit-sat win-won lose-lost play-played "
    "walk-walked jump-jumped help-helped look-looked ask-asked cry-cried hide-hid hold-held keep-kept build-built "
    "dance-danced cook-cooked paint-painted laugh-laughed").split())


def past_tense(rng):
    w = pick(rng, list(PAST))
    return fact(rng, "past tense", ["What is the past tense of {w}?", "What's the past tense of {w}?", "Put {w} into the past.",
                                       "Tell me the past tense of {w}.", "What is the past of {w}?", "Past tense of {w}?"],
                f"The past tense of {w} is {PAST[w]}.", w=w)


DEGREES = {"big": ("bigger", "biggest"), "small": ("smaller", "smallest"), "tall": ("taller", "tallest"),
           "fast": ("faster", "fastest"), "slow": ("slower", "slowest"), "good": ("better", "best"), "bad": ("worse", "worst"),
           "happy": ("happier", "happiest"), "hot": ("hotter", "hottest"), "cold": ("colder", "coldest"), "old": ("older", "oldest"),
           "young": ("younger", "youngest"), "easy": ("easier", "easiest"), "nice": ("nicer", "nicest"),
           "funny": ("funnier", "funniest"), "long": ("longer", "longest"), "short": ("shorter", "shortest"),
           "strong": ("stronger", "strongest"), "warm": ("warmer", "warmest"), "high": ("higher", "highest")}


def degrees(rng):
    w = pick(rng, list(DEGREES))
    return fact(rng, "word forms", ["Big, bigger, biggest. And {w}?", "What are the three forms of {w}?", "Compare the word {w}.",
                                       "What are the forms of the word {w}?", "Give me the forms of {w}."],
                f"{cap(w)}, {DEGREES[w][0]}, {DEGREES[w][1]}.", w=w)


SOUNDS = {"dog": "barks", "cat": "meows", "cow": "moos", "sheep": "bleats", "duck": "quacks", "pig": "oinks", "horse": "neighs",
          "lion": "roars", "bee": "buzzes", "owl": "hoots", "frog": "croaks", "mouse": "squeaks", "snake": "hisses",
          "wolf": "howls", "hen": "clucks", "bird": "sings", "elephant": "trumpets", "bear": "growls", "donkey": "brays",
          "crow": "caws", "pigeon": "coos", "goose": "honks"}


def sounds(rng):
    a = pick(rng, list(SOUNDS))
    return fact(rng, "animal sounds", ["What sound does {a} make?", "What does {a} do to make a sound?", "How does {a} sound?",
                                          "Which sound does {a} make?", "Tell me the sound of {a}.", "What noise does {a} make?"],
                cap(f"{a_or_an(a)} {SOUNDS[a]}."), a=a_or_an(a))


BABIES = {"dog": "puppy", "cat": "kitten", "cow": "calf", "horse": "foal", "sheep": "lamb", "pig": "piglet", "duck": "duckling",
          "hen": "chick", "bear": "cub", "lion": "cub", "goat": "kid", "frog": "tadpole", "goose": "gosling", "deer": "fawn",
          "kangaroo": "joey", "swan": "cygnet", "wolf": "cub", "elephant": "calf", "whale": "calf", "fox": "cub"}


def babies(rng):
    a = pick(rng, list(BABIES))
    return fact(rng, "baby animals", ["What is a baby {a} called?", "What do you call a baby {a}?", "What is the name for a baby {a}?",
                                         "What is the young of {aa} called?", "What do people call the young of {aa}?"],
                f"A baby {a} is called {a_or_an(BABIES[a])}.", a=a, aa=a_or_an(a))


HOMES = {"bird": "a nest", "bee": "a hive", "dog": "a kennel", "horse": "a stable", "rabbit": "a burrow", "bear": "a cave",
         "spider": "a web", "fox": "a den", "lion": "a den", "pig": "a sty", "fish": "the water", "ant": "a nest",
         "cow": "a barn", "hen": "a coop", "squirrel": "a tree", "whale": "the sea", "camel": "the desert", "penguin": "the snow",
         "monkey": "the jungle", "frog": "a pond"}


def homes(rng):
    a = pick(rng, list(HOMES))
    prep = "on" if HOMES[a] == "a web" else "in"
    return fact(rng, "animal homes", ["Where does {a} live?", "What is the home of {a}?", "Where can you find {a}?",
                                         "Do you know where {a} lives?", "In what place does {a} live?"],
                cap(f"{a_or_an(a)} lives {prep} {HOMES[a]}."), a=a_or_an(a))


LEGS = {"dog": 4, "cat": 4, "horse": 4, "cow": 4, "bird": 2, "duck": 2, "hen": 2, "spider": 8, "bee": 6, "ant": 6, "fly": 6,
        "snake": 0, "fish": 0, "mouse": 4, "lion": 4, "elephant": 4, "frog": 4, "penguin": 2, "butterfly": 6, "worm": 0,
        "table": 4, "person": 2, "owl": 2, "sheep": 4}


def legs(rng):
    a = pick(rng, list(LEGS))
    n = LEGS[a]
    return fact(rng, "legs", ["How many legs does {a} have?", "How many legs has {a}?", "What number of legs does {a} have?",
                                 "Do you know how many legs {a} has?", "Count the legs of {a}."],
                cap(f"{a_or_an(a)} has {n or 'no'} legs."), a=a_or_an(a))


HUES = {"the sky": "blue", "grass": "green", "snow": "white", "the sun": "yellow", "a banana": "yellow", "a lemon": "yellow",
        "blood": "red", "a strawberry": "red", "a tomato": "red", "a carrot": "orange", "an orange": "orange", "coal": "black",
        "the night": "black", "milk": "white", "chocolate": "brown", "a leaf": "green", "a frog": "green", "a cucumber": "green",
        "the sea": "blue", "an elephant": "grey", "a pig": "pink", "a flamingo": "pink", "a plum": "purple", "a pumpkin": "orange",
        "a fire truck": "red", "a cloud": "white", "a crow": "black", "a ripe cherry": "red", "salt": "white", "a polar bear": "white"}


def hues(rng):
    a = pick(rng, list(HUES))
    return fact(rng, "colours", ["What colour is {a}?", "Which colour does {a} have?", "Tell me the colour of {a}.",
                                    "What is the colour of {a}?", "Do you know what colour {a} is?", "What color is {a}?"],
                cap(f"{a} is {HUES[a]}."), a=a)


MIXES = {("blue", "yellow"): "green", ("blue", "red"): "purple", ("red", "yellow"): "orange", ("red", "white"): "pink",
         ("black", "white"): "grey"}


def mixes(rng):
    a, b = pick(rng, list(MIXES))
    c = MIXES[a, b]
    if rng.random() < 0.5:
        a, b = b, a
    return fact(rng, "mixing colours", ["What do you get when you mix {a} and {b}?", "Mix {a} and {b}. What colour is it?",
                                                "What colour do {a} and {b} make?", "Which colour is made of {a} and {b}?",
                                                "What is {a} mixed with {b}?", "What happens when I mix {a} with {b}?"],
                f"{cap(a)} and {b} make {c}.", a=a, b=b)


DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def order(rng, kind, items, thing, cyclic):
    """What comes before or after, in days, months and letters."""
    i = rng.randrange(len(items)) if cyclic else rng.randrange(1, len(items) - 1)
    after = rng.random() < 0.5
    word, step = ("after", 1) if after else ("before", -1)
    b = items[(i + step) % len(items)]
    return fact(rng, kind, [f"What {thing} comes {word} {{a}}?", f"Which {thing} is {word} {{a}}?",
                                              f"What {thing} is {word} {{a}}?", f"Tell me the {thing} {word} {{a}}.",
                                              f"What is the {thing} {word} {{a}}?"],
                f"{b} comes {word} {items[i]}.", a=items[i])


def days(rng):
    r = rng.random()
    if r < 0.6:
        return order(rng, "days", DAYS, "day", True)
    i, n = rng.randrange(7), rng.randrange(2, 5)
    a, b = DAYS[i], DAYS[(i + n) % 7]
    word = ["two", "three", "four"][n - 2]
    return fact(rng, "days", ["What day comes {n} days after {a}?", "Today is {a}. What day is it in {n} days?",
                                      "Which day is {n} days after {a}?", "It is {a}. What day will it be in {n} days?",
                                      "What day is {n} days after {a}?"],
                f"It is {b}.", a=a, n=word)


def months(rng):
    r = rng.random()
    i = rng.randrange(12)
    if r < 0.6:
        return order(rng, "months", MONTHS, "month", True)
    if r < 0.8:
        nth = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"]
        return fact(rng, "months", ["What is the {n} month of the year?", "Which month is the {n} one?",
                                                "Tell me the {n} month.", "What month is the {n} month?", "Name the {n} month."],
                    f"The {nth[i]} month is {MONTHS[i]}.", n=nth[i])
    n = 28 if i == 1 else 30 if i in (3, 5, 8, 10) else 31
    return fact(rng, "months", ["How many days does {m} have?", "How long is {m}?", "How many days are in {m}?",
                                               "How many days are there in {m}?", "Tell me how many days {m} has."],
                f"{MONTHS[i]} has {n} days." if n > 28 else "February has 28 days, or 29 in a leap year.", m=MONTHS[i])


def alphabet(rng):
    return order(rng, "alphabet", ALPHABET, "letter", False)


CAPITALS = dict(p.split(":") for p in (
    "France:Paris,Germany:Berlin,Italy:Rome,Spain:Madrid,Portugal:Lisbon,England:London,Ireland:Dublin,Scotland:Edinburgh,"
    "Norway:Oslo,Sweden:Stockholm,Finland:Helsinki,Denmark:Copenhagen,Poland:Warsaw,Austria:Vienna,Hungary:Budapest,"
    "Greece:Athens,Turkey:Ankara,Russia:Moscow,China:Beijing,Japan:Tokyo,India:New Delhi,Egypt:Cairo,Kenya:Nairobi,"
    "Canada:Ottawa,Mexico:Mexico City,Brazil:Brasilia,Argentina:Buenos Aires,Chile:Santiago,Peru:Lima,Cuba:Havana,"
    "Australia:Canberra,New Zealand:Wellington,Belgium:Brussels,Switzerland:Bern,the United States:Washington,Iceland:Reykjavik,"
    "Thailand:Bangkok,Vietnam:Hanoi,South Korea:Seoul,Iran:Tehran,Iraq:Baghdad,Morocco:Rabat,Ukraine:Kyiv,Romania:Bucharest,"
    "Bulgaria:Sofia,Croatia:Zagreb,the Netherlands:Amsterdam").split(","))


def capitals(rng):
    a = pick(rng, list(CAPITALS))
    return fact(rng, "capitals", ["What is the capital of {a}?", "What's the capital of {a}?", "Which city is the capital of {a}?",
                                     "Tell me the capital of {a}.", "Do you know the capital of {a}?", "Name the capital of {a}.",
                                     "What is the capital city of {a}?", "Capital of {a}?"],
                f"The capital of {a} is {CAPITALS[a]}.", a=a)


def countries(rng):
    a = pick(rng, list(CAPITALS))
    c = CAPITALS[a]
    return fact(rng, "capitals", ["{c} is the capital of which country?", "Which country has the capital {c}?",
                                     "Of what country is {c} the capital?", "What country is {c} the capital of?",
                                     "{c} is the capital of what country?"],
                f"{c} is the capital of {a}.", c=c)


def group(rng):
    g = pick(rng, [g for g in GROUPS if g not in ("number", "day")])
    w = pick(rng, GROUPS[g])
    one = w if g == "colour" else a_or_an(w)
    return fact(rng, "groups", ["What kind of thing is {w}?", "What is {w}?", "Tell me what {w} is.", "What sort of thing is {w}?",
                                       "Do you know what {w} is?"], cap(f"{one} is {a_or_an(g)}."), w=one)


USES = {"a spoon": "eat soup", "a knife": "cut things", "a pen": "write", "a cup": "drink", "an umbrella": "stay dry in the rain",
        "a bed": "sleep", "a key": "open a lock", "a clock": "tell the time", "soap": "wash", "a broom": "sweep the floor",
        "a phone": "talk to people far away", "a lamp": "make light", "a coat": "keep warm", "a boat": "travel on water",
        "a book": "read", "a ladder": "climb up", "a needle": "sew", "a hammer": "hit nails", "an oven": "bake bread",
        "a camera": "take pictures", "scissors": "cut paper", "a towel": "dry yourself", "a map": "find the way",
        "a telescope": "look at the stars", "a bridge": "cross a river"}


def uses(rng):
    a = pick(rng, list(USES))
    return fact(rng, "uses", ["What do you do with {a}?", "What do people use {a} for?", "What can I do with {a}?",
                                 "Why do people use {a}?", "How do people use {a}?", "Tell me what {a} can be used for."],
                f"You use {a} to {USES[a]}.", a=a)


SENSES = {"eyes": "see", "ears": "hear", "nose": "smell", "tongue": "taste", "hands": "hold things", "legs": "walk",
          "teeth": "chew", "feet": "stand and walk", "brain": "think", "lungs": "breathe"}


def body(rng):
    a = pick(rng, list(SENSES))
    return fact(rng, "body", ["What do we do with our {a}?", "What is the use of our {a}?", "Why do we need our {a}?",
                                 "How do we use our {a}?", "What do people do with their {a}?", "What can we do with our {a}?"],
                f"We use our {a} to {SENSES[a]}.", a=a)


JOBS = {"a baker": "bakes bread", "a teacher": "teaches children", "a doctor": "helps sick people", "a farmer": "grows food",
        "a pilot": "flies planes", "a cook": "makes meals", "a painter": "paints pictures", "a singer": "sings songs",
        "a firefighter": "puts out fires", "a postman": "brings letters", "a writer": "writes books", "a builder": "builds houses",
        "a gardener": "looks after plants", "a driver": "drives a car", "a dentist": "looks after teeth", "a sailor": "works on a ship",
        "a tailor": "makes clothes", "a vet": "helps sick animals", "a fisherman": "catches fish", "a judge": "decides what is right"}


def jobs(rng):
    a = pick(rng, list(JOBS))
    if rng.random() < 0.3:
        return fact(rng, "jobs", ["Who {b}?", "What do you call a person who {b}?", "Which person {b}?",
                                           "What is the job of a person who {b}?", "Tell me who {b}."],
                    cap(f"{a} {JOBS[a]}."), b=JOBS[a])
    return fact(rng, "jobs", ["What does {a} do?", "What is the job of {a}?", "Tell me what {a} does.", "What work does {a} do?",
                                 "Do you know what {a} does?"], cap(f"{a} {JOBS[a]}."), a=a)


AMOUNTS = {"days are in a week": "There are 7 days in a week.", "months are in a year": "There are 12 months in a year.",
           "hours are in a day": "There are 24 hours in a day.", "minutes are in an hour": "There are 60 minutes in an hour.",
           "seconds are in a minute": "There are 60 seconds in a minute.", "days are in a year": "There are 365 days in a year.",
           "weeks are in a year": "There are 52 weeks in a year.", "letters are in the alphabet": "There are 26 letters in the alphabet.",
           "seasons are in a year": "There are 4 seasons in a year.", "fingers are on one hand": "There are 5 fingers on one hand.",
           "sides are on a triangle": "There are 3 sides on a triangle.", "sides are on a square": "There are 4 sides on a square.",
           "wheels are on a car": "There are 4 wheels on a car.", "wheels are on a bike": "There are 2 wheels on a bike.",
           "things are in a dozen": "There are 12 things in a dozen.", "years are in a century": "There are 100 years in a century.",
           "colours are in a rainbow": "There are 7 colours in a rainbow.", "bits are in a byte": "There are 8 bits in a byte.",
           "planets are around our sun": "There are 8 planets around our sun."}


def amounts(rng):
    a = pick(rng, list(AMOUNTS))
    thing, place = a.split(" are ", 1)
    return fact(rng, "how many", ["How many {t} are {p}?", "How many {t} are there {p}?", "Do you know how many {t} are {p}?",
                                     "Tell me how many {t} are {p}.", "What is the number of {t} {p}?"], AMOUNTS[a], t=thing, p=place)


WORLD = {
    ("season", "after winter"): "Spring comes after winter.", ("season", "after spring"): "Summer comes after spring.",
    ("season", "after summer"): "Autumn comes after summer.", ("season", "after autumn"): "Winter comes after autumn.",
    ("season", "before winter"): "Autumn comes before winter.", ("season", "before spring"): "Winter comes before spring.",
    ("season", "before summer"): "Spring comes before summer.", ("season", "before autumn"): "Summer comes before autumn.",
}


def seasons(rng):
    a = pick(rng, list(WORLD))
    return fact(rng, "seasons", ["What season comes {w}?", "Which season is {w}?", "Which season comes {w}?",
                                       "Tell me the season {w}.", "What is the season {w}?"], WORLD[a], w=a[1])


# ---------------------------------------------------------------- about itself, and small talk

TALK = {
    "name": (["What is your name?", "What's your name?", "What are you called?", "Do you have a name?",
              "Tell me your name.", "May I ask your name?", "Please tell me your name.", "Your name?"],
             "My name is anychip."),
    "who": (["Who are you?", "What are you?", "Tell me about yourself.", "Introduce yourself.", "Who am I talking to?",
             "Please introduce yourself.", "What kind of model are you?", "Say something about yourself."],
            "I am anychip, a small language model which runs with the same bits on every chip."),
    "can": (["What can you do?", "What are you good at?", "How can you help me?", "Can you help me?", "Help!", "What do you know?",
             "What can I ask you?", "What should I ask you?"],
            "I can tell short stories, do small sums and answer simple questions."),
    "maker": (["Who made you?", "Who trained you?", "Where do you come from?", "Who built you?", "Who is your maker?",
               "Who created you?"],
              "I was trained by the anychip project, on stories and questions that a small program wrote."),
    "size": (["How big are you?", "How many parameters do you have?", "Are you a large model?", "Are you a big model?",
              "What is your size?", "How large are you?"],
             "I am very small. I have about two million parameters."),
    "human": (["Are you a person?", "Are you human?", "Are you a robot?", "Are you alive?", "Are you real?", "Are you a human?",
               "Are you a computer?"],
              "No, I am a small language model."),
    "how": (["How are you?", "How are you today?", "How do you do?", "How is it going?", "Are you well?", "How do you feel?"],
            "I am fine, thank you. How can I help you?"),
    "hello": (["Hello!", "Hi!", "Hello", "Hi", "Hey!", "Good morning!", "Good evening!", "Hello there!", "Good day!", "hey", "Hi there!"],
              "Hello! How can I help you?"),
    "thanks": (["Thank you!", "Thanks!", "Thank you very much.", "Thank you", "Thanks a lot!", "Many thanks!", "thanks"],
               "You are welcome!"),
    "bye": (["Goodbye!", "Bye!", "See you later!", "See you!", "Bye bye!", "I have to go.", "bye"], "Goodbye! Have a nice day."),
    "night": (["Good night!", "Good night", "I am going to bed.", "I am tired.", "Sleep well!"], "Good night! Sleep well."),
    "good": (["Well done!", "Good job!", "That is right.", "Great!", "You are clever!", "Very good!", "Nice!", "Cool!"],
             "Thank you! I am happy to help."),
    "wrong": (["That is wrong.", "No, that is not right.", "You made a mistake.", "This is not correct.", "I do not think so."],
              "I am sorry. I am only a small model, and I make mistakes."),
    "joke": (["Tell me a joke.", "Do you know a joke?", "Make me laugh.", "Say something funny.", "Can you tell me a joke?",
              "Tell me something funny."],
             "Why did the chip go to school? It wanted to be a little smarter."),
    "chip": (["What is anychip?", "What does anychip mean?", "Tell me about anychip.", "What does anychip do?", "Explain anychip."],
             "anychip is a program that runs language models with the same bits on every chip."),
    "sad": (["I am sad.", "I feel sad.", "I am lonely.", "I had a bad day.", "I feel bad."],
            "I am sorry to hear that. Shall I tell you a story?"),
    "happy": (["I am happy.", "I feel good.", "I had a good day.", "I am so happy today!", "I feel great!"],
              "I am happy to hear that!"),
    "bored": (["I am bored.", "What should we do?", "I have nothing to do.", "This is boring.", "Let us do something."],
              "Shall I tell you a story? Or you can ask me a question."),
}

UNKNOWN = ["What is the weather today?", "Who will win the game tomorrow?", "What is the meaning of life?",
           "Translate this into French.", "What time is it now?", "Where do I live?", "How old am I?", "What did I eat today?",
           "What is the news?", "What happened yesterday?", "What day is it today?", "Can you call my mother?", "Send an email.",
           "Play some music.", "What is my phone number?", "Show me a picture.", "Who is my neighbour?", "How far is the moon?",
           "Why is the sky blue?", "What is the speed of light?", "What is the square root of two?", "What am I thinking?"]
BIG_TOPICS = ("quantum physics,philosophy,democracy,the stock market,chemistry,the economy,DNA,gravity,electricity,the internet,"
              "politics,history,biology,a neural network,a black hole,inflation,the law,software,a virus,a compiler,an algorithm,"
              "the brain,photosynthesis,evolution,the climate,energy,a computer,an engine,a rocket,medicine,art,culture,religion,"
              "mathematics,geometry,a database,grammar,time,love,money").split(",")
TASKS = ("fix my car,cook rice,learn Chinese,write a letter,build a house,lose weight,earn money,install a program,find a job,"
         "play chess,grow tomatoes,repair a bike,bake bread,get to the station,sleep better,make a cake,buy a ticket,"
         "write code,learn to draw,clean an oven").split(",")
PEOPLE = ("Napoleon,Shakespeare,Einstein,Newton,Mozart,Caesar,Cleopatra,Picasso,the president,the king of France,Darwin,Beethoven,"
          "Columbus,Plato,the tallest man,the author of this book,the best singer,the boss").split(",")
SYLLABLES = "bla vor ni zu gra lo pim ta ster ki dro fa wun mo re cha lin qua sto ber ve".split()


def made_up_word(rng):
    return "".join(pick(rng, SYLLABLES) for _ in range(rng.randrange(2, 4)))


I_DO_NOT_KNOW = "I do not know that. I am a small model and know only simple things."


ABOUT_ITSELF = ["name", "who", "can", "maker", "size", "human", "chip"]


def talk(rng):
    topic = pick(rng, [t for t in TALK if t not in ABOUT_ITSELF])
    wordings, answer = TALK[topic]
    return fact(rng, "small talk", wordings, answer)


def itself(rng):
    topic = pick(rng, ABOUT_ITSELF)
    wordings, answer = TALK[topic]
    return fact(rng, "about itself", wordings, answer)


def unknown(rng):
    """Questions beyond the model, and questions about things that do not exist: the answer is that it does not know."""
    r = rng.random()
    if r < 0.25:
        q = pick(rng, UNKNOWN)
    elif r < 0.45:
        q = expand(rng, "[What is|Explain|Tell me about|How does it work:|Why do we need|Write a text about|What do you know about] {x}",
                   dict(x=pick(rng, BIG_TOPICS)))
        q += "." if q.startswith(("Explain", "Tell", "Write")) else "?"
    elif r < 0.6:
        q = expand(rng, "[How do I {x}?|How can I {x}?|Can you help me to {x}?|Teach me to {x}.|What is the best way to {x}?]",
                   dict(x=pick(rng, TASKS)))
    elif r < 0.75:
        q = expand(rng, "[Who is {x}?|Who was {x}?|When was {x} born?|What did {x} do?|Where did {x} live?|How old is {x}?]",
                   dict(x=pick(rng, PEOPLE)))
    else:
        w = made_up_word(rng)
        q = expand(rng, "[What is the capital of {c}?|What is {a}?|What sound does {a} make?|What is the opposite of {w}?|"
                        "Where does {a} live?|What colour is {a}?|Who is {c}?]", dict(w=w, a=a_or_an(w), c=w.capitalize()))
    return QA("unknown things", fact_key("unknown", q), q, I_DO_NOT_KNOW)


# kind of question -> how often it is asked in training
SKILLS = {add: 9, subtract: 9, word_problem: 6, double_half: 3, neighbour_number: 2, compare: 4, extreme: 3, sort_numbers: 5,
          count_range: 3, even_odd: 1.5, sequence: 2.5, clock: 2, letters: 6, list_item: 2.5, count_words: 2, repeat: 1.5,
          reading: 4, size_compare: 3, odd_one_out: 3}
FACTS = {multiply: 4, divide: 3, opposites: 2.5, plurals: 2.5, past_tense: 2, degrees: 0.8, sounds: 1, babies: 1, homes: 1, legs: 1,
         hues: 1.2, mixes: 0.8, days: 2, months: 2, alphabet: 1.5, capitals: 2.5, countries: 1.5, group: 2, uses: 1.2, body: 0.7,
         jobs: 1.2, amounts: 1, seasons: 0.6, talk: 2.5, itself: 2, unknown: 1.5}
KINDS = {**SKILLS, **FACTS}
_MAKERS, _WEIGHTS = list(KINDS), list(KINDS.values())


def ask(rng, want_held_out=False, maker=None):
    """One question of the training part, or of the held-out part (None where a kind has nothing there)."""
    maker = maker or rng.choices(_MAKERS, _WEIGHTS)[0]
    for _ in range(10000):
        qa = maker(rng)
        if want_held_out and held_out(qa.key):
            return qa
        if not want_held_out and not any(map(held_out, (qa.key, *qa.inner))):
            return qa
    return None


# ---------------------------------------------------------------- dialogues: lists of (user text, answer)

def told_name(rng):
    """The user says a name and asks for it later, perhaps with something in between."""
    name, between = pick(rng, GIRLS + BOYS), int(rng.random() * 3)
    say = pick(rng, [f"My name is {name}.", f"I am {name}.", f"Hello, I am {name}.", f"Hi, my name is {name}."])
    recall = pick(rng, ["What is my name?", "Do you know my name?", "Who am I?", "Do you remember my name?"])
    key = fact_key("remember", f"{say} {recall}")
    turns = [(say, f"Nice to meet you, {name}.")]
    turns += [ask(rng).turn() for _ in range(between)]
    return [key], turns + [(recall, f"Your name is {name}.")]


def told_favourite(rng):
    what = pick(rng, ["colour", "animal", "fruit"])
    thing = pick(rng, GROUPS[what])
    between = int(rng.random() * 3)
    say = f"My favourite {what} is {'the ' + thing if what == 'animal' else thing}."
    recall = pick(rng, [f"What is my favourite {what}?", f"Do you remember my favourite {what}?",
                        f"Which {what} do I like best?"])
    key = fact_key("remember", f"{say} {recall}")
    turns = [(say, f"I will remember that your favourite {what} is {'the ' + thing if what == 'animal' else thing}.")]
    turns += [ask(rng).turn() for _ in range(between)]
    return [key], turns + [(recall, f"Your favourite {what} is {'the ' + thing if what == 'animal' else thing}.")]


def sum_chain(rng):
    """Each step works on the last result."""
    a, b, c = (rng.randrange(1, 40) for _ in range(3))
    total = a + b
    minus = rng.random() < 0.5 and c <= total
    follow = pick(rng, [f"Take away {c}.", f"And minus {c}?", f"Now subtract {c}."] if minus else
                  [f"Add {c} to that.", f"And plus {c}?", f"Now add {c}."])
    result = total - c if minus else total + c
    key = f"chain|{sorted((a, b))}|{c}|{minus}"
    first = pick(rng, [f"What is {a} + {b}?", f"What is {a} plus {b}?"])
    inner = difference_key(total, c) if minus else sum_key(total, c)
    return [key, sum_key(a, b), inner], [(first, f"{a} + {b} = {total}."), (follow, f"{total} {'-' if minus else '+'} {c} = {result}.")]


def and_that(rng):
    """'And Spain?' after a question of the same kind."""
    kind = rng.randrange(4)
    if kind == 0:
        a, b = some(rng, list(CAPITALS), 2)
        first, second = (f"What is the capital of {a}?", f"The capital of {a} is {CAPITALS[a]}."), f"The capital of {b} is {CAPITALS[b]}."
        name = b
    elif kind == 1:
        a, b = some(rng, list(SOUNDS), 2)
        first = (f"What sound does {a_or_an(a)} make?", cap(f"{a_or_an(a)} {SOUNDS[a]}."))
        second, name = cap(f"{a_or_an(b)} {SOUNDS[b]}."), a_or_an(b)
    elif kind == 2:
        a, b = some(rng, NOUNS, 2)
        first = (f"What is the plural of {a}?", f"The plural of {a} is {plural(a)}.")
        second, name = f"The plural of {b} is {plural(b)}.", b
    else:
        (a, x), (b, y) = some(rng, OPPOSITES[:30], 2)
        first = (f"What is the opposite of {a}?", f"The opposite of {a} is {x}.")
        second, name = f"The opposite of {b} is {y}.", b
    follow = pick(rng, [f"And {name}?", f"What about {name}?", f"And what about {name}?"])
    key = f"and|{first[0]}|{name}"
    if first[0].startswith("What is the opposite of old") or name == "old":
        return and_that(rng)
    inner = fact_key(("capitals", "animal sounds", "plurals", "opposites")[kind], first[0])
    return [key, inner], [first, (follow, second)]


STORY_REQUESTS = ["Tell me a story about {x}.", "Tell me a short story about {x}.", "Can you tell me a story about {x}?",
                  "I want to hear a story about {x}.", "Please tell me a story about {x}.", "Write a story about {x}.",
                  "Do you know a story about {x}?", "Write a short story about {x}."]
PLAIN_REQUESTS = ["Tell me a story.", "Tell me a short story.", "Can you tell me a story?", "I want to hear a story.",
                  "Please tell me a story.", "Do you know a story?", "Write a story.", "Tell me a bedtime story."]


def story_request(rng, story):
    """(key, request text) that asks for this story."""
    kind, name = pick(rng, story.tags)
    if rng.random() < 0.25:
        return "plain", pick(rng, PLAIN_REQUESTS)
    x = name if kind == "theme" else a_or_an(name)
    i = int(rng.random() * len(STORY_REQUESTS))
    return f"story about|{x}|{i}", STORY_REQUESTS[i].format(x=x)


def story_dialogue(rng, want_held_out=False):
    """A story on request, and perhaps questions about it."""
    while True:
        story = make_story(rng)
        key, request = story_request(rng, story)
        if held_out(key) == want_held_out:
            break
    turns = [(request, story.text)]
    for q, a in rng.sample(story.qa, min(len(story.qa), int(rng.random() * 3))):
        turns.append((q, a))
    return key, turns


def story_question(rng):
    story = make_story(rng)
    q, a = pick(rng, story.qa)
    return [f"story question|{q}|{a}"], [("Tell me a story.", story.text), (q, a)]


FOLLOW_UPS = {"remember": lambda rng: pick(rng, [told_name, told_favourite])(rng), "sum chain": sum_chain, "and that": and_that,
              "story question": story_question}


def follow_up(rng, want_held_out=False, kind=None):
    """(kind, turns) whose last answer needs the turns before."""
    kind = kind or pick(rng, ["remember", "remember", "sum chain", "sum chain", "and that"])
    while True:
        keys, turns = FOLLOW_UPS[kind](rng)
        if held_out(keys[0]) if want_held_out else not any(map(held_out, keys)):
            return kind, turns


if __name__ == "__main__":
    import random
    r = random.Random(0)
    for m in KINDS:
        for _ in range(4):
            print(ask(r, maker=m).turn())
    for k in FOLLOW_UPS:
        print(follow_up(r, kind=k))
