"""Seeded little stories. Every shape is a chain of causes: a wish or a trouble, an attempt, an outcome, an ending.

A story comes with what it is about (for "tell me a story about a dog") and with questions that it answers.
"""
from dataclasses import dataclass, field
from types import SimpleNamespace as Bag

from grammar import a_or_an, sentence

GIRLS = "Lily Mia Anna Emma Zoe Lucy Ella Nora Ruby Sara Rosa Amy Ivy Clara Maya Jane Eva Grace Molly Alice".split()
BOYS = "Tom Ben Max Leo Sam Jack Noah Finn Tim Oscar Paul Luke Adam Hugo Peter Theo Daniel Felix Omar Jim".split()
PET_GIRLS = "Bella Daisy Luna Hazel Poppy Honey Rosie Pip Coco Snowy Pepper Nibbles Sunny Button Clover Maple".split()
PET_BOYS = "Milo Toby Bruno Rusty Buddy Shadow Pip Coco Snowy Biscuit Nibbles Sunny Button Waffles Hopper Oliver".split()
COLOURS = "red blue green yellow purple orange white pink".split()

# species: (where it lives, how it moves, what it eats, forest animal?)
SPECIES = {
    "dog": ("in a red house with a big garden", "ran", "a bone", False),
    "cat": ("in a warm house near the market", "ran", "a bowl of milk", False),
    "rabbit": ("in a burrow under an old oak tree", "hopped", "a carrot", True),
    "fox": ("in a den at the edge of the forest", "ran", "some berries", True),
    "bear": ("in a cave in the hills", "walked", "a pot of honey", True),
    "mouse": ("in a tiny hole under a big root", "ran", "a piece of cheese", True),
    "duck": ("in a nest beside the pond", "walked", "some bread", True),
    "squirrel": ("in a hollow tree in the forest", "ran", "a nut", True),
    "hedgehog": ("under a pile of dry leaves", "walked", "an apple", True),
    "frog": ("by a green pond behind the mill", "hopped", "a juicy fly", True),
    "turtle": ("by a quiet pond", "walked", "a green leaf", True),
    "deer": ("in a sunny part of the forest", "ran", "some fresh grass", True),
    "pony": ("on a farm at the foot of a hill", "trotted", "an apple", False),
    "lamb": ("on a farm near the river", "ran", "some fresh grass", False),
    "pig": ("on a farm with a big brown barn", "ran", "an apple", False),
    "elephant": ("on a green plain near a wide river", "walked", "a ripe banana", False),
    "monkey": ("in a tall tree in the jungle", "ran", "a ripe banana", False),
    "penguin": ("on a snowy island", "walked", "a fish", False),
    "owl": ("in a tall tree at the edge of the forest", "flew", "some berries", True),
    "lion": ("in the golden grass near a lake", "walked", "a big dinner", False),
}
FOREST = [s for s, v in SPECIES.items() if v[3]]

# toy: (places where it can get lost, what one does with it)
TOYS = {
    "ball": (["under a bush", "behind the big tree", "in the tall grass"], "play with"),
    "kite": (["in a tree", "behind the fence", "on top of the shed"], "fly"),
    "doll": (["under the bed", "behind the sofa", "under the old blanket"], "play with"),
    "toy car": (["under the bed", "behind the sofa", "in the sand"], "play with"),
    "teddy bear": (["under the bed", "in the laundry basket", "under the old blanket"], "cuddle"),
    "hat": (["on the fence", "in the tall grass", "on a low branch"], "wear"),
    "scarf": (["on a low branch", "behind the door", "on the garden bench"], "wear"),
    "toy boat": (["in the reeds", "under the little bridge", "behind a stone"], "play with"),
    "drum": (["behind the sofa", "under the stairs", "in the old box"], "play"),
    "book": (["under the pillow", "behind the sofa", "on the garden bench"], "read"),
    "toy train": (["under the bed", "behind the sofa", "under the stairs"], "play with"),
}


@dataclass
class Story:
    text: str
    tags: list
    qa: list = field(default_factory=list)


class Someone(Bag):
    def __str__(self):
        return self.name


def person(name, girl, kind, one, **more):
    """A character with its pronouns. `kind`: girl, boy or a species; `one`: 'little girl', 'small brown dog'."""
    he, him, his = ("she", "her", "her") if girl else ("he", "him", "his")
    return Someone(name=name, girl=girl, kind=kind, one=a_or_an(one), he=he, him=him, his=his, himself=him + "self",
                   the="the " + kind, small="little " + kind, **more)


class Teller:
    """Collects the sentences of one story. Slots given to say() stay known until the end."""

    def __init__(self, rng):
        self.rng, self.slots, self.paragraphs, self.names = rng, {}, [[]], set()
        self.tags, self.qa = [], []

    def choice(self, items):
        return items[int(self.rng.random() * len(items))]

    def set(self, **slots):
        self.slots.update(slots)

    def say(self, template, **slots):
        self.slots.update(slots)
        self.paragraphs[-1].append(sentence(self.rng, template, self.slots))

    def maybe(self, chance, template):
        if self.rng.random() < chance:
            self.say(template)

    def part(self):
        self.paragraphs.append([])

    def ask(self, question, answer):
        self.qa.append((sentence(self.rng, question, self.slots), sentence(self.rng, answer, self.slots)))

    def fresh(self, names):
        while True:
            name = self.choice(names)
            if name not in self.names:
                self.names.add(name)
                return name

    def child(self, girl=None):
        girl = self.rng.random() < 0.5 if girl is None else girl
        kind = "girl" if girl else "boy"
        adjective = self.choice(["little", "young", "small", "kind", "cheerful", "curious", "clever"])
        return person(self.fresh(GIRLS if girl else BOYS), girl, kind, f"{adjective} {kind}",
                      lives=self.choice(["in a small house near the forest", "in a little village by the sea",
                                         "in a yellow house at the end of the street", "in a tall house in the town",
                                         "on a farm near the river", "in a cosy house on a hill"]),
                      went="ran", food=self.choice(["a slice of apple pie", "a warm bun", "a red apple"]))

    def animal(self, species=None, among=None):
        species = species or self.choice(among or list(SPECIES))
        lives, went, food, _ = SPECIES[species]
        adjective = self.choice(["little", "small", "young", "friendly", "curious", "cheerful"])
        girl = self.rng.random() < 0.5
        return person(self.fresh(PET_GIRLS if girl else PET_BOYS), girl, species, f"{adjective} {species}",
                      lives=lives, went=went, food=food)

    def hero(self, among=None, children=0.55):
        h = self.child() if self.rng.random() < children else self.animal(among=among)
        self.set(h=h)
        self.tags.append(("hero", h.kind))
        return h

    def once(self):
        """The opening: who, and where at home."""
        self.say(self.choice([
            "Once upon a time, there was {h.one} named {h}. {^h.he} lived {h.lives}.",
            "Once upon a time, there was {h.one} named {h}. {^h.he} lived {h.lives}.",
            "Once upon a time, {h.one} named {h} lived {h.lives}.",
            "Once upon a time, there lived {h.one} whose name was {h}.",
            "There was once {h.one} called {h}, who lived {h.lives}.",
            "{h} was {h.one}. {^h.he} lived {h.lives}.",
            "Long ago, there was {h.one} named {h}. {^h.he} lived {h.lives}.",
        ]))
        self.ask("What is the name of {h.the}?", "The name of {h.the} is {h}.")

    def day(self):
        return self.choice(["One day", "One sunny morning", "One morning", "One afternoon", "One fine day",
                            "One bright day", "One spring day", "One summer day"])

    def story(self):
        text = "\n\n".join(" ".join(" ".join(p).split()) for p in self.paragraphs if p)
        return Story(text, self.tags, self.qa)


def parent(t, h):
    """Mother or father of the hero, as 'his mother'."""
    girl = t.rng.random() < 0.6
    word = t.choice(["mother", "grandmother"] if girl else ["father", "grandfather"])
    he, him, his = ("she", "her", "her") if girl else ("he", "him", "his")
    return Someone(name=f"{h.his} {word}", word=word, he=he, him=him, his=his)


def lost_toy(t):
    h = t.hero(children=1)
    toy = t.choice(list(TOYS))
    places, use = TOYS[toy]
    colour = t.choice(COLOURS)
    spot = t.choice(places)
    t.set(toy=toy, use=use, colour=colour, spot=spot, acol=a_or_an(colour), p=parent(t, h), day=t.day())
    t.tags += [("thing", toy), ("theme", f"a lost {toy}")]
    t.once()
    t.say("{h} had {acol} {toy}. [It was {h.his} favourite toy|{^h.he} loved it very much|It was a gift from {p}].")
    t.maybe(0.6, "[Every day {h.he} liked to {use} it|{^h.he} liked to {use} it every afternoon].")
    t.ask("What colour was the {toy}?", "The {toy} was {colour}.")
    t.part()
    t.say("{day}, {h} [could not find the {toy}|wanted to {use} the {toy}, but it was gone|"
          "looked for the {toy}, but it was not there]. {^h.he} [felt very sad|began to cry|was very worried].")
    others = [s for s in places if s != spot]
    t.set(other=t.choice(others), other2=t.choice(["in the kitchen", "beside the gate", "in {h.his} bag".format(h=h)]))
    t.say("{^h.he} looked {other}, but the {toy} was not there. "
          "[{^h.he} looked {other2}, but it was not there either.|Then {h.he} looked {other2}. Nothing was there.|]")
    if t.rng.random() < 0.5:
        t.say('"[What is wrong|Why are you sad|What is the matter], {h}?" asked {p}. '
              '"[I have lost my {toy}|My {toy} is gone|I cannot find my {toy}]," said {h}.')
        t.say('"[Do not worry|Do not be sad|Do not cry]," said {p}. "[Let us look together|I will help you|'
              'We will find it together]."')
        t.part()
        t.say("They looked [and looked|everywhere|in the house and in the garden]. At last, {p} looked {spot}. "
              "There was the {colour} {toy}!")
        t.ask("Who found the {toy}?", "{p} found it.".replace("{p}", h.name + "'s " + t.slots["p"].word))
        t.say('"[Thank you|Thank you so much]!" said {h}, and {h.he} [gave {p} a big hug|hugged {p}|smiled again].')
    else:
        f = t.animal(species=t.choice(["dog", "cat"]))
        t.set(f=f)
        t.tags.append(("hero", f.kind))
        t.say("Then {f}, {h.his} [clever|good|little] {f.kind}, [came to help|wanted to help]. "
              "{^f} ran [out of the room|away|ahead] and [looked back at {h}|made a loud noise].")
        t.say('"[Do you know where it is|Did you find something], {f}?" asked {h}, and {h.he} ran after {f.the}.')
        t.part()
        t.say("{^f.the} stopped and [looked at one place|put {f.his} nose down|sat down]. {h} looked {spot}. "
              "There was the {colour} {toy}!")
        t.ask("Who helped {h} to find the {toy}?", "{f} {f.the} helped {h}.")
        t.say('"[Good {f.kind}|Thank you|You are so clever], {f}!" said {h}, and {h.he} gave {f.the} a big hug.')
    t.ask("Where was the {toy}?", "The {toy} was {spot}.")
    t.say("[From that day on, {h} always put the {toy} back in its place.|{h} was happy again, and {h.he} held the {toy} "
          "tight all day.|That night, {h} fell asleep with a smile.|After that, {h} took good care of the {toy}.]")


def animal_in_trouble(t):
    h = t.hero(children=1)
    a = t.animal(species=t.choice(["cat", "duck", "rabbit", "turtle", "hedgehog", "owl", "lamb", "dog", "fox"]))
    where, trouble, rescue, word = {
        "cat": ("under a tall tree", "sitting high up in the tree. It was too scared to climb down",
                "put a ladder against the tree and carried the cat down", "crying"),
        "duck": ("near the pond", "caught in some string. It could not move its leg",
                 "took off the string, bit by bit", "a sad quack"),
        "rabbit": ("at the edge of a field", "stuck in a hole in the fence. It could not get out",
                   "pushed the boards apart until the rabbit was free", "a soft noise"),
        "turtle": ("beside the road", "lying on its back. It could not turn over",
                   "turned the turtle over and carried it to the water", "a small noise"),
        "hedgehog": ("behind the shed", "stuck in an old flower pot. It could not get out",
                     "tipped the pot until the hedgehog could walk out", "a small noise"),
        "owl": ("under an old tree", "sitting on the ground. It had fallen out of its nest",
                "lifted the owl back into its nest", "a soft cry"),
        "lamb": ("near the river", "standing in deep mud. It could not get out",
                 "laid a board on the mud and pulled the lamb out", "a sad cry"),
        "dog": ("in the street", "all alone. It was cold and hungry",
                "wrapped the dog in a blanket and gave it warm food", "a sad bark"),
        "fox": ("in the forest", "stuck between two stones. It could not move its paw",
                "rolled one stone away until the fox was free", "a sad cry"),
    }[a.kind]
    t.set(a=a, where=where, trouble=trouble, rescue=rescue, noise=word, p=parent(t, h), day=t.day())
    t.set(hearing=f"someone {word}" if word == "crying" else word)
    t.tags += [("hero", a.kind), ("theme", f"helping a {a.kind}")]
    t.once()
    t.maybe(0.5, "{h} [loved animals|liked all animals|was kind to every animal].")
    t.part()
    t.say("{day}, {h} was walking {where}. Suddenly, {h.he} heard {hearing}. {^h.he} looked around and saw a little {a.kind}. "
          "The {a.kind} was {trouble}.")
    t.say('"[Poor little {a.kind}|Do not be afraid|Oh, you poor thing]," said {h}. "[I will help you|I will get help]."')
    t.ask("What animal did {h} help?", "{h} helped a {a.kind}." if a.kind != "owl" else "{h} helped an owl.")
    t.part()
    t.say("{^h.he} [ran home to get {p}|called {p}]. [Together, they went back to the {a.kind}|"
          "{^p} came at once]. Carefully, they {rescue}.")
    if a.kind in ("dog", "cat", "rabbit"):
        t.say("The {a.kind} [was safe|was safe now]. It [looked at {h} with bright eyes|rubbed its head against {h}].")
        t.say('"[Can we keep it|May it stay with us]?" asked {h}. [{^p} smiled|{^p} thought for a moment] and said, '
              '"Yes, [but you must take good care of it|if you look after it well]."')
        t.say("{h} named the {a.kind} {a}. [Every day, they played together|Soon they were best friends|"
              "{^h.he} gave it food and water every day].")
        t.ask("What name did {h} give to the {a.kind}?", "{h} named the {a.kind} {a}.")
        t.say("[{h} and {a} stayed friends for ever.|{h} was never lonely again.|"
              "And {a} was the happiest {a.kind} in the whole town.]")
    else:
        t.say("The {a.kind} was [safe|free] again. It [looked back once, as if to say thank you|"
              "looked at {h} for a moment, and then it went on its way].")
        t.say('"[You have a kind heart|You did well|I am proud of you], {h}," said {p}.')
        t.say("[{h} felt warm and happy all day.|After that, {h} often saw the {a.kind}, and {h.he} always waved.|"
              "{h} smiled, for it feels good to help.|That night, {h} dreamed of the little {a.kind}.]")


def sharing(t):
    h = t.hero(children=0.6, among=FOREST)
    kids = h.kind in ("girl", "boy")
    f = t.child() if kids else t.animal(among=[s for s in FOREST if s != h.kind])
    thing, one_use = t.choice([("swing", "swing"), ("sled", "ride on the sled"), ("drum", "play the drum"),
                               ("kite", "fly the kite"), ("ball", "play with the ball"), ("boat", "sail in the boat"),
                               ("big cake", "eat the cake"), ("basket of berries", "eat the berries")])
    food = "eat" in one_use
    t.set(f=f, thing=thing, use=one_use, day=t.day(), athing=a_or_an(thing))
    t.tags += [("theme", "sharing"), ("theme", "two friends")] + ([] if food else [("thing", thing)])
    t.once()
    t.say("{^h.his} [best|good] friend was {f}." if kids else "{^h.his} [best|good] friend was {f} {f.the}.")
    t.ask("Who was the friend of {h}?", "{f} was the friend of {h}.")
    t.part()
    t.say("{day}, the two friends found {athing} [in the meadow|near the old mill|under the big tree].")
    t.say('"I want to {use} first!" said {h}. "No, [I saw it first|it is my turn|me first]!" said {f}. '
          "[They both pulled and pushed|They began to shout|They were both very angry].")
    if food:
        t.say("[While they were shouting, some of it fell into the mud|They pulled so hard that some of it fell on the "
              "ground]. They stopped and looked at it.")
    else:
        t.say("[They pulled so hard that both of them fell down|They shouted so loudly that a bird flew away]. "
              "[Nobody had any fun|Now both of them were sad].")
    t.part()
    t.say('"[I am sorry|I am sorry that I was so loud]," said {h}. "[We are friends|You are my friend]. '
          + ('We can share it."' if food else 'We can take turns."'))
    t.say('"[That is a good idea|Yes, let us do that|You are right]," said {f}. '
          + ("So they [made two parts, one for each|shared what was left]. It tasted [very good|better than ever]."
             if food else "So {f} went first, and then it was {h}'s turn. [They laughed and played until the sun went "
                          "down|They played together all day]."))
    t.say("[They learned that sharing is more fun.|{h} and {f} were happy, and they never fought about the {thing} again.|"
          "From that day on, the two friends shared everything.|It is always better to share with a friend.]")


def fear(t):
    h = t.hero(children=0.6)
    kids = h.kind in ("girl", "boy")
    options = [("the dark", "dark", "The night is full of stars. Look up, and you will see how bright it is",
                "went outside at night and looked up. The sky was full of bright stars", "the dark"),
               ("thunder", "storm", "Count with me after the light. The thunder is only a loud noise",
                "counted after every light. One, two, three, boom! Soon it was like a game", "thunder"),
               ("deep water", "water", "I will hold you. Just kick your legs",
                "went into the water and kicked and kicked. Soon {h} was swimming", "deep water"),
               ("high places", "hill", "Take one small step, and then one more. I will be right behind you",
                "took one small step, and then one more. Soon {h} stood at the top and saw the whole valley",
                "high places")]
    if h.kind in ("duck", "frog", "turtle", "penguin", "owl"):
        options = options[:2]  # these swim or fly already
    thing, tag, advice, success, name = t.choice(options)
    p = parent(t, h)
    t.set(thing=thing, advice=advice, success=success.replace("{h}", h.he), name=name, p=p, day=t.day())
    t.tags += [("theme", f"being afraid of {name}" if name != "thunder" else "thunder"), ("theme", "being brave")]
    t.once()
    t.say("{h} was [a happy {h.kind}|cheerful and clever], but {h.he} was afraid of {thing}.")
    t.ask("What was {h} afraid of?", "{h} was afraid of {thing}.")
    others = "children" if kids else "animals"
    t.set(others=others)
    t.say({"dark": "[Every night, {h.he} hid under a blanket|When the sun went down, {h.he} began to shake].",
           "storm": "[When a storm came, {h.he} hid under a blanket|At the first boom, {h.he} always ran and hid].",
           "water": "[When the other {others} went swimming, {h.he} stayed on the shore|"
                    "{^h.he} only ever put one foot into the lake].",
           "hill": "[When the other {others} climbed the hill, {h.he} stayed at the bottom|"
                   "{^h.he} never went up the big hill with the other {others}]."}[tag])
    t.part()
    t.say({"dark": "One evening, {p} found {h.him} shaking in the corner.",
           "storm": "One evening, dark clouds came, and {p} sat down beside {h.him}.",
           "water": "{day}, {p} sat down beside {h.him} on the shore.",
           "hill": "{day}, {p} took {h.him} to the foot of the hill."}[tag])
    t.say('"[I am scared|I am afraid]," said {h}. "[That is all right|Everyone is scared at times|I was afraid too when '
          'I was little]," said {p}. "{advice}."')
    t.say("{h} [took a deep breath|thought about it|was still scared, but {h.he} wanted to try]. "
          "Slowly, {h.he} {success}.")
    t.part()
    t.say('"[I did it|Look, I did it|I am not afraid any more]!" {h.he} [shouted|cried] with joy. '
          '"[You were very brave|I am proud of you|I knew that you could do it]," said {p}.')
    t.say("[From that day on, {h} was not afraid of {name} any more.|{h} learned that being brave means to try even when "
          "you are scared.|And from then on, {h} helped others who were afraid.]")


def baking(t):
    h = t.hero(children=0.7, among=FOREST)
    cake, main = t.choice([("apple pie", "apples"), ("carrot cake", "carrots"), ("berry cake", "berries"),
                           ("nut cake", "nuts"), ("honey cake", "honey"), ("pumpkin soup", "pumpkins"),
                           ("vegetable soup", "vegetables")])
    mistake, fix = t.choice([("put in salt instead of sugar", "made it again, and this time with sugar"),
                             ("dropped the bowl on the floor", "cleaned the floor and started again"),
                             ("forgot it in the oven until it was black", "started again, and this time {he} watched it")])
    if "soup" in cake:
        mistake, fix = t.choice([("put in far too much salt", "made it again, and this time with only a little salt"),
                                 ("dropped the pot on the floor", "cleaned the floor and started again")])
    p = parent(t, h)
    f = t.child() if h.kind in ("girl", "boy") else t.animal(among=[s for s in FOREST if s != h.kind])
    reason = t.choice(["It was the birthday of {f}", "{f} was ill", "{f} was coming to visit"])
    t.set(cake=cake, acake=a_or_an(cake) if "soup" not in cake else "some " + cake, main=main, mistake=mistake,
          fix=fix.replace("{he}", h.he), p=p, f=f, day=t.day())
    t.tags += [("thing", cake), ("theme", "baking" if "soup" not in cake else "cooking"), ("theme", "trying again")]
    t.once()
    t.part()
    t.say(reason + ", {h.his} [good|best] friend. {h} wanted to make {acake} for {f.him}." )
    t.ask("What did {h} want to make?", "{h} wanted to make {acake}.")
    t.ask("Who was the {cake} for?", "The {cake} was for {f}.")
    t.say("First, {h.he} [went out to get some {main}|bought some {main} at the market]. "
          "Then {h.he} [got a big bowl|put on an apron] and began.")
    t.say("But then {h.he} {mistake}. [What a mess|Oh no]! {h} [almost cried|felt like crying|sat down and sighed].")
    t.say('"[Everyone makes mistakes|Mistakes happen]," said {p}. "[Just try again|Let us try once more|You can do it]."')
    t.part()
    t.say("So {h} {fix}. [Soon the whole house smelled wonderful|It smelled so good|After a while, it was ready].")
    t.say("{^h.he} [carried|brought] the {cake} to {f}. "
          "[{^f.he} tasted it and smiled|{^f} took one bite and then another]. "
          '"[This is the best {cake} in the world|This is so good|How kind of you], {h}!" {f.he} said.')
    t.say("[They ate it all up together.|{h} was very happy that {h.he} had tried again.|"
          "The two friends ate and laughed until the evening.|{h} learned that it is good to try again.]")


def rainy_day(t):
    h = t.hero(children=1)
    f = t.child()
    plan = t.choice(["have a picnic", "go to the beach", "fly a kite", "play in the park", "go to the zoo"])
    game, how = t.choice([("a tent", "They took two chairs and a big blanket and made a tent in the living room"),
                          ("a ship", "They took a big box and made a ship. The blue carpet was the sea"),
                          ("a castle", "They took all the pillows and built a castle. {h} was the {king}"),
                          ("a shop", "They put cups and spoons on a table and opened a shop. Buttons were the money"),
                          ("a show", "They made puppets from old socks and put on a show for the family")])
    p = parent(t, h)
    t.set(f=f, plan=plan, game=game, how=how.replace("{king}", "queen" if h.girl else "king").replace("{h}", h.name),
          p=p, day=t.choice(["One Saturday", "One Sunday", "One day"]))
    t.tags += [("theme", "a rainy day"), ("theme", "rain"), ("theme", "two friends")]
    t.once()
    t.part()
    t.say("{day}, {h} and {h.his} friend {f} wanted to {plan}. [They had waited for it all week|They were very excited]. "
          "But [when they looked out of the window, it was raining|dark clouds came, and it began to rain].")
    t.ask("What did {h} and {f} want to do?", "They wanted to {plan}.")
    t.say('"[Now we cannot {plan}|Our day is ruined|What a pity]," said {f}. [They looked at the rain and sighed|'
          'Both of them were sad|The rain fell and fell].')
    t.say('Then {h} [had an idea|jumped up|smiled]. "[I know what we can do|Let us play inside|We can have fun at home]!" '
          "{h.he} said.")
    t.part()
    t.say("{how}. [They laughed and played|It was great fun|They forgot all about the rain].")
    t.ask("What did they make?", "They made {game}.")
    t.maybe(0.6, "{^p} [brought them hot chocolate|brought them some warm buns|made them a snack].")
    t.say("When the rain stopped, [there was a rainbow in the sky|they did not even see it|the sun came out again].")
    t.say('["This was the best rainy day ever," said {f}.|They were almost sorry that the rain was over.|'
          '"I hope that it rains again tomorrow," said {h}, and they all laughed.|They learned that you can have fun in '
          "any weather.]")


def garden(t):
    h = t.hero(children=0.65, among=["rabbit", "mouse", "bear", "hedgehog", "squirrel", "pig", "duck"])
    seed, grown, food = t.choice([("sunflower seed", "sunflower", ""), ("pumpkin seed", "pumpkin", "soup"),
                                  ("bean", "bean plant", "beans"), ("apple seed", "apple tree", "apples"),
                                  ("carrot seed", "carrot", "carrot"), ("rose seed", "rose", "")])
    p = parent(t, h)
    t.set(seed=a_or_an(seed), grown=grown, agrown=a_or_an(grown), seed1=seed, p=p, day=t.choice(["One day in spring",
          "One spring morning", "In spring"]))
    t.tags += [("thing", grown), ("theme", "a garden"), ("theme", "waiting")]
    t.once()
    t.part()
    t.say("{day}, {p} gave {h.him} {seed}. \"[Put it into the ground|Plant it] and give it water every day,\" said {p}. "
          '"[Then something wonderful will happen|Then wait and see]."')
    t.ask("What did {h} plant?", "{h} planted {seed}.")
    t.say("{h} [dug a small hole|found a sunny spot in the garden] and put the seed into the ground. Every [day|morning], "
          "{h.he} [gave it water|brought a little water].")
    t.say("But [after a week, there was nothing to see|for many days nothing happened]. "
          '"[It does not grow|Nothing is happening]," said {h} sadly. "[You must wait|Good things need time|Be patient]," '
          "said {p}.")
    t.part()
    t.say("So {h} waited. [It rained, and the sun shone|The days became warm]. Then, one morning, there was a tiny green "
          "[leaf|plant]! It grew [and grew|taller every day]"
          + (", and after some years it was a big {grown}." if grown == "apple tree" else
             ". By the end of summer, it was a [beautiful|big] {grown}."))
    if food:
        t.say({"soup": "{h} and {p} made soup from the pumpkin, and there was enough for everyone.",
               "beans": "{h} picked the beans, and there was a whole bowl full of them.",
               "apples": "{h} picked the red apples and gave one to every friend.",
               "carrot": "{h} pulled and pulled, and out came the biggest carrot that {h.he} had ever seen."}[food])
    else:
        t.say("[Bees came to visit it|Everyone came to look at it|It was the most beautiful flower in the garden].")
    t.say("[{h} was very proud.|{h} was glad that {h.he} had waited.|{h} learned that good things take time.|"
          '"I grew it all by myself," said {h}, and {h.he} smiled.]')


def honesty(t):
    h = t.hero(children=1)
    thing, how = t.choice([("vase", "bumped into the table, and the vase fell"),
                           ("cup", "ran too fast with it, and the cup fell"),
                           ("window", "kicked a ball, and it flew right into the window"),
                           ("lamp", "jumped on the bed, and the lamp fell"),
                           ("plate", "tried to carry too many things, and the plate fell"),
                           ("picture", "threw a pillow, and it hit the picture")])
    broke = {"window": "The glass broke", "picture": "It fell off the wall, and the glass broke"}.get(thing, "It broke")
    p = parent(t, h)
    pet = t.choice(["cat", "dog"])
    t.set(thing=thing, how=how, broke=broke, p=p, pet=pet, day=t.day())
    t.tags += [("theme", "telling the truth"), ("theme", f"a broken {thing}")]
    t.once()
    t.part()
    t.say("{day}, {h} was playing in the house." if thing != "window" else "{day}, {h} was playing in the garden.")
    t.say("{^h.he} {how}. {broke}! {h} [stood very still|was shocked|did not know what to do].")
    t.ask("What did {h} break?", "{h} broke the {thing}.")
    t.say("[\"I could say that it was the {pet},\" {h.he} thought.|{^h.he} wanted to run away and hide.|"
          "{^h.he} thought about hiding the pieces.] But [that did not feel right|{h.his} tummy began to hurt|"
          "{h.he} knew that this would be wrong].")
    t.part()
    t.say("So {h} went to {p}. \"I broke the {thing},\" {h.he} said [softly|with tears in {h.his} eyes]. "
          "\"[I am very sorry|I am so sorry|It was my fault].\"")
    t.say("{^p} [looked at {h.him}|was quiet for a moment|knelt down]. \"[Thank you for telling me the truth|I am glad that "
          "you told me|It was brave of you to tell me],\" {p.he} said. \"[A {thing} can be fixed|We can clean it up "
          "together|Things can break, but the truth is important].\"")
    t.say("[Together, they cleaned up the pieces, and {h} felt much better.|{h} gave {p} a hug and promised to be more "
          "careful.|{h} learned that it is always best to tell the truth.]")


def journey(t):
    h = t.hero(children=0, among=FOREST + ["lamb", "pony", "pig"])
    goal, sight = t.choice([("the sea", "the water was blue and went on for ever"),
                            ("the top of the mountain", "the whole world lay at {his} feet"),
                            ("the big city", "there were lights, cars and people everywhere"),
                            ("the end of the rainbow", "the flowers there had every colour"),
                            ("the moon lake", "the moon lay in the water like a silver coin")])
    a = t.animal(among=[s for s in FOREST if s != h.kind])
    t.set(goal=goal, sight=sight.replace("{his}", h.his), a=a, p=parent(t, h), day=t.day())
    t.tags += [("theme", "a long journey"), ("theme", goal), ("hero", a.kind)]
    t.once()
    t.say("{h} [had one big wish|dreamed of something big|had a dream]. {^h.he} wanted to see {goal}.")
    t.ask("What did {h} want to see?", "{h} wanted to see {goal}.")
    t.part()
    t.say("{day}, {h} packed {h.food} and [set off|said goodbye to {p}|left home]. {^h.he} {h.went} "
          "[past the mill and over the bridge|through the fields and the woods|along the river] until {h.he} was tired.")
    t.say("On the way, {h.he} met {a.one} named {a}. \"[Where are you going|Where do you want to go]?\" asked {a}. "
          "\"I want to see {goal},\" said {h}. \"[May I come with you|Can I come too|I would like to see it too]?\" "
          "asked {a}. \"[Yes, please|Of course|Come along]!\" said {h}.")
    t.ask("Who did {h} meet on the way?", "{h} met {a} {a.the}.")
    t.say("[They shared the food and slept under the stars|At night, they slept under a tree|When it rained, they hid under "
          "a big leaf]. [{a} knew the way|When {h} was tired, {a} told funny stories].")
    t.part()
    t.say("[At last, they were there|After three days, they were there]. They stood still, for {sight}. "
          "\"[How beautiful|I have never seen anything like it|It is even better than my dream]!\" said {h}.")
    t.say("[They stayed until evening, and then they went home together.|When {h} came home, {h.he} had a new friend and a "
          "great story to tell.|But the best thing about the journey was the new friend.]")


def lonely_new_child(t):
    h = t.hero(children=1)
    n = t.child()
    like = t.choice(["drawing", "singing", "building towers", "playing football", "reading", "telling jokes"])
    t.set(n=n, like=like, p=parent(t, h))
    t.tags += [("theme", "a new friend"), ("theme", "school"), ("theme", "being kind")]
    t.once()
    t.part()
    t.say("One [Monday|morning|day], a new {n.kind} came to {h.his} school. {^n.his} name was {n}. "
          "{^n.he} [sat alone in the corner|did not talk to anyone|looked down at {n.his} shoes].")
    t.ask("What was the name of the new {n.kind}?", "The name of the new {n.kind} was {n}.")
    t.say("{h} [saw this and felt sorry for {n.him}|remembered how it feels to be alone|thought that {n} looked sad]. "
          "So {h.he} [went over to {n.him}|sat down beside {n.him}].")
    t.say("\"[Hello|Hi], I am {h}. [Would you like to play with me|Do you want to share my lunch|Would you like to sit with me]?\" "
          "{h.he} asked. {n} looked up and smiled a little. \"[Yes, please|I would like that]. I like {like},\" said {n}.")
    t.ask("What did {n} like?", "{n} liked {like}.")
    t.part()
    t.say("\"I like {like} too!\" said {h}. [From then on, they spent every break together|Soon they were laughing like old "
          "friends|They talked and talked until the bell rang].")
    t.say("After school, {n} said, \"[Thank you for being so kind|I was scared today, but now I am happy|I am glad that I "
          "met you].\"")
    t.say("[That is how {h} and {n} became best friends.|A kind word can make a new friend.|"
          "{h} went home with a warm heart.]")


def race(t):
    h = t.hero(children=0.3, among=["turtle", "mouse", "duck", "pig", "hedgehog", "frog", "pony", "lamb", "penguin"])
    kids = h.kind in ("girl", "boy")
    r = t.child() if kids else t.animal(among=["fox", "rabbit", "deer", "dog", "cat"])
    t.set(r=r, day=t.day(), others="children" if kids else "animals", p=parent(t, h),
          rname="{0}".format(r.name) if kids else f"{r.name} the {r.kind}")
    t.tags += [("theme", "a race"), ("theme", "not giving up"), ("hero", r.kind)]
    t.once()
    t.say("{h} was [not very fast|often slow], but {h.he} never gave up.")
    t.part()
    t.say("{day}, there was a big race. {rname} was the fastest of all. \"[You will never win|I will win easily|You are far "
          "too slow], {h},\" {r.he} said and laughed.")
    t.ask("Who was the fastest of all?", "{rname} was the fastest of all.")
    t.say("\"[I will do my best|We will see|I will try],\" said {h}. [{^h.he} practised every morning before the "
          "sun came up.|{^p} smiled and said, \"Just keep going.\"]")
    t.part()
    t.say("The race began. {r} ran ahead at once. But [soon {r.he} was so sure of winning that {r.he} lay down under a tree "
          "and fell asleep|{r.he} looked back to laugh at the others, and {r.he} fell into a muddy ditch|{r.he} stopped to "
          "eat some berries, and then some more].")
    t.say("{h} [kept going, step by step|did not stop, not even once|went on and on]. "
          "[The other {others} cheered|Everyone began to shout {h.his} name].")
    t.say("When {r} [saw it|looked up], it was too late. {h} crossed the line first!")
    t.ask("Who won the race?", "{h} won the race.")
    t.say("[\"You were better than I thought,\" said {r}. \"I am sorry that I laughed.\" And they became friends.|"
          "{h} was very proud, and {r} never laughed at {h.him} again.|Slow and steady can win the race.]")


def helping_old(t):
    h = t.hero(children=1)
    old = t.choice(["Mrs. Green", "Mr. Brown", "Mrs. Hill", "Mr. Wood", "Mrs. Bell", "Mr. Field"])
    mrs = old.startswith("Mrs.")
    o = Someone(name=old, he="she" if mrs else "he", him="her" if mrs else "him", his="her" if mrs else "his",
                one="an old woman" if mrs else "an old man")
    need, deed = t.choice([("carry heavy bags", "took one bag, and then the other, and carried them up the stairs"),
                           ("find {his} glasses", "looked everywhere and found the glasses on the roof of the bird house"),
                           ("pick the apples from a tall tree", "climbed up the tree and picked the apples one by one"),
                           ("clear the snow from the path", "took a shovel and worked until the path was free"),
                           ("water all the flowers", "filled the can again and again until every flower had water"),
                           ("find {his} little cat", "called and called until the cat came out from under a car")])
    need = need.replace("{his}", o.his)
    t.set(o=o, need=need, deed=deed, day=t.choice(["One winter day", "One cold morning"]) if "snow" in need else t.day(),
          gift=t.choice(["a warm cookie", "a big red apple", "an old book full of stories", "a jar of jam"]))
    t.tags += [("theme", "helping others"), ("theme", "being kind")]
    t.once()
    t.say("Next door lived {o}, who was {o.one}.")
    t.ask("Who lived next door?", "{o} lived next door.")
    t.part()
    t.say("{day}, {h} saw that {o} was trying to {need}. [It was too hard for {o.him}|{^o.he} looked very tired].")
    t.say("{h} wanted to play with {h.his} friends, [but {h.he} stopped|but {o} needed help]. "
          "\"[May I help you|Can I help you|Do you need some help], {o}?\" {h.he} [asked|called].")
    t.say("\"[That would be very kind|Oh yes, please|What a kind {h.kind} you are],\" said {o}. So {h} {deed}.")
    t.part()
    t.say("\"[Thank you so much|You are a great help|I could not do it without you],\" said {o}, and {o.he} gave {h} {gift}.")
    t.ask("What did {o} give to {h}?", "{o} gave {gift} to {h}.")
    t.say("[{h} ran home with a big smile.|It made {h} so happy that {h.he} came back to help every week.|"
          "{h} found that helping is more fun than playing.]")


def bedtime(t):
    h = t.hero(children=0.6)
    p = parent(t, h)
    count = t.choice(["the stars", "sheep", "the ticks of the clock"])
    t.set(p=p, count=count, drink=t.choice(["a cup of warm milk", "a sip of water"]))
    t.tags += [("theme", "the night"), ("theme", "sleep"), ("theme", "the moon")]
    t.once()
    t.part()
    t.say("One night, {h} could not sleep. [The moon was bright|The wind was loud|It was too quiet]. "
          "{^h.he} [turned to the left and to the right|closed {h.his} eyes, but they opened again].")
    t.say("First, {h.he} counted {count}. One, two, three, four, five. But {h.he} was still awake. "
          "Then {h.he} had {drink}. But {h.he} was still awake.")
    t.ask("What did {h} count?", "{h} counted {count}.")
    t.part()
    t.say("At last, {h} went to {p}. \"I cannot sleep,\" {h.he} [said|whispered]. \"[Come here|Come and sit with me],\" said "
          "{p}. {^p.he} [sang a soft song|told a story about a sleepy moon|held {h.him} and hummed].")
    t.say("{h} [listened and listened|felt warm and safe]. {^h.his} eyes became heavy[, and the night was soft and still|].")
    t.say("[And before long, {h} was fast asleep.|Soon {h} was fast asleep. Good night, {h}!|"
          "A moment later, {h} was dreaming of the moon.]")


def robot(t):
    h = t.hero(children=1)
    name = t.fresh(["Bip", "Chip", "Bolt", "Tik", "Zip", "Dot"])
    t.set(r=name, p=parent(t, h), day=t.day(),
          make=t.choice(["old boxes, wires and two lamps", "tin cans and a broken clock", "an old radio and four wheels"]))
    t.tags += [("hero", "robot"), ("theme", "a robot"), ("theme", "a small machine")]
    t.once()
    t.say("{h} liked to build things.")
    t.part()
    t.say("{day}, {h.he} built a little robot from {make}. {^h.he} pressed a button, and its eyes [lit up|began to shine]. "
          "\"Hello, I am {r},\" said the robot. \"[How can I help|What can I do for you]?\"")
    t.ask("What was the name of the robot?", "The name of the robot was {r}.")
    k = t.rng.randrange(3)
    if k == 0:
        t.say("\"Can you clean my room?\" asked {h}. {r} [worked fast|beeped and rolled away]. But it put the socks in the "
              "book shelf and the books in the bath!")
        t.part()
        t.say("{h} [laughed and laughed|had to laugh]. \"[Let me show you|Watch me], {r},\" {h.he} said. Step by step, {h.he} "
              "showed the robot where everything belongs. {r} [watched closely|learned quickly].")
        t.say("[After that, they cleaned the room together every week.|From then on, {r} never put a book in the bath again.|"
              "\"Now I know,\" said {r}. \"Thank you for being patient.\"]")
    elif k == 1:
        t.say("\"[Let us count the stars|Help me count the stars],\" said {h}. All night, {r} counted. \"One, two, three,\" it "
              "said, and on and on.")
        t.part()
        t.say("In the morning, {h} woke up. \"[How many are there|How many stars did you count], {r}?\" {h.he} asked. "
              "\"[I do not know|I had to stop],\" said {r}. \"The sun came up, and they all went to bed.\"")
        t.say("[{h} laughed. \"Then we will count again tonight,\" {h.he} said.|{h} smiled and gave the robot a hug.]")
    else:
        t.say("One evening, the lights in the house went out. It was very dark, and {h} was [scared|afraid].")
        t.part()
        t.say("\"Do not be afraid,\" said {r}. \"[I have lights|My eyes are lamps].\" Its eyes shone [like two little moons|bright "
              "and warm]. With {r} in front, they found {p} and some candles.")
        t.say("[\"You are the best robot in the world,\" said {h}.|After that, {h} was never afraid of the dark again.|"
              "They sat together and told stories until the light came back.]")


def kind_deed_returned(t):
    big, small = t.choice([("lion", "mouse"), ("elephant", "mouse"), ("bear", "squirrel"), ("deer", "mouse"),
                           ("fox", "hedgehog"), ("lion", "monkey"), ("bear", "rabbit")])
    h = t.animal(species=big)
    s = t.animal(species=small)
    t.set(h=h, s=s, day=t.day(), mouthful={"mouse": "bit through the ropes one by one",
          "squirrel": "bit through the ropes one by one", "hedgehog": "cut the ropes with a sharp stone",
          "monkey": "untied all the ropes with quick fingers", "rabbit": "bit through the ropes one by one"}[small])
    t.tags += [("hero", big), ("hero", small), ("theme", "helping others"), ("theme", "a kind deed")]
    t.once()
    t.part()
    t.say("{day}, {h} was sleeping in the sun when a little {s.kind} named {s} ran over {h.his} nose by mistake. "
          "{h} woke up and [caught {s.him}|was very angry].")
    t.say("\"Please let me go,\" said {s}. \"[One day, I will help you|I will never forget it|Maybe I can help you some day].\" "
          "{h} laughed. \"How can someone so small help me?\" {h.he} said. But {h.he} let {s.him} go.")
    t.ask("Who ran over {h}'s nose?", "{s} {s.the} did.")
    t.part()
    t.say("Some days later, {h} [was caught in a net of strong ropes|walked into a net and could not get out]. "
          "{^h.he} cried for help, and {s} [heard it|came running].")
    t.say("{s} {mouthful}. [Soon {h} was free|At last, {h} was free].")
    t.say("\"[Thank you, little friend|You saved me],\" said {h}. \"[I was wrong|Now I see that even small friends can do great "
          "things].\"")
    t.say("[From that day on, {h} and {s} were best friends.|Even a small friend can be a great help.|"
          "A kind deed is never lost.]")


def found_money(t):
    h = t.hero(children=1)
    thing = t.choice(["purse", "golden ring", "silver watch", "wallet", "bunch of keys"])
    old = t.choice(["a tired woman", "an old man", "a young man", "the baker", "the teacher", "the postman"])
    woman = "woman" in old or old == "the teacher"
    t.set(thing=thing, athing=a_or_an(thing), o=Someone(name=old, he="she" if woman else "he", his="her" if woman else "his",
          him="her" if woman else "him", the="the " + old.split()[-1]),
          p=parent(t, h), day=t.day(), place=t.choice(["on the street", "on a bench in the park", "near the bus stop",
                                                      "beside the fountain"]),
          gift=t.choice(["a big ice cream", "a bag of sweets", "a silver coin", "a toy car"]))
    t.tags += [("theme", "being honest"), ("theme", f"a lost {thing}")]
    t.once()
    t.part()
    t.say("{day}, {h} found {athing} {place}. [There was nobody around|{^h.he} picked it up and looked at it].")
    t.ask("What did {h} find?", "{h} found {athing}.")
    t.say("\"[I could keep it|Finders keepers],\" {h.he} thought. [But then {h.he} thought again.|But it did not feel right.] "
          "\"[Somebody must be looking for it|Somebody must be very sad now].\"")
    t.say("So {h.he} [waited|asked everyone who came by|asked at every shop]. After a while, {o} came along and looked at the "
          "ground. \"[Did you lose this|Is this yours]?\" asked {h}.")
    t.part()
    t.say("\"Yes!\" said {o.the}. \"[I have been looking for it all day|I thought that it was gone for ever]. Thank you for being "
          "so honest.\" {^o.he} [gave {h} {gift}|bought {h} {gift}].")
    t.say("[But best of all was the smile on {o.his} face.|{h} told {p} about it, and {p.he} was very proud.|"
          "{h} was happy that {h.he} had done the right thing.]")


def painting_gift(t):
    h = t.hero(children=0.8, among=FOREST)
    p = parent(t, h)
    things = [("a picture", "paint it with bright colours"), ("a card", "cut out paper hearts"),
              ("a crown of flowers", "pick flowers in the meadow"), ("a necklace", "put nuts and berries on a string"),
              ("a song", "practise it again and again")]
    gift, work = t.choice(things)
    t.set(p=p, gift=gift, work=work, day=t.choice(["One day", "One morning"]), short=gift.split(" ", 1)[1])
    t.tags += [("theme", "a birthday"), ("theme", "a gift")]
    t.once()
    t.part()
    t.say("{day}, {h} remembered that it was the birthday of {p}. But {h.he} had [no money|no gift and no money]. "
          "\"[What can I give {p.him}|What should I do]?\" {h.he} thought.")
    t.ask("Whose birthday was it?", "It was the birthday of {h}'s {p.word}.")
    t.say("{^h.he} [sat down under a tree|looked out of the window] and thought for a long time. Then {h.he} had an idea. "
          "{^h.he} wanted to make {gift}. [All morning|For hours], {h.he} worked hard to {work}.")
    t.ask("What did {h} make?", "{h} made {gift}.")
    t.part()
    t.say("In the [evening|afternoon], {h} went to {p}. \"Happy birthday!\" {h.he} said. \"[I made this for you|This is for you]. "
          "It is not big, but it comes from my heart.\"")
    t.say("{^p} [had tears in {p.his} eyes|smiled from ear to ear]. \"[This is the best gift of all|It is wonderful|I love "
          "it],\" {p.he} said and hugged {h.him}.")
    t.say("[A gift from the heart is the best gift of all.|{h} was just as happy as {p}.|"
          "They celebrated until late in the evening.]")


def first_snow(t):
    h = t.hero(children=0.6, among=["rabbit", "mouse", "bear", "squirrel", "fox", "dog", "cat", "lamb", "hedgehog"])
    kids = h.kind in ("girl", "boy")
    f = t.child() if kids else t.animal(among=[s for s in ("rabbit", "mouse", "fox", "deer", "dog") if s != h.kind])
    nose, eyes = t.choice([("a carrot", "two black stones"), ("a red berry", "two nuts"), ("a small stick", "two buttons")])
    t.set(f=f, nose=nose, eyes=eyes, p=parent(t, h), day="One winter morning")
    t.tags += [("theme", "snow"), ("theme", "winter"), ("thing", "snowman")]
    t.once()
    t.part()
    t.say("{day}, {h} woke up and looked outside. Everything was white! It was the first snow of the year.")
    t.say("{h} ran out and called {h.his} friend {f}. \"[Let us make a snowman|Come and make a snowman with me]!\" {h.he} said. "
          "They rolled [three big balls|a big ball, then a smaller one, and then a very small one] and put them on top of each "
          "other.")
    t.say("For the nose, they took {nose}. For the eyes, they took {eyes}. [{f} gave the snowman a scarf|{h} put an old hat on its "
          "head].")
    t.ask("What did they take for the nose?", "They took {nose} for the nose.")
    t.part()
    t.say("But the next day, [the sun was warm, and the snowman began to melt|it was warm, and the snowman became smaller and "
          "smaller]. {h} was sad. \"Do not be sad,\" said {p}. \"[The snowman will come back next winter|When the snow comes "
          "back, you can make a new one].\"")
    t.say("[So {h} kept the things for the nose and the eyes, and waited for the next snow.|\"See you next winter!\" said "
          "{h} and {f}, and they waved goodbye.|{h} smiled and began to dream of the next winter.]")


SHAPES = [lost_toy, lost_toy, animal_in_trouble, animal_in_trouble, sharing, fear, baking, rainy_day, garden, honesty,
          journey, lonely_new_child, race, helping_old, bedtime, robot, kind_deed_returned, found_money, painting_gift,
          first_snow]


def make_story(rng):
    t = Teller(rng)
    t.choice(SHAPES)(t)
    return t.story()


if __name__ == "__main__":
    import random
    import sys
    r = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for shape in SHAPES:
        teller = Teller(r)
        shape(teller)
        s = teller.story()
        print(f"--- {shape.__name__} {s.tags}\n{s.text}\n{s.qa}\n")
