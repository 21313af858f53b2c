#!/usr/bin/env python3
"""peers.py MODEL... - anychip and llama.cpp side by side: same file, same threads, in alternation.

Each measurement is a process of its own that loads the model, runs everything once without the clock and
then once with it; what is compared are medians. llama.cpp comes as the package llama-cpp-python, built for
this machine:

    pip install --no-binary llama-cpp-python llama-cpp-python
    bench/peers.py --anychip build/cli/anychip model.gguf

The table goes to standard error, the JSON to standard output or to --json FILE.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

KINDS = ("prefill", "decode")
AGREEMENT = 32  # tokens


def token_ids(n, vocab):
    """The tokens that `anychip bench` feeds."""
    state, out = 1, []
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 33) % vocab)
    return out


# ---- llama.cpp, in a process of its own ----


class Peer:
    """A model in llama.cpp with a context and a batch."""

    def __init__(self, args):
        try:
            import llama_cpp
        except ImportError as why:
            raise SystemExit(f"{sys.executable}: {why}; install it (see --help), or give another --peer-python")
        self.lib = lib = llama_cpp
        self.quiet = lib.llama_log_callback(lambda level, text, user: None)
        lib.llama_log_set(self.quiet, None)
        lib.llama_backend_init()
        started = time.perf_counter()
        settings = lib.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = lib.llama_model_load_from_file(args.models[0].encode(), settings)
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {args.models[0]}")
        longest = max(args.prompt_tokens, args.depth or 0)
        settings = lib.llama_context_default_params()
        settings.n_ctx = longest + args.gen_tokens + 8
        settings.n_batch = settings.n_ubatch = args.batch
        settings.n_threads = settings.n_threads_batch = args.threads
        self.batch_size = args.batch
        self.context = lib.llama_init_from_model(self.model, settings)
        if not self.context:
            raise SystemExit(f"llama.cpp cannot make a context for {args.models[0]}")
        self.batch = lib.llama_batch_init(args.batch, 0, 1)
        self.vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        self.load_seconds = time.perf_counter() - started

    def forget(self, length):
        self.lib.llama_memory_seq_rm(self.lib.llama_get_memory(self.context), 0, length, -1)

    def feed(self, ids, start, every=False):
        """Seconds that it takes; the last token's logits are computed, with `every` all tokens' are."""
        batch, seconds = self.batch, 0.0
        for at in range(0, len(ids), self.batch_size):
            part = ids[at : at + self.batch_size]
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i] = token, start + at + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = every or at + i == len(ids) - 1
            begin = time.perf_counter()
            if self.lib.llama_decode(self.context, batch):
                raise SystemExit("llama.cpp cannot decode")
            self.lib.llama_synchronize(self.context)
            seconds += time.perf_counter() - begin
        return seconds

    def measure(self, args):
        context = args.prompt_tokens if args.depth is None else args.depth
        ids = token_ids(max(args.prompt_tokens, context) + args.gen_tokens, self.vocab)
        prompt = ids[: args.prompt_tokens]
        self.feed(prompt, 0)
        self.forget(0)
        prefill = self.feed(prompt, 0)
        if context > len(prompt):
            self.feed(ids[len(prompt) : context], len(prompt))
        self.forget(context)
        self.feed(ids[context : context + 1], context)
        self.forget(context)
        generated = ids[context : context + args.gen_tokens]
        decode = sum(self.feed([token], context + i) for i, token in enumerate(generated))
        return {
            "load_seconds": self.load_seconds,
            "prefill": args.prompt_tokens / prefill,
            "decode": args.gen_tokens / decode,
            "build": self.lib.llama_print_system_info().decode(),
            "package": self.lib.__version__,
        }

    def compare(self, path):
        """Normalised mean square difference to the logits in a file of `anychip logits`."""
        import numpy

        words = numpy.fromfile(path, dtype="<i4")
        n, vocab = int(words[0]), int(words[1])
        ours = words[2 + n :].view("<f4").reshape(n, vocab).astype("f8")
        self.feed([int(token) for token in words[2 : 2 + n]], 0, every=True)
        rows = [self.lib.llama_get_logits_ith(self.context, i) for i in range(n)]
        theirs = numpy.stack([numpy.ctypeslib.as_array(row, (vocab,)) for row in rows]).astype("f8")
        return {
            "nmse": float(((ours - theirs) ** 2).sum() / (theirs**2).sum()),
            "same_best_token": float((ours.argmax(1) == theirs.argmax(1)).mean()),
        }


def worker(args):
    peer = Peer(args)
    result = peer.compare(args.compare) if args.compare else peer.measure(args)
    print(json.dumps(result))


# ---- The comparison ----


def run(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as why:
        raise SystemExit(f"cannot run {command[0]}: {why.strerror}")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nfailed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def common(args):
    out = ["-p", str(args.prompt_tokens), "-n", str(args.gen_tokens), "--threads", str(args.threads)]
    out += ["--batch", str(args.batch)]
    return out + (["--depth", str(args.depth)] if args.depth is not None else [])


def peer_command(args, model, *more):
    return [args.peer_python, os.path.abspath(__file__), "--worker", *common(args), *more, model]


def our_command(args, model, *more):
    head = [args.anychip, "bench", model, *common(args), "--repeat", "1", "--json"]
    return [*head, *args.anychip_option, *more]


def ours(args, model, *more):
    result = json.loads(run(our_command(args, model, *more)))
    speed = {kind: result[kind]["tokens_per_second"]["median"] for kind in KINDS}
    digest = result["prefill"]["digest"] + " " + result["decode"]["digest"]
    return {**speed, "load_seconds": result["load_seconds"], "digest": digest, "full": result}


def theirs(args, model):
    return json.loads(run(peer_command(args, model)))


def agreement(args, model, vocab):
    """How near the logits of some tokens are: both must have computed the same model."""
    n = str(AGREEMENT)  # in one batch, whatever the speeds are measured with
    ids = ",".join(str(i) for i in token_ids(AGREEMENT, vocab))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "logits.bin")
        run([args.anychip, "logits", model, "--tokens", ids, "--out", path])
        return json.loads(run(peer_command(args, model, "-p", n, "--batch", n, "--compare", path)))


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "all": values}


def compare(args, model):
    first = ours(args, model)["full"]  # not counted
    record = {"file": os.path.basename(model), "bytes": os.path.getsize(model)}
    record["agreement"] = agreement(args, model, first["model"]["vocab"])
    pairs, load = [], os.getloadavg()
    for i in range(args.alternations):
        if i % 2:  # whoever comes second finds a warmer machine: take turns
            b = theirs(args, model)
            a = ours(args, model)
        else:
            a = ours(args, model)
            b = theirs(args, model)
        pairs.append((a, b))
        progress = "  ".join(f"{kind} {a[kind]:.1f} / {b[kind]:.1f}" for kind in KINDS)
        print(f"{record['file']} {i + 1} of {args.alternations}: {progress}", file=sys.stderr)
    digests = {a["digest"] for a, _ in pairs}
    if len(digests) > 1:
        raise SystemExit(f"{model}: anychip's digests differ between runs: {sorted(digests)}")
    record["digest"] = digests.pop()
    record["load_average"] = {"before": load, "after": os.getloadavg()}
    record["machine_limits"] = first["machine_limits"]
    record["load_seconds"] = {
        "anychip": statistics.median(a["load_seconds"] for a, _ in pairs),
        "llama.cpp": statistics.median(b["load_seconds"] for _, b in pairs),
    }
    for kind in KINDS:
        mine, other = summary([a[kind] for a, _ in pairs]), summary([b[kind] for _, b in pairs])
        record[kind] = {
            "anychip": mine,
            "llama.cpp": other,
            "ratio": mine["median"] / other["median"],
            "ratio_of_pairs": summary([a[kind] / b[kind] for a, b in pairs]),
        }
    # each run measures the memory right after: on shared machines it is another one a minute later
    shares = [a["full"]["decode"]["share_of_read_bandwidth"] for a, _ in pairs]
    record["decode"]["share_of_read_bandwidth"] = summary(shares) if all(shares) else None
    record["versions"] = {"llama.cpp build": pairs[0][1]["build"], "llama-cpp-python": pairs[0][1]["package"]}
    record["isa"] = first.get("isa")
    record["commands"] = {
        "anychip": our_command(args, model),
        "llama.cpp": peer_command(args, model),
    }
    return record


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith(("model name", "Model")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def machine(args):
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": cpu_name(),
        "cpus_allowed": len(os.sched_getaffinity(0)),
        "memory_bytes": pages,
        "system": platform.platform(),
        "python": platform.python_version(),
        "anychip": run([args.anychip, "--version"]).strip(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def table(report):
    head = f"{report['machine']['cpu']}, {report['threads']} threads"
    lines = [f"{head}, medians of {report['alternations']} alternations"]
    lines.append(f"{'file':32} {'':8} {'anychip':>10} {'llama.cpp':>10} {'ratio':>7} {'of pairs':>15}")
    for record in report["models"]:
        for kind in KINDS:
            r, pairs = record[kind], record[kind]["ratio_of_pairs"]
            spread = f"{pairs['min']:.2f} - {pairs['max']:.2f}"
            mine, other = r["anychip"]["median"], r["llama.cpp"]["median"]
            numbers = f"{mine:10.2f} {other:10.2f} {r['ratio']:7.2f} {spread:>15}"
            lines.append(f"{record['file'][:32]:32} {kind:8} {numbers}")
        share = record["decode"]["share_of_read_bandwidth"]
        near = record["agreement"]["nmse"]
        lines.append(
            f"{'':32} decode at {share['median']:.0%} of the read bandwidth ({share['min']:.0%} - {share['max']:.0%});"
            f" logits differ by {near:.1e} (NMSE)"
            if share
            else f"{'':32} logits differ by {near:.1e} (NMSE)"
        )
    return "\n".join(lines)


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+", metavar="MODEL")
    p.add_argument("-p", "--prompt-tokens", type=int, default=256)
    p.add_argument("-n", "--gen-tokens", type=int, default=32)
    p.add_argument("--depth", type=int, help="decode after this many tokens (right after the prompt)")
    p.add_argument("--batch", type=int, default=512)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--alternations", type=int, default=5)
    p.add_argument("--anychip", default="anychip", help="the command (anychip)")
    p.add_argument("--anychip-option", action="append", default=[], metavar="OPTION",
                   help="passed on, such as --anychip-option=--cpu-isa=avx2")
    p.add_argument("--peer-python", default=sys.executable,
                   help="the Python that has llama-cpp-python (this one)")
    p.add_argument("--json", help="write the report to this file")
    p.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--compare", help=argparse.SUPPRESS)
    args = p.parse_args()
    if min(args.prompt_tokens, args.gen_tokens, args.threads, args.alternations, args.batch) < 1:
        p.error("numbers of tokens, threads and alternations begin at 1")
    if args.depth is not None and args.depth < 0:
        p.error("--depth begins at 0")
    if args.json and not args.worker:
        try:
            open(args.json, "a", encoding="utf-8").close()  # found now rather than after minutes
        except OSError as why:
            p.error(f"--json {args.json}: {why.strerror}")
    return args


def main():
    args = parse()
    if args.worker:
        return worker(args)
    report = {
        "machine": machine(args),
        "threads": args.threads,
        "prompt_tokens": args.prompt_tokens,
        "gen_tokens": args.gen_tokens,
        "depth": args.depth,
        "batch": args.batch,
        "alternations": args.alternations,
        "models": [compare(args, model) for model in args.models],
    }
    print(table(report), file=sys.stderr)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)
    else:
        print(json.dumps(report, indent=1))
    return None


if __name__ == "__main__":
    main()
